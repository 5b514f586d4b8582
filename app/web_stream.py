"""One question under way: the assistant in a thread of its own, its events in small batches.

Gradio resumes a plain generator in whatever thread is free. What the assistant holds while it
answers (a database connection, torch's inference mode) belongs to one thread, so it gets one.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Protocol

from vademecum.app.cut_short import with_its_end
from vademecum.corpora.document import CorpusInfo, Document, Filters, Hit
from vademecum.rag.answer import (
    Answer,
    AnswerDelta,
    Completed,
    Event,
    Retrieved,
    Source,
    ThinkingDelta,
    Turn,
)

PAINT_S = 0.1  # at most ten paints a second: each sends the whole exchange
TICK_S = 1.0  # a paint at least this often, so that the clock moves
GRACE_S = 2.0  # how long a stopped assistant may take to check what it has written


class Shelf(Protocol):
    """What the page needs of a library."""

    def corpora(self) -> list[CorpusInfo]: ...

    def corpus(self, name: str) -> CorpusInfo: ...

    def documents(self, corpus: str, doc_ids: Sequence[str]) -> dict[str, Document]: ...

    def search_lexical(self, corpus: str, query: str, k: int) -> list[Hit]: ...


class Writer(Protocol):
    """What the page needs of a language model."""

    @property
    def name(self) -> str: ...


class Asked(Protocol):
    """What the page needs of an assistant."""

    @property
    def library(self) -> Shelf: ...

    @property
    def model(self) -> Writer | None: ...

    @property
    def model_reason(self) -> str: ...

    def stream(
        self,
        question: str,
        *,
        corpus: str | None = None,
        history: Sequence[Turn] = (),
        filters: Filters | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[Event]: ...


@dataclass
class Progress:
    """What has come of an exchange so far."""

    sources: tuple[Source, ...] = ()
    documents: Mapping[str, Document] = field(default_factory=dict)
    thinking: str = ""
    text: str = ""
    answer: Answer | None = None
    retrieved_s: float | None = None
    began: float = field(default_factory=time.monotonic)
    thought_from: float | None = None
    thought_s: float | None = None

    def take(self, event: Event) -> None:
        """Add one event."""
        now = time.monotonic()
        if isinstance(event, Retrieved):
            self.sources, self.retrieved_s = event.sources, event.seconds
        elif isinstance(event, ThinkingDelta):
            self.thought_from = self.thought_from or now
            self.thinking += event.text
        elif isinstance(event, AnswerDelta):
            self._thought(now)
            self.text += event.text
        else:
            self._thought(now)
            self.answer = with_its_end(event.answer, self.text)
            self.sources = event.answer.sources

    def _thought(self, now: float) -> None:
        if self.thought_from is not None and self.thought_s is None:
            self.thought_s = now - self.thought_from

    @property
    def elapsed(self) -> float:
        """Seconds since the question was sent."""
        return time.monotonic() - self.began

    @property
    def thinking_for(self) -> float:
        """Seconds of thinking so far."""
        if self.thought_s is not None:
            return self.thought_s
        return 0.0 if self.thought_from is None else time.monotonic() - self.thought_from


class Run:
    """Answers one question in a thread; pages follow it by `batches`, `stop` ends it."""

    def __init__(
        self,
        pool: Executor,
        assistant: Asked,
        question: str,
        *,
        corpus: str,
        history: Sequence[Turn],
        filters: Filters,
    ) -> None:
        self.progress = Progress()
        self._cancel = threading.Event()
        self._until = math.inf  # when to stop waiting for the assistant, on the monotonic clock
        self._news = 0  # events taken, and a call to stop
        self._changed = threading.Condition()

        def pump() -> None:
            events = assistant.stream(
                question, corpus=corpus, history=history, filters=filters, cancel=self._cancel
            )
            for event in events:
                documents: Mapping[str, Document] = {}
                if isinstance(event, Retrieved):
                    documents = _documents(assistant, corpus, event.sources)
                elif isinstance(event, Completed):
                    documents = _documents(assistant, corpus, event.answer.sources)
                with self._changed:
                    if documents:
                        self.progress.documents = documents
                    self.progress.take(event)
                    self._tell()

        self._future: Future[None] = pool.submit(pump)
        self.when_over(self._wake)

    @property
    def stopped(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._cancel.is_set()

    def stop(self, grace_s: float = GRACE_S) -> None:
        """Ask the assistant to stop; `batches` waits `grace_s` for its last word and ends. What
        has not begun is over at once."""
        self._until = min(self._until, time.monotonic() + grace_s)
        self._cancel.set()
        self._future.cancel()
        self._wake()

    def batches(self) -> Iterator[None]:
        """Yield whenever there is something to paint, and every `TICK_S` for the clock; while it
        writes, at most once every `PAINT_S`. What came is in `progress`.

        Ends with the stream, or soon after `stop`; then `error` tells how.
        """
        seen = 0
        while (left := self._until - time.monotonic()) > 0 and not self._future.done():
            began = time.monotonic()
            with self._changed:
                self._changed.wait_for(
                    lambda seen=seen: self._news != seen,  # type: ignore[misc]
                    timeout=min(left, TICK_S),
                )
            if self.progress.thinking or self.progress.text:
                self._cancel.wait(max(0.0, PAINT_S - (time.monotonic() - began)))
            seen = self._news
            if self._future.done():
                return
            yield

    def when_over(self, tell: Callable[[], None]) -> None:
        """Call `tell` once the stream has ended, at once if it has."""
        self._future.add_done_callback(lambda _: tell())

    def error(self) -> BaseException | None:
        """What ended the stream, if not its own end; None while it is still running down."""
        if not self._future.done() or self._future.cancelled():
            return None
        return self._future.exception()

    def _wake(self) -> None:
        with self._changed:
            self._tell()

    def _tell(self) -> None:
        self._news += 1
        self._changed.notify_all()


def _documents(assistant: Asked, corpus: str, sources: Sequence[Source]) -> Mapping[str, Document]:
    wanted = list(dict.fromkeys(source.doc_id for source in sources))
    return assistant.library.documents(corpus, wanted) if wanted else {}
