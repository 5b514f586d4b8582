"""The kernel set for CPUs: what `attend` and `select` compile, given PyTorch's tensors.

Compilation takes some seconds, once: Numba keeps what it made.
"""

from __future__ import annotations

import threading

import numpy as np
import torch
from torch import Tensor

from vademecum.model.kernels import naive
from vademecum.model.kernels.attend import attend
from vademecum.model.kernels.elementary import F32
from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import PAGE, Pages, PlainPages, QuantizedPages
from vademecum.model.kernels.select import pick, score

# Numba's simplest threading layer, the only one on some systems, must not be entered twice.
one_at_a_time = threading.Lock()


def attention(
    query: Tensor,
    pages: Pages,
    table: Tensor,
    selected: Tensor,
    tail: tuple[Tensor, Tensor],
    filled: int,
    bias: KeyBias | None,
    mass: Tensor | None,
) -> Tensor:
    """As `naive.attention`; plain pages are left to it."""
    if isinstance(pages, PlainPages):
        return naive.attention(query, pages, table, selected, tail, filled, bias, mass)
    heads, dim = query.shape
    kv_heads, count = selected.shape
    q = query.float().numpy().reshape(1, kv_heads, -1, dim)
    # PyTorch's memory: a product of what lies less well aligned may round otherwise.
    out = torch.empty(heads, dim)
    with one_at_a_time:
        attend(
            q, *pages.arrays, table.numpy(), selected[None].numpy(), np.array([count]),
            tail[0].numpy(), tail[1].numpy(), filled, *bias_tables(bias, table.shape[0] + 1),
            torch.get_num_threads(), NO_MASS if mass is None else mass[None].numpy(),
            out.numpy().reshape(q.shape),
        )  # fmt: skip
    return out.to(query.dtype)


def score_pages(query: Tensor, pages: Pages, table: Tensor, bias: KeyBias | None) -> Tensor:
    """As `naive.score_pages`; plain pages are left to it."""
    if isinstance(pages, PlainPages):
        return naive.score_pages(query, pages, table, bias)
    kv_heads = pages.key_mean.shape[0]
    q = query.float().numpy().reshape(kv_heads, -1, query.shape[-1])
    scores = torch.empty(kv_heads, table.shape[0])
    _, mean, _, spread, *_ = pages.arrays
    turned = bias_tables(bias, table.shape[0])
    with one_at_a_time:
        score(q, mean, spread, table.numpy(), *turned, torch.get_num_threads(), scores.numpy())
    return scores


def select_pages(scores: Tensor, length: int, budget: int, recent: int, sinks: int) -> Tensor:
    """As `naive.select_pages`; of pages with equal scores, the first."""
    n = scores.shape[1]
    first, newest, count = naive.bounds(n, length, budget, recent, sinks)
    chosen = np.empty((scores.shape[0], count), np.int64)
    pick(scores.numpy(), first, newest, chosen)
    return torch.from_numpy(chosen)


def warm_up() -> None:
    """Compile, or load what was compiled before, so that no request waits for it."""
    pages = QuantizedPages.empty(1, 1, 16, value_bits=8)
    ids = torch.zeros(1, dtype=torch.int64)
    block = torch.zeros(1, 1, PAGE, 16)
    pages.seal(ids, block, block)
    tail = (block[:, 0], block[:, 0])
    query = torch.zeros(1, 16)
    score_pages(query, pages, ids, None)
    select_pages(torch.zeros(1, 4), 4 * PAGE, 2 * PAGE, PAGE, PAGE)
    attention(query, pages, ids, ids[None], tail, 1, None, torch.zeros(2))


NO_MASS = np.empty((0, 0), np.float32)
_NO_BIAS = (np.empty((0, 0, 0), np.float32), np.empty((0, 0, 0), np.float32))


def bias_tables(bias: KeyBias | None, pages: int) -> tuple[F32, F32]:
    """What the compiled functions read of a key bias, for as many pages; empty without one."""
    return _NO_BIAS if bias is None else (bias.within.numpy(), bias.turns(pages).numpy())
