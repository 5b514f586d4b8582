"""Files that were moved: what they say is held where they are now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from vademecum.corpora.library import Library
from vademecum.ingest.gone import is_missing, surely_gone
from vademecum.ingest.plan import node_of


def forget_moved(library: Library, corpus: str, folders: Sequence[Path] = ()) -> None:
    """Before and after a corpus is added to: what was read from a file that is gone, and from one
    that is there as well, goes once that one says something else. `folders` are being read. What
    is in a folder that is empty or not there counts only where the file was moved: its disk may not
    be mounted. Raises what the library does."""
    missing = [place for place in library.places_named(corpus) if is_missing(place)]
    surely, perhaps = surely_gone(missing, [str(folder) for folder in folders])
    gone = [*surely, *(_elsewhere(library, corpus, perhaps) if perhaps else ())]
    if gone:
        library.moved(corpus, sorted(gone))


def _elsewhere(library: Library, corpus: str, missing: Collection[str]) -> list[str]:
    """Of files that may only be on a disk that is not mounted, those that were moved: the same file
    of the same disk, and the same in it, was read at another place. A copy is another file."""
    nodes = library.whole_files.nodes(corpus)
    found = {(identity, node_of(Path(at))) for at, (identity, _) in nodes.items()}
    return [place for place in missing if place in nodes and nodes[place] in found]
