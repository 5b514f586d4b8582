"""What a page of keys and values is, and how a layer stores many of them.

A page is 32 tokens of one layer, complete and never changed again: the page being filled lies
outside, exact, in its sequence's tail. Keys are as attended (after RoPE). Both stores have the
same methods; shapes, throughout: `[kv_heads, pages, 32, dim]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

PAGE = 32

KvKind = Literal["plain", "int8", "k8v4"]

BF16_STEP = 1 + 2**-8  # rounding to bf16 makes a number smaller by at most this factor
# A spread is a byte: 5 bits of exponent, 3 of mantissa, from 2**-15 to 1.875 * 2**16. Its bits lie
# in those of a float32 this far up, above an exponent of this much.
SPREAD_SHIFT, SPREAD_BIAS = 20, 127 - 15


@dataclass(frozen=True, slots=True)
class PlainPages:
    """Pages as they were computed, in bf16 or float32: the reference, and twice the memory.

    `mean` and `spread` (standard deviation) of each page's keys, per channel, are
    `[kv_heads, pages, dim]`.
    """

    keys: Tensor
    values: Tensor
    mean: Tensor
    spread: Tensor

    @classmethod
    def empty(cls, kv_heads: int, pages: int, dim: int, dtype: torch.dtype) -> PlainPages:
        """Room for `pages` pages; memory is used as it is written."""
        shape = (kv_heads, pages, PAGE, dim)
        keys, values = torch.empty(shape, dtype=dtype), torch.empty(shape, dtype=dtype)
        summary = (kv_heads, pages, dim)
        return cls(
            keys, values, torch.empty(summary, dtype=dtype), torch.empty(summary, dtype=dtype)
        )

    def seal(self, ids: Tensor, keys: Tensor, values: Tensor) -> None:
        """Store complete pages, `[kv_heads, n, 32, dim]`, as the pages `ids [n]`."""
        if not ids.numel():
            return
        self.keys[:, ids] = keys.to(self.keys.dtype)
        self.values[:, ids] = values.to(self.values.dtype)
        spread, mean = torch.std_mean(keys.float(), dim=2, correction=0)
        self.mean[:, ids] = mean.to(self.mean.dtype)
        self.spread[:, ids] = spread.to(self.spread.dtype)

    def read(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of pages, float32 `[kv_heads, n * 32, dim]`.

        `ids` is `[n]`, or `[kv_heads, n]` where every head reads pages of its own.
        """
        at = _index(self.keys, ids)
        return self.keys[at].float().flatten(1, 2), self.values[at].float().flatten(1, 2)

    def summary(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of pages' keys: float32 `[kv_heads, n, dim]`."""
        return self.mean[:, ids].float(), self.spread[:, ids].float()

    def tensors(self) -> tuple[Tensor, ...]:
        """Everything that takes memory."""
        return self.keys, self.values, self.mean, self.spread


@dataclass(frozen=True)
class QuantizedPages:
    """Pages in 8 bit, or keys in 8 and values in 4 (KIVI, arXiv:2402.02750, for the axes).

    A key is `mean + scale * code`, per channel of its page, because channels of keys differ more
    than tokens do. Its zero point is the mean that page scores need, and the standard deviation
    is a byte, a small float (`SPREAD_SHIFT`), so that selecting pages costs one more byte a channel
    and reads three.
    A value is `scale * code` per token, in 4 bit `low + scale * code`.

    `key_codes` int8 `[kv_heads, pages, dim, 32]`, tokens last, so that the scores of a page are
    sums of rows; `key_mean`, `key_scale` bf16 and `key_spread` uint8 `[kv_heads, pages, dim]`;
    `value_codes` int8 `[kv_heads, pages, 32, dim]` or `[..., dim / 2]`, channel `c` in the low half
    of a byte and `c + dim / 2` in the high one; `value_scale`, `value_low` bf16
    `[kv_heads, pages, 32]`, the latter empty in 8 bit.
    """

    key_codes: Tensor
    key_mean: Tensor
    key_scale: Tensor
    key_spread: Tensor
    value_codes: Tensor
    value_scale: Tensor
    value_low: Tensor

    @classmethod
    def empty(cls, kv_heads: int, pages: int, dim: int, value_bits: int) -> QuantizedPages:
        """Room for `pages` pages; memory is used as it is written."""

        def room(*shape: int, dtype: torch.dtype) -> Tensor:
            return torch.empty(kv_heads, pages, *shape, dtype=dtype)

        return cls(
            key_codes=room(dim, PAGE, dtype=torch.int8),
            key_mean=room(dim, dtype=torch.bfloat16),
            key_scale=room(dim, dtype=torch.bfloat16),
            key_spread=room(dim, dtype=torch.uint8),
            value_codes=room(PAGE, dim * value_bits // 8, dtype=torch.int8),
            value_scale=room(PAGE, dtype=torch.bfloat16),
            value_low=room(PAGE if value_bits == 4 else 0, dtype=torch.bfloat16),
        )

    @cached_property
    def arrays(self) -> tuple[npt.NDArray[np.generic], ...]:
        """NumPy's view of `tensors`, on a CPU; it knows no bf16, so those are their 16 bits."""
        return tuple(
            tensor.view(torch.uint16).numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()
            for tensor in self.tensors()
        )

    @property
    def value_bits(self) -> int:
        """8 or 4."""
        return 4 if self.value_low.shape[2] else 8

    def seal(self, ids: Tensor, keys: Tensor, values: Tensor) -> None:
        """Quantise and store complete pages, `[kv_heads, n, 32, dim]`, as the pages `ids [n]`."""
        if not ids.numel():
            return
        keys, values = keys.float(), values.float()
        spread, mean = torch.std_mean(keys, dim=2, correction=0)
        mean = mean.bfloat16()
        offset = keys - mean.float()[:, :, None]
        scale = _scale(offset.abs().amax(dim=2), 127)
        codes = (offset / scale.float()[:, :, None]).round_().clamp_(-127, 127)
        self.key_codes[:, ids] = codes.to(torch.int8).transpose(2, 3)
        self.key_mean[:, ids] = mean
        self.key_scale[:, ids] = scale
        self.key_spread[:, ids] = _to_byte(spread)
        if self.value_bits == 8:
            scale = _scale(values.abs().amax(dim=3), 127)
            codes = (values / scale.float()[..., None]).round_().clamp_(-127, 127)
            self.value_codes[:, ids] = codes.to(torch.int8)
        else:
            low = values.amin(dim=3).bfloat16()
            offset = values - low.float()[..., None]
            scale = _scale(offset.amax(dim=3), 15)
            codes = (offset / scale.float()[..., None]).round_().clamp_(0, 15).to(torch.uint8)
            first, second = codes.chunk(2, dim=3)
            self.value_codes[:, ids] = (first | second << 4).view(torch.int8)
            self.value_low[:, ids] = low
        self.value_scale[:, ids] = scale

    def read(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of pages, float32 `[kv_heads, n * 32, dim]`; `ids` as in PlainPages."""
        at = _index(self.key_codes, ids)
        scale, mean = self.key_scale[at].float(), self.key_mean[at].float()
        keys = self.key_codes[at].float().mul_(scale[..., None]).add_(mean[..., None])
        codes = self.value_codes[at]
        if self.value_bits == 8:
            values = codes.float()
        else:
            packed = codes.view(torch.uint8)
            values = torch.cat((packed & 15, packed >> 4), dim=-1).float()
        values *= self.value_scale[at].float()[..., None]
        if self.value_bits == 4:
            values += self.value_low[at].float()[..., None]
        return keys.transpose(2, 3).flatten(1, 2), values.flatten(1, 2)

    def summary(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of pages' keys: float32 `[kv_heads, n, dim]`."""
        return self.key_mean[:, ids].float(), _of_byte(self.key_spread[:, ids])

    def tensors(self) -> tuple[Tensor, ...]:
        """Everything that takes memory."""
        return (
            self.key_codes, self.key_mean, self.key_scale, self.key_spread,
            self.value_codes, self.value_scale, self.value_low,
        )  # fmt: skip


Pages = PlainPages | QuantizedPages


def new_pages(kind: KvKind, kv_heads: int, pages: int, dim: int, dtype: torch.dtype) -> Pages:
    """An empty store for one layer; `dtype` is that of plain pages."""
    if kind == "plain":
        return PlainPages.empty(kv_heads, pages, dim, dtype)
    return QuantizedPages.empty(kv_heads, pages, dim, value_bits=8 if kind == "int8" else 4)


def page_bytes(kind: KvKind, kv_heads: int, dim: int, dtype: torch.dtype) -> int:
    """What one page of one layer takes, its metadata included."""
    one = new_pages(kind, kv_heads, 1, dim, dtype)
    return sum(tensor.numel() * tensor.element_size() for tensor in one.tensors())


def _index(stored: Tensor, ids: Tensor) -> tuple[Tensor | slice, Tensor]:
    if ids.dim() == 1:
        return slice(None), ids
    return torch.arange(stored.shape[0], device=stored.device)[:, None], ids


def _to_byte(spread: Tensor) -> Tensor:
    """The nearest of the small floats that a byte can be, of numbers from 0 on."""
    least, half = SPREAD_BIAS << 23, 1 << SPREAD_SHIFT - 1
    bits = spread.view(torch.int32) - least + half >> SPREAD_SHIFT
    return bits.clamp_(0, 255).to(torch.uint8)


def _of_byte(spread: Tensor) -> Tensor:
    """What such bytes are, float32."""
    return ((spread.int() << SPREAD_SHIFT) + (SPREAD_BIAS << 23)).view(torch.float32)


def _scale(largest: Tensor, steps: int) -> Tensor:
    """The bf16 scale with which `largest` fits into `steps` steps; never 0, never rounded down."""
    return (largest * (BF16_STEP / steps)).clamp_min(1e-20).bfloat16()
