"""Weights quantised to NF4, as plain data: what `weights` makes and the decoder multiplies by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

NF4_BLOCK = 64


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
        from bitsandbytes import functional as bnb

        rows, columns = weight.shape
        if columns % NF4_BLOCK:
            raise ValueError(f"in={columns} is not a multiple of {NF4_BLOCK}")
        packed, state = bnb.quantize_4bit(
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
        return torch.ops.bitsandbytes.dequantize_4bit(
            self.packed.reshape(-1, 1),
            self.absmax.reshape(-1),
            NF4_BLOCK,
            "nf4",
            self.shape,
            dtype,
        )
