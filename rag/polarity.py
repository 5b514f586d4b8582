"""Whether two sentences say opposite things of the same matter.

A heuristic over cue words: it sees "did not reduce" against "reduced" and "increased" against
"decreased", the slips a small model makes when it copies. It does not understand either sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vademecum.rag.negation import NEGATION, REFUSAL, denials, negated
from vademecum.rag.words import GERMAN, containment, content_words, stem

# "although", "but" and the like part what is said from what is said against it. A comma before
# "dass" parts nothing.
CLAUSE = re.compile(
    r"[,;:，；：]\s(?!(?:dass|ob|um|zu)\b)|[，；：]|\b(?:but|whereas|while|although|though|however"
    r"|(?<!not )yet|aber|sondern|jedoch|während|obwohl)\b|但是?|而|虽然",
    re.IGNORECASE,
)
UP = re.compile(
    r"\b(?:increas\w*|higher|greater|more|commoner|rais\w*|rise[sn]?|rose|elevat\w*|improv\w*|doubl\w*|tripl\w*|better"
    r"|longer|superior|erhöh\w*|steig\w+|stieg\w*|gestiegen|verbesser\w*|verlänger\w*"
    r"|n[ai]hme?n?\b[^.;,]{0,60} zu\b|zun[ai]hm\w*|zugenommen|höher\w*|länger\w*|größer\w*"
    r"|stärker\w*|häufiger\w*|mehr|besser\w*)\b|增加|升高|提高|上升|改善|更高|延长"
    r"|[高多大长]于(?!\s*\d)",
    re.IGNORECASE,
)
DOWN = re.compile(
    r"\b(?:decreas\w*|lower\w*|less|lessen\w*|fewer|rarer|reduc\w*|declin\w*|fell|fall(?:en|ing)"
    r"|falls? (?:by|from|to)|halv\w*|diminish\w*|worse\w*|shorter|shorten\w*|inferior"
    r"|senk\w+|gesenkt\w*|sank(?:en)?|sinkt|gesunken|verring\w+|vermindert\w*|reduzier\w*|halbier\w*"
    r"|verschlechter\w*|verkürz\w*|n[ai]hme?n?\b[^.;,]{0,60} ab\b|abn[ai]hm\w*|abgenommen"
    r"|niedriger\w*|geringer\w*|kürzer\w*|kleiner\w*|schwächer\w*|seltener\w*|weniger"
    r"|schlechter\w*)\b|减少|降低|下降|恶化|更低|缩短"
    r"|[低少小短]于(?!\s*\d)",
    re.IGNORECASE,
)
BOUND = re.compile(
    r"\b(?:no|not) (?:more|less|fewer|higher|lower|longer|shorter|greater) than\b"
    r"|\bnicht (?:mehr|weniger|höher|niedriger|länger|kürzer) als\b"
    r"|\d(?: ?[^\W\d]+| ?[%°]\w?)? (?:and|or|und|oder) (?:more|less|fewer|higher|lower|longer"
    r"|shorter|mehr|weniger|höher|niedriger|länger|kürzer)(?=[\s.,;)]|\Z)(?! than\b)(?! als\b)",
    re.IGNORECASE,
)
# Words of which one says the contrary of the other.
OPPOSITES = tuple(
    (re.compile(rf"\b(?:{one})", re.IGNORECASE), re.compile(rf"\b(?:{other})", re.IGNORECASE))
    for one, other in (
        (
            r"prevent\w*|protect\w*|preventi\w*",
            r"caus(?:e[sd]?|ing)\b|induc\w*|trigger\w*|provok\w*",
        ),
        (r"risk factors?", r"protective"),
        (r"safe(?:ly)?\b|safety", r"unsafe|harmful|dangerous"),
        (r"effective(?:ly|ness)?\b", r"ineffective\w*|useless"),
        (r"likely", r"unlikely"),
        (
            r"worsen\w*|aggravat\w*|exacerbat\w*|harm\w*",
            r"improv\w*|ameliorat\w*|alleviat\w*|attenuat\w*|mitigat\w*|protect\w*|benefi\w*",
        ),
        (
            r"(?:start(?:s|ed|ing)?|begin|begun|initiat\w+|continu\w+|resum\w+)\b",
            r"(?:stop(?:s|ped|ping)?|discontinu\w+|withh[eo]ld|hold|withdraw\w*|paus\w+)\b",
        ),
        (
            (
                r"approv\w+|grant(?:s|ed|ing)?\b|accept(?:s|ed|ing)?\b|authori[sz]\w+|upheld"
                r"|genehmig\w+|bewillig\w+|stattgegeben"
            ),
            (
                r"reject\w*|refus\w+|den(?:y|ies|ied|ying) (?:the|an?|his|her|its|their|all|access"
                r"|entry|leave)\b|(?:was|were|been|be|is) denied|dismiss\w*|disapprov\w+|overruled"
                r"|turned down|ablehn\w*|abgelehnt\w*|abgewiesen\w*|zurückgewiesen\w*"
            ),
        ),
        (
            r"mandatory|compulsory|obligatory|verpflichtend\w*|vorgeschrieben\w*",
            r"optional\w*|voluntar\w+|freiwillig\w*",
        ),
        (
            r"into (?:use|service|force)|in (?:Betrieb|Kraft)\b",
            r"out of (?:use|service|force)|außer (?:Betrieb|Kraft)\b",
        ),
        (r"significant(?:ly)?\b", r"nonsignificant\w*|non-significant\w*|insignificant\w*"),
    )
)
# "Inhibition of X" does what X does not.
REVERSAL = re.compile(
    r"\b(?:inhibit(?:ion|ing|or|ors|ed|s)?|knock(?:ed)?[- ]?(?:out|down)"
    r"|block(?:ade|ing|ed|er|ers)?|loss|silenc\w*|deplet\w*|deficien\w*|suppress\w*|antagonis\w*|absence|withdrawal)\b"
    r"|抑制|阻断|敲除|缺乏",
    re.IGNORECASE,
)
COMPARISON = re.compile(
    r"\A(?P<left>.*?)\b(?:than|compared (?:with|to)|(?:sup|inf)erior to)\b(?P<right>[^.;,]*)",
    re.IGNORECASE | re.DOTALL,
)
FROM_TO = re.compile(
    r"\bfrom (?:an? )?(\d[\d.,]*)[^.;]{0,20}? to (\d[\d.,]*)|从(\d[\d.]*)\D{0,8}到(\d[\d.]*)"
)
WITHOUT = re.compile(
    r"\b(?:without|ohne) (?!(?:\w+ )?(?:effects?|benefits?|change|difference|wirkung|nutzen"
    r"|einfluss|unterschied)\b)(?:an? |the |eine[mnr]? )?(?P<what>[\w-]+)",
    re.IGNORECASE,
)
# "Denied the theft | and was acquitted" says the latter.
DENIED_AND = re.compile(
    r"\b(?:denies|denied) (?P<what>[^.,;]{1,80}?),? (?:and|but)"
    r" (?=(?:was|were|is|are|has|had|\w+ed)\b)",
    re.IGNORECASE,
)
THAT = re.compile(r"(?:\A|(?<=[.;:] ))(?:dass|ob|that|whether)\b[^,.;]*,", re.IGNORECASE)
CLAUSE_COPIED = 0.9  # from this share of its words in a clause a sentence copies that
MIRRORED = 0.6  # of the words of a sentence, in one that compares the same two the other way round
SAME_MATTER = 0.5  # least share of words in common for two sentences to be compared


def direction(text: str) -> int:
    """+1 if the text speaks of more only, -1 of less only, 0 of both or neither; of a bound
    ("no more than 8", "8 or less") which side it is tells `sides.py`."""
    text = BOUND.sub(" ", text)
    return bool(UP.search(text)) - bool(DOWN.search(text))


def mirrored(sentence: str, evidence: str) -> bool:
    """Whether a sentence says of the other one of two things the contrary of what the evidence says
    of the one: "A is shorter than B" of "B is longer than A"."""
    if direction(sentence) * direction(evidence) >= 0 or negated(sentence) != negated(evidence):
        return False
    held = containment(content_words(sentence), content_words(evidence))
    return held >= MIRRORED and sides_exchanged(sentence, evidence)


def contradicts(sentence: str, evidence: str) -> bool:
    """Whether the sentence denies what the evidence affirms, the other way round, or points the
    other way. False where they share too few words to be about the same matter."""
    words = content_words(sentence)
    sentence, evidence = _without_whom(sentence, evidence)
    evidence = DENIED_AND.sub(
        lambda match: match.group() if words & content_words(match["what"]) else " ", evidence
    )
    if turned_round(sentence, evidence) or _reversed(sentence, evidence):
        return True
    if containment(words, content_words(evidence)) < SAME_MATTER:
        return False
    if words <= content_words(evidence) and denials(sentence) == denials(evidence):
        return False  # the same words, denied as often: a copy
    clauses = _clauses(evidence)
    nearest = max(clauses, key=lambda part: containment(words, content_words(part)), default="")
    if containment(words, content_words(nearest)) < SAME_MATTER:
        nearest = evidence  # the sentence draws several clauses together
        if negated(sentence) and negated(evidence):
            return False
        if not (negated(sentence) or any(_denies(clause, words) for clause in clauses)):
            return direction(sentence) * direction(evidence) < 0
    if negated(sentence) != negated(nearest):
        if _opposite_words(sentence, nearest):
            return False  # "not approved" of what was rejected
        return not _denied_of_another(words, nearest, clauses)
    return direction(sentence) * direction(nearest) < 0


def _denies(clause: str, words: set[str]) -> bool:
    """Whether a clause denies one of the words: of "the key must not be passed on" no other than
    those behind "not", but in German."""
    if not negated(clause):
        return False
    denial = None if REFUSAL.search(clause) or GERMAN.search(clause) else NEGATION.search(clause)
    return bool(words & content_words(clause[denial.start() :] if denial else clause))


def _denied_of_another(words: set[str], nearest: str, clauses: Sequence[str]) -> bool:
    """Whether the nearest clause denies of a thing that the words do not name ("ibuprofen should be
    avoided in pregnancy"), and the words hold a whole clause that does not deny ("; paracetamol is
    preferred")."""
    denial = NEGATION.search(nearest) or REFUSAL.search(nearest)
    thing = content_words(nearest[: denial.start()]) if denial else set()
    affirmed = [content_words(clause) for clause in clauses if not negated(clause)]
    return bool(thing) and not thing & words and any(said and said <= words for said in affirmed)


def _clauses(evidence: str) -> list[str]:
    """What stands between the marks; "that X, is not shown" is one clause."""
    text = THAT.sub(lambda match: match.group().replace(",", " "), evidence)
    return [part for part in CLAUSE.split(text) if part.strip()]


def _without_whom(sentence: str, evidence: str) -> tuple[str, str]:
    """Both without the "without X" that says of whom and denies nothing of the other: both have it,
    the sentence speaks of no X, or the evidence of both, with and without."""
    texts = (sentence, evidence)
    ours, theirs = ({stem(match["what"].lower()) for match in WITHOUT.finditer(t)} for t in texts)
    having, also = (content_words(WITHOUT.sub(" ", text)) for text in texts)
    shared = ours & theirs

    def dropped(those: set[str], text: str) -> str:
        return WITHOUT.sub(lambda m: " " if stem(m["what"].lower()) in those else m.group(), text)

    return dropped(shared, sentence), dropped(shared | theirs - having | theirs & also, evidence)


def denied_copy(sentence: str, evidence: str) -> bool:
    """Whether a sentence is the evidence, denied once more or once less."""
    words, others = content_words(sentence), content_words(evidence)
    copied = min(containment(words, others), containment(others, words)) >= CLAUSE_COPIED
    sentence, evidence = _without_whom(sentence, evidence)
    return copied and (denials(sentence) - denials(evidence)) % 2 == 1


def turned_round(sentence: str, evidence: str) -> bool:
    """Whether both compare the same two things, the other way round."""
    if sides_exchanged(sentence, evidence):
        return direction(sentence) == direction(evidence)
    numbers, others = FROM_TO.search(sentence), FROM_TO.search(evidence)
    if numbers and others:
        ours_given = [n for n in numbers.groups() if n]
        return ours_given == [n for n in others.groups() if n][::-1] != ours_given[::-1]
    return False


def sides_exchanged(sentence: str, evidence: str) -> bool:
    """Whether what one compares with something, the other compares that with."""
    ours, theirs = COMPARISON.search(sentence), COMPARISON.search(evidence)
    if not ours or not theirs:
        return False
    left, right = content_words(ours["left"]), content_words(ours["right"])
    before, behind = content_words(theirs["left"]), content_words(theirs["right"])
    # What both say on the same side is what is compared, not the two things.
    return bool((left - before) & (behind - right)) and bool((right - behind) & (before - left))


def _opposite_words(sentence: str, evidence: str) -> bool:
    """Whether one has a word of which the other has the contrary, and neither has both."""
    for one, other in OPPOSITES:
        for ours, theirs in ((one, other), (other, one)):
            apart = not theirs.search(sentence) and not ours.search(evidence)
            if apart and ours.search(sentence) and theirs.search(evidence):
                return True
    return False


def _reversed(sentence: str, evidence: str) -> bool:
    """Whether the evidence speaks of the contrary, or of the loss, of what the sentence does."""
    words = content_words(sentence)
    if containment(words, content_words(evidence)) < SAME_MATTER:
        return False
    if _opposite_words(sentence, evidence):
        return negated(sentence) == negated(evidence)
    # The sentence copies the words of a clause but for those that turned it round.
    if REVERSAL.search(sentence) or negated(sentence):
        return False
    clauses = [evidence, *CLAUSE.split(evidence)]
    copied = [part for part in clauses if containment(words, content_words(part)) >= CLAUSE_COPIED]
    return bool(copied) and all(REVERSAL.search(part) for part in copied)
