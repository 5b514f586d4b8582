"""A figure under a label."""

from __future__ import annotations

import pytest

from vademecum.rag.check import check
from vademecum.rag.labelled import at_odds

LINES = "Phone: 1177\nFax: 1188"
LIST = "Stock on 1 March: - doses: 340 - syringes: 500"
SHIFTS = ("Early shift: Keller.", "Late shift: Brandt.", "Night shift: Okafor.")
ITEMS = ("- doses: 340", "- syringes: 500")


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The phone number is 1188.", (LINES,)),
        ("The fax number is 1177.", (LINES,)),
        ("There are 500 doses.", (LIST,)),
        ("There are 340 syringes.", ITEMS),
        ("Brandt has the night shift.", SHIFTS),
    ],
)
def test_the_figure_of_another_label_is_at_odds(sentence: str, parts: tuple[str, ...]) -> None:
    assert at_odds(sentence, parts)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The phone number is 1177.", (LINES,)),
        ("The phone number is 1177 and the fax number 1188.", (LINES,)),
        ("There are 340 doses.", (LIST,)),
        ("Okafor has the night shift.", SHIFTS),
        ("Brandt has the night shift.", (*SHIFTS, "On Sundays Brandt stays overnight.")),
        ("There are 500 doses.", (*ITEMS, "In all 500 doses were bought.")),
        ("There are 600 doses.", ITEMS),  # a figure that it does not have: `quantities.py`
        ("The phone rings 1188 times.", ("Phone: 1177",)),
    ],
)
def test_its_own_is_not(sentence: str, parts: tuple[str, ...]) -> None:
    assert not at_odds(sentence, parts)


def test_what_a_figure_is_called_need_not_stand_there(source_of, embedder) -> None:
    row = source_of(1, "pharmacist: Tomas Brandt\n\nphone: 1177")
    question = "Which phone number does Tomas Brandt have?"
    for sentence, support in (
        ("The phone number of Tomas Brandt is 1177.", "supported"),
        ("The phone number of Tomas Brandt is 1140.", "unsupported"),
    ):
        (checked,) = check(sentence, [row], embedder, question=question).sentences
        assert checked.support == support
