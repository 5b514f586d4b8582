"""Where vectors wait: for each job of each library a folder of its own, which goes with the job."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from library_support import NAME, filled

from vademecum.corpora import shard_folder
from vademecum.corpora.jobs import FileProgress, JobFile, JobState
from vademecum.corpora.library import Batch, Library


def left(library: Library, state: JobState, shared: Path | None, corpus: str = NAME) -> Path:
    """The folder of a job that ended so, with vectors in it."""
    source = {"files": ["/a.xml"], "engine": "ray", "shards": shared and str(shared)}
    number = library.job_log.plan(corpus, source, [JobFile(0, "a.xml")])
    library.job_log.finish(number, state, {})
    folder = shard_folder.of(library.path, library.id, number, shared)
    folder.mkdir(parents=True)
    (folder / "x.parquet").write_bytes(b"vectors")
    return folder


def test_libraries_that_share_a_folder_do_not_share_shards(tmp_path: Path) -> None:
    """Not even where both machines have theirs under the same path."""
    path, owners = Path("/home/ada/library"), ("a" * 32, "b" * 32)
    folders = {shard_folder.of(path, owner, job, tmp_path) for owner in owners for job in (1, 2)}
    assert len(folders) == 4
    assert {folder.parent for folder in folders} == {tmp_path}
    moved = shard_folder.of(Path("/mnt/library"), owners[0], 1, tmp_path)
    assert moved in folders  # wherever it is now


def test_an_id_is_of_the_library_not_of_its_place(tmp_path: Path) -> None:
    with filled(tmp_path / "one") as one, filled(tmp_path / "two") as two:
        first = one.id
        assert first != two.id
    (tmp_path / "one").rename(tmp_path / "elsewhere")
    with Library.open(tmp_path / "elsewhere") as moved:
        assert moved.id == first


def test_what_an_earlier_version_left_is_found(tmp_path: Path) -> None:
    library, owner = Path("/home/ada/library"), "a" * 32
    path = hashlib.sha256(str(library).encode()).hexdigest()[:12]
    before = tmp_path / f"vademecum-{path}-job-3"
    before.mkdir()
    (before / "x.parquet").write_bytes(b"vectors")
    (tmp_path / f"vademecum-{path}-job-4").mkdir()
    folder = shard_folder.of(library, owner, 3, tmp_path)
    assert [found.name for found in folder.iterdir()] == ["x.parquet"]
    before.mkdir()  # of another machine, whose version is the earlier one still
    assert shard_folder.of(library, owner, 3, tmp_path) == folder
    assert sorted(tmp_path.iterdir()) == sorted(
        [before, folder, tmp_path / f"vademecum-{path}-job-4"]
    )


@pytest.mark.parametrize("state", ["paused", "interrupted", "failed"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_corpus_takes_what_waits_for_it_with_it(
    library: Library, tmp_path: Path, state: JobState, elsewhere: bool
) -> None:
    shared = tmp_path / "shared" if elsewhere else None
    of_this = left(library, state, shared)
    of_another = left(library, state, shared, corpus="another")
    library.delete_corpus(NAME)
    assert list(of_this.parent.glob("*job-1")) + list(of_this.parent.glob("*shards-1*")) == []
    assert of_another.is_dir()
    other, this = library.jobs()
    assert other.can_resume
    assert (this.state, this.can_resume) == ("cancelled", False)
    assert this.reason == f"the corpus {NAME} was deleted"


def test_files_that_failed_of_a_deleted_corpus_are_not_read_again(library: Library) -> None:
    """They alone would be taken for the whole."""
    number = library.job_log.plan(NAME, {"files": ["/a.xml"]}, [JobFile(0, "a.xml")])
    files = [FileProgress(0, {}, "failed", "no end")]
    library.commit(NAME, Batch([], "split-1", job=number, files=files))
    library.job_log.finish(number, "failed", {})
    assert library.jobs()[0].can_retry
    library.delete_corpus(NAME)
    assert not library.jobs()[0].can_retry


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_job_that_is_cancelled_takes_what_waits_for_it_with_it(
    library: Library, tmp_path: Path, elsewhere: bool
) -> None:
    folder = left(library, "failed", tmp_path / "shared" if elsewhere else None)
    library.cancel_job(library.jobs()[0])
    assert [path for path in folder.parent.iterdir() if "shards" in path.name] == []
    assert not folder.exists()
    assert library.jobs()[0].state == "cancelled"


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_a_kill_left_of_a_removal_goes_at_the_next_use(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    shared = tmp_path / "shared" if elsewhere else None
    folder = left(library, "failed", shared)
    another = folder.parent / ".vademecum-0123456789ab-job-1.half"  # another library's
    another.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda *_, **__: None)
        shard_folder.remove(folder)
    assert not folder.exists()
    assert len(list(folder.parent.glob(".*"))) == 2
    shard_folder.of(library.path, library.id, 2, shared)
    assert [path.name for path in folder.parent.glob(".*")] == [another.name]
