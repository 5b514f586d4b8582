"""What lies between the matrix products of a layer, compiled, for one token or a few.

PyTorch needs some forty small operations a layer for it, each of which takes longer to call than to
compute. Here sums are float32; what a product reads or writes is float32 too, or bf16 as its 16
bits. Every row is computed as if it had come alone.
"""

# mypy: allow-untyped-decorators

from __future__ import annotations

import numpy as np
from numba import njit

from vademecum.model.kernels.attend import attend
from vademecum.model.kernels.elementary import F32, FAST, Row, exponentials, load, store
from vademecum.model.kernels.select import pick, score


@njit(**FAST)
def store_rows(x: F32, out: Row) -> None:
    """float32 `[rows, n]` as a product reads it."""
    for r in range(x.shape[0]):
        store(x[r], out[r])


@njit(**FAST)
def norm_rows(x: F32, weight: F32, eps: np.float32, out: Row) -> None:
    """RMSNorm (arXiv:1910.07467): `out = x / sqrt(mean(x^2) + eps) * weight`, `[rows, hidden]`."""
    n = x.shape[1]
    scaled = np.empty(n, np.float32)
    for r in range(x.shape[0]):
        total = np.float32(0)
        for i in range(n):
            total += x[r, i] * x[r, i]
        scale = np.float32(1) / np.sqrt(total / np.float32(n) + eps)
        for i in range(n):
            scaled[i] = x[r, i] * scale * weight[i]
        store(scaled, out[r])


@njit(**FAST)
def add_norm_rows(x: F32, part: Row, weight: F32, eps: np.float32, out: Row) -> None:
    """`x += part`, then `norm_rows`."""
    added = np.empty(x.shape[1], np.float32)
    for r in range(x.shape[0]):
        load(part[r], added)
        for i in range(x.shape[1]):
            x[r, i] += added[i]
    norm_rows(x, weight, eps, out)


@njit(**FAST)
def split_heads(
    qkv: Row, bias: F32, norms: F32, eps: np.float32, cos: F32, sin: F32,
    query: F32, key: F32, value: F32,
) -> None:  # fmt: skip
    """A fused product `[rows, (heads + 2 kv_heads) * dim]` to queries and keys, normalised (Qwen3)
    and rotated, and values: `[rows, heads or kv_heads, dim]`.

    `bias` and `norms [2, dim]`, of queries and of keys, may be empty; `cos` and `sin [rows, dim]`
    are `Decoder._rotation`'s, the sine signed.
    """
    rows, heads, dim = query.shape
    kv_heads = key.shape[1]
    half = dim // 2
    wide = np.empty(qkv.shape[1], np.float32)
    for r in range(rows):
        load(qkv[r], wide)
        for i in range(bias.shape[0]):
            wide[i] += bias[i]
        for h in range(heads + kv_heads):
            head = wide[h * dim : (h + 1) * dim]
            if norms.shape[0]:
                total = np.float32(0)
                for d in range(dim):
                    total += head[d] * head[d]
                scale = np.float32(1) / np.sqrt(total / np.float32(dim) + eps)
                which = 0 if h < heads else 1
                for d in range(dim):
                    head[d] *= scale * norms[which, d]
            out = query[r, h] if h < heads else key[r, h - heads]
            for d in range(half):
                out[d] = head[d] * cos[r, d] + head[d + half] * sin[r, d]
                out[d + half] = head[d + half] * cos[r, d + half] + head[d] * sin[r, d + half]
        for h in range(kv_heads):
            at = (heads + kv_heads + h) * dim
            for d in range(dim):
                value[r, h, d] = wide[at + d]


@njit(**FAST)
def attend_rows(
    qkv, bias, norms, eps, cos, sin,
    key_codes, key_mean, key_scale, key_spread, value_codes, value_scale, value_low,
    table, tail_keys, tail_values, filled, within, turns, bounds, threads, mass, counted, out,
):  # fmt: skip
    """From a fused product to what the next one reads: `[rows, (heads + 2 kv_heads) * dim]` to
    `[rows, heads * dim]`.

    Keys and values go into the tail, from its slot `filled` on. `bounds` int64 `[rows, 3]` are
    `naive.bounds` of each row: with a count of all pages, all are read and none is scored. How many
    were read and skipped where there was a choice is added to `counted` int64 `[2]`.
    """
    rows = qkv.shape[0]
    kv_heads, _, dim = tail_keys.shape
    heads = out.shape[1] // dim
    pages = table.shape[0]
    query = np.empty((rows, heads, dim), np.float32)
    key = np.empty((rows, kv_heads, dim), np.float32)
    value = np.empty((rows, kv_heads, dim), np.float32)
    split_heads(qkv, bias, norms, eps, cos, sin, query, key, value)
    for r in range(rows):
        for h in range(kv_heads):
            tail_keys[h, filled + r] = key[r, h]
            tail_values[h, filled + r] = value[r, h]

    q = query.reshape(rows, kv_heads, heads // kv_heads, dim)
    counts = bounds[:, 2].copy()
    selected = np.empty((rows, kv_heads, counts.max()), np.int64)
    scores = np.empty((kv_heads, pages), np.float32)
    for r in range(rows):
        count = counts[r]
        if count == pages:
            for h in range(kv_heads):
                for n in range(pages):
                    selected[r, h, n] = n
            continue
        score(q[r], key_mean, key_spread, table, within, turns, threads, scores)
        chosen = np.empty((kv_heads, count), np.int64)
        pick(scores, bounds[r, 0], bounds[r, 1], chosen)
        selected[r, :, :count] = chosen
        counted[0] += kv_heads * count
        counted[1] += kv_heads * (pages - count)

    attended = np.empty((rows, kv_heads, heads // kv_heads, dim), np.float32)
    attend(
        q, key_codes, key_mean, key_scale, key_spread, value_codes, value_scale, value_low, table,
        selected, counts, tail_keys, tail_values, filled + 1, within, turns, threads, mass,
        attended,
    )  # fmt: skip
    store_rows(attended.reshape(rows, heads * dim), out)


@njit(**FAST)
def gate_rows(both: Row, out: Row) -> None:
    """SwiGLU (arXiv:2002.05202): `silu(gate) * up`, from `[rows, 2 n]` to `[rows, n]`."""
    n = out.shape[1]
    wide = np.empty(2 * n, np.float32)
    result = np.empty(n, np.float32)
    exponents = np.empty(n, np.int32)
    for r in range(both.shape[0]):
        load(both[r], wide)
        for i in range(n):
            result[i] = -wide[i]
        exponentials(result, np.float32(0), exponents, exponents.view(np.float32))
        for i in range(n):
            result[i] = wide[i] / (np.float32(1) + result[i]) * wide[n + i]
        store(result, out[r])
