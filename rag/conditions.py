"""Whether a sentence leaves out the condition under which its passage says so.

"The rent may be reduced" of "should the roof leak, the rent may be reduced", "the key costs 45
euros" of "a lost key", "all members" of "members who are under 18", "every day" of "every day
except on Sundays". A sentence or its question that has a word of the condition tells it, and
another part of the passage may say the same without. What was so once is no rule. English and
German.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vademecum.rag.exceptions import ALL_BUT, EXCEPTION
from vademecum.rag.limits import LIMITED
from vademecum.rag.negation import negated
from vademecum.rag.slots import words_in_order
from vademecum.rag.supposed import BEFALLEN, CONDITION, DEFINES, PAST
from vademecum.rag.words import STOP_WORDS, WORD, containment, content_words, numbers

# Openings that name no time: "when" and "once" do, but at the beginning.
SUPPOSES = re.compile(
    r"\W*(?:if|provided that|in case(?: that)?|should|falls|wenn|sofern|im falle?,? dass)\Z",
    re.IGNORECASE,
)
# "If any", "wenn nötig": of no case in particular.
IF_ANY = re.compile(
    r"(?:any|applicable|appropriate|available|desired|indicated|necessary|needed|not|only|possible"
    r"|required|so|nötig|möglich|erforderlich|gewünscht|vorhanden)\b",
    re.IGNORECASE,
)
FIRST = re.compile(r"\A\W*(?P<case>(?:where|when|whenever)\s[^,;:.()]+),", re.IGNORECASE)
THOSE_WHO = re.compile(
    r"\b(?P<those>\w+) (?P<case>who (?P<now>(?:is|are|has|have|do|does|can|may|must|want|need)\b)?"
    r"[^,;:.()]+)",
    re.IGNORECASE,
)
EACH = re.compile(
    r"\b(?:all|every(?:one|body)?|each|any|always|daily|alle[nrs]?|jede[mnrs]?|immer|täglich)\b",
    re.IGNORECASE,
)
# "The tenant may reduce the rent" holds if there is a case in which it may: one behind is no other.
MAY = re.compile(r"\b(?:may|might|can|could|darf|dürfen|kann|können|könn\w+)\b", re.IGNORECASE)
# "With the landlord's consent", "each further hour".
CONSENT = re.compile(
    r"\b(?:with|subject to) (?:the |an? )?(?:[\w'’]+ ){0,3}?(?:consent|permission|approval"
    r"|authori[sz]ation)\b[^,;.:()]*|\bmit (?:der |vorheriger |schriftlicher )*(?:Zustimmung"
    r"|Genehmigung|Erlaubnis|Einwilligung)\b[^,;.:()]*?(?=[,;.:()]|\Z| \w+t(?: werden)?\b)",
    re.IGNORECASE,
)
FURTHER = re.compile(
    r"\b(?:each|every|jede[rs]?)\s(?P<case>(?:further|other|additional|remaining|extra"
    r"|weitere[nrs]?|andere[nrs]?)\s)",
    re.IGNORECASE,
)
# "Once a week, or twice a week if it is heavy": the condition is that of the second alone.
OTHERWISE = re.compile(r"(?P<first>[^;]*),\s(?:or|oder|but|aber)\s[^,;]*\Z", re.IGNORECASE)
# "Without notice" says how, and denies nothing else.
WITHOUT = re.compile(r"\b(?:without|ohne)\b", re.IGNORECASE)
SEGMENT = re.compile(r"(?<=;)\s")
SHARED = 0.75  # of the words of a sentence, in what a part says under a condition
WITH_FIGURE = 0.5  # of them, where it has a figure that the passage gives for that condition alone
REACH = 400  # characters on either side of a condition in which it is said of what
ALIKE = 3  # letters of a stem that begins another


class Case(NamedTuple):
    """A condition as it is written, and all else that its sentence says."""

    condition: str
    rest: str


def left_out(sentence: str, parts: Sequence[str], asked: frozenset[str] = frozenset()) -> str:
    """The condition ("should the roof leak") without which no part says what the sentence says, ""
    if it tells it, or there is none. `asked` are the words of its question."""
    denied = negated(WITHOUT.sub(" ", sentence))
    if LIMITED.search(sentence) or denied or CONDITION.search(sentence):
        return ""
    words, figures = content_words(sentence), numbers(sentence)
    if len(words) < 2:
        return ""
    may = MAY.search(sentence) is not None
    every = EACH.search(sentence) is not None
    told = {*WORD.findall(sentence.lower()), *words_in_order(sentence), *asked}
    found = ""
    for part in parts:
        shared = containment(words, content_words(part))
        for segment in SEGMENT.split(part) if shared >= WITH_FIGURE else ():
            given = bool(figures) and figures <= numbers(segment)
            if not given and containment(words, content_words(segment)) < SHARED:
                continue
            case = next(
                (
                    case.condition
                    for case in _cases(segment, words, every=every, may=may)
                    if not _told(case, told)
                    and (given or containment(words, content_words(case.rest)) >= SHARED)
                ),
                "",
            )
            if not case:
                return ""
            found = found or case
    return found


def _told(case: Case, told: set[str]) -> bool:
    """Whether some of these words are those of a condition alone."""
    own = set(words_in_order(case.condition))
    if " " not in case.condition:  # "after the first hour" is each further one
        own |= {case.condition.lower(), "after", "nach"}
    own -= set(words_in_order(case.rest))
    return not own or any(_alike(word, other) for word in own for other in told)


def _alike(word: str, other: str) -> bool:
    """Whether two stems may be of one word: "los" and "lost"."""
    short = min(len(word), len(other))
    return word == other or (
        short >= ALIKE and word[:short] == other[:short] and other not in STOP_WORDS
    )


def _cases(part: str, words: set[str], *, every: bool, may: bool) -> Iterator[Case]:
    """The conditions under which a part says what it says; of those that it excepts, if the
    sentence says it of every one."""

    def case(start: int, end: int) -> Case:
        around = part[max(0, start - REACH) : start], part[end : end + REACH]
        return Case(part[start:end].strip(" ,"), " ".join(around))

    spans = [m.span() for m in CONDITION.finditer(part) if _of_a_case(m)]
    spans += [m.span("case") for m in FIRST.finditer(part)]
    for start, end in () if PAST.search(part) else spans:
        found = case(start, end)
        behind = part[max(0, start - REACH) : start].strip(" \n-*•–")
        if (other := OTHERWISE.match(behind)) and words <= content_words(other["first"]):
            continue
        if not (may and behind) and not DEFINES.search(found.rest):
            yield found
    for match in BEFALLEN.finditer(part):
        yield Case(match.group(), case(*match.span("state")).rest)
    for match in THOSE_WHO.finditer(part):
        if content_words(match["those"]) & words and (every or match["now"]):
            start, end = match.span("case")
            closed = part[end : end + 1] == ","
            yield case(start, end if closed else _until(part, start, end, words))
    for match in CONSENT.finditer(part):
        yield case(*match.span())
    if every:
        for match in FURTHER.finditer(part):
            yield case(*match.span("case"))
        for match in EXCEPTION.finditer(part):
            yield case(*match.span())
        for match in ALL_BUT.finditer(part):
            yield case(*match.span("but"))


def _of_a_case(condition: re.Match[str]) -> bool:
    return bool(SUPPOSES.match(condition["opening"])) and not IF_ANY.match(condition["what"])


def _until(part: str, start: int, end: int, words: set[str]) -> int:
    """Where behind "who" the sentence goes on with the words of the part."""
    for word in re.finditer(r"\w+", part[start:end]):
        if content_words(word.group()) & words:
            return start + word.start()
    return end
