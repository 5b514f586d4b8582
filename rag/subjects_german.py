"""What a German clause says of one thing, said of another that the passage names.

German puts subject and object in any order and its verb in two places, so that no word's place
tells what it is; but nouns have capitals, and what stands behind a preposition or a genitive is no
party to what is done. A clause has all of a sentence but one noun (or name) that stands free, and
one of its own that does. What is done by the one thing elsewhere, in half of the same words, may be
the same; so may a pronoun, an abbreviation or a kind. See `subjects.py` for English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from vademecum.rag.asked_german import stem
from vademecum.rag.tongues import written_in
from vademecum.rag.words import GERMAN, NUMBER, STOP_WORDS, WORD, normal

BREAK = re.compile(
    r"[;:]\s+|,\s+(?:(?:aber|sondern|während|wohingegen|doch|jedoch|und)\s+)?"
    r"(?=(?:(?:der|die|das|eine?)\s)?[A-ZÄÖÜ])"
    r"|(?:,\s+(?:aber|sondern|während|wohingegen|doch|jedoch|und)\s+)"
    r"|\s+und\s+(?=(?:der|die|das|eine?)\s[A-ZÄÖÜ])"
)
COMPARED = re.compile(r"\bals\b")
ARTICLE = re.compile(r"(?:der|die|das|eine?|jede[rs]?|kein|keine)\Z", re.IGNORECASE)
DEFINITE = re.compile(r"(?:der|die|das|diese[rs]?)\Z", re.IGNORECASE)
ADJECTIVE = re.compile(r"[a-zäöüß]{3,}e[nrsm]?\Z")
BOUND = re.compile(
    r"(?:ab|am|an|auf|aus|außer|beim?|bis|dem|den|der|des|durch|eine[mnrs]|für|gegen|im|in|ins|mit"
    r"|nach|ohne|pro|seit|statt|über|um|unter|vo[mnr]|während|wegen|zu[mr]?|zwischen|als|wie|und"
    r"|oder|sowie|je)\Z",
    re.IGNORECASE,
)
BY = re.compile(r"(?:durch|vo[mn])\Z", re.IGNORECASE)
PASSIVE = re.compile(r"\b(?:wird|werden|wurden?|worden)\b")
VERB = re.compile(
    r"\b(?:ist|sind|war|waren|wird|werden|wurden?|hat|haben|kann|können|darf|dürfen|muss|müssen"
    r"|soll|sollen)\b"
)
SMALL = STOP_WORDS | frozenset(
    "die dies diese diesem diesen dieser dieses am ab bis je seit".split()
)
COPULA = re.compile(r"\b(?:ist|sind|war|waren|bleibt|bleiben)\b")
# "Rauchen war ein Risiko, das Alter hingegen nicht": what has no verb of its own.
SHORTENED = re.compile(r"\b(?:auch|dagegen|ebenfalls|ebenso|hingegen|jedoch|nicht)\W*\Z")
PRONOUN = re.compile(r"\b(?:es|ihn|ihm|ihr|ihnen|sie|dies\w*)\b")
# What may be said for the thing that is meant.
GENERAL = frozenset(
    map(
        stem,
        """Patient Patientin Patienten Person Personen Gruppe Behandlung Therapie Mittel Wirkstoff
        Medikament Arzneimittel Dosis Gabe Einnahme Wirkung Anwendung Partei Parteien Studie Fall
        Wert Betrag Jahr Monat Tag Woche Stunde Minute Prozent Euro Art Teil Wahl""".split(),
    )
)
# "Die Mieterin Tischlerei Aal", "das Amtsgericht (im Folgenden: Gericht)", "Hemmer wie Ramipril".
KIND_OF = (
    r"(?:\s+|\s*\((?:\w+:?\s+){0,2}?|,?\s+(?:wie|etwa|also|genannt|heißt|sogenannte\w*)\s+"
    r"|,?\s+(?:ist|sind|war|waren)\s+(?:\w+\s+){0,2}?|,\s+(?:eine?\s+)?(?:\w+\s+)?)"
)
LEAST = 2  # words that are said of it
LONGEST = 3  # words of a name
HALF = 1 / 2
LIKE = 4  # letters by which two words are one
REACH = 6  # words before a noun that tell how it stands
MOST = 20  # clauses of a sentence that are looked at


class Noun(NamedTuple):
    """A noun or name: its words, their stems, whether it stands free, its article, and whether a
    passive has it behind its "von"."""

    words: tuple[str, ...]
    stems: frozenset[str]
    free: bool
    article: str
    doer: bool


class Clause(NamedTuple):
    """The text of a clause, the stems of its words, the same with those that they would have in
    small letters or with capitals, its nouns, and whether a verb of its own is seen."""

    text: str
    stems: frozenset[str]
    forms: frozenset[str]
    nouns: tuple[Noun, ...]
    whole: bool


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a German sentence says of one thing what only a clause about another one says."""
    text = " ".join(parts)
    if not _german(sentence, text):
        return False
    told = [_clause(clause) for part in parts for clause in BREAK.split(part) if clause]
    return any(
        _of_another(_clause(clause), told, text)
        for clause in BREAK.split(sentence)[:MOST]
        if clause and not COMPARED.search(clause)
    )


def _german(sentence: str, text: str) -> bool:
    """Whether a passage is German; a short one of no language, if either has a German word."""
    language = _language(text)
    return language == "ger" or (not language and GERMAN.search(f"{sentence} {text}") is not None)


@lru_cache(maxsize=256)
def _language(text: str) -> str:
    return written_in(text)


def _of_another(claim: Clause, told: Sequence[Clause], text: str) -> bool:
    if any(claim.stems <= clause.forms for clause in told):
        return False
    return any(_instead(claim, clause, told, text) for clause in told)


def _instead(claim: Clause, clause: Clause, told: Sequence[Clause], text: str) -> bool:
    """Whether a clause has all of a claim but one noun, and another one in its place."""
    lacking = claim.stems - clause.forms
    name = next((noun for noun in claim.nouns if lacking and lacking <= noun.stems), None)
    if name is None or not name.free or len(name.stems) > LONGEST or lacking <= GENERAL:
        return False
    said = claim.stems - name.stems
    der = not (name.doer or COPULA.search(claim.text)) and any(
        noun.article == "der" and noun.free for noun in claim.nouns if noun != name
    )
    if len(said) < LEAST or (der and name.article != "der"):  # the other one is the subject
        return False
    about = said & frozenset().union(*(noun.stems for noun in claim.nouns))
    others = [
        noun
        for noun in clause.nouns
        if noun.free
        and not noun.stems & claim.stems
        and not noun.stems <= GENERAL
        and not (DEFINITE.match(noun.article) and not name.article)
        and (not der or noun.article == "der")
    ]
    return (
        bool(others)
        and any(name.stems <= each.stems for each in told)
        and not _told_of(name, said, about, told)
        and not any(_same(name, other, text) for other in others)
    )


def _told_of(
    name: Noun, said: frozenset[str], about: frozenset[str], told: Sequence[Clause]
) -> bool:
    """Whether a clause has a name and half of what is said of it, of its nouns if they are not
    taken up by a pronoun, or is but the name; one without a verb has all of the one before."""
    before: frozenset[str] = frozenset()
    for clause in told:
        forms = clause.forms if clause.whole else clause.forms | before
        if name.stems <= clause.forms:
            these = said if PRONOUN.search(clause.text) or not about else about
            if clause.stems == name.stems or len(these & forms) >= HALF * len(these):
                return True
        before = forms
    return False


def _same(name: Noun, other: Noun, text: str) -> bool:
    """Whether a text has the one as another name of the other, or as one of its kind."""
    for one, two in ((name, other), (other, name)):
        if any(
            len(v) >= LIKE and (w.startswith(v) or w.endswith(v))
            for w in one.stems
            for v in two.stems
        ):
            return True
        between = rf"\b{re.escape(one.words[-1])}\w*{KIND_OF}{re.escape(two.words[0])}"
        if re.search(between, text, re.IGNORECASE):
            return True
    return False


@lru_cache(maxsize=4096)
def _clause(text: str) -> Clause:
    words = list(WORD.finditer(text))
    nouns: list[Noun] = []
    group: list[int] = []
    for n, match in enumerate(words):
        apart = group and text[words[n - 1].end() : match.start()].strip()
        named = match.group()[0].isupper() and match.group().lower() not in SMALL
        if group and (apart or not named):
            nouns.append(_noun(text, words, group))
            group = []
        if named:
            group.append(n)
    if group:
        nouns.append(_noun(text, words, group))
    carrying = [word.group() for word in words if word.group().lower() not in SMALL]
    figures = frozenset(map(normal, NUMBER.findall(text)))
    stems = figures | frozenset(map(stem, carrying))
    forms = stems | {stem(each) for word in carrying for each in (word.lower(), word.capitalize())}
    spoken = not SHORTENED.search(text) and any(word.islower() for word in carrying)
    verb = spoken or VERB.search(text) is not None
    return Clause(text, stems, forms, tuple(nouns), verb)


def _noun(text: str, words: Sequence[re.Match[str]], group: Sequence[int]) -> Noun:
    named = tuple(words[n].group() for n in group)
    before = [word.group() for word in words[max(0, group[0] - REACH) : group[0]]]
    while before and ADJECTIVE.match(before[-1]) and before[-1] not in SMALL:
        before.pop()
    article = before.pop().lower() if before and ARTICLE.match(before[-1]) else ""
    last = before[-1] if before else ""
    if last.lower() == "vom":
        article = "dem"
    genitive = article == "der" and last[:1].isupper()
    by = BY.match(last) is not None and PASSIVE.search(text) is not None
    free = by or not (genitive or BOUND.match(last))
    return Noun(named, frozenset(map(stem, named)), free, article, by)
