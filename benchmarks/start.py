"""How long does it take from nothing to an engine that is ready, beside transformers with
bitsandbytes?

    python benchmarks/start.py [--presets tiny,small] [--runs 5]

Each run is a new process: Python, its imports, the weights, up to the line that says "ready"; then
its first token after a prompt of 32. The sides take turns. Weights were fetched, converted and
quantised before, and the files lie in the system's cache: this is a second start. transformers
reads bf16 and quantises it at every start, as bitsandbytes does. Medians count.
Prints a table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from statistics import median
from typing import Any

from engine import OURS, THEIRS, Worker
from material import chat_of, surroundings, text_of, tokens_of

from vademecum.model import hardware, weights
from vademecum.model.presets import preset


def starts(name: str, threads: int, runs: int) -> list[dict[str, Any]]:
    """A row for each side."""
    model = preset(name)
    weights.load(model, "nf4")
    commands = {
        OURS: ("ours.py", model.name, str(threads), "nf4", "int8", "sparse"),
        THEIRS: ("hugging_face.py", str(weights.prepare(model)), str(threads)),
    }
    ids = tokens_of(chat_of(name), text_of(None), 32)
    seen: dict[str, list[tuple[float, float]]] = {side: [] for side in commands}
    for _ in range(runs):
        for side, command in commands.items():
            began = time.perf_counter()
            with Worker(sys.executable, *command) as worker:
                ready = time.perf_counter() - began
                worker.ask("read", ids=ids)
                seen[side].append((ready, time.perf_counter() - began))
    rows = []
    for side, times in seen.items():
        ready, first = (median(column) for column in zip(*times, strict=True))
        slowest = max(ready for ready, _ in times)
        rows.append(
            {"preset": name, "side": side, "ready_s": ready, "slowest_s": slowest, "first_s": first}
        )
        print(f"{name:<9}{side:<30}{ready:>8.2f}{slowest:>9.2f}{first:>13.2f}", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--presets", default="tiny,small")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=hardware.cores())
    chosen = parser.parse_args()
    print(f"{'':<9}{'side':<30}{'ready s':>8}{'slowest':>9}{'first token s':>15}")
    rows = [
        row
        for name in chosen.presets.split(",")
        for row in starts(name, chosen.threads, chosen.runs)
    ]
    about = {"benchmark": "start", "runs": chosen.runs, "threads": chosen.threads, "rows": rows}
    print(json.dumps(about | surroundings("torch", "transformers", "bitsandbytes")))


if __name__ == "__main__":
    main()
