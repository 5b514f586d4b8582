"""What the tests of the command line share: a way in, and an answer that is not innocent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from web_support import Shelf

from vademecum.app.cli import run
from vademecum.corpora.document import Filters
from vademecum.errors import VademecumError
from vademecum.rag.answer import (
    Answer,
    AnswerDelta,
    Completed,
    CorpusRef,
    Event,
    ModelRef,
    Retrieved,
    Sentence,
    Source,
    ThinkingDelta,
    Timings,
)

SCHEMA = json.loads((Path(__file__).parent / "answer.schema.json").read_text())

# What a hostile document may carry: clear the screen, set the title, colour, one-byte CSI,
# reversed text, a NUL and a bell.
ESCAPES = "\x1b[2J\x1b]0;owned\x07\x1b[31m\x9b31m\u202e\x00\x07"


def validate(answer: dict[str, Any]) -> None:
    """Raises unless it is what `ask --json` promises."""
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(answer)


@dataclass
class Result:
    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def errors(self) -> list[str]:
        """The lines of stderr that tell an error."""
        return [line for line in self.stderr.splitlines() if line.startswith(("error:", "hint:"))]


class Cli:
    """`cli("ask", "...")` runs the command in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> Result:
        self.capsys.readouterr()
        code = run(arguments)
        out, err = self.capsys.readouterr()
        return Result(code, out, err)


def source(n: int = 1, **changes: Any) -> Source:
    values: dict[str, Any] = {
        "n": n,
        "doc_id": f"pmid:{n}",
        "passage_id": f"pmid:{n}#0",
        "title": f"Title {n}",
        "year": 2020,
        "journal": "Journal of Tests",
        "url": f"https://pubmed.ncbi.nlm.nih.gov/{n}/",
        "kind": "abstract",
        "retracted": False,
        "evidence_level": "randomised trial",
        "text": "Aspirin lowered fever in 40% of patients.",
        "start": 0,
        "end": 41,
        "score": 0.9,
    }
    return Source(**{**values, **changes})


def answer(**changes: Any) -> Answer:
    """Four sentences, one of each kind of support, from two sources."""
    texts: list[tuple[str, tuple[int, ...], Any, float]] = [
        ("Aspirin lowers fever [1].", (1,), "supported", 0.9),
        ("It may help pain.", (1, 2), "partial", 0.5),
        ("It cures cancer.", (2,), "unsupported", 0.1),
        ("Ask a doctor.", (), "uncited", 0.0),
    ]
    sentences: list[Sentence] = []
    whole = ""
    for text, citations, support, score in texts:
        whole += " " if whole else ""
        start = len(whole)
        whole += text
        sentences.append(Sentence(text, start, len(whole), citations, support, score))
    values: dict[str, Any] = {
        "question": "Does aspirin lower fever?",
        "answer": whole,
        "thinking": "Let me look at the sources.",
        "status": "answered",
        "reason": "",
        "sentences": tuple(sentences),
        "quotes": (),
        "sources": (source(1), source(2, retracted=True)),
        "corpus": CorpusRef("sample", "abcdef0123456789", 1000, "2020-12"),
        "model": ModelRef("scripted", "nf4", "dense"),
        "seed": 0,
        "timings": Timings(0.2, 1.5, 12.34, 4.0),
        "audit_id": "a1",
    }
    return Answer(**{**values, **changes})


@dataclass
class ScriptedAssistant:
    """Says what it was told to say, and remembers what it was asked."""

    answers: list[Answer | VademecumError]
    asked: list[dict[str, Any]] = field(default_factory=list)
    opened: dict[str, Any] = field(default_factory=dict)
    model_reason: str = ""
    model: Any = None
    library: Shelf = field(default_factory=Shelf)

    def stream(self, question: str, **how: Any) -> Iterator[Event]:
        self.asked.append({"question": question, **how, "history": list(how.get("history", ()))})
        said = self.answers[min(len(self.asked), len(self.answers)) - 1]
        yield Retrieved((), 0.1)
        if isinstance(said, VademecumError):
            raise said
        yield ThinkingDelta(said.thinking)
        for word in said.answer.split(" "):
            yield AnswerDelta(word + " ")
        yield Completed(said)


def script(
    monkeypatch: pytest.MonkeyPatch,
    answers: Sequence[Answer | VademecumError],
    corpora: tuple[str, ...] = ("sample",),
) -> ScriptedAssistant:
    """Put a scripted assistant behind the commands, over a corpus called `sample`, or several."""
    assistant = ScriptedAssistant(list(answers), library=Shelf(corpora))

    @contextmanager
    def open_assistant(corpus: str | None, **how: Any) -> Iterator[tuple[Any, str]]:
        assistant.opened = how
        yield assistant, corpus or "sample"

    monkeypatch.setattr("vademecum.app.rooms.open_assistant", open_assistant)
    return assistant


__all__ = ["ESCAPES", "Cli", "Filters", "Result", "answer", "script", "source", "validate"]
