"""Compacting frees what is dead, and loses nothing whenever it ends."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from crash_support import Kill
from library_support import NAME, assert_sound, batch, document, filled, vector_of

from vademecum.corpora import compaction
from vademecum.corpora.library import Library
from vademecum.errors import OutOfSpace

BODY = "Aspirin lowers the risk of a second stroke, and bleeding is more frequent. " * 20


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("worn")
    with filled(path, *[document(n, BODY) for n in range(400)]) as library:
        library.verify(NAME)
        library.commit(NAME, batch(delete=list(range(350))))
    return path


@pytest.fixture
def worn(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library most of whose documents were deleted."""
    monkeypatch.setattr(compaction, "LEAST_DEAD", 100)
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def on_disk(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def test_the_room_of_what_is_dead_is_given_back_and_told(worn: Path) -> None:
    before = on_disk(worn)
    with Library.open(worn) as library:
        snapshot = library.corpus(NAME).snapshot
        done = library.compact()
        assert done.remade == (f"lexical of {NAME}", f"vectors of {NAME}")
        assert set(done.before) == set(done.after) == {"store", "vectors", "lexical"}
        assert done.after["store"] < done.before["store"] / 2
        assert library.corpus(NAME).snapshot == snapshot
        assert_sound(library, 100)
        assert len(library.search_dense(NAME, vector_of("x"), 1000)) == 100
    assert before - on_disk(worn) == pytest.approx(done.freed, rel=0.2)


def test_what_is_not_worn_is_left_as_it_is(worn: Path) -> None:
    with Library.open(worn) as library:
        library.compact()
        again = library.compact()
        assert again.remade == ()
        assert again.freed <= again.before["store"] / 10
        assert_sound(library, 100)


def test_without_room_for_both_files_nothing_is_touched(
    worn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(worn)._replace(free=1_000)
    with Library.open(worn) as library:
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda _: usage)
            with pytest.raises(OutOfSpace, match="1,000 free"):
                library.compact()
        assert_sound(library, 100)
        assert library.compact().freed > 0


def test_a_disk_that_fills_while_the_store_is_rewritten_keeps_the_old_one(worn: Path) -> None:
    with Library.open(worn) as library:
        snapshot = library.corpus(NAME).snapshot

        def full() -> None:
            raise OutOfSpace("the disk is full", "free some space")

        library._database.vacuum = full  # type: ignore[method-assign]
        with pytest.raises(OutOfSpace):
            library.compact()
        assert library.corpus(NAME).snapshot == snapshot
        assert_sound(library, 100)


@pytest.mark.parametrize(
    "fault",
    [
        "before chroma.ChromaStore.create",
        "before chroma.ChromaStore.apply",
        "before lexical.LexicalIndex.apply",
        "before lexical.LexicalIndex.compact",
        "before chroma.shutil.rmtree",
        "before database.Database.vacuum",
    ],
)
def test_killed_at_any_point_it_is_whole_when_opened_again(
    worn: Path, kill: Kill, fault: str
) -> None:
    kill(worn, fault, "compact")
    with Library.open(worn) as library:
        assert len(library.search_dense(NAME, vector_of("x"), 1000)) == 100
        assert_sound(library, 100)
        library.compact()
        assert_sound(library, 100)


def test_a_store_that_is_killed_within_its_rewriting_is_the_old_one(worn: Path) -> None:
    """SQLite's own promise, of which the library makes use: at some moment, most likely within."""
    script = (
        "import threading, time, os, signal; from pathlib import Path\n"
        "from vademecum.corpora.library import Library\n"
        f"library = Library.open(Path({str(worn)!r}))\n"
        "threading.Timer(0.002, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()\n"
        "while True: library._database.vacuum()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with Library.open(worn) as library:
        assert_sound(library, 100)
