"""`vademecum chat`: questions and answers in a terminal, one after another."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

from rich.text import Text

from vademecum.app import options, render, rooms
from vademecum.app.console import can_ask, clean, fail, note, one_line, paragraph, plural, stdout
from vademecum.app.live import LiveAnswer
from vademecum.app.progress import ConsoleProgress
from vademecum.errors import Cancelled, UsageError, VademecumError
from vademecum.rag.answer import Answer, Turn

if TYPE_CHECKING:
    from vademecum.rag.assistant import Assistant

HELP = {
    "/sources": "the passages behind the last answer, whole",
    "/corpus": "the corpora there are; with a name, ask that one from now on",
    "/new": "forget the conversation so far",
    "/help": "this list",
    "/quit": "leave (so does Ctrl-D); Ctrl-C stops an answer",
}


def chat(
    corpus: options.FirstCorpus = None,
    model: options.Model = "auto",
    seed: options.Seed = 0,
    quantization: options.QuantizationOption = "nf4",
    attention: options.AttentionOption = "sparse",
    device: options.DeviceOption = "auto",
    show_thinking: options.Thinking = False,
) -> None:
    """Talk with a corpus; follow-up questions may refer to what was said."""
    if sys.stdin is None:  # closed: `vademecum chat <&-`, or started by something without one
        raise UsageError(
            "questions are read from standard input, which is closed",
            "run it in a terminal, pipe questions in, or: vademecum ask QUESTION",
        )
    with (
        ConsoleProgress() as progress,
        rooms.open_assistant(
            corpus,
            model=model,
            quantization=quantization,
            attention=attention,
            device=device,
            progress=progress,
            changing="/corpus NAME asks another",
        ) as (assistant, name),
    ):
        Conversation(assistant, name, seed, show_thinking).run()


class Conversation:
    """The loop of `chat`: reads a line, answers it, remembers both."""

    def __init__(self, assistant: Assistant, corpus: str, seed: int, show_thinking: bool) -> None:
        self.assistant = assistant
        self.corpus = corpus
        self.seed = seed
        self.show_thinking = show_thinking
        self.history: list[Turn] = []
        self.last: Answer | None = None

    def run(self) -> None:
        """Until /quit or the end of input."""
        interactive = can_ask()
        if interactive:
            # Importing it gives input() editing and a history; Windows has its own.
            with suppress(ImportError):
                import readline  # noqa: F401

            note(f"Asking {self.corpus}. /help lists what else can be typed.")
        while True:
            try:
                line = input("› " if interactive else "").strip()
            except UnicodeDecodeError:
                # What was read with the line is lost with it; the conversation is not.
                fail("the question is not UTF-8 text", "type it again, or save it as UTF-8")
                continue
            except EOFError:
                if interactive:
                    stdout().print()
                return
            except KeyboardInterrupt:
                if not interactive:
                    raise
                stdout().print()
                note("/quit or Ctrl-D leaves")
                continue
            if line.startswith("/"):
                if line in {"/quit", "/exit"}:
                    return
                self.command(line)
            elif line:
                self.question(line)

    def command(self, line: str) -> None:
        """One of HELP; the conversation goes on after any other, too."""
        console = stdout()
        match line:
            case "/sources" if self.last is not None and self.last.sources:
                render.sources(console, self.last, whole=True)
            case "/sources":
                note("no answer with sources yet")
            case "/corpus":
                self.corpora()
            case _ if line.startswith("/corpus "):
                self.change(line.removeprefix("/corpus ").strip())
            case "/new":
                self.history.clear()
                self.last = None
                note("a new conversation")
            case "/help":
                for name, meaning in HELP.items():
                    paragraph(
                        console,
                        Text.assemble((f"{name:<10}", "bold"), meaning),
                        indent=10,
                        first=10,
                    )
            case _:
                fail(f"no such command: {line}", "/help lists them")

    def corpora(self) -> None:
        """What can be asked, and what is."""
        for info in self.assistant.library.corpora():
            asked = ", asked now" if info.name == self.corpus else ""
            line = f"{one_line(info.name)}: {plural(info.documents, 'document')}{asked}"
            paragraph(stdout(), line)

    def change(self, corpus: str) -> None:
        """Ask another corpus; what was said is not forgotten."""
        try:
            self.corpus = rooms.pick_corpus(self.assistant.library, corpus).name
        except VademecumError as error:
            fail(error.message, error.hint)
        else:
            note(f"asking {self.corpus}")

    def question(self, question: str) -> None:
        """Answer it; an error or Ctrl-C ends the answer, not the conversation."""
        cancel = threading.Event()
        with LiveAnswer(question, show_thinking=self.show_thinking) as live:
            try:
                with interrupt_sets(cancel):
                    answer = rooms.answer(
                        self.assistant,
                        question,
                        live.show,
                        corpus=self.corpus,
                        seed=self.seed,
                        history=self.history,
                        cancel=cancel,
                    )
            except Cancelled:
                answer = None
            except VademecumError as error:
                fail(error.message, error.hint)
                return
        console = stdout()
        if answer is None:
            if live.written.strip():
                paragraph(console, clean(live.written).strip())
        else:
            if answer.status != "stopped":  # otherwise there is nothing to show
                render.answer(console, answer, thinking=self.show_thinking)
                console.print()
            self.last = answer
        # A follow-up refers to what was asked last, and does not build on half an answer.
        if answer is None or answer.abstained or cancel.is_set():
            self.history.append(Turn(question, ""))
        else:
            self.history.append(Turn(question, answer.answer))
        if cancel.is_set():
            note("stopped")


@contextmanager
def interrupt_sets(cancel: threading.Event) -> Iterator[None]:
    """Ctrl-C asks the engine to stop at its next token; a second one does not wait for that."""

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
