"""`chat`: a conversation that survives errors, stops answers, and remembers."""

from __future__ import annotations

import io
import os
import signal
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from cli_support import Cli, ScriptedAssistant, answer, script

from vademecum.app.cli_chat import interrupt_sets
from vademecum.corpora.document import CorpusInfo
from vademecum.errors import ContextTooLong
from vademecum.rag.answer import Completed, Turn


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(line + "\n" for line in lines)))


def test_each_question_is_asked_with_what_was_said_before(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant = script(monkeypatch, [answer(answer="A1", sentences=()), answer()])
    typed(monkeypatch, "one", "", "two")
    done = cli("chat", "--seed", "3")
    assert done.code == 0
    assert [asked["question"] for asked in assistant.asked] == ["one", "two"]
    assert assistant.asked[0]["history"] == []
    assert assistant.asked[1]["history"] == [Turn("one", "A1")]
    assert assistant.asked[1]["seed"] == 3
    assert done.stdout.count("Sources") == 2


def test_a_closed_standard_input_is_told_before_a_model_is_loaded(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant = script(monkeypatch, [answer()])
    monkeypatch.setattr("sys.stdin", None)
    done = cli("chat")
    assert done.code == 2
    assert done.errors[0] == "error: questions are read from standard input, which is closed"
    assert len(done.stderr.splitlines()) == 2
    assert assistant.opened == {}


def test_new_forgets(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assistant = script(monkeypatch, [answer()])
    typed(monkeypatch, "one", "/new", "two", "/sources")
    cli("chat")
    assert assistant.asked[1]["history"] == []


def test_quit_leaves_at_once(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assistant = script(monkeypatch, [answer()])
    typed(monkeypatch, "/quit", "one")
    assert cli("chat").code == 0
    assert assistant.asked == []


def test_sources_shows_the_whole_passages(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from cli_support import source

    passage = " ".join(f"word{n}" for n in range(200))
    script(monkeypatch, [answer(sources=(source(1, text=passage),))])
    typed(monkeypatch, "/sources", "one", "/sources")
    done = cli("chat")
    assert "no answer with sources yet" in done.stderr
    assert done.stdout.count(passage) == 1


def test_another_corpus_is_asked_without_leaving(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assistant = script(monkeypatch, [answer()], corpora=("sample", "trials"))
    typed(monkeypatch, "/corpus", "one", "/corpus nosuch", "/corpus  trials", "two", "/corpus")
    done = cli("chat")
    assert done.code == 0
    assert [asked["corpus"] for asked in assistant.asked] == ["sample", "trials"]
    assert len(assistant.asked[1]["history"]) == 1
    assert done.stdout.startswith("sample: 1,000 documents, asked now\ntrials: 1,000 documents\n")
    assert done.stdout.endswith("sample: 1,000 documents\ntrials: 1,000 documents, asked now\n")
    assert "asking trials" in done.stderr
    assert done.errors == ["error: no corpus nosuch", "hint: there are others"]


def test_that_another_corpus_is_empty_is_told_when_it_is_chosen(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant = script(monkeypatch, [answer()], corpora=("sample", "none"))
    empty = CorpusInfo("none", "", 0, 0, "", "")
    monkeypatch.setattr(assistant.library, "corpus", lambda _: empty)
    monkeypatch.setattr(
        assistant.library, "job_log", SimpleNamespace(left=lambda _: []), raising=False
    )
    typed(monkeypatch, "/corpus none")
    assert "none is empty; `vademecum ingest PATHS --corpus none` fills it" in cli("chat").stderr


def test_help_and_unknown_commands(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, [answer()])
    typed(monkeypatch, "/help", "/nonsense")
    done = cli("chat")
    assert "/sources" in done.stdout
    assert done.errors == ["error: no such command: /nonsense", "hint: /help lists them"]
    assert done.code == 0


def test_an_error_ends_the_answer_not_the_conversation(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant = script(monkeypatch, [ContextTooLong("too long", hint="shorten it"), answer()])
    typed(monkeypatch, "one", "two")
    done = cli("chat")
    assert done.code == 0
    assert done.errors == ["error: too long", "hint: shorten it"]
    assert assistant.asked[1]["history"] == []


def test_ctrl_c_stops_the_answer_and_keeps_the_conversation(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant = script(monkeypatch, [answer()])
    scripted = assistant.stream

    def stream(question: str, **how: Any) -> Any:
        for event in scripted(question, **how):
            if question == "one" and type(event).__name__ == "AnswerDelta":
                yield event
                os.kill(os.getpid(), signal.SIGINT)
                assert how["cancel"].wait(5)
                yield Completed(answer(answer="Aspirin", sentences=(), reason="It was stopped."))
                return
            yield event

    monkeypatch.setattr(ScriptedAssistant, "stream", lambda self, q, **how: stream(q, **how))
    typed(monkeypatch, "one", "two")
    done = cli("chat")
    assert done.code == 0
    assert "stopped" in done.stderr
    assert done.stdout.startswith("Aspirin\nNote: It was stopped.\n")
    assert [asked["question"] for asked in assistant.asked] == ["one", "two"]
    assert done.stdout.count("Sources") == 2


def test_a_stop_before_a_sentence_says_that_and_no_more(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant = script(monkeypatch, [answer()])
    scripted = assistant.stream

    def stream(question: str, **how: Any) -> Any:
        events = scripted(question, **how)
        yield next(events)
        if question == "one":
            os.kill(os.getpid(), signal.SIGINT)
            assert how["cancel"].wait(5)
            said = "Stopped before an answer was written."
            yield Completed(answer(status="stopped", answer=said, reason="", sentences=()))
        else:
            yield from events

    monkeypatch.setattr(ScriptedAssistant, "stream", lambda self, q, **how: stream(q, **how))
    typed(monkeypatch, "one")
    done = cli("chat")
    assert done.stdout == ""
    assert done.stderr.splitlines() == ["stopped"]


def test_a_follow_up_refers_to_the_question_asked_last_even_if_it_was_stopped(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = answer(status="stopped", answer="Stopped.", sentences=())
    assistant = script(monkeypatch, [answer(answer="A1", sentences=()), silent, answer()])
    typed(monkeypatch, "one", "two", "three")
    cli("chat")
    assert assistant.asked[2]["history"] == [Turn("one", "A1"), Turn("two", "")]


def test_a_second_ctrl_c_does_not_wait() -> None:
    cancel = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def impatient() -> None:
        with interrupt_sets(cancel):
            os.kill(os.getpid(), signal.SIGINT)
            assert cancel.wait(5)
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(5)

    with pytest.raises(KeyboardInterrupt):
        impatient()
    assert signal.getsignal(signal.SIGINT) is before
