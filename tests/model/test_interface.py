"""Options that make no sense are refused when they are made, not in the middle of an answer."""

from __future__ import annotations

from typing import Any

import pytest

from vademecum.model.interface import GenerationOptions


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": -0.1}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"timeout_s": 0.0}, "timeout_s"),
        ({"stop": ("",)}, "stop"),
        ({"sources": -1}, "sources"),
        ({"min_thinking_tokens": -1}, "min_thinking_tokens"),
        ({"max_thinking_tokens": -1}, "max_thinking_tokens"),
        ({"min_thinking_tokens": 9, "max_thinking_tokens": 8}, "max_thinking_tokens"),
    ],
)
def test_nonsense_is_refused_by_name(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        GenerationOptions(**wrong)


def test_the_limits_themselves_are_allowed() -> None:
    GenerationOptions(sources=0, max_thinking_tokens=0)
    GenerationOptions(min_thinking_tokens=8, max_thinking_tokens=8)
    GenerationOptions(min_thinking_tokens=8)
    GenerationOptions(max_tokens=1, temperature=0, top_p=1, top_k=0)


def test_by_default_nothing_is_constrained() -> None:
    options = GenerationOptions()
    assert (options.sources, options.max_thinking_tokens, options.min_thinking_tokens) == (
        None,
        None,
        0,
    )
