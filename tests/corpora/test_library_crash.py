"""Killed at any instant, a library loses nothing and repeats nothing."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from crash_support import Kill
from hypothesis import given, settings
from hypothesis import strategies as st
from library_support import NAME, assert_sound, batch, document, filled, vector_of

from vademecum.corpora.document import Document
from vademecum.corpora.library import Library
from vademecum.corpora.snapshots import snapshot_of


@pytest.mark.parametrize(
    ("fault", "written"),
    [
        ("before outbox.Outbox.add", False),  # inside the transaction
        ("before outbox.Outbox.feed", True),  # SQLite has it, no index has
        ("after chroma.ChromaStore.apply", True),  # Chroma has it, its position is not set
        ("before lexical.LexicalIndex.apply", True),  # between Chroma and tantivy
        ("after lexical.LexicalIndex.apply", True),
        ("after outbox.Outbox._advance", True),
    ],
)
def test_a_commit_that_is_killed_happened_whole_or_not_at_all(
    tmp_path: Path, kill: Kill, fault: str, written: bool
) -> None:
    kill(tmp_path, fault, "commit")
    with Library.open(tmp_path) as library:
        ids = {f"pmid:{n}" for n in (1, 2, 3)}
        held = set(library.documents(NAME, ids))
        assert held == ({"pmid:1", "pmid:3"} if written else {"pmid:1", "pmid:2"})
        found = library.search_lexical(NAME, "heparin", 5)
        assert bool(found) == written
        assert_sound(library, 4)
        library.commit(NAME, batch(document(1, "Heparin works."), document(3), delete=[2]))
        assert set(library.documents(NAME, ids)) == {"pmid:1", "pmid:3"}
        assert_sound(library, 4)


@pytest.mark.parametrize(
    "fault",
    [
        "before chroma.ChromaStore.create",
        "after chroma.ChromaStore.create",
        "after lexical.LexicalIndex.create",
        "after lexical.LexicalIndex.apply",
    ],
)
def test_a_rebuild_that_is_killed_goes_on_at_the_next_opening(
    tmp_path: Path, kill: Kill, fault: str
) -> None:
    kill(tmp_path, fault, "rebuild")
    with Library.open(tmp_path) as library:
        assert len(library.search_dense(NAME, vector_of("x"), 9)) == 4
        assert_sound(library, 4)


def test_a_deletion_that_was_killed_within_tantivy_is_finished(tmp_path: Path) -> None:
    """Between its files of what is deleted and the list of its files: those are in the way."""
    killed, other = tmp_path / "killed", tmp_path / "other"
    with filled(killed, document(1), document(2)):
        pass
    shutil.copytree(killed, other)
    with Library.open(other) as library:
        library.commit(NAME, batch(delete=[2]))
        assert_sound(library, 2)
    (written,) = other.glob("lexical/1/*.del")
    for path in (written, written.with_name(".managed.json")):
        shutil.copy(path, killed / path.relative_to(other))
    with Library.open(killed) as library:
        library.commit(NAME, batch(delete=[2]))
        assert_sound(library, 2)
        assert library.search_lexical(NAME, "aspirin", 9)


@pytest.mark.parametrize(
    "fault",
    ["before chroma.ChromaStore.drop", "after chroma.ChromaStore.drop"],
)
def test_a_deletion_that_is_killed_is_finished_at_the_next_opening(
    tmp_path: Path, kill: Kill, fault: str
) -> None:
    kill(tmp_path, fault, "delete")
    with Library.open(tmp_path) as library:
        assert library.corpora() == []
        assert list((tmp_path / "lexical").iterdir()) == []


Step = tuple[dict[int, str], set[int]]
steps = st.lists(
    st.tuples(
        st.dictionaries(st.integers(0, 6), st.sampled_from(["a b.", "c d e f.", "gh"]), max_size=4),
        st.sets(st.integers(0, 6), max_size=3),
    ),
    min_size=1,
    max_size=6,
)


@given(history=steps, reopen_at=st.integers(0, 5))
@settings(max_examples=15)
def test_any_history_leaves_three_stores_that_agree_with_a_plain_dict(
    tmp_path_factory: pytest.TempPathFactory, history: list[Step], reopen_at: int
) -> None:
    path = tmp_path_factory.mktemp("history")
    model: dict[str, Document] = {}
    library = filled(path)
    try:
        for at, (upserts, deletes) in enumerate(history):
            documents = [document(n, body) for n, body in upserts.items()]
            library.commit(NAME, batch(*documents, delete=sorted(deletes)))
            for number in deletes:
                model.pop(f"pmid:{number}", None)
            model.update((item.doc_id, item) for item in documents)
            if at == reopen_at:
                library.close()
                library = Library.open(path)
        assert library.documents(NAME, [f"pmid:{n}" for n in range(7)]) == model
        assert_sound(library, 2 * len(model))
        total = sum(int(item.content_hash(), 16) for item in model.values()) % (1 << 256)
        assert library.corpus(NAME).snapshot == snapshot_of(f"{total:064x}")
    finally:
        library.close()


def test_searches_go_on_while_another_thread_commits(tmp_path: Path) -> None:
    failures: list[BaseException] = []
    done = threading.Event()
    with filled(tmp_path, *[document(n) for n in range(20)]) as library:

        def search() -> None:
            try:
                while not done.is_set():
                    for hit in library.search_lexical(NAME, "aspirin", 50):
                        assert hit.passage.text
                    for hit in library.search_dense(NAME, vector_of("x"), 50):
                        assert hit.passage.text
            except BaseException as error:
                failures.append(error)
                raise

        threads = [threading.Thread(target=search) for _ in range(3)]
        for thread in threads:
            thread.start()
        for round_ in range(10):
            changed = [document(n, f"Aspirin, version {round_}.") for n in range(0, 20, 2)]
            library.commit(NAME, batch(*changed, delete=[2 * round_ + 1]))
        done.set()
        for thread in threads:
            thread.join()
        assert failures == []
        assert_sound(library, 20)
