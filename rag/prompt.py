"""What the model reads: one prompt file per language, in `rag/prompts`.

From German sources it is asked for German, in English: small models then write whole German
sentences, and with rules and labels in German lists and bare numbers (decision 0001).

A file holds three parts with lines `---` between: the rules for a small model, the rules for one
that reasons, and the task with `{sources}` and `{question}`. The small one is neither asked for
citation markers nor offered a way to decline, because both went wrong with 0.5B parameters
(decision 0001): the check finds the sources, and abstaining is decided outside the model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from vademecum.model.interface import Message
from vademecum.rag.answer import Source
from vademecum.rag.spoken import Spoken

ENGLISH = ("Source", "Title: ", "Year: ", "Section: ", "Text: ")
LABELS: dict[Spoken, tuple[str, str, str, str, str]] = {
    "en": ENGLISH,
    "de": ENGLISH,
    "zh": ("资料", "标题：", "年份：", "章节：", "正文："),
}
RETRACTED: dict[Spoken, str] = {"en": "RETRACTED: ", "de": "RETRACTED: ", "zh": "【已撤稿】"}


def messages(
    question: str, sources: Sequence[Source], language: Spoken, *, reasons: bool
) -> list[Message]:
    """The conversation to send to a model of this kind.

    For one that reasons the rules open the user's message: R1 was trained without a system prompt
    and its makers advise against one.
    """
    small, reasoning, task = _template(language)
    listed = "\n\n".join(listing(source, language) for source in sources)
    # One pass over the template: braces in a source or a question are left alone.
    parts = {"sources": listed, "question": question}
    asked = re.sub(r"\{(sources|question)\}", lambda match: parts[match[1]], task)
    if reasons:
        return [Message("user", f"{reasoning}\n\n{asked}")]
    return [Message("system", small), Message("user", asked)]


def listing(source: Source, language: Spoken) -> str:
    """One source as the model reads it: number, title with its flag, year, section, text."""
    number, title, year, section, text = LABELS[language]
    flag = RETRACTED[language] if source.retracted else ""
    lines = [f"{number} {source.n}", f"{title}{flag}{source.title}"]
    if source.year:
        lines.append(f"{year}{source.year}")
    if source.section:
        lines.append(f"{section}{source.section}")
    return "\n".join([*lines, f"{text}{source.text}"])


def instructions() -> tuple[str, ...]:
    """Every rule and every task that a model may be told, without sources and question."""
    return tuple(
        re.sub(r"^.*\{(?:sources|question)\}.*$", "", part, flags=re.MULTILINE)
        for language in LABELS
        for part in _template(language)
    )


@cache
def _template(language: Spoken) -> tuple[str, str, str]:
    text = (files("vademecum.rag") / "prompts" / f"{language}.md").read_text(encoding="utf-8")
    small, reasoning, task = (part.strip() for part in text.split("\n---\n"))
    return small, reasoning, task
