"""Single addresses: a page, a PDF, a record, as a file that a reader takes."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from vademecum.corpora.readers import reader_for
from vademecum.errors import DocumentRejected, SourceUnavailable
from vademecum.ingest.reading import why
from vademecum.ingest.web import Web

MOST = 512 << 20  # bytes
SUFFIXES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/pdf": ".pdf",
    "application/xml": ".xml",
    "text/xml": ".xml",
    "application/json": ".json",
    "text/csv": ".csv",
    "application/epub+zip": ".epub",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
}


def is_url(named: str) -> bool:
    """Whether what was named is an address, not a path."""
    return named.lower().startswith(("http://", "https://"))


def fetch_url(url: str, folder: Path, web: Web) -> Path:
    """The file that an address answers, under a name that says its kind.

    Fetched anew each time. Raises SourceUnavailable, UsageError, OutOfSpace.
    """
    place = _place(url, folder)
    fresh = place / "arriving"
    headers = web.download(url, fresh, most=MOST)
    path = place / _name(url, headers.get("Content-Type", ""))
    for old in place.iterdir():  # what it was before, perhaps under another name
        if old != fresh:
            old.unlink()
    return fresh.replace(path)


def fetched(url: str, folder: Path, web: Web) -> tuple[Path, str]:
    """The file that an address answers, and ""; where it cannot be had, a place where nothing lies,
    and why. Raises UsageError, OutOfSpace."""
    try:
        return fetch_url(url, folder, web), ""
    except SourceUnavailable as error:
        return _place(url, folder) / "not-there" / _name(url, ""), why(error)


def _place(url: str, folder: Path) -> Path:
    return folder / hashlib.sha256(url.encode()).hexdigest()[:16]


def _name(url: str, content_type: str) -> str:
    """The end of the address, with the ending of its type unless a reader knows its own."""
    parts = urlsplit(url)
    last = unquote(parts.path.rstrip("/").rpartition("/")[2])
    name = re.sub(r"[^\w.-]+", "-", last).strip("-.")[:100] or (parts.hostname or "page")
    kind = content_type.partition(";")[0].strip().lower()
    try:
        reader_for(Path(name))
    except DocumentRejected:
        return name + SUFFIXES.get(kind, "")
    return name
