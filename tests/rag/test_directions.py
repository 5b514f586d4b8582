"""What each clause of a sentence says, and of what."""

from __future__ import annotations

import pytest

from vademecum.rag.directions import compared, statements, value


def test_and_parts_two_statements_only_where_each_has_a_value() -> None:
    (one, other) = statements("Weight fell in winter and rose in summer.")
    assert (one.value, other.value) == (-1, 1)
    assert len(statements("Weight and height rose in summer.")) == 1


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ("Weight rose.", 1),
        ("Das Gewicht sank.", -1),
        ("Weight did not rise.", 0),
        ("Weight was the same.", 0),
        ("Men had the same weight.", 0),
        ("Weight is taken once a week, on the same day.", None),
        ("Weight was not the same.", None),
        ("Weight was measured.", None),
        ("Weight fell in patients without asthma.", -1),
        ("Weight fell among those who did not smoke.", -1),
        ("Weight fell in women not taking statins.", -1),
        ("Weight did not fall in those who smoked.", 0),
        ("The diet was without effect on weight.", 0),
    ],
)
def test_what_a_clause_says(clause: str, said: int | None) -> None:
    assert value(clause) == said


def test_what_is_compared_is_said_of_both() -> None:
    [(one, other)] = compared("Survival was longer with a donor than without one.")
    assert (one.value, other.value) == (1, -1)
    assert "with donor" in one.names
    assert "without one" in other.names
    [(one, other)] = compared("Die Heilung war mit Verband schneller als ohne.")
    assert (one.value, other.value) == ("schneller", "not schneller")


def test_more_than_a_number_or_than_expected_compares_no_two_things() -> None:
    assert not compared("More than 5% died.")
    assert not compared("Mortality was higher than expected.")
    assert not compared("Survival was not longer with A than with B.")


def test_a_list_without_a_full_stop_is_read_in_pieces() -> None:
    assert len(statements("pain rose on a, fell on b, " * 1_000)) > 1_000
