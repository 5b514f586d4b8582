"""Matrix products: one operator a weight, its path chosen when the model is loaded.

`QuantizedLinear` is an NF4 weight as plain data. `linear` and `packed` choose how a weight
is multiplied by on this machine; every operator says in `path` what it does, for `Engine.report`.
"""

from __future__ import annotations

import ctypes
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any, ClassVar, Literal, Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from torch import Tensor

NF4_BLOCK = 64
NATIVE_ROWS = 32  # the CPU kernel reads the weight in stripes of 32 outputs
INT8_STEP = 32  # PyTorch's int8 kernel reads past the end of narrower steps of inputs
# More tokens than these are faster through a dequantised weight. int8, 2 cores with AVX512-BF16,
# [896, 4864]: 16 tokens 0.69 against 0.83 ms, 32 tokens 1.39 against 1.17. Compiled NF4, one token
# of [9728, 896]: 1.0 ms against 1.5 to 3.9 dequantised; from 4 tokens on the two are close.
INT8_TOKENS = 24
COMPILED_TOKENS = 9  # as many as a token and its draft: they must be computed alike
# A weight is dequantised in stripes: a whole one of a large model is memory that the system hands
# out anew, page by page, for each product.
STRIPE_WEIGHTS = 4_000_000

_importing = threading.Lock()


@contextmanager
def _without_compiler() -> Iterator[None]:
    """`torch.compile` leaves functions as they are, in this thread only, while the block runs.

    bitsandbytes decorates functions with it when imported: optimizers and fallbacks that run on
    processors for which it has no library. That alone loads PyTorch's compiler, 1.4 s.
    """
    compiler: Any = torch.compile
    thread = threading.get_ident()

    def as_it_is(model: Any = None, **options: Any) -> Any:
        if threading.get_ident() != thread:
            return compiler(model, **options)
        return model if model is not None else lambda function: function

    torch.compile = as_it_is
    try:
        yield
    finally:
        torch.compile = compiler


@cache
def bitsandbytes() -> ModuleType:
    """`bitsandbytes.functional`, without its advice to install another package."""
    log = logging.getLogger("bitsandbytes.backends.cpu.ops")
    log.addFilter(lambda record: "kernels-community" not in record.getMessage())
    with _importing:
        if "bitsandbytes" not in sys.modules:
            with _without_compiler():
                import bitsandbytes as _  # noqa: F401 - its functional module, below
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


class Packed(Linear, Protocol):
    """An operator without a bias whose weight can be written to disk as the product reads it."""

    @property
    def shape(self) -> tuple[int, int]:
        """`(out, in)`."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """What `restored` makes it from."""
        ...

    def biased(self, bias: Tensor | None) -> Linear:
        """The same product, and `bias [out]` added."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class NativeNF4:
    """NF4 through bitsandbytes' fused AVX512-BF16 kernel, for any number of tokens.

    It keeps the weight only in that kernel's layout: `codes` uint8 `[out, in / 2]`, `absmax` bf16
    `[in / 64, out]`. Dequantising a second, plain copy would multiply 512 tokens 1.4 times faster
    but take twice the memory.
    """

    path: ClassVar[str] = "bitsandbytes NF4, fused AVX512-BF16 kernel"

    codes: Tensor
    absmax: Tensor
    bias: Tensor | None = None

    @classmethod
    def of(cls, weight: QuantizedLinear) -> NativeNF4:
        """The weight in the kernel's layout; its outputs are a multiple of 32."""
        library = bitsandbytes()
        state = library.QuantState(
            weight.absmax.reshape(-1),
            shape=torch.Size(weight.shape),
            blocksize=NF4_BLOCK,
            quant_type="nf4",
            dtype=torch.bfloat16,
        )
        # bitsandbytes' own Linear4bit does the same on its first call.
        codes, state = library._convert_weight_packed_for_cpu(weight.packed, state)
        return cls(codes, state.absmax)

    @property
    def shape(self) -> tuple[int, int]:
        return self.codes.shape[0], self.codes.shape[1] * 2

    def __call__(self, x: Tensor) -> Tensor:
        # Not torch.ops.bitsandbytes.gemv_4bit, the same product: its first call imports a compiler
        # for a second, and where a package named `kernels` is installed it asks a hub.
        source = x.bfloat16().contiguous()
        out, inner = self.shape
        target = torch.empty(x.shape[0], out, dtype=torch.bfloat16)
        if x.shape[0]:  # it divides by them
            nf4_gemv()(
                x.shape[0], out, inner, source.data_ptr(), self.codes.data_ptr(),
                self.absmax.data_ptr(), target.data_ptr(), NF4_BLOCK, inner, out,
            )  # fmt: skip
        if self.bias is not None:
            target += self.bias
        return target.to(x.dtype)

    def tensors(self) -> dict[str, Tensor]:
        return {"codes": self.codes, "absmax": self.absmax}

    def biased(self, bias: Tensor | None) -> Linear:
        return replace(self, bias=bias)


@dataclass(frozen=True, slots=True, eq=False)
class CompiledNF4:
    """NF4 on any processor: up to 9 tokens by a kernel that Numba compiles, more dequantised.

    A matrix is dequantised a stripe at a time, so that no second copy of a weight is ever held.
    """

    weight: QuantizedLinear
    bias: Tensor | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return self.weight.shape

    @property
    def path(self) -> str:
        why = "this CPU has no AVX512-BF16"
        if native_nf4():
            why = f"{self.weight.shape[0]} outputs are no whole stripes of {NATIVE_ROWS}"
        kernel = compiled_product()
        if kernel is None:
            return f"NF4, dequantised for each product ({why}, and Numba cannot be used)"
        return f"NF4, compiled by Numba up to {COMPILED_TOKENS} tokens, then dequantised ({why})"

    def __call__(self, x: Tensor) -> Tensor:
        weight, kernel = self.weight, compiled_product()
        if kernel is not None and x.shape[0] <= COMPILED_TOKENS:
            out = kernel(x, weight.packed, weight.absmax).to(x.dtype)
        else:
            # Without AVX-512, 128 rows in float32 take half of what they take in bf16.
            wide = torch.backends.cpu.get_cpu_capability() == "AVX2"
            rows = x.float() if wide else x
            parts = []
            for at in stripes(weight.shape):
                stripe = QuantizedLinear(weight.packed[at], weight.absmax[at])
                parts.append(F.linear(rows, stripe.dequantize(rows.dtype)))
            out = torch.cat(parts, dim=1).to(x.dtype)
        return out if self.bias is None else out.add_(self.bias)

    def tensors(self) -> dict[str, Tensor]:
        return {"packed": self.weight.packed, "absmax": self.weight.absmax}

    def biased(self, bias: Tensor | None) -> Linear:
        return replace(self, bias=bias)


@dataclass(frozen=True, slots=True, eq=False)
class Int8:
    """A weight in int8, one scale a row: half the bytes of bf16, and close to lossless.

    `codes` int8 `[out, in]`, `scale` bf16 `[out]`. Many tokens are multiplied by the dequantised
    weight, a stripe at a time.
    """

    codes: Tensor
    scale: Tensor
    bias: Tensor | None = None

    @classmethod
    def of(cls, weight: Tensor) -> Int8:
        """Quantise `[out, in]`; raises ValueError unless `in` is a multiple of 32."""
        if weight.shape[1] % INT8_STEP:
            raise ValueError(f"in={weight.shape[1]} is not a multiple of {INT8_STEP}")
        codes = torch.empty(weight.shape, dtype=torch.int8)
        scale = torch.empty(weight.shape[0], dtype=torch.bfloat16)
        for at in stripes(weight.shape):  # float32 takes eight times what the codes do
            rows = weight[at].float()
            # The kernel takes bf16 scales, so the codes are made with the scale as rounded.
            scale[at] = (rows.abs().amax(dim=1) / 127).clamp_min(1e-12)
            codes[at] = (rows / scale[at].float()[:, None]).round_().clamp_(-127, 127)
        compiled_int8()  # now, so that no request waits for it
        return cls(codes, scale)

    @property
    def path(self) -> str:
        """What computes it, for a person."""
        few = f"compiled by Numba up to {COMPILED_TOKENS} tokens, by PyTorch up to {INT8_TOKENS}"
        if compiled_int8() is None:
            few = f"by PyTorch up to {INT8_TOKENS} tokens (Numba cannot be used)"
        return f"int8, one scale a row: {few}, then dequantised"

    @property
    def shape(self) -> tuple[int, int]:
        return self.codes.shape[0], self.codes.shape[1]

    def __call__(self, x: Tensor) -> Tensor:
        kernel = compiled_int8()
        if x.shape[0] <= COMPILED_TOKENS and kernel is not None:
            out = kernel(x, self.codes, self.scale)
        elif x.shape[0] <= INT8_TOKENS:
            out = torch._weight_int8pack_mm(x, self.codes, self.scale.to(x.dtype))
        else:
            parts = [F.linear(x, self.codes[at].to(x.dtype)) for at in stripes(self.shape)]
            out = torch.cat(parts, dim=1).mul_(self.scale)
        out = out if self.bias is None else out.add_(self.bias)
        return out.to(x.dtype)

    def tensors(self) -> dict[str, Tensor]:
        return {"codes": self.codes, "scale": self.scale}

    def biased(self, bias: Tensor | None) -> Linear:
        return replace(self, bias=bias)


def stripes(shape: Sequence[int]) -> Iterator[slice]:
    """The outputs of a weight `(out, in)`, some millions of weights at a time."""
    rows = max(1, STRIPE_WEIGHTS // shape[1])
    for first in range(0, shape[0], rows):
        yield slice(first, first + rows)


@cache
def native_nf4() -> bool:
    """Whether this CPU has the instructions of bitsandbytes' fused kernel."""
    return bool(bitsandbytes().has_avx512bf16())


@cache
def nf4_gemv() -> Callable[..., None]:
    """bitsandbytes' fused product as a plain function of numbers and addresses.

    `(rows, out, in, x, codes, absmax, y, block, stride of x, stride of y)`; `x` and `y` bf16.
    """
    bitsandbytes()
    from bitsandbytes.cextension import lib

    number, address = ctypes.c_int64, ctypes.c_void_p
    kind = ctypes.CFUNCTYPE(
        None, number, number, number, address, address, address, address, number, number, number
    )
    return ctypes.cast(lib.gemv_4bit_inference_cpu_nf4_bf16, kind)


@cache
def compiled_product() -> Callable[[Tensor, Tensor, Tensor], Tensor] | None:
    """`(x, packed, absmax)` -> the product, by Numba; None on a system that Numba refuses."""
    try:
        from vademecum.model.kernels import nf4
    except (ImportError, OSError, RuntimeError):
        return None
    try:  # compiled, or loaded as compiled before, so that no request waits for it
        codes = torch.zeros(1, 32, dtype=torch.uint8)
        nf4.product(torch.zeros(1, 64), codes, torch.zeros(1, 1))
    except (OSError, RuntimeError):
        return None
    return nf4.product


@cache
def compiled_int8() -> Callable[[Tensor, Tensor, Tensor], Tensor] | None:
    """`(x, codes, scale)` -> the product, by Numba; None on a system that Numba refuses."""
    try:
        from vademecum.model.kernels import int8

        codes = torch.zeros(1, 32, dtype=torch.int8)
        int8.product(torch.zeros(1, 32), codes, torch.zeros(1, dtype=torch.bfloat16))
    except (ImportError, OSError, RuntimeError):
        return None
    return int8.product


def packed(parts: Sequence[Weight], bits: Literal[4, 8]) -> Packed | None:
    """The operator for weights of one input, fused, in the layout that this machine reads.

    4 bit takes `QuantizedLinear`s, 8 bit plain weights; None where the kernels cannot read them.
    """
    quantized = [part for part in parts if isinstance(part, QuantizedLinear)]
    if bits == 4:
        if len(quantized) < len(parts):
            return None
        weight = QuantizedLinear.stack(quantized) if len(quantized) > 1 else quantized[0]
        if native_nf4() and weight.shape[0] % NATIVE_ROWS == 0:
            return NativeNF4.of(weight)
        return CompiledNF4(weight)
    plain = [part for part in parts if isinstance(part, Tensor)]
    if quantized or plain[0].shape[1] % INT8_STEP:
        return None
    return Int8.of(torch.cat(plain) if len(plain) > 1 else plain[0])


def restored(tensors: Mapping[str, Tensor]) -> Packed:
    """The operator that gave these `Packed.tensors`, on the same kind of machine."""
    if "scale" in tensors:
        compiled_int8()
        return Int8(tensors["codes"], tensors["scale"])
    if "codes" in tensors:
        return NativeNF4(tensors["codes"], tensors["absmax"])
    return CompiledNF4(QuantizedLinear(tensors["packed"], tensors["absmax"]))


def rows_alike(product: Linear) -> bool:
    """Whether each of up to `COMPILED_TOKENS` tokens gives the bits that it gives alone."""
    if isinstance(product, CompiledNF4):
        return compiled_product() is not None
    if isinstance(product, Int8):
        return compiled_int8() is not None
    return not isinstance(product, Plain)  # libraries choose a sum's order by its shape


def linear(parts: Sequence[Weight], bias: Sequence[Tensor] = ()) -> Linear:
    """The operator for weights `[out_i, in]` of one input, fused: their outputs side by side."""
    joined = torch.cat(list(bias)) if bias else None
    plain = [part for part in parts if isinstance(part, Tensor)]
    if len(plain) == len(parts):
        return Plain(torch.cat(plain) if len(plain) > 1 else plain[0], joined)
    found = packed(parts, 4)
    if found is None:
        raise ValueError("plain and quantised weights cannot be fused")
    return found.biased(joined)
