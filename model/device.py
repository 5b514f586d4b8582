"""A model's weights on a GPU, in the layouts that its kernels read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from torch import Tensor

from vademecum.model.kernels.triton import int8, nf4
from vademecum.model.kernels.triton.dequantize import dequantize, level_table
from vademecum.model.kernels.triton.nf4 import PackedNF4
from vademecum.model.linear import Linear, QuantizedLinear, Weight, stripes
from vademecum.model.packed import FUSED

if TYPE_CHECKING:
    from vademecum.model.config import ModelConfig


@dataclass(frozen=True, slots=True, eq=False)
class DeviceNF4:
    """NF4 through our own kernel up to 16 tokens; more are multiplied by the dequantised weight.

    Prompts do not come here where a `Reader` reads them: `products` has them in 8 bit. Of a gated
    pair of weights, gates first, `__call__` gives both products side by side: the captured step and
    a `Reader` have their gated product in one.
    """

    path: ClassVar[str] = "NF4, CUDA kernel up to 16 tokens, more by PyTorch in bf16"

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
            alone = replace(nf4.tuned(self.weight, x.shape[0]), shared=False)
            return nf4.product(x, self.weight, self.bias, alone)
        return F.linear(x, self.dequantized(), self.bias)

    def dequantized(self) -> Tensor:
        """The weight, bf16 `[out, in]`."""
        return dequantize(self.weight, self.table)

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

    @classmethod
    def of(cls, weight: Tensor, device: torch.device) -> DeviceInt8:
        """Quantise `[out, in]`, `in` a multiple of 16, on `device`."""
        codes = torch.empty(weight.shape, dtype=torch.int8, device=device)
        scale = torch.empty(weight.shape[0], dtype=torch.bfloat16, device=device)
        for at in stripes(weight.shape):  # a whole one would take nine times what the codes do
            rows = weight[at].to(device).float()
            scale[at] = (rows.abs().amax(dim=1) / 127).clamp_min(1e-12)
            codes[at] = (rows / scale[at].float()[:, None]).round_().clamp_(-127, 127)
        return cls(codes, scale)

    @property
    def shape(self) -> tuple[int, int]:
        """`(out, in)`."""
        return self.codes.shape[0], self.codes.shape[1]

    def __call__(self, x: Tensor) -> Tensor:
        x = x.bfloat16()
        some = (x[n : n + int8.MAX_ROWS] for n in range(0, x.shape[0], int8.MAX_ROWS))
        parts = [int8.product(rows, self.codes, self.scale) for rows in some]
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def tensors(self) -> dict[str, Tensor]:
        """What takes memory."""
        return {"codes": self.codes, "scale": self.scale}

    def biased(self, bias: Tensor | None) -> Linear:
        """A head has none; raises ValueError for one."""
        if bias is not None:
            raise ValueError("an output head has no bias")
        return self


def place(
    config: ModelConfig, tensors: Mapping[str, Weight], device: torch.device
) -> tuple[dict[str, Tensor], dict[str, DeviceNF4 | DeviceInt8]]:
    """A quantised model on `device`: what is read as it is, and products by the names of what they
    fuse, as `Decoder` takes them. Weights that are not quantised stay plain, the head excepted."""
    products: dict[str, DeviceNF4 | DeviceInt8] = {}
    for layer in range(config.layers):
        for name in FUSED:
            room, _, fused = name.partition(".")
            prefix = f"model.layers.{layer}.{room}."
            parts = [tensors[f"{prefix}{part}.weight"] for part in fused.split("+")]
            quantized = [part for part in parts if isinstance(part, QuantizedLinear)]
            if len(quantized) == len(parts):
                moved = [
                    QuantizedLinear(p.packed.to(device), p.absmax.to(device)) for p in quantized
                ]
                products[prefix + fused] = DeviceNF4.of(
                    QuantizedLinear.stack(moved), device, gated=fused == "gate_proj+up_proj"
                )
    left = {name: tensor for name, tensor in tensors.items() if isinstance(tensor, Tensor)}
    head = left.get("lm_head.weight", left["model.embed_tokens.weight"])
    if products and head.shape[1] % 16 == 0:
        products["lm_head"] = DeviceInt8.of(head, device)
        left.pop("lm_head.weight", None)
    return {name: tensor.to(device) for name, tensor in left.items()}, products
