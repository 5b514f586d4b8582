"""Whether a sentence claims an effect where its passage reports a connection alone.

"Statins lower mortality" says more than "statin use was associated with lower mortality". A
sentence is overstated if it claims an effect outright, a sentence of the passage connects the same
two things, and none states the effect. What was assigned at random may be said to work. English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vademecum.rag.effects import Effect, effects
from vademecum.rag.words import containment, content_words

CONNECTS = re.compile(
    r"\b(?:(?:is|are|was|were|be|been|being)(?: \w+){0,2} "
    r"(?P<be>associated|correlated|linked|related)"
    r"|(?:associated|correlated|linked|related)(?= (?:\w+ )?(?:with|to)\b)"
    r"|(?:associations?|correlations?|links?|relations?|relationships?)"
    r"(?= (?:with|to|between|among|was|were|is|are)\b)"
    r"|correlates?|predict(?:s|ed(?! (?:using|with|by|in)\b)|ors?|ive)?|risk factors?)\b",
    re.IGNORECASE,
)
# What an observational study found between groups.
BETWEEN_GROUPS = re.compile(
    r"\b(?:(?:more|less) (?:likely|common|frequent|prevalent)"
    r"|(?:lower|higher|greater|fewer|more|less|better|worse|longer|shorter)"
    r"\b[^.;]*?\b(?:than|compared (?:with|to)|versus|vs))\b",
    re.IGNORECASE,
)
OBSERVATIONAL = re.compile(
    r"\b(?:cohorts?|case-control|cross[- ]sectional|observational|retrospective\w*"
    r"|registr(?:y|ies)\b|registry-based"
    r"|propensity|post[- ]hoc|secondary analysis|survey|epidemiolog\w+|mendelian)\b",
    re.IGNORECASE,
)
RANDOMISED = re.compile(
    r"\brandomly (?:assigned|allocated)\b|\b(?:were|was) randomi[sz]ed\b|\bdouble-blind\b"
    r"|\bplacebo-controlled\b|\brandomi[sz]ed\b[^.;]{0,40}\b(?:trials?|study)\b"
    r"|\b(?:meta-analysis|review) of\b[^.;]{0,30}\b(?:trials|RCTs)\b",
    re.IGNORECASE,
)
# What is asked, sought or called for is not reported.
UNREPORTED = re.compile(
    r"[?？]\s*$|\b(?:aim(?:s|ed)?|objectives?|purpose|hypothes\w+|sought|whether|warranted|needed"
    r"|required|(?:future|further) (?:stud|research|trial)\w*)\b|\basked\b"
    r"|\bto (?:investigate|determine|examine|assess|evaluate|explore|test|study|identify)\b",
    re.IGNORECASE,
)
# The sentence that names a study's design often names its aim or whom it was for as well; a trial
# that is called for or missing was not done.
NOT_DONE = re.compile(
    r"[?？]\s*$|\b(?:should|unknown|unclear|lack(?:s|ing)?|remains? to be|warranted"
    r"|(?:is|are|be) (?:\w+ ){0,2}(?:needed|required|necessary)"
    r"|(?:future|further)\b[^.;]{0,60}\b(?:stud|research|trial)\w*)\b",
    re.IGNORECASE,
)
# Least shares of the words that name who acts on what, in a sentence that connects the two.
OF_AGENT, OF_OBJECT = 1 / 3, 1 / 2
NO_CONNECTION = re.compile(r"\b(?:no|not|nor|without|neither)(?:\W+\w+){0,3}\W+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Overstatement:
    """The words that claim an effect, and those of the passage that report a connection."""

    claimed: str
    reported: str


def overstatement(sentence: str, passage: Sequence[str]) -> Overstatement | None:
    """What `sentence` claims beyond the sentences of its passage; None if it does not."""
    if UNREPORTED.search(sentence):
        return None
    claims = [e for e in effects(sentence) if e.sure and not e.hedged and e.agent]
    if not claims:
        return None
    reported = [part for part in passage if not UNREPORTED.search(part)]
    observational = any(OBSERVATIONAL.search(part) for part in reported)
    if not observational and any(_randomised(part) for part in passage):
        return None
    # What follows "associated with" may look like a verb: "with more pain and reduced mobility".
    stated = [
        effect
        for part in reported
        for effect in effects(part)
        if not effect.hedged and (effect.sure or not CONNECTS.search(part))
    ]
    for claim in claims:
        if any(_same(claim, effect) for effect in stated):
            continue
        for part in reported:
            link = _link(part, observational) if _speaks_of(part, claim) else ""
            if link:
                return Overstatement(claim.words, link)
    return None


def _randomised(part: str) -> bool:
    """Whether a sentence says that its study assigned at random."""
    return bool(RANDOMISED.search(part)) and not (
        OBSERVATIONAL.search(part) or NOT_DONE.search(part)
    )


def _same(claim: Effect, stated: Effect) -> bool:
    """Whether a stated effect may be the claimed one. An agent without a name ("it", "the
    treatment") may be any."""
    return bool(claim.object & stated.near) and (
        not stated.agent or bool(claim.agent & stated.agent)
    )


def _speaks_of(part: str, claim: Effect) -> bool:
    words = content_words(part)
    return (
        containment(set(claim.agent), words) >= OF_AGENT
        and containment(set(claim.object - claim.agent), words) >= OF_OBJECT
    )


def _link(part: str, observational: bool) -> str:
    """The words of a part that connect two things, "" if none do."""
    for pattern in (CONNECTS, BETWEEN_GROUPS) if observational else (CONNECTS,):
        for match in pattern.finditer(part):
            if not NO_CONNECTION.search(part[: match.start()]):
                return match.groupdict().get("be") or match.group()
    return ""
