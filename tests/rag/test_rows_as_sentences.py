"""A row of a table is read whole, with the names of its columns."""

from __future__ import annotations

import pytest

from vademecum.rag.rows import is_row, of_another_day, on_another_day, row_of, told

ROW = "date: 2026-11-30\n\nshift: night\n\npharmacist: Tomas Brandt"


def test_a_row_of_a_file_is_one_line() -> None:
    assert row_of(ROW) == "date: 2026-11-30; shift: night; pharmacist: Tomas Brandt"
    assert is_row(row_of(ROW))
    assert row_of("H7\n\nheight: 150 cm") == "H7; height: 150 cm"  # a usual name is not told


@pytest.mark.parametrize(
    "text",
    [
        "shift: night",
        "We met.\n\nThey spoke.\n\nPresent: Ruth",
        f"note: 5\n\n{'The text of an abstract. ' * 9}",
    ],
)
def test_what_is_no_row(text: str) -> None:
    assert row_of(text) == ""
    assert not is_row(text)


def test_a_row_of_a_table_in_a_text_has_the_names_of_its_columns() -> None:
    lines = [
        "We check these.",
        "| drug | partner | dose |",
        "|---|---|---|",
        "| warfarin | metronidazole | |",
        "| less | cells |",
        "| plant | light |",
        "|:--|--:|",
        "| fern | shade |",
        "And no others.",
        "| a | b | c |",
    ]
    assert list(told(lines)) == [
        "We check these.",
        "drug: warfarin; partner: metronidazole",
        "less; cells",
        "plant: fern; light: shade",
        "And no others.",
        "a; b; c",
    ]
    assert [one for one in told(lines) if is_row(one)] == [
        "drug: warfarin; partner: metronidazole",
        "plant: fern; light: shade",
    ]


@pytest.mark.parametrize(
    ("question", "another"),
    [
        ("Who works on 30 November?", False),
        ("Who works on 1 December?", True),
        ("Who works on 29 and 30 November?", False),
        ("Who works before 1 December?", False),
        ("Wer arbeitet bis zum 1.12.2026?", False),
        ("Who works between 1 and 3 December?", False),
        ("Who works 29 November – 1 December?", False),
        ("Who works in the week of 1 December?", False),
        ("Who works at night?", False),
    ],
)
def test_a_row_of_another_day_is_none_of_the_day_asked_about(question: str, another: bool) -> None:
    assert of_another_day(ROW, question) == another
    assert not of_another_day(f"Minutes of 30 November.\n\n{'We met. ' * 20}", question)
    assert not of_another_day(ROW.replace("2026-11-30", "30th"), question)


@pytest.mark.parametrize(
    ("sentence", "another"),
    [
        ("Priya works on Thursday 6 June 2024 in Room 2.", True),
        ("Priya works on 2024-06-05 in Room 2.", False),
        ("Priya works in Room 2.", False),
        ("Priya works in Room 2 from 3 June to 7 June.", False),
        ("Priya worked in Room 2 until 4 June.", False),
    ],
)
def test_a_sentence_of_another_day_unless_it_may_last(sentence: str, another: bool) -> None:
    assert on_another_day(sentence, "Where does Priya work on Wednesday 5 June?") == another
    assert not on_another_day(sentence, "Where does Priya work?")
    assert not on_another_day(sentence, "Where does Priya work before 5 June?")
