"""Whether a near copy of a sentence has two things in each other's place.

"Juice raises the level of the drug" against "the drug raises the level of juice": all words are
held, and it is not what the source says. What may be told either way round is no swap: "A and B",
"A was associated with B", "B was reduced by A" for "A reduced B", "B is lower than A".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from vademecum.rag.polarity import DOWN, UP, direction
from vademecum.rag.words import (
    NEAR_COPY,
    NUMBER,
    PARENTHESIS,
    STOP_WORDS,
    WORD,
    containment,
    content_words,
    normal,
    stem,
)

LONGEST = 5  # words of each of the two things
ALIKE = 0.75  # of all words between the two, in order: or the sentence is turned, not the things
# Between two things of which either may stand first: at least one of these, and nothing but these
# and what qualifies them.
SYMMETRIC = re.compile(
    r"associat|correlat|relat|link|differ|similar|comparab|equal|equivalen|interact|match|agree"
    r"|concord|coexist|same|overlap",
    re.IGNORECASE,
)
QUALIFYING = re.compile(
    rf"{SYMMETRIC.pattern}|\w+ly\Z|signific|strong|inverse|{UP.pattern}|{DOWN.pattern}",
    re.IGNORECASE,
)
PREPOSITION = re.compile(
    r"\b(in|on|at|with|by|during|after|before|within|under|for|from|to|of|among|until|over)"
    r"\s+(?:(?:the|an?)\s+)?\Z",
    re.IGNORECASE,
)
ARTICLES = ("a", "an", "the")
BY = re.compile(r"\bby\b", re.IGNORECASE)
TOKEN = re.compile(rf"(?P<number>{NUMBER.pattern})|(?P<word>{WORD.pattern})")


def swapped(sentence: str, evidence: str) -> bool:
    """Whether two things have changed places round words that have not."""
    if containment(content_words(sentence), content_words(evidence)) < NEAR_COPY:
        return False
    turned = direction(sentence) * direction(evidence) < 0  # "more than" for "less than"
    if turned or bool(BY.search(sentence)) != bool(BY.search(evidence)):
        return False
    return _swapped(sentence, evidence) or _swapped(
        PARENTHESIS.sub(" ", sentence), PARENTHESIS.sub(" ", evidence)
    )


def _swapped(sentence: str, evidence: str) -> bool:
    ours, theirs = _tokens(sentence), _tokens(evidence)
    order = [token for token in theirs if token in ours]
    ours = {token: span for token, span in ours.items() if token in theirs}
    words = list(ours)
    for first, a, b in _swaps([order.index(token) for token in ours]):
        between = sentence[ours[words[a - 1]][1] : ours[words[b]][0]]
        fixed = any(SYMMETRIC.match(word) for word in words[a:b]) and all(
            QUALIFYING.match(word) for word in words[a:b]
        )
        # The same stretch in the other one: before and behind it stand the two things.
        at = order.index(words[a]), order.index(words[b - 1])
        theirs_between = evidence[theirs[order[at[0] - 1]][1] : theirs[order[at[1] + 1]][0]]
        things = words[first], words[b]
        opens = _opens(sentence, ours, things)
        free = opens is not None and opens == _opens(evidence, theirs, things)
        # "Pain improved with rest" is "rest improved pain".
        either = {_before(sentence, ours[words[b]]), _before(evidence, theirs[words[first]])}
        caused = either == {"with", ""}
        if not (fixed or free or caused) and _alike(between, theirs_between):
            return True
    return False


def _opens(
    text: str, places: dict[str, tuple[int, int]], things: tuple[str, str]
) -> tuple[str, str] | None:
    """The prepositions before two things, None unless each has one of its own: "pain was less with
    the block | on day 3" may be told in either order."""
    one, other = (_before(text, places[thing]) for thing in things)
    return (one, other) if one and other and one != other else None


def _before(text: str, place: tuple[int, int]) -> str:
    """The preposition before a thing, "" where there is none."""
    found = PREPOSITION.search(text[: place[0]])
    return found[1].lower() if found else ""


def _alike(between: str, other: str) -> bool:
    ours, theirs = (
        [word for word in WORD.findall(text.lower()) if word not in ARTICLES]
        for text in (between, other)
    )
    return SequenceMatcher(None, ours, theirs, autojunk=False).ratio() >= ALIKE


def _swaps(given: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Two stretches that have changed places, if nothing else has: where the one begins, where it
    ends, and where the other begins.

    `given` are the places in one sentence of the words of another, in the order of that.
    """
    ordered = list(range(len(given)))
    first = next((at for at in ordered if given[at] != at), None)
    if first is None:
        return
    last = next(at for at in reversed(ordered) if given[at] != at) + 1
    for ahead in range(1, min(LONGEST, last - first) + 1):
        for behind in range(1, min(LONGEST, last - first - ahead) + 1):
            a, b = first + behind, last - ahead  # where what stands between begins and ends there
            swap = [*range(b, last), *range(a, b), *range(first, a)]
            if a < b and list(given[first:last]) == swap:
                yield first, first + ahead, last - behind


def _tokens(text: str) -> dict[str, tuple[int, int]]:
    """Where stand the numbers and the stems of words that a text holds once, in order."""
    tokens = [
        (normal(match["number"]) if match["number"] else stem(match["word"].lower()), match.span())
        for match in TOKEN.finditer(text)
        if match["number"] or match["word"].lower() not in STOP_WORDS
    ]
    counts = Counter(token for token, _ in tokens)
    return {token: span for token, span in tokens if counts[token] == 1}
