"""What a clause of a passage says of one thing, said of another that the passage names.

"Vasopressin is the first-line vasopressor" where the passage has "noradrenaline is the first-line
vasopressor; vasopressin may be added": each word is there, in one sentence even. All that the
sentence says stands in one clause, and that has something else in the place of the words that it
lacks; these stand together in another clause. What a pronoun, general words or an abbreviation
stand for may be the thing itself. English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

from vademecum.rag.clauses import PREFERRED_TO, clauses, subject
from vademecum.rag.slots import GENERAL, words_in_order
from vademecum.rag.words import GERMAN, HAN, NUMBER, containment

# Figures, and which of two has more, are looked at elsewhere.
COMPARED = re.compile(r"\bthan\b", re.IGNORECASE)
DEFINITE = re.compile(r"\W*(?:the|this|these|that|those|such|both|each)\b", re.IGNORECASE)
# "Bisoprolol is a beta-blocker", "beta-blockers such as bisoprolol".
KIND_OF = (
    r"(?:,?\s+(?:also|known as|called|such as|including|like|namely),?\s+|\s+(?:are|were)\s+"
    r"|,?\s+(?:(?:is|was)\s+)?an?\s+(?:[\w-]+\s){0,2}?)"
)
BY = re.compile(r"\bby (?:the |an? )?(?P<whom>[\w -]+)", re.IGNORECASE)
HALF = 1 / 2
LIKE = 4  # letters by which "smoke" and "smoker" are one word
MOST = 20  # clauses of a sentence that are looked at
LONGEST = 4  # words of a name
LEAST = 2  # words that are said of it
BRACKETED = re.compile(r"\(([^()]*)\)")
# "The first-line vasopressor is hydrocortisone".
IS = re.compile(
    r"\A(?P<what>.+?)\s(?:is|are|was|were)\s(?:the\s|an?\s)?(?P<who>[\w-]+(?:\s[\w-]+){0,2})\W*\Z",
    re.S,
)


class Clause(NamedTuple):
    """The words of a clause that carry meaning, how many of them stand before its verb, and whether
    it begins with "the": that may take up what was named before. By whom something is done."""

    words: tuple[str, ...]
    subject: int
    definite: bool
    agent: tuple[str, ...]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence says of one thing what only a clause about another one says."""
    whole = " ".join(parts)
    if HAN.search(sentence) or GERMAN.search(f"{sentence} {whole}"):
        return False
    told = [_clause(clause) for part in parts for clause in clauses(part)]
    return any(_of_another(clause, told, whole) for clause in clauses(sentence)[:MOST])


def _of_another(said: str, told: Sequence[Clause], whole: str) -> bool:
    claim = _clause(said)
    mine = set(claim.words)
    if COMPARED.search(said) or any(mine <= set(clause.words) for clause in told):
        return False
    orders = [claim]
    turned = IS.match(said)
    if turned and len(words_in_order(turned["what"])) >= LEAST:
        orders.append(_clause(f"{turned['who']} is {turned['what']}"))
    return any(_instead(each, clause, told, whole) for clause in told for each in orders)


@lru_cache(maxsize=4096)
def _clause(text: str) -> Clause:
    text = PREFERRED_TO.sub(" ", text)
    before = len(words_in_order(subject(text)))
    by = BY.search(text)
    agent = words_in_order(by["whom"]) if by else ()
    return Clause(words_in_order(text), before, DEFINITE.match(text) is not None, agent)


def _instead(claim: Clause, clause: Clause, told: Sequence[Clause], whole: str) -> bool:
    """Whether a clause has all of a claim but its subject, and another one in its place."""
    ours, theirs = claim.words, clause.words
    lacking = set(ours) - set(theirs)
    if not lacking - GENERAL or len(lacking) > LONGEST or not lacking <= set(ours[: claim.subject]):
        return False
    if claim.subject == len(ours) and ours[0] not in lacking:  # no verb was seen
        return False
    if any(NUMBER.fullmatch(word) for word in lacking) or (clause.definite and not claim.definite):
        return False
    for kind, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if kind == "replace" and lacking <= set(ours[a:b]):
            other = [w for w in theirs[c : min(d, clause.subject)] if w not in (*ours, *GENERAL)]
            name = tuple(word for word in ours[a:b] if word in lacking)
            said = set(ours) - lacking
            enough = len(said) >= LEAST or set(theirs) == {*said, *other}
            return (
                bool(other)
                and enough
                and _stands(name, told)
                and not _told_of(name, said - GENERAL, told)
                and not _same(name, other, whole)
            )
    return False


def _stands(name: Sequence[str], told: Sequence[Clause]) -> bool:
    """Whether the words of a name stand together in a clause."""
    n = len(name)
    return any(c.words[i : i + n] == name for c in told for i in range(len(c.words) - n + 1))


def _told_of(name: Sequence[str], said: set[str], told: Sequence[Clause]) -> bool:
    """Whether a clause has a name and all that is said of it, but for general words, or half of
    it, done by that name: "paid by the landlord" is no form of "pays". A clause of the name alone
    says the same of it as the one before: "so did pregabalin"."""
    for clause in told:
        if clause.words == name:
            return True
        if set(name) <= set(clause.words) and said:
            held = containment(said, set(clause.words))
            if held == 1 or (held >= HALF and clause.agent == name):
                return True
    return False


def _same(name: Sequence[str], other: Sequence[str], whole: str) -> bool:
    """Whether a text has the one as another name of the other, or as one of its kind."""
    for one, two in ((name, other), (other, name)):
        if len(one) == 1 and len(two) > 1 and _abbreviates(one[0], "".join(two)):
            return True
        if any(w.startswith(v) for w in one for v in two if len(v) >= LIKE):
            return True
        if re.search(rf"\b{re.escape(one[-1])}\w*{KIND_OF}{re.escape(two[0])}", whole, re.I):
            return True
        for match in BRACKETED.finditer(whole):
            before = words_in_order(whole[max(0, match.start() - 80) : match.start()])
            if set(one) & set(words_in_order(match[1])) and set(two) & set(before[-LONGEST:]):
                return True
    return False


def _abbreviates(short: str, long: str) -> bool:
    """Whether a short word has letters of a long name, in order, from its first one."""
    letters = iter(long)
    return len(short) <= LONGEST and short[0] == long[0] and all(c in letters for c in short)
