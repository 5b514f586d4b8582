"""What the measurements on a GPU share: time, the speed of memory, which errors have no time, and
how a result is told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch

CACHE = 400_000_000  # bytes read before one is read again: several times the L2
WARM_UP_S = 0.05  # a GPU that was idle is slower at first
GRAPH_MS = 1.0  # a graph that is timed lasts at least so long


def largest(errors: Iterable[float]) -> float:
    """The largest error, NaN if any is: Python's `max` passes over a NaN that is not the first.
    Raises ValueError if there are none, so that what was never compared passes nothing."""
    found = torch.tensor(list(errors), dtype=torch.float64)
    if not found.numel():
        raise ValueError("nothing was compared")
    return float(found.max())


def passes(name: str, error: float, limit: float) -> bool:
    """Whether what has this error is timed; it is told."""
    good = error < limit  # NaN is not
    print(f"{name}: error {error:.1e}{'' if good else ', NOT TIMED'}", flush=True)
    return good


def graph_ms(step: Callable[[], object], runs: int = 9) -> float:
    """The median time of a step that is captured and replayed, in a graph as long as a token's: so
    many times one after the other, that what a graph takes to begin is no part of it."""
    once = median(_replays(step, 1, 3))
    times = 1 + int(GRAPH_MS / once)
    return median(_replays(step, times, runs)) / times


def _replays(step: Callable[[], object], times: int, runs: int) -> list[float]:
    """How long graphs of so many steps take, in milliseconds."""
    new_stream: Any = torch.cuda.Stream  # its types are missing
    stream = new_stream()
    with torch.cuda.stream(stream):
        step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(times):
            step()
    started = perf_counter()
    while perf_counter() - started < WARM_UP_S:
        graph.replay()
        torch.cuda.synchronize()
    return [milliseconds(graph.replay) for _ in range(runs)]


def milliseconds(what: Callable[[], object]) -> float:
    """Of what is begun on the current stream, by the device's clock."""
    new_event: Any = torch.cuda.Event  # its types are missing
    begin, end = (new_event(enable_timing=True) for _ in range(2))
    begin.record()
    what()
    end.record()
    torch.cuda.synchronize()
    return float(begin.elapsed_time(end))


def copy_speed() -> float:
    """Bytes read and written a second, outside a graph: inside, copies take a slower engine."""
    source = torch.ones(2_000_000_000, dtype=torch.bfloat16, device="cuda")
    target = torch.empty_like(source)
    times = [milliseconds(lambda: target.copy_(source)) for _ in range(12)]
    return 2 * 2 * source.numel() / median(times[2:]) * 1e3


def finish(name: str, found: dict[str, Any]) -> None:
    """One line of JSON, the last; it also goes to $OUT, if that is set."""
    about = {"benchmark": name, "device": torch.cuda.get_device_name(), "torch": torch.__version__}
    line = json.dumps(about | found)
    if os.environ.get("OUT"):
        Path(os.environ["OUT"], f"{name}.json").write_text(line, encoding="utf-8")
    print(line)
