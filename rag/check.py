"""Step 5: each sentence of the answer against the sources: what bears it, and what it may cite.

How one source stands to one sentence is in `rag/judge.py`. A heading claims nothing, nor does a
line of bold words that stands above others for one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vademecum.model.interface import TextEmbedder
from vademecum.rag.answer import BEARING, Sentence, Source
from vademecum.rag.cite import assign, read_markers, tidy
from vademecum.rag.evidence import STATES
from vademecum.rag.frame import without_frame
from vademecum.rag.generate import sentence_key
from vademecum.rag.judge import NEAR_BEST, Evidence, Verdict, claims
from vademecum.rag.sentences import sentences_of

CLEARLY = 0.15  # so much better must another source be to replace the one that the model cited
MOST_CITATIONS = 3
HEADING = re.compile(r"#{1,6}[ \t]+(?P<words>\S|\S.*?\S)[ \t]*#*")
# "**Dosage**", "**Dosage:**", alone in its line; with a figure or a verb it tells something.
BOLD_LINE = re.compile(r"(?P<sign>\*\*|__)(?P<words>[^*_\d\n]{1,80}?)(?:(?P=sign)[:：]?)")
ENDS = frozenset('.!?。！？…)）"”*')


@dataclass(frozen=True, slots=True)
class Checked:
    """The text a person reads, and its sentences."""

    text: str
    sentences: tuple[Sentence, ...]


def check(
    raw: str,
    sources: Sequence[Source],
    embedder: TextEmbedder,
    *,
    question: str = "",
    broken_off: bool = False,
) -> Checked:
    """Read the markers of a raw answer, drop what it repeats of itself and of the prompt's frame,
    and judge every sentence.

    With `broken_off` a last sentence without an end is dropped, unless it is the only one.
    """
    cited = read_markers(tidy(without_frame(raw, sources, question)), len(sources))
    spans = sentences_of(cited.text)
    by_model = assign(cited.marks, spans)
    answer, spans, headings = plain_headings(cited.text, spans)
    texts = [answer[start:end] for start, end in spans]
    if broken_off and len(texts) > 1 and texts[-1][-1] not in ENDS:
        texts.pop()
    kept = len(texts) - repeated_at_end(texts)

    verdicts = Evidence(sources, embedder, question).judge(texts[:kept])
    sentences = [
        Sentence(texts[i], *spans[i], (), "uncited", 0.0)
        if i in headings
        else _sentence(texts[i], spans[i], by_model[i], verdict)
        for i, verdict in enumerate(verdicts)
    ]
    whole = kept == len(spans)
    text = answer if whole else answer[: spans[kept - 1][1] if kept else 0]
    return Checked(text, tuple(sentences))


def plain_headings(
    text: str, spans: Sequence[tuple[int, int]]
) -> tuple[str, list[tuple[int, int]], set[int]]:
    """A text whose headings have lost their "#", its sentences, and which of them are headings.

    One that ends like a sentence is one: a claim does not hide in a heading.
    """
    plain, moved, headings, at = "", [], set(), 0
    for i, (start, end) in enumerate(spans):
        plain += text[at:start]
        heading = HEADING.fullmatch(text, start, end)
        words = heading["words"] if heading else text[start:end]
        bold = i + 1 < len(spans) and _is_bold_line(text, start, end)
        if bold or (heading and words[-1] not in ENDS):
            headings.add(i)
        moved.append((len(plain), len(plain) + len(words)))
        plain, at = plain + words, end
    return plain + text[at:], moved, headings


def _is_bold_line(text: str, start: int, end: int) -> bool:
    """Whether a sentence is a line of bold words that state nothing; they keep their marks."""
    bold = BOLD_LINE.fullmatch(text, start, end)
    alone = not text[text.rfind("\n", 0, start) + 1 : start].strip() and (
        not text[end:].split("\n", 1)[0].strip()
    )
    return bool(bold and alone and bold["words"][-1] not in ENDS and not STATES.search(bold[0]))


def repeated_at_end(sentences: Sequence[str]) -> int:
    """How many sentences at the end were all written before."""
    keys = [sentence_key(sentence) for sentence in sentences]
    count = 0
    while count < len(keys) - 1 and keys[-1 - count] in keys[: -1 - count]:
        count += 1
    return count


def _sentence(
    text: str, span: tuple[int, int], by_model: tuple[int, ...], verdicts: Sequence[Verdict]
) -> Sentence:
    """Settle the citations of a sentence: the model's own where they hold, else the best ones."""
    start, end = span
    cited = settle(by_model, verdicts) if claims(text) else ()
    if not cited:
        score = max((verdict.score for verdict in verdicts), default=0.0)
        return Sentence(text, start, end, (), "unsupported" if claims(text) else "uncited", score)
    best = verdicts[cited[0] - 1]
    return Sentence(text, start, end, cited, best.support, best.score, reason=best.reason)


def settle(by_model: tuple[int, ...], verdicts: Sequence[Verdict]) -> tuple[int, ...]:
    """The source numbers of a sentence, best first.

    Those that the model wrote and that bear the sentence stand; one that bears it clearly better
    goes in front of them. If none of the model's bears it, the best ones that do replace them. If
    no source does, the model's own stay, or else those that speak of the same matter, so that a
    reader can compare.
    """
    ranked = sorted(range(1, len(verdicts) + 1), key=lambda n: (_rank(verdicts[n - 1]), n))
    bearing = [n for n in ranked if verdicts[n - 1].support in BEARING]
    own = [n for n in ranked if n in by_model]
    stand = [n for n in own if n in bearing]
    if not bearing:
        near = [n for n in ranked if verdicts[n - 1].near]
        return tuple((own or near)[:MOST_CITATIONS])
    best = verdicts[bearing[0] - 1]
    if stand:
        first = verdicts[stand[0] - 1]
        if best.support != first.support and best.score >= first.score + CLEARLY:
            stand.insert(0, bearing[0])
        return tuple(stand[:MOST_CITATIONS])
    return tuple(
        n
        for n in bearing[:MOST_CITATIONS]
        if verdicts[n - 1].support == best.support
        and verdicts[n - 1].score >= best.score - NEAR_BEST
    )


def _rank(verdict: Verdict) -> tuple[int, float]:
    # A source that bears a sentence in part may merely resemble it, or be retracted: it does not
    # lift the warning that another one gives.
    order = ("supported", "overstated", "partial", "unsupported", "uncited")
    return order.index(verdict.support), -verdict.score
