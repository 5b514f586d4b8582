"""Whether a passage relates the two things that a sentence relates.

"Obesity increases the risk of X" needs a sentence of the passage that speaks of obesity and of X
and says that one changes, follows or goes with the other. That both occur states nothing, nor does
a title without a verb ("Aspirin and stroke"). Which way they are related is left to other checks.
English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from vademecum.rag.effects import (
    BOUNDARY,
    FORMS,
    HEDGE,
    LONGEST_CLAUSE,
    Effect,
    clauses,
    effects,
    effects_named,
    first,
    named,
    side,
)
from vademecum.rag.negation import negated
from vademecum.rag.polarity import contradicts
from vademecum.rag.told import Told
from vademecum.rag.words import containment, content_words, stem

# "stated": by a sentence. "near": by two together, held possible only, or in other words perhaps.
# "apart": both are spoken of, and nothing is said of the one with the other.
Related = Literal["stated", "near", "apart"]

LINK = re.compile(
    r"\b(?:associat(?:ed?|ions?)|correlat(?:ed?|es|ions?)|linked|links? (?:between|with|to)"
    r"|relat(?:ed|es) (?:to|with)|(?<!in )relations?(?:hips?)? (?:between|with|to|of)"
    r"|predict(?:s|ed|ors?|ive)?|risk factors?(?: for)?|depend(?:s|ed|ent)? (?:on|upon))\b",
    re.IGNORECASE,
)
# Whatever relates: verbs of effect, comparisons, what a statistic is of.
CUE = re.compile(
    rf"{LINK.pattern}|\b(?:{'|'.join(FORMS)}"
    r"|reductions?|rises?|rose|risen|rais\w+|fell|fallen|drop\w*|declin\w+|gr[eo]w\w*|gain\w*"
    r"|improvements?|prolongation|prevention|preventi\w+|protecti\w+|induction|inhibit\w*"
    r"|suppressi\w+|stimulati\w+|activat\w+|regulat\w+|modulat\w+|mediat\w+|impairments?"
    r"|effects?|effective\w*|efficac\w+|ineffective\w*|benefi\w+|harm\w*|impacts?|influenc\w+"
    r"|lower|higher|greater|less|more|fewer|better|worse|longer|shorter|smaller|larger|faster"
    r"|slower|earlier|later|superior\w*|inferior\w*|equivalen\w+|similar\w*|comparable|same"
    r"|than|versus|vs|compar\w+|differ\w*|unchanged|lead(?:s|ing)? to|led to|result\w* (?:in|from)"
    r"|due to|because|owing to|attribut\w+|contribut\w+|respon\w+|determin\w+|account\w*"
    r"|odds|hazard|relative risk|(?-i:OR|HR|RR))\b",
    re.IGNORECASE,
)
LIKELY = re.compile(r"\b(?:more|less|most|as) likely\b", re.IGNORECASE)
VERB_OF_TITLE = re.compile(r"\b(?:is|are|was|were) (?:\w+ly )?(?:associated|correlated|linked)\b")
BETWEEN = re.compile(r"\A\W*(?:between|of|among)\b(?P<one>.+?)\b(?:and|with)\b(?P<other>.+)", re.I)
# Where it is left open, no relation is claimed.
UNCLAIMED = re.compile(
    r"\b(?:whether|unknown|unclear|uncertain|aim(?:s|ed)?|hypothes\w+|remains? to be)\b", re.I
)
# "Inhibition of X" does what X does not.
LOSS = (
    "inhibit", "block", "knock", "silenc", "deplet", "deficien", "suppress", "antagon", "absen",
    "withdraw", "delet", "loss", "lack", "ablat",
)  # fmt: skip
# What was done says nothing of what was found, nor of what was only reckoned out.
DESIGN = re.compile(
    r"\b(?:we|authors?|study|studies|analys[ei]s|paper|investigators) (?:\w+ )?(?:examined|examines"
    r"|studied|investigate[sd]|evaluate[sd]|assesse[sd]|explore[sd]|analy[sz]ed|compared|compares"
    r"|reviewed|tested)\b|\A\W*to (?:study|examine|investigate|evaluate|assess|explore|analy[sz]e"
    r"|compare|review|test|determine|describe)\b",
    re.IGNORECASE,
)
FOUND = re.compile(r"\b(?:found|showed|shown|reveal\w*|demonstrat\w+|was|were|had)\b", re.I)
ADJUSTED = re.compile(r"\b(?:adjust\w*|control\w*) for\b[^.;,()]*", re.IGNORECASE)
HELD = 1 / 2  # least share of the words that name each of the two


@dataclass(frozen=True, slots=True)
class Relation:
    """Two things that a sentence relates, each as stems."""

    agent: frozenset[str]
    object: frozenset[str]
    hedged: bool
    said: frozenset[str]  # all that the sentence says


def related(sentence: str, source: Told, others: set[str]) -> Related:
    """How a passage stands to the relations of a sentence: as to the least stated of them.

    `others` are the words of other passages: what one of them brings in is not the same thing in
    other words.
    """
    order: tuple[Related, ...] = ("stated", "near", "apart")
    verb = effects_named(source.title) or VERB_OF_TITLE.search(source.title)
    told = [*([source.title] if verb else []), *source.reported]
    told = [
        ADJUSTED.sub(" ", part) for part in told if FOUND.search(part) or not DESIGN.search(part)
    ]
    pairs = dict.fromkeys(relations(sentence))
    found = [_related(relation, told, others) for relation in pairs]
    return max(found, key=order.index, default="stated")


@lru_cache(maxsize=256)
def relations(sentence: str) -> tuple[Relation, ...]:
    """The pairs that a sentence relates, denied ones too. What acts without a name is none."""
    if UNCLAIMED.search(sentence):
        return ()
    said = frozenset(content_words(sentence))
    effects = [
        Relation(effect.actor, effect.object, effect.hedged, said)
        for effect in effects_named(sentence)
        if effect.sure
    ]
    return tuple(pair for pair in (*effects, *_links(sentence, said)) if pair.agent - pair.object)


def _links(sentence: str, said: frozenset[str]) -> list[Relation]:
    found = []
    for clause in clauses(sentence):
        for match in LINK.finditer(clause):
            before, behind = clause[: match.start()], clause[match.end() :]
            if between := BETWEEN.match(behind):
                before, behind = between["one"], between["other"]
            agent, changed = first(side(before, last=True)), first(side(behind))
            if agent and changed:
                hedged = HEDGE.search(LIKELY.sub(" ", clause[: match.start()])) is not None
                found.append(Relation(agent, changed, hedged, said))
    return found


def _related(relation: Relation, parts: Sequence[str], others: set[str]) -> Related:
    whole = content_words(" ".join(parts))
    borrowed = bool((relation.agent | relation.object) - whole & others)
    earlier: set[str] = set()  # words of the sentences before
    best: Related = "apart"
    for part in parts:
        words, cues = content_words(part), _cues(part)
        outright = relation.hedged or not all(cues)
        if cues and _holds(relation.object, words):
            told = _holds(relation.agent, words) or (
                _holds(relation.agent, earlier) and _of_nothing_else(relation, part)
            )
            if told and outright and not borrowed:
                return "stated"
            if told or (_holds(relation.agent, earlier) and _may_follow(relation, part)):
                best = "near"
        if not borrowed and any(_agentless(relation, effect) for effect in effects_named(part)):
            return "stated"
        earlier |= words
    known = _holds(relation.agent, whole) and _holds(relation.object, whole)
    return best if known or borrowed else "near"


def _holds(names: frozenset[str], words: set[str]) -> bool:
    return containment(set(names), words) >= HELD


def _of_nothing_else(relation: Relation, part: str) -> bool:
    """Whether a sentence names nothing but what is changed: "Quality of life improved." Then what
    the sentences before speak of changes it."""
    return not named(CUE.sub(" ", part)) - relation.object - relation.said


def _may_follow(relation: Relation, part: str) -> bool:
    """Whether a sentence may say of what is changed that something named before it changes it: it
    says it in one clause, and names nothing else that does."""
    clause = any(
        CUE.search(clause) and _holds(relation.object, content_words(clause))
        for clause in clauses(part)
    )
    return clause and not any(
        other.object & relation.object and not other.agent & relation.agent
        for other in relations(part)
    )


def _agentless(relation: Relation, effect: Effect) -> bool:
    """Whether an effect is stated of something without a name ("it", "the treatment")."""
    return not effect.agent and bool(relation.object & effect.near)


@lru_cache(maxsize=1024)
def _cues(part: str) -> tuple[bool, ...]:
    """For each word of a sentence that relates, whether it is only held possible."""
    text = LIKELY.sub(lambda match: "-" * len(match.group()) + " more ", part)
    before = (text[max(0, at.start() - LONGEST_CLAUSE) : at.start()] for at in CUE.finditer(text))
    return tuple(HEDGE.search(BOUNDARY.split(each)[-1]) is not None for each in before)


def only_denied(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence affirms a relation that all parts that speak of it contradict."""
    for relation in () if negated(sentence) else relations(sentence):
        telling = [
            part
            for part in parts
            if CUE.search(part)
            and _holds(relation.agent, content_words(part))
            and _holds(relation.object, content_words(part))
        ]
        if telling and all(contradicts(sentence, part) for part in telling):
            return True
    return False


def by_its_loss(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence lets something do what the parts say that its loss or its blockade does,
    and none says that it does itself."""
    for claim in effects(sentence):
        same = [
            effect
            for part in parts
            for effect in effects(part)
            if claim.agent
            and claim.agent & effect.agent
            and claim.object & effect.near
            and stem(claim.words.lower()) == stem(effect.words.lower())
        ]
        if same and all(_lost(effect.agent) and not _lost(claim.agent) for effect in same):
            return True
    return False


def _lost(names: frozenset[str]) -> bool:
    return any(name.startswith(LOSS) for name in names)
