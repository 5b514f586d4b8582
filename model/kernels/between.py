"""What lies between the matrix products of a layer, compiled, for one token or a few.

PyTorch needs some forty small operations a layer for it, each of which takes longer to call than to
compute. Here sums are float32; what a product reads or writes is bf16, as its 16 bits. Every row is
computed as if it had come alone.
"""

# mypy: allow-untyped-decorators

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

F32 = npt.NDArray[np.float32]
U16 = npt.NDArray[np.uint16]
U32 = npt.NDArray[np.uint32]

_fast = {"fastmath": True, "nogil": True, "cache": True, "error_model": "numpy"}


@njit(forceinline=True, **_fast)
def _round(number: U32, out: U16) -> None:
    """float32 bits to bf16 bits, to the nearest, ties to even."""
    for i in range(out.shape[0]):
        bits = number[i]
        odd = (bits >> np.uint32(16)) & np.uint32(1)
        out[i] = np.uint16((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))


@njit(forceinline=True, **_fast)
def _widen(bits: U16, out: U32) -> None:
    """bf16 bits to float32 bits."""
    for i in range(bits.shape[0]):
        out[i] = np.uint32(bits[i]) << np.uint32(16)


@njit(**_fast)
def round_rows(x: F32, out: U16) -> None:
    """float32 `[rows, n]` to bf16."""
    words = x.view(np.uint32)
    for r in range(x.shape[0]):
        _round(words[r], out[r])


@njit(**_fast)
def add_rows(x: F32, part: U16) -> None:
    """`x += part`, both `[rows, hidden]`."""
    added = np.empty(x.shape[1], np.float32)
    for r in range(x.shape[0]):
        _widen(part[r], added.view(np.uint32))
        for i in range(x.shape[1]):
            x[r, i] += added[i]


@njit(**_fast)
def norm_rows(x: F32, weight: F32, eps: np.float32, out: U16) -> None:
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
        _round(scaled.view(np.uint32), out[r])


@njit(**_fast)
def split_heads(
    qkv: U16, bias: F32, norms: F32, eps: np.float32, cos: F32, sin: F32,
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
        _widen(qkv[r], wide.view(np.uint32))
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


@njit(**_fast)
def gate_rows(both: U16, out: U16) -> None:
    """SwiGLU (arXiv:2002.05202): `silu(gate) * up`, from `[rows, 2 n]` to `[rows, n]`."""
    n = out.shape[1]
    wide = np.empty(2 * n, np.float32)
    result = np.empty(n, np.float32)
    exponents = np.empty(n, np.int32)
    powers = exponents.view(np.float32)
    for r in range(both.shape[0]):
        _widen(both[r], wide.view(np.uint32))
        # exp(-gate) to 2e-7, as in attention: the library's own is called a number at a time.
        for i in range(n):
            x = wide[i] * np.float32(-1.4426950408889634)
            x = min(max(x, np.float32(-126.0)), np.float32(126.0))
            steps = np.int32(x + np.float32(1024.5)) - np.int32(1024)
            exponents[i] = (steps + np.int32(127)) << np.int32(23)
            f = x - np.float32(steps)
            y = np.float32(1.3333558146e-3) + f * np.float32(1.5403530393e-4)
            y = np.float32(9.6181291076e-3) + f * y
            y = np.float32(5.5504108665e-2) + f * y
            y = np.float32(2.4022650696e-1) + f * y
            y = np.float32(6.9314718056e-1) + f * y
            result[i] = np.float32(1.0) + f * y
        for i in range(n):
            below = np.float32(1) + result[i] * powers[i]
            result[i] = wide[i] / below * wide[n + i]
        _round(result.view(np.uint32), out[r])


def warm_up() -> None:
    """Compile, or load what was compiled before, so that no request waits for it."""
    x, bits = np.ones((1, 2), np.float32), np.ones((1, 2), np.uint16)
    eps = np.float32(1e-5)
    round_rows(x, bits)
    add_rows(x, bits)
    norm_rows(x, x[0], eps, bits)
    gate_rows(np.ones((1, 4), np.uint16), bits)
    heads = np.ones((1, 1, 2), np.float32)
    split_heads(
        np.ones((1, 6), np.uint16), np.ones(6, np.float32), np.ones((2, 2), np.float32), eps,
        x, x, heads, heads, heads,
    )  # fmt: skip
