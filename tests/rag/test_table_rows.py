"""What stands in another row of a table."""

from __future__ import annotations

import pytest

from vademecum.rag.table_rows import at_odds

TABLE = [
    "The list was agreed in March.",
    "| drug | partner | what we do |",
    "|---|---|---|",
    "| warfarin | metronidazole | check INR after 3 days |",
    "| apixaban | ketoconazole | do not combine |",
    "| apixaban | diltiazem | no change of dose |",
]


@pytest.mark.parametrize(
    "sentence",
    [
        "Apixaban should not be combined with diltiazem.",
        "Ketoconazole needs no change of dose of apixaban.",
        "Warfarin must not be combined with metronidazole.",
        "Apixaban interacts with metronidazole.",
    ],
)
def test_cells_of_two_rows_are_mixed(sentence: str) -> None:
    assert at_odds(sentence, TABLE)


@pytest.mark.parametrize(
    "sentence",
    [
        "Apixaban should not be combined with ketoconazole.",
        "With diltiazem there is no change of dose of apixaban.",
        "Do not combine apixaban with ketoconazole; with diltiazem there is no change of dose.",
        "Warfarin and apixaban interact with metronidazole and diltiazem.",
        "Apixaban may be combined with diltiazem.",  # the cell says no, the sentence does not
        "The list was agreed in March.",
    ],
)
def test_cells_of_one_row_are_not(sentence: str) -> None:
    assert not at_odds(sentence, TABLE)


def test_what_is_said_beside_the_table_may_be_said() -> None:
    said = "Metronidazole is never combined with warfarin, do not combine them."
    assert not at_odds("Do not combine warfarin with metronidazole.", [*TABLE, said])


def test_a_line_with_other_cells_is_no_row_of_it() -> None:
    assert at_odds("Apixaban should not be combined with diltiazem.", [*TABLE, "| a | b |"])


def test_text_without_a_table_has_no_rows() -> None:
    assert not at_odds("Apixaban should not be combined with diltiazem.", TABLE[:1])
