"""Which words of a German question say what it is about, and how far a passage holds each.

German builds words out of words ("Kündigungsfrist", "Nebenkostenvorauszahlung"), and a question
seldom has the one that the text has: a word counts where it begins or ends one of the text, and in
part where one of the text begins or ends it. What only asks ("wie hoch", "beträgt", "darf man") is
left out. The embedder is English: with its cosines these words stand alone.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping
from math import log

from vademecum.corpora.document import Document, Passage
from vademecum.rag.dates import by_days, with_days
from vademecum.rag.otherwise_said import GERMAN, GERMAN_KINDS, by_stem
from vademecum.rag.tongues import asked_in, written_in
from vademecum.rag.words import STOP_WORDS, WORD

# What asks, and what is said of anything: no text has to hold it.
ASKS = frozenset(
    """wie wer wem wen wessen wann wo wohin woher warum wieso weshalb was wofür womit wodurch woran
    wovon worauf wozu woraus welche welchem welchen welcher welches
    viel viele vielen vieles wieviel wieviele lang lange hoch groß oft häufig weit schnell alt spät
    früh teuer genau eigentlich bitte denn etwa ungefähr höchstens mindestens maximal
    ich mir mich mein meine meinem meinen meiner meines du dein deine wir uns unser unsere ihnen
    man jemand jemanden jemandem irgendjemand etwas irgendetwas irgendwas
    dies diese diesem diesen dieser dieses dort da dabei dafür davon
    die am an im in ab bis je pro seit wenn falls sofern gegen ohne zwischen innerhalb
    bin bist war waren habe hat haben hatte hatten gibt geben gilt gelten möchte möchten will wollen
    darf dürfen dürfte kann könnte könnten muss muß müsste musste soll sollte mag lässt lassen
    beträgt betragen kostet lautet heißt bedeutet steht stehen dauert passiert geschieht erfolgt
    erfolgen bekommt bekommen bekomme kriegt kriege erhält erhalten erhalte braucht brauche brauchen
    benötigt benötige findet statt liegt macht machen mache tun tut geht
    hilft helfen nützt nützen
    erlaubt verboten zulässig gestattet untersagt möglich nötig notwendig vorgeschrieben
    vorgesehen erforderlich""".split()
)
# "Innerhalb welcher Frist", "aus welchem Grund": that asks, too.
KIND = re.compile(r"\bwelche[mnrs]? (\w+)", re.IGNORECASE)
KINDS = frozenset(
    """abstand abstände abständen alter art betrag datum dauer form frist fristen grund gründe
    gründen höhe jahr jahre jahren menge monat monate monaten ort person personen preis summe
    tag tage tagen uhrzeit umfang umständen weg weise wochentag wochentagen zeit zeiten
    zeitpunkt zeitraum zweck zwecken""".split()
)
# "Höchstdosis" asks how much the "Dosis" is at most.
AT_MOST = re.compile(r"^(?:Höchst|Mindest|Maximal|Minimal|Gesamt)(?=\w{4})")
FOLDED = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss"})
SHORTEST = 4  # letters of a stem
# "abgesetzt", "abzusetzen": as "absetzen".
WITHIN = re.compile(
    r"^(ab|an|auf|aus|bei|durch|ein|fest|frei|her|hin|los|mit|nach|statt|um|unter|vor|weg|weiter"
    r"|zu|zuruck|zusammen|uber)(?:ge|zu)(?=\w{4})"
)
# What a verb of two parts ends a question or a clause with: "Wer räumt auf?"
PARTICLES = frozenset(
    "ab an auf aus bei durch ein fest frei her hin los mit nach um unter vor weg weiter zu zurück "
    "zusammen über".split()
)
CLAUSE = re.compile(r"[^.,;:!?\n]+")
NOUN_ENDINGS = ("en", "es", "e", "n", "s")
ENDINGS = ("ern", "em", "en", "er", "es", "e", "n", "s")
DERIVED = ("lich", "ung", "bar")
# "verloren", "Austritt": as "verlieren", "austreten".
_VOWELS = """lier lor; nehm nomm; schreib schrieb; schliess schloss; brech broch; bring bracht; werf
worf; leih lieh; trink trunk; sterb storb; tret tritt; biet bot; treff troff"""
IRREGULAR = {
    form: verb for verb, form in (line.split() for line in _VOWELS.replace("\n", " ").split(";"))
}
OF_VERBS = ("et", "st", "t")
# Letters of a word that begins another one, or ends it: "Mietzins", "Wohnungskündigung".
BEGINS, ENDS = 4, 5
LINK = 4  # letters between two parts: "Kündig-ungs-frist"
# A word held in a smaller part is not held: "Vertragsstrafe", by "Vertrag".
LEAST = 0.6
# What is written small (verbs, adjectives) is often another word in the text ("verdient").
SMALL = 0.5
# What only the title holds is what the text is about, and not yet said in it; but a question that
# holds the whole title, of a row of a table, asks what stands below it.
TITLE = 0.5


def asks(question: str) -> bool:
    """Whether a question is German, or tells no language: over German texts "Kaution" is."""
    return asked_in(question) in ("ger", "")


def speaks(question: str, document: Document, passage: Passage) -> bool:
    """Whether a passage is German. A row of a table tells no language; what it is of may, or else
    the question, if it is surely German."""
    spoken = written_in(passage.text) or written_in(document.text) or document.language
    return spoken == "ger" or (not spoken and asked_in(question) == "ger")


@functools.lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A light stem: enough that "kündigen", "gekündigt" and "Kündigung" meet. A noun keeps its
    "-er": a "Verkäufer" is no "Verkauf"."""
    noun = word[0].isupper()
    word = word.lower().translate(FOLDED)
    bare = WITHIN.sub(r"\1", word)
    if bare == word and word.startswith("ge") and word.endswith(("t", "en")) and len(word) > 7:
        bare = word[2:]
    whole = _without(bare, NOUN_ENDINGS if noun else ENDINGS)
    derived = _without(whole, DERIVED)
    # "gekündigten" has two endings, "vergüten" one and a "t" of its own.
    verb = not noun and derived == whole and (whole == bare or bare != word)
    return _without(whole, OF_VERBS) if verb else derived


@functools.lru_cache(maxsize=50_000)
def root(word: str) -> str:
    """The stem, and of what changes its vowel that of the verb."""
    whole = stem(word)
    for form, verb in IRREGULAR.items():
        if whole.endswith(form):
            return whole.removesuffix(form) + verb
    return whole


def _without(word: str, endings: tuple[str, ...]) -> str:
    for ending in endings:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST:
            return word[: -len(ending)]
    return word


def asked_words(question: str) -> dict[str, float]:
    """The stems that say what is asked, each with how much it counts: nouns, told by their
    capitals, more than the others."""
    found = _joined(WORD.findall(by_days(question)))
    kinds = set(KIND.findall(question))
    capitals = any(word[0].isupper() for word in found[1:])
    counts: dict[str, float] = {}
    for n, word in enumerate(found):
        is_asked_for = word in kinds and word.lower() in KINDS
        word = AT_MOST.sub("", word).capitalize() if AT_MOST.match(word) else word
        small = word.lower()
        if small in ASKS or is_asked_for or small in STOP_WORDS or len(small) < 2:
            continue
        least = capitals and (word[0].islower() or n == 0)
        for part in (small if least else word).split("-"):
            if len(part) > 1:
                one, counted = root(part), SMALL if least else 1.0
                counts[one] = max(counted, counts.get(one, 0.0))
    return counts


def _joined(words: list[str]) -> list[str]:
    """The words of a question, a verb of two parts as one: "räumt ... auf" as "aufräumt"."""
    last = words[-1] if words else ""
    verb = next((n for n, word in enumerate(words[:-1]) if n and _may_tell(word)), 0)
    if not verb or last not in PARTICLES:
        return words
    return [*words[:verb], last + words[verb], *words[verb + 1 : -1]]


def _may_tell(word: str) -> bool:
    return word[0].islower() and word not in ASKS and word not in STOP_WORDS


def stems(text: str) -> frozenset[str]:
    """The stems of the words of a text, and the days that it names."""
    found = WORD.findall(with_days(text))
    for clause in CLAUSE.findall(text):
        *before, last = WORD.findall(clause) or [""]
        if last in PARTICLES:
            found += [last + word for word in before if _may_tell(word)]
    words = {part for word in found for part in (word, *word.split("-"))}
    return frozenset(root(one) for one in words if len(one) > 1 and one.lower() not in STOP_WORDS)


def weights(question: str, texts: Collection[str]) -> dict[str, float]:
    """How much each stem of a question tells: ln(1 + N / (n + 1/2)) where n of the N texts hold it,
    of a noun; half of it of others."""
    held = [stems(text) for text in texts]
    return {
        word: counts * log(1 + len(held) / (sum(share_held(word, one) > 0 for one in held) + 0.5))
        for word, counts in asked_words(question).items()
    }


def coverage(weights: Mapping[str, float], title: str, text: str, *, named: bool) -> float:
    """The share of the weights that a passage holds, in [0, 1]; `named` if the question holds the
    whole title."""
    total = sum(weights.values())
    above, within = stems(title), stems(text)
    covered = sum(
        weight * max(share_held(word, within), (1.0 if named else TITLE) * share_held(word, above))
        for word, weight in weights.items()
    )
    return covered / total if total else 0.0


def of_rows(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights for a row of a table: that somebody works is said by his name in it."""
    return {word: weight for word, weight in weights.items() if word not in WORKS}


def share_held(word: str, stems: Collection[str]) -> float:
    """How much of a stem, or of one that stands for it, the stems of a text hold: 0, or from
    `LEAST` to 1."""
    return max(_share_held(one, stems) for one in (word, *OTHERWISE.get(word, ())))


def _share_held(word: str, stems: Collection[str]) -> float:
    begins = ends = 0
    for one in stems:
        if one == word or (
            (len(word) >= BEGINS and one.startswith(word))
            or (len(word) >= ENDS and one.endswith(word))
        ):
            return 1.0
        if len(one) >= BEGINS and word.startswith(one):
            begins = max(begins, len(one))
        if len(one) >= ENDS and word.endswith(one):
            ends = max(ends, len(one))
    if begins and ends and begins + ends + LINK >= len(word):
        return 1.0
    share = max(begins, ends) / len(word)
    return share if share >= LEAST else 0.0


OTHERWISE = by_stem(GERMAN, GERMAN_KINDS, root)
WORKS = frozenset(map(root, ("arbeiten", "arbeitet", "arbeite")))
