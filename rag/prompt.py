"""What the model reads: one prompt file per language, in `rag/prompts`.

A file holds the rules, a line `---`, then the task with `{sources}` and `{question}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from vademecum.model.interface import Message
from vademecum.rag.answer import Source
from vademecum.rag.words import Language

RETRACTED: dict[Language, str] = {"en": "RETRACTED: ", "zh": "【已撤稿】"}


def messages(
    question: str, sources: Sequence[Source], language: Language, *, system: bool
) -> list[Message]:
    """The conversation to send.

    With `system` the rules go into a system message; without it they open the user's message,
    because R1 was trained without a system prompt and its makers advise against one.
    """
    rules, task = _template(language)
    listed = "\n\n".join(listing(source, language) for source in sources)
    # One pass over the template: braces in a source or a question are left alone.
    asked = task.replace("{question}", "\0").replace("{sources}", listed).replace("\0", question)
    if system:
        return [Message("system", rules), Message("user", asked)]
    return [Message("user", f"{rules}\n\n{asked}")]


def listing(source: Source, language: Language) -> str:
    """One source as the model reads it: number, flag, title, year, text."""
    flag = RETRACTED[language] if source.retracted else ""
    year = f" ({source.year})" if source.year else ""
    return f"[{source.n}] {flag}{source.title}{year}\n{source.text}"


@cache
def _template(language: Language) -> tuple[str, str]:
    text = (files("vademecum.rag") / "prompts" / f"{language}.md").read_text(encoding="utf-8")
    rules, task = text.split("\n---\n")
    return rules.strip(), task.strip()
