"""`vademecum corpus`: snapshots, changes, compacting, carrying a corpus elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_support import Cli
from words_support import assert_sound, citation, pubmed


@pytest.fixture
def cli(cli: Cli, tmp_path: Path) -> Cli:
    """A library with two citations, of which one was then changed and one added."""
    versions = [
        [citation(1, "On aspirin", "Aspirin lowered fever."), citation(2, "On statins", "So-so.")],
        [citation(1, "On aspirin", "It did not."), citation(3, "On zinc", "Zinc was given.")],
    ]
    for number, citations in enumerate(versions):
        path = tmp_path / f"{number}.xml"
        path.write_text(pubmed(*citations))
        assert cli("ingest", str(path), "--corpus", "tests").code == 0
    return cli


def test_snapshots_are_listed_and_compared(cli: Cli) -> None:
    today = cli("corpus", "show", "--json").json["snapshot"]
    listed = cli("corpus", "snapshots", "--json").json
    assert [item["documents"] for item in listed] == [3, 2, 0]
    assert listed[0]["snapshot"] == today
    told = cli("corpus", "snapshots", "tests").stdout
    assert today in told
    first = listed[1]["snapshot"]
    found = cli("corpus", "changes", "tests", first, "--json").json
    assert (found["added"], found["changed"], found["deleted"]) == (1, 1, 0)
    assert found["documents"] == [
        {"doc_id": "pmid:1", "what": "changed", "title": "On aspirin", "was": ""},
        {"doc_id": "pmid:3", "what": "added", "title": "On zinc", "was": ""},
    ]
    shown = cli("corpus", "changes", "tests", first, today, "--limit", "1").stdout
    assert shown == "changed  On aspirin (pmid:1)\n1 added, 1 changed, 0 deleted\n"
    unknown = cli("corpus", "changes", "tests", "0000")
    assert unknown.code == 2
    assert (
        unknown.errors[1] == "hint: `vademecum corpus snapshots tests` lists those it was seen in"
    )


def test_an_edited_file_is_shown_as_changed(cli: Cli, tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("# On iron\n\nIron was given.\n")
    assert cli("ingest", str(note), "--corpus", "notes").code == 0
    before = cli("corpus", "show", "notes", "--json").json["snapshot"]
    note.write_text("# On iron\n\nIron was not given.\n")
    assert cli("ingest", str(note), "--corpus", "notes").code == 0
    line, counts = cli("corpus", "changes", "notes", before).stdout.splitlines()
    assert line.startswith("changed  On iron (file:")
    assert ", was file:" in line
    assert counts == "0 added, 1 changed, 0 deleted"


def test_a_corpus_is_exported_and_imported_under_another_name(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = cli("corpus", "export", "tests", str(out))
    assert done.code == 0
    snapshot = cli("corpus", "show", "--json").json["snapshot"]
    assert snapshot in done.stderr
    again = cli("corpus", "export", "tests", str(out))
    assert again.code == 2
    assert len(again.errors) == 2
    taken = cli("corpus", "import", str(out))
    assert (taken.code, taken.errors[1]) == (
        2,
        "hint: import it under another name: --name NAME",
    )
    assert cli("corpus", "import", str(out), "--name", "copy").code == 0
    assert cli("corpus", "show", "copy", "--json").json["snapshot"] == snapshot
    assert cli("corpus", "verify", "copy").code == 0
    assert cli("search", "zinc", "--corpus", "copy", "--json").json["results"]
    nothing = cli("corpus", "import", str(tmp_path), "--name", "nothing")
    assert (nothing.code, len(nothing.errors)) == (2, 2)


def test_compacting_says_what_it_freed(cli: Cli) -> None:
    done = cli("corpus", "compact")
    assert done.code == 0
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["store", "vectors", "lexical"]
    assert lines[3].endswith("freed")
    assert_sound(cli, 3)


def test_where_vectors_are_is_told_and_another_setting_is_refused(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("corpus", "vectors").stdout == "vectors are searched in chroma\n"
    assert cli("corpus", "vectors", "nowhere").code == 2
    monkeypatch.setenv("VADEMECUM_VECTORS", "http://127.0.0.1:9")
    refused = cli("search", "zinc")
    assert refused.code == 2
    assert refused.errors[0] == (
        "error: the vectors of this library are in chroma, not in http://127.0.0.1:9"
    )
    away = cli("corpus", "vectors", "http://127.0.0.1:9")
    assert away.code == 1
    assert "cannot be reached" in away.errors[0]
    assert cli("corpus", "vectors").stdout == "vectors are searched in chroma\n"
    monkeypatch.delenv("VADEMECUM_VECTORS")
    assert_sound(cli, 3)


def test_offline_forbids_a_vector_server_elsewhere(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VADEMECUM_OFFLINE", "1")
    refused = cli("corpus", "vectors", "milvus:http://vectors.example.org:19530")
    assert refused.code == 1
    assert "VADEMECUM_OFFLINE" in refused.errors[0]
    assert cli("search", "zinc", "--json").code == 0
