"""Attention of a prompt's chunk on a GPU, over 8-bit pages.

The meaning is `naive.prefill_attention`. Pages are decoded to bf16 and read by PyTorch's flash
attention (FlashAttention-2, arXiv:2307.08691), the chunk's own causally; parts are joined by the
logarithms of their denominators.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import PAGE, Pages

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
    keys, values = _read(pages, table, own, bias)
    ends = tail[0][:, :filled]
    if bias is not None:
        ends = ends + bias.at(torch.arange(filled, device=table.device) + table.shape[0] * PAGE)
    keys = torch.cat((keys, ends.bfloat16()), dim=1)
    values = torch.cat((values, tail[1][:, :filled].bfloat16()), dim=1)
    query = queries.transpose(0, 1)
    out, weight = _flash(query, keys, values, causal=True)
    for first in range(0, selected.shape[1], BLOCK):
        some = selected[:, first : first + BLOCK]
        part, more = _flash(query, *_read(pages, table, some, bias), causal=False)
        both = torch.logaddexp(weight, more)
        out = out * (weight - both).exp()[..., None] + part * (more - both).exp()[..., None]
        weight = both
    return out.transpose(0, 1).to(queries.dtype)


def _read(
    pages: Pages, table: Tensor, which: Tensor, bias: KeyBias | None
) -> tuple[Tensor, Tensor]:
    keys, values = pages.read(table[which])
    if bias is not None:
        offset = torch.arange(PAGE, device=table.device)
        keys = keys + bias.at((which[..., None] * PAGE + offset).flatten(-2))
    return keys.bfloat16(), values.bfloat16()


def _flash(query: Tensor, keys: Tensor, values: Tensor, *, causal: bool) -> tuple[Tensor, Tensor]:
    """Float32 `[heads, tokens, dim]`, and the logarithm of its denominator `[heads, tokens]`."""
    group = query.shape[0] // keys.shape[0]
    keys, values = keys.repeat_interleave(group, 0), values.repeat_interleave(group, 0)
    out, weight, *_ = torch.ops.aten._scaled_dot_product_flash_attention(
        query[None], keys[None], values[None], 0.0, causal
    )
    return out[0].float(), weight[0].float()
