from __future__ import annotations

import pytest

from vademecum.rag.groups import exchanged

SOURCE = "Death came to 22.9% of the steroid group and to 25.7% of the control group."


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("Death came to 25.7% of the steroid group and to 22.9% of the control group.", True),
        (
            "Death came to 22.9% of the steroid group and to 25.7% of the control group.",
            False,
        ),
        (
            "Death came to 25.7% of the control group and to 22.9% of the steroid group.",
            False,
        ),
        ("Death came to 22.9% of the steroid group.", False),
        ("Vaccines gave 25.7% and placebo 22.9%.", False),
    ],
)
def test_numbers_that_changed_their_group(sentence: str, found: bool) -> None:
    assert exchanged(sentence, SOURCE) == found


def test_in_chinese() -> None:
    source = "二甲双胍组下降1.2%，对照组下降0.3%。"
    assert exchanged("二甲双胍组下降0.3%，对照组下降1.2%。", source)
    assert not exchanged(source, source)
