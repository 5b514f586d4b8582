"""Attention of a prompt's chunks on a GPU, over 8-bit pages.

The meaning is `naive.prefill_attention`, for several chunks at once if each reads pages of its own.
Pages are decoded to bf16, before the keys and values of the chunk itself.
"""

from __future__ import annotations

from typing import cast

import torch
import triton
import triton.language as tl
from torch import Tensor

from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import PAGE, Pages, QuantizedPages
from vademecum.model.kernels.triton.flash import flash, join

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
    keys, values = read(pages, table, own.expand(1, tail[0].shape[0], -1), bias, filled)
    ends = tail[0][:, :filled]
    if bias is not None:
        ends = ends + bias.at(torch.arange(filled, device=table.device) + table.shape[0] * PAGE)
    keys[0, :, keys.shape[2] - filled :] = ends
    values[0, :, keys.shape[2] - filled :] = tail[1][:, :filled]
    out = torch.empty_like(queries)
    attention(queries[None], keys, values, pages, table, selected[None], bias, out[None])
    return out


def attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    pages: QuantizedPages,
    table: Tensor,
    selected: Tensor,
    bias: KeyBias | None,
    out: Tensor,
) -> None:
    """What the last tokens of some chunks attend to, `queries [chunks, tokens, heads, dim]`, bf16,
    goes to `out`.

    `keys` with their bias and `values`, bf16 `[chunks, kv_heads, n, dim]`, are those of each chunk;
    of what came before, it reads the pages `selected [chunks, kv_heads, pages]`.
    """
    own = keys.shape[2]
    first = read(pages, table, selected[..., :BLOCK], bias, own)
    for part, ends in zip(first, (keys, values), strict=True):
        part[:, :, part.shape[2] - own :] = ends
    _, weight = flash(queries, *first, causal=True, out=out)
    for begin in range(BLOCK, selected.shape[2], BLOCK):
        some = selected[..., begin : begin + BLOCK]
        join(out, weight, *flash(queries, *read(pages, table, some, bias), causal=False))


def read(
    pages: QuantizedPages, table: Tensor, which: Tensor, bias: KeyBias | None, room: int = 0
) -> tuple[Tensor, Tensor]:
    """Keys, with their bias, and values of pages of a sequence, with room for `room` tokens after
    them: bf16 `[chunks, kv_heads, n * 32 + room, dim]`; `which` is `[chunks, kv_heads, n]`."""
    dim = pages.key_mean.shape[2]
    chunks, kv_heads, count = which.shape
    shape = (chunks, kv_heads, count * PAGE + room, dim)
    keys = torch.empty(shape, dtype=torch.bfloat16, device=table.device)
    values = torch.empty_like(keys)
    if count:
        within, turns = keys, keys
        if bias is not None:
            within, turns = bias.within, bias.turns(table.shape[0] + 1)
        read_kernel[(count, kv_heads, chunks)](
            *pages.tensors(), table, which.contiguous(), within, turns, keys, values, count,
            shape[2], pages.key_mean.shape[1], DIM=dim, VALUE_BITS=pages.value_bits,
            BIASED=bias is not None, num_warps=4,
        )  # fmt: skip
    return keys, values


@triton.jit(do_not_specialize=["count", "tokens"])
def read_kernel(
    key_codes, key_mean, key_scale, key_spread, value_codes, value_scale, value_low,
    table, which, within, turns, keys, values, count, tokens, store_pages,
    DIM: tl.constexpr, VALUE_BITS: tl.constexpr, BIASED: tl.constexpr,
):  # fmt: skip
    """One page of a KV head, for a chunk."""
    n, kv = tl.program_id(0), tl.program_id(1)
    mine = tl.program_id(2) * tl.num_programs(1) + kv
    page = tl.load(which + mine * count + n)
    at = kv.to(tl.int64) * store_pages + tl.load(table + page)
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
    line = (mine.to(tl.int64) * tokens + n * 32) * DIM
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
