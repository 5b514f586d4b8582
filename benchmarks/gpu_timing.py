"""What the measurements on a GPU share: time, the speed of memory, and how a result is told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch

CACHE = 400_000_000  # bytes read before one is read again: several times the L2
WARM_UP_S = 0.05  # a GPU that was idle is slower at first


def graph_ms(step: Callable[[], None], runs: int = 9) -> float:
    """The median time of a step that is captured once and replayed."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    started = perf_counter()
    while perf_counter() - started < WARM_UP_S:
        graph.replay()
        torch.cuda.synchronize()
    times = []
    for _ in range(runs):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end))
    return median(times)


def copy_speed() -> float:
    """Bytes read and written a second, outside a graph: inside, copies take a slower engine."""
    source = torch.ones(2_000_000_000, dtype=torch.bfloat16, device="cuda")
    target = torch.empty_like(source)
    times = []
    for _ in range(12):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        target.copy_(source)
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end))
    return 2 * 2 * source.numel() / median(times[2:]) * 1e3


def finish(name: str, found: dict[str, Any]) -> None:
    """One line of JSON, the last; it also goes to $OUT, if that is set."""
    about = {"benchmark": name, "device": torch.cuda.get_device_name(), "torch": torch.__version__}
    line = json.dumps(about | found)
    if os.environ.get("OUT"):
        Path(os.environ["OUT"], f"{name}.json").write_text(line, encoding="utf-8")
    print(line)
