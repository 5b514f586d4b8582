"""What one commit writes, and what it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vademecum.corpora.document import Deletion, Document, Passage
from vademecum.corpora.jobs import FileProgress
from vademecum.corpora.store import Vectors
from vademecum.corpora.whole import FileRead

Prepared = tuple[Document, Sequence[Passage], Vectors]  # vectors [passages, dim]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit writes; deletions come before documents, a document comes once.

    Each document carries its passages and their vectors, float32 `[passages, dim]`.
    `confirmed` are documents that are stored as they are, and came again in a later file; `taken`
    are names of whole files that a source need not bring again. `job` is the job that writes;
    `held` are documents (place, id) that it read in this batch, stored as they are ones included,
    and `read_places` places whose last document is in this batch or an earlier one (`places`).
    `files` and `report` say how far the batch brings the job, `read` what it brings of files that
    may come to be whole (`whole`).
    """

    documents: Sequence[Prepared]
    fingerprint: str
    deletions: Sequence[Deletion] = ()
    confirmed: Sequence[Document] = ()
    taken: Sequence[str] = ()
    job: int = 0
    held: Sequence[tuple[str, str]] = ()
    read_places: Sequence[str] = ()
    files: Sequence[FileProgress] = ()
    report: Mapping[str, Any] = field(default_factory=dict)
    read: Sequence[FileRead] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """What a commit changed, and the passages that the derived indexes must look at again.

    `displaced` counts documents of an earlier version of a file, that are not in its new one.
    """

    added: int = 0
    replaced: int = 0
    deleted: int = 0
    displaced: int = 0
    touched: tuple[str, ...] = ()


def check(batch: Batch, dim: int) -> None:
    """Raises ValueError if passages or vectors do not belong to their documents."""
    seen: set[str] = set()
    for document, passages, vectors in batch.documents:
        if document.doc_id in seen:
            raise ValueError(f"{document.doc_id} comes twice in a batch")
        seen.add(document.doc_id)
        if vectors.shape != (len(passages), dim):
            raise ValueError(
                f"{document.doc_id}: {len(passages)} passages need vectors "
                f"[{len(passages)}, {dim}], not {list(vectors.shape)}"
            )
        if not np.isfinite(vectors).all():
            raise ValueError(f"{document.doc_id}: a vector is not finite")
        for ordinal, passage in enumerate(passages):
            if passage.doc_id != document.doc_id or passage.ordinal != ordinal:
                raise ValueError(f"{document.doc_id}: its passages are not numbered from 0")
            inside = 0 <= passage.start <= passage.end <= len(document.text)
            if not inside or document.text[passage.start : passage.end] != passage.text:
                raise ValueError(f"{passage.passage_id}: its text is not at its offsets")
