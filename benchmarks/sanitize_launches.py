"""A plugin of pytest's for `sanitize.py`: a line of JSON for each test that ended, to the file that
LAUNCHES names, with how often it launched each kernel and whether it was skipped.

PRODUCTS=float32: PyTorch's bfloat16 products are made in float32, for racecheck may end cuBLAS's.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

counts: Counter[str] = Counter()
skipped: set[str] = set()
linear = torch.nn.functional.linear


def in_float32(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`linear`, of bfloat16 in float32."""
    if x.dtype != torch.bfloat16:
        return linear(x, weight, bias)
    return linear(x.float(), weight.float(), None if bias is None else bias.float()).bfloat16()


def pytest_configure() -> None:
    """Counts what our launchers launch, and replays of graphs."""
    if not torch.cuda.is_available():
        return
    from triton.runtime.jit import JITFunction

    from vademecum.model.kernels.triton import nvrtc

    made, launched, run = nvrtc.Kernel.__init__, nvrtc.Kernel.__call__, JITFunction.run
    replay = torch.cuda.CUDAGraph.replay
    names: dict[int, str] = {}

    def making(self: Any, path: Path, name: str, *others: Any, **how: Any) -> None:
        names[id(self)] = name
        made(self, path, name, *others, **how)

    def launching(self: Any, *given: Any) -> None:
        counts[names[id(self)]] += 1
        launched(self, *given)

    def running(self: Any, *given: Any, **how: Any) -> Any:
        if not how.get("warmup"):
            module = self.fn.__module__.rpartition(".")[2]
            counts[f"{module}.{self.fn.__name__}"] += 1
        return run(self, *given, **how)

    def replaying(self: Any) -> None:
        counts["graphs replayed"] += 1
        replay(self)

    if os.environ.get("PRODUCTS") == "float32":
        torch.nn.functional.linear = in_float32

    nvrtc.Kernel.__init__, nvrtc.Kernel.__call__ = making, launching  # type: ignore[method-assign]
    JITFunction.run = running
    torch.cuda.CUDAGraph.replay = replaying


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped:
        skipped.add(report.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """From a test's fixtures to its end."""
    counts.clear()
    outcome = yield
    line = {"test": item.nodeid, "launches": dict(counts), "skipped": item.nodeid in skipped}
    with Path(os.environ["LAUNCHES"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    return outcome
