"""What nobody did."""

from __future__ import annotations

import pytest

from vademecum.rag.nobody import at_odds


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("A patient was harmed by the error.", "The error was found, and nobody was harmed."),
        ("Several workers were injured.", "No one was injured."),
        ("Ein Arbeiter wurde verletzt.", "Niemand wurde verletzt."),
        ("Bei dem Brand wurde einer verletzt.", "Bei dem Brand wurde niemand verletzt."),
    ],
)
def test_somebody_did_it(sentence: str, part: str) -> None:
    assert at_odds(sentence, [part])


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Nobody was harmed.", "Nobody was harmed."),
        ("No patient was harmed.", "Nobody was harmed."),
        ("The error was found.", "The error was found, and nobody was harmed."),
        ("Visitors of 20 may enter.", "Nobody under 18 may enter."),
        ("The warden may enter.", "Nobody but the warden may enter."),
        ("Children needed less.", "Apart from children, no one needed less."),
    ],
)
def test_nobody_did_it_or_it_is_not_said(sentence: str, part: str) -> None:
    assert not at_odds(sentence, [part])


def test_somebody_else_may_have_done_it() -> None:
    assert not at_odds("The doctor was told.", ["Nobody was told.", "In May the doctor was told."])
