"""What a person sees while an answer is being written."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from vademecum.app.console import clean, seconds, stderr, stdout
from vademecum.app.languages import labels_for
from vademecum.rag.answer import AnswerDelta, Event, Retrieved, ThinkingDelta


@dataclass
class LiveAnswer:
    """Draws the stream on a terminal and wipes it away when the checked answer replaces it.

    Off a terminal nothing is drawn: only the final answer is worth a file. With `quiet` (JSON)
    stdout stays empty, and the state is shown on stderr if that is a terminal.
    """

    question: str
    show_thinking: bool = False
    quiet: bool = False
    _live: Live | None = None
    _console: Console = field(default_factory=stderr)
    _began: float = field(default_factory=time.monotonic)
    _sources: int | None = None
    _thinking: str = ""
    _answer: str = ""

    def __enter__(self) -> Self:
        console = stderr() if self.quiet or not stdout().is_terminal else stdout()
        if console.is_terminal:
            self._console = console
            self._live = Live(
                console=console,
                transient=True,
                refresh_per_second=10,
                get_renderable=self._render,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    @property
    def written(self) -> str:
        """The raw answer so far: what is left to show if it is stopped."""
        return self._answer

    def show(self, event: Event) -> None:
        """Take in one event of the stream."""
        match event:
            case Retrieved(sources=sources):
                self._sources = len(sources)
            case ThinkingDelta(text=text):
                self._thinking += text
            case AnswerDelta(text=text):
                self._answer += text

    def _render(self) -> RenderableType:
        parts: list[RenderableType] = []
        # What has been streamed is cleaned as a whole: an escape code may span two tokens.
        if self.show_thinking and self._thinking:
            parts.append(self._tail(Text(clean(self._thinking).strip(), style="dim italic")))
        if self._answer and not self.quiet:
            parts.append(self._tail(Text(clean(self._answer).strip())))
        parts.append(Spinner("dots", Text(self._state(), style="dim")))
        return Group(*parts)

    def _state(self) -> str:
        labels = labels_for(self.question)
        passed = labels.figure(seconds(time.monotonic() - self._began))
        if self._sources is None:
            return f"{labels.searching} {passed}"
        read = labels.counted(labels.counted_passages, self._sources)
        if self._answer:
            return f"{labels.writing.format(read)} {passed}"
        if self._thinking:
            words = labels.counted(labels.counted_words, len(self._thinking.split()))
            return f"{labels.thinking_over.format(read, words)} {passed}"
        return f"{labels.reading.format(read)} {passed}"

    def _tail(self, text: Text) -> Text:
        # A live region cannot be taller than the screen: the newest lines matter.
        lines = text.wrap(self._console, self._console.width)
        return Text("\n").join(lines[-max(self._console.height // 2 - 2, 3) :])
