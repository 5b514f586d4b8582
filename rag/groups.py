"""Whether a near copy of a sentence gives the numbers of one group to another.

"22.9% with A and 25.7% with B" against "25.7% with A and 22.9% with B": every word and every number
is held, and yet it is not what the source says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import combinations, pairwise

from vademecum.rag.quantities import holds, quantities, quantities_held, unit_after
from vademecum.rag.words import (
    COPY,
    HAN,
    NEAR_COPY,
    NUMBER,
    STOP_WORDS,
    WORD,
    containment,
    content_words,
    normal,
    numbers,
    stem,
)

GIVEN = re.compile(r"\([^()]*\)")  # the numbers of an item
NAME_BEGINS = re.compile(rf"[()]|{NUMBER.pattern}")
# "On 1 April 2023": the day and the year belong to one thing.
DATE = re.compile(r"\b(\d{1,2})\.?(?:st|nd|rd|th)? [^\W\d_]{3,9}\.?,? (\d{4})\b")
MOST_WORDS = 60  # of a sentence; a longer one is hardly a sentence


def exchanged(sentence: str, evidence: str) -> bool:
    """Whether more pairs of words and numbers have changed partners than have kept them.

    Of two numbers of one unit and two words, each once in both sentences, the partners are the
    first two and the last two in the order of the text, if words and numbers take turns.
    """
    if containment(content_words(sentence), content_words(evidence)) < NEAR_COPY:
        return False
    ours, theirs = _places(sentence), _places(evidence)
    common = [token for token in ours if token in theirs]
    numbers = [token for token in common if token[0] == "number"]
    words = [token for token in common if token[0] == "word"][:MOST_WORDS]
    dates = [set(date) for date in DATE.findall(sentence)]
    kept = changed = 0
    for a, b in combinations(numbers, 2):
        if a[2] != b[2] or {a[1], b[1]} in dates:
            continue
        for u, v in combinations(words, 2):
            ours_with = _partner(ours[a], ours[b], ours[u], ours[v])
            theirs_with = _partner(theirs[a], theirs[b], theirs[u], theirs[v])
            if ours_with and theirs_with:
                kept += ours_with == theirs_with
                changed += ours_with != theirs_with
    return changed > kept


def permuted(sentence: str, evidence: str) -> bool:
    """Whether a copy has all words in their places and its numbers in another order."""
    (words, ours), (others, theirs) = _in_order(sentence), _in_order(evidence)
    return (
        Counter(ours) <= Counter(theirs)
        and not _within(ours, theirs)
        and len(words) >= COPY * len(others)
        and _within(words, others)
    )


def _within(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether the one stands in the other in its order."""
    at = iter(theirs)
    return all(each in at for each in ours)


def _in_order(text: str) -> tuple[list[str], list[str]]:
    """The stems of the words of a text, and its numbers."""
    words = [stem(word) for word in WORD.findall(text.lower()) if word not in STOP_WORDS]
    return words, [normal(match.group()) for match in NUMBER.finditer(text)]


def _partner(a: int, b: int, u: int, v: int) -> int:
    """1 if the number `a` stands with the word `u` and `b` with `v`, -1 the other way, 0 unless
    numbers and words take turns."""
    order = [what for _, what in sorted(((a, 1), (b, 2), (u, -1), (v, -2)))]
    if any(one * other > 0 for one, other in pairwise(order)):
        return 0
    return 1 if order[0] + order[1] == 0 else -1


def _places(text: str) -> dict[tuple[str, str, str], int]:
    """Where each number and each word stands that the text holds once."""
    tokens: list[tuple[tuple[str, str, str], int]] = []
    for match in NUMBER.finditer(HAN.sub(lambda han: " " * len(han.group()), text)):
        unit = unit_after(text, match.end())
        tokens.append((("number", normal(match.group()), unit), match.start()))
    tokens += [
        (("word", stem(match.group()), ""), match.start())
        for match in WORD.finditer(HAN.sub(lambda han: " " * len(han.group()), text.lower()))
        if match.group() not in STOP_WORDS
    ]
    tokens += [
        (("word", run.group()[i : i + 2], ""), run.start() + i)
        for run in re.finditer(HAN.pattern, text)
        for i in range(len(run.group()) - 1)
    ]
    counts = Counter(token for token, _ in tokens)
    return {token: place for token, place in tokens if counts[token] == 1}


def misplaced(sentence: str, evidence: str) -> bool:
    """Whether a number is given to another item of a list than the one it stands behind: "emptying
    (OR 4.4), pain (OR 5.3)". A number whose item has no name of its own may be given to any."""
    items, rest = _items(evidence)
    shared = set.intersection(*(words for words, _ in items)) if items else set()
    words = content_words(sentence) - shared
    for number in numbers(sentence) - numbers(rest):
        given = [words & named for named, held in items if number in held]
        others = [words & named for named, held in items if number not in held]
        nameless = any(named <= shared for named, held in items if number in held)
        if given and not nameless and not any(given) and any(others):
            return True
    return False


def _items(text: str) -> tuple[list[tuple[set[str], set[str]]], str]:
    """What stands before each parenthesis, from the last number on, and its numbers; then what
    is left of the text without them."""
    items, rest, at = [], "", 0
    for match in GIVEN.finditer(text):
        before = text[at : match.start()]
        if held := numbers(match.group()):
            name = NAME_BEGINS.split(before)[-1]
            items.append((content_words(name), held))
            rest += f"{before} "
        else:
            rest += f"{before}{match.group()}"
        at = match.end()
    return items, rest + text[at:]


def substituted(sentence: str, evidence: str) -> bool:
    """Whether a near copy has another number of the same unit in the place of one of its own.

    The other number may stand elsewhere in the source: here it is the wrong one.
    """
    if containment(content_words(sentence), content_words(evidence)) < COPY:
        return False
    ours, theirs = quantities(sentence), quantities_held(evidence)
    lacking = {number for number in ours if not holds(theirs, number)}
    left = {number for number in theirs if not holds(frozenset(ours), number)}
    return any(number.unit == other.unit for number in lacking for other in left)
