"""A corpus as one folder of Parquet files, to be carried to another library and read by others.

    manifest.json            what it is, and the SHA-256 of every file
    documents-00000.parquet  doc_id, title, date, kind, text, record (JSON), hash, ...
    passages-00000.parquet   doc_id, ordinal, start, end, vector (float16 [dim]); in the same order
    withdrawn.parquet        documents that their source withdrew
    taken.parquet            files of a source that were read to their end
    places.parquet           place, doc_id: where documents without a number (PMID) were read

Both ways work a few documents at a time, and both are all or nothing: the folder gets its name when
it is complete, the corpus when every hash was found right. `exporting` and `importing` do it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from vademecum.errors import UsageError

FORMAT = 1
DOCUMENTS = 500  # at a time: bounds memory
BLOCK = 1 << 20  # bytes hashed at a time
LISTS = {  # tables that go along, with their columns
    "withdrawn": ("doc_id", "version", "origin"),
    "taken": ("name",),
    "places": ("place", "doc_id"),
}


@dataclass(frozen=True, slots=True)
class File:
    """One file of the folder, as it was written."""

    name: str
    rows: int
    size: int  # bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """`manifest.json`. `fingerprint` names the splitter and embedder of the latest passages."""

    format: int
    corpus: str
    embedder: str
    dim: int
    fingerprint: str
    snapshot: str
    digest: str
    documents: int
    passages: int
    files: tuple[File, ...]


def opened(folder: Path) -> Manifest:
    """The manifest of a folder. Raises UsageError if it is none that this version reads."""
    path = folder / "manifest.json"
    try:
        raw = json.loads(path.read_text("utf-8"))
        if raw["format"] != FORMAT:
            raise UsageError(
                f"{folder} was written in format {raw['format']}, this version reads {FORMAT}",
                "upgrade: pip install --upgrade vademecum",
            )
        manifest = Manifest(**{**raw, "files": tuple(File(**item) for item in raw["files"])})
        if any(Path(item.name).name != item.name for item in manifest.files):
            raise ValueError("a file of it lies elsewhere")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{folder} holds no exported corpus",
            "name the folder that `vademecum corpus export NAME FOLDER` made",
        ) from error
    return manifest


def sha256_of(path: Path) -> str:
    """Of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
