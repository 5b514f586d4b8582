"""What a clause of a passage says of one thing, said of another that the passage names.

"Vasopressin is the first-line vasopressor" where the passage has "noradrenaline is the first-line
vasopressor; vasopressin may be added": each word is there, in one sentence even. All that the
sentence says stands in one clause, and that has something else in the place of the words that it
lacks; these stand together in another clause. A passive is read as its active as well ("is reversed
by andexanet"). What a pronoun, general words or an abbreviation stand for may be the thing itself;
"the Agent" of a contract is a party. English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from vademecum.rag.clauses import PREFERRED_TO, clauses, subject
from vademecum.rag.slots import GENERAL, words_in_order
from vademecum.rag.voices import FORMS, active
from vademecum.rag.words import GERMAN, HAN, NUMBER, WORD, containment, without_ending

# "The Agent pays the fees": a party, and no agent of any kind.
PARTY = re.compile(
    r"(?:(?<![^\W_])(?:[Tt]he|[Aa]n?|[Ee]ach|[Ee]very|[Nn]o)\s|[\"“„'])(?P<name>[A-Z][a-z]+)\b"
)
# Figures, and which of two has more, are looked at elsewhere.
COMPARED = re.compile(r"\bthan\b", re.IGNORECASE)
DEFINITE = re.compile(r"\W*(?:the|this|these|that|those|such|both|each)\b", re.IGNORECASE)
# "Bisoprolol is a beta-blocker", "beta-blockers such as bisoprolol".
KIND_OF = (
    r"(?:,?\s+(?:also|known as|called|such as|including|like|namely),?\s+|\s+(?:are|were)\s+"
    r"|\s+means\s+(?:the\s+|an?\s+)?"
    r"|,?\s+(?:(?:is|was)\s+)?an?\s+(?:[\w-]+\s){0,2}?)"
)
HALF = 1 / 2
LIKE = 4  # letters by which "smoke" and "smoker" are one word
MOST = 20  # clauses of a sentence that are looked at
LONGEST = 4  # words of a name
LEAST = 2  # words that are said of it
BRACKETED = re.compile(r"\(([^()]*)\)")
APART = re.compile(r"[;()]|\.\s")
# "The first-line vasopressor is hydrocortisone".
IS = re.compile(
    r"\A(?P<what>.+?)\s(?:is|are|was|were)\s(?:the\s|an?\s)?(?P<who>[\w-]+(?:\s[\w-]+){0,2})\W*\Z",
    re.S,
)
# "The reading room is heated in winter" names nobody behind its verb.
PLACED = re.compile(
    r"\b(?:after|at|before|behind|by|during|for|from|in|on|per|since|to|under|until|with|without)\b"
)


class Clause(NamedTuple):
    """The words of a clause that carry meaning, how many of them stand before its verb, and whether
    it begins with "the": that may take up what was named before. Of a passive, by whom, and the
    verb."""

    words: tuple[str, ...]
    subject: int
    definite: bool
    agent: tuple[str, ...] = ()
    done: tuple[str, ...] = ()


class Passage(NamedTuple):
    """What a passage says: its clauses, its text, and the words that name nothing in it."""

    clauses: Sequence[Clause]
    text: str
    general: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence says of one thing what only a clause about another one says."""
    whole = " ".join(parts)
    if HAN.search(sentence) or GERMAN.search(f"{sentence} {whole}"):
        return False
    told = [_orders(clause) for part in parts for clause in clauses(part)]
    passage = Passage([*chain.from_iterable(told)], whole, GENERAL - _parties(whole))
    return any(_of_another(clause, told, passage) for clause in clauses(sentence)[:MOST])


def _parties(text: str) -> set[str]:
    """General words that a text has for names: "the Agent", and an agent nowhere."""
    found = {match["name"].lower() for match in PARTY.finditer(text)}
    return {without_ending(word) for word in found - set(WORD.findall(text))}


def _of_another(said: str, told: Sequence[tuple[Clause, Clause]], passage: Passage) -> bool:
    claim, done = _orders(said)
    mine = set(claim.words)
    if COMPARED.search(said) or any(mine <= set(clause.words) for clause, _ in told):
        return False
    asserted = [claim]
    turned = IS.match(said)
    if turned and not PLACED.search(turned["who"]) and len(words_in_order(turned["what"])) >= LEAST:
        asserted.append(_orders(f"{turned['who']} is {turned['what']}")[0])
    pairs = [(each, clause) for clause, _ in told for each in asserted]
    pairs += [(done, clause) for as_said, clause in told if (done, clause) != (claim, as_said)]
    return any(_instead(each, clause, passage) for each, clause in pairs)


@lru_cache(maxsize=4096)
def _orders(text: str) -> tuple[Clause, Clause]:
    """A clause as it stands, and as an active if it is a passive."""
    text = PREFERRED_TO.sub(" ", text)
    definite = DEFINITE.match(text) is not None
    stands = Clause(_words(text), len(_words(subject(text))), definite)
    turned = active(text)
    if turned is None:
        return stands, stands
    who, done, rest = map(_words, turned)
    definite = DEFINITE.match(turned.who) is not None
    return stands, Clause((*who, *done, *rest), len(who), definite, who, done)


def _words(text: str) -> tuple[str, ...]:
    return tuple(FORMS.get(word, word) for word in words_in_order(text))


def _instead(claim: Clause, clause: Clause, passage: Passage) -> bool:
    """Whether a clause has all of a claim but its subject, and another one in its place."""
    known, whole, general = passage
    ours, theirs = claim.words, clause.words
    lacking = set(ours) - set(theirs)
    if not lacking - general or len(lacking) > LONGEST or not lacking <= set(ours[: claim.subject]):
        return False
    if claim.subject == len(ours) and ours[0] not in lacking:  # no verb was seen
        return False
    if any(NUMBER.fullmatch(word) for word in lacking) or (clause.definite and not claim.definite):
        return False
    for kind, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if kind == "replace" and lacking <= set(ours[a:b]):
            other = [w for w in theirs[c : min(d, clause.subject)] if w not in (*ours, *general)]
            name = tuple(word for word in ours[a:b] if word in lacking)
            said = set(ours) - lacking
            enough = len(said) >= LEAST or set(theirs) == {*said, *other}
            return (
                bool(other)
                and enough
                and _stands(name, known)
                and not _told_of(name, said - general, known)
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
            besides = said - set(clause.done)  # "kept by the tenant" tells of nothing else kept
            half = containment(besides, set(clause.words)) >= HALF
            if held == 1 or (half and clause.agent == name):
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
            near = APART.split(whole[max(0, match.start() - 80) : match.start()])[-1]
            before = words_in_order(near)
            if set(one) & set(words_in_order(match[1])) and set(two) & set(before[-LONGEST:]):
                return True
    return False


def _abbreviates(short: str, long: str) -> bool:
    """Whether a short word has letters of a long name, in order, from its first one."""
    short = short.removesuffix("s")
    letters = iter(long)
    return len(short) <= LONGEST and short[0] == long[0] and all(c in letters for c in short)
