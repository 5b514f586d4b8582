"""Readers: each turns one file format into documents, deletions and rejections."""

from vademecum.corpora.readers.base import Choosy, Reader
from vademecum.corpora.readers.registry import READERS, reader_for, readers, suffixes

__all__ = ["READERS", "Choosy", "Reader", "reader_for", "readers", "suffixes"]
