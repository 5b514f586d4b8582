"""Which words of a sentence stand beside which of its values: a figure, how often, by which route.

"2.1% on apixaban and 3.1% on warfarin" gives each figure to the words up to the next "and"; "men
and women had 20% and 5%" gives the first one to the first. English, German and Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, pairwise

from vademecum.rag.statements import Pair, Stand, Statement, stands, statement
from vademecum.rag.words import GERMAN, HAN

# Where what is said of one value ends and what is said of the next begins.
BETWEEN = re.compile(
    r"(?:[,;]\s+)?\b(?:and|or|versus|vs|compared(?: with| to)?|while|whereas|but|und|oder|sowie"
    r"|gegenüber|gegen|verglichen(?: mit)?|während|aber)\b|[,;,，；]|而|或",
    re.IGNORECASE,
)
AND = r"(?:\s*,\s*|\s*,?\s+(?:and|und|or|versus|vs\.?|bzw\.?|beziehungsweise)\s+|\s*[和与、及]\s*)"
LISTED = re.compile(AND)  # all that stands between two values of a list
NEAR = 3  # parts, in which the values of two things stand
ITEM = r"[\w-]+"
HAN_ITEM = r"[^\W和与及的]+"
OF = re.compile(r"\A\s*(?:of|der|von)\s")
VERBS = re.compile(r"\b[a-zäöü][\w-]+")  # a noun begins with a capital in German


# What a text says in each unit, or of each kind.
Stated = tuple[tuple[str, tuple[Statement, ...]], ...]


@dataclass(frozen=True, slots=True)
class Value:
    """What a text says of something, and where."""

    start: int
    end: int
    value: Hashable


def given_to_another(
    sentence: str, parts: Sequence[str], statements: Callable[[str], Stated]
) -> bool:
    """Whether the sentence gives a value to what the parts give another one to, beside it."""
    claims = statements(sentence)
    told = [dict(statements(part)) for part in parts] if claims else []
    return any(
        stands(claim, _near(told, kind), contrary) is Stand.AT_ODDS
        for kind, stated in claims
        for claim in stated
    )


def _near(told: Sequence[Mapping[str, Sequence[Statement]]], kind: str) -> list[Pair]:
    """The statements of a kind, two by two, that stand in one part or near it."""
    near = [
        [each for of in told[i : i + NEAR] for each in of.get(kind, ())] for i in range(len(told))
    ]
    return list(dict.fromkeys(chain.from_iterable(combinations(each, 2) for each in near)))


def contrary(one: Hashable, other: Hashable) -> bool:
    """Whether two values, of one kind, differ."""
    return None not in (one, other) and one != other


def beside(text: str, found: Sequence[Value]) -> list[Statement]:
    """Each value with the words from the last mark before it to the next one behind it; those of a
    list ("orally or intravenously") share theirs. [] if no mark stands between two others."""
    if listed := _listed(text, found):
        return listed
    groups: list[list[Value]] = []
    starts, ends = [0], []
    for one, each in zip((None, *found), found, strict=False):
        gap = text[one.end : each.start] if one else ""
        if one is None:
            groups.append([each])
        elif LISTED.fullmatch(gap):
            groups[-1].append(each)
        elif mark := BETWEEN.search(gap):
            groups.append([each])
            ends.append(one.end + mark.start())
            starts.append(one.end + mark.end())
        else:
            return []
    ends.append(len(text))
    return [
        _statement(each, text, a, b, group)
        for group, a, b in zip(groups, starts, ends, strict=True)
        for each in group
    ]


def _statement(each: Value, text: str, start: int, end: int, group: Sequence[Value]) -> Statement:
    """What stands between two places of a text and is said of each value of a group there."""
    before, behind, aside = text[start : group[0].start], text[group[-1].end : end], ""
    if end == len(text) and GERMAN.search(text):
        # The verb that closes a sentence is that of all its values.
        aside = " ".join(VERBS.findall(behind))
        behind = VERBS.sub(" ", behind)
    behind = OF.sub(" among ", behind)  # "12% of | the controls": of whom
    return statement(each.value, f"{before};{behind}", before, aside, text)


def _listed(text: str, found: Sequence[Value]) -> list[Statement]:
    """The values of a list ("20% and 5%"), each with its item of the other list of as many in the
    sentence ("men and women"); [] if there is not just one such list."""
    gaps = [text[one.end : other.start] for one, other in pairwise(found)]
    if not gaps or not all(LISTED.fullmatch(gap) for gap in gaps):
        return []
    lists = re.compile(
        AND.join(f"({ITEM}(?: {ITEM})?)" for _ in found)
        if HAN.search(text) is None
        else AND.join(f"({HAN_ITEM})" for _ in found) + "的"
    )
    before, behind = text[: found[0].start], text[found[-1].end :]
    items = [match for side in (before, behind) for match in lists.finditer(side)]
    if len(items) != 1:
        return []
    (match,) = items
    rest = f"{match.string[: match.start()]} {match.string[match.end() :]}"
    other = behind if match.string is before else before
    return [
        statement(each.value, f"{rest} {name};{other}", f"{rest} {name}")
        for each, name in zip(found, match.groups(), strict=True)
    ]
