"""The weights of a layer, made of the named tensors of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from vademecum.errors import ModelUnsupported
from vademecum.model.config import ModelConfig
from vademecum.model.head import head
from vademecum.model.kernels import KeyBias
from vademecum.model.linear import Linear, Packed, QuantizedLinear, Weight, linear

# A bias whose norm in some head exceeds this is kept out of the stored keys. Measured on Qwen2.5:
# 50 to 900 in a few layers (0.5B: 0, 1, 2, 4, 8; 1.5B: 0, 1, 7, 15), 5 to 33 in the others.
LARGE_BIAS = 40.0


@dataclass(frozen=True, slots=True)
class Layer:
    """The weights of one layer; `qkv` and `gate_up` are products over the same input, fused."""

    attention_norm: Tensor
    qkv: Linear
    out: Linear
    mlp_norm: Tensor
    gate_up: Linear
    down: Linear
    query_norm: Tensor | None = None  # over the dimensions of a head
    key_norm: Tensor | None = None
    key_bias: KeyBias | None = None  # where it is too large to be stored with the keys


@dataclass(frozen=True, slots=True)
class NamedTensors:
    """Named tensors in the dtype that the decoder computes in, and products that are ready."""

    tensors: Mapping[str, Weight]
    dtype: torch.dtype
    packed: Mapping[str, Packed]

    def weight(self, name: str) -> Weight:
        try:
            found = self.tensors[name]
        except KeyError:
            raise ModelUnsupported(
                f"the weights hold no tensor {name!r}", "fetch the model again"
            ) from None
        return found.to(self.dtype) if isinstance(found, Tensor) else found

    def plain(self, name: str) -> Tensor:
        found = self.weight(name)
        if isinstance(found, QuantizedLinear):
            return found.dequantize(self.dtype)
        return found

    def linear(self, prefix: str, *names: str, unbiased: str | None = None) -> Linear:
        """The product of several weights with one input; `unbiased` names one without its bias."""
        biases = {name: f"{prefix}{name}.bias" for name in names}
        present = {name: self.plain(bias) for name, bias in biases.items() if bias in self.tensors}
        if present and len(present) < len(names):
            raise ModelUnsupported(
                f"some of {', '.join(biases.values())} are missing", "fetch the model again"
            )
        if unbiased:
            present[unbiased] = torch.zeros_like(present[unbiased])
        ready = self.packed.get(prefix + "+".join(names))
        if ready is not None:
            return ready.biased(torch.cat(list(present.values())) if present else None)
        weights = [self.weight(f"{prefix}{name}.weight") for name in names]
        return linear(weights, list(present.values()))

    def head(self, *, tied: bool) -> Linear:
        """The output head, in int8 if the rest of the model is quantised."""
        ready = self.packed.get("lm_head")
        if ready is not None:
            return ready
        quantized = any(isinstance(tensor, QuantizedLinear) for tensor in self.tensors.values())
        name = "model.embed_tokens.weight" if tied else "lm_head.weight"
        return head(self.plain(name), quantized=quantized)


def layer_of(
    read: NamedTensors, prefix: str, config: ModelConfig, frequencies: Tensor, magnitude: float
) -> Layer:
    """The layer whose tensors have names that begin with `prefix`; `frequencies` and `magnitude`
    are those of its rotation."""

    def head_norm(name: str) -> Tensor | None:
        return read.plain(f"{prefix}self_attn.{name}.weight") if config.qk_norm else None

    key_bias = None
    if f"{prefix}self_attn.k_proj.bias" in read.tensors:
        value = read.plain(f"{prefix}self_attn.k_proj.bias").float().view(-1, config.head_dim)
        if float(value.norm(dim=1).max()) > LARGE_BIAS:
            key_bias = KeyBias(value * magnitude, frequencies)
    attention = prefix + "self_attn."
    return Layer(
        attention_norm=read.plain(prefix + "input_layernorm.weight"),
        qkv=read.linear(
            attention, "q_proj", "k_proj", "v_proj", unbiased="k_proj" if key_bias else None
        ),
        out=read.linear(attention, "o_proj"),
        mlp_norm=read.plain(prefix + "post_attention_layernorm.weight"),
        gate_up=read.linear(prefix + "mlp.", "gate_proj", "up_proj"),
        down=read.linear(prefix + "mlp.", "down_proj"),
        query_norm=head_norm("q_norm"),
        key_norm=head_norm("k_norm"),
        key_bias=key_bias,
    )
