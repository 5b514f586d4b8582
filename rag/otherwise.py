"""What a passage says of one thing and otherwise of another: "halved in men; in women unchanged".

"Halved in women" has every word of it, and is at odds with it; "halved in men" agrees. What the
passage says is read twice: clause by clause, those that follow each other being held against the
claim two by two, and by what it compares ("longer with a donor than without": shorter without).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import chain, pairwise

from vademecum.rag.directions import compared, statements
from vademecum.rag.statements import Pair, Stand, stands
from vademecum.rag.words import WORD


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a clause of the sentence says of one thing what the parts say of another: "in women
    deaths were halved"."""
    return Stand.AT_ODDS in _stands(sentence, parts)


def agrees(sentence: str, parts: Sequence[str]) -> bool:
    """Whether all clauses say of their things what the parts say of these and not of others: "in
    men deaths were halved", not "deaths were halved"."""
    return _all_agree(_stands(sentence, parts))


def _stands(sentence: str, parts: Sequence[str]) -> list[Stand]:
    """How each clause stands to what the parts say; where a comparison of them tells, to that.

    What is at odds with a clause is so whatever they compare. And where the sentence compares two
    things itself, its clauses may say it of these: "higher on A than on B at first, later lower".
    """
    by_clause, by_comparison = _by_clause(sentence, parts), _by_comparison(sentence, parts)
    if compared(sentence) and _all_agree(by_clause):
        return by_clause
    compares = any(stand is not Stand.OPEN for stand in by_comparison)
    return by_comparison if compares and Stand.AT_ODDS not in by_clause else by_clause


def _all_agree(found: Sequence[Stand]) -> bool:
    return bool(found) and all(stand is Stand.AGREES for stand in found)


def _by_clause(sentence: str, parts: Sequence[str]) -> list[Stand]:
    told = list(pairwise(chain.from_iterable(statements(part) for part in parts)))
    return [stands(claim, told, contrary) for claim in statements(sentence)]


def _by_comparison(sentence: str, parts: Sequence[str]) -> list[Stand]:
    told = list(chain.from_iterable(compared(part) for part in parts))
    if not told:
        return []
    own = list(chain.from_iterable(compared(sentence))) or [
        replace(each, value=each.value or _comparative(sentence, told))
        for each in statements(sentence)
    ]
    return [stands(claim, told, contrary) for claim in own]


def _comparative(sentence: str, told: Sequence[Pair]) -> Hashable:
    """The comparative of the parts that a sentence has as well, of which no list says which way it
    goes: "schneller"."""
    words = {word.lower() for word in WORD.findall(sentence)}
    return next((one.value for one, _ in told if one.value in words), None)


def contrary(one: Hashable, other: Hashable) -> bool:
    """Whether of two values one is up and the other down, or one no change and the other one."""
    return one != other and (0 in (one, other) or None not in (one, other))
