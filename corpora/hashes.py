"""What a stored passage is known by: changed whenever anything an index holds of it changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

from vademecum.corpora.document import Link, Passage


def passage_hash(document_hash: str, passage: Passage, vector: bytes) -> bytes:
    """16 bytes over the hash of the document, the passage and its float16 vector."""
    head = f"{document_hash}\n{passage.passage_id}\n{passage.start}:{passage.end}\n"
    return hashlib.sha256(head.encode() + passage.text.encode() + b"\n" + vector).digest()[:16]


def noticed_hash(content_hash: str, links: Sequence[Link]) -> str:
    """A document's content hash with the links that other records' notices gave it."""
    if not links:
        return content_hash
    said = json.dumps([asdict(link) for link in links], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(f"{content_hash}\n{said}".encode()).hexdigest()
