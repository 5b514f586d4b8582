"""Attention of a prompt's chunk on a GPU, over 8-bit pages.

The meaning is `naive.prefill_attention`. Pages are decoded to bf16 and read by PyTorch's flash
attention (FlashAttention-2, arXiv:2307.08691), the chunk's own causally; parts are joined by the
logarithms of their denominators.
"""

from __future__ import annotations

from typing import cast

import torch
import triton
import triton.language as tl
from torch import Tensor

from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import PAGE, Pages, QuantizedPages

BLOCK = 1024  # pages that are decoded at a time, so that a long past needs no memory of its length


def prefill_attention(
    queries: Tensor,
    pages: Pages,
    table: Tensor,
    selected: Tensor,
    start: int,
    tail: tuple[Tensor, Tensor],
    bias: KeyBias | None,
) -> Tensor:
    """`queries [tokens, heads, dim]` bf16 to the same."""
    past = start // PAGE
    own = torch.arange(past, table.shape[0], device=table.device)
    filled = start + queries.shape[0] - table.shape[0] * PAGE
    pages = cast("QuantizedPages", pages)
    keys, values = read(pages, table, own, bias)
    ends = tail[0][:, :filled]
    if bias is not None:
        ends = ends + bias.at(torch.arange(filled, device=table.device) + table.shape[0] * PAGE)
    keys = torch.cat((keys, ends.bfloat16()), dim=1)
    values = torch.cat((values, tail[1][:, :filled].bfloat16()), dim=1)
    return attention(queries, keys, values, pages, table, selected, bias)


def attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    pages: QuantizedPages,
    table: Tensor,
    selected: Tensor,
    bias: KeyBias | None,
) -> Tensor:
    """The same; `keys` with their bias and `values`, bf16 `[kv_heads, tokens, dim]`, are those of
    the chunk, whose last tokens ask."""
    query = queries.transpose(0, 1)
    first = read(pages, table, selected[:, :BLOCK], bias)
    # Masked so that the last query sees the last key, and each before it one less.
    out, weight = _flash(
        query, torch.cat((first[0], keys), dim=1), torch.cat((first[1], values), dim=1), causal=True
    )
    for begin in range(BLOCK, selected.shape[1], BLOCK):
        some = selected[:, begin : begin + BLOCK]
        part, more = _flash(query, *read(pages, table, some, bias), causal=False)
        both = torch.logaddexp(weight, more)
        out = out * (weight - both).exp()[..., None] + part * (more - both).exp()[..., None]
        weight = both
    return out.transpose(0, 1).to(queries.dtype)


def read(
    pages: QuantizedPages, table: Tensor, which: Tensor, bias: KeyBias | None
) -> tuple[Tensor, Tensor]:
    """Keys, with their bias, and values of pages of a sequence, bf16 `[kv_heads, n * 32, dim]`;
    `which` is `[n]`, or `[kv_heads, n]` where heads read pages of their own."""
    kv_heads, _, dim = pages.key_mean.shape
    which = which.expand(kv_heads, -1).contiguous()
    count = which.shape[1]
    shape = (kv_heads, count * PAGE, dim)
    keys = torch.empty(shape, dtype=torch.bfloat16, device=table.device)
    values = torch.empty_like(keys)
    if count:
        within, turns = keys, keys
        if bias is not None:
            within, turns = bias.within, bias.turns(table.shape[0] + 1)
        read_kernel[(count, kv_heads)](
            *pages.tensors(), table, which, within, turns, keys, values, count,
            pages.key_mean.shape[1], DIM=dim, VALUE_BITS=pages.value_bits,
            BIASED=bias is not None, num_warps=4,
        )  # fmt: skip
    return keys, values


@triton.jit
def read_kernel(
    key_codes, key_mean, key_scale, key_spread, value_codes, value_scale, value_low,
    table, which, within, turns, keys, values, count, store_pages,
    DIM: tl.constexpr, VALUE_BITS: tl.constexpr, BIASED: tl.constexpr,
):  # fmt: skip
    """One page of a KV head."""
    n, kv = tl.program_id(0), tl.program_id(1)
    page = tl.load(which + kv * count + n)
    at = kv * store_pages.to(tl.int64) + tl.load(table + page)
    dim, slot = tl.arange(0, DIM), tl.arange(0, 32)
    codes = tl.load(key_codes + at * (DIM * 32) + dim[:, None] * 32 + slot[None, :])
    scale = tl.load(key_scale + at * DIM + dim).to(tl.float32)
    mean = tl.load(key_mean + at * DIM + dim).to(tl.float32)
    key = codes.to(tl.float32) * scale[:, None] + mean[:, None]
    if BIASED:
        half: tl.constexpr = DIM // 2
        cos = tl.load(turns + page * DIM + dim % half)
        sin = tl.load(turns + page * DIM + half + dim % half)
        sin = tl.where(dim < half, -sin, sin)
        own = tl.load(within + (kv * DIM + dim)[:, None] * 32 + slot[None, :])
        across = (dim + half) % DIM
        other = tl.load(within + (kv * DIM + across)[:, None] * 32 + slot[None, :])
        key += own * cos[:, None] + other * sin[:, None]
    line = (kv * count + n).to(tl.int64) * (32 * DIM)
    place = line + slot[None, :] * DIM + dim[:, None]
    tl.store(keys + place, key.to(tl.bfloat16))

    unit = tl.load(value_scale + at * 32 + slot).to(tl.float32)
    row_of = at * (4 * DIM * VALUE_BITS) + slot * (DIM * VALUE_BITS // 8)
    if VALUE_BITS == 8:
        value = tl.load(value_codes + row_of[:, None] + dim[None, :]).to(tl.float32)
        value *= unit[:, None]
    else:
        packed = tl.load(value_codes + row_of[:, None] + (dim % (DIM // 2))[None, :])
        shift = tl.where(dim < DIM // 2, 0, 4)[None, :]
        value = ((packed.to(tl.int32) >> shift) & 15).to(tl.float32) * unit[:, None]
        value += tl.load(value_low + at * 32 + slot).to(tl.float32)[:, None]
    tl.store(values + line + slot[:, None] * DIM + dim[None, :], value.to(tl.bfloat16))


def _flash(query: Tensor, keys: Tensor, values: Tensor, *, causal: bool) -> tuple[Tensor, Tensor]:
    """bf16 `[heads, tokens, dim]`, and the logarithm of its denominator, float32 `[heads, tokens]`.

    The heads of a group read the same keys; PyTorch's public form would copy them for each.
    """
    out, weight, *_ = torch.ops.aten._scaled_dot_product_flash_attention(
        query[None], keys[None], values[None], 0.0, causal
    )
    return out[0], weight[0]
