"""What a German clause says of one thing is not said of another that the passage names."""

from __future__ import annotations

import time

import pytest

from vademecum.rag.check import check
from vademecum.rag.sentences import sentences_of
from vademecum.rag.subjects_german import at_odds

SHOCK = (
    "Im septischen Schock ist Noradrenalin der Vasopressor der ersten Wahl; Vasopressin kann"
    " hinzugefügt werden. Hydrocortison wird bei anhaltendem Schock gegeben."
)
REVERSAL = "Flumazenil antagonisiert Midazolam, Naloxon antagonisiert Fentanyl. Das ist belegt."
LEASE = (
    "Der Vermieter streicht die Fenster, der Mieter reinigt die Treppe. Die Gemeinde räumt den"
    " Schnee. Der Verwalter erstellt die Abrechnung."
)
COMPANY = (
    "Der Aufsichtsrat bestellt den Vorstand, die Hauptversammlung wählt den Abschlussprüfer. Der"
    " Vorstand leitet die Gesellschaft."
)
SALES = (
    "Die Tevora Bank wurde im März übernommen, die Lunda Leasing im Juni verkauft. Die Zinserträge"
    " stiegen auf 412 Mio. Euro."
)


def parts(passage: str) -> list[str]:
    return [passage[start:end] for start, end in sentences_of(passage)]


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Vasopressin ist der Vasopressor der ersten Wahl.", SHOCK),
        # Whichever of the two stands first, in the active and in the passive.
        ("Midazolam wird durch Naloxon antagonisiert.", REVERSAL),
        ("Naloxon antagonisiert Midazolam.", REVERSAL),
        ("Die Treppe reinigt der Verwalter.", LEASE),
        ("Die Treppe wird von der Gemeinde gereinigt.", LEASE),
        ("Der Aufsichtsrat wählt den Abschlussprüfer.", COMPANY),
        ("Die Gesellschaft wird vom Aufsichtsrat geleitet.", COMPANY),
        ("Die Tevora Bank wurde im Juni verkauft.", SALES),
    ],
)
def test_another_thing_does_it(claim: str, passage: str) -> None:
    assert at_odds(claim, parts(passage))


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Der Vasopressor der ersten Wahl ist Noradrenalin.", SHOCK),
        ("Midazolam wird durch Flumazenil antagonisiert.", REVERSAL),
        ("Die Treppe wird vom Mieter gereinigt.", LEASE),
        ("Die Gesellschaft wird vom Vorstand geleitet.", COMPANY),
        ("Im Juni wurde die Lunda Leasing verkauft.", SALES),
        # What stands behind a preposition says when or of whom, and does nothing.
        ("In der Gemeinde reinigt der Mieter die Treppe.", LEASE),
        # A thing that the passage does not name: for others to tell.
        ("Dopamin ist der Vasopressor der ersten Wahl.", SHOCK),
    ],
)
def test_it_is_said_of_this_one(claim: str, passage: str) -> None:
    assert not at_odds(claim, parts(passage))


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        (
            "Bisoprolol senkt die Sterblichkeit.",
            "Betablocker senken die Sterblichkeit. Bisoprolol ist ein Betablocker.",
        ),
        (
            "Ramipril senkt den Blutdruck.",
            "ACE-Hemmer wie Ramipril gibt es. Ein ACE-Hemmer senkt den Blutdruck.",
        ),
        (
            "Paracetamol wird in der Leber abgebaut.",
            "Paracetamol (Acetaminophen) hilft. Acetaminophen wird in der Leber abgebaut.",
        ),
        (
            "Die Tischlerei Aal versichert ihre Maschinen.",
            "Der Mieterin Tischlerei Aal gehört die Halle. Die Mieterin versichert ihre Maschinen.",
        ),
        (
            "Das Amtsgericht Köln prüft die Rechnung.",
            "Er schreibt dem Amtsgericht Köln (dem Gericht). Das Gericht prüft die Rechnung.",
        ),
        # "Sie" are the low sugars.
        (
            "Insulin verursacht Unterzuckerungen.",
            "Gliclazid verursacht Unterzuckerungen. Insulin verursacht sie häufiger und oft.",
        ),
        # What has no verb of its own has that of the clause before.
        (
            "Das Alter war mit dem Rückfall assoziiert.",
            "Rauchen war mit dem Rückfall assoziiert, das Alter ebenso. Das war nicht neu.",
        ),
        # "Das Mittel" may be what was named before.
        (
            "Levothyroxin wird vor dem Essen genommen.",
            "Levothyroxin ist ein Hormon. Das Präparat wird vor dem Essen genommen.",
        ),
    ],
)
def test_another_name_of_the_same_thing(claim: str, passage: str) -> None:
    assert not at_odds(claim, parts(passage))


def test_english_passages_are_left_to_others() -> None:
    told = ("Van der Berg treats fever with Aspirin.", "Ibuprofen is for the pain of adults.")
    assert not at_odds("Ibuprofen treats fever with Aspirin.", told)


def test_copies_are_never_at_odds() -> None:
    for passage in (SHOCK, REVERSAL, LEASE, COMPANY, SALES):
        told = parts(passage)
        assert not any(at_odds(part, told) for part in told)


def test_a_long_sentence_is_read_in_time() -> None:
    long = "Der Mieter reinigt nicht die Treppe und das Haus " * 1500
    start = time.perf_counter()
    assert not at_odds("Der Vermieter reinigt die Treppe nicht.", (long,))
    assert time.perf_counter() - start < 3


def test_a_short_answer_says_what_was_asked(source_of, embedder) -> None:
    source = source_of(1, SHOCK, "Eine Leitlinie")
    for drug, support in (("Vasopressin", "unsupported"), ("Noradrenalin", "supported")):
        question = f"Ist {drug} der Vasopressor der ersten Wahl?"
        (sentence,) = check(f"Ja, {drug} [1].", [source], embedder, question=question).sentences
        assert sentence.support == support
