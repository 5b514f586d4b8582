"""Models of random weights at the real shapes of R1, for measuring on a GPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from vademecum.model.cache import PagedCache
from vademecum.model.config import ModelConfig
from vademecum.model.decoder import Decoder
from vademecum.model.device import DeviceInt8, DeviceNF4
from vademecum.model.kernels import KvKind, choose
from vademecum.model.kernels.pages import QuantizedPages
from vademecum.model.linear import QuantizedLinear
from vademecum.model.sparsity import Sparsity

CUDA = torch.device("cuda")
LLAMA3 = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}  # fmt: skip
# hidden, intermediate, heads, KV heads, layers, vocabulary
SHAPES: dict[str, tuple[int, int, int, int, int, int]] = {
    "qwen-1.5b": (1536, 8960, 12, 2, 28, 151_936),
    "qwen-7b": (3584, 18944, 28, 4, 28, 152_064),
    "llama-8b": (4096, 14336, 32, 8, 32, 128_256),
    "qwen-14b": (5120, 13824, 40, 8, 48, 152_064),
    "qwen-32b": (5120, 27648, 40, 8, 64, 152_064),
    "llama-70b": (8192, 28672, 64, 8, 80, 128_256),
}
LARGE_BIASES = (0, 1, 7, 15)  # layers of Qwen2.5-1.5B whose keys' bias is kept apart


def config_of(name: str) -> ModelConfig:
    hidden, inner, heads, kv_heads, layers, vocab = SHAPES[name]
    qwen = name.startswith("qwen")
    return ModelConfig(
        family="qwen2" if qwen else "llama",
        vocab_size=vocab,
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=128,
        intermediate=inner,
        rms_eps=1e-6 if qwen else 1e-5,
        rope_theta=10_000.0 if name in ("qwen-1.5b", "qwen-7b") else 1e6 if qwen else 5e5,
        rope_scaling=None if qwen else LLAMA3,
        tie_embeddings=False,
        attention_bias=qwen,
        max_positions=131_072,
    )


def random_nf4(out: int, inner: int, *, gated: bool = False) -> DeviceNF4:
    """Weights of which a product keeps the size of its input."""
    codes = torch.randint(0, 256, (out, inner // 2), dtype=torch.uint8, device=CUDA)
    absmax = (1 + 0.5 * torch.rand(out, inner // 64, device=CUDA)) * inner**-0.5
    return DeviceNF4.of(QuantizedLinear(codes, absmax), CUDA, gated=gated)


def random_decoder(
    name: str, *, kv: KvKind = "int8", sparsity: Sparsity | None, layers: int | None = None
) -> Decoder:
    """A model that writes nonsense at the speed of a real one."""
    config = config_of(name)
    hidden, inner, dim = config.hidden, config.intermediate, config.head_dim
    query, key = config.heads * dim, config.kv_heads * dim

    def bf16(*shape: int) -> Tensor:
        return torch.randn(shape, device=CUDA, dtype=torch.bfloat16)

    codes = torch.randint(-127, 128, (config.vocab_size, hidden), dtype=torch.int8, device=CUDA)
    scale = torch.full((config.vocab_size,), 4e-2 / 127, device=CUDA).bfloat16()
    packed: dict[str, DeviceNF4 | DeviceInt8] = {"lm_head": DeviceInt8(codes, scale)}
    tensors = {
        "model.embed_tokens.weight": bf16(config.vocab_size, hidden),
        "model.norm.weight": bf16(hidden),
    }
    for n in range(config.layers):
        at = f"model.layers.{n}."
        tensors[at + "input_layernorm.weight"] = bf16(hidden)
        tensors[at + "post_attention_layernorm.weight"] = bf16(hidden)
        if config.attention_bias:
            for part, size in (("q", query), ("k", key), ("v", key)):
                large = part == "k" and n in LARGE_BIASES
                tensors[f"{at}self_attn.{part}_proj.bias"] = bf16(size) * (10 if large else 1)
        packed[at + "self_attn.q_proj+k_proj+v_proj"] = random_nf4(query + 2 * key, hidden)
        packed[at + "self_attn.o_proj"] = random_nf4(hidden, query)
        packed[at + "mlp.gate_proj+up_proj"] = random_nf4(2 * inner, hidden, gated=True)
        packed[at + "mlp.down_proj"] = random_nf4(hidden, inner)
    return Decoder(
        config, tensors, kernels=choose(CUDA, kv), dtype=torch.bfloat16, kv=kv,
        sparsity=sparsity, packed=packed,
    )  # fmt: skip


def fill(cache: PagedCache) -> None:
    """Give every page keys and values of plausible size."""
    for store in cache.stores:
        assert isinstance(store, QuantizedPages)
        store.key_codes.random_(-127, 128)
        store.key_mean.normal_()
        store.key_scale.fill_(0.02)
        store.key_spread.random_(112, 124)  # 0.5 to 1.4
        store.value_codes.random_(-127, 128)
        store.value_scale.fill_(0.01)
        if store.value_bits == 4:
            store.value_low.fill_(-1.0)


def read_weights(decoder: Decoder) -> int:
    """Bytes of weights that a token reads."""
    products: list[Any] = [decoder.head]
    for layer in decoder.layers:
        products += [layer.qkv, layer.out, layer.gate_up, layer.down]
    return sum(t.numel() * t.element_size() for p in products for t in p.tensors().values())
