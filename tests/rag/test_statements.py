"""How a claim stands to two statements of a passage."""

from __future__ import annotations

import pytest

from vademecum.rag.statements import Stand, Statement, stands, statement

LESS, MORE = "less", "more"


def said(value: str, clause: str) -> Statement:
    return statement(value, clause, clause)


def other(one: object, two: object) -> bool:
    return one != two


DAYS = (said(LESS, "pain on day 1"), said(MORE, "pain on day 3"))
RENT = (said("monthly", "rent in advance"), said("yearly", "heating bill"))


@pytest.mark.parametrize(
    ("value", "clause", "stand"),
    [
        (LESS, "pain on day 1", Stand.AGREES),
        (MORE, "on day 3 pain", Stand.AGREES),
        (MORE, "pain on day 1", Stand.AT_ODDS),
        (LESS, "pain on day 3", Stand.AT_ODDS),
        (LESS, "pain on day 1 and on day 3", Stand.OPEN),
        (LESS, "pain", Stand.OPEN),
        ("measured", "pain on day 3", Stand.OPEN),
        (LESS, "nausea and vomiting on day 3", Stand.OPEN),
    ],
)
def test_two_times_are_told_apart_by_what_the_one_names(value, clause, stand) -> None:
    assert stands(said(value, clause), [DAYS], other) is stand


def test_two_that_have_subjects_of_their_own_are_told_apart_by_these() -> None:
    assert stands(said("yearly", "rent"), [RENT], other) is Stand.AT_ODDS
    assert stands(said("monthly", "rent"), [RENT], other) is Stand.AGREES


def test_values_that_do_not_exclude_each_other_tell_nothing() -> None:
    assert stands(said(MORE, "pain on day 1"), [DAYS], lambda *_: False) is Stand.OPEN


def test_another_statement_of_just_that_speaks_against_odds() -> None:
    third = said(LESS, "pain on day 3 in the old")
    assert stands(said(LESS, "pain on day 3"), [DAYS, (DAYS[1], third)], other) is Stand.OPEN
