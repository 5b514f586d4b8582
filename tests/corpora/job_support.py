"""Jobs made up for tests: planned by hand, and brought further by a commit."""

from __future__ import annotations

from library_support import NAME

from vademecum.corpora.jobs import FileProgress, JobFile
from vademecum.corpora.library import Batch, Library

FILES = [JobFile(0, "a.xml", size=10), JobFile(1, "b.xml", size=20)]
SOURCE = {"sources": ["a.xml", "b.xml"], "files": ["/a.xml", "/b.xml"], "limit": None}


def progress(library: Library, job: int, *files: FileProgress) -> None:
    """Commit a batch of no documents that says how far it brings these files."""
    report = {"read": sum(file.counts.get("read", 0) for file in files)}
    library.commit(NAME, Batch([], "split-1", job=job, files=files, report=report))
