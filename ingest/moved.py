"""Files that were moved: what they say is held where they are now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vademecum.corpora.library import Library
from vademecum.ingest.gone import below, is_missing


def forget_moved(library: Library, corpus: str, folders: Sequence[Path] = ()) -> None:
    """Before and after a corpus is added to: what was read from a file that is gone, and from one
    that is there as well, goes once that one says something else. `folders` are being read, and
    what is not in them is gone. Raises what the library does."""
    missing = [place for place in library.places_named(corpus) if is_missing(place)]
    gone = {place for place in missing if Path(place).parent.is_dir()}
    if missing and folders:
        gone.update(below(missing, [str(folder) for folder in folders]))
    if gone:
        library.moved(corpus, sorted(gone))
