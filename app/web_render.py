"""The conversation as HTML: each exchange while it is written, when it is done, if it fails."""

from __future__ import annotations

from collections.abc import Sequence

from vademecum.app.console import plural
from vademecum.app.labels import Labels
from vademecum.app.languages import labels_for
from vademecum.app.web_answer import (
    checked_html,
    plain_text,
    quotes_html,
    raw_html,
    reasons_html,
    support_html,
)
from vademecum.app.web_inline import inline, words_of
from vademecum.app.web_text import (
    blocks,
    escape,
    seconds,
    sentence_case,
    whole_seconds,
)
from vademecum.corpora.document import CorpusInfo
from vademecum.rag.answer import Answer, Source


def question_html(question: str) -> str:
    """What the person asked."""
    asked = f'<span class="vd-sr">{labels_for(question).asked}</span>'
    return f'<h2 class="vd-question">{asked}{escape(question)}</h2>'


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
    labels = labels_for(answer.question)
    corpus, model, took = answer.corpus, answer.model, answer.timings

    def clock(value: float) -> str:
        return labels.figure(seconds(value))

    wrote = (
        [labels.no_model]
        if model.name == "none"
        else [part for part in (model.name, model.quantization) if part]
    )
    library = [corpus.name, labels.counted(labels.counted_documents, corpus.documents)]
    if corpus.snapshot:
        library.append(labels.snapshot.format(corpus.snapshot[:12]))
    if corpus.newest:
        library.append(labels.newest.format(corpus.newest))
    times = [labels.found_in.format(clock(took.retrieve_s))]
    if model.name != "none" and took.first_token_s > 0:
        times.append(labels.first_word.format(clock(took.first_token_s)))
    if model.name != "none" and took.decode_tok_s > 0:
        times.append(labels.speed.format(labels.figure(f"{took.decode_tok_s:.1f}")))
    times.append(labels.total.format(clock(took.total_s)))
    groups = ((labels.model, wrote), (labels.library, library), (labels.time, times))
    rows = "".join(
        f"<div><dt>{name}</dt><dd>{escape(' · '.join(parts))}</dd></div>" for name, parts in groups
    )
    return f'<dl class="vd-footer">{rows}</dl>'


def turn_html(answer: Answer, turn: int, thought_s: float | None = None) -> str:
    """A finished exchange. `thought_s`: how long the model thought, where that was seen."""
    labels = labels_for(answer.question)
    summary = labels.thought
    if thought_s is not None:
        summary = labels.thought_for.format(whole_seconds(thought_s))
    thinking = thinking_html(answer.thinking, turn, summary)
    if answer.abstained:
        body = _abstained_html(answer, turn, labels)
    else:
        body = f'<div class="vd-text">{checked_html(answer, turn)}</div>'
        if answer.reason:
            body += f'<p class="vd-ending">{escape(sentence_case(answer.reason))}</p>'
        body += support_html(answer) + reasons_html(answer) + quotes_html(answer, turn)
    copy = (
        f'<button type="button" class="vd-copy" data-vd-copy="{escape(plain_text(answer))}"'
        f' data-vd-copied="{labels.copied}" data-vd-refused="{labels.not_copied}">'
        f"{labels.copy}</button>"
    )
    show = (
        f'<button type="button" class="vd-show" data-vd-show="{turn}">'
        f"{labels.nearest if answer.abstained else labels.passages}</button>"
        if answer.sources
        else ""
    )
    return (
        f"{_opened(answer.question, turn)}"
        f'<div class="vd-answer">{thinking}{body}'
        f'<div class="vd-tools">{show}{copy}</div>{footer_html(answer)}</div></article>'
    )


def _opened(question: str, turn: int, *, busy: bool = False) -> str:
    """How each exchange begins. A screen reader is told the language of what it reads; for one
    under way the page has what it says once the server is gone."""
    labels = labels_for(question)
    state = f' aria-busy="true" data-vd-unreachable="{labels.unreachable}"' if busy else ""
    return (
        f'<article class="vd-turn" data-vd-turn-of="{turn}" lang="{labels.tag}"'
        f"{state}>{question_html(question)}"
    )


def _abstained_html(answer: Answer, turn: int, labels: Labels) -> str:
    reason = answer.reason.strip()
    head = labels.heads[answer.status]
    said = answer.answer.strip()
    if said.startswith((f"{head}: ", f"{head}：")):
        said = said[len(head) + 1 :].strip()
    said = sentence_case(said)
    why = (
        f'<p class="vd-why">{escape(sentence_case(reason))}</p>'
        if reason and reason.casefold() not in said.casefold()
        else ""
    )
    nearest = ""
    if answer.sources:
        items = "".join(
            f'<li><button type="button" class="vd-near" data-vd-cite="{turn}-{source.n}">'
            f'<span class="vd-n">{source.n}</span>'
            f"<span>{words_of(source.file)(source.title or labels.untitled)}"
            f"{_facts(source, labels)}</span></button></li>"
            for source in answer.sources[:3]
        )
        nearest = f'<p class="vd-near-head">{labels.nearest}</p><ul class="vd-nears">{items}</ul>'
    return (
        f'<div class="vd-abstained"><p class="vd-abstained-head">{head}</p>'
        f'<div class="vd-text">{blocks(said, lambda a, b: inline(said[a:b]))}</div>'
        f"{why}{quotes_html(answer, turn)}{nearest}</div>"
    )


def _facts(source: Source, labels: Labels) -> str:
    known = (source.journal, str(source.year or ""), source.file)
    facts = [escape(part) for part in known if part]
    if source.retracted:
        facts.insert(0, f'<strong class="vd-warned">{labels.retracted}</strong>')
    return f"<small>{', '.join(facts)}</small>" if facts else ""


def live_html(
    question: str,
    turn: int,
    status: str,
    *,
    thinking: str = "",
    thinking_summary: str = "",
    text: str = "",
    sources: Sequence[Source] = (),
) -> str:
    """An exchange under way."""
    folded = thinking_html(thinking, turn, thinking_summary or labels_for(question).thinking)
    raw = raw_html(question, text, sources, turn) if text else ""
    body = f'<div class="vd-text vd-writing">{raw}</div>' if text else ""
    line = f'<p class="vd-status">{escape(status)}</p>' if status else ""
    return (
        f'{_opened(question, turn, busy=True)}<div class="vd-answer">{folded}{body}{line}'
        "</div></article>"
    )


def stopped_html(
    question: str, turn: int, *, thinking: str, text: str, sources: Sequence[Source]
) -> str:
    """An exchange the person stopped: what there was, and that nobody checked it."""
    labels = labels_for(question)
    folded = thinking_html(thinking, turn, labels.thought_until)
    raw = raw_html(question, text, sources, turn) if text.strip() else ""
    body = f'<div class="vd-text">{raw}</div>' if raw else ""
    left = labels.unchecked if body else labels.nothing_yet
    return (
        f'{_opened(question, turn)}<div class="vd-answer">{folded}{body}'
        f'<p class="vd-note vd-stopped"><strong>{labels.stopped}</strong> {left}</p>'
        "</div></article>"
    )


def error_html(question: str, turn: int, message: str, hint: str, tag: str = "en") -> str:
    """An exchange that failed: what happened, what to do, in the language of that tag."""
    advice = f'<p class="vd-hint">{inline(hint)}</p>' if hint else ""
    return (
        f'{_opened(question, turn)}<div class="vd-answer">'
        f'<div class="vd-error" role="alert" lang="{tag}">'
        f'<p class="vd-error-head">{escape(message)}</p>{advice}</div></div></article>'
    )


def notice_html(text: str, tag: str = "en") -> str:
    """A short line by the question box, in the language of that tag; "" clears it."""
    said = f'<p class="vd-notice" role="status" lang="{tag}">{escape(text)}</p>'
    return said if text else ""


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
    name = escape(corpus.name)
    held = (
        f"Answers come from {plural(corpus.documents, 'document')} in <strong>{name}</strong>, and "
        "show the passage behind every sentence."
        if corpus.documents
        else f"<strong>{name}</strong> is empty. To fill it, end the server of this page and run "
        f"<code>vademecum ingest PATHS --corpus {name}</code>."
    )
    below = '<p class="vd-offers">Questions that its own titles ask:</p>' if offers else ""
    return (
        '<div class="vd-welcome"><h2>Ask your library</h2>'
        f"<p>{held} Everything runs on this machine.</p>"
        f'<p class="vd-why">{inline(why)}</p>{below}</div>'
    )
