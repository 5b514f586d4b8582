"""What each side of the engine benchmark speaks: one JSON object a line, a request and its answer.

Every side runs in a process of its own, so that none shares threads, allocator or settings with
another, and waits for its next line without computing. Time is taken here, alike for all. Needs the
standard library only: a side may live in another environment.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol


class Side(Protocol):
    """Something that reads prompts and writes greedily."""

    def about(self) -> dict[str, Any]:
        """Versions and settings."""
        ...

    def read(self, ids: list[int]) -> None:
        """Read a prompt from nothing, up to its first token."""
        ...

    def keep(self, ids: list[int]) -> None:
        """Have a prompt in the cache, from where `write` goes on."""
        ...

    def write(self, count: int) -> Iterator[int]:
        """The `count` tokens after the kept prompt, ends of text among them; the cache is left as
        it was."""
        ...


def serve(side: Side, load_s: float) -> None:
    """Answer requests until stdin ends. What libraries print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    tell({"load_s": round(load_s, 3), "pid": os.getpid(), **side.about()})
    for line in sys.stdin:
        request = json.loads(line)
        began = time.perf_counter()
        if request["do"] == "read":
            side.read(request["ids"])
            tell({"seconds": time.perf_counter() - began})
        elif request["do"] == "keep":
            side.keep(request["ids"])
            tell({"seconds": time.perf_counter() - began})
        elif request["do"] == "write":
            tell(_written(side, request["first"], request["last"]))
        elif request["do"] == "memory":
            tell({"peak_bytes": peak_bytes(), "processor_s": time.process_time()})


def _written(side: Side, first: int, last: int) -> dict[str, Any]:
    """The time between the tokens number `first` and `last`: what came before does not count."""
    stamps, ids = [], []
    for token in side.write(last):
        stamps.append(time.perf_counter())
        ids.append(token)
    return {"seconds": stamps[last - 1] - stamps[first - 1], "ids": ids}


def peak_bytes() -> int | None:
    """The most memory this process has held, mapped files that it touched included."""
    status = Path("/proc/self/status")
    lines = status.read_text("utf-8").splitlines() if status.exists() else []
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")]
    return found[0] if found else None
