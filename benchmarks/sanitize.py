"""Are the tests of the GPU's kernels clean under compute-sanitizer, memcheck and racecheck?

    python benchmarks/sanitize.py [--results FILE] [--seconds 3600] [--workers 14] [--only REGEX]

First faults are planted, which must be found (`sanitize_planted.py`). Then every test: engines,
whole models and prompts, each in a process of its own, for they take minutes, and those of single
kernels, ten in a process; all GPUs in turn. What took longest before begins first. A line of each
process is added to the results as it ends. Begun again with the same results, what was clean is
not run again, unless the kernels or tests changed.

Racecheck looks at our kernels, each by its name: PyTorch's own have hazards. Where a bfloat16
product of PyTorch's ends under racecheck although no kernel is looked at (cuBLAS on Hopper), it is
made in float32. Under memcheck what captures no graph has each tensor in an allocation of its own,
with nothing of another's behind it, so that a byte behind it is found.
Launches are counted by `sanitize_launches.py`, those of a graph once a capture.

Prints how often each kernel was launched in what was clean, which tests were skipped, and which
were not clean, or did not end, and which kernel no test has launched: then it exits with 1.
Racecheck takes 5 GB of memory for a whole model, and 95 GB where several graphs are captured; as
many run at once as the machine holds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

HERE = Path(__file__).parent
KERNELS = HERE.parent / "model" / "kernels" / "triton"
FILES = [
    *(f"tests/model/test_triton_{part}.py"
      for part in ("append", "attention", "choice", "products", "prompts", "rows", "sampling")),
    "tests/model/test_rotated_kernels.py", "tests/model/test_captured.py",
    "tests/model/test_reading.py", "tests/model/test_ada.py", "tests/model/test_device_engine.py",
]  # fmt: skip
TOOLS = ("memcheck", "racecheck")
TOGETHER = 10  # quick tests of a process, whose start takes 15 s
# What takes long, the longest last; the others are quick.
SLOW = (
    "test_draws_have|flat_nucleus", "test_reading", "test_ada", "nothing_that_answers",
    "tokens_are_those|rows_are_as|begins_anew|a_draft_leaves", "test_device_engine",
)  # fmt: skip
GRAPHS = "test_ada|test_device_engine|meet_again|" + "|".join(SLOW[3:5])
MODELS = 5  # the place of the first that are whole models
CAPTURES_ANEW = "one_seed|stays_on|drafts_change|begins_anew|without_sparsity"
OF_SEVERAL_GPUS = "stays_on_its_gpu"
SUMMARY = re.compile(r"= (?:ERROR|RACECHECK) SUMMARY: (\d+) ")
PYTEST = [
    sys.executable,
    "-m",
    "pytest",
    "-o",
    "addopts=",
    "-p",
    "no:cacheprovider",
    "-o",
    "timeout=0",
]

Verdict = Literal["clean", "not clean", "did not end"]


@dataclass(frozen=True, slots=True)
class Task:
    """Tests of one process under a tool."""

    tool: str
    tests: tuple[str, ...]

    @property
    def memory(self) -> int:
        """What it takes at most, in GiB: racecheck keeps much of each graph."""
        if self.tool != "racecheck" or place(self.tests[0]) < MODELS:
            return 3
        return 96 if re.search(CAPTURES_ANEW, self.tests[0]) else 5


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it; `launches` of each test that ended, by kernel."""

    tool: str
    tests: tuple[str, ...]
    verdict: Verdict
    seconds: float
    launches: dict[str, dict[str, int]] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    code: str = ""  # that was run, as `version` tells it
    log: str = ""  # its end, if it was not clean


@cache
def version() -> str:
    """Of all that the tests are and run."""
    text = hashlib.sha256()
    for folder in (HERE.parent / "model", HERE.parent / "tests" / "model"):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".cu", ".cuh"):
                text.update(path.read_bytes())
    return text.hexdigest()[:12]


def kernels() -> list[str]:
    """The names of all of ours."""
    cuda = re.compile(r"__global__[^{;]*?(\w+)\(const ")
    triton = re.compile(r"@triton\.jit.*\ndef (\w+_kernel)\(")
    found = {
        name
        for pattern, kind in ((cuda, "cu"), (triton, "py"))
        for path in KERNELS.glob(f"*.{kind}")
        for name in pattern.findall(path.read_text("utf-8"))
    }
    return sorted(found)


def place(test: str) -> int:
    """Of which kind a test is: 0 is quick."""
    return next((n for n, slow in reversed([*enumerate(SLOW, 1)]) if re.search(slow, test)), 0)


def tasks(tests: Sequence[str], tools: Iterable[str], before: Iterable[Result]) -> list[Task]:
    """What is to be run, but for what was clean: first what took longest, with whatever code; what
    was never run is taken for slower the later its kind comes."""
    seconds: dict[tuple[str, str], float] = {}
    done = set()
    for result in before:
        if result.verdict != "did not end":
            seconds[result.tool, result.tests[0]] = result.seconds
        if result.verdict == "clean" and result.code == version():
            done |= {(result.tool, test) for test in result.tests}
    found: list[Task] = []
    for tool in tools:
        left = [test for test in tests if (tool, test) not in done]
        quick: dict[tuple[str, bool], list[str]] = defaultdict(list)
        for test in left:
            if place(test):
                found.append(Task(tool, (test,)))
            else:
                quick[test.split("::")[0], alone(test)].append(test)
        for some in quick.values():
            parts = (some[n : n + TOGETHER] for n in range(0, len(some), TOGETHER))
            found += [Task(tool, tuple(part)) for part in parts]

    def length(task: Task) -> tuple[float, int]:
        kind = place(task.tests[0])
        return seconds.get((task.tool, task.tests[0]), 60.0 * kind), kind

    return sorted(found, key=length, reverse=True)


def alone(test: str) -> bool:
    """Whether its tensors can have allocations of their own: no graph is captured."""
    return not re.search(GRAPHS, test)


def command(tool: str) -> list[str]:
    """compute-sanitizer's, before what it runs. CUDA's own bindings ask for functions that not
    every driver has: no error of ours."""
    options = ["compute-sanitizer", "--tool", tool, "--report-api-errors", "no"]
    options += ["--launch-timeout", "0", "--print-limit", "20"]
    if tool == "memcheck":
        options += ["--padding", "512"]
    if tool == "racecheck":
        for name in kernels():
            options += ["--kernel-name", f"kernel_substring={name}"]
    return options


def products_end() -> bool:
    """Whether racecheck ends a product of PyTorch's even where it is to look at no kernel."""
    nothing = ["compute-sanitizer", "--tool", "racecheck", "--kernel-name", "kernel_substring=none"]
    product = "import torch; x = torch.ones(64, 64, dtype=torch.bfloat16, device='cuda'); "
    product += "print(torch.nn.functional.linear(x, x).sum().item())"
    found = subprocess.run(
        [*nothing, sys.executable, "-c", product], capture_output=True, check=False, timeout=300
    )
    return found.returncode != 0


def judged(task: Task, code: int | None, log: str, told: dict[str, dict[str, int]]) -> Verdict:
    """What a process's exit code (None: it was ended), output and tests say."""
    summary = SUMMARY.findall(log)
    if code is None or code < 0 or not summary or told.keys() != set(task.tests):
        return "did not end"
    return "clean" if code == 0 and summary[-1] == "0" else "not clean"


def run(task: Task, gpu: int, until: float, folder: Path, products: str = "") -> Result:
    """One process, ended if it has not by itself. `products`: as what PyTorch's are made."""
    name = re.sub(r"\W+", "-", f"{task.tool}-{task.tests[0][-80:]}")
    log, lines = folder / f"{name}.txt", folder / f"{name}.jsonl"
    lines.unlink(missing_ok=True)
    given = os.environ | {"LAUNCHES": str(lines), "OMP_NUM_THREADS": "1", "PRODUCTS": products}
    given["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
    if not any(OF_SEVERAL_GPUS in test for test in task.tests):
        given["CUDA_VISIBLE_DEVICES"] = str(gpu)
    if task.tool == "memcheck" and all(map(alone, task.tests)):
        given["PYTORCH_NO_CUDA_MEMORY_CACHING"] = "1"
    began = time.time()
    code: int | None = None
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command(task.tool), *PYTEST, "-p", "sanitize_launches", *task.tests],
            stdout=output, stderr=subprocess.STDOUT, env=given, start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(max(1.0, until - began))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    text = log.read_text(errors="replace")
    told = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    launches = {line["test"]: line["launches"] for line in told}
    skipped = tuple(line["test"] for line in told if line["skipped"])
    verdict = judged(task, code, text, launches)
    end = "" if verdict == "clean" else text[-4_000:]
    seconds = round(time.time() - began, 1)
    return Result(task.tool, task.tests, verdict, seconds, launches, skipped, version(), end)


def told_of(what: Sequence[str], output: str) -> bool:
    """Whether the kernel that was planted is what the tool found."""
    fault, how, *_ = what
    name = f"nf4_product_{fault}" if how == "cuda" else "planted_append_kernel"
    summary = SUMMARY.findall(output)
    _, launched, after = output.partition("LAUNCHED")
    return bool(launched and summary) and summary[-1] != "0" and f" at {name}+" in after


def planted(folder: Path) -> list[str]:
    """Faults that were not found."""

    def missed(tool: str, what: Sequence[str]) -> bool:
        own = {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"} if what[0] == "behind" else {}
        found = subprocess.run(
            [*command(tool), sys.executable, str(HERE / "sanitize_planted.py"), *what],
            capture_output=True, text=True, check=False, timeout=300, env=os.environ | own,
        )  # fmt: skip
        (folder / f"planted-{'-'.join(what)}.txt").write_text(found.stdout + found.stderr)
        return not told_of(what, found.stdout)

    faults: list[tuple[str, tuple[str, ...]]] = [
        (tool, (fault, how, *graph))
        for tool, fault in (("memcheck", "outside"), ("racecheck", "race"))
        for how in ("cuda", "triton")
        for graph in ((), ("graph",))
    ]
    faults += [("memcheck", ("behind", how)) for how in ("cuda", "triton")]
    faults += [("racecheck", ("copied", "cuda", *graph)) for graph in ((), ("graph",))]
    with ThreadPoolExecutor(len(faults)) as pool:
        found = [*pool.map(lambda fault: missed(*fault), faults)]
    return [" ".join(what) for (_, what), was in zip(faults, found, strict=True) if was]


def read(results: Path) -> list[Result]:
    if not results.exists():
        return []
    lines = map(json.loads, results.read_text().splitlines())
    tuples = ("tests", "skipped")
    return [Result(**(line | {name: tuple(line[name]) for name in tuples})) for line in lines]


def told(found: Iterable[Result], tests: Sequence[str], tools: Iterable[str]) -> list[str]:
    """Prints what is known, and gives what is not clean."""
    last = {
        (result.tool, test): result
        for result in found
        if result.code == version()
        for test in result.tests
    }
    wrong = []
    for tool in tools:
        launches: Counter[str] = Counter()
        clean, skipped = 0, []
        for test in tests:
            result = last.get((tool, test))
            if result is not None and test in result.skipped:
                skipped.append(test)
                continue
            if result is not None and result.verdict == "clean":
                clean += 1
                launches.update(result.launches[test])
                continue
            wrong.append(f"{tool}: {test}: {result.verdict if result else 'not begun'}")
        print(f"{tool}: {clean} of {len(tests)} tests clean, {len(skipped)} skipped")
        print("".join(f"  skipped: {test}\n" for test in skipped), end="")
        for name, count in sorted(launches.items()):
            print(f"  {name:<36}{count:>8,}")
    return wrong


def unseen(found: Iterable[Result], tools: Iterable[str]) -> list[str]:
    """Kernels that nothing clean has launched."""
    clean = [each for each in found if each.code == version() and each.verdict == "clean"]
    wrong = []
    for tool in tools:
        launches = [each.launches.values() for each in clean if each.tool == tool]
        seen = {name.rpartition(".")[2] for tests in launches for names in tests for name in names}
        wrong += [f"{tool}: {name}: never launched" for name in kernels() if name not in seen]
    return wrong


def run_all(left: list[Task], workers: int, until: float, results: Path) -> None:
    """Runs them, until it is time; adds each result to the file."""
    gpus = len(subprocess.check_output(["nvidia-smi", "-L"], text=True).splitlines())
    products = dict.fromkeys(TOOLS, "")
    if any(task.tool == "racecheck" for task in left) and products_end():
        print("racecheck ends PyTorch's bfloat16 products: made in float32", flush=True)
        products["racecheck"] = "float32"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    changed = threading.Condition()
    running: list[Task] = []

    def taken() -> Task | None:
        """The next task that the memory holds beside those that run; None if there is no other."""
        while left and time.time() < until:
            free = memory - sum(task.memory for task in running)
            for task in left:
                if task.memory <= free or not running:
                    left.remove(task)
                    running.append(task)
                    return task
            changed.wait(10.0)
        return None

    def work(worker: int) -> None:
        while True:
            with changed:
                task = taken()
            if task is None:
                return
            result = run(task, worker % gpus, until, results.with_suffix(""), products[task.tool])
            with changed, results.open("a") as file:
                running.remove(task)
                changed.notify_all()
                file.write(json.dumps(asdict(result)) + "\n")
                line = f"{result.seconds:6.0f} s  {result.verdict:<12}{task.tool:<10}"
                print(line + task.tests[0], flush=True)

    with ThreadPoolExecutor(workers) as pool:
        [*pool.map(work, range(workers))]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=Path("sanitized.jsonl"))
    parser.add_argument("--seconds", type=float, default=3_600.0)
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 1) - 2))
    parser.add_argument("--only", default="", help="tests whose names hold this expression")
    parser.add_argument("--tools", default=",".join(TOOLS))
    chosen = parser.parse_args()
    until, tools = time.time() + chosen.seconds, chosen.tools.split(",")
    results: Path = chosen.results.absolute()
    folder = results.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    if missed := planted(folder):
        raise SystemExit(f"planted, and not found: {', '.join(missed)}")
    print("all that was planted was found", flush=True)
    listed = subprocess.run(
        [*PYTEST, "-q", "--collect-only", *FILES], capture_output=True, text=True, check=True
    )
    tests = [line for line in listed.stdout.splitlines() if "::" in line]
    tests = [test for test in tests if re.search(chosen.only, test)]
    if not tests:
        raise SystemExit(f"no test's name holds {chosen.only!r}")
    run_all(tasks(tests, tools, read(results)), chosen.workers, until, results)
    wrong = told(read(results), tests, tools)
    if not chosen.only:
        wrong += unseen(read(results), tools)
    print("\n".join(wrong))
    sys.exit(int(bool(wrong)))


if __name__ == "__main__":
    main()
