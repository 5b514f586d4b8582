"""A model's weights on a GPU, in the layouts that its kernels read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from torch import Tensor

from vademecum.model.kernels.triton import int8, nf4
from vademecum.model.kernels.triton.dequantize import dequantize, level_table
from vademecum.model.kernels.triton.nf4 import PackedNF4
from vademecum.model.linear import Linear, QuantizedLinear


@dataclass(frozen=True, slots=True, eq=False)
class DeviceNF4:
    """NF4 through our own kernel up to 16 tokens; more are multiplied by the dequantised weight.

    Of a gated pair of weights, gates first, `__call__` gives both products side by side: the
    captured step alone has their gated product in one.
    """

    path: ClassVar[str] = "NF4, CUDA kernel up to 16 tokens, then dequantised"

    weight: PackedNF4
    table: Tensor
    bias: Tensor | None = None

    @classmethod
    def of(cls, weight: QuantizedLinear, device: torch.device, *, gated: bool) -> DeviceNF4:
        """The weight in the kernel's layout, on `device`."""
        given = QuantizedLinear(weight.packed.to(device), weight.absmax.to(device))
        packed = PackedNF4.of_gate_up(given) if gated else PackedNF4.of(given)
        return cls(packed, level_table(device))

    @property
    def shape(self) -> tuple[int, int]:
        """`(out, in)`."""
        out, inner = self.weight.shape
        return (2 * out if self.weight.gated else out), inner

    def __call__(self, x: Tensor) -> Tensor:
        if x.shape[0] <= nf4.MAX_ROWS and not self.weight.gated:
            return nf4.product(x, self.weight, self.bias, nf4.Tuning(splits=1))
        return F.linear(x, dequantize(self.weight, self.table), self.bias)

    def tensors(self) -> dict[str, Tensor]:
        """What takes memory."""
        return {"codes": self.weight.codes, "absmax": self.weight.absmax}

    def biased(self, bias: Tensor | None) -> Linear:
        """The same product, and `bias [out]` added."""
        return replace(self, bias=bias)


@dataclass(frozen=True, slots=True, eq=False)
class DeviceInt8:
    """An output head in int8, one scale a row, as `Int8`: float32 `[tokens, out]`."""

    path: ClassVar[str] = "int8, one scale a row, Triton kernel"

    codes: Tensor
    scale: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """`(out, in)`."""
        return self.codes.shape[0], self.codes.shape[1]

    def __call__(self, x: Tensor) -> Tensor:
        parts = [int8.product(rows, self.codes, self.scale) for rows in x.split(int8.MAX_ROWS)]
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def tensors(self) -> dict[str, Tensor]:
        """What takes memory."""
        return {"codes": self.codes, "scale": self.scale}

    def biased(self, bias: Tensor | None) -> Linear:
        """A head has none; raises ValueError for one."""
        if bias is not None:
            raise ValueError("an output head has no bias")
        return self


Products = Mapping[str, DeviceNF4 | DeviceInt8]
