"""A conversation on the page: what is asked, what is kept, what is shown after each step.

It knows nothing of Gradio: every step gives a `Shown`, the parts of the page that changed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from vademecum.app.languages import labels_for
from vademecum.app.web_render import error_html, live_html, notice_html, stopped_html, turn_html
from vademecum.app.web_sources import EMPTY_PANEL, panel_html
from vademecum.app.web_stream import Asked, Progress, Run
from vademecum.app.web_text import seconds, whole_seconds
from vademecum.corpora.document import Filters
from vademecum.errors import Cancelled, VademecumError
from vademecum.rag.answer import Source, Turn
from vademecum.rag.attended import shares_read

log = logging.getLogger(__name__)

LONGEST_QUESTION = 2_000  # characters
YEARS = range(1500, 2200)


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


@dataclass(eq=False)
class Conversation:
    """One visitor's exchanges; every browser tab has its own."""

    turns: list[str] = field(default_factory=list)  # finished, as HTML
    panels: list[str] = field(default_factory=list)  # the sources of each, as HTML
    history: list[Turn] = field(default_factory=list)  # asked, for follow-up questions
    asked: int = 0
    run: Run | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Conversation:
        """Gradio copies the first state for each visitor: each starts with an empty one."""
        return Conversation()


class Talk:
    """Leads the conversations of all visitors over one assistant."""

    def __init__(self, assistant: Asked, at_once: int) -> None:
        self._assistant = assistant
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="answer")
        self._runs: dict[str, Run] = {}  # under way, by visitor

    def ask(
        self,
        question: str | None,
        corpus: str,
        year_from: str | None,
        year_to: str | None,
        leave_out_retracted: bool,
        held: Conversation,
        visitor: str = "",
    ) -> Iterator[Shown]:
        """Answer one question, step by step. `visitor` is who to forget on `leave`."""
        asked = (question or "").strip()
        if not asked:
            yield Shown(question="", notice=notice_html("Type a question first."))
            return
        if len(asked) > LONGEST_QUESTION:
            limit = f"A question can have {LONGEST_QUESTION:,} characters; this has {len(asked):,}."
            yield Shown(notice=notice_html(limit))
            return
        if held.run is not None:
            yield Shown(notice=notice_html("The last question is still being answered."))
            return
        years = _years(year_from, year_to)
        if isinstance(years, str):
            yield Shown(notice=notice_html(years))
            return
        filters = Filters(years[0], years[1], exclude_retracted=leave_out_retracted)

        held.asked += 1
        turn = held.asked
        run = held.run = Run(
            self._pool,
            self._assistant,
            asked,
            corpus=corpus,
            history=tuple(held.history),
            filters=filters,
        )
        self._runs[visitor] = run
        progress = run.progress
        drawn: tuple[Source, ...] | None = None
        try:
            yield Shown(
                question="",
                notice="",
                live=live_html(asked, turn, _status(asked, progress)),
                start=False,
                running=True,
            )
            for _ in run.batches():
                if held.run is not run:  # a new conversation began meanwhile
                    return
                panel = None
                if progress.retrieved_s is not None and drawn != progress.sources:
                    drawn = progress.sources
                    panel = "".join([*held.panels, _panel(asked, turn, progress)])
                yield Shown(live=_live(asked, turn, run), panel=panel)
            if held.run is not run:
                return
            held.turns.append(self._finished(asked, turn, run))
            held.panels.append(_panel(asked, turn, progress) if progress.sources else "")
            if run.stopped:  # the question stands on the page; half an answer is no ground
                held.history.append(Turn(asked, ""))
            elif progress.answer is not None:
                held.history.append(Turn(asked, progress.answer.answer))
            held.run = None
            yield Shown(
                past="".join(held.turns),
                live="",
                panel="".join(held.panels) or EMPTY_PANEL,
                running=False,
            )
        finally:
            # Whoever leaves in the middle takes the question along.
            run.stop(grace_s=0)
            if held.run is run:
                held.run = None
            if self._runs.get(visitor) is run:
                del self._runs[visitor]

    def leave(self, visitor: str) -> None:
        """Stop what a visitor left running who closed the page."""
        run = self._runs.get(visitor)
        if run is not None:
            run.stop(grace_s=0)

    def stop(self, held: Conversation) -> None:
        """Stop the question under way, within a token."""
        if held.run is not None:
            held.run.stop()

    def close(self) -> None:
        """Stop everything under way; what comes later is not taken."""
        for run in list(self._runs.values()):
            run.stop(grace_s=0)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def reset(self, held: Conversation) -> Shown:
        """Begin a new conversation."""
        if held.run is not None:
            held.run.stop(grace_s=0)
        fresh = Conversation()
        vars(held).update(vars(fresh))
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
        return error_html(
            asked,
            turn,
            labels_for(asked).went_wrong,
            labels_for(asked).ask_again,
        )


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


def _panel(asked: str, turn: int, progress: Progress) -> str:
    answer = progress.answer
    return panel_html(
        progress.sources,
        progress.documents,
        turn=turn,
        question=asked,
        nearest=answer is not None and answer.abstained,
        read=shares_read(answer.sentences) if answer and not answer.abstained else (),
    )


def _live(asked: str, turn: int, run: Run) -> str:
    progress = run.progress
    status = "" if progress.text else _status(asked, progress)
    return live_html(
        asked,
        turn,
        labels_for(asked).stopping if run.stopped else status,
        thinking=progress.thinking,
        thinking_summary=_thought(asked, progress),
        text=progress.text,
        sources=progress.sources,
    )


def _thought(asked: str, progress: Progress) -> str:
    labels, spent = labels_for(asked), whole_seconds(progress.thinking_for)
    if progress.thought_s is None:
        return f"{labels.thinking} {spent}"
    return labels.thought_for.format(spent)


def _status(asked: str, progress: Progress) -> str:
    labels = labels_for(asked)
    if progress.retrieved_s is None:
        return labels.searching
    if progress.thinking:
        return ""
    found = labels.counted(labels.counted_passages, len(progress.sources))
    clock = f" {whole_seconds(progress.elapsed)}" if progress.elapsed >= 2 else ""
    return labels.found.format(found, labels.figure(seconds(progress.retrieved_s))) + clock
