"""What the compiled kernels share: bf16 as its 16 bits, and the exponential."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
U16 = npt.NDArray[np.uint16]
U32 = npt.NDArray[np.uint32]
Row = F32 | U16  # what a product reads or writes: float32, or bf16


def forget_stale(sources: Path, cache: Path) -> None:
    """Remove from Numba's folder `cache` what was compiled before any file in `sources` changed.

    Numba's cache knows the file of a function, but not those of the functions it calls.
    """
    changed = max(source.stat().st_mtime_ns for source in sources.glob("*.py"))
    for index in cache.glob("*.nbi"):
        with suppress(OSError):  # another process was faster, or the folder is not ours
            if index.stat().st_mtime_ns < changed:
                index.unlink()


FAST = {"fastmath": True, "nogil": True, "cache": True, "error_model": "numpy"}


@njit(forceinline=True, **FAST)
def widen(bits: U16, words: U32) -> None:
    """bf16 bits to float32 bits."""
    for i in range(bits.shape[0]):
        words[i] = np.uint32(bits[i]) << np.uint32(16)


# Beside the sources, or where NUMBA_CACHE_DIR says, or a folder of the user's if those are not
# theirs to write: Numba knows, once it has a function. Nothing was looked up there before.
if hasattr(widen, "stats"):  # not with NUMBA_DISABLE_JIT
    forget_stale(Path(__file__).parent, Path(widen.stats.cache_path))


@intrinsic
def number(typingctx, bits):  # type: ignore[no-untyped-def]
    """bf16 bits as a float32."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        word = builder.zext(arguments[0], ir.IntType(32))
        return builder.bitcast(builder.shl(word, ir.Constant(word.type, 16)), ir.FloatType())

    return types.float32(bits), generate


@njit(forceinline=True, **FAST)
def round_bits(words: U32, out: U16) -> None:
    """float32 bits to bf16 bits, to the nearest, ties to even."""
    for i in range(out.shape[0]):
        bits = words[i]
        odd = (bits >> np.uint32(16)) & np.uint32(1)
        out[i] = np.uint16((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))


def load(row: Row, out: F32) -> None:
    """A row as float32."""
    raise NotImplementedError("compiled only")


@overload(load)
def _load(row, out):  # type: ignore[no-untyped-def]  # Numba compares signatures
    if row.dtype == types.uint16:
        return lambda row, out: widen(row, out.view(np.uint32))
    return lambda row, out: _copy(row, out)


def store(numbers: F32, out: Row) -> None:
    """float32 into a row."""
    raise NotImplementedError("compiled only")


@overload(store)
def _store(numbers, out):  # type: ignore[no-untyped-def]
    if out.dtype == types.uint16:
        return lambda numbers, out: round_bits(numbers.view(np.uint32), out)
    return lambda numbers, out: _copy(numbers, out)


@njit(forceinline=True, **FAST)
def _copy(source: F32, target: F32) -> None:
    for i in range(target.shape[0]):
        target[i] = source[i]


@njit(forceinline=True, **FAST)
def exponentials(s: F32, shift: np.float32, bits: I32, powers: F32) -> None:
    """`exp(s - shift)` in place, to 2e-7, between e-87 and e87: `2^n` by its bits (`powers` views
    `bits`) times a polynomial on [-1/2, 1/2]. The library's own is called a number at a time."""
    for t in range(s.shape[0]):
        x = (s[t] - shift) * np.float32(1.4426950408889634)
        x = min(max(x, np.float32(-126.0)), np.float32(126.0))
        n = np.int32(x + np.float32(1024.5)) - np.int32(1024)
        bits[t] = (n + np.int32(127)) << np.int32(23)
        f = x - np.float32(n)
        y = np.float32(1.3333558146e-3) + f * np.float32(1.5403530393e-4)
        y = np.float32(9.6181291076e-3) + f * y
        y = np.float32(5.5504108665e-2) + f * y
        y = np.float32(2.4022650696e-1) + f * y
        y = np.float32(6.9314718056e-1) + f * y
        s[t] = np.float32(1.0) + f * y
    for t in range(s.shape[0]):
        s[t] *= powers[t]
