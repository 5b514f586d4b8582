"""Readers: each turns one file format into documents, deletions and rejections."""

from vademecum.corpora.readers.base import Choosy, Guided, Reader
from vademecum.corpora.readers.registry import (
    READERS,
    fingerprint,
    guides_of,
    reader_for,
    readers,
    suffixes,
)

__all__ = [
    "READERS",
    "Choosy",
    "Guided",
    "Reader",
    "fingerprint",
    "guides_of",
    "reader_for",
    "readers",
    "suffixes",
]
