"""The filter language of Chroma, and what is kept beside a vector."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import chromadb
import pytest
from library_support import NAME, batch, document, filled

from vademecum.corpora import chroma
from vademecum.corpora.chroma import MOST_UNSYNCED, SYNC_THRESHOLD, ChromaStore, where_of
from vademecum.corpora.document import Filters
from vademecum.corpora.library import Library
from vademecum.errors import LibraryDamaged


def test_no_filter_is_no_condition() -> None:
    assert where_of(Filters()) is None


def test_one_condition_stands_alone_and_several_under_one_operator() -> None:
    assert where_of(Filters(year_from=2015)) == {"year": {"$gte": 2015}}
    assert where_of(Filters(publication_types=("Review",))) == {"types": {"$contains": "Review"}}
    both = where_of(Filters(year_from=2015, publication_types=("Review", "Letter"), mesh=("A",)))
    assert both == {
        "$and": [
            {"year": {"$gte": 2015}},
            {"mesh": {"$contains": "A"}},
            {"$or": [{"types": {"$contains": "Review"}}, {"types": {"$contains": "Letter"}}]},
        ]
    }


def test_more_passages_than_chroma_takes_at_once_are_cut_into_parts(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:

        class Small:
            """The real client, that takes two at a time."""

            def __init__(self, client: object) -> None:
                self._client = client

            def __getattr__(self, name: str) -> object:
                return getattr(self._client, name)

            def get_max_batch_size(self) -> int:
                return 2

        store = library._indexes.vectors
        store._client = Small(store._connected())
        library.commit(NAME, batch(*[document(n) for n in range(2, 9)]))
        library.commit(NAME, batch(delete=list(range(2, 7))))
        assert library.verify(NAME).problems == []


def test_no_embedding_function_is_persisted_and_the_space_is_cosine(tmp_path: Path) -> None:
    filled(tmp_path, document(1)).close()
    connection = sqlite3.connect(tmp_path / "chroma" / "chroma.sqlite3")
    rows = connection.execute("SELECT name, config_json_str, schema_str FROM collections")
    name, configuration, schema = rows.fetchone()
    connection.close()
    assert name == "corpus-1"
    stored = (configuration or "") + (schema or "")
    assert '"cosine"' in stored
    assert "onnx" not in stored.lower()
    assert "default" not in json.dumps(json.loads(configuration or "{}")).lower()


def threshold(store: ChromaStore) -> int:
    with store._collection(1) as collection:
        return int(collection.configuration_json["hnsw"]["sync_threshold"])


def test_much_that_is_coming_is_written_down_in_few_equal_parts(tmp_path: Path) -> None:
    store = ChromaStore(tmp_path)
    store.create(1, 8)
    assert threshold(store) == SYNC_THRESHOLD
    for coming in (1, SYNC_THRESHOLD, 0):
        store.expect(1, coming)
        assert threshold(store) == SYNC_THRESHOLD
    store.expect(1, 20_000)
    assert SYNC_THRESHOLD < threshold(store) <= 20_000
    store.expect(1, 10 * MOST_UNSYNCED)
    assert SYNC_THRESHOLD < threshold(store) <= MOST_UNSYNCED
    store.expect(1, 0)
    assert threshold(store) == SYNC_THRESHOLD
    store.close()


def test_compacting_removes_the_folders_of_graphs_that_are_gone(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:
        library.verify(NAME)
        stale = tmp_path / "chroma" / "00000000-0000-4000-8000-000000000000"
        stale.mkdir()
        (stale / "data_level0.bin").write_bytes(b"x" * 1000)
        library._indexes.vectors.compact()
        assert not stale.exists()
        assert library.verify(NAME).problems == []


def graph_of(path: Path) -> Path:
    """The folder of the only graph."""
    (folder,) = [item for item in (path / "chroma").iterdir() if item.is_dir()]
    return folder


@pytest.mark.parametrize("stale", [False, True], ids=["gone", "older"])
def test_a_graph_that_lost_vectors_is_noticed_and_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stale: bool
) -> None:
    """Chroma counts its rows, not its graph: what a lost write leaves behind looks whole to it."""
    monkeypatch.setattr(chroma, "SYNC_THRESHOLD", 3)  # writes its graph at once
    library_path, kept = tmp_path / "library", tmp_path / "kept"
    filled(library_path, *[document(n) for n in range(10)]).close()
    shutil.copytree(graph_of(library_path), kept)
    with Library.open(library_path) as library:
        library.commit(NAME, batch(*[document(n) for n in range(10, 20)]))
        assert library.verify(NAME).problems == []
    shutil.rmtree(graph_of(library_path))
    if stale:
        graph = sqlite3.connect(library_path / "chroma" / "chroma.sqlite3")
        ((segment,),) = graph.execute("SELECT id FROM segments WHERE scope = 'VECTOR'")
        graph.close()
        shutil.copytree(kept, library_path / "chroma" / segment)
    with Library.open(library_path) as library:
        assert any("vectors" in problem for problem in library.verify(NAME).problems)
        library.rebuild(NAME)
        assert library.verify(NAME).problems == []


FEW_FILES = """
import resource, sys
from pathlib import Path
import chromadb
from vademecum.corpora.chroma import ChromaStore
from vademecum.errors import OutOfSpace

_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
usual = min(1024, most) if most > 0 else 1024
store = ChromaStore(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_NOFILE, (6, most))
try:
    store.create(1, 4)
except OutOfSpace as error:
    print(error.message)
resource.setrlimit(resource.RLIMIT_NOFILE, (usual, most))
store.create(1, 4)
print(store.count(1))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="how many files it opens is known of Linux")
def test_a_start_that_panicked_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", FEW_FILES, str(tmp_path / "chroma")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    refused, held = done.stdout.splitlines()
    assert "may open no more files" in refused
    assert held == "0"


def test_threads_that_need_it_at_once_open_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ChromaStore(tmp_path / "chroma")
    store.create(1, 4)
    store.close()
    made: list[Any] = []
    opened = store._opened

    def slowly() -> Any:
        time.sleep(0.05)
        made.append(opened())
        return made[-1]

    monkeypatch.setattr(store, "_opened", slowly)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(store.count, [1] * 8)) == [0] * 8
    assert len(made) == 1


def test_what_cannot_be_opened_leaves_the_other_clients_of_the_process_alone(
    tmp_path: Path,
) -> None:
    other = chromadb.PersistentClient(str(tmp_path / "other"))
    (tmp_path / "chroma").mkdir()
    (tmp_path / "chroma" / "chroma.sqlite3").write_text("no database " * 100)
    store = ChromaStore(tmp_path / "chroma")
    for _ in range(2):  # nothing half-opened is handed out
        with pytest.raises(LibraryDamaged):
            store.count(1)
    assert other._system is chromadb.PersistentClient(str(tmp_path / "other"))._system
    store.repair()
    store.create(1, 4)
    assert store.count(1) == 0
    store.close()


def test_it_is_not_closed_under_a_search_of_another_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A threshold is read when Chroma is opened, so whoever feeds it opens it anew."""
    with filled(tmp_path, *[document(n) for n in range(5)]) as library:
        store = library._indexes.vectors
        assert isinstance(store, ChromaStore)
        (vector,) = store.vectors(1, ["pmid:1#0"]).values()
        begun = threading.Event()
        query = chromadb.Collection.query

        def slowly(*parts: Any, **options: Any) -> Any:
            begun.set()
            time.sleep(0.1)  # time enough to close it
            return query(*parts, **options)

        monkeypatch.setattr(chromadb.Collection, "query", slowly)
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(store.query, 1, vector, 3, Filters())
            assert begun.wait(10)
            store.expect(1, 20_000)
            assert len(found.result()) == 3
        assert threshold(store) == 20_000


def test_a_search_does_not_wait_for_another_corpus_to_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was interrupted while it waits would never be counted off, and nobody could close."""
    store = ChromaStore(tmp_path / "chroma")
    for corpus in (1, 2):
        store.create(corpus, 4)
    store.close()
    assert store.count(1) == 0
    asked, go_on = threading.Event(), threading.Event()
    opened = store._connected().get_collection

    def slowly(*parts: Any, **options: Any) -> Any:
        asked.set()
        assert go_on.wait(10)
        return opened(*parts, **options)

    monkeypatch.setattr(store._connected(), "get_collection", slowly)
    with ThreadPoolExecutor(2) as pool:
        other = pool.submit(store.count, 2)
        assert asked.wait(10)
        with store._used():
            pass
        go_on.set()
        assert other.result() == 0
    store.close()
