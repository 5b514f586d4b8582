"""A deadline is reached by the clock or by somebody's word, and tells how long there is to wait."""

from __future__ import annotations

import math
import threading

import pytest

from vademecum.model.deadline import LONGEST_WAIT_S, Deadline
from vademecum.model.interface import GenerationOptions


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("vademecum.model.deadline.time.monotonic", lambda: now[0])
    return now


def test_a_time_limit_counts_from_the_request(clock: list[float]) -> None:
    deadline = Deadline.of(GenerationOptions(timeout_s=2.5), None)
    assert (deadline.reached(), deadline.left()) == (None, 2.5)
    clock[0] += 2
    assert (deadline.reached(), deadline.left()) == (None, 0.5)
    clock[0] += 1
    assert (deadline.reached(), deadline.left()) == ("timeout", 0.0)


@pytest.mark.parametrize("limit", [None, math.inf])
def test_without_a_limit_it_waits_as_long_as_a_lock_can(
    clock: list[float], limit: float | None
) -> None:
    deadline = Deadline.of(GenerationOptions(timeout_s=limit), None)
    clock[0] += 1e9
    assert (deadline.reached(), deadline.left()) == (None, LONGEST_WAIT_S)


def test_a_cancel_counts_before_the_time(clock: list[float]) -> None:
    cancel = threading.Event()
    deadline = Deadline.of(GenerationOptions(timeout_s=1), cancel)
    assert deadline.reached() is None
    clock[0] += 2
    cancel.set()
    assert deadline.reached() == "cancelled"
