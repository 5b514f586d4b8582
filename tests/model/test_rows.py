"""Writing takes a faster way through the layers than reading, to the same end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vademecum.model import linear as linears
from vademecum.model.cache import PagedCache, Sequence
from vademecum.model.config import ModelConfig
from vademecum.model.decoder import ROWS, Decoder
from vademecum.model.drafting import LONGEST
from vademecum.model.kernels import choose
from vademecum.model.linear import QuantizedLinear, packed
from vademecum.model.rope import rotate
from vademecum.model.sparsity import Sparsity

between = pytest.importorskip("vademecum.model.kernels.between", exc_type=ImportError)

PRODUCTS = (
    pytest.param(
        "native",
        marks=pytest.mark.skipif(
            not linears.native_nf4(), reason="this processor has no AVX512-BF16"
        ),
    ),
    "compiled",
    "int8",
)

CONFIGS = {"llama": (False,), "qwen2": (True,), "qwen3": (False,)}  # whether there is a bias


def bits(tensor: Tensor) -> np.ndarray:
    """bf16 as its 16 bits, in memory of its own."""
    return tensor.bfloat16().contiguous().view(torch.uint16).numpy().copy()


def numbers(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array).view(torch.bfloat16).float()


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("width", [2, 31, 576])
def test_rounding_to_bf16_is_as_in_pytorch(rows: int, width: int) -> None:
    x = torch.randn(rows, width) * 100
    out = np.full((rows, width), 0x7FC0, np.uint16)  # not a number
    between.store_rows(x.numpy(), out)
    assert torch.equal(numbers(out), x.bfloat16().float())


@pytest.mark.parametrize("rows", [1, 3])
def test_what_a_product_gave_is_added_before_the_norm(rows: int) -> None:
    x, part, weight = torch.randn(rows, 77), torch.randn(rows, 77).bfloat16(), torch.randn(77)
    added = x.clone()
    out = np.full((rows, 77), 0x7FC0, np.uint16)
    between.add_norm_rows(added.numpy(), bits(part), weight.numpy(), np.float32(1e-5), out)
    assert torch.equal(added, x + part.float())
    exact = F.rms_norm(added.double(), (77,), weight.double(), 1e-5)
    assert torch.allclose(numbers(out).double(), exact, rtol=2**-8, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("width", [31, 576])
def test_the_norm_is_rms(rows: int, width: int) -> None:
    x, weight = torch.randn(rows, width), torch.randn(width)
    out = np.full((rows, width), 0x7FC0, np.uint16)
    between.norm_rows(x.numpy(), weight.numpy(), np.float32(1e-5), out)
    exact = F.rms_norm(x.double(), (width,), weight.double(), 1e-5)
    assert torch.allclose(numbers(out).double(), exact, rtol=2**-8, atol=1e-6)


@pytest.mark.parametrize("normed", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_heads_are_split_normed_and_rotated(*, biased: bool, normed: bool) -> None:
    rows, heads, kv_heads, dim = 3, 6, 2, 16
    qkv = torch.randn(rows, (heads + 2 * kv_heads) * dim).bfloat16()
    bias = torch.randn(qkv.shape[1]) if biased else torch.empty(0)
    norms = torch.randn(2, dim) if normed else torch.empty(0, 0)
    angle = torch.rand(rows, dim // 2) * 6
    cos = torch.cat((angle.cos(), angle.cos()), dim=1)
    sin = torch.cat((-angle.sin(), angle.sin()), dim=1)
    nan = float("nan")
    query, key, value = (torch.full((rows, n, dim), nan) for n in (heads, kv_heads, kv_heads))
    between.split_heads(
        bits(qkv), bias.numpy(), norms.numpy(), np.float32(1e-6), cos.numpy(), sin.numpy(),
        query.numpy(), key.numpy(), value.numpy(),
    )  # fmt: skip
    whole = qkv.float() + (bias if biased else 0)
    split = whole.view(rows, -1, dim)
    q, k, v = split.split([heads, kv_heads, kv_heads], dim=1)
    if normed:
        q, k = (F.rms_norm(x, (dim,), norms[n], 1e-6) for n, x in enumerate((q, k)))
    assert torch.allclose(query, rotate(q, cos[:, None], sin[:, None]), atol=1e-5)
    assert torch.allclose(key, rotate(k, cos[:, None], sin[:, None]), atol=1e-5)
    assert torch.equal(value, v)


@pytest.mark.parametrize("scale", [1, 100])
def test_the_gate_is_silu(scale: float) -> None:
    both = (torch.randn(3, 2 * 45) * scale).bfloat16()
    out = np.full((3, 45), 0x7FC0, np.uint16)
    between.gate_rows(bits(both), out)
    gate, up = both.double().chunk(2, dim=1)
    assert torch.allclose(numbers(out).double(), F.silu(gate) * up, rtol=2**-8, atol=1e-30)


def config(family: str, bias: bool) -> ModelConfig:
    return ModelConfig(
        family=family,  # type: ignore[arg-type]
        vocab_size=300,
        hidden=128,
        layers=2,
        heads=4,
        kv_heads=2,
        head_dim=32,
        intermediate=192,
        rms_eps=1e-6,
        rope_theta=10_000,
        rope_scaling=None,
        tie_embeddings=False,
        attention_bias=bias,
        max_positions=1024,
    )


FUSED = {
    "self_attn.": (("q_proj", "k_proj", "v_proj"), ("o_proj",)),
    "mlp.": (("gate_proj", "up_proj"), ("down_proj",)),
}


# The last of nine tokens after 183 is the first that chooses pages; the fifth is the first of those
# that may read more.
STRADDLED = (
    Sparsity(threshold=192, budget=64, sinks=32, recent=32, dense_first=0, dense_last=0, chunk=64),
    Sparsity(
        threshold=128, budget=64, long=188, long_budget=96, sinks=32, recent=32, dense_first=0,
        dense_last=1, chunk=64,
    ),
)  # fmt: skip


@pytest.fixture(params=PRODUCTS)
def build(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tensors_of: Callable[..., dict[str, Tensor]],
) -> Callable[..., Decoder]:
    """`build(family, sparsity)`: a decoder whose products are computed in one of the ways there
    are."""
    kind = request.param
    if kind != "native":
        monkeypatch.setattr(linears, "native_nf4", lambda: False)

    def run(family: str, sparsity: Sparsity | None = None) -> Decoder:
        shape = config(family, *CONFIGS[family])
        weights = {name: w.bfloat16() for name, w in tensors_of(shape).items()}
        ready = {}
        if kind == "int8":
            for n in range(shape.layers):
                for part, products in FUSED.items():
                    for names in products:
                        prefix = f"model.layers.{n}.{part}"
                        parts = [weights[f"{prefix}{name}.weight"] for name in names]
                        ready[prefix + "+".join(names)] = packed(parts, 8)
        else:
            for name in weights:
                if name.endswith("proj.weight"):
                    weights[name] = QuantizedLinear.quantize(weights[name])
        return Decoder(
            shape,
            weights,
            kernels=choose(torch.device("cpu"), "int8"),
            dtype=torch.bfloat16,
            kv="int8",
            packed=ready,
            sparsity=sparsity,
        )

    return run


def after_prompt(made: Decoder, tokens: int) -> tuple[PagedCache, Sequence]:
    """A sequence that has read `tokens` tokens, and has room for more."""
    prompt = torch.arange(tokens) % 300
    cache = made.new_cache(256)
    sequence = cache.open(prompt.tolist(), 250)
    for start in range(0, tokens, made.chunk):
        made.prefill(prompt[start : start + made.chunk], cache, sequence)
    return cache, sequence


def logits_after(made: Decoder, prompt: int, ids: Tensor, step: int) -> Tensor:
    """The logits after each of `ids`, `step` of them at a time."""
    cache, sequence = after_prompt(made, prompt)
    found = []
    for start in range(0, len(ids), step):
        found.append(made.decode(ids[start : start + step], cache, sequence))
        made.keep(len(found[-1]), cache, sequence)
    return torch.cat(found)


@pytest.mark.parametrize("family", CONFIGS)
def test_both_ways_through_the_layers_agree(build: Callable[..., Decoder], family: str) -> None:
    made = build(family)
    assert made.writing.startswith("compiled")
    ids = torch.tensor([7, 8, 9])
    fast = logits_after(made, 40, ids, 3)
    made._rows = None
    slow = logits_after(made, 40, ids, 3)
    # The way of prompts rounds to bf16 in between.
    assert (fast - slow).norm() < 0.02 * slow.norm()


@pytest.mark.parametrize("family", CONFIGS)
def test_a_token_is_computed_as_if_it_came_alone(
    build: Callable[..., Decoder], family: str
) -> None:
    made = build(family)
    ids = torch.randint(300, (1 + LONGEST,), generator=torch.Generator().manual_seed(1))
    assert torch.equal(logits_after(made, 33, ids, len(ids)), logits_after(made, 33, ids, 1))


@pytest.mark.parametrize("sparsity", STRADDLED)
def test_each_token_of_a_draft_chooses_as_its_own_length_asks(
    build: Callable[..., Decoder], sparsity: Sparsity
) -> None:
    made = build("qwen2", sparsity)
    ids = torch.randint(300, (1 + LONGEST,), generator=torch.Generator().manual_seed(2))
    together = logits_after(made, 183, ids, len(ids))
    assert made.pages_skipped > 0
    assert torch.equal(together, logits_after(made, 183, ids, 1))
    dense = logits_after(build("qwen2"), 183, ids, len(ids))
    assert not torch.equal(together[-1], dense[-1])  # or the pages skipped were those of a prompt


def test_a_token_and_its_draft_take_the_fast_way() -> None:
    assert LONGEST + 1 <= ROWS


def test_a_deferred_choice_takes_the_way_of_prompts(build: Callable[..., Decoder]) -> None:
    made = build("llama", Sparsity(deferred=True))
    assert made._rows is None
    assert "choose pages for the next" in made.writing


def test_other_weights_take_the_way_of_prompts(
    tensors_of: Callable[..., dict[str, Tensor]],
) -> None:
    shape = config("llama", bias=False)
    plain = {name: w.bfloat16() for name, w in tensors_of(shape).items()}
    kernels = choose(torch.device("cpu"), "int8")
    made = Decoder(shape, plain, kernels=kernels, dtype=torch.bfloat16, kv="int8")
    assert made._rows is None
    assert "not quantised" in made.writing
