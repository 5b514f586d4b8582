"""Attention of many tokens to many: FlashAttention-2 (arXiv:2307.08691) in bf16.

    out[i] = sum_j p[i, j] v[j] / sum_j p[i, j]
    p[i, j] = exp(q_i . k_j / sqrt(dim)) for j <= shift + i

The heads of a group read the same keys, and lengths are whatever they are. On Hopper, blocks of
keys are fetched by its copy engine. Of PyTorch's own, FlashAttention-2 takes half as long again or
more there; cuDNN's is a quarter faster, but plans anew for each length, in each thread.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

from vademecum.model.kernels.triton.early import hopper


def flash(
    query: Tensor, keys: Tensor, values: Tensor, *, causal: bool, out: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """`out`, bf16 as `query [batch, tokens, heads, dim]`, and the logarithm of its denominator,
    float32 `[batch, heads, tokens]`.

    `keys` and `values` are `[batch, kv_heads, n, dim]`. If `causal`, the last query sees the last
    key, and each before it one less.
    """
    query, keys, values = query.contiguous(), keys.contiguous(), values.contiguous()
    batch, tokens, heads, dim = query.shape
    kv_heads, n = keys.shape[1:3]
    out = torch.empty_like(query) if out is None else out
    weight = torch.empty(batch, heads, tokens, device=query.device)
    # Measured on a Hopper; Ada's shared memory holds two stages.
    rows, columns, warps = (128, 64, 8) if dim <= 128 else (64, 32, 4)
    by_engine = hopper(query.device)
    parts = (keys, values)
    if by_engine:
        parts = tuple(
            TensorDescriptor.from_tensor(part.view(-1, dim), [columns, dim]) for part in parts
        )
    flash_kernel[(triton.cdiv(tokens, rows), heads, batch)](
        query, *parts, out, weight, tokens, n, n - tokens if causal else n,
        dim**-0.5 / math.log(2),
        HEADS=heads, KV_HEADS=kv_heads, DIM=dim, ROWS=rows, COLUMNS=columns, ENGINE=by_engine,
        WIDE=query.device.type == "cpu", STAGES=3 if by_engine else 2, num_warps=warps,
    )  # fmt: skip
    return out, weight


def join(out: Tensor, weight: Tensor, part: Tensor, more: Tensor) -> None:
    """Add what was attended in `part` to `out`, and to its `weight`: both as `flash` gives them."""
    batch, tokens, heads, dim = out.shape
    join_kernel[(triton.cdiv(tokens * heads, 32), batch)](
        out, weight, part, more, tokens, HEADS=heads, DIM=dim, num_warps=4
    )


@triton.jit
def _block(x, line, n, COLUMNS: tl.constexpr, DIM: tl.constexpr, ENGINE: tl.constexpr):
    """Rows `line` and following of `x`, of which `n` are to be read."""
    if ENGINE:
        block = x.load([line, 0])
    else:
        row, dim = tl.arange(0, COLUMNS), tl.arange(0, DIM)
        place = (line + row).to(tl.int64)[:, None] * DIM + dim[None, :]
        block = tl.load(x + place, mask=(row < n)[:, None], other=0.0)
    return block


@triton.jit
def _product(a, b, c, WIDE: tl.constexpr):
    """`a b + c`, in bf16; if `WIDE` in float32: Triton's interpreter multiplies no bf16."""
    if WIDE:
        found = tl.dot(a.to(tl.float32), b.to(tl.float32), c)
    else:
        found = tl.dot(a.to(tl.bfloat16), b, c)
    return found


@triton.jit
def _step(
    q, keys, values, line, n, column, last, scaling, out, total, top, COLUMNS: tl.constexpr,
    DIM: tl.constexpr, ENGINE: tl.constexpr, WIDE: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """One block of keys; a row sees columns up to its `last`."""
    k = _block(keys, line, n, COLUMNS, DIM, ENGINE)
    v = _block(values, line, n, COLUMNS, DIM, ENGINE)
    score = _product(q, k.T, None, WIDE)
    if MASKED:
        score = tl.where(column[None, :] <= last[:, None], score, float("-inf"))
    new = tl.maximum(top, tl.max(score, axis=1) * scaling)
    p = tl.exp2(score * scaling - new[:, None])
    fade = tl.exp2(top - new)
    total = total * fade + tl.sum(p, axis=1)
    out = _product(p, v, out * fade[:, None], WIDE)
    return out, total, new


@triton.jit(do_not_specialize=["tokens", "n", "shift"])
def flash_kernel(
    query, keys, values, out, weight, tokens, n, shift, scaling,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, DIM: tl.constexpr, ROWS: tl.constexpr,
    COLUMNS: tl.constexpr, ENGINE: tl.constexpr, WIDE: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Some tokens of a head. Those that see most begin first."""
    block = tl.num_programs(0) - 1 - tl.program_id(0)
    head, batch = tl.program_id(1), tl.program_id(2)
    row, dim, lane = block * ROWS + tl.arange(0, ROWS), tl.arange(0, DIM), tl.arange(0, COLUMNS)
    there = row < tokens
    at = ((batch * tokens + row) * HEADS + head).to(tl.int64)[:, None] * DIM + dim[None, :]
    q = tl.load(query + at, mask=there[:, None], other=0.0)
    line = (batch * KV_HEADS + head // (HEADS // KV_HEADS)) * n
    total = tl.zeros((ROWS,), tl.float32)
    top = tl.full((ROWS,), float("-inf"), tl.float32)
    gathered = tl.zeros((ROWS, DIM), tl.float32)
    last = tl.minimum(shift + row, n - 1)
    # What the first row sees in whole blocks, all do; then comes the diagonal.
    whole = tl.minimum(shift + block * ROWS + 1, n) // COLUMNS * COLUMNS
    end = tl.minimum(shift + block * ROWS + ROWS, n)
    for at_key in tl.range(0, whole, COLUMNS, num_stages=STAGES):
        gathered, total, top = _step(
            q, keys, values, line + at_key, COLUMNS, lane, last, scaling, gathered, total, top,
            COLUMNS, DIM, ENGINE, WIDE, False,
        )  # fmt: skip
    for at_key in tl.range(whole, end, COLUMNS, num_stages=1):
        gathered, total, top = _step(
            q, keys, values, line + at_key, n - at_key, at_key + lane, last, scaling, gathered,
            total, top, COLUMNS, DIM, ENGINE, WIDE, True,
        )  # fmt: skip
    tl.store(out + at, (gathered / total[:, None]).to(tl.bfloat16), mask=there[:, None])
    told = (top + tl.log2(total)) * 0.6931471805599453
    tl.store(weight + (batch * HEADS + head) * tokens + row, told, mask=there)


@triton.jit(do_not_specialize=["tokens"])
def join_kernel(out, weight, part, more, tokens, HEADS: tl.constexpr, DIM: tl.constexpr):
    """32 rows, each a head of a token."""
    row, batch = tl.program_id(0) * 32 + tl.arange(0, 32), tl.program_id(1)
    dim = tl.arange(0, DIM)
    there = row < tokens * HEADS
    told = (batch * HEADS + row % HEADS) * tokens + row // HEADS
    mine = tl.load(weight + told, mask=there, other=0.0)
    other = tl.load(more + told, mask=there, other=0.0)
    top = tl.maximum(mine, other)
    both = top + tl.log(tl.exp(mine - top) + tl.exp(other - top))
    at = (batch * tokens * HEADS + row).to(tl.int64)[:, None] * DIM + dim[None, :]
    x = tl.load(out + at, mask=there[:, None], other=0.0).to(tl.float32)
    y = tl.load(part + at, mask=there[:, None], other=0.0).to(tl.float32)
    x = x * tl.exp(mine - both)[:, None] + y * tl.exp(other - both)[:, None]
    tl.store(out + at, x.to(tl.bfloat16), mask=there[:, None])
    tl.store(weight + told, both, mask=there)
