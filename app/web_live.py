"""A question under way as HTML: what it waits for, what was thought, found and written so far."""

from __future__ import annotations

from vademecum.app.languages import labels_for
from vademecum.app.web_kept import Exchange
from vademecum.app.web_render import live_html
from vademecum.app.web_sources import panel_html
from vademecum.app.web_stream import Progress
from vademecum.app.web_text import seconds, whole_seconds
from vademecum.rag.attended import shares_read


def panel_of(exchange: Exchange) -> str:
    """Its sources, as far as they are known."""
    progress = exchange.run.progress
    answer = progress.answer
    return panel_html(
        progress.sources,
        progress.documents,
        turn=exchange.turn,
        question=exchange.question,
        nearest=answer is not None and answer.abstained,
        read=shares_read(answer.sentences) if answer and not answer.abstained else (),
    )


def live_of(exchange: Exchange, *, waits: bool = False) -> str:
    """The question, and what has come of its answer; nothing while it `waits` for its turn."""
    asked, run = exchange.question, exchange.run
    progress = run.progress
    status = "" if progress.text or waits else _status(asked, progress)
    return live_html(
        asked,
        exchange.turn,
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
