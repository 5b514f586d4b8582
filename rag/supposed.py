"""What a passage only supposes: "if the key is lost, 45 euros are paid", "a lost key costs ...".

A sentence that states it ("the key is lost, and 45 euros are paid") is at odds, unless it supposes
something itself, says so of what "that" or "who" takes up, or another clause of the passage states
it outright. What is supposed in the past ("when they were treated") happened. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from vademecum.rag.clauses import clauses
from vademecum.rag.finite import AUXILIARIES, PREPOSITIONS, RELATIVES, Token, tokens, verb_at
from vademecum.rag.negation import negated
from vademecum.rag.words import STOP_WORDS, without_ending

_ONCE = r"once(?! (?:an?|per|every|each|again|more|only|daily|weekly|monthly|yearly|thought)\b)"
_OPENING = (
    rf"(?:\b(?:if|when|whenever|{_ONCE}|unless|as soon as|provided(?: that)?|in case(?: that)?|wenn"
    r"|sofern|sobald|im Falle?,? dass)|(?:\A\W*|(?<=, )|(?<=; ))(?:should|falls))\b"
)
CONDITION = re.compile(
    rf"(?P<opening>{_OPENING})\s+(?P<what>[^,;:.()]+(?:[.,]\d+[^,;:.()]*)*)", re.IGNORECASE
)
# "A lost key": so is a key, if it is one.
BEFALLEN = re.compile(
    r"(?:\A|[;:]\s+|,\s+(?:and|but)\s+)(?:an?|any)\s+(?P<state>\w{2,}(?:ed|en)|lost|torn|worn|shut|late"
    r"|missing)\s+(?P<thing>[a-z]\w+)",
    re.IGNORECASE,
)
# A sentence with one of them states nothing outright, nor does a clause of what is possible.
SUPPOSES = re.compile(
    rf"{_OPENING}|\b(?:case|event|whether|until|till|upon|whoever|whichever|because|since|any"
    r"|otherwise|assum\w+|suppos\w+|then|so that|wer|bei|bis|im Falle?|ob|weil|da|sonst)\b"
    r"|\A\W*(?:were|had)\b",
    re.IGNORECASE,
)
POSSIBLE = re.compile(
    r"\b(?:would|could|might|may|can|könn\w*|kann|würde\w*|darf|dürf\w*)\b", re.IGNORECASE
)
PAST = re.compile(
    r"\b(?:was|were|had|did|could|would|might|war|waren|hatten?|wurden?|konnten?)\b", re.IGNORECASE
)
# What a condition defines: "sepsis is present when infection damages organs".
DEFINES = re.compile(
    r"\b(?:present|defined|diagnosed|called|considered|regarded|classified|known|met|eligible"
    r"|included|excluded|means?|liegt|gilt|spricht|nennt|heißt|definiert)\b",
    re.IGNORECASE,
)
# What is asked ("see if"), was so once, or is so at a time that is named ("in winter, when ...").
_ASKED = r"\b(?:ask|check|determine|decide|know|see|say|test|unclear|unknown|was|were|had)\w*\s+\Z"
HAPPENS = (
    re.compile(_ASKED, re.IGNORECASE),
    re.compile(
        rf"{_ASKED}|,\s+\Z|\b(?:time|hour|day|night|week|month|year|season|spring|summer|autumn"
        r"|winter|period|phase|stage|age|moment|point|occasion|situation)s?\s+\Z",
        re.IGNORECASE,
    ),
)
BEFORE = 200  # characters that are read before a condition
PRONOUNS = frozenset("it they he she this these er sie es dies".split())
BE = frozenset(("is", "are", "was", "were"))
ASIDE = re.compile(r",\s+(?:which|who|der|die|das)\b[^,]*,|\([^()]*\)")
COMMA = re.compile(r"[,;:]\s")
PARTICLES = frozenset("ab an auf aus ein los mit nach vor weg zu zurück".split())
GERMAN_CLAUSE = re.compile(r",\s+(?:und|aber)\s+|;\s+")
LEAST = 2  # words that are supposed


class Supposed(NamedTuple):
    """What is supposed: stems before its verb and behind it (a verb that is no auxiliary is one of
    these), the verb as it is written, and whether it is denied."""

    before: tuple[str, ...]
    verb: str
    behind: tuple[str, ...]
    denied: bool

    @property
    def words(self) -> frozenset[str]:
        """All of its stems."""
        return frozenset((*self.before, *self.behind))


class Said(NamedTuple):
    """A clause of the sentence, its words in their order, and their stems."""

    text: str
    found: tuple[Token, ...]
    words: tuple[str, ...]
    stems: tuple[str, ...]
    known: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str], further: Sequence[str] = ()) -> bool:
    """Whether a sentence, or what it says `further` of its subjects, states what the parts only
    suppose."""
    if SUPPOSES.search(sentence):
        return False
    supposed = [each for part in parts for each in suppositions(part)]
    if not supposed:
        return False
    outright = [_stems(clause) for part in parts for clause in clauses(without_suppositions(part))]
    return any(
        states(clause, each) and not any(each.words <= told for told in outright)
        for clause in (*clauses(sentence), *GERMAN_CLAUSE.split(sentence), *further)
        if not POSSIBLE.search(clause)
        for each in supposed
    )


@lru_cache(maxsize=1024)
def suppositions(part: str) -> tuple[Supposed, ...]:
    """All that a sentence supposes, but in the past."""
    return tuple(_suppositions(part))


def _suppositions(part: str) -> Iterator[Supposed]:
    for match in CONDITION.finditer(part):
        before, what = part[max(0, match.start() - BEFORE) : match.start()], match["what"]
        opening = match["opening"].lower().strip()
        if PAST.search(what) or DEFINES.search(before) or HAPPENS[opening == "when"].search(before):
            continue
        if found := _supposed(what, opening, trailing=bool(before.strip())):
            yield found
    for match in BEFALLEN.finditer(part):
        thing, state = (without_ending(match[name].lower()) for name in ("thing", "state"))
        yield Supposed((thing,), "is", (state,), denied=False)


def _supposed(what: str, opening: str, *, trailing: bool) -> Supposed | None:
    words = [token.word for token in tokens(what)]
    if len(words) < LEAST or words[0] in PREPOSITIONS or words[0].endswith("ed"):
        return None
    last = len(words) - 1
    at = verb_at(words)
    # German has its verb at the end, and all but its subject is behind it elsewhere.
    if _verb_last(what) or (words[-1] in AUXILIARIES and last > 1):
        split, at = 1, last
    elif at is not None:
        split = at
    elif opening == "should" and ("be" in words or last == 1):
        split = at = words.index("be") if "be" in words else last
    else:
        return None
    known = words[0] in PRONOUNS
    if known and trailing:
        return None
    before, behind = _content(words[:split]), _content([*words[split:at], *words[at + 1 :]])
    verb = "is" if words[at] == "be" else words[at]
    if verb not in AUXILIARIES:
        behind = (without_ending(verb), *behind)
    if not behind or not (before or known) or len({*before, *behind}) < (1 if known else LEAST):
        return None
    return Supposed(before, verb, behind, negated(what))


def _verb_last(what: str) -> bool:
    """Whether it ends with a verb, as German ones do: a small word behind a noun."""
    *_, last = what.split()
    return (
        last.islower()
        and last.endswith(("t", "en"))
        and re.search(r"[a-zß] [A-ZÄÖÜ]", what) is not None
    )


def states(clause: str, supposed: Supposed) -> bool:
    """Whether a clause states what is supposed: its words in their order, about its verb."""
    said = _read(clause)
    words, stems = said.words, said.stems
    if not supposed.words <= said.known or words[0] == supposed.verb:
        return False
    if negated(clause) != supposed.denied:
        return False
    lexical = [] if supposed.verb in AUXILIARIES else [without_ending(supposed.verb)]
    for at, word in enumerate(words):
        if (
            _same_verb(word, supposed.verb)
            and set(supposed.behind) <= {*lexical, *stems[at + 1 :]}
            and set(supposed.before) <= set(stems[:at])
        ):
            last = max((i for i in range(at) if stems[i] in supposed.before), default=at - 1)
            between = said.text[said.found[last].end : said.found[at].start]
            return not (COMMA.search(ASIDE.sub(" ", between)) or _taken_up(words, at))
    return False


def _same_verb(word: str, verb: str) -> bool:
    if verb in AUXILIARIES:
        return word == verb or (word in BE and verb in BE)
    return word == verb or {word, verb} in ({f"{verb}s", verb}, {word, f"{word}s"})


def _taken_up(words: Sequence[str], at: int) -> bool:
    """Whether the verb belongs to what "that" or "who" takes up: no other verb is between."""
    relative = max((i for i in range(at) if words[i] in RELATIVES), default=None)
    if relative is None:
        return False
    between = words[relative + 1 : at]
    return not between or verb_at(["one", *between]) is None or "and" in between or "or" in between


@lru_cache(maxsize=1024)
def _read(clause: str) -> Said:
    text = _with_particle(clause)
    found = tokens(text)
    words = tuple(token.word for token in found)
    stems = tuple(map(without_ending, words))
    return Said(text, found, words, stems, frozenset(stems))


def _with_particle(clause: str) -> str:
    """A German clause with its verb in one word: "fällt aus" is "ausfällt", too."""
    words = clause.rstrip(" .").split()
    if len(words) < LEAST or words[-1] not in PARTICLES:
        return clause
    return " ".join(
        f"{words[-1]}{word}" if word.islower() and word.endswith("t") else word for word in words
    )


def without_suppositions(part: str) -> str:
    """What a sentence states outright."""
    return BEFALLEN.sub(" ", CONDITION.sub(" ", part))


def _content(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        without_ending(w)
        for w in words
        if w not in STOP_WORDS and w not in AUXILIARIES and w not in PRONOUNS
    )


@lru_cache(maxsize=4096)
def _stems(clause: str) -> frozenset[str]:
    return frozenset(without_ending(token.word) for token in tokens(clause))
