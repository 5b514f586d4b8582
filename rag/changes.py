"""What is said to be more or less, better or worse, or the same, and of what.

"Iron reduced fatigue and raised ferritin" says one thing of fatigue and another of ferritin; a
sentence that has iron raise fatigue is at odds with it, though every word of it is there. English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from vademecum.rag.effects import ASIDE, BE, BEFORE_NOUNS, clauses, first
from vademecum.rag.negation import negated
from vademecum.rag.words import WORD, containment, content_words, stem

AMOUNT = (
    (
        r"increas\w*|higher|greater|more(?! likely)|rais(?:e[sd]?|ing)|ris(?:es?|en|ing)|rose"
        r"|elevat\w*|longer|prolong\w*|larger|doubl\w+|tripl\w+|enhanc\w*|promot\w*|stimulat\w*"
        r"|boost\w*|heavier"
    ),
    (
        r"decreas\w*|lower\w*|reduc\w*|lessen\w*|less(?! likely)|fewer|declin\w*|fell|fallen"
        r"|dropped|shorter|shorten\w*|smaller|diminish\w*|halv\w+|attenuat\w*|inhibit\w*|suppress\w*"
        r"|thinner|lighter"
    ),
)
QUALITY = (
    r"better|improv\w*|superior",
    r"worse\w*|poor(?:er|ly)?|impair\w*|deteriorat\w*|inferior",
)
CUES = re.compile(
    rf"\b(?:(?P<more>{AMOUNT[0]})|(?P<less>{AMOUNT[1]})|(?P<better>{QUALITY[0]})"
    rf"|(?P<worse>{QUALITY[1]}))\b",
    re.IGNORECASE,
)
SAME = re.compile(
    r"\b(?:(?P<verb>(?:(?:did|does|do|was|were|is|are) not|didn't|doesn't|don't|wasn't|weren't)"
    r"(?: \w+ly)? differ\w*"
    r"|(?:was|were|is|are|remained|stayed) (?:\w+ly )?(?:similar|comparable|unchanged|unaffected"
    r"|the same))"
    r"|(?:(?:did|does|do) not|didn't|doesn't|don't)(?: \w+ly)? (?:change|affect|influence)"
    r"|(?:no|without)(?: [\w-]+){0,2} (?:differences?|changes?|effects?|impact|influence))\b",
    re.IGNORECASE,
)
# "No difference between the two groups in the number of emboli".
NOTED = re.compile(r"\s*(?:was|were|is|are) (?:\w+ed|found|seen)\b(?: in\b)?", re.IGNORECASE)
OF_GROUPS = re.compile(r"\s*(?:between|among)\b.*?(?=\bin\b|\Z)", re.IGNORECASE)
NOUNS = re.compile(r"(?:increase|decrease|rise|decline|reduction|improvement|elevation)s?\Z", re.I)
OPENS = re.compile(r"\A\s*(?:in|of|for|to|on)\b", re.IGNORECASE)
ENDS = re.compile(r"[,;:.()]|\b(?:and|or|but|than|was|were|is|are|when|while|if)\b", re.I)
FOLLOWS = re.compile(r"\s*(?:[-\w]+ly\s+)?(?:(?:the|a|an|in|of)\s+)?(?P<word>[A-Za-z][\w-]*)")
BEHIND_VERBS = frozenset(
    """in by from to with over among during after at as between across until when while if compared
    than and for on of within since because through but or versus vs was were is are""".split()
)
# "Weight fell more": the fall of weight is more.
DEGREE = re.compile(r"\A\s+(?:more|less)\b", re.IGNORECASE)
AND = re.compile(r"\b(?:and|or) (?:\w+ ){0,1}(?=\w+$)", re.IGNORECASE)
NEGATION_REACH = 6  # words
SAME_THING, OF_BOTH = 1 / 2, 1 / 3  # of the words of the shorter of two names, and of all of both
NEAR_BEST = 0.1
LIKE = 0.35  # what else the sentence says, in the part and the clause of it: two shares, added


@dataclass(frozen=True, slots=True)
class Change:
    """That something is more (1), less (-1) or the same (0), in amount or quality.

    `what` names it, `around` are the words of the clause, both as stems. `degree` is the verb of
    which there is more or less ("weight fell more"), "" where there is no such.
    """

    sign: int
    amount: bool
    what: frozenset[str]
    around: frozenset[str]
    denied: bool
    degree: str = ""


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether what the parts say of the same thing, in the nearest words, is all otherwise."""
    words = content_words(CUES.sub(" ", sentence))
    told: dict[Change, set[str]] = {}
    for part in parts:
        told |= dict.fromkeys(changes(part), content_words(part))
    for claim in dict.fromkeys(changes(sentence)):
        if claim in told:
            continue
        stated = []
        for other, held in told.items():
            if not _same_thing(claim, other):
                continue
            if (like := _likeness(claim, other, words, held)) >= LIKE:
                either = claim.what | other.what if other.sign else claim.what
                alike = len(claim.what & other.what) / len(either)
                stated.append((alike + like / 2, other))
        best = max((near for near, _ in stated), default=0.0)
        nearest = [other for near, other in stated if near >= best - NEAR_BEST]
        if nearest and all(_opposite(claim, other) for other in nearest):
            return True
    return False


def same_too(sentence: str, parts: Sequence[str]) -> bool:
    """Whether all that the sentence calls the same is called so by the parts as well."""
    claims = [claim for claim in changes(sentence) if claim.sign == 0]
    stated = [other for part in parts for other in changes(part) if other.sign == 0]
    return bool(claims) and all(
        any(
            len(claim.what & other.what) >= SAME_THING * min(len(claim.what), len(other.what))
            for other in stated
        )
        for claim in claims
    )


@lru_cache(maxsize=1024)
def changes(text: str) -> tuple[Change, ...]:
    """Every change that a sentence states or denies."""
    return tuple(change for clause in clauses(text) for change in _stated(clause))


def _stated(clause: str) -> Iterator[Change]:
    around = frozenset(content_words(clause))
    for match in SAME.finditer(clause):
        subject = _subject(clause[: match.start()])
        right = clause[match.end() :]
        for aside in (NOTED, OF_GROUPS):
            if found := aside.match(right):
                right = right[found.end() :]
        behind = first(OPENS.sub(" ", ENDS.split(right)[0], count=1))
        if what := subject if match["verb"] else behind or subject:
            yield Change(0, True, what, around, denied=False)
    cues = list(CUES.finditer(clause))
    of: frozenset[str] = frozenset()
    for begin, match in zip([0, *(cue.end() for cue in cues)], cues, strict=False):
        left = clause[begin : match.start()]
        right = DEGREE.sub("", clause[match.end() :], count=1)
        degree = ""
        if of and DEGREE.fullmatch(clause[begin : match.end()]):
            degree = stem(clause[:begin].split()[-1].lower())
        else:
            of = _what(match.group(), left, right)
        if of:
            kind = match.lastgroup
            yield Change(
                1 if kind in ("more", "better") else -1,
                kind in ("more", "less"),
                of,
                around,
                _negated(clause[: match.start()]),
                degree,
            )


def _what(cue: str, left: str, right: str) -> frozenset[str]:
    """What a word of change is said of: what follows it, or else the subject before it."""
    words = [word.lower() for word in WORD.findall(left)]
    words = [word for word in words if not word.endswith("ly")]
    follows = FOLLOWS.match(right)
    predicate = bool(words) and words[-1] in BE
    noun = NOUNS.match(cue) and (not words or words[-1] in BEFORE_NOUNS or OPENS.match(right))
    bare = WORD.match(right.lstrip()) is None or (
        follows is not None and right.split()[0].lower() in BEHIND_VERBS
    )
    behind = first(CUES.sub(" ", ENDS.split(right)[0]))
    subject = _subject(left)
    if noun:
        return behind if OPENS.match(right) else subject
    return subject if (predicate or bare) and subject else behind


def _subject(left: str) -> frozenset[str]:
    return first(CUES.sub(" ", ASIDE.split(left)[-1])) or first(CUES.sub(" ", left))


def _negated(before: str) -> bool:
    """Whether a denial stands shortly before a word of change, with no other clause between."""
    words = AND.split(before)[-1].split()
    return negated(" ".join(words[-NEGATION_REACH:]))


def _same_thing(claim: Change, other: Change) -> bool:
    common, smaller = len(claim.what & other.what), min(len(claim.what), len(other.what))
    return (
        common >= SAME_THING * smaller
        and common >= OF_BOTH * len(claim.what | other.what)
        and (claim.amount == other.amount or 0 in (claim.sign, other.sign))
        and (claim.degree == other.degree or 0 in (claim.sign, other.sign))
    )


def _likeness(claim: Change, other: Change, words: set[str], part: set[str]) -> float:
    """How much else of a sentence the part says, and the clause, that speaks of a change."""
    rest = set(words - claim.what)
    if not rest:
        return 2.0
    return containment(rest, set(other.around)) + containment(rest, part)


def _opposite(claim: Change, other: Change) -> bool:
    if claim.sign == 0 or claim.denied:
        same = claim.sign in (0, other.sign)
        return other.sign != 0 and same and not other.denied
    if other.sign == 0:
        return True
    return other.denied if other.sign == claim.sign else not other.denied
