"""Files that were moved: what they say is held where they are now."""

from __future__ import annotations

from pathlib import Path

from vademecum.corpora.library import Library
from vademecum.ingest.plan import is_gone


def forget_moved(library: Library, corpus: str) -> None:
    """Before and after a corpus is added to: what was read from a file that is gone, and from one
    that is there as well, goes once that one says something else. Raises what the library does."""
    if gone := [place for place in library.places_named(corpus) if _is_gone(place)]:
        library.forget_places(corpus, gone)


def _is_gone(place: str) -> bool:
    # Not of an address, nor of a name that had to be written down otherwise than it is.
    return not ("://" in place or "\\ud" in place) and is_gone(Path(place))
