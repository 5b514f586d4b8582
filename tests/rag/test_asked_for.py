from __future__ import annotations

import pytest

from vademecum.rag.asked_for import lacks, unnamed
from vademecum.rag.words import stem


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How much does a key cost?", "45 euros are paid for a key."),
        ("What is the price of a key?", "A key: €45."),
        ("How expensive is a key?", "Keys are free of charge."),
        ("Was kostet ein Schlüssel?", "Für einen Schlüssel werden 45 Euro erhoben."),
        ("Wie teuer ist ein Schlüssel?", "Ein Schlüssel ist kostenfrei."),
        ("What is the porter's phone number?", "The porter's extension is 214."),
        ("Wie lautet die Telefonnummer?", "Apparat 214"),
        # what asks for neither
        ("Who has the key?", "The porter has it."),
        ("Does a key reduce costs?", "A key opens doors."),
    ],
)
def test_what_a_text_states_or_speaks_of_it_does_not_lack(question: str, text: str) -> None:
    assert not lacks(text, question)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How much does a key cost?", "The 45 keys hang behind the door."),
        ("Was kostet ein Schlüssel?", "Die 45 Schlüssel hängen hinter der Tür."),
        ("What is the porter's phone number?", "The porter has room 214."),
    ],
)
def test_a_text_without_a_sum_or_a_number_to_ring_cannot_answer(question: str, text: str) -> None:
    assert lacks(text, question)


def test_a_sum_is_asked_for_by_words_that_it_need_not_have() -> None:
    assert stem("cost") in unnamed("Whoever loses it pays 45 euros.")
    assert stem("telephone") in unnamed("In a fire, ring 5512.")
    assert unnamed("The 45 keys hang in room 214.") == frozenset()
