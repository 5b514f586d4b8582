"""Exit codes: 0 done, 2 other words would mend it, 1 understood and it could not be done."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_support import Cli
from words_support import citation, pubmed


@pytest.fixture
def cli(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A library that is empty yet, a sound file and a damaged one, named from where they lie."""
    monkeypatch.chdir(tmp_path)
    Path("good.xml").write_text(pubmed(citation(1, "On aspirin", "Aspirin lowered fever.")))
    Path("bad.xml").write_text("<PubmedArticleSet>")
    return cli


@pytest.fixture
def filled(cli: Cli) -> Cli:
    """One corpus, `tests`, by one job that is done."""
    assert cli("ingest", "good.xml", "--corpus", "tests").code == 0
    return cli


@pytest.mark.parametrize(
    "command",
    [
        "nonsense",
        "search",
        "search x --k none",
        "search x --year 20x",
        "search x --corpus nosuch",
        "ask x --corpus nosuch --model none",
        "ask x --model nosuch",
        "chat --corpus nosuch",
        "serve --corpus nosuch",
        "ingest nowhere --corpus tests",
        "ingest --corpus tests",
        "ingest good.xml --query x --corpus tests",
        "ingest good.xml --workers 2 --corpus tests",
        "ingest good.xml --watch --no-wait --corpus tests",
        "corpus show nosuch",
        "corpus verify nosuch",
        "corpus rebuild nosuch",
        "corpus snapshots nosuch",
        "corpus changes nosuch 0000",
        "corpus changes tests 0000",
        "corpus export nosuch folder",
        "corpus export tests .",
        "corpus import .",
        "corpus vectors nosuch",
        "corpus delete nosuch --yes",
        "corpus delete tests",
        "jobs show 99",
        "jobs resume 99",
        "jobs retry 99",
        "jobs pause 99",
        "jobs cancel 99",
        "models info nosuch",
        "models pull nosuch",
        "bench engine --model nosuch",
        "bench engine --depths none",
    ],
)
def test_what_other_words_would_mend_is_2(filled: Cli, command: str) -> None:
    done = filled(*command.split())
    assert (done.code, len(done.errors)) == (2, 2), done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "command",
    [
        "search x",
        "ask x --model none",
        "chat --model none",
        "serve --model none",
        "corpus show",
        "corpus verify",
        "corpus rebuild",
        "corpus snapshots",
        "jobs show",
        "jobs resume",
        "jobs retry",
        "jobs pause",
        "jobs cancel",
        "ingest bad.xml --corpus tests",
        "ingest good.xml bad.xml --corpus tests",
    ],
)
def test_what_was_understood_and_could_not_be_done_is_1(cli: Cli, command: str) -> None:
    done = cli(*command.split())
    assert (done.code, len(done.errors)) == (1, 2), done.stderr


@pytest.mark.parametrize("command", ["resume", "retry", "pause", "cancel"])
def test_a_job_that_is_done_leaves_nothing_to_do(filled: Cli, command: str) -> None:
    done = filled("jobs", command, "1")
    assert (done.code, len(done.errors)) == (1, 2), done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "corpus",
        "jobs",
        "jobs show",
        "models",
        "models info tiny",
        "search nothing --type Letter",
        "ingest good.xml --corpus tests",
        "ingest bad.xml --dry-run --corpus tests",
        "corpus verify",
    ],
)
def test_what_is_done_is_0(filled: Cli, command: str) -> None:
    done = filled(*command.split())
    assert (done.code, done.errors) == (0, []), done.stderr


@pytest.mark.parametrize("command", ["corpus", "corpus list", "jobs", "jobs list"])
def test_a_list_of_nothing_is_a_list(cli: Cli, command: str) -> None:
    done = cli(*command.split())
    assert (done.code, done.errors) == (0, []), done.stderr
