"""What the store promises beneath the library."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from library_support import NAME, batch, document, filled

from vademecum.corpora import writing
from vademecum.corpora.document import Passage
from vademecum.corpora.hashes import passage_hash
from vademecum.corpora.snapshots import snapshot_of
from vademecum.corpora.store import chunks, from_blob, to_blob


def test_vectors_lose_no_more_than_float16_does() -> None:
    vector = np.random.default_rng(0).standard_normal(384).astype(np.float32)
    vector /= np.linalg.norm(vector)
    back = from_blob(to_blob(vector))
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, vector, atol=5e-4)
    assert to_blob(back) == to_blob(vector)  # a second trip loses nothing more


@given(items=st.lists(st.integers()), size=st.integers(1, 7))
def test_chunks_hold_everything_in_order(items: list[int], size: int) -> None:
    parts = list(chunks(items, size))
    assert [item for part in parts for item in part] == items
    assert all(0 < len(part) <= size for part in parts)


def test_the_hash_of_a_passage_covers_all_that_an_index_holds() -> None:
    passage = Passage("pmid:1", 0, 0, 4, "text")
    base = passage_hash("aa", passage, b"v")
    others = [
        passage_hash("ab", passage, b"v"),
        passage_hash("aa", passage, b"w"),
        passage_hash("aa", Passage("pmid:1", 1, 0, 4, "text"), b"v"),
        passage_hash("aa", Passage("pmid:1", 0, 1, 5, "text"), b"v"),
        passage_hash("aa", Passage("pmid:1", 0, 0, 4, "test"), b"v"),
    ]
    assert len({base, *others}) == 6
    assert len(base) == 16


def test_snapshots_are_short_and_differ() -> None:
    assert len(snapshot_of("00" * 32)) == 16
    assert snapshot_of("00" * 32) != snapshot_of("01" * 32)


def test_pages_of_documents_come_once_and_in_order(tmp_path: Path) -> None:
    with filled(tmp_path) as library:
        for first in range(0, 2400, 600):
            items = [document(n) for n in range(first, first + 600)]
            library._store.database.read("SELECT 1")
            with library._store.database.transaction() as connection:
                writing.write(library._store, connection, 1, batch(*items, pieces=1))
        assert list(library._store.doc_ids(1)) == [f"pmid:{n}" for n in range(2400)]
        many = [f"pmid:{n}" for n in range(2400)]
        assert len(library.documents(NAME, many)) == 2400


def test_the_outbox_is_empty_when_every_index_has_followed(tmp_path: Path) -> None:
    with filled(tmp_path, document(1), document(2)) as library:
        assert library.search_lexical(NAME, "aspirin", 1)
        rows = library._store.database.read("SELECT COUNT(*) FROM outbox")
        assert rows == [(0,)]
        assert library._indexes.outbox.pending(1) == 0


def test_a_transaction_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    with filled(tmp_path) as library:
        database = library._store.database

        def interrupted() -> None:
            with database.transaction() as connection:
                connection.execute("INSERT INTO doomed VALUES (5)")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert database.read("SELECT * FROM doomed") == []
