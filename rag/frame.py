"""The frame of the prompt, which a small model may write again: labels, titles, instructions.

"Source 1", "Title: ...", "Question: ..." and the words of the task say nothing of the matter, but
all of them stood before the model, and a title in a source. They are taken out of what it wrote
before its sentences are read. What stands behind "Text: " is the source's own, and stays.
"""

from __future__ import annotations

import re
from functools import cache

from vademecum.corpora.sentences import split_sentences
from vademecum.rag.abstain import refuses
from vademecum.rag.prompt import instructions
from vademecum.rag.words import containment, content_words

DRESS = r"[ \t>*_#•·\-–—]*"
NUMBER = r"[\[［【(（]?[ \t]*(?:(?:Sources?|资料)[ \t]*)?(?P<n>\d{1,2})[ \t]*[\]］】)）]?[.:：]?"
LABEL = re.compile(
    rf"(?:(?m:^){DRESS}|(?<=\s))(?:{NUMBER}{DRESS})?\b"
    r"(?P<name>Title|Year|Section|Text|Question|标题|年份|章节|正文|问题)"
    r"[*_]*[ \t]*[:：][ \t*_]*"
)
TEXT = ("Text", "正文")
ALONE = re.compile(rf"(?m)^{DRESS}(?:Source|资料)[ \t]*(?P<n>\d{{1,2}}){DRESS}[:：]?{DRESS}$\n?")
SAID_AGAIN = 0.8  # of the content words of a sentence that a sentence of the instructions holds
LEAST_WORDS = 3


def without_frame(raw: str) -> str:
    """What a model wrote, without what it took from the frame of its prompt.

    A text that is copied with its label keeps the number of its source, as a marker.
    """
    return _without_instructions(_without_labels(raw))


def _without_labels(raw: str) -> str:
    labels = list(LABEL.finditer(raw))
    if not labels:
        return ALONE.sub("", raw)
    parts = [raw[: labels[0].start()]]
    n = _last_number(parts[0])
    for label, following in zip(labels, [*labels[1:], None], strict=True):
        n = label["n"] or n
        content = raw[label.end() : following.start() if following else len(raw)]
        if label["name"] in TEXT:
            parts.append(f"\n[{n}] {content}" if n else f"\n{content}")
        else:
            parts.append(_behind(content))
        n = _last_number(content) or n
    return ALONE.sub("", "".join(parts)).strip()


def _last_number(text: str) -> str:
    """The number of the source whose listing begins last in a text, "" if none does."""
    found = [match["n"] for match in ALONE.finditer(text)]
    return found[-1] if found else ""


def _behind(content: str) -> str:
    """What follows a title, a year, a section or a question: the next lines, and on its own line
    what is more than one sentence."""
    line, newline, rest = content.partition("\n")
    spans = split_sentences(line)
    more = line[spans[1][0] :] if len(spans) > 1 else ""
    return f"\n{more}{newline}{rest}"


def _without_instructions(text: str) -> str:
    spans = [span for span in split_sentences(text) if _instructs(text[span[0] : span[1]])]
    for start, end in reversed(spans):
        text = text[:start] + text[end:].lstrip(" \t")
    return text


def _instructs(sentence: str) -> bool:
    words = content_words(sentence)
    if len(words) < LEAST_WORDS or refuses(sentence):
        return False
    return any(containment(words, set(told)) >= SAID_AGAIN for told in _told())


@cache
def _told() -> tuple[frozenset[str], ...]:
    """The words of each sentence that the prompts of all languages tell a model."""
    return tuple(
        frozenset(content_words(text[start:end]))
        for text in instructions()
        for start, end in split_sentences(text)
    )
