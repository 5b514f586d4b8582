"""A layer's products with a prompt's tokens: up to 16 by the NF4 kernel, more in 8 bit.

What is in 8 bit is turned first, inputs and weights: `rotated` says why. A weight becomes so anew
for each pass over the layer, from NF4: kept, it would take twice the memory again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from torch import Tensor

from vademecum.model.kernels.rotated import Rotated
from vademecum.model.kernels.triton import matmul, nf4, norm
from vademecum.model.kernels.triton.rotate import (
    rotate,
    rotate_normed,
    rotate_weight,
    weight_scale,
)
from vademecum.model.placement import TOGETHER

if TYPE_CHECKING:
    from vademecum.model.device import DeviceNF4
    from vademecum.model.layer import Layer


class Product:
    """One of them, its weight an NF4 one."""

    def __init__(self, weight: object) -> None:
        self.nf4 = cast("DeviceNF4", weight)
        self._scale = weight_scale(self.nf4.weight)

    def turned(self) -> Rotated:
        """The weight in 8 bit."""
        return rotate_weight(self.nf4.weight, self._scale)

    def add_to(self, stream: Tensor, x: Tensor) -> None:
        """Add the product of `x`, bf16 `[tokens, in]`, to `stream`, float32 `[tokens, out]`."""
        if x.shape[0] <= nf4.MAX_ROWS:
            stream += self.nf4(x)
        else:
            matmul.add_to(stream, rotate(x), self.turned(), self.nf4.bias)


class LayerProducts:
    """All of a layer, with the norms before them; `x` is the stream, float32 `[tokens, hidden]`."""

    def __init__(self, layer: Layer, eps: float) -> None:
        """All weights of `layer` are `DeviceNF4`."""
        self._norms, self._eps = (layer.attention_norm, layer.mlp_norm), eps
        self._qkv, self.out, self._gate_up, self._down = (
            Product(weight) for weight in (layer.qkv, layer.out, layer.gate_up, layer.down)
        )

    def lengths(self, read: int, most: int) -> list[int]:
        """As `matmul.lengths`."""
        products: list[tuple[matmul.Form, int]] = [
            ("plain", self._qkv.nf4.shape[0]), ("added", self.out.nf4.shape[0]),
            ("gated", self._gate_up.nf4.shape[0]), ("added", self._down.nf4.shape[0]),
        ]  # fmt: skip
        return matmul.lengths(self._qkv.nf4.weight.codes.device, products, read, most)

    def qkv(self, x: Tensor) -> Tensor:
        """Queries, keys and values side by side: bf16 `[tokens, (heads + 2 kv_heads) dim]`."""
        weight = self._qkv.nf4
        if x.shape[0] <= nf4.MAX_ROWS:
            return weight(norm.add_norm(x, None, self._norms[0], self._eps))
        turned = rotate_normed(x, self._norms[0], self._eps)
        return matmul.product(turned, self._qkv.turned(), weight.bias)

    def add_mlp(self, x: Tensor) -> None:
        """`x += down(silu(gate(norm(x))) up(norm(x)))`."""
        if x.shape[0] <= nf4.MAX_ROWS:
            normed = norm.add_norm(x, None, self._norms[1], self._eps)
            x += self._down.nf4(nf4.product(normed, self._gate_up.nf4.weight))
            return
        wide, narrow = self._gate_up.turned(), self._down.turned()
        for some in x.split(TOGETHER):
            gated = matmul.gated(rotate_normed(some, self._norms[1], self._eps), wide)
            matmul.add_to(some, rotate(gated), narrow, self._down.nf4.bias)
