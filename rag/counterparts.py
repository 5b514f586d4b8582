"""What begins for what ends: "it ends on 1 April" where a passage has "it begins on 1 April".

Verbs of which one is the other's counterpart, with one date or figure, or with the same words. Each
belongs to the clause that it stands in. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from vademecum.rag.negation import negated
from vademecum.rag.words import NUMBER, containment, content_words, normal, stem

BEGINS = (
    r"beg[iau]ns?|beginning|start(?:s|ed|ing)?|commenc\w+|opens?|opened|opening|launch\w*"
    r"|(?:c[ao]mes?|coming|enter(?:s|ed)?|puts?) into (?:force|effect)|(?:takes?|took) effect"
    r"|introduc(?:es?|ed)|issue[sd]?|grant(?:s|ed)?|beginn\w*|begann\w*|begonnen|startet\w*"
    r"|gestartet|öffnet\w*|geöffnet|tritt in kraft|in kraft getreten|ausgestellt|erteilt"
)
ENDS = (
    r"ends?|ended|ending|stop(?:s|ped|ping)?|finish\w*|conclud\w+|clos(?:es?|ed|ing)|expir\w+"
    r"|terminat\w+|laps(?:es?|ed)|cease[sd]?|lift(?:s|ed)|repeal\w*|revok\w+|discontinu\w+"
    r"|withdrawn|abolish\w*|endete?n?|geendet|beendet|schließ(?:t|en)|schloss\w*|geschlossen"
    r"|abgelaufen|läuft ab|außer kraft\w*|widerrufen|aufgehoben"
)
ENTERS = r"admit\w*|admission|hospitali[sz]ed|aufgenommen|aufnahme|eingeliefert|eingewiesen"
BUYS = r"b[uo]ys?|bought|purchas\w+|acquir\w+|gekauft|kaufte?n?|erw[ao]rb\w*|erworben"
SELLS = r"sells?|sold|sale|selling|verkauft\w*|verkaufe?n?|veräußer\w*"
HIRES = r"hire[sd]?|appoint(?:s|ed)?|employed|eingestellt|ernannt"
DISMISSES = r"dismiss\w*|fired|laid off|resign\w*|entlassen|gekündigt|zurückgetreten"
PUTS_IN = r"insert(?:s|ed|ion)|implanted|placed|eingesetzt|gelegt"
PAIRS = tuple(
    (re.compile(rf"\b(?:{one})\b", re.IGNORECASE), re.compile(rf"\b(?:{other})\b", re.IGNORECASE))
    for one, other in (
        (BEGINS, ENDS),
        (ENTERS, r"discharg\w*|sent home|entlassen|entlassung"),
        (r"depart(?:s|ed|ure)?|leaves?|left|abfahrt|fährt ab", r"arriv\w+|ankunft|kommt an"),
        (BUYS, SELLS),
        (r"lends?|lent|verleih\w*|verliehen", r"borrow\w*|ausgeliehen|entliehen"),
        (HIRES, DISMISSES),
        (r"import(?:s|ed|ing)?|eingeführt", r"export(?:s|ed|ing)?|ausgeführt"),
        (PUTS_IN, r"remov\w+|taken out|entfernt"),
        (r"(?:switch|turn)\w* on|eingeschaltet", r"(?:switch|turn)\w* off|ausgeschaltet"),
    )
)
ANY = re.compile("|".join(verb.pattern for pair in PAIRS for verb in pair), re.IGNORECASE)
# Who buys something buys it of somebody who sells it: only of one and the same is it otherwise.
BETWEEN_TWO = re.compile(
    rf"\b(?:{BUYS}|{SELLS}|lends?|lent|borrow\w*|import\w*|export\w*|verleih\w*|verliehen"
    r"|ausgeliehen|entliehen|eingeführt|ausgeführt)\b",
    re.IGNORECASE,
)
PASSIVE = re.compile(r"\b(?:was|were|been|be|being|is|are|wurden?|worden)\W+(?:\w+ly\W+)?\Z", re.I)
PIECE = re.compile(r"[;,()]\s|\b(?:and|but|then|while|whereas|until|to|und|aber|dann|bis)\b", re.I)
MONTH = re.compile(
    r"\b(?:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-zä]*\b", re.IGNORECASE
)
FIGURED, UNFIGURED = 0.5, 0.75  # least share of the other words, with a figure and without
LEAST = 3  # words


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a clause with the words and figures of one of the sentence has the counterpart of its
    verb, and no clause has the verb itself."""
    return any(_turned(piece, parts) for piece in _pieces(sentence))


def _turned(claim: str, parts: Sequence[str]) -> bool:
    if negated(claim):
        return False
    figures = _figures(claim)
    for ours, theirs in _verbs(claim):
        words = content_words(ours.sub(" ", claim)) - figures
        if not figures and len(words) < LEAST:
            continue
        same = [
            piece
            for part in parts
            for piece in _pieces(part)
            if figures <= _figures(piece)
            and containment(words, content_words(part)) >= (FIGURED if figures else UNFIGURED)
        ]
        turned = [
            piece
            for piece in same
            if (verb := theirs.search(piece))
            and not negated(piece)
            and not _between_two(claim, ours, piece, verb)
        ]
        if turned and not any(ours.search(piece) for piece in same):
            return True
    return False


def _between_two(claim: str, ours: re.Pattern[str], piece: str, theirs: re.Match[str]) -> bool:
    """Whether the two verbs may be of one deal, told of its two sides: "the town sold the mill to
    the firm" where "the firm bought the mill of the town"."""
    verb = ours.search(claim)
    if verb is None or not BETWEEN_TWO.fullmatch(verb[0]):
        return False
    before = claim[: verb.start()], piece[: theirs.start()]
    if any(PASSIVE.search(text) for text in before):
        return True
    one, other = map(content_words, before)  # a pronoun names nobody: it may be the same
    return bool(one and other) and not one & other


def _verbs(claim: str) -> list[tuple[re.Pattern[str], re.Pattern[str]]]:
    """The pairs of which a clause has one, and not the other: its own first."""
    both = [pair for one, other in PAIRS for pair in ((one, other), (other, one))]
    return [
        (ours, theirs) for ours, theirs in both if ours.search(claim) and not theirs.search(claim)
    ]


@lru_cache(maxsize=4096)
def _pieces(text: str) -> tuple[str, ...]:
    """The clauses of a text, and what "and" joins: each has its own verb and figures."""
    pieces, at, verb = [""], 0, False
    for match in PIECE.finditer(text):
        added = text[at : match.start()]
        pieces[-1] += added
        at = match.start()
        verb = verb or ANY.search(added) is not None
        if verb:
            pieces.append("")
            verb = False
    pieces[-1] += text[at:]
    return tuple(pieces)


@lru_cache(maxsize=4096)
def _figures(text: str) -> frozenset[str]:
    """Its numbers and months."""
    months = {stem(match.group().lower())[:3] for match in MONTH.finditer(text)}
    return frozenset(normal(match.group()) for match in NUMBER.finditer(text)) | months
