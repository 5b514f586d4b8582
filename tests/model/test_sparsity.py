"""How much is read of a sequence, and which numbers make no sense for that."""

from __future__ import annotations

import math
from typing import Any

import pytest

from vademecum.model.sparsity import Sparsity


@pytest.mark.parametrize(
    "wrong",
    [
        {"chunk": 0},
        {"chunk": 100},  # no whole pages: the second chunk could not be read
        {"chunk": -32},
        {"sampled": 0},
        {"budget": -5},
        {"prefill_budget": 0},
        {"long_budget": 0},
        {"threshold": -1},
        {"sinks": -1},
        {"recent": -1},
        {"recent": 31, "deferred": True},
        {"dense_first": -1},
        {"dense_last": -1},
        {"chunk": 64.0},
        {"budget": math.nan},
        {"budget": 4096.5},
        {"long": math.inf},
        {"dense_first": 1.5},
        {"threshold": None},
        {"sampled": "16"},
    ],
)
def test_nonsense_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Sparsity(**wrong)


def test_a_short_sequence_is_read_whole_and_a_long_one_by_its_budget() -> None:
    sparsity = Sparsity(threshold=100, budget=50, long=1_000, long_budget=80)
    assert [sparsity.budget_for(n) for n in (99, 100, 999, 1_000)] == [99, 50, 50, 80]


def test_first_and_last_layers_are_dense() -> None:
    sparsity = Sparsity(dense_first=2, dense_last=1)
    assert [list(sparsity.sparse_layers(n)) for n in (1, 3, 5)] == [[], [], [2, 3]]
