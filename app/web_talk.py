"""A conversation on the page: what is asked, what is kept, what is shown after each step.

It knows nothing of Gradio: every step gives a `Shown`, the parts of the page that changed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

from vademecum.app.labels import Labels
from vademecum.app.languages import labels_for
from vademecum.app.web_kept import Conversation, Exchange, Given
from vademecum.app.web_line import Line
from vademecum.app.web_live import live_of, panel_of
from vademecum.app.web_render import error_html, notice_html, stopped_html, turn_html
from vademecum.app.web_sources import EMPTY_PANEL
from vademecum.app.web_stream import Asked, Run
from vademecum.app.web_tab import Tab
from vademecum.corpora.document import Filters
from vademecum.errors import Cancelled, VademecumError
from vademecum.rag.answer import Source, Turn

log = logging.getLogger(__name__)

LONGEST_QUESTION = 2_000  # characters
YEARS = range(1500, 2200)
ALONE_S = 10.0  # how long an answer is written that no page follows: one may be loading


@dataclass(frozen=True, slots=True)
class Shown:
    """The parts of the page that change; None leaves a part as it is."""

    question: str | None = None  # the text in the box
    notice: str | None = None
    past: str | None = None
    live: str | None = None
    panel: str | None = None
    start: bool | None = None  # whether the welcome is visible
    running: bool | None = None
    given: Given | None = None


class Talk:
    """Leads the conversations of all visitors over one assistant."""

    def __init__(self, assistant: Asked, line: Line, alone_s: float = ALONE_S) -> None:
        self._assistant = assistant
        self._line = line
        self._alone_s = alone_s
        self._closed = False

    def ask(
        self,
        question: str | None,
        given: Given,
        held: Conversation,
        seen: int = 0,
    ) -> Iterator[Shown]:
        """Answer one question, step by step. `seen`: how many turns the tab shows before it."""
        asked = (question or "").strip()
        if not asked:
            yield Shown(question="", notice=notice_html("Type a question first."))
            return
        if len(asked) > LONGEST_QUESTION:
            labels = labels_for(asked)
            counts = (labels.figure(f"{count:,}") for count in (LONGEST_QUESTION, len(asked)))
            yield Shown(notice=notice_html(labels.too_long.format(*counts), labels.tag))
            return
        years = _years(given.year_from, given.year_to)
        if isinstance(years, str):
            yield Shown(notice=notice_html(years))
            return
        filters = Filters(years[0], years[1], exclude_retracted=given.leave_out_retracted)
        exchange = self._begin(asked, given, filters, held, seen)
        if isinstance(exchange, str):
            yield Shown(notice=notice_html(exchange, labels_for(asked).tag))
            return
        first = Shown(question="")
        if held.lost:  # what the tab shows is not what the answer knows
            first = replace(first, past="", panel=EMPTY_PANEL)
        yield from self._follow(held, exchange, first)

    def resume(self, held: Conversation, tab: Tab) -> Iterator[Shown]:
        """What a tab shows once it is loaded: what was said before that, and the answer under way,
        which goes on. Nothing changes where there is neither: one may have asked meanwhile."""
        before = Shown()
        with held.lock:
            exchange = held.now
            held.lost = held.lost or tab.turns > held.asked
            last = held.history[-1].question if held.history else tab.asked
            if held.asked or held.lost:
                before = Shown(
                    notice=_notice(held, labels_for(exchange.question if exchange else last)),
                    past="".join(held.turns),
                    panel="".join(held.panels) or EMPTY_PANEL,
                    start=not held.asked,
                    given=held.given,
                )
            known = {turn.question for turn in held.history}
            if exchange is not None:
                known.add(exchange.question)
        if tab.asked and tab.asked not in known:
            words = "\n".join(filter(None, (tab.asked, tab.typed)))
            labels = labels_for(tab.asked)
            told = notice_html(labels.began_anew, labels.tag)
            before = replace(before, question=words, notice=told)
        elif tab.typed:
            before = replace(before, question=tab.typed)
        yield before
        if exchange is not None:
            yield from self._follow(held, exchange, Shown())

    def _begin(
        self, asked: str, given: Given, filters: Filters, held: Conversation, seen: int
    ) -> Exchange | str:
        """A question in line, or why it cannot be now."""
        with held.lock:
            if held.now is not None:
                return labels_for(asked).still_answering
            run = self._line.join(
                lambda pool: Run(
                    pool,
                    self._assistant,
                    asked,
                    corpus=given.corpus,
                    history=tuple(held.history),
                    filters=filters,
                )
            )
            if run is None:
                return labels_for(asked).too_many
            held.lost, held.shortened = seen > held.asked, False
            held.asked += 1
            held.given = given
            exchange = held.now = Exchange(asked, held.asked, run)
        run.when_over(lambda: self._end(held, exchange))
        return exchange

    def _follow(self, held: Conversation, exchange: Exchange, first: Shown) -> Iterator[Shown]:
        """The page while a question is answered, and once it is; `first` changes with it."""
        run, labels = exchange.run, labels_for(exchange.question)
        drawn: tuple[Source, ...] | None = None
        with held.lock:
            exchange.watched += 1
        try:
            waits = self._line.ahead(run)
            yield replace(
                first,
                notice=_notice(held, labels, waits),
                live=live_of(exchange, waits=waits > 0),
                start=False,
                running=True,
            )
            for _ in run.batches():
                if held.now is not exchange:
                    break
                if waits:
                    waits = self._line.ahead(run)
                    notice = _notice(held, labels, waits)
                    yield Shown(notice=notice, live=live_of(exchange, waits=waits > 0))
                    continue
                panel = None
                if run.progress.retrieved_s is not None and drawn != run.progress.sources:
                    drawn = run.progress.sources
                    panel = "".join([*held.panels, panel_of(exchange)])
                yield Shown(live=live_of(exchange), panel=panel)
            self._end(held, exchange)
            if exchange.ended and self._closed:
                # As one under way: once the server is back, the page has the question in its box.
                yield Shown(
                    live=held.turns[-1], panel="".join(held.panels) or EMPTY_PANEL, running=False
                )
            elif exchange.ended:  # and no new conversation began meanwhile
                yield Shown(
                    notice=_notice(held, labels),
                    past="".join(held.turns),
                    live="",
                    panel="".join(held.panels) or EMPTY_PANEL,
                    running=False,
                )
            elif held.dropped:  # the room was needed: the page is as a new one
                yield Shown(
                    notice=notice_html(labels.forgotten, labels.tag),
                    past="",
                    live="",
                    panel=EMPTY_PANEL,
                    start=True,
                    running=False,
                )
        finally:
            # A page that is loaded again follows it again. For one that is gone it is not written.
            with held.lock:
                exchange.watched -= 1
            if held.now is exchange:
                alone = threading.Timer(self._alone_s, _stop_if_alone, [exchange])
                alone.daemon = True
                alone.start()

    def _end(self, held: Conversation, exchange: Exchange) -> None:
        """Put an exchange among the turns that are finished, unless it is or was forgotten."""
        asked, turn, run = exchange.question, exchange.turn, exchange.run
        progress = run.progress
        with held.lock:
            if held.now is not exchange:
                return
            if run.stopped:  # the question stands on the page; half an answer is no ground
                held.history.append(Turn(asked, ""))
            elif progress.answer is not None:
                held.history.append(Turn(asked, progress.answer.answer))
            finished = self._finished(asked, turn, run)
            held.add(finished, panel_of(exchange) if progress.sources else "")
            held.now, exchange.ended = None, True

    def stop(self, held: Conversation) -> None:
        """Stop the question under way, within a token."""
        exchange = held.now
        if exchange is not None:
            exchange.run.stop()

    def close(self) -> None:
        """Stop everything under way, with time for what is written to be checked; what comes later
        is not taken."""
        self._closed = True
        self._line.close()

    def reset(self, held: Conversation) -> Shown:
        """Begin a new conversation."""
        exchange = held.clear()
        if exchange is not None:
            exchange.run.stop(grace_s=0)
        return Shown(
            question="", notice="", past="", live="", panel=EMPTY_PANEL, start=True, running=False
        )

    def _finished(self, asked: str, turn: int, run: Run) -> str:
        progress = run.progress
        answer = progress.answer
        if answer is not None and not (run.stopped and answer.abstained):
            return turn_html(answer, turn, progress.thought_s)
        error = run.error()
        if run.stopped and (error is None or isinstance(error, Cancelled)):
            return stopped_html(
                asked,
                turn,
                thinking=progress.thinking,
                text=progress.text,
                sources=progress.sources,
            )
        if isinstance(error, VademecumError):
            return error_html(asked, turn, error.message, error.hint)
        log.error("a question failed unexpectedly", exc_info=error)
        labels = labels_for(asked)
        return error_html(asked, turn, labels.went_wrong, labels.ask_again, labels.tag)


def filter_label(first: str | None, last: str | None, leave_out_retracted: bool) -> str:
    """What stands on the folded filters, so that nobody forgets what is set."""
    years = _years(first, last)
    low, high = (None, None) if isinstance(years, str) else years
    parts = [
        f"from {low}" if low is not None else "",
        f"to {high}" if high is not None else "",
        "without retracted work" if leave_out_retracted else "",
    ]
    return " · ".join(["Filters", *(part for part in parts if part)])


def _years(first: str | None, last: str | None) -> tuple[int | None, int | None] | str:
    """The two years, or what is wrong with them."""
    years: list[int | None] = []
    for text in ((first or "").strip(), (last or "").strip()):
        if text and not (text.isdecimal() and int(text) in YEARS):
            return f"“{text}” is not a year: write it as 2015, or leave the field empty."
        years.append(int(text) if text else None)
    low, high = years
    if low is not None and high is not None and low > high:
        return f"The years end ({high}) before they begin ({low})."
    return low, high


def _notice(held: Conversation, labels: Labels, ahead: int = 0) -> str:
    """What of the conversation is gone, until the next question, and that this one waits."""
    says = [labels.forgotten] if held.lost else []
    if held.shortened:
        says.append(labels.shortened)
    if ahead:
        says.append(labels.counted(labels.waits, ahead))
    return notice_html(" ".join(says), labels.tag)


def _stop_if_alone(exchange: Exchange) -> None:
    if not exchange.watched:
        exchange.run.stop()
