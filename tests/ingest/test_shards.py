"""Vectors that wait in files: found by their texts, gone once these are committed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow.parquet import read_table, write_table

from vademecum.errors import ClusterUnavailable, OutOfSpace
from vademecum.ingest.shards import Shards, write

DIM = 8


def vectors(count: int, dim: int = DIM) -> Any:
    return np.random.default_rng(count).standard_normal((count, dim)).astype(np.float32)


def opened(folder: Path, fingerprint: str = "one", dim: int = DIM) -> Shards:
    return Shards(folder, fingerprint, dim)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_text_is_found_with_the_float16_that_a_library_keeps(tmp_path: Path) -> None:
    shards = opened(tmp_path / "job")
    made = vectors(3)
    path = shards.fresh()
    write(path, "one", ["a", "b", "阿司匹林"], made)
    assert shards.find(["a"]) == {}
    assert shards.take_in(path)
    found = shards.find(["b", "c", "阿司匹林"])
    assert list(found) == ["b", "阿司匹林"]
    assert found["阿司匹林"].tobytes() == made[2].astype("<f2").tobytes()
    # Others can read it.
    table = read_table(path)
    assert table.column_names == ["text", "vector"]
    assert table.column("text").to_pylist() == ["a", "b", "阿司匹林"]


def test_a_file_goes_when_its_last_text_is_committed(tmp_path: Path) -> None:
    shards = opened(tmp_path)
    path = shards.fresh()
    write(path, "one", ["a", "b"], vectors(2))
    shards.take_in(path)
    shards.release(["a", "never seen"])
    assert names(tmp_path) == [path.name]
    assert list(shards.find(["a", "b"])) == ["b"]
    shards.release(["b"])
    assert names(tmp_path) == []


def test_a_text_in_two_files_is_one_text(tmp_path: Path) -> None:
    shards = opened(tmp_path)
    first, second, third = (shards.fresh() for _ in range(3))
    made = vectors(2)
    write(first, "one", ["a"], made[:1])
    write(second, "one", ["a", "b"], made)
    write(third, "one", ["a"], made[:1])
    assert all(shards.take_in(path) for path in (first, second, third))
    assert names(tmp_path) == sorted([first.name, second.name])  # the third holds nothing new
    shards.release(["a", "b"])
    assert names(tmp_path) == []


def test_what_a_killed_run_left_is_used_again(tmp_path: Path) -> None:
    made = vectors(3)
    write(tmp_path / "x.parquet", "one", ["a", "b", "c"], made)
    found = opened(tmp_path).find(["c"])
    assert found["c"].tobytes() == made[2].astype("<f2").tobytes()


def test_what_something_else_made_is_thrown_away(tmp_path: Path) -> None:
    write(tmp_path / "other.parquet", "two", ["a"], vectors(1))
    write(tmp_path / "longer.parquet", "one", ["a"], vectors(1, DIM + 1))
    write_table(pa.table({"text": ["a"]}), tmp_path / "alien.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "empty.parquet").write_bytes(b"")
    write(tmp_path / "cut.parquet", "one", ["a"], vectors(1))
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "cut.parquet").read_bytes()[:-9])
    (tmp_path / ".half.parquet.77").write_bytes(b"")
    assert opened(tmp_path).find(["a"]) == {}
    assert names(tmp_path) == []


def test_a_file_that_did_not_come_is_told(tmp_path: Path) -> None:
    assert not opened(tmp_path).take_in(tmp_path / "nowhere.parquet")


def test_a_job_that_is_over_leaves_nothing(tmp_path: Path) -> None:
    shards = opened(tmp_path / "job")
    write(shards.fresh(), "one", ["a"], vectors(1))
    shards.clear()
    assert names(tmp_path) == []
    shards.clear()


def test_writing_twice_changes_nothing_and_a_failure_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write(path, "one", ["a"], vectors(1))
    write(path, "one", ["a"], vectors(1))
    assert names(tmp_path) == ["x.parquet"]
    (tmp_path / "file").write_text("")
    with pytest.raises(OutOfSpace, match="job cannot be written"):
        opened(tmp_path / "file" / "job").fresh()
    (tmp_path / "taken.parquet").mkdir()  # cannot be replaced
    with pytest.raises(OutOfSpace, match="cannot be written"):
        write(tmp_path / "taken.parquet", "one", ["a"], vectors(1))
    assert names(tmp_path) == ["file", "taken.parquet", "x.parquet"]


def test_a_disk_that_fills_up_meanwhile_leaves_what_was_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.parquet"
    write(path, "one", ["a"], vectors(1))

    def half(_: Any, where: Path, **__: Any) -> None:
        where.write_bytes(b"PAR1")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", half)
    with pytest.raises(OutOfSpace, match="No space left on device"):
        write(path, "one", ["a"], vectors(1))
    assert names(tmp_path) == ["x.parquet"]
    assert list(opened(tmp_path).find(["a"])) == ["a"]


def test_what_a_batch_claims_is_embedded_once_and_stays_until_all_gave_it_up(
    tmp_path: Path,
) -> None:
    shards = opened(tmp_path)
    assert shards.claim(["a", "b"]) == ["a", "b"]
    assert shards.claim(["b", "c"]) == ["c"]  # b is on its way
    path = shards.fresh()
    write(path, "one", ["a", "b"], vectors(2))
    shards.take_in(path)
    assert shards.claim(["a"]) == []  # here
    shards.release(["a", "b"])  # the first batch is in the library
    shards.give_up(["a", "b"])
    assert list(shards.find(["a", "b"])) == ["a", "b"]
    shards.give_up(["b", "c"])
    assert list(shards.find(["a", "b"])) == ["a"]
    assert names(tmp_path) == [path.name]
    shards.give_up(["a"])
    assert names(tmp_path) == []
    assert shards.claim(["a"]) == ["a"]  # from its beginning


def test_a_claim_is_given_up_where_its_text_was_not_needed(tmp_path: Path) -> None:
    """A later record took the place of the one that had it: the library never holds it."""
    shards = opened(tmp_path)
    claimed = shards.claim(["a", "b"])
    path = shards.fresh()
    write(path, "one", claimed, vectors(2))
    shards.take_in(path)
    shards.release(["b"])
    shards.give_up(claimed)
    assert shards.find(["a", "b"]) == {}
    assert names(tmp_path) == []


def test_a_job_that_is_given_another_folder_uses_what_waits_in_the_one_before(
    tmp_path: Path,
) -> None:
    before, now = tmp_path / "before", tmp_path / "now"
    before.mkdir()
    write(before / "x.parquet", "one", ["a", "b"], vectors(2))
    shards = Shards(now, "one", DIM, before)
    assert list(shards.find(["a"])) == ["a"]
    assert shards.fresh().parent == now
    shards.clear()
    assert names(tmp_path) == []


def test_a_worker_that_comes_late_writes_into_no_folder_that_is_gone(tmp_path: Path) -> None:
    shards = opened(tmp_path / "job")
    path = shards.fresh()
    shards.clear()
    with pytest.raises(ClusterUnavailable):
        write(path, "one", ["a"], vectors(1))
    assert names(tmp_path) == []


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(ClusterUnavailable, match=f"does not see the folder {folder}") as told:
            write(folder / "x.parquet", "one", ["a"], vectors(1))
        assert "the folder of --shards under the same paths" in told.value.hint


def test_what_cannot_be_removed_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = opened(tmp_path)
    path = shards.fresh()
    write(path, "one", ["a", "b"], vectors(2))
    shards.take_in(path)
    (tmp_path / ".nfs0001").write_bytes(b"")  # as a file server names what is still open
    (tmp_path / "folder").mkdir()

    def refused(self: Path, missing_ok: bool = False) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refused)
    shards.release(["a", "b"])  # they are in the library: nothing is lost
    assert shards.find(["a", "b"]) == {}
    assert opened(tmp_path, "two").find(["a"]) == {}
    assert list(opened(tmp_path).find(["a"])) == ["a"]


def test_a_folder_that_cannot_be_listed_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "x.parquet", "one", ["a"], vectors(1))

    def refused(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refused)
    assert opened(tmp_path).find(["a"]) == {}
