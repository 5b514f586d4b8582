"""Files that were moved: what they say is held where they are now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from vademecum.corpora.library import Library
from vademecum.ingest.gone import below, is_missing
from vademecum.ingest.plan import node_of


def forget_moved(library: Library, corpus: str, folders: Sequence[Path] = ()) -> None:
    """Before and after a corpus is added to: what was read from a file that is gone, and from one
    that is there as well, goes once that one says something else. `folders` are being read, and
    what is not in them is gone. Raises what the library does."""
    missing = [place for place in library.places_named(corpus) if is_missing(place)]
    gone = {place for place in missing if Path(place).parent.is_dir()}
    if folders and len(gone) < len(missing):
        gone.update(below(missing, [str(folder) for folder in folders]))
    if len(gone) < len(missing):
        gone.update(_elsewhere(library, corpus, {*missing} - gone))
    if gone:
        library.moved(corpus, sorted(gone))


def _elsewhere(library: Library, corpus: str, missing: Collection[str]) -> list[str]:
    """Of files whose folder is not there either, those that were moved with it: the same file of
    the same disk, and the same in it, was read at another place. A copy is another file, whose disk
    may only not be mounted."""
    nodes = library.whole_files.nodes(corpus)
    found = {(identity, node_of(Path(at))) for at, (identity, _) in nodes.items()}
    return [place for place in missing if place in nodes and nodes[place] in found]
