"""A folder is written whole or not at all, and over nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from exchange_support import killed
from library_support import NAME, assert_sound, filled

from vademecum.corpora import exchange, exporting
from vademecum.corpora.library import Library
from vademecum.errors import OutOfSpace, UsageError


def test_nothing_is_written_over(tmp_path: Path, exported: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "void").mkdir()
    with Library.open(tmp_path / "a") as library:
        for place in (exported, tmp_path / "file"):
            with pytest.raises(UsageError, match="already"):
                library.export_corpus(NAME, place)
        library.export_corpus(NAME, tmp_path / "void")
        with pytest.raises(OutOfSpace):
            library.export_corpus(NAME, tmp_path / "file" / "below")
    assert (tmp_path / "file").read_text() == "mine"
    assert (tmp_path / "void" / "manifest.json").is_file()


def test_an_export_that_is_killed_leaves_no_folder(tmp_path: Path, exported: Path) -> None:
    action = f"library.export_corpus({NAME!r}, Path({str(tmp_path / 'new')!r}))"
    killed(tmp_path / "a", "exporting, '_described', 2", action)
    assert not (tmp_path / "new").exists()
    assert [path for path in tmp_path.glob(".new*") if any(path.iterdir())]
    other = tmp_path / ".new.0123456789ab.half"  # another library's
    other.mkdir()
    with Library.open(tmp_path / "a") as library:
        assert list(tmp_path.glob(".new*")) == [other]
        other.rmdir()
        library.export_corpus(NAME, tmp_path / "new")
        assert_sound(library)
    assert exchange.opened(tmp_path / "new") == exchange.opened(exported)
    shutil.rmtree(tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("said", ["no JSON", "PRECIOUS", ""])
def test_no_folder_goes_that_is_not_named_as_a_half_export(tmp_path: Path, said: str) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    if said == "PRECIOUS":
        said = json.dumps(str(precious))
    with filled(tmp_path / "library") as library, library._database.transaction() as connection:
        connection.execute("INSERT INTO facts VALUES ('exporting', ?)", (said,))
    with Library.open(tmp_path / "library") as library:
        assert library._database.read("SELECT * FROM facts WHERE name = 'exporting'") == []
    assert precious.is_dir()


def test_an_export_that_fills_the_disk_leaves_nothing_on_it(
    tmp_path: Path, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Library.open(tmp_path / "a") as library:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(exporting, "_to_disk", full)
            with pytest.raises(OutOfSpace, match="No space left"):
                library.export_corpus(NAME, tmp_path / "full")
        assert not (tmp_path / "full").exists()
        assert list(tmp_path.glob(".full*")) == []
        left = library._database.read("SELECT name FROM facts WHERE name = 'exporting'")
        assert left == []
