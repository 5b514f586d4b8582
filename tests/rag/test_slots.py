"""What a passage says of one thing is not said of another that it names elsewhere."""

from __future__ import annotations

import pytest

from vademecum.rag.check import check
from vademecum.rag.slots import borrowed

DRUGS = (
    "Warfarin is stopped 5 days before surgery.",
    "Apixaban must be stopped 48 hours before surgery with high bleeding risk.",
    "The standard dose of apixaban is 5 mg twice daily.",
    "It was not given to children.",
)
WARDS = (
    "The night nurse on ward A is Maria Keller.",
    "Ward A has 24 beds.",
    "The night nurse on ward B is Jonas Brandt.",
    "Ward B has 18 beds.",
)
LEASE = (
    "Der Vermieter trägt die Instandhaltung von Dach und Fach.",
    "Der Mieter trägt die Kosten kleiner Reparaturen.",
    "Die Miete beträgt 4.250 Euro.",
    "Die Vorauszahlung beträgt 610 Euro.",
    "Gerichtsstand ist Köln.",
    "Die Apotheke liegt in Bonn.",
)


@pytest.mark.parametrize(
    ("claim", "parts"),
    [
        ("Apixaban is stopped 5 days before surgery.", DRUGS),
        ("Warfarin must be stopped 48 hours before surgery.", DRUGS),
        ("The standard dose of warfarin is 5 mg twice daily.", DRUGS),
        ("The night nurse on ward A is Jonas Brandt.", WARDS),
        ("Ward B has 24 beds.", WARDS),
        ("Der Mieter trägt die Instandhaltung von Dach und Fach.", LEASE),
        ("Die Vorauszahlung beträgt 4.250 Euro.", LEASE),
        ("Gerichtsstand ist Bonn.", LEASE),
    ],
)
def test_another_thing_in_the_place_of_one(claim: str, parts: tuple[str, ...]) -> None:
    assert borrowed(claim, parts)


@pytest.mark.parametrize(
    ("claim", "parts"),
    [
        *((part, parts) for parts in (DRUGS, WARDS, LEASE) for part in parts),
        ("Warfarin is stopped before surgery.", DRUGS),
        # In other words, in fewer, and with the thing that a pronoun stands for.
        ("Warfarin is discontinued 5 days before surgery.", DRUGS),
        ("Apixaban was not given to children.", DRUGS),
        ("On ward B the night nurse is Jonas Brandt.", WARDS),
        ("Die Miete: 4.250 Euro.", LEASE),
        ("Köln ist Gerichtsstand.", LEASE),
    ],
)
def test_what_a_sentence_says_is_said(claim: str, parts: tuple[str, ...]) -> None:
    assert not borrowed(claim, parts)


def test_a_general_word_may_be_the_thing_itself() -> None:
    parts = ("Metformin was given to 80 adults.", "The treatment lowered glucose by 20%.")
    assert not borrowed("Metformin lowered glucose by 20%.", parts)
    assert borrowed(
        "Metformin lowered glucose by 20%.", (parts[0], "Insulin lowered glucose by 20%.")
    )


def test_a_direction_in_another_word_is_no_other_thing() -> None:
    parts = ("Statin use was associated with decreased mortality.", "Doses were lower in women.")
    assert not borrowed("Statin use is associated with lower mortality.", parts)


def test_such_a_claim_is_partly_supported_at_best(source_of, embedder) -> None:
    trial = "Hypotension was more frequent with phenytoin. Sedation was usual with levetiracetam."
    source = source_of(1, trial, "A trial")
    wrong, right = (
        check(f"Hypotension was more frequent with {drug}.", [source], embedder)
        .sentences[0]
        .support
        for drug in ("levetiracetam", "phenytoin")
    )
    assert (wrong, right) == ("partial", "supported")
