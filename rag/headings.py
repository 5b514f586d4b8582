"""The headings of an answer that stand as headings in its sources, too: they say nothing of their
own, and need no mark that they have no source. One that the model made up keeps it: "Metformin
prevents cancer" may stand above an answer, and was held against nothing. So does one with a verb,
whosever it is: "Methotrexate is safe in pregnancy" may be the name of a myth."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vademecum.rag.answer import Answer, Sentence, Source
from vademecum.rag.evidence import STATES, heads
from vademecum.rag.sentences import sentences_of

AROUND = re.compile(r"\A[#*_\s]*(?:\d{1,3}(?:\.\d{1,3})*[.)]?\s+)?|[\s:：*_#]+\Z")


def copied_headings(answer: Answer) -> frozenset[int]:
    """Where the headings start in `answer.answer` that a source has."""
    asked = [one for one in answer.sentences if _is_line(answer.answer, one)]
    if not asked:
        return frozenset()
    known = {name for source in answer.sources for name in _headings(source)} - {""}
    return frozenset(one.start for one in asked if _name(one.text) in known)


def _is_line(text: str, sentence: Sentence) -> bool:
    """Whether it was held against no source, has a line of its own, and states nothing."""
    before = text[text.rfind("\n", 0, sentence.start) + 1 : sentence.start]
    behind = text[sentence.end :].split("\n", 1)[0]
    alone = not before.strip() and not behind.strip()
    return sentence.support == "uncited" and alone and not STATES.search(sentence.text)


def _headings(source: Source) -> Iterator[str]:
    for part in source.section.split(" > "):
        yield _name(part)
    for label in (*source.cited_sections, *(section.label for section in source.sections)):
        yield _name(label)
    for start, end in sentences_of(source.text):
        if heads(source.text, start, end):
            yield _name(source.text[start:end])


def _name(heading: str) -> str:
    return " ".join(AROUND.sub("", heading).casefold().split())
