"""Two things with a phrase each, and one verb."""

from __future__ import annotations

import pytest

from vademecum.rag.gapped import at_odds

WORK = "Anna works from Monday to Wednesday and Ben from Thursday to Saturday."
HALF = "A third of the nurses and half of the doctors were vaccinated."
CELLAR = "Bicycles are kept in the cellar, prams in the hall."
NIGHTS = "Dr Weiss covers Monday night, Dr Alvarez Tuesday night and Dr Chen Wednesday night."
TEAMS = "The day team has four nurses and the night team two."
SITZUNG = "Der Vorstand tagt im Mai und der Beirat im Juni."


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Ben works from Monday to Wednesday.", WORK),
        ("Anna works from Thursday to Saturday.", WORK),
        ("Half of the nurses were vaccinated.", HALF),
        ("A third of the doctors were vaccinated.", HALF),
        ("Prams are kept in the cellar.", CELLAR),
        ("Dr Chen covers Tuesday night.", NIGHTS),
        ("Dr Alvarez covers Monday night.", NIGHTS),
        ("The night team has four nurses.", TEAMS),
        ("Der Beirat tagt im Mai.", SITZUNG),
    ],
)
def test_what_stands_with_the_other_is_at_odds(sentence: str, part: str) -> None:
    assert at_odds(sentence, [part])


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Anna works from Monday to Wednesday.", WORK),
        ("Ben works from Thursday to Saturday.", WORK),
        ("From Monday on Anna works, from Thursday on Ben.", WORK),
        ("Half of the doctors were vaccinated.", HALF),
        ("Prams are kept in the hall.", CELLAR),
        ("Dr Chen covers Wednesday night.", NIGHTS),
        ("The day team has four nurses.", TEAMS),
        ("The night team has two nurses.", TEAMS),
        # What has a verb of its own leaves none out.
        (
            "In May the drug is given twice.",
            "The drug is given in June, whereas in May it is given twice.",
        ),
        ("Der Beirat tagt im Juni.", SITZUNG),
        ("Deaths fell in men.", "Deaths fell in men and in women."),
        ("The nurse was tested in May.", "The nurse was tested in May and was vaccinated in June."),
        ("Rooms with a bath cost more.", "Rooms with a view and rooms with a bath cost more."),
    ],
)
def test_what_stands_with_it_is_not(sentence: str, part: str) -> None:
    assert not at_odds(sentence, [part])


def test_another_part_may_say_it() -> None:
    parts = [WORK, "In August Ben works from Monday to Wednesday."]
    assert not at_odds("Ben works from Monday to Wednesday.", parts)
