"""What a Chinese clause says of one thing, said of another that the passage names.

Chinese has no spaces, so that names are not told from other words: a sentence has to be a clause,
character by character, but for one stretch in the place of another; with it go as many characters
around as stand together in another clause (the 方 of 甲方, for 乙方). What is done 由 or 被
somebody is read as an active. Where a clause has little but the name, or 也, both may be meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from vademecum.rag.words import HAN, containment, content_words

BREAK = re.compile(r"[，,；;。：:！!]\s*")
# "费用由乙方支付": 乙方 is the one that does it.
BY = re.compile(r"\A(?P<what>.{2,}?)(?:[应须可需]|必须|可以|应当)?[由被](?P<done>.{3,})\Z", re.S)
OPENS = re.compile(
    r"\A(?:研究|结果|数据|证据|指南|文献|资料)(?:表明|显示|发现|提示|指出|认为|证实)"
)
# Characters that may be left out, or put in, and nothing is said.
SMALL = re.compile(r"可以|应当|必须|[的了将应须可需是]")
TOO = re.compile(r"[也均都亦同]")
NAMES = r"(?:[（(]|以下|简称|又称|也叫|亦称|即|称为|属于|是|为|等|之一|一种|下称|[“\"「])*"
# What stands for others, or for all of them.
NO_NAME = re.compile(r"[其它他她们此该这那何两双各均皆每]|所有|任何|前者|后者|上述")
HALF = 1 / 2
LEAST, MOST = 2, 12  # characters of a name
SAID = 3  # characters that are said of it
CLAUSES = 20  # of a sentence that are looked at
LONGEST = 80  # characters of a clause that are compared


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a Chinese sentence says of one thing what only a clause about another one says."""
    if not HAN.search(sentence):
        return False
    told = [*dict.fromkeys(each for part in parts for each in BREAK.split(part) if each)]
    text = "".join(parts)
    return any(
        len(clause) <= LONGEST
        and not any(_bare(clause) in _bare(each) for each in told)
        and any(_instead(clause, each, told, text) for each in told if len(each) <= LONGEST)
        for clause in BREAK.split(sentence)[:CLAUSES]
        if clause
    )


@lru_cache(maxsize=4096)
def _bare(clause: str) -> str:
    """A clause as an active, without the characters that say nothing."""
    clause = OPENS.sub("", clause.strip())
    if by := BY.match(clause):
        clause = f"{by['done']}{by['what']}"
    return SMALL.sub("", clause)


def _instead(claim: str, clause: str, told: Sequence[str], text: str) -> bool:
    """Whether a clause is a sentence but for one name, and has another one there."""
    ours, theirs = _bare(claim), _bare(clause)
    if len(set(ours) & set(theirs)) < HALF * len(set(ours)):
        return False
    changes = [
        each
        for each in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes()
        if each[0] in ("replace", "delete")
    ]
    if len(changes) != 1 or changes[0][0] != "replace":
        return False
    (_, a, b, c, d) = changes[0]
    others = [each for each in told if each != clause and theirs != _bare(each)]
    a, b, c, d = _whole(ours, theirs, (a, b, c, d), others)
    name, other = ours[a:b], theirs[c:d]
    said = ours[:a] + ours[b:]
    if not LEAST <= len(name) <= min(MOST, len(said)) or len(said) < SAID:
        return False
    return (
        not NO_NAME.search(name + other)
        and any(name in each for each in others)
        and not _told_of(name, said, others, text)
        and not _same(name, other, text)
    )


def _whole(
    ours: str, theirs: str, at: tuple[int, int, int, int], others: Sequence[str]
) -> tuple[int, int, int, int]:
    """Where the two names stand whole: with what they share, as far as another clause has it."""
    a, b, c, d = at
    while b < len(ours) and any(ours[a : b + 1] in each for each in others):
        b, d = b + 1, d + 1
    while a and any(ours[a - 1 : b] in each for each in others):
        a, c = a - 1, c - 1
    return a, b, max(c, 0), d


def _told_of(name: str, said: str, others: Sequence[str], text: str) -> bool:
    """Whether a clause has a name and half of what is said of it, or that by another name of it, or
    little but the name."""
    words = content_words(said)
    for clause in others:
        if name in clause:
            rest = _bare(clause.replace(name, ""))
            held = containment(words, content_words(clause))
            little = len(rest) < LEAST or TOO.search(rest)
            if little or held >= HALF or _same(said, rest, text):
                return True
    return False


def _same(name: str, other: str, text: str) -> bool:
    """Whether a text has the one as another name of the other, or as one of its kind."""
    if name in other or other in name:
        return True
    return any(
        re.search(rf"{re.escape(one)}{NAMES}{re.escape(two)}", text)
        for one, two in ((name, other), (other, name))
    )
