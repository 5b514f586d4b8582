"""Python's collector of cyclic garbage, held off while it can find none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """For imports and for what lives as long as the process. The collector counts objects that
    were made, and looks through all of them again and again: a quarter of what starting takes."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
