"""How fast does the engine read a prompt and write an answer, beside transformers with
bitsandbytes' NF4 and llama.cpp on the same weights?

    python benchmarks/engine.py [--preset small] [--text FILE] [--depths 256,2048,16000]
                                [--llama-python PYTHON] [--runs 5]

PYTHON is the interpreter of an environment that has llama-cpp-python; without it, that side is
left out. All sides get the same tokens, each in a process of its own, one at a time: they take
turns within every round, so that a change of the machine's load meets all alike.

Reading: a prompt of `--prompt` tokens that nobody has seen, up to the first token. Writing: from a
prompt of each depth that lies in the cache, greedily, without drafting; the time between the 16th
and the 80th token, so that what it takes to begin does not count. Medians of the runs count.
llama.cpp runs with and without flash attention: the ratio is to the faster of the two.
Prints a table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from material import chat_of, surroundings, text_of, tokens_of, whole_numbers

from vademecum import assets
from vademecum.model import hardware, weights
from vademecum.model.presets import preset

SIDES = Path(__file__).parent / "sides"
WARM_UP = 64  # tokens

OURS, THEIRS = "ours", "transformers + bitsandbytes"
LLAMA = {"llama.cpp": "0", "llama.cpp, flash attention": "1"}

Ids = Sequence[int]


class Worker:
    """A side in its process; see `sides/wire.py`."""

    def __init__(self, python: str, script: str, *arguments: str) -> None:
        # OpenMP as each library finds it: what we set for ourselves is not handed on.
        environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
        self._process = subprocess.Popen(
            [python, str(SIDES / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.about = self._answer()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Send a request, wait for its answer."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"error: a side ended: {' '.join(map(str, self._process.args))}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def workers(chosen: argparse.Namespace, context: int, stack: ExitStack) -> dict[str, Worker]:
    """The sides, loaded one after the other."""
    model, threads = preset(chosen.preset), str(chosen.threads)
    commands: dict[str, tuple[str, ...]] = {
        OURS: (sys.executable, "ours.py", model.name, threads, *chosen.ours.split(",")),
        THEIRS: (sys.executable, "hugging_face.py", str(weights.prepare(model)), threads),
    }
    if chosen.llama_python and model.asset:
        file = str(assets.fetch(model.asset))
        for name, flash in LLAMA.items():
            commands[name] = (
                chosen.llama_python, "llama.py", file, threads, str(context), flash,
            )  # fmt: skip
    return {name: stack.enter_context(Worker(*command)) for name, command in commands.items()}


def reading(sides: dict[str, Worker], ids: Ids, tokens: int, runs: int) -> dict[str, Any]:
    """Tokens read a second."""
    seen: dict[str, list[float]] = {name: [] for name in sides}
    for run in range(runs):
        # Another first token, so that no page of an earlier run can serve.
        prompt = list(ids[run + 1 : run + 1 + tokens])
        for name, side in sides.items():
            seen[name].append(tokens / side.ask("read", ids=prompt)["seconds"])
    return {"what": "reading", "depth": tokens, "tok_s": _summaries(seen)}


def writing(
    sides: dict[str, Worker], ids: Ids, depth: int, lengths: tuple[int, int], runs: int
) -> dict[str, Any]:
    """Tokens written a second at a depth, and the first of them."""
    first, last = lengths
    seen: dict[str, list[float]] = {name: [] for name in sides}
    wrote: dict[str, list[int]] = {}
    for side in sides.values():
        side.ask("keep", ids=list(ids[:depth]))
    for _ in range(runs):
        for name, side in sides.items():
            answer = side.ask("write", first=first, last=last)
            seen[name].append((last - first) / answer["seconds"])
            wrote[name] = answer["ids"][:first]
    return {"what": "writing", "depth": depth, "tok_s": _summaries(seen), "wrote": wrote}


def _summaries(seen: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    return {
        name: {
            "median": round(median(rates), 2),
            "min": round(min(rates), 2),
            "max": round(max(rates), 2),
        }
        for name, rates in seen.items()
    }


def ratios(row: dict[str, Any]) -> dict[str, float]:
    """How many times as fast ours is as each peer."""
    rates = {name: summary["median"] for name, summary in row["tok_s"].items()}
    found = {"transformers": rates[OURS] / rates[THEIRS]}
    llama = [rates[name] for name in LLAMA if name in rates]
    if llama:
        found["llama_cpp"] = rates[OURS] / max(llama)
    return {name: round(ratio, 3) for name, ratio in found.items()}


def show(row: dict[str, Any]) -> None:
    """One line for each side."""
    for name, rate in row["tok_s"].items():
        print(
            f"{row['what']:<8}{row['depth']:>7}  {name:<28}{rate['median']:>9.1f}"
            f"   ({rate['min']:.1f} to {rate['max']:.1f})",
            flush=True,
        )
    told = ", ".join(f"{ratio:.2f} x {name}" for name, ratio in row["ratios"].items())
    print(f"{'':<17}ours is {told}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="small")
    parser.add_argument("--text", type=Path, help="real text to read, .gz too")
    parser.add_argument("--depths", help="default 256,2048 and 7500 or 16000 by the context")
    parser.add_argument("--prompt", type=int, default=2048, help="tokens to read from nothing")
    parser.add_argument("--lengths", default="16,80", help="tokens between which time is taken")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=hardware.cores())
    parser.add_argument("--ours", default="nf4,int8,sparse", help="quantization,kv,attention")
    parser.add_argument("--llama-python", metavar="PYTHON")
    chosen = parser.parse_args()

    longest = 16_000 if preset(chosen.preset).context > 16_384 else 7_500
    depths = whole_numbers(chosen.depths or f"256,2048,{longest}")
    first, last = whole_numbers(chosen.lengths)
    needed = max(*depths, chosen.prompt + chosen.runs)
    chat = chat_of(chosen.preset)
    ids = tokens_of(chat, text_of(chosen.text), needed + 1)
    with ExitStack() as stack:
        sides = workers(chosen, needed + last + 1, stack)
        for side in sides.values():
            side.ask("keep", ids=ids[:WARM_UP])
            side.ask("write", first=1, last=4)
        print(f"{'':<8}{'depth':>7}  {'side':<28}{'tok/s':>9}")
        rows = []
        if chosen.prompt:
            rows.append(reading(sides, ids, chosen.prompt, chosen.runs))
            rows[-1]["ratios"] = ratios(rows[-1])
            show(rows[-1])
        for depth in depths:
            rows.append(writing(sides, ids, depth, (first, last), chosen.runs))
            rows[-1]["ratios"] = ratios(rows[-1])
            rows[-1]["wrote"] = {
                name: chat.tokenizer.decode(wrote) for name, wrote in rows[-1]["wrote"].items()
            }
            show(rows[-1])
        memory = {name: side.ask("memory") for name, side in sides.items()}
        told = {name: side.about for name, side in sides.items()}
    print(
        json.dumps(
            {
                "benchmark": "engine",
                "preset": chosen.preset,
                "text": chosen.text.name if chosen.text else "prose",
                "ours": chosen.ours,
                "lengths": [first, last],
                "runs": chosen.runs,
                "threads": chosen.threads,
                "rows": rows,
                "sides": {name: about | memory[name] for name, about in told.items()},
                **surroundings("torch", "transformers", "bitsandbytes"),
            }
        )
    )


if __name__ == "__main__":
    main()
