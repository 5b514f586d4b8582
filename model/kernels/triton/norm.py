"""The residual stream: what a product gave is added to it, and what the next one reads is made.

    x += added;   out = x / sqrt(mean(x^2) + eps) * weight

RMSNorm (arXiv:1910.07467).
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from vademecum.model.kernels.triton.early import early, wait_for_previous


def add_norm(x: Tensor, added: Tensor | None, weight: Tensor, eps: float) -> Tensor:
    """bf16 `[rows, hidden]`, normed; `x`, float32 of that shape, grows by what is added, of that
    shape too; None adds nothing."""
    rows, hidden = x.shape
    out = torch.empty(rows, hidden, dtype=torch.bfloat16, device=x.device)
    add_norm_kernel[(rows,)](
        x, x if added is None else added, weight, out, hidden, eps, ADDS=added is not None,
        WIDTH=triton.next_power_of_2(hidden), num_warps=8, **early(x.device),
    )  # fmt: skip
    return out


@triton.jit
def add_norm_kernel(
    x, added, weight, out, hidden, eps,
    ADDS: tl.constexpr, WIDTH: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """One row."""
    row = tl.program_id(0)
    channel = tl.arange(0, WIDTH)
    there = channel < hidden
    weights = tl.load(weight + channel, mask=there, other=0.0).to(tl.float32)
    wait_for_previous(EARLY)
    stream = tl.load(x + row * hidden + channel, mask=there, other=0.0)
    if ADDS:
        stream += tl.load(added + row * hidden + channel, mask=there, other=0.0).to(tl.float32)
        tl.store(x + row * hidden + channel, stream, mask=there)
    scale = tl.rsqrt(tl.sum(stream * stream, axis=0) / hidden + eps)
    tl.store(out + row * hidden + channel, (stream * scale * weights).to(tl.bfloat16), mask=there)


def embed(ids: Tensor, embedding: Tensor) -> Tensor:
    """`ids` int64 `[rows]`, `embedding` bf16 `[vocab, hidden]`: float32 `[rows, hidden]`.

    An id below 0, which stands for no token, is read as 0: a step may follow before the host has
    seen that there was none.
    """
    rows, hidden = ids.shape[0], embedding.shape[1]
    out = torch.empty(rows, hidden, device=embedding.device)
    embed_kernel[(rows,)](
        ids, embedding, out, hidden, WIDTH=triton.next_power_of_2(hidden), num_warps=8,
        **early(out.device),
    )  # fmt: skip
    return out


@triton.jit
def embed_kernel(ids, embedding, out, hidden, WIDTH: tl.constexpr, EARLY: tl.constexpr):
    """One row."""
    row = tl.program_id(0)
    channel = tl.arange(0, WIDTH)
    there = channel < hidden
    wait_for_previous(EARLY)
    at = tl.maximum(tl.load(ids + row), 0) * hidden + channel
    tl.store(
        out + row * hidden + channel, tl.load(embedding + at, mask=there).to(tl.float32), mask=there
    )
