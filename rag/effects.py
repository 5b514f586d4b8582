"""Statements that one thing changes another: "statins lower mortality", "falls are caused by ...".

English, by a grammar of cue words. Most of these verbs are adjectives or nouns as well ("patients
had reduced mortality", "an increase in weight") and many need no agent ("mortality decreased over
time"): the words before and after tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from vademecum.rag.words import PARENTHESIS, WORD, content_words

Form = Literal["base", "s", "ed", "ing"]

# Verbs that are nothing else in their base form.
PLAIN = """reduce diminish raise prevent avert improve enhance induce provoke worsen elevate prolong
    shorten attenuate alleviate ameliorate mitigate relieve exacerbate aggravate inhibit suppress
    promote lessen accelerate stimulate impair restore strengthen weaken minimize minimise eliminate
    abolish affect protect""".split()
# "lower mortality", "an increase", "the cause" are adjectives and nouns.
TWOFOLD = (
    "lower increase decrease cause trigger delay slow double halve boost impact influence".split()
)


def _forms(verb: str) -> dict[str, Form]:
    stem = verb.removesuffix("e")
    third = f"{verb}es" if verb.endswith("ss") else f"{verb}s"
    return {verb: "base", third: "s", f"{stem}ed": "ed", f"{stem}ing": "ing"}


FORMS: dict[str, Form] = {
    word: form for verb in (*PLAIN, *TWOFOLD) for word, form in _forms(verb).items()
}
NOUNS = {word for verb in TWOFOLD for word, form in _forms(verb).items() if form in ("base", "s")}

BE = frozenset("is are was were be been being".split())
MODALS = frozenset("can will do does did may might could would should not".split())
# "was shown to lower", "helps to prevent"; in "is used to lower" nobody says that it does.
SHOWN_TO = frozenset(
    """shown found proven proved demonstrated known reported seen confirmed able help helps helped
    serves acts continues""".split()
)
PLURAL_SUBJECTS = frozenset("they that which who people men women children mice".split())
NO_SUBJECTS = frozenset(
    """has was is does shows yields reports finds predicts suggests indicates reveals demonstrates
    versus less thus across towards besides various as this its""".split()
)
# Before an adjective or a noun: "with reduced", "a lower", "showed lower", "were lower".
BEFORE_NOUNS = BE | frozenset(
    """a an the of with without in on at by from for to into than as and or no any all such these
    this those their its our some many several few additional most showed shown demonstrated
    experienced exhibited displayed reported revealed found observed indicated indicates shows show
    suggests reports include including toward towards per between versus via after before during
    through despite due significant common main major leading other possible associated""".split()
)
# After a verb without an object: "decreased over time", "increases with age".
AFTER_INTRANSITIVES = frozenset(
    """in by from to with over among during after at as between across until when while if compared
    than and for on of within since because through but or versus were was is are under""".split()
)
ACTORS = frozenset("we authors researchers investigators clinicians physicians doctors".split())

HEDGE = re.compile(
    r"\b(?:may|might|could|would|should|perhaps|possib\w+|potential\w*|probabl[ey]|likely|appear\w*"
    r"|seem\w*|thought|believed|expected|suspected|plausibl\w+|tend(?:s|ed)?|presum\w+|assum\w+"
    r"|propos\w+|hypothes\w+|speculat\w+|stipulat\w+|notion|idea|unclear|unknown|uncertain|whether|if)\b",
    re.IGNORECASE,
)
# A careful writer's word in an answer; an author's way of saying what a study found.
SUGGESTED = re.compile(r"\b(?:suggest(?:s|ed|ing|ive)?|impl(?:y|ies|ied)|indicat\w+)\b", re.I)
# "without", "lack of": a thing that is missing may well have an effect.
DENIED = re.compile(
    r"\b(?:no|not|never|neither|nor|none|nothing|cannot|fail(?:s|ed)?|unable|\w+n't)\b", re.I
)

BOUNDARY = re.compile(
    r"[;:]\s|\.\s|,\s+(?:and|but|or)\b|\b(?:but|whereas|while|although|though|however"
    r"|(?<!not )yet)\b",
    re.I,
)
PHRASE = re.compile(
    r"\b(?:(?:leads?|led|leading) to|(?P<noun>results?) in|result(?:ed|ing) in|g[ia]ves? rise to"
    r"|contribut(?:es?|ed|ing) to|(?:brings?|brought|bringing) about"
    r"|(?:is|are|was|were) (?:\w+ly )?responsible for|account(?:s|ed)? for"
    r"|(?:has|have|had|exerts?|exerted) (?:an? )?(?:[\w-]+ ){0,3}(?:effect|impact|influence)s? "
    r"(?:on|upon)"
    r"|(?:is|are|was|were) (?:an?|the|one of the) (?:[\w-]+ ){0,2}causes? of"
    r"(?! (?:death|mortality|morbidity|disability|concern)))\b",
    re.IGNORECASE,
)
PASSIVE = re.compile(
    r"\b(?:is|are|was|were|be|been|being)(?: \w+ly)? (?P<verb>[a-z]+)(?: [\w-]+){0,3}? by\b"
    r"(?! (?:\d|an? (?:\w+ ){0,2}(?:factor|mean|median|average|third|quarter|half)|half|about|up to"
    r"|approximately|more|less|nearly|almost|one|two|three|four|five))"
    r"|\b(?:is|are|was|were|be|been)(?: \w+ly)? (?:due to|attributable to|driven by|a (?:result|"
    r"consequence) of)\b",
    re.IGNORECASE,
)
AMOUNT = re.compile(r"\s*\d[\d.,]*\s*(?:%|-?\s?fold|per ?cent|times|points?|[,.;)]|$)")
IDIOM = re.compile(
    r"\s*(?:the|an?|this|new|some|important)?\s*(?:questions?|concerns?|issues?|doubts?)\b"
)
# "the risk of | death | in adults": what is changed is the first part that names something.
JOINT = re.compile(
    r"\b(?:of|in|among|for|with|at|by|from|during|after|before|to|on|when|while|who|that|which|as|via"
    r"|through|compared|than|over|within)\b",
    re.IGNORECASE,
)
ASIDE = re.compile(r",|\bthat\b", re.IGNORECASE)
# Each verb of a clause is judged by all that stands around it: the time is quadratic in the length.
# A table or a list without full stops is taken in pieces; no clause of 5,000 abstracts is so long.
LONGEST_CLAUSE = 1_000  # characters
LONGEST_SIDE = 10  # words of a clause that may name the agent or the object, next to the verb

# What says nothing of who acts on what.
GENERIC = content_words(
    """patient people person subject participant adult individual risk rate level incidence odds
    likelihood probability number amount degree group use user treatment therapy intervention drug
    medication administration effect outcome significant increase decrease reduce lower high higher
    improve result data finding analysis follow clinical overall total early late long short one two
    three four five six seven eight nine ten twelve week month year hour minute presence occurrence
    existence seem show appear poor poorer better worse good strong inferior superior adjust"""
)


@dataclass(frozen=True, slots=True)
class Effect:
    """That an agent changes an object; both as stems, empty where the words name nothing.

    `words` say it ("lower", "was reduced by"). `actor` is what is named first of the agent, `near`
    the object with what is said of it: where, when, in whom. `hedged` if the effect is only held
    possible, `denied` if there is none. `sure` if the words can mean nothing else, and no author is
    said to suggest it.
    """

    words: str
    agent: frozenset[str]
    actor: frozenset[str]
    object: frozenset[str]
    near: frozenset[str]
    hedged: bool = False
    sure: bool = True
    denied: bool = False


def clauses(text: str) -> list[str]:
    """The clauses of a text, in pieces of `LONGEST_CLAUSE` at most."""
    bounds = [0, *(at for match in BOUNDARY.finditer(text) for at in match.span()), len(text)]
    return [
        text[at : min(at + LONGEST_CLAUSE, b)]
        for a, b in zip(bounds[::2], bounds[1::2], strict=True)
        for at in range(a, b, LONGEST_CLAUSE)
    ]


def effects(text: str) -> tuple[Effect, ...]:
    """The effects that a sentence states; what it denies is none."""
    return tuple(effect for effect in effects_named(text) if not effect.denied)


@lru_cache(maxsize=1024)
def effects_named(text: str) -> tuple[Effect, ...]:
    """The effects that a sentence states or denies."""
    return tuple(
        _judged(effect, clause[:start])
        for clause in clauses(PARENTHESIS.sub(" ", text))
        for effect, start in _stated(clause)
        if effect.object
    )


def _judged(effect: Effect, before: str) -> Effect:
    """With what the words before it say of how certain it is."""
    return replace(
        effect,
        hedged=HEDGE.search(before) is not None,
        sure=effect.sure and not SUGGESTED.search(before),
        denied=DENIED.search(ASIDE.split(before)[-1]) is not None,
    )


def _stated(clause: str) -> Iterator[tuple[Effect, int]]:
    """Each effect of a clause, and where its verb ends."""
    for match in PASSIVE.finditer(clause):
        if match["verb"] is None or FORMS.get(match["verb"].lower()) == "ed":
            agent, changed = side(clause[match.end() :]), side(clause[: match.start()], last=True)
            yield _effect(match.group(), agent, changed), match.end()
    for match in PHRASE.finditer(clause):
        before = WORD.findall(clause[: match.start()].lower())
        if match["noun"] and (not before or before[-1] in BEFORE_NOUNS | {"similar"}):
            continue
        yield _active(clause, match.start(), match.end()), match.end()
    words = list(WORD.finditer(clause))
    for i, word in enumerate(words):
        form = FORMS.get(word.group().lower())
        if form and _transitive(clause[word.end() :]):
            before = [each.group().lower() for each in words[:i]]
            apart = bool(before) and "," in clause[words[i - 1].end() : word.start()]
            sure = _asserts(word.group().lower(), form, before, apart)
            if sure is not None:
                effect = _active(clause, word.start(), word.end())
                yield replace(effect, sure=sure), word.end()


def _active(clause: str, start: int, end: int) -> Effect:
    return _effect(clause[start:end], side(clause[:start], last=True), side(clause[end:]))


def _effect(words: str, agent: str, changed: str) -> Effect:
    return Effect(words, named(agent), first(agent, 2), first(changed), named(changed))


def side(text: str, *, last: bool = False) -> str:
    """The words beside a verb: those up to the next comma or "that", if there are any."""
    parts = ASIDE.split(text)
    near = parts[-1] if last else parts[0]
    words = WORD.findall(near if content_words(near) else text)
    return " ".join(words[-LONGEST_SIDE:] if last else words[:LONGEST_SIDE])


def first(words: str, parts: int = 1) -> frozenset[str]:
    """What the first parts of some words name: "use of | statins | in adults"."""
    naming = [names for part in JOINT.split(words) if (names := named(part))]
    return frozenset().union(*naming[:parts])


def named(words: str) -> frozenset[str]:
    """What words name, as stems, without what says nothing of who acts on what."""
    return frozenset(content_words(words) - GENERIC)


def _transitive(behind: str) -> bool:
    """Whether an object may follow a verb."""
    if AMOUNT.match(behind) or IDIOM.match(behind):
        return False
    for word in WORD.finditer(behind):
        if not word.group().endswith("ly"):
            between = behind[: word.start()]
            return word.group().lower() not in AFTER_INTRANSITIVES and not set(between) & set(",.;")
    return False


def _asserts(word: str, form: Form, before: list[str], apart: bool) -> bool | None:
    """Whether a word is a verb that asserts: surely (True), perhaps (False), or not (None).

    `before` are the words before it, `apart` if a comma stands between.
    """
    near = [each for each in before if not each.endswith("ly") and each != "also"]
    prev, first = (near[-1], near[-2] if len(near) > 1 else "") if near else ("", "")
    if prev in ACTORS or not prev:
        return None
    if form == "ing":
        effective = prev in ("in", "at", "for") and first in ("effective", "successful")
        return (
            True if apart or prev in BE or effective or before[-1] in ("thereby", "thus") else None
        )
    if form == "ed":
        if (prev in BEFORE_NOUNS and prev != "and") or prev.endswith(("'s", "’s")):
            return None
        return not (apart or prev.endswith("ed") or prev in ("and", "had", "have", "having"))
    if form == "s":
        noun = word in NOUNS and prev in BEFORE_NOUNS
        return None if noun else True
    if prev == "to":
        return True if first in SHOWN_TO or HEDGE.fullmatch(first) else None
    if prev in MODALS or prev in ("help", "helps", "helped"):
        return True
    if word in NOUNS:
        plural = prev.endswith("s") and not prev.endswith("ss") and prev not in NO_SUBJECTS
        return True if (plural or prev in PLURAL_SUBJECTS) and not apart else None
    return None if prev in BEFORE_NOUNS - {"and"} else True
