"""Memory that was freed, given back to the system. Only glibc keeps so much that it matters."""

from __future__ import annotations

import ctypes
import sys

ARENA_MAX = -8  # M_ARENA_MAX in glibc's malloc.h


def share_arena() -> None:
    """Have threads that are still to start take their memory from the arenas that there are.

    Otherwise each gets one of its own, and what lies free at the end of any but the first is not
    given back by `trim` (glibc's `mtrim`). Chroma starts threads each time that it is opened: of a
    step of the indexes they kept 120 MB.
    """
    if (choose := _glibc("mallopt")) is not None:
        choose(ARENA_MAX, 1)


def trim() -> None:
    """Have the C library return what it keeps for the next who asks.

    A step of the indexes leaves it with some 100 MB, of Chroma's most of all; a batch of documents
    with less, but from batch to batch more of it in pieces. Takes milliseconds.
    """
    if (give_back := _glibc("malloc_trim")) is not None:
        give_back(0)


def _glibc(name: str) -> ctypes._NamedFuncPointer | None:
    """A function of the C library, where it is glibc's."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return getattr(library, name, None) if hasattr(library, "gnu_get_libc_version") else None
