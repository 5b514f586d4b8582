"""The decoder computes what transformers computes, in chunks or at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vademecum.errors import ModelUnsupported
from vademecum.model.decoder import Decoder, ModelConfig
from vademecum.model.kernels import choose
from vademecum.model.linear import QuantizedLinear
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
    sequence = cache.open(len(ids))
    for chunk in ids.split(chunks):
        logits = decoder.prefill(chunk, cache, sequence)
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
    cache = decoder.new_cache(200)
    sequence = cache.open(200)
    decoder.prefill(ids[:65], cache, sequence)
    for at in range(65, 200):
        logits = decoder.decode(ids[at : at + 1], cache, sequence)
    torch.testing.assert_close(logits, expected[-1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("chunks", [[1] * 65, [31, 1, 33], [32, 32, 1], [64, 1], [33, 32]])
def test_a_prompt_may_come_in_chunks(
    chunks: list[int], qwen2: ModelConfig, decoder_of: Build
) -> None:
    ids = torch.arange(65)
    decoder = decoder_of(qwen2)
    torch.testing.assert_close(
        run(decoder, ids, chunks), run(decoder, ids, [65]), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("length", LENGTHS)
def test_unused_memory_cannot_matter(length: int, llama: ModelConfig, decoder_of: Build) -> None:
    decoder = decoder_of(llama, sparsity=Sparsity(threshold=0, budget=64, recent=32))
    ids = torch.arange(length)
    results = []
    for fill in (float("nan"), 1e4):
        cache = decoder.new_cache(length + 64)
        for tensor in (*cache.keys, *cache.values, *(s for s in cache.summaries if s is not None)):
            tensor.fill_(fill)
        sequence = cache.open(length + 40)
        logits = decoder.prefill(ids, cache, sequence)
        for _ in range(40):
            logits = decoder.decode(logits.argmax().view(1), cache, sequence)
        results.append(logits)
    assert results[0].isfinite().all()
    assert torch.equal(*results)


def test_scattered_pages_give_the_same_logits(qwen2: ModelConfig, decoder_of: Build) -> None:
    decoder = decoder_of(qwen2)
    ids = torch.arange(90)
    cache = decoder.new_cache(8 * 32)
    held = [cache.open(32) for _ in range(8)]
    for at in (5, 1, 6, 2):  # so that the free pages do not follow one another
        cache.close(held[at])
    sequence = cache.open(100)
    assert sequence.table.first is None
    decoder.prefill(ids[:50], cache, sequence)
    decoder.prefill(ids[50:89], cache, sequence)
    logits = decoder.decode(ids[89:], cache, sequence)
    torch.testing.assert_close(logits, run(decoder, ids, [90]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_budget_of_everything_is_dense_to_the_bit(
    dtype: torch.dtype, llama: ModelConfig, decoder_of: Build
) -> None:
    ids = torch.randint(0, 512, (300,), generator=torch.Generator().manual_seed(2))
    outputs = []
    for sparsity in (None, Sparsity(threshold=0, budget=400, recent=32)):
        decoder = decoder_of(llama, sparsity=sparsity, dtype=dtype)
        cache = decoder.new_cache(400)
        sequence = cache.open(400)
        logits = [decoder.prefill(ids, cache, sequence)]
        for _ in range(70):
            logits.append(decoder.decode(logits[-1].argmax().view(1), cache, sequence))
        outputs.append(torch.stack(logits))
        assert int(decoder.pages_skipped) == 0
    assert int(decoder.pages_read) > 0
    assert torch.equal(*outputs)


def test_sparse_attention_reads_its_budget_and_counts_it(
    llama: ModelConfig, decoder_of: Build
) -> None:
    decoder = decoder_of(llama, sparsity=Sparsity(threshold=300, budget=128, recent=64))
    cache = decoder.new_cache(400)
    sequence = cache.open(400)
    decoder.prefill(torch.arange(298), cache, sequence)
    decoder.decode(torch.tensor([7]), cache, sequence)
    assert int(decoder.pages_read) == 0  # 299 tokens: below the threshold
    decoder.decode(torch.tensor([8]), cache, sequence)
    # One layer of four is sparse; 2 KV heads read 4 of the 10 pages.
    assert (int(decoder.pages_read), int(decoder.pages_skipped)) == (2 * 4, 2 * 6)


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
    reference = Decoder(config, plain, kernels=choose(torch.device("cpu")), dtype=torch.float32)
    quantised = decoder_of(config, quantized=True, dtype=torch.bfloat16)
    similarity = torch.nn.functional.cosine_similarity(
        run(reference, ids, [40]), run(quantised, ids, [40]), dim=0
    )
    assert similarity > 0.995  # what bf16 activations and an int8 head leave


def test_a_sequence_does_not_outgrow_its_pages(llama: ModelConfig, decoder_of: Build) -> None:
    decoder = decoder_of(llama)
    cache = decoder.new_cache(64)
    sequence = cache.open(32)
    with pytest.raises(ValueError, match="33 tokens in a sequence of 32"):
        decoder.prefill(torch.arange(33), cache, sequence)


def test_a_missing_tensor_is_named(llama: ModelConfig, tensors_of: Tensors) -> None:
    tensors = tensors_of(llama)
    del tensors["model.layers.2.mlp.up_proj.weight"]
    with pytest.raises(ModelUnsupported, match=r"layers\.2\.mlp\.up_proj"):
        Decoder(llama, tensors, kernels=choose(torch.device("cpu")), dtype=torch.float32)
