"""The decoder computes what transformers computes, in chunks or at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from vademecum.errors import ModelUnsupported
from vademecum.model.cache import PagedCache
from vademecum.model.config import ModelConfig
from vademecum.model.decoder import Decoder
from vademecum.model.kernels import NAIVE, KeyBias, Pages
from vademecum.model.linear import QuantizedLinear
from vademecum.model.paged_attention import select_for_chunk
from vademecum.model.sparsity import Sparsity

LENGTHS = (1, 31, 32, 33, 63, 65)
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}

Tensors = Callable[[ModelConfig], dict[str, Tensor]]
Build = Callable[..., Decoder]


def reference_logits(config: ModelConfig, tensors: dict[str, Tensor], ids: Tensor) -> Tensor:
    """Logits of every position, from transformers: float32 `[tokens, vocab]`."""
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    shape = {
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden,
        "intermediate_size": config.intermediate,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "max_position_embeddings": config.max_positions,
        "rms_norm_eps": config.rms_eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta}
        | (config.rope_scaling or {}),
        "tie_word_embeddings": config.tie_embeddings,
    }
    if config.family == "llama":
        model = LlamaForCausalLM(LlamaConfig(**shape, head_dim=config.head_dim))
    else:
        model = Qwen2ForCausalLM(Qwen2Config(**shape))
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    assert not unexpected
    assert set(missing) <= {"lm_head.weight"}
    with torch.inference_mode():
        logits: Tensor = model.float().eval()(ids[None]).logits[0]
    return logits


def run(decoder: Decoder, ids: Tensor, chunks: list[int]) -> Tensor:
    """Logits after the last token, the prompt given in chunks."""
    cache = decoder.new_cache(len(ids))
    sequence = cache.open(ids.tolist(), len(ids))
    for chunk in ids.split(chunks):
        logits = decoder.prefill(chunk, cache, sequence)
    return logits


def decoded(decoder: Decoder, ids: Tensor, start: int) -> Tensor:
    """Logits after the last token, those from `start` on given one at a time."""
    cache = decoder.new_cache(len(ids))
    sequence = cache.open(ids.tolist(), len(ids))
    decoder.prefill(ids[:start], cache, sequence)
    for at in range(start, len(ids)):
        logits = decoder.decode(ids[at : at + 1], cache, sequence)[0]
        decoder.keep(1, cache, sequence)
    return logits


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("scaling", [None, LLAMA3])
@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_logits_are_those_of_transformers(
    family: str,
    scaling: dict[str, object] | None,
    tied: bool,
    request: pytest.FixtureRequest,
    tensors_of: Tensors,
    decoder_of: Build,
) -> None:
    config = request.getfixturevalue(family)
    config = replace(config, rope_scaling=scaling, tie_embeddings=tied)
    ids = torch.randint(0, config.vocab_size, (200,), generator=torch.Generator().manual_seed(1))
    expected = reference_logits(config, tensors_of(config), ids)
    decoder = decoder_of(config)
    for length in LENGTHS:
        torch.testing.assert_close(
            run(decoder, ids[:length], [length]), expected[length - 1], atol=1e-4, rtol=1e-4
        )
    # Decoding from 65 on, a token at a time, through positions that scaling has changed.
    torch.testing.assert_close(decoded(decoder, ids, 65), expected[-1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kv", ["plain", "int8", "k8v4"])
@pytest.mark.parametrize("chunks", [[32, 32, 1], [64, 1], [32, 33]])
def test_a_prompt_may_come_in_chunks_of_whole_pages(
    chunks: list[int], kv: str, qwen2: ModelConfig, decoder_of: Build
) -> None:
    ids = torch.arange(65)
    decoder = decoder_of(qwen2, kv=kv)
    torch.testing.assert_close(
        run(decoder, ids, chunks), run(decoder, ids, [65]), atol=1e-4, rtol=1e-4
    )


def test_a_prompt_cannot_go_on_after_half_a_page(qwen2: ModelConfig, decoder_of: Build) -> None:
    with pytest.raises(ValueError, match="31 tokens"):
        run(decoder_of(qwen2), torch.arange(65), [31, 34])


@pytest.mark.parametrize("kv", ["plain", "int8", "k8v4"])
@pytest.mark.parametrize("length", LENGTHS)
def test_unused_memory_cannot_matter(
    length: int, kv: str, llama: ModelConfig, decoder_of: Build
) -> None:
    decoder = decoder_of(llama, kv=kv, sparsity=Sparsity(threshold=0, budget=64, recent=32))
    ids = torch.arange(length)
    results = []
    for fill in (float("nan"), 100.0):
        cache = decoder.new_cache(length + 64)
        for tensor in (tensor for store in cache.stores for tensor in store.tensors()):
            tensor.fill_(fill if tensor.is_floating_point() else 100)
        sequence = cache.open(ids.tolist(), length + 40)
        for keys, values in sequence.tails:
            keys.fill_(fill)
            values.fill_(fill)
        logits = decoder.prefill(ids, cache, sequence)
        for _ in range(40):
            logits = decoder.decode(logits.argmax().view(1), cache, sequence)[0]
            decoder.keep(1, cache, sequence)
        results.append(logits)
    assert results[0].isfinite().all()
    assert torch.equal(*results)


@pytest.mark.parametrize("kv", ["plain", "int8"])
def test_scattered_pages_give_the_same_logits(
    kv: str, qwen2: ModelConfig, decoder_of: Build
) -> None:
    decoder = decoder_of(qwen2, kv=kv)
    ids = torch.arange(90)
    cache = decoder.new_cache(8 * 32)
    held = [cache.open([n], 32) for n in range(8)]
    for at in (5, 1, 6, 2):
        cache.close(held[at])
    sequence = cache.open(ids.tolist(), 100)
    assert sequence.table.diff().ne(1).any()
    decoder.prefill(ids[:64], cache, sequence)
    decoder.prefill(ids[64:89], cache, sequence)
    logits = decoder.decode(ids[89:], cache, sequence)[0]
    torch.testing.assert_close(logits, run(decoder, ids, [90]), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(("kv", "deferred"), [("plain", True), ("int8", True), ("k8v4", False)])
def test_candidates_are_computed_as_if_each_came_alone(
    kv: str, deferred: bool, qwen2: ModelConfig, decoder_of: Build
) -> None:
    sparsity = Sparsity(threshold=0, budget=64, recent=32, deferred=deferred)
    decoder = decoder_of(qwen2, kv=kv, sparsity=sparsity)
    ids = torch.arange(110)
    alone = decoder.new_cache(160)
    one = alone.open([1], 160)
    decoder.prefill(ids[:70], alone, one)
    expected = []
    for at in range(70, 90):
        expected.append(decoder.decode(ids[at : at + 1], alone, one)[0])
        decoder.keep(1, alone, one)
    together = decoder.new_cache(160)
    all_at_once = together.open([1], 160)
    decoder.prefill(ids[:70], together, all_at_once)
    logits = decoder.decode(ids[70:90], together, all_at_once)
    torch.testing.assert_close(logits, torch.stack(expected), atol=1e-4, rtol=1e-4)
    # Candidates that are not kept leave no trace.
    decoder.keep(5, together, all_at_once)
    decoder.decode(torch.full((9,), 3), together, all_at_once)
    again = decoder.decode(ids[75:90], together, all_at_once)
    torch.testing.assert_close(again, torch.stack(expected[5:]), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kv", ["plain", "int8"])
@pytest.mark.parametrize("quantized", [False, True])
def test_a_draft_changes_no_bit_or_its_obstacle_is_told(
    quantized: bool, kv: str, llama: ModelConfig, decoder_of: Build
) -> None:
    # As wide as a real model: of narrower ones PyTorch rounds several rows as it does one.
    config = replace(llama, hidden=576, heads=9, kv_heads=3, head_dim=64, intermediate=640)
    decoder = decoder_of(config, kv=kv, dtype=torch.bfloat16, quantized=quantized)
    ids = torch.arange(79)
    cache = decoder.new_cache(96)
    sequence = cache.open([1], 96)
    decoder.prefill(ids[:70], cache, sequence)
    together = decoder.decode(ids[70:], cache, sequence).clone()
    alone = []
    for at in range(70, 79):
        alone.append(decoder.decode(ids[at : at + 1], cache, sequence)[0])
        decoder.keep(1, cache, sequence)
    assert decoder.draft_obstacle or torch.equal(together, torch.stack(alone))
    assert (decoder.draft_obstacle is None) == quantized


def test_candidates_must_fit_the_page_being_filled(llama: ModelConfig, decoder_of: Build) -> None:
    decoder = decoder_of(llama)
    cache = decoder.new_cache(64)
    sequence = cache.open([1], 64)
    decoder.prefill(torch.arange(30), cache, sequence)
    assert decoder.decode(torch.arange(2), cache, sequence).shape == (2, llama.vocab_size)
    with pytest.raises(ValueError, match="3 tokens do not fit"):
        decoder.decode(torch.arange(3), cache, sequence)


@pytest.mark.parametrize("kv", ["plain", "int8", "k8v4"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_budget_of_everything_is_dense_to_the_bit(
    dtype: torch.dtype, kv: str, llama: ModelConfig, decoder_of: Build
) -> None:
    ids = torch.randint(0, 512, (300,), generator=torch.Generator().manual_seed(2))
    outputs = []
    for sparsity in (None, Sparsity(threshold=0, budget=400, recent=32)):
        decoder = decoder_of(llama, sparsity=sparsity, dtype=dtype, kv=kv)
        cache = decoder.new_cache(400)
        sequence = cache.open(ids.tolist(), 400)
        decoder.prefill(ids[:256], cache, sequence)
        logits = [decoder.prefill(ids[256:], cache, sequence)]
        for _ in range(70):
            logits.append(decoder.decode(logits[-1].argmax().view(1), cache, sequence)[0])
            decoder.keep(1, cache, sequence)
        outputs.append(torch.stack(logits))
        assert int(decoder.pages_skipped) == 0
    assert int(decoder.pages_read) > 0
    assert torch.equal(*outputs)


def test_sparse_attention_reads_its_budget_and_counts_it(
    llama: ModelConfig, decoder_of: Build
) -> None:
    decoder = decoder_of(llama, sparsity=Sparsity(threshold=300, budget=128, recent=64))
    cache = decoder.new_cache(400)
    sequence = cache.open([1], 400)
    decoder.prefill(torch.arange(298), cache, sequence)
    decoder.decode(torch.tensor([7]), cache, sequence)
    decoder.keep(1, cache, sequence)
    assert int(decoder.pages_read) == 0  # 299 tokens: below the threshold
    decoder.decode(torch.tensor([8]), cache, sequence)
    # One layer of four is sparse; 2 KV heads read 3 of the 9 complete pages, and the tail.
    assert (int(decoder.pages_read), int(decoder.pages_skipped)) == (2 * 3, 2 * 6)


def test_deferred_a_token_reads_what_the_one_before_it_chose(
    llama: ModelConfig, decoder_of: Build
) -> None:
    """In a single layer queries depend on nothing that is read."""
    seen: dict[bool, list[Tensor]] = {False: [], True: []}
    scored: list[int] = []
    for deferred in seen:
        sparsity = Sparsity(0, budget=64, recent=32, dense_first=0, dense_last=0, deferred=deferred)
        read: list[list[int]] = []
        scored.clear()

        def score_pages(query: Tensor, pages: Pages, table: Tensor, bias: KeyBias | None) -> Tensor:
            seen[deferred].append(query)  # noqa: B023 - called within its turn
            scored.append(len(table))
            return NAIVE.score_pages(query, pages, table, bias)

        def select_pages(*given: Any) -> Tensor:
            chosen = NAIVE.select_pages(*given)
            read.append(chosen[0].tolist())  # noqa: B023
            return chosen

        kernels = replace(NAIVE, score_pages=score_pages, select_pages=select_pages)
        decoder = decoder_of(replace(llama, layers=1), sparsity=sparsity, kernels=kernels)
        cache = decoder.new_cache(128)
        sequence = cache.open([1], 128)
        decoder.prefill(torch.arange(94), cache, sequence)
        for token in (5, 6, 7, 8):
            decoder.decode(torch.tensor([token]), cache, sequence)
            decoder.keep(1, cache, sequence)
    assert scored == [2, 2, 2, 3]  # at 94, 95, 96 and 97 tokens
    assert all(torch.equal(a, b) for a, b in zip(seen[True][1:], seen[False], strict=False))
    assert not torch.equal(seen[True][0], seen[False][0])  # the prompt's last token chose
    # The page that the token before 96 filled was not scored by it, and is read; and the first.
    assert read[2] == [0, 2]


def test_a_long_prompt_reads_chosen_pages_of_its_past(
    llama: ModelConfig, decoder_of: Build
) -> None:
    sparsity = Sparsity(threshold=128, chunk=64, budget=64, prefill_budget=96, recent=32)
    decoder = decoder_of(llama, sparsity=sparsity)
    run(decoder, torch.arange(256), [64] * 4)
    # One layer; the chunks at 128 and 192 read 3 of 4 and of 6 pages, for each of 2 KV heads: the
    # budget is that of prompts.
    assert (int(decoder.pages_read), int(decoder.pages_skipped)) == (2 * 6, 2 * 4)


def test_a_chunk_is_chosen_for_by_tokens_all_over_it_and_by_its_last(
    llama: ModelConfig, decoder_of: Build
) -> None:
    asked: list[Tensor] = []

    def score_pages(query: Tensor, pages: Pages, table: Tensor, bias: KeyBias | None) -> Tensor:
        asked.append(query)
        return NAIVE.score_pages(query, pages, table, bias)

    sparsity = Sparsity(threshold=64, chunk=64, recent=32, sampled=4)
    kernels = replace(NAIVE, score_pages=score_pages)
    decoder = decoder_of(llama, sparsity=sparsity, kernels=kernels)
    cache = decoder.new_cache(128)
    sequence = cache.open([1], 128)
    decoder.prefill(torch.arange(64), cache, sequence)
    token = torch.arange(64.0)[:, None] + torch.tensor([0.0, 0.1, 0.2, 0.3])  # and a head
    queries = token[:, :, None].expand(-1, -1, llama.head_dim)
    select_for_chunk(decoder, 2, queries, cache, sequence.complete)
    (rows,) = asked
    # The heads of a KV head stay together: 0 and 1, then 2 and 3.
    found = rows[:, 0].view(llama.kv_heads, -1).sort(dim=1).values
    torch.testing.assert_close(
        found,
        torch.tensor([
            [15.0, 15.1, 31.0, 31.1, 47.0, 47.1, 63.0, 63.1],
            [15.2, 15.3, 31.2, 31.3, 47.2, 47.3, 63.2, 63.3],
        ]),
    )  # fmt: skip


@pytest.mark.parametrize("kv", ["plain", "int8", "k8v4"])
@pytest.mark.parametrize("known", [64, 150, 230, 299])
def test_a_borrowed_prefix_gives_the_logits_of_a_fresh_one_to_the_bit(
    known: int, kv: str, qwen2: ModelConfig, decoder_of: Build
) -> None:
    sparsity = Sparsity(threshold=128, chunk=64, budget=96, prefill_budget=96, recent=32)
    decoder = decoder_of(qwen2, kv=kv, sparsity=sparsity)
    ids = torch.randint(0, 512, (300,), generator=torch.Generator().manual_seed(5))

    def read(prompt: Tensor, cache: PagedCache) -> tuple[Tensor, int]:
        sequence = cache.open(prompt.tolist(), 352)
        borrowed = sequence.length
        while sequence.length < len(prompt):
            end = (sequence.length // 64 + 1) * 64
            logits = decoder.prefill(prompt[sequence.length : end], cache, sequence)
        cache.close(sequence)
        return logits, borrowed

    cache = decoder.new_cache(1024)
    read(torch.cat((ids[:known], ids[:40])), cache)
    reused, borrowed = read(ids, cache)
    fresh, none = read(ids, decoder.new_cache(1024))
    assert borrowed == known // 64 * 64
    assert none == 0
    torch.testing.assert_close(reused, fresh, atol=0, rtol=0)


def test_the_share_of_attention_that_each_page_received(
    llama: ModelConfig, decoder_of: Build
) -> None:
    decoder = decoder_of(llama)
    cache = decoder.new_cache(128)
    sequence = cache.open([1], 128)
    decoder.prefill(torch.arange(70), cache, sequence)
    sequence.mass = torch.full((4, 5), 9.0)
    decoder.decode(torch.tensor([3, 4]), cache, sequence)
    shares = sequence.mass / llama.layers
    torch.testing.assert_close(shares.sum(1), torch.tensor([1.0, 1.0, 0.0, 0.0]))
    assert (shares[:2, :3] > 0).all()
    assert (shares[:, 3:] == 0).all()


@pytest.mark.parametrize("kv", ["plain", "int8", "k8v4"])
def test_a_large_key_bias_is_kept_apart_and_changes_nothing(
    kv: str, qwen2: ModelConfig, tensors_of: Tensors, decoder_of: Build
) -> None:
    ids = torch.randint(0, 512, (150,), generator=torch.Generator().manual_seed(1))
    bias = torch.randn(qwen2.kv_heads, qwen2.head_dim, generator=torch.Generator().manual_seed(9))
    bias /= bias.norm(dim=1, keepdim=True)
    errors = []
    for norm in (1.0, 600.0, 900.0):
        tensors = tensors_of(qwen2)
        tensors["model.layers.0.self_attn.k_proj.bias"] = norm * bias.flatten()
        expected = reference_logits(qwen2, tensors, ids)[-1]
        decoder = decoder_of(qwen2, kv=kv, tensors=tensors)
        apart = [layer.key_bias is not None for layer in decoder.layers]
        assert apart == [norm > 1, False, False, False]
        both = run(decoder, ids, [150]), decoded(decoder, ids, 65)
        errors.append(max(float((logits - expected).norm() / expected.norm()) for logits in both))
    # What the codes cost, they cost without such a bias too.
    assert max(errors) < 2 * errors[0] + 1e-3


def test_a_key_bias_apart_is_scaled_as_keys_are(
    qwen2: ModelConfig, tensors_of: Tensors, decoder_of: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """YaRN multiplies what it rotates by more than 1."""
    yarn = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 256}
    config, tensors = replace(qwen2, rope_scaling=yarn), tensors_of(qwen2)
    tensors["model.layers.0.self_attn.k_proj.bias"] *= 500
    ids = torch.arange(150)
    apart = decoder_of(config, tensors=tensors)
    assert apart.layers[0].key_bias is not None
    monkeypatch.setattr("vademecum.model.layer.LARGE_BIAS", torch.inf)
    inside = decoder_of(config, tensors=tensors)
    assert inside.layers[0].key_bias is None
    torch.testing.assert_close(run(apart, ids, [150]), run(inside, ids, [150]), atol=1e-3, rtol=0)
    torch.testing.assert_close(decoded(apart, ids, 65), decoded(inside, ids, 65), atol=1e-3, rtol=0)


def test_quantised_weights_compute_what_their_codes_stand_for(
    llama: ModelConfig, tensors_of: Tensors, decoder_of: Build
) -> None:
    config = replace(llama, intermediate=128)
    ids = torch.arange(40)
    plain = {
        name: QuantizedLinear.quantize(tensor).dequantize(torch.float32)
        if "_proj.weight" in name
        else tensor
        for name, tensor in tensors_of(config).items()
    }
    reference = Decoder(config, plain, kernels=NAIVE, dtype=torch.float32)
    quantised = decoder_of(config, quantized=True, dtype=torch.bfloat16)
    similarity = torch.nn.functional.cosine_similarity(
        run(reference, ids, [40]), run(quantised, ids, [40]), dim=0
    )
    assert similarity > 0.995  # what bf16 activations and an int8 head leave


def test_a_sequence_does_not_outgrow_its_pages(llama: ModelConfig, decoder_of: Build) -> None:
    decoder = decoder_of(llama)
    cache = decoder.new_cache(64)
    sequence = cache.open([1], 32)
    with pytest.raises(ValueError, match="33 tokens in a sequence of 32"):
        decoder.prefill(torch.arange(33), cache, sequence)


def test_a_missing_tensor_is_named(llama: ModelConfig, tensors_of: Tensors) -> None:
    tensors = tensors_of(llama)
    del tensors["model.layers.2.mlp.up_proj.weight"]
    with pytest.raises(ModelUnsupported, match=r"layers\.2\.mlp\.up_proj"):
        Decoder(llama, tensors, kernels=NAIVE, dtype=torch.float32)
