"""A library through the command line: fill it, search it, and everything that can be wrong.

After each bad input the library must still be sound.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_support import Cli
from holder_support import holding
from words_support import TOPICS, assert_sound, citation, pubmed

from vademecum.errors import HashMismatch


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.xml"
    citations = [
        citation(n, f"On {topic}", text, year=2010 + n)
        for n, (topic, text) in enumerate(TOPICS.items(), start=1)
    ]
    path.write_text(pubmed(*citations))
    return path


@pytest.fixture
def filled(cli: Cli, sample: Path) -> Cli:
    assert cli("ingest", str(sample), "--corpus", "tests").code == 0
    return cli


def test_ingest_reports_and_a_second_run_embeds_nothing(cli: Cli, sample: Path) -> None:
    first = cli("ingest", str(sample), "--corpus", "tests", "--json")
    assert first.code == 0
    assert (first.json["read"], first.json["kept"], first.json["skipped"]) == (3, 3, 0)
    again = cli("ingest", str(sample), "--corpus", "tests")
    assert again.code == 0
    assert "tests: 1 file, 1 unchanged; nothing was to be read; " in again.stdout
    assert_sound(cli, 3)


def test_search_finds_and_shows_where_from(filled: Cli) -> None:
    done = filled("search", "blood glucose")
    assert done.code == 0
    first = done.stdout.split("\n2.")[0]
    assert first.startswith("1. On metformin\n")
    assert "Journal of Tests, 2012 · review · abstract only · relative score" in first
    assert "https://pubmed.ncbi.nlm.nih.gov/2/" in first
    assert "Metformin lowered blood glucose" in first


def test_search_shows_of_a_long_passage_the_part_that_was_looked_for(
    cli: Cli, tmp_path: Path
) -> None:
    note = "The weather was noted by hand. " * 20 + "The carbon filter is changed in March. "
    (tmp_path / "note.txt").write_text(note + "The gate was painted. " * 20)
    assert cli("ingest", str(tmp_path / "note.txt"), "--corpus", "notes").code == 0
    shown = " ".join(cli("search", "carbon filter", "--corpus", "notes").stdout.split())
    assert "The carbon filter is changed in March." in shown


def test_search_says_once_which_hits_are_weak(filled: Cli) -> None:
    far = filled("search", "volcanoes erupting underwater")
    assert far.code == 0
    assert far.stdout.count("Weak") == 1
    assert "Weak: none of these bears enough on the query to answer from." in far.stdout
    results = filled("search", "volcanoes erupting underwater", "--json").json["results"]
    assert [hit["weak"] for hit in results] == [True] * len(results)
    near = filled("search", "Metformin lowered blood glucose in adults", "--json").json["results"]
    assert [hit["weak"] for hit in near] == [False] + [True] * (len(near) - 1)
    shown = filled("search", "Metformin lowered blood glucose in adults").stdout
    assert "Weak, an answer would leave them out: 2, 3." in shown
    alone = filled("search", "Metformin lowered blood glucose in adults", "--k", "1").stdout
    assert "Weak" not in alone


def test_search_says_what_its_scores_are_good_for(filled: Cli) -> None:
    said = "Scores compare the passages of one search with each other"
    assert filled("search", "blood glucose").stdout.count(said) == 1
    assert said not in filled("search", "blood glucose", "--k", "1").stdout  # nothing to compare
    assert "Die Werte vergleichen" in filled("search", "Blutzucker und Diabetes").stdout
    assert "得分只用于比较" in filled("search", "血糖有什么影响？").stdout


def test_search_in_another_language_than_the_texts_says_so(filled: Cli) -> None:
    shown = filled("search", "二甲双胍会降低血糖吗？").stdout
    assert "检索词是中文，以上段落多为英文，而检索不能跨语言进行：请用英文检索。" in shown
    assert "相关度低" not in shown
    shown = filled("search", "Senkt es die Blutfette und verhindert Schlaganfälle?").stdout
    assert "Die Suche ist auf Deutsch, das meiste hiervon auf Englisch" in shown


def test_search_says_so_where_only_some_of_the_texts_are_in_another_language(
    filled: Cli, tmp_path: Path
) -> None:
    (tmp_path / "haus.txt").write_text("Die Hunde dürfen nicht in das Haus und auch nicht auf es.")
    assert filled("ingest", str(tmp_path / "haus.txt"), "--corpus", "tests").code == 0
    shown = filled("search", "Where may I keep my own parrot?").stdout
    assert "Weak: none of these" in shown
    assert "Some texts found are in German" in shown


def test_search_names_the_files_of_what_has_no_number(filled: Cli, tmp_path: Path) -> None:
    text = "# Fever\n\nParacetamol *soothed* sore throats.\n"
    (tmp_path / "Fever notes.md").write_text(text)
    assert filled("ingest", str(tmp_path / "Fever notes.md"), "--corpus", "tests").code == 0
    shown = filled("search", "Paracetamol soothed sore throats").stdout
    assert "full text · Fever notes.md · Fever · relative score" in shown
    assert "“Fever Paracetamol soothed sore throats.”" in shown
    assert ".xml" not in shown
    results = filled("search", "Paracetamol soothed sore throats", "--json").json["results"]
    assert results[0]["text"] == text.strip()
    assert {hit["title"]: hit["file"] for hit in results[:2]} == {
        "Fever": "Fever notes.md",
        results[1]["title"]: "",
    }


def test_two_files_of_one_name_are_told_apart(filled: Cli, tmp_path: Path) -> None:
    for ward in ("ward-a", "ward-b"):
        (tmp_path / ward).mkdir()
        (tmp_path / ward / "notes.md").write_text(f"Paracetamol soothed sore throats on {ward}.\n")
    assert filled("ingest", str(tmp_path), "--corpus", "tests").code == 0
    shown = filled("search", "Paracetamol soothed sore throats").stdout
    assert "full text · ward-a/notes.md · " in shown
    assert "full text · ward-b/notes.md · " in shown


def test_search_as_json_gives_exact_offsets(filled: Cli) -> None:
    done = filled("search", "blood glucose", "--k", "1", "--json")
    (hit,) = done.json["results"]
    assert hit["doc_id"] == "pmid:2"
    assert TOPICS["metformin"][hit["start"] : hit["end"]] == hit["text"]


def test_search_narrows_by_year_and_type(filled: Cli) -> None:
    assert [
        hit["year"]
        for hit in filled("search", "lowered", "--year", "2012-", "--json").json["results"]
    ] != []
    years = {
        hit["year"]
        for hit in filled("search", "lowered", "--year", "2012-", "--json").json["results"]
    }
    assert years == {2012, 2013}
    nothing = filled("search", "lowered", "--type", "Letter")
    assert nothing.code == 0
    assert nothing.stdout == "Nothing in tests matches.\n"


def test_corpora_are_listed_and_shown(filled: Cli) -> None:
    header, row = filled("corpus").stdout.splitlines()
    assert header.split()[:3] == ["corpus", "documents", "passages"]
    assert row.split()[:2] == ["tests", "3"]
    assert filled("corpus", "list", "--json").json[0]["name"] == "tests"
    assert "words" in filled("corpus", "show").stdout


def test_rebuild_leaves_it_sound(filled: Cli) -> None:
    assert filled("corpus", "rebuild").code == 0
    assert_sound(filled, 3)


def test_delete_asks_first(filled: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    done = filled("corpus", "delete", "tests")
    assert done.code == 2
    assert done.errors[1] == "hint: add --yes to delete without being asked"
    assert filled("corpus", "show", "tests").code == 0
    assert filled("corpus", "delete", "tests", "--yes").code == 0
    assert filled("corpus", "list", "--json").json == []


def test_an_empty_library_says_how_to_fill_it(cli: Cli) -> None:
    for command in (["search", "x"], ["corpus", "show"], ["corpus", "verify"]):
        done = cli(*command)
        assert done.code == 1
        assert done.errors[0] == "error: the library is empty"
        assert "vademecum ingest" in done.errors[1]


def test_a_wrong_corpus_name_names_those_that_exist(filled: Cli) -> None:
    for command in (["search", "x", "-c", "Test"], ["corpus", "verify", "Test"]):
        done = filled(*command)
        assert done.code == 2
        assert "'Test'" in done.errors[0]
        assert done.errors[1] == "hint: did you mean 'tests'? there are: tests"
    assert filled("search", "x", "-c", "other").errors[1] == "hint: there are: tests"


def test_with_two_corpora_one_must_be_named(filled: Cli, sample: Path) -> None:
    filled("ingest", str(sample), "--corpus", "more")
    done = filled("search", "x")
    assert done.code == 2
    assert done.errors == [
        "error: the library holds 2 corpora: more, tests",
        "hint: name one: --corpus NAME",
    ]
    for command in ("show", "verify", "rebuild", "snapshots"):
        done = filled("corpus", command)
        assert (done.code, done.errors[1]) == (
            2,
            f"hint: name one: vademecum corpus {command} NAME",
        )
        assert filled("corpus", command, "more").code == 0


def test_of_a_file_that_cannot_be_read_at_all_nothing_is_said_to_be_kept(
    filled: Cli, tmp_path: Path
) -> None:
    (tmp_path / "noise.pdf").write_bytes(b"\x00\x01 no PDF")
    done = filled("ingest", str(tmp_path / "noise.pdf"), "--corpus", "tests")
    assert done.errors[0] == "error: noise.pdf could not be read"
    assert done.errors[1].startswith("hint: `vademecum jobs show ")


def test_a_truncated_gzip_keeps_what_came_before(filled: Cli, tmp_path: Path) -> None:
    # Incompressible text, so that half of the file holds some of the citations.
    citations = [
        citation(n, f"Number {n}", hashlib.sha512(str(n).encode()).hexdigest() * 20)
        for n in range(100, 400)
    ]
    whole = gzip.compress(pubmed(*citations).encode())
    broken = tmp_path / "broken.xml.gz"
    broken.write_bytes(whole[: len(whole) // 2])
    done = filled("ingest", str(broken), "--corpus", "tests", "--json")
    assert done.code == 1
    assert len(done.errors) == 2
    assert done.errors[0] == "error: broken.xml.gz could not be read"
    assert "what could be read is kept" in done.errors[1]
    kept = done.json["kept"]
    assert 0 < kept < 300
    assert_sound(filled, 3 + kept)
    broken.write_bytes(whole)
    assert filled("ingest", str(broken), "--corpus", "tests").code == 0
    assert_sound(filled, 303)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("malformed.xml", "<PubmedArticleSet><PubmedArticle></PubmedArticleSet>"),
        ("other.xml", "<html><body>no citations</body></html>"),
        ("pubmed26n1334.xml.gz", ""),
        ("plain.xml.gz", "this is no gzip"),
    ],
)
def test_a_bad_file_is_one_error_with_a_hint(
    filled: Cli, tmp_path: Path, name: str, content: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    done = filled("ingest", str(path), "--corpus", "tests")
    assert done.code == 1
    assert len(done.errors) == 2
    assert name in done.errors[0]
    assert "Traceback" not in done.stderr
    assert_sound(filled, 3)


def test_an_empty_file_is_skipped_in_one_line(cli: Cli, sample: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(sample, folder)
    (folder / "nothing.txt").touch()
    (folder / "space.md").write_text(" \n\n")
    done = cli("ingest", str(folder), "--corpus", "tests")
    assert done.code == 0, done.stderr
    assert done.stderr.splitlines().count("empty, skipped: nothing.txt, space.md") == 1
    assert "3 documents read, 3 kept" in done.stdout
    assert "failed" not in done.stdout
    shown = cli("jobs", "show")
    assert "nothing.txt and 1 more file: empty, skipped" in shown.stdout
    assert_sound(cli, 3)


def test_a_bad_file_does_not_stop_the_good_ones(cli: Cli, sample: Path, tmp_path: Path) -> None:
    bad = tmp_path / "a-bad.xml"
    bad.write_text("<PubmedArticleSet>")
    done = cli("ingest", str(bad), str(sample), "--corpus", "tests", "--json")
    assert done.code == 1
    assert (done.json["files"], done.json["kept"]) == (2, 3)
    assert_sound(cli, 3)


def test_a_path_that_is_not_there_is_wrong_usage(cli: Cli, tmp_path: Path) -> None:
    done = cli("ingest", str(tmp_path / "nowhere"), "--corpus", "tests")
    assert done.code == 2
    assert len(done.errors) == 2


def test_a_file_of_no_kind_that_is_read_is_refused_before_anything_is_made(
    cli: Cli, tmp_path: Path
) -> None:
    odd = tmp_path / "x.xyz"
    odd.write_text("text")
    done = cli("ingest", str(odd), "--corpus", "tests")
    assert done.code == 2
    assert done.errors[0] == "error: x.xyz is of no kind that can be read"
    assert done.errors[1].startswith("hint: files that can be read end in .xml, ")
    assert cli("jobs", "list", "--json").json == []
    assert cli("corpus", "list", "--json").json == []


def test_no_space_loses_nothing(
    filled: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "more.xml"
    path.write_text(pubmed(citation(9, "One more", "Something else entirely.")))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "library.sqlite")

    with monkeypatch.context() as patch:
        patch.setattr("vademecum.corpora.library.Library.commit", full)
        done = filled("ingest", str(path), "--corpus", "tests")
    assert done.code == 1
    assert len(done.errors) == 2
    assert "space" in done.errors[0]
    assert_sound(filled, 3)
    assert filled("ingest", str(path), "--corpus", "tests").code == 0
    assert_sound(filled, 4)


def test_a_corrupted_download_is_refused(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, sample: Path
) -> None:
    def corrupted(*_: object) -> None:
        raise HashMismatch("the embedder is not what was pinned", hint="try again")

    with monkeypatch.context() as patch:
        patch.setattr("vademecum.app.rooms.load_embedder", corrupted)
        done = cli("ingest", str(sample), "--corpus", "tests")
    assert done.code == 1
    assert done.errors == ["error: the embedder is not what was pinned", "hint: try again"]
    assert cli("ingest", str(sample), "--corpus", "tests").code == 0
    assert_sound(cli, 3)


def test_a_second_process_is_told_who_owns_the_library(filled: Cli, home: Path) -> None:
    with holding(home / "library") as owner:
        done = filled("search", "aspirin")
    assert done.code == 1
    assert len(done.errors) == 2
    assert str(owner.pid) in done.errors[0]
    assert_sound(filled, 3)


def test_an_unsound_corpus_fails_verification(filled: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from vademecum.corpora.library import Library

    real = Library.verify

    def spoiled(self: Library, corpus: str, **how: Any) -> Any:
        return replace(real(self, corpus, **how), problems=["pmid:1#0 is in no index"])

    with monkeypatch.context() as patch:
        patch.setattr(Library, "verify", spoiled)
        done = filled("corpus", "verify")
    assert done.code == 1
    assert "pmid:1#0 is in no index" in done.stdout
    assert done.errors == [
        "error: tests is not sound: 1 problem",
        "hint: `vademecum corpus rebuild tests` makes both indexes again from the store",
    ]
    assert_sound(filled, 3)


def test_jobs_tell_what_was_ingested_and_what_failed(filled: Cli, tmp_path: Path) -> None:
    bad = tmp_path / "bad.xml"
    bad.write_text("<PubmedArticleSet>")
    filled("ingest", str(bad), "--corpus", "tests")
    told = filled("jobs")
    assert told.code == 0
    header, failed, done, why = told.stdout.splitlines()
    assert header.split()[:3] == ["job", "corpus", "state"]
    assert "failed" in failed
    assert "done" in done
    assert "bad.xml" in why
    jobs = filled("jobs", "list", "--limit", "1", "--json").json
    listed = [(job["state"], job["corpus"], job["files"], len(job["failed"])) for job in jobs]
    assert listed == [("failed", "tests", 1, 1)]
