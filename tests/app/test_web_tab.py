"""What a tab tells of itself: taken if it is what the page sends, and nothing else is."""

from __future__ import annotations

import pytest

from vademecum.app.web_tab import Tab


def test_what_the_page_sends_is_read() -> None:
    assert Tab.read(
        '{"ticket": "a", "before": "b", "turns": 2, "asked": "c", "typed": "d"}'
    ) == Tab("a", "b", 2, "c", "d")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[1]",
        "3",
        "[" * 100_000,
        '{"ticket": 1, "before": null, "turns": "x", "asked": [], "typed": {}}',
        '{"turns": null}',
        '{"turns": 1.5}',
    ],
)
def test_what_is_none_of_it_is_an_unknown_tab(text: str | None) -> None:
    assert Tab.read(text) == Tab()
