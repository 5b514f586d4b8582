"""The product with the output head, which every token reads: chosen when a model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from torch import Tensor

from vademecum.model.linear import COMPILED_TOKENS, Linear, Packed, Plain, Weight, packed, stripes
from vademecum.model.linear import restored as restored_linear

LARGEST_CODE = 119  # so that the high half of a code is one of 15
HALVED_STEP = 64  # inputs that the halves are laid out by
# A small vocabulary has too many words near the best one. 2 cores with AVX-512, one token: 49,152
# outputs of 576 inputs 1.2 ms, 0.8 in one piece; 151,936 of 896 2.6 ms, 4.5 in one piece.
HALVED_OUTPUTS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class HalvedInt8:
    """A weight in int8, one scale a row, whose low 4 bits are read for the best outputs only.

    `high` and `low` uint8 `[out, in / 2]` as `split` lays them out, `scale` bf16 `[out]`. What that
    does to a result stands in `kernels.halves`; `whole` reads all. Many tokens are multiplied by
    the dequantised weight, a stripe at a time.
    """

    high: Tensor
    low: Tensor
    scale: Tensor
    bias: Tensor | None = None

    @classmethod
    def of(cls, weight: Tensor) -> HalvedInt8:
        """Quantise `[out, in]`, `in` a multiple of 64."""
        halves = torch.empty(2, weight.shape[0], weight.shape[1] // 2, dtype=torch.uint8)
        scale = torch.empty(weight.shape[0], dtype=torch.bfloat16)
        for at in stripes(weight.shape):
            rows = weight[at].float()
            scale[at] = (rows.abs().amax(dim=1) / LARGEST_CODE).clamp_min(1e-12)
            codes = (rows / scale[at].float()[:, None]).round_()
            codes.clamp_(-LARGEST_CODE, LARGEST_CODE)
            halves[0, at], halves[1, at] = split(codes.to(torch.int8))
        return cls(halves[0], halves[1], scale)

    @property
    def path(self) -> str:
        """What computes it, for a person."""
        if compiled_halves() is None:
            return "int8, one scale a row: dequantised (Numba cannot be used)"
        return (
            f"int8, one scale a row: up to {COMPILED_TOKENS} tokens compiled by Numba, the low 4 "
            "bits read for the best outputs; then dequantised"
        )

    @property
    def shape(self) -> tuple[int, int]:
        return self.high.shape[0], self.high.shape[1] * 2

    def __call__(self, x: Tensor) -> Tensor:
        kernel = compiled_halves()
        if x.shape[0] <= COMPILED_TOKENS and kernel is not None:
            out = kernel(x, self.high, self.low, self.scale)
        else:
            whole = (joined(self.high[at], self.low[at]).to(x.dtype) for at in stripes(self.shape))
            out = torch.cat([F.linear(x, part) for part in whole], dim=1).mul_(self.scale)
        out = out if self.bias is None else out.add_(self.bias)
        return out.to(x.dtype)

    def whole(self, x: Tensor) -> Tensor:
        """The product with every weight's 8 bits, float32 `[tokens, out]`."""
        kernel = compiled_halves()
        if kernel is None:
            return self(x.float())
        return kernel(x, self.high, self.low, self.scale, torch.inf)

    def tensors(self) -> dict[str, Tensor]:
        return {"high": self.high, "low": self.low, "scale": self.scale}

    def biased(self, bias: Tensor | None) -> Linear:
        return replace(self, bias=bias)


def split(codes: Tensor) -> tuple[Tensor, Tensor]:
    """int8 codes `[out, in]` from -120 to 119, as `high` and `low` halves uint8 `[out, in / 2]`.

    Of 64 neighbouring inputs a byte holds two that are 32 apart, the first in its high half; each
    half is a whole number from -8 to 7.
    """
    high = (codes.to(torch.int16) + 8) >> 4
    low = codes.to(torch.int16) - 16 * high

    def pairs(halves: Tensor) -> Tensor:
        nibbles = (halves & 15).to(torch.uint8).view(len(halves), -1, 2, HALVED_STEP // 2)
        paired: Tensor = nibbles[:, :, 0] << 4 | nibbles[:, :, 1]
        return paired.flatten(1)

    return pairs(high), pairs(low)


def joined(high: Tensor, low: Tensor) -> Tensor:
    """The int8 codes `[out, in]` that `split` took apart."""

    def halves(pairs: Tensor) -> Tensor:
        rows = pairs.view(torch.int8).view(len(pairs), -1, HALVED_STEP // 2)
        return torch.stack((rows >> 4, rows << 4 >> 4), dim=2).flatten(1)

    return halves(high) * 16 + halves(low)


@cache
def compiled_halves() -> Callable[..., Tensor] | None:
    """`kernels.halves.product`, ready; None on a system that Numba refuses."""
    try:
        from vademecum.model.kernels import halves

        codes = torch.zeros(1, HALVED_STEP // 2, dtype=torch.uint8)
        x = torch.zeros(1, HALVED_STEP)
        halves.product(x, codes, codes, torch.zeros(1, dtype=torch.bfloat16))
    except (ImportError, OSError, RuntimeError):
        return None
    return halves.product


def packed_head(weight: Weight) -> Packed | None:
    """The operator for a head in 8 bit; None where no kernel can read it."""
    if not isinstance(weight, Tensor):
        return None
    outputs, inputs = weight.shape
    if outputs >= HALVED_OUTPUTS and inputs % HALVED_STEP == 0 and compiled_halves():
        return HalvedInt8.of(weight)
    return packed([weight], 8)


def restored(tensors: Mapping[str, Tensor]) -> Packed:
    """The operator that gave these `Packed.tensors`, on the same kind of machine."""
    if "high" not in tensors:
        return restored_linear(tensors)
    compiled_halves()  # now, so that no request waits for it
    return HalvedInt8(tensors["high"], tensors["low"], tensors["scale"])


def head(weight: Tensor, *, quantized: bool) -> Linear:
    """The operator for the output head: 8 bit where the rest of the model is quantised."""
    found = packed_head(weight) if quantized else None
    return Plain(weight, None) if found is None else found
