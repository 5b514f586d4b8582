"""Options that make no sense are refused when they are made, not in the middle of an answer."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from vademecum.model.interface import LEAST_TEMPERATURE, GenerationOptions


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": None}, "max_tokens"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 1e-40}, "temperature"),
        ({"temperature": math.nan}, "temperature"),
        ({"temperature": math.inf}, "temperature"),
        ({"seed": 2**64}, "seed"),
        ({"seed": -(2**63) - 1}, "seed"),
        ({"seed": 0.5}, "seed"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"timeout_s": 0.0}, "timeout_s"),
        ({"timeout_s": math.nan}, "timeout_s"),
        ({"stop": ("",)}, "stop"),
        ({"stop": "abc"}, "stop"),
        ({"watch": "abc"}, "watch"),
        ({"stop": ("a", 1)}, "stop"),
        ({"watch": (None,)}, "watch"),
        ({"stop": None}, "stop"),
        ({"temperature": "a"}, "temperature"),
        ({"temperature": None}, "temperature"),
        ({"top_p": "a"}, "top_p"),
        ({"timeout_s": "a"}, "timeout_s"),
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
    GenerationOptions(temperature=LEAST_TEMPERATURE, timeout_s=math.inf)
    for seed in (-(2**63), 2**64 - 1):
        torch.Generator().manual_seed(GenerationOptions(seed=seed).seed)


def test_by_default_nothing_is_constrained() -> None:
    options = GenerationOptions()
    assert (options.sources, options.max_thinking_tokens, options.min_thinking_tokens) == (
        None,
        None,
        0,
    )
