"""Which model and which corpus are taken where none is named, and what is told of it.

Nobody fetches hundreds of megabytes without a word.
"""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from cli_support import Cli, ScriptedAssistant, answer
from words_support import WordEmbedder, citation, pubmed

from vademecum.app import rooms
from vademecum.app.cli_demo import quoted
from vademecum.app.console import can_ask
from vademecum.ingest.report import IngestReport
from vademecum.model.choose import Choice
from vademecum.rag.answer import ModelRef

SMALL = Choice("small", "Qwen (small), 491 MB to fetch, first word in about 5 s.", 491_400_064)
TINY = Choice("tiny", "SmolLM2 (tiny) is on this machine.")

Terminal = Callable[[bool], list[str]]


@pytest.fixture
def cli(
    capsys: pytest.CaptureFixture[str],
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:
    """A library of one document, on a machine where no model is."""
    monkeypatch.delenv("VADEMECUM_MODEL", raising=False)
    monkeypatch.setattr("vademecum.app.rooms.load_embedder", lambda *_: WordEmbedder())
    choose(monkeypatch, SMALL)
    cli = Cli(capsys)
    (tmp_path / "a.xml").write_text(pubmed(citation(1, "On aspirin", "Aspirin lowered fever.")))
    assert cli("ingest", str(tmp_path / "a.xml"), "--corpus", "sample").code == 0
    return cli


def test_a_named_model_that_cannot_be_had_is_told_before_anything_is_opened(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("assets", "models"):
        (home / name).unlink()  # what other tests share
    monkeypatch.setenv("VADEMECUM_OFFLINE", "1")
    monkeypatch.setattr("vademecum.app.rooms.open_library", lambda *_: pytest.fail("opened"))
    for command in (("ask", "q"), ("chat",), ("serve",)):
        done = cli(*command, "--model", "small")
        assert done.code == 1
        assert "VADEMECUM_OFFLINE forbids fetching it" in done.errors[0]


@pytest.mark.parametrize("command", [("ask", "q"), ("chat",)])
def test_the_address_of_a_server_is_a_model(
    cli: Cli,
    opened: list[tuple[str, ScriptedAssistant]],
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("/quit\n"))
    assert cli(*command, "--model", "http://127.0.0.1:9#r1").code == 0
    assert [model for model, _ in opened] == ["http://127.0.0.1:9#r1"]


def choose(monkeypatch: pytest.MonkeyPatch, choice: Choice) -> list[dict[str, Any]]:
    """The choice of this machine, and what was said when it was asked for."""
    asked: list[dict[str, Any]] = []

    def chosen(**how: Any) -> Choice:
        asked.append(how)
        return choice

    monkeypatch.setattr("vademecum.model.choose.choose", chosen)
    return asked


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ScriptedAssistant]]:
    """The models that were opened, each with the assistant over it."""
    found: list[tuple[str, ScriptedAssistant]] = []

    @contextmanager
    def open_(corpus: str, *, model: str, **_: Any) -> Iterator[ScriptedAssistant]:
        found.append((model, ScriptedAssistant([answer()], model_reason="chosen by name")))
        yield found[-1][1]

    monkeypatch.setattr("vademecum.rag.assistant.Assistant.open", open_)
    return found


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Somebody sits at a terminal and gives this answer to every question; what was asked."""

    def says(yes: bool) -> list[str]:
        questions: list[str] = []

        def confirm(text: str, *, default: bool, err: bool) -> bool:
            assert (default, err) == (True, True)  # Enter means yes; stdout is for the answer
            questions.append(text)
            return yes

        monkeypatch.setenv("TERM", "dumb")  # without colours
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(typer, "confirm", confirm)
        return questions

    return says


Opened = list[tuple[str, ScriptedAssistant]]


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("Qwen (small), first word in 1 s.", "Qwen (small), first word in 1 s. It runs on the "),
        ("chosen by name", "model small is chosen by name; it runs on the "),
    ],
)
def test_the_page_is_told_of_a_gpu_that_is_not_used(chosen: str, said: str) -> None:
    assistant = ScriptedAssistant([answer()], model_reason=chosen)
    assistant.model = SimpleNamespace(name="small", fallback="on the processor: too old; buy one")
    told = rooms.why(assistant, chosen)  # type: ignore[arg-type]
    assert told == f"{said}processor: too old; buy one"
    for quiet in (SimpleNamespace(name="small", fallback=""), SimpleNamespace(name="r"), None):
        assistant.model = quiet
        assert rooms.why(assistant, chosen) == chosen  # type: ignore[arg-type]


def test_the_size_is_told_before_anything_is_fetched(cli: Cli, opened: Opened) -> None:
    done = cli("ask", "q")
    assert done.code == 0
    assert "491 MB to fetch" in done.stderr
    ((model, assistant),) = opened
    assert (model, assistant.model_reason) == ("small", SMALL.reason)


@pytest.mark.parametrize("command", [["ask", "q"], ["chat"], ["serve"]])
def test_at_a_terminal_it_can_be_refused(
    cli: Cli, opened: Opened, terminal: Terminal, command: list[str]
) -> None:
    questions = terminal(False)
    done = cli(*command)
    assert questions == ["Fetch small (491.4 MB)?"]
    assert (done.code, opened) == (1, [])
    assert done.errors[0] == "error: nothing was fetched"
    assert "--model none" in done.errors[1]


def test_who_agrees_gets_it(cli: Cli, opened: Opened, terminal: Terminal) -> None:
    questions = terminal(True)
    assert cli("ask", "q").code == 0
    assert len(questions) == 1
    assert opened[0][0] == "small"


@pytest.mark.parametrize("model", ["tiny", "none"])
def test_who_names_a_model_is_not_asked(
    cli: Cli, opened: Opened, terminal: Terminal, model: str
) -> None:
    questions = terminal(False)
    assert cli("ask", "q", "--model", model).code == 0
    assert (questions, opened[0][0]) == ([], model)


def test_a_model_that_is_here_is_taken_with_a_line(
    cli: Cli, opened: Opened, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = terminal(False)
    asked = choose(monkeypatch, TINY)
    done = cli("ask", "q")
    assert (done.code, questions, opened[0][0]) == (0, [], "tiny")
    assert TINY.reason in done.stderr
    assert [how["fetch"] for how in asked] == [False]


def test_why_a_model_is_taken_is_told_once_and_when_another_one_is(
    cli: Cli, opened: Opened, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    slower = Choice("tiny", "SmolLM2 (tiny), first word in about 9 s, is on this machine.")
    other = Choice("medium", "Qwen (medium) is on this machine.")
    for choice in (TINY, slower, other, other, TINY):
        choose(monkeypatch, choice)
        done = cli("ask", "q")
        assert done.code == 0
        said.append(choice.reason in done.stderr)
    assert said == [True, False, True, False, True]
    cli("ask", "q")
    assert opened[-1][1].model_reason == TINY.reason  # the page says it whenever it is opened


def test_that_another_model_answers_than_before_is_told_in_the_terminal_and_on_the_page(
    cli: Cli, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    medium = Choice("medium", "Qwen (medium) is on this machine.")
    changed = "Model medium answers from now on, no longer tiny (`--model tiny` takes that one). "
    told = []
    for choice in (TINY, TINY, medium, medium):
        choose(monkeypatch, choice)
        told.append(" ".join(cli("ask", "q").stderr.split()).count(changed + medium.reason))
    assert told == [0, 0, 1, 0]
    assert opened[2][1].model_reason == changed + medium.reason


def test_what_is_remembered_and_is_no_model_is_not_told(
    cli: Cli, opened: Opened, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, TINY)
    (home / "model-told").write_text("gone")
    assert "gone" not in cli("ask", "q").stderr


def test_what_is_to_be_fetched_is_told_each_time(cli: Cli, opened: Opened) -> None:
    assert all("491 MB to fetch" in cli("ask", "q").stderr for _ in range(2))


@pytest.mark.parametrize("damage", ["folder", "bytes"])
def test_where_it_cannot_be_remembered_it_is_told_each_time(
    cli: Cli, opened: Opened, home: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    choose(monkeypatch, TINY)
    if damage == "folder":
        (home / "model-told").mkdir()
        assert all(TINY.reason in cli("ask", "q").stderr for _ in range(2))
    else:
        (home / "model-told").write_bytes(b"\xff\xfe")
        assert [TINY.reason in cli("ask", "q").stderr for _ in range(2)] == [True, False]


def test_the_model_that_the_environment_names_is_taken(
    cli: Cli, opened: Opened, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VADEMECUM_MODEL", "tiny")
    questions = terminal(False)
    assert cli("ask", "q").code == 0
    assert (questions, opened[0][0]) == ([], "auto")


def test_the_demo_fetches_the_best_and_says_so(
    cli: Cli,
    opened: Opened,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever starts it was told by the README what it fetches."""
    monkeypatch.setattr("vademecum.app.rooms.SAMPLE", "sample")
    report = IngestReport("sample", state="done")
    monkeypatch.setattr("vademecum.app.cli_demo.fill", lambda *_: report)
    questions = terminal(False)
    asked = choose(monkeypatch, SMALL)
    done = cli("demo", "--no-serve")
    assert done.code == 0, done.stderr
    assert (questions, opened[0][0]) == ([], "small")
    assert [how["fetch"] for how in asked] == [True]
    assert "491 MB to fetch" in done.stderr


@pytest.mark.parametrize(
    ("model", "status", "hint"),
    [("tiny", "not_written", "small"), ("tiny", "answered", ""), ("r1-qwen-7b", "not_written", "")],
)
def test_a_demo_whose_model_failed_names_a_larger_one(
    cli: Cli,
    opened: Opened,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    status: str,
    hint: str,
) -> None:
    said = answer(status=status, model=ModelRef(model, "nf4", "sparse"), reason="it wrote nothing")
    monkeypatch.setattr("vademecum.app.rooms.SAMPLE", "sample")
    report = IngestReport("sample", state="done")
    monkeypatch.setattr("vademecum.app.cli_demo.fill", lambda *_: report)
    monkeypatch.setattr("vademecum.app.rooms.answer", lambda *_, **__: said)
    shown = cli("demo", "--no-serve", "--model", model).stdout
    assert ("A larger model may write it" in shown) == bool(hint)
    assert (f": vademecum demo --model {hint}\n" in shown) == bool(hint)


def test_a_demo_that_ends_after_the_answer_says_what_to_type_next(
    cli: Cli, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vademecum.app.rooms.SAMPLE", "sample")
    report = IngestReport("sample", state="done")
    monkeypatch.setattr("vademecum.app.cli_demo.fill", lambda *_: report)
    monkeypatch.setattr("vademecum.app.rooms.answer", lambda *_, **__: answer())
    monkeypatch.setattr("vademecum.app.rooms.serve", lambda *_: None)
    shown = cli("demo", "--no-serve", "--model", "tiny").stdout
    typed = [line.strip() for line in shown.splitlines() if line.startswith("  vademecum ")]
    assert len(typed) == 3
    ask, serve, ingest = (shlex.split(line)[1:] for line in typed)
    assert shown.rstrip().endswith(typed[-1])
    assert cli(*ask).code == cli(*serve).code == 0  # they can be typed as they stand
    assert opened[-1][1].asked == [] or ask[0] == "ask"
    assert ingest == ["ingest", "FOLDER", "--corpus", "NAME"]
    assert "vademecum ask" not in cli("demo", "--model", "tiny").stdout  # the page is open


@pytest.mark.parametrize("question", ["Is it good?", 'What is "good"?', "Why $5?", "Isn't it?"])
def test_a_question_is_quoted_so_that_a_shell_reads_it(question: str) -> None:
    assert shlex.split(quoted(question)) == [question]


@pytest.fixture
def several(cli: Cli, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Two corpora, of which the later one is larger."""
    records = [citation(n, f"On {n}", f"Number {n} lowered fever.") for n in (2, 3)]
    (tmp_path / "b.xml").write_text(pubmed(*records))
    assert cli("ingest", str(tmp_path / "b.xml"), "--corpus", "trials").code == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("question\n"))
    return cli


def test_a_conversation_begins_with_the_largest_corpus(several: Cli, opened: Opened) -> None:
    done = several("chat")
    assert done.code == 0
    assert opened[0][1].asked[0]["corpus"] == "trials"
    told = "trials is open, the largest of 2 corpora; /corpus NAME asks another"
    assert done.stderr.splitlines().count(told) == 1


def test_a_corpus_that_is_named_is_not_told(several: Cli, opened: Opened) -> None:
    done = several("chat", "--corpus", "sample")
    assert opened[0][1].asked[0]["corpus"] == "sample"
    assert "largest" not in done.stderr


def test_the_page_begins_with_the_largest_corpus(
    several: Cli, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[str] = []
    monkeypatch.setattr("vademecum.app.rooms.serve", lambda _, name, *__: served.append(name))
    done = several("serve")
    assert (done.code, served) == (0, ["trials"])
    told = "trials is open, the largest of 2 corpora; the page has a menu of them"
    assert told in done.stderr.splitlines()


def test_a_single_question_wants_its_corpus_named(several: Cli, opened: Opened) -> None:
    done = several("ask", "q")
    assert (done.code, opened) == (2, [])
    assert done.errors[0] == "error: the library holds 2 corpora: sample, trials"


def test_with_stdin_closed_nobody_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert not can_ask()
