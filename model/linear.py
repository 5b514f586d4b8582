"""Matrix products: one operator a weight, its path chosen when the model is loaded.

`QuantizedLinear` is an NF4 weight as plain data. `linear` and `head` choose how a weight is
multiplied by on this machine; every operator says in `path` what it does, for `Engine.report`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from torch import Tensor

NF4_BLOCK = 64
NATIVE_ROWS = 32  # the CPU kernel reads the weight in stripes of 32 outputs


@cache
def bitsandbytes() -> ModuleType:
    """`bitsandbytes.functional`, without its advice to install another package."""
    log = logging.getLogger("bitsandbytes.backends.cpu.ops")
    log.addFilter(lambda record: "kernels-community" not in record.getMessage())
    from bitsandbytes import functional

    module: ModuleType = functional
    return module


@dataclass(frozen=True, slots=True)
class QuantizedLinear:
    """A weight `[out, in]` in NF4 (QLoRA, arXiv:2305.14314), blocks of 64 along `in`.

    `packed` is uint8 `[out, in / 2]`, two 4-bit codes a byte, the first in the high half;
    `absmax` is float32 `[out, in / 64]`: a weight is `code * absmax` of its block.
    """

    packed: Tensor
    absmax: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """`(out, in)`."""
        return self.packed.shape[0], self.packed.shape[1] * 2

    @classmethod
    def quantize(cls, weight: Tensor) -> QuantizedLinear:
        """Quantise `[out, in]`; raises ValueError unless `in` is a multiple of 64."""
        rows, columns = weight.shape
        if columns % NF4_BLOCK:
            raise ValueError(f"in={columns} is not a multiple of {NF4_BLOCK}")
        packed, state = bitsandbytes().quantize_4bit(
            weight.contiguous(), blocksize=NF4_BLOCK, quant_type="nf4", compress_statistics=False
        )
        return cls(
            packed.reshape(rows, columns // 2),
            state.absmax.reshape(rows, columns // NF4_BLOCK).float(),
        )

    @classmethod
    def stack(cls, parts: Sequence[QuantizedLinear]) -> QuantizedLinear:
        """One weight whose outputs are those of `parts`, one after the other."""
        return cls(torch.cat([p.packed for p in parts]), torch.cat([p.absmax for p in parts]))

    def dequantize(self, dtype: torch.dtype) -> Tensor:
        """The weight `[out, in]` that the codes stand for."""
        bitsandbytes()
        weight: Tensor = torch.ops.bitsandbytes.dequantize_4bit(
            self.packed.reshape(-1, 1), self.absmax.reshape(-1), NF4_BLOCK, "nf4", self.shape, dtype
        )
        return weight


Weight = Tensor | QuantizedLinear


class Linear(Protocol):
    """`x [tokens, in] -> x @ weight.T + bias [tokens, out]`."""

    @property
    def path(self) -> str:
        """What computes it, for a person."""
        ...

    def __call__(self, x: Tensor) -> Tensor: ...


class Plain:
    """A weight as it is, bf16 or float32."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.weight = weight
        self.bias = bias
        self.path = f"torch linear, {str(weight.dtype).removeprefix('torch.')}"

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


class NativeNF4:
    """NF4 through bitsandbytes' fused AVX512-BF16 kernel, for any number of tokens.

    It keeps the weight only in that kernel's layout. Dequantising a second, plain copy would
    multiply 512 tokens 1.4 times faster but take twice the memory.
    """

    path = "bitsandbytes NF4, fused AVX512-BF16 kernel"

    def __init__(self, weight: QuantizedLinear, bias: Tensor | None) -> None:
        library = bitsandbytes()
        state = library.QuantState(
            weight.absmax.reshape(-1),
            shape=torch.Size(weight.shape),
            blocksize=NF4_BLOCK,
            quant_type="nf4",
            dtype=torch.bfloat16,
        )
        # bitsandbytes' own Linear4bit does the same on its first call.
        self.packed, state = library._convert_weight_packed_for_cpu(weight.packed, state)
        self.absmax = state.absmax
        self.code = library.get_4bit_type("nf4", device="cpu")
        self.shape = weight.shape
        self.bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.bitsandbytes.gemv_4bit(
            x, self.packed, self.shape, self.absmax, self.code, NF4_BLOCK
        )
        return out if self.bias is None else out.add_(self.bias)


class DequantizedNF4:
    """NF4 dequantised before every product: right anywhere, fast nowhere."""

    path = "bitsandbytes NF4, dequantised for each product (no AVX512-BF16 kernel fits)"

    def __init__(self, weight: QuantizedLinear, bias: Tensor | None) -> None:
        self.weight = weight
        self.bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.dequantize(x.dtype), self.bias)


class Int8Head:
    """The output head in int8, one scale a row: half the bytes of bf16, and as good as lossless."""

    path = "torch int8 weight, one scale a row"

    def __init__(self, weight: Tensor) -> None:
        rows = weight.float()
        # The kernel takes bf16 scales, so the codes are made with the scale as rounded.
        scale = (rows.abs().amax(dim=1) / 127).clamp_min(1e-12).bfloat16()
        codes = rows.div_(scale.float()[:, None]).round_().clamp_(-127, 127)
        self.codes = codes.to(torch.int8)
        self.scale = scale

    def __call__(self, x: Tensor) -> Tensor:
        return torch._weight_int8pack_mm(x, self.codes, self.scale)


def native_nf4() -> bool:
    """Whether this CPU has the instructions of bitsandbytes' fused kernel."""
    return bool(bitsandbytes().has_avx512bf16())


def linear(parts: Sequence[Weight], bias: Sequence[Tensor] = ()) -> Linear:
    """The operator for weights `[out_i, in]` of one input, fused: their outputs side by side."""
    joined = torch.cat(list(bias)) if bias else None
    plain = [part for part in parts if isinstance(part, Tensor)]
    quantized = [part for part in parts if isinstance(part, QuantizedLinear)]
    if plain and quantized:
        raise ValueError("plain and quantised weights cannot be fused")
    if plain:
        return Plain(torch.cat(plain) if len(plain) > 1 else plain[0], joined)
    weight = QuantizedLinear.stack(quantized) if len(quantized) > 1 else quantized[0]
    if native_nf4() and weight.shape[0] % NATIVE_ROWS == 0:
        return NativeNF4(weight, joined)
    return DequantizedNF4(weight, joined)


def head(weight: Tensor, *, quantized: bool) -> Linear:
    """The operator for the output head: int8 where the rest of the model is quantised."""
    return Int8Head(weight) if quantized else Plain(weight, None)
