"""Which tests the sanitizer is said to have found clean: those that it saw to their end."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
import sanitize
import sanitize_launches
import torch
from sanitize import FILES, TOGETHER, TOOLS, Result, Task, judged, kernels, place, read, tasks, told
from torch.nn.functional import linear

QUICK = [f"tests/model/test_triton_append.py::test_append[{n}]" for n in range(TOGETHER + 3)]
MODEL = "tests/model/test_captured.py::test_tokens_are_those_of_the_decoder[1-llama]"
ENGINE = "tests/model/test_device_engine.py::test_drafts_change_nothing"
BOTH = (QUICK[0], MODEL)
PROMPT = "tests/model/test_reading.py::test_what_is_read_is_what_the_naive_kernels_read[1]"
TASK = Task("memcheck", (QUICK[0], QUICK[1]))
TOLD = {test: {"append_kernel": 2} for test in TASK.tests}
CLEAN = "1 passed\n========= ERROR SUMMARY: 0 errors\n"


def test_every_file_is_there() -> None:
    assert all((Path(sanitize.__file__).parents[1] / name).is_file() for name in FILES)


def test_every_kernel_is_looked_at() -> None:
    found = kernels()
    assert {"nf4_product", "attend", "attend_held", "join", "sample", "flash_kernel"} <= set(found)
    assert len(found) == 23  # two names are of two kernels


def test_each_test_has_its_turn_once_under_each_tool_the_quick_ones_last() -> None:
    tests = [*QUICK, MODEL, ENGINE]
    found = tasks(tests, sanitize.TOOLS, [])
    for tool in sanitize.TOOLS:
        own = [test for task in found if task.tool == tool for test in task.tests]
        assert sorted(own) == sorted(tests)
    assert [task.tests[0] for task in found[:4]] == [ENGINE, ENGINE, MODEL, MODEL]
    assert [len(task.tests) for task in found[4:]] == [TOGETHER, 3, TOGETHER, 3]
    assert place(QUICK[0]) == 0


def result(tool: str, tests: tuple[str, ...], seconds: float, verdict: sanitize.Verdict) -> Result:
    return Result(tool, tests, verdict, seconds, {test: {} for test in tests}, code="of before")


def test_what_took_longest_begins_first_whatever_the_code_was() -> None:
    before = [
        result("racecheck", (MODEL,), 700.0, "clean"),
        result("racecheck", (ENGINE,), 90.0, "clean"),
        result("memcheck", (ENGINE,), 500.0, "not clean"),
        result("memcheck", (MODEL,), 9_000.0, "did not end"),
        result("memcheck", (MODEL,), 20.0, "clean"),
        result("memcheck", (MODEL,), 9_000.0, "did not end"),
    ]
    assert tasks([ENGINE, MODEL], sanitize.TOOLS, before) == [
        Task("racecheck", (MODEL,)),
        Task("memcheck", (ENGINE,)),
        Task("racecheck", (ENGINE,)),
        Task("memcheck", (MODEL,)),
    ]


def test_what_was_clean_is_not_run_again() -> None:
    done = [
        replace(result("memcheck", tuple(QUICK), 9.0, "clean"), code=sanitize.version()),
        replace(result("racecheck", (ENGINE,), 9.0, "clean"), code=sanitize.version()),
    ]
    assert tasks([ENGINE, *QUICK], sanitize.TOOLS, done) == [
        Task("memcheck", (ENGINE,)),
        Task("racecheck", tuple(QUICK[:TOGETHER])),
        Task("racecheck", tuple(QUICK[TOGETHER:])),
    ]


def test_a_process_with_a_graph_keeps_pytorchs_allocator() -> None:
    assert sanitize.alone(QUICK[0])
    assert sanitize.alone(PROMPT)
    assert not sanitize.alone(MODEL)
    assert not sanitize.alone(ENGINE)
    assert not sanitize.alone(
        "test_triton_products.py::test_blocks_that_share_meet_again_and_again[1]"
    )


@pytest.mark.parametrize(
    ("code", "log", "launches", "verdict"),
    [
        (0, CLEAN, TOLD, "clean"),
        (0, "= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)", TOLD, "clean"),
        (0, "= RACECHECK SUMMARY: 2 hazards displayed (2 errors, 0 warnings)", TOLD, "not clean"),
        (0, "= ERROR SUMMARY: 1 error", TOLD, "not clean"),
        (1, CLEAN, TOLD, "not clean"),  # a test failed
        (0, CLEAN, {QUICK[0]: {}}, "did not end"),  # of the second nothing is known
        (9, CLEAN, {}, "did not end"),  # what it ran was killed, and it says that all is well
        (0, "2 passed", TOLD, "did not end"),  # it says nothing
        (-9, CLEAN, TOLD, "did not end"),
        (None, CLEAN, TOLD, "did not end"),
    ],
)
def test_only_what_was_seen_to_its_end_is_clean(
    code: int | None, log: str, launches: dict[str, dict[str, int]], verdict: str
) -> None:
    assert judged(TASK, code, log, launches) == verdict


def tool_that(does: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compute-sanitizer that runs nothing."""
    path = folder / "bin" / "compute-sanitizer"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent), prepend=":")


def test_a_process_is_told_with_what_it_launched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = json.dumps({"test": ENGINE, "launches": {"join": 3}, "skipped": False})
    summary = "========= ERROR SUMMARY: 0 errors"
    tool_that(f"echo '{line}' >> $LAUNCHES; echo '{summary}'", tmp_path, monkeypatch)
    found = sanitize.run(Task("memcheck", (ENGINE,)), 0, time.time() + 60, tmp_path)
    assert (found.verdict, found.launches, found.log) == ("clean", {ENGINE: {"join": 3}}, "")


def test_products_that_racecheck_ends_are_made_in_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)"
    tool_that(f"echo $PRODUCTS; echo '{told}'", tmp_path, monkeypatch)
    assert not sanitize.products_end()
    found = sanitize.run(Task("racecheck", (ENGINE,)), 0, time.time() + 60, tmp_path, "float32")
    assert found.log.startswith("float32")
    tool_that("exit 1", tmp_path, monkeypatch)
    assert sanitize.products_end()


def test_a_product_in_float32_is_that_of_bfloat16() -> None:
    x, weight, bias = torch.randn(3, 64), torch.randn(5, 64), torch.randn(5)
    expected = linear(x.bfloat16(), weight.bfloat16(), bias.bfloat16())
    found = sanitize_launches.in_float32(x.bfloat16(), weight.bfloat16(), bias.bfloat16())
    assert found.dtype == torch.bfloat16
    assert torch.allclose(found.float(), expected.float(), atol=0.1, rtol=0.02)
    assert torch.equal(sanitize_launches.in_float32(x, weight, bias), linear(x, weight, bias))


def test_as_many_run_at_once_as_the_memory_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now: list[Task] = []
    most = [0]

    def run(task: Task, *_: object) -> Result:
        now.append(task)
        most[0] = max(most[0], sum(task.memory for task in now))
        time.sleep(0.01)
        now.remove(task)
        return Result(task.tool, task.tests, "clean", 0.01, code=sanitize.version())

    monkeypatch.setattr(sanitize, "run", run)
    monkeypatch.setattr(sanitize, "products_end", lambda: False)
    monkeypatch.setattr(sanitize.subprocess, "check_output", lambda *_, **__: "GPU 0")
    monkeypatch.setattr(sanitize.os, "sysconf", {"SC_PAGE_SIZE": 1 << 30, "SC_PHYS_PAGES": 13}.get)
    left = [Task(tool, (f"{test}{n}",)) for n in range(9) for tool in TOOLS for test in BOTH]
    assert {task.memory for task in left} == {3, 5}
    assert Task("racecheck", (ENGINE,)).memory > 13
    results = tmp_path / "results.jsonl"
    expected = {(task.tool, task.tests) for task in left}
    sanitize.run_all(left, 8, time.time() + 60, results)
    assert {(result.tool, result.tests) for result in read(results)} == expected
    assert 10 < most[0] <= 13


def test_a_process_that_takes_too_long_is_ended_and_did_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool_that("echo begun; sleep 60", tmp_path, monkeypatch)
    began = time.time()
    found = sanitize.run(Task("racecheck", (ENGINE,)), 0, began, tmp_path)
    assert time.time() - began < 30
    assert found.verdict == "did not end"
    assert "begun" in found.log


def test_a_header_that_kernels_include_is_code(monkeypatch: pytest.MonkeyPatch) -> None:
    before, read_bytes = sanitize.version(), Path.read_bytes
    header = sanitize.KERNELS / "tail.cuh"
    assert header.is_file()

    def changed(path: Path) -> bytes:
        return read_bytes(path) + b" " * (path == header)

    monkeypatch.setattr(Path, "read_bytes", changed)
    sanitize.version.cache_clear()
    after = sanitize.version()
    monkeypatch.undo()
    sanitize.version.cache_clear()
    assert after != before == sanitize.version()


def test_what_was_clean_with_other_code_does_not_count(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    line = Result("memcheck", (ENGINE,), "clean", 1.0, {ENGINE: {"join": 2}}, code="of before")
    results.write_text(json.dumps(sanitize.asdict(line)) + "\n")
    assert told(read(results), [ENGINE], ["memcheck"]) == [f"memcheck: {ENGINE}: not begun"]
    assert tasks([ENGINE], ["memcheck"], read(results)) == [Task("memcheck", (ENGINE,))]


def test_a_kernel_that_nothing_clean_has_launched_is_named() -> None:
    code = sanitize.version()
    clean = Result("memcheck", (MODEL,), "clean", 1.0, {MODEL: {"join": 2}}, code=code)
    wrong = replace(clean, verdict="not clean", launches={MODEL: {"sample": 2}})
    assert [
        f"memcheck: {name}: never launched" for name in kernels() if name != "join"
    ] == sanitize.unseen([clean, wrong], ["memcheck"])
    assert sanitize.unseen([clean], ["racecheck"])[0].startswith("racecheck: ")


@pytest.mark.parametrize(
    ("output", "found"),
    [
        (
            ["LAUNCHED", "Race reported at nf4_product_race+0x90", "RACECHECK SUMMARY: 1 hazard"],
            True,
        ),
        (["LAUNCHED", "Internal Sanitizer Error", "RACECHECK SUMMARY: 1 hazard"], False),
        (["LAUNCHED", "Race reported at reduce_kernel+0x9", "RACECHECK SUMMARY: 1 hazard"], False),
        (["Race reported at nf4_product_race+0x90", "RACECHECK SUMMARY: 1 hazard"], False),
        (["LAUNCHED", "RACECHECK SUMMARY: 0 hazards"], False),
    ],
)
def test_what_is_planted_is_found_by_its_name(output: list[str], found: bool) -> None:
    said = "\n".join(f"========= {line} displayed" for line in output)
    assert sanitize.told_of(("race", "cuda"), said) == found


def test_what_is_not_clean_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.jsonl"
    assert read(results) == []
    both = {ENGINE: {"join": 2}, MODEL: {"join": 3}, PROMPT: {}}
    code = sanitize.version()
    lines = [
        Result("memcheck", (ENGINE,), "did not end", 1.0, code=code),
        Result("memcheck", (ENGINE, MODEL, PROMPT), "clean", 2.0, both, (PROMPT,), code),
        Result("racecheck", (ENGINE,), "not clean", 1.0, {ENGINE: {"join": 2}}, (), code, "a race"),
    ]
    results.write_text("".join(json.dumps(sanitize.asdict(line)) + "\n" for line in lines))
    assert read(results) == lines
    assert told(read(results), [ENGINE, MODEL, PROMPT], sanitize.TOOLS) == [
        f"racecheck: {ENGINE}: not clean",
        f"racecheck: {MODEL}: not begun",
        f"racecheck: {PROMPT}: not begun",
    ]
    printed = capsys.readouterr().out
    assert "memcheck: 2 of 3 tests clean, 1 skipped\n  skipped: " + PROMPT in printed
    assert [line.split() for line in printed.splitlines() if "join" in line] == [["join", "5"]]
