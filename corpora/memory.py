"""Memory that was freed, given back to the system."""

from __future__ import annotations

import ctypes
import sys


def trim() -> None:
    """Have the C library return what it keeps for the next who asks; only glibc keeps so much.

    A step of the indexes leaves it with some 100 MB, of Chroma's most of all; a batch of documents
    with less, but from batch to batch more of it in pieces. Takes milliseconds.
    """
    if sys.platform == "linux":
        give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if give_back is not None:
            give_back(0)
