"""The conversation as HTML: each exchange while it is written, when it is done, if it fails."""

from __future__ import annotations

from collections.abc import Sequence

from vademecum.app.console import plural
from vademecum.app.labels import labels_for
from vademecum.app.web_answer import (
    checked_html,
    plain_text,
    quotes_html,
    raw_html,
    reasons_html,
    support_html,
)
from vademecum.app.web_text import (
    blocks,
    escape,
    inline,
    seconds,
    sentence_case,
    whole_seconds,
)
from vademecum.corpora.document import CorpusInfo
from vademecum.rag.answer import Answer, Source

# What stands over an exchange without an answer.
HEADS = {
    "not_in_library": "Not in this library",
    "not_written": "Passages found, but no answer that they support",
    "stopped": "Stopped",
}


def question_html(question: str) -> str:
    """What the person asked."""
    return f'<h2 class="vd-question"><span class="vd-sr">You asked: </span>{escape(question)}</h2>'


def thinking_html(thinking: str, turn: int, summary: str) -> str:
    """The model's reasoning, folded away; "" if there was none."""
    thought = thinking.strip()
    if not thought:
        return ""
    body = blocks(thought, lambda start, end: inline(thought[start:end]))
    return (
        f'<details class="vd-thinking" data-vd-details="thinking-{turn}">'
        f"<summary>{escape(summary)}</summary>"
        f'<div class="vd-thought">{body}</div></details>'
    )


def footer_html(answer: Answer) -> str:
    """Which model, which corpus, which state of it, and how long it took."""
    corpus, model, took = answer.corpus, answer.model, answer.timings
    wrote = (
        ["no model, passages only"]
        if model.name == "none"
        else [part for part in (model.name, model.quantization) if part]
    )
    library = [corpus.name, plural(corpus.documents, "document")]
    if corpus.snapshot:
        library.append(f"snapshot {corpus.snapshot[:12]}")
    if corpus.newest:
        library.append(f"newest {corpus.newest}")
    times = [f"found in {seconds(took.retrieve_s)}"]
    if model.name != "none" and took.first_token_s > 0:
        times.append(f"first word {seconds(took.first_token_s)}")
    if model.name != "none" and took.decode_tok_s > 0:
        times.append(f"{took.decode_tok_s:.1f} tokens/s")
    times.append(f"{seconds(took.total_s)} in all")
    groups = (("Model", wrote), ("Library", library), ("Time", times))
    rows = "".join(
        f"<div><dt>{name}</dt><dd>{escape(' · '.join(parts))}</dd></div>" for name, parts in groups
    )
    return f'<dl class="vd-footer">{rows}</dl>'


def turn_html(answer: Answer, turn: int, thought_s: float | None = None) -> str:
    """A finished exchange. `thought_s`: how long the model thought, where that was seen."""
    summary = "Thought" if thought_s is None else f"Thought for {whole_seconds(thought_s)}"
    thinking = thinking_html(answer.thinking, turn, summary)
    if answer.abstained:
        body = _abstained_html(answer, turn)
    else:
        body = f'<div class="vd-text">{checked_html(answer, turn)}</div>'
        if answer.reason:
            body += f'<p class="vd-ending">{escape(sentence_case(answer.reason))}</p>'
        body += support_html(answer) + reasons_html(answer) + quotes_html(answer, turn)
    copy = (
        f'<button type="button" class="vd-copy" data-vd-copy="{escape(plain_text(answer))}">'
        "Copy with sources</button>"
    )
    labels = labels_for(answer.question)
    show = (
        f'<button type="button" class="vd-show" data-vd-show="{turn}">'
        f"{labels.nearest if answer.abstained else labels.passages}</button>"
        if answer.sources
        else ""
    )
    return (
        f'<article class="vd-turn" data-vd-turn-of="{turn}">{question_html(answer.question)}'
        f'<div class="vd-answer">{thinking}{body}'
        f'<div class="vd-tools">{show}{copy}</div>{footer_html(answer)}</div></article>'
    )


def _abstained_html(answer: Answer, turn: int) -> str:
    reason = answer.reason.strip()
    head = HEADS[answer.status]
    said = sentence_case(answer.answer.strip().removeprefix(f"{head}: "))
    why = (
        f'<p class="vd-why">{escape(sentence_case(reason))}</p>'
        if reason and reason.casefold() not in said.casefold()
        else ""
    )
    nearest = ""
    if answer.sources:
        items = "".join(
            f'<li><button type="button" class="vd-near" data-vd-cite="{turn}-{source.n}">'
            f'<span class="vd-n">{source.n}</span><span>{escape(source.title)}'
            f"{_facts(source)}</span></button></li>"
            for source in answer.sources[:3]
        )
        nearest = (
            f'<p class="vd-near-head">The nearest passages:</p><ul class="vd-nears">{items}</ul>'
        )
    return (
        f'<div class="vd-abstained"><p class="vd-abstained-head">{head}</p>'
        f'<div class="vd-text">{blocks(said, lambda a, b: inline(said[a:b]))}</div>'
        f"{why}{quotes_html(answer, turn)}{nearest}</div>"
    )


def _facts(source: Source) -> str:
    known = (source.journal, str(source.year or ""), source.file)
    facts = [escape(part) for part in known if part]
    if source.retracted:
        facts.insert(0, '<strong class="vd-warned">Retracted</strong>')
    return f"<small>{', '.join(facts)}</small>" if facts else ""


def live_html(
    question: str,
    turn: int,
    status: str,
    *,
    thinking: str = "",
    thinking_summary: str = "Thinking…",
    text: str = "",
    sources: Sequence[Source] = (),
) -> str:
    """An exchange under way."""
    folded = thinking_html(thinking, turn, thinking_summary)
    body = f'<div class="vd-text vd-writing">{raw_html(text, sources, turn)}</div>' if text else ""
    line = f'<p class="vd-status">{escape(status)}</p>' if status else ""
    return (
        f'<article class="vd-turn" data-vd-turn-of="{turn}" aria-busy="true">'
        f'{question_html(question)}<div class="vd-answer">{folded}{body}{line}</div></article>'
    )


def stopped_html(
    question: str, turn: int, *, thinking: str, text: str, sources: Sequence[Source]
) -> str:
    """An exchange the person stopped: what there was, and that nobody checked it."""
    folded = thinking_html(thinking, turn, "Thought, until stopped")
    body = f'<div class="vd-text">{raw_html(text, sources, turn)}</div>' if text.strip() else ""
    left = (
        "What is above is incomplete and was not checked." if body else "Nothing was written yet."
    )
    return (
        f'<article class="vd-turn" data-vd-turn-of="{turn}">{question_html(question)}'
        f'<div class="vd-answer">{folded}{body}'
        f'<p class="vd-note vd-stopped"><strong>Stopped.</strong> {left}</p></div></article>'
    )


def error_html(question: str, turn: int, message: str, hint: str) -> str:
    """An exchange that failed: what happened, what to do."""
    advice = f'<p class="vd-hint">{escape(hint)}</p>' if hint else ""
    return (
        f'<article class="vd-turn" data-vd-turn-of="{turn}">{question_html(question)}'
        '<div class="vd-answer"><div class="vd-error" role="alert">'
        f'<p class="vd-error-head">{escape(message)}</p>{advice}</div></div></article>'
    )


def notice_html(text: str) -> str:
    """A short line by the question box; "" clears it."""
    return f'<p class="vd-notice" role="status">{escape(text)}</p>' if text else ""


def header_html(corpus: CorpusInfo) -> str:
    """The name of the thing and what it is looking at."""
    name = f'<span class="vd-name">{escape(corpus.name)} · </span>'
    newest = f" · newest {escape(corpus.newest)}" if corpus.newest else ""
    return (
        '<header class="vd-header"><h1>Vademecum</h1><p class="vd-corpus">'
        f"{name}{plural(corpus.documents, 'document')}"
        f'<span class="vd-newest">{newest}</span></p></header>'
    )


def welcome_html(corpus: CorpusInfo, model: str | None, reason: str, *, offers: bool) -> str:
    """The page before the first question. `model` None quotes; `offers`: questions stand below."""
    who = f"Model {model}" if model else "No model: answers quote the passages"
    said = reason.strip()
    if not said:
        why = f"{who}."
    elif model and model in said:  # a whole sentence that names it
        why = sentence_case(said)
    else:
        why = f"{who} ({said.rstrip('.')})."
    below = '<p class="vd-offers">Questions that its own titles ask:</p>' if offers else ""
    return (
        '<div class="vd-welcome"><h2>Ask your library</h2>'
        f"<p>Answers come from {plural(corpus.documents, 'document')} in "
        f"<strong>{escape(corpus.name)}</strong>, and show the passage behind every sentence. "
        "Everything runs on this machine.</p>"
        f'<p class="vd-why">{escape(why)}</p>{below}</div>'
    )
