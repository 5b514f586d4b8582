"""Embedding ahead of the commit: batches stay in order, and nobody runs away from the committer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ingest_support import FakeEmbedder, article, deletion, write_pubmed

from vademecum.corpora.library import Library
from vademecum.errors import ClusterUnavailable, OutOfSpace
from vademecum.ingest import pipeline, shards
from vademecum.ingest.again import left_of
from vademecum.ingest.ahead import Ahead
from vademecum.ingest.pipeline import ingest
from vademecum.ingest.reading import Reading, Source
from vademecum.ingest.splitter import splitter_for
from vademecum.ingest.stopping import Stopped
from vademecum.ingest.web import Web
from vademecum.ingest.writing import Writer

NAME = "trials"


class ScriptedPool:
    """Embeds when it is waited for; remembers how many batches waited."""

    def __init__(self, made: shards.Shards, room: int, done: Callable[[int], bool]) -> None:
        self.room = room
        self.embedder = FakeEmbedder()
        self.begun: list[list[str]] = []
        self.finished: list[int] = []
        self.most = 0
        self.kept = 0  # files of batches that were committed
        self.held = 0  # texts of batches that were committed, with their vectors
        self._made = made
        self._done = done

    def begin(self, texts: Sequence[str]) -> int:
        self.begun.append(list(texts))
        self.kept = max(self.kept, len(list(self._made.folder.glob("*"))))
        made = [text for batch in self.finished for text in self.begun[batch]]
        self.held = max(self.held, len(self._made.find(made)))
        self.most = max(self.most, len(self.begun) - len(self.finished))
        return len(self.begun) - 1

    def is_done(self, begun: int) -> bool:
        return self._done(begun)

    def finish(self, begun: int) -> None:
        if texts := self.begun[begun]:
            path = self._made.fresh()
            vectors = self.embedder.embed_passages(texts)
            shards.write(path, self._made.fingerprint, texts, vectors)
            assert self._made.take_in(path)
        self.finished.append(begun)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library") as opened:
        yield opened


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[ScriptedPool]]:
    """From now on jobs embed ahead; the pools that they used."""

    def install(room: int, done: Callable[[int], bool] = lambda _: False) -> list[ScriptedPool]:
        used: list[ScriptedPool] = []

        @contextmanager
        def placed(
            work: Any, embedder: Any, writer: Writer, made: shards.Shards, *_: Any
        ) -> Iterator[tuple[Source, Ahead]]:
            used.append(ScriptedPool(made, room, done))
            yield Reading(splitter_for(embedder).split), Ahead(writer, used[-1], made)

        monkeypatch.setattr(pipeline, "placed", placed)
        return used

    return install


def contents(library: Library) -> list[Any]:
    assert library.verify(NAME).problems == []
    rows = library._database.read(
        "SELECT d.doc_id, d.hash, p.ordinal, p.hash, p.vector "
        "FROM documents d JOIN passages p ON p.document = d.id ORDER BY d.id, p.ordinal"
    )
    return [library.corpus(NAME).snapshot, rows]


def expected(tmp_path: Path, *runs: Sequence[Path]) -> list[Any]:
    with Library.open(tmp_path / "expected") as other:
        for paths in runs:
            ingest(other, NAME, paths, FakeEmbedder(), batch_size=4)
        return contents(other)


def left(library: Library) -> list[Path]:
    return list(library.path.glob("shards-*"))


@pytest.mark.parametrize("replaced", [True, False])
def test_a_known_file_is_looked_at_once_what_waits_before_it_is_written(
    library: Library, tmp_path: Path, pools: Any, replaced: bool
) -> None:
    known = write_pubmed(tmp_path / "b.xml", article(1, "Known."), article(2))
    ingest(library, NAME, [known], FakeEmbedder())
    records = [*map(article, range(3, 20)), *([article(1, "Otherwise.")] if replaced else [])]
    files = [write_pubmed(tmp_path / "a.xml", *records), known]
    pools(room=9)
    report = ingest(library, NAME, files, FakeEmbedder(), batch_size=4)
    assert (report.unchanged, report.read) == ((0, 20) if replaced else (1, 17))
    assert library.documents(NAME, ["pmid:1"])["pmid:1"].text == "Known."
    assert library.corpus(NAME).documents == 19


@pytest.mark.parametrize("ready", [True, False])
def test_no_more_than_so_many_batches_wait(
    library: Library, tmp_path: Path, pools: Any, ready: bool
) -> None:
    path = write_pubmed(tmp_path / "a.xml", *[article(n) for n in range(1, 31)])
    used = pools(3, lambda _: ready)
    embedder = FakeEmbedder()
    report = ingest(library, NAME, [path], embedder, batch_size=4)
    [pool] = used
    assert pool.finished == list(range(8))
    assert pool.most == (1 if ready else 4)  # what is ready is written at once
    assert pool.kept == 0
    assert embedder.calls == []
    assert (report.kept, report.embedded) == (30, 30)
    assert contents(library) == expected(tmp_path, [path])
    assert left(library) == []


def test_a_batch_that_is_ready_waits_for_those_before_it(
    library: Library, tmp_path: Path, pools: Any
) -> None:
    path = write_pubmed(tmp_path / "a.xml", *[article(n) for n in range(1, 31)])
    used = pools(9, lambda begun: begun > 0)
    ingest(library, NAME, [path], FakeEmbedder(), batch_size=4)
    [pool] = used
    assert pool.most == 8
    assert contents(library) == expected(tmp_path, [path])


def test_a_job_that_is_cancelled_keeps_no_vectors(
    library: Library, tmp_path: Path, pools: Any
) -> None:
    path = write_pubmed(tmp_path / "a.xml", *[article(n) for n in range(1, 31)])

    def asked(begun: int) -> bool:
        (library.path / "shards-1" / "x.parquet").write_bytes(b"")  # what a worker just wrote
        raise Stopped("cancelled")

    (library.path / "shards-1").mkdir()
    pools(9, asked)
    report = ingest(library, NAME, [path], FakeEmbedder(), batch_size=4)
    assert report.state == "cancelled"
    assert left(library) == []


def test_only_what_is_needed_is_embedded(library: Library, tmp_path: Path, pools: Any) -> None:
    path = write_pubmed(tmp_path / "a.xml", *[article(n) for n in range(1, 9)])
    ingest(library, NAME, [path], FakeEmbedder())
    again = write_pubmed(
        tmp_path / "b.xml", *[article(n, "New." if n == 3 else None) for n in range(1, 10)]
    )
    used = pools(2)
    report = ingest(library, NAME, [again], FakeEmbedder(), batch_size=4)
    assert [len(texts) for texts in used[0].begun] == [1, 0, 1]
    assert (report.kept, report.skipped, report.embedded) == (2, 7, 2)
    assert contents(library) == expected(tmp_path, [path], [again])


def test_what_an_earlier_batch_changed_meanwhile_is_embedded_here(
    library: Library, tmp_path: Path, pools: Any
) -> None:
    """The library holds it when the batch is looked at, and no more when it is written."""
    path = write_pubmed(tmp_path / "a.xml", *[article(n) for n in range(1, 5)])
    ingest(library, NAME, [path], FakeEmbedder())
    gone = [deletion(1, 2, 3, 4)]
    back = write_pubmed(tmp_path / "b.xml", *gone, *[article(n) for n in range(1, 5)])
    used = pools(9)
    embedder = FakeEmbedder()
    ingest(library, NAME, [back], embedder, batch_size=4)
    assert used[0].begun == [[], []]
    assert len(embedder.embedded) == 4
    assert contents(library) == expected(tmp_path, [path], [back])


def test_a_batch_that_cannot_be_written_keeps_its_vectors(
    library: Library, tmp_path: Path, pools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_pubmed(tmp_path / "a.xml", *[article(n) for n in range(1, 13)])
    used = pools(1)

    def full(*_: Any, **__: Any) -> None:
        raise OutOfSpace("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Library, "commit", full)
        with pytest.raises(OutOfSpace):
            ingest(library, NAME, [path], FakeEmbedder(), batch_size=4)
    assert len(left(library)) == 1
    monkeypatch.undo()  # goes on with the other engine
    job = library.jobs()[0]
    assert (job.state, job.can_resume) == ("failed", True)

    embedder = FakeEmbedder()
    with Web() as web:
        pipeline.resume(library, left_of(library, job, web), embedder, batch_size=5)
    assert len(embedder.embedded) == 8
    assert not set(embedder.embedded) & set(used[0].embedder.embedded)
    assert contents(library) == expected(tmp_path, [path])
    assert left(library) == []


def test_what_waits_is_not_asked_for_again(
    library: Library, tmp_path: Path, pools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_pubmed(tmp_path / "a.xml", *[article(n) for n in range(1, 13)])
    pools(1)

    def full(*_: Any, **__: Any) -> None:
        raise OutOfSpace("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Library, "commit", full)
        with pytest.raises(OutOfSpace):
            ingest(library, NAME, [path], FakeEmbedder(), batch_size=4)
    used = pools(1)
    with Web() as web:
        work = left_of(library, library.jobs()[0], web)
        pipeline.resume(library, work, FakeEmbedder(), batch_size=4)
    assert [len(texts) for texts in used[0].begun] == [0, 4, 4]
    assert contents(library) == expected(tmp_path, [path])


def test_texts_that_a_later_record_replaced_meanwhile_are_let_go(
    library: Library, tmp_path: Path, pools: Any
) -> None:
    """Of two files the later one comes first: of each record the older version is foreseen while
    the newer one still waits, and then it is not written."""
    later, earlier = (
        write_pubmed(tmp_path / f"pubmed26n000{n}.xml", *records)
        for n, records in (
            (2, [article(n, f"Newer {n}.") for n in range(1, 25)]),
            (1, [article(n, f"Older {n}.") for n in range(1, 25)]),
        )
    )
    last = write_pubmed(tmp_path / "pubmed26n0003.xml", *[article(n) for n in range(30, 70)])
    used = pools(7)
    report = ingest(library, NAME, [later, earlier, last], FakeEmbedder(), batch_size=4)
    [pool] = used
    assert (report.kept, report.superseded) == (64, 24)
    assert len([text for text in pool.embedder.embedded if "Older" in text]) >= 4
    assert (pool.kept, pool.held) == (0, 0)
    assert contents(library) == expected(tmp_path, [later, earlier, last])


@pytest.mark.parametrize("room", [0, 1, 9])
def test_a_text_of_several_batches_under_way_is_embedded_once(
    library: Library, tmp_path: Path, pools: Any, room: int
) -> None:
    records = [article(n, "Aspirin helps.", title="The same.") for n in range(1, 13)]
    path = write_pubmed(tmp_path / "a.xml", *records)
    used = pools(room)
    embedder = FakeEmbedder()
    report = ingest(library, NAME, [path], embedder, batch_size=4)
    [pool] = used
    assert [len(texts) for texts in pool.begun] == ([1, 1, 1] if room == 0 else [1, 0, 0])
    assert embedder.calls == []
    assert report.kept == 12
    assert left(library) == []
    assert contents(library) == expected(tmp_path, [path])


def test_a_text_that_others_wait_for_and_that_cannot_be_embedded_ends_the_job(
    library: Library, tmp_path: Path, pools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [article(n, "Aspirin helps.", title="The same.") for n in range(1, 13)]
    path = write_pubmed(tmp_path / "a.xml", *records)
    pools(9)

    def dead(*_: Any) -> None:
        raise ClusterUnavailable("workers die again and again")

    with monkeypatch.context() as patch:
        patch.setattr(ScriptedPool, "finish", dead)
        with pytest.raises(ClusterUnavailable):
            ingest(library, NAME, [path], FakeEmbedder(), batch_size=4)
    used = pools(9)
    with Web() as web:
        work = left_of(library, library.jobs()[0], web)
        pipeline.resume(library, work, FakeEmbedder(), batch_size=4)
    assert [len(texts) for texts in used[0].begun] == [1, 0, 0]
    assert contents(library) == expected(tmp_path, [path])
