"""What people name on the command line, as files to read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from vademecum.assets import SAMPLE_PUBMED, fetch
from vademecum.corpora.readers import reader_for
from vademecum.corpora.revision import file_number
from vademecum.errors import DocumentRejected, UsageError
from vademecum.ingest.plan import SAMPLE_SIZE, Plan
from vademecum.progress import Progress, Silent

SAMPLE = "pubmed-sample"


def resolve(paths: Sequence[str], *, progress: Progress | None = None) -> Plan:
    """Files as given, folders walked for what a reader takes, or the word `pubmed-sample`.

    The sample is fetched on first use; of it the newest abstracts are taken. Raises UsageError
    where nothing is there to read, and what `assets.fetch` raises.
    """
    if not paths:
        raise UsageError("nothing to read was named", f"name files or folders, or {SAMPLE}")
    if SAMPLE in paths and not Path(SAMPLE).exists():
        if len(paths) > 1:
            raise UsageError(
                f"{SAMPLE} cannot be mixed with files", "run the command once for each of them"
            )
        file = fetch(SAMPLE_PUBMED, progress=progress or Silent())
        return Plan((file,), newest=SAMPLE_SIZE)
    files: dict[Path, Path] = {}
    for named in paths:
        path = Path(named).expanduser()
        for file in _walk(path) if path.is_dir() else [_existing(path, named)]:
            files.setdefault(file.resolve(), file)  # each file once, however often it is named
    return Plan(in_order(files.values()))


def in_order(files: Iterable[Path]) -> tuple[Path, ...]:
    """NLM's numbered files by their numbers, in the places that they have among the others.

    A revision or a deletion in a later file is about records in earlier ones.
    """
    given = list(files)
    places = [at for at, path in enumerate(given) if file_number(path.name)]
    numbered = sorted((given[at] for at in places), key=lambda path: file_number(path.name) or (0,))
    for at, path in zip(places, numbered, strict=True):
        given[at] = path
    return tuple(given)


def _existing(path: Path, named: str) -> Path:
    if not path.exists():
        raise UsageError(
            f"there is no file or folder {named!r}", f"check the path, or use the word {SAMPLE}"
        )
    if not path.is_file():
        raise UsageError(
            f"{named!r} is a pipe, a device or a socket, not a file",
            "save what comes from it to a file, and name that",
        )
    return path


def _walk(folder: Path) -> list[Path]:
    """What can be read in a folder and below, by path; hidden files and folders left out."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent) / name
            for name in names
            if not name.startswith(".") and _readable(Path(parent) / name)
        ]
    if not found:
        raise UsageError(
            f"the folder {folder} holds no file that can be read",
            "PubMed .xml and .xml.gz, .txt and .md files are read",
        )
    return sorted(found)


def _readable(path: Path) -> bool:
    try:
        reader_for(path)
    except DocumentRejected:
        return False
    return path.is_file()
