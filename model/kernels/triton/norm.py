"""The residual stream: what a product gave is added to it, and what the next one reads is made.

    x += sum_s parts[s];   out = x / sqrt(mean(x^2) + eps) * weight

RMSNorm (arXiv:1910.07467). Parts are added as they are read, so that a product which splits its
inputs needs no step of its own.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from vademecum.model.kernels.triton.early import early, wait_for_previous


def add_norm(x: Tensor, parts: Tensor | None, weight: Tensor, eps: float) -> Tensor:
    """bf16 `[rows, hidden]`, normed; `x`, float32 of that shape, grows by the parts.

    `parts` is `[rows, hidden]` or float32 `[splits, rows, hidden]`; None adds nothing.
    """
    rows, hidden = x.shape
    splits = 0 if parts is None else parts.shape[0] if parts.dim() == 3 else 1
    out = torch.empty(rows, hidden, dtype=torch.bfloat16, device=x.device)
    add_norm_kernel[(rows,)](
        x, x if parts is None else parts, weight, out, rows, hidden, eps,
        SPLITS=splits, WIDTH=triton.next_power_of_2(hidden), num_warps=8, **early(x.device),
    )  # fmt: skip
    return out


@triton.jit
def add_norm_kernel(
    x, parts, weight, out, rows, hidden, eps,
    SPLITS: tl.constexpr, WIDTH: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """One row."""
    row = tl.program_id(0)
    channel = tl.arange(0, WIDTH)
    there = channel < hidden
    weights = tl.load(weight + channel, mask=there, other=0.0).to(tl.float32)
    wait_for_previous(EARLY)
    stream = tl.load(x + row * hidden + channel, mask=there, other=0.0)
    for split in tl.static_range(SPLITS):
        at = (split * rows + row) * hidden + channel
        stream += tl.load(parts + at, mask=there, other=0.0).to(tl.float32)
    if SPLITS > 0:
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
