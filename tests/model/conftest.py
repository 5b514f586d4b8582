"""Small models with random weights, and a small tokenizer: nothing is fetched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor

from vademecum.model.chat import Chat
from vademecum.model.config import ModelConfig
from vademecum.model.decoder import Decoder
from vademecum.model.engine import Engine
from vademecum.model.kernels import KernelSet, KvKind, choose
from vademecum.model.linear import QuantizedLinear, Weight
from vademecum.model.sparsity import Sparsity

LLAMA = ModelConfig(
    family="llama",
    vocab_size=512,
    hidden=64,
    layers=4,
    heads=4,
    kv_heads=2,
    head_dim=16,
    intermediate=96,
    rms_eps=1e-5,
    rope_theta=10_000.0,
    rope_scaling=None,
    tie_embeddings=True,
    attention_bias=False,
    max_positions=1024,
)
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTROL = ("<bos>", "<eos>", "<|im_start|>", "<|im_end|>")
THINK, END_THINK = 260, 261


def random_tensors(config: ModelConfig, seed: int = 0) -> dict[str, Tensor]:
    """Random float32 weights under their Hugging Face names."""
    random = torch.Generator().manual_seed(seed)
    sizes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (config.vocab_size, config.hidden),
        "model.norm.weight": (config.hidden,),
    }
    if not config.tie_embeddings:
        sizes["lm_head.weight"] = (config.vocab_size, config.hidden)
    q, kv = config.heads * config.head_dim, config.kv_heads * config.head_dim
    for n in range(config.layers):
        at = f"model.layers.{n}."
        sizes[at + "input_layernorm.weight"] = (config.hidden,)
        sizes[at + "post_attention_layernorm.weight"] = (config.hidden,)
        for name, rows in (("q", q), ("k", kv), ("v", kv)):
            sizes[f"{at}self_attn.{name}_proj.weight"] = (rows, config.hidden)
            if config.attention_bias:
                sizes[f"{at}self_attn.{name}_proj.bias"] = (rows,)
        if config.qk_norm:
            for name in ("q", "k"):
                sizes[f"{at}self_attn.{name}_norm.weight"] = (config.head_dim,)
        sizes[at + "self_attn.o_proj.weight"] = (config.hidden, q)
        sizes[at + "mlp.gate_proj.weight"] = (config.intermediate, config.hidden)
        sizes[at + "mlp.up_proj.weight"] = (config.intermediate, config.hidden)
        sizes[at + "mlp.down_proj.weight"] = (config.hidden, config.intermediate)
    return {
        name: 1 + 0.1 * torch.randn(size, generator=random)
        if "norm" in name
        else 0.15 * torch.randn(size, generator=random)
        for name, size in sizes.items()
    }


@pytest.fixture
def llama() -> ModelConfig:
    return LLAMA


@pytest.fixture
def qwen2() -> ModelConfig:
    return replace(LLAMA, family="qwen2", attention_bias=True, tie_embeddings=False, rms_eps=1e-6)


@pytest.fixture
def tensors_of() -> Callable[[ModelConfig], dict[str, Tensor]]:
    return random_tensors


@pytest.fixture
def decoder_of() -> Callable[..., Decoder]:
    """`decoder_of(config, sparsity=None, dtype=torch.float32, quantized=False, kv="plain")`."""

    def build(
        config: ModelConfig,
        sparsity: Sparsity | None = None,
        dtype: torch.dtype = torch.float32,
        quantized: bool = False,
        kv: KvKind = "plain",
        kernels: KernelSet | None = None,
        tensors: dict[str, Tensor] | None = None,
    ) -> Decoder:
        weights: dict[str, Weight] = dict(tensors or random_tensors(config))
        if quantized:
            for name, tensor in weights.items():
                if "_proj.weight" in name and isinstance(tensor, Tensor):
                    weights[name] = QuantizedLinear.quantize(tensor)
        return Decoder(
            config,
            weights,
            kernels=kernels or choose(torch.device("cpu"), kv),
            dtype=dtype,
            kv=kv,
            sparsity=sparsity,
        )

    return build


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """One token a byte (ids 0 to 255), then `CONTROL`, then `<think>` and `</think>`."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(
        models.BPE(vocab={letter: n for n, letter in enumerate(letters)}, merges=[])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in CONTROL])
    tokenizer.add_tokens(["<think>", "</think>"])
    assert tokenizer.token_to_id("<think>") == THINK
    return tokenizer


@pytest.fixture
def chat_of(tokenizer: Tokenizer) -> Callable[..., Chat]:
    """`chat_of(template=..., reasons=False)`."""

    def build(template: str = TEMPLATE, reasons: bool = False) -> Chat:
        return Chat(tokenizer, template, bos_id=256, eos_ids=[257], reasons=reasons)

    return build


@pytest.fixture
def engine_of(
    decoder_of: Callable[..., Decoder], chat_of: Callable[..., Chat]
) -> Callable[..., Engine]:
    """`engine_of(reasons=False, context=1024, cache_bytes=None, sparsity=None, eos=(257,),
    kv="plain", dtype=torch.float32, quantized=False, config=LLAMA, tensors=None, mapped=0)`."""

    def build(
        reasons: bool = False,
        context: int = 1024,
        cache_bytes: int | None = 1 << 24,
        sparsity: Sparsity | None = None,
        eos: tuple[int, ...] = (257,),
        kv: KvKind = "plain",
        dtype: torch.dtype = torch.float32,
        quantized: bool = False,
        config: ModelConfig = LLAMA,
        tensors: dict[str, Tensor] | None = None,
        mapped: int = 0,
    ) -> Engine:
        if quantized:  # NF4 in blocks of 64 inputs, beside bf16
            config, dtype = replace(config, intermediate=128), torch.bfloat16
        return Engine(
            decoder_of(
                config,
                sparsity=sparsity,
                kv=kv,
                dtype=dtype,
                quantized=quantized,
                tensors=tensors,
            ),
            chat_of(reasons=reasons),
            name="random",
            eos_ids=eos,
            context=context,
            quantization="f32",
            cache_bytes=cache_bytes,
            mapped=mapped,
        )

    return build
