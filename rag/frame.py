"""The frame of the prompt, which a small model may write again: labels, titles, instructions.

"Source 1", "Title: ...", "Question: ..." and the words of the task say nothing of the matter, but
all of them stood before the model, and a title in a source. They are taken out of what it wrote
before its sentences are read: at the beginning of a line, and only what is a title, a year, a
section or the question of this very prompt. "Section: 433 obliges the seller ..." stays, and so
does what stands behind "Text: ", the source's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from functools import cache

from vademecum.rag.abstain import refuses
from vademecum.rag.answer import Source
from vademecum.rag.cite import MENTIONED
from vademecum.rag.prompt import RETRACTED, instructions
from vademecum.rag.sentences import sentences_of

# Every repetition is possessive, so that no run of blanks or dashes is tried twice.
DRESS = r"[ \t>*_#•·\-–—]*+"
NUMBER = (
    r"[\[［【(（]?+[ \t]*+(?:(?:Sources?|资料)[ \t]*+)?+(?P<n>\d{1,2})[ \t]*+[\]］】)）]?+[.:：]?+"
)
LABEL = re.compile(
    rf"{DRESS}(?:{NUMBER}{DRESS})?+"
    r"(?P<name>Title|Year|Section|Text|Question|标题|年份|章节|正文|问题)"
    r"[*_]*+[ \t]*+[:：][ \t*_]*+"
)
TEXT = ("Text", "正文")
ALONE = re.compile(rf"{DRESS}(?:Source|资料)[ \t]*+(?P<n>\d{{1,2}})[ \t>*_#•·\-–—:：]*+")
# What may close a title: marks and a citation; then a sentence, another label, or nothing follows.
CLOSE = re.compile(r"(?:[ \t]*+[\[［【]\d{1,2}[\]］】]|[^\w\s\[［【]|_)*+")
BLANK = re.compile(r"\s*+\Z")
BETWEEN = re.compile(r"[ \t,;，；|]*+")
WORDS = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")
SAID_AGAIN = 0.8  # of the words of a sentence that repeat an instruction, in its order
OF_ALL = 0.5  # of the words of that instruction
RUN = 3  # so many words one after the other are a repetition
LEAST_WORDS = 6


def without_frame(raw: str, sources: Sequence[Source], question: str) -> str:
    """What a model wrote, without what it took from the frame of its prompt.

    A text that is copied with its label keeps the number of its source, as a marker. A sentence
    that names a source, or says that one is retracted, always stays.
    """
    return _without_instructions(_without_labels(raw, _framed(sources, question)))


def frames(sentence: str) -> bool:
    """Whether a sentence looks like the prompt's frame alone, without any of a source's text."""
    if ALONE.fullmatch(sentence):
        return True
    names = [label["name"] for line in sentence.split("\n") if (label := LABEL.match(line))]
    return bool(names) and names[-1] not in TEXT


def _framed(sources: Sequence[Source], question: str) -> dict[str, list[str]]:
    """What stood behind each label, the longest first."""
    titles = [
        flag + source.title for source in sources for flag in ("", *RETRACTED.values())
        if source.title and (source.retracted or not flag)
    ]  # fmt: skip
    years = [str(source.year) for source in sources if source.year]
    sections = [source.section for source in sources if source.section]
    asked = [question, *(question[start:end] for start, end in sentences_of(question))]
    values = {
        "Title": titles, "标题": titles, "Year": years, "年份": years,
        "Section": sections, "章节": sections, "Question": asked, "问题": asked,
    }  # fmt: skip
    return {name: sorted(set(listed), key=len, reverse=True) for name, listed in values.items()}


def _without_labels(raw: str, framed: Mapping[str, Sequence[str]]) -> str:
    lines: list[str] = []
    n = ""
    for line in raw.split("\n"):
        if alone := ALONE.fullmatch(line):
            n, kept = alone["n"], ""
        else:
            kept, n = _unlabelled(line, n, framed)
        if kept or not line or lines[-1:] != [""]:
            lines.append(kept)
    return "\n".join(lines)


def _unlabelled(line: str, n: str, framed: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """A line without the labels it begins with, and the number of the source it speaks of."""
    at = 0
    while label := LABEL.match(line, at):
        number = label["n"] or n
        if label["name"] not in framed:
            text = line[label.end() :]
            return (f"\n[{number}] {text}" if number else f"\n{text}"), number
        end = _end(line, label.end(), framed[label["name"]])
        if end is None:
            break
        at, n = end, number
    return line[at:], n


def _end(line: str, at: int, values: Sequence[str]) -> int | None:
    """Where one of the values ends that a line holds from `at` on; None if something else, or more
    than a value, stands there."""
    if _blank(line, at):
        return len(line)
    for value in values:
        end = _behind(line, at, value)
        if end is None:
            continue
        close = CLOSE.match(line, end)
        end = close.end() if close else end
        marks = close[0] if close else ""
        between = BETWEEN.match(line, end)
        following = between.end() if between else end
        stops = any(c in "。！？" for c in marks) or (
            any(c in ".!?…" for c in marks) and line[end : end + 1].isspace()
        )
        if stops or _blank(line, following) or LABEL.match(line, following):
            return following
    return None


def _blank(line: str, at: int) -> bool:
    return BLANK.match(line, at) is not None


def _behind(line: str, at: int, value: str) -> int | None:
    """Where a value ends with which a line goes on at `at`, but for case, spaces and marks."""
    found = False
    for character in filter(str.isalnum, value):
        while at < len(line) and not line[at].isalnum():
            at += 1
        if at == len(line) or line[at].lower() != character.lower():
            return None
        at, found = at + 1, True
    return at if found else None


def _without_instructions(text: str) -> str:
    spans = [span for span in sentences_of(text) if _instructs(text[span[0] : span[1]])]
    for start, end in reversed(spans):
        text = text[:start] + text[end:].lstrip(" \t")
    return text


def _instructs(sentence: str) -> bool:
    if refuses(sentence) or warns(sentence):
        return False
    said = _words(sentence)
    return len(said) >= LEAST_WORDS and any(_repeats(said, told) for told in _told())


def warns(sentence: str) -> bool:
    """Whether a sentence names a source by its number, or says that one is retracted."""
    return bool(MENTIONED.search(sentence)) or "retract" in sentence.lower() or "撤稿" in sentence


def _repeats(said: Sequence[str], told: Sequence[str]) -> bool:
    """Whether words are an instruction's, in its order: "the results and conclusions were stated"
    has some of its words, and says something else."""
    least = max(SAID_AGAIN * len(said), OF_ALL * len(told))
    if least > min(len(said), len(told)):
        return False
    runs = SequenceMatcher(None, said, told, autojunk=False).get_matching_blocks()
    return sum(run.size for run in runs if run.size >= RUN) >= least


def _words(text: str) -> tuple[str, ...]:
    """The words in order; of Chinese, the characters."""
    return tuple(word.lower() for word in WORDS.findall(text))


@cache
def _told() -> tuple[tuple[str, ...], ...]:
    """The words of each sentence that the prompts of all languages tell a model."""
    return tuple(
        _words(text[start:end]) for text in instructions() for start, end in sentences_of(text)
    )
