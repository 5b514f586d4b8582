"""The table of what is asked of the GPU's kernels: nothing asked is left out of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from gpu import LARGEST, PARTS, Row, rows, verdict

MODELS = ("qwen-1.5b", "qwen-7b", "llama-8b", "qwen-32b")
LARGER = ("qwen-14b", LARGEST)
ASKED = [
    "7B, all products of a token",
    *(f"{m} {p}, of copy" for m in (*MODELS[1:], *LARGER) for p in ("gate_up", "down")),
    *(f"{m}, attention at 100,000" for m in MODELS),
    *(f"{m}, a token at {n}" for m in ("qwen-1.5b", "qwen-7b") for n in ("4,096", "100,000")),
    "llama-8b, a token at 100,000",
    *(f"qwen-32b, a token at {n}" for n in ("4,096", "100,000")),
    *(f"{m}, pages of bf16" for m in (*MODELS, *LARGER)),
    "7B, prompt",
    "7B, first token of 2,048",
    "14B lean, peak of 100,000 tokens",
]


def all_is_well() -> dict[str, Any]:
    """What the parts tell where everything holds."""
    every = (*MODELS, *LARGER)
    products = [
        {
            "model": m,
            "products": [{"name": f"{m} {p}", "share": 0.8} for p in ("gate_up", "down")],
            "token_ms": 1.4,
        }
        for m in every
    ]
    at = [{"model": m, "tokens": n} for m in MODELS for n in (4_096, 100_000)]
    times = [line | {"kind": k, "both_us": 10.0} for line in at for k in ("int8", "k8v4")]
    steps = [
        {"model": m, "ms_4096": 1.0, "ms_100000": 1.1, "kv_share": 0.545, "wrong": []}
        for m in every
    ]
    prefill = {"chunks": 16, "prefill_s_1": 0.75, "prefill_s_16": 0.6}
    prefill |= {"first_token_ms_1": 45.0, "first_token_ms_16": 37.0}
    return {
        "products": {"models": products, "failed": []},
        "attention": {"times": times, "library": [line | {"us": 60.0} for line in at]},
        "step": {"models": steps},
        "prefill": prefill,
        "lean": {"held_gb": 18.0, "reading_gb": 18.4, "writing_gb": 18.1},
        "answer": {"plain": {}},
        "library": {"prefill_s": 1.2},
    }


def table(
    found: dict[str, Any], parts: Sequence[str] = PARTS, models: Sequence[str] = MODELS,
    larger: Sequence[str] = LARGER,
) -> dict[str, Row]:  # fmt: skip
    return {row.what: row for row in rows(found, parts, models, larger)}


def missed(found: dict[str, Any]) -> dict[str, str]:
    """What does not hold, and what stands in its place."""
    return {what: row.measured for what, row in table(found).items() if row.holds is False}


def test_everything_asked_has_a_row() -> None:
    found = table(all_is_well())
    assert sorted(found) == sorted(ASKED)
    assert all(row.holds for row in found.values())
    assert verdict(list(found.values())) == 0


def test_where_nothing_was_found_everything_is_missed() -> None:
    found = table({})
    four_bit = [f"{m}, values in 4 bit" for m in MODELS]  # told of where it is missing, only
    assert sorted(found) == sorted([*ASKED, *four_bit, *PARTS])
    assert {row.measured for row in found.values()} == {"NOT MEASURED"}
    assert verdict(list(found.values())) == 1


def test_a_step_whose_check_failed_is_not_measured() -> None:
    found = all_is_well()
    line = found["step"]["models"][1]
    del line["ms_4096"]
    line["wrong"] = [4_096]
    assert missed(found) == {
        "qwen-7b, a token at 4,096": "NOT MEASURED",
        "qwen-7b, steps checked": "1 wrong",
    }


def test_a_model_that_failed_has_no_figures() -> None:
    found = all_is_well()
    found["step"]["models"][0] = {"model": "qwen-1.5b", "failed": "an error"}
    assert set(missed(found)) == {
        "qwen-1.5b, a token at 4,096",
        "qwen-1.5b, a token at 100,000",
        "qwen-1.5b, pages of bf16",
    }


def test_a_product_that_failed_loses_no_other() -> None:
    found = all_is_well()
    line = found["products"]["models"][1]
    del line["token_ms"]
    line["products"][1] = {"name": "qwen-7b down", "failed": True}
    found["products"]["failed"] = ["qwen-7b down, 1 rows"]
    assert missed(found) == {
        "7B, all products of a token": "NOT MEASURED",
        "qwen-7b down, of copy": "NOT MEASURED",
        "products, checks": "1 wrong",
    }


@pytest.mark.parametrize("lost", ["times", "library"])
def test_attention_needs_both_of_its_times(lost: str) -> None:
    found = all_is_well()
    found["attention"][lost] = [
        line for line in found["attention"][lost] if line["model"] != "llama-8b"
    ]
    four_bit = {"llama-8b, values in 4 bit": "NOT MEASURED"} if lost == "times" else {}
    assert missed(found) == {"llama-8b, attention at 100,000": "NOT MEASURED"} | four_bit


def test_attention_to_values_in_4_bit_is_timed_too() -> None:
    found = all_is_well()
    found["attention"]["times"] = [
        line
        for line in found["attention"]["times"]
        if (line["model"], line["kind"], line["tokens"]) != ("qwen-7b", "k8v4", 100_000)
    ]
    assert missed(found) == {"qwen-7b, values in 4 bit": "NOT MEASURED"}


def test_a_prompt_is_measured_as_this_gpu_reads_it() -> None:
    """Not as it would be read fastest."""
    found = all_is_well()
    found["prefill"]["chunks"] = 1
    assert missed(found) == {}
    assert table(found)["7B, prompt"].measured == "1.60 x the library's"
    assert table(found)["7B, first token of 2,048"].measured == "45.000 ms"
    found["prefill"]["chunks"] = 4
    assert set(missed(found)) == {"7B, prompt", "7B, first token of 2,048"}


def test_what_is_too_slow_is_missed_and_so_is_nan() -> None:
    found = all_is_well()
    found["step"]["models"][1]["ms_4096"] = 2.3
    found["lean"]["reading_gb"] = float("nan")
    found["products"]["models"][1]["products"][0]["share"] = float("nan")
    assert set(missed(found)) == {"qwen-7b, a token at 4,096", "qwen-7b gate_up, of copy"} | {
        "14B lean, peak of 100,000 tokens"
    }
    assert verdict(list(table(found).values())) == 1


def test_the_largest_model_is_not_asked_of_a_gpu_that_cannot_hold_it() -> None:
    found = all_is_well()
    found["step"]["models"][-1] = {"model": LARGEST, "failed": "memory", "too_large_for_gb": 48.0}
    row = table(found)[f"{LARGEST}, pages of bf16"]
    assert (row.measured, row.holds) == ("too large for 48 GB", None)
    assert verdict(list(table(found).values())) == 0
    found["step"]["models"][-2] = {"model": "qwen-14b", "failed": "m", "too_large_for_gb": 48.0}
    assert missed(found) == {"qwen-14b, pages of bf16": "NOT MEASURED"}


def test_a_gpu_that_could_hold_the_largest_model_must() -> None:
    found = all_is_well()
    found["step"]["models"][-1] = {"model": LARGEST, "failed": "memory", "too_large_for_gb": 85.0}
    assert missed(found) == {f"{LARGEST}, pages of bf16": "NOT MEASURED"}


def test_of_parts_that_were_not_to_run_nothing_is_asked() -> None:
    found = table(all_is_well(), ("step", "prefill"), ("qwen-7b",), ())
    assert sorted(found) == [
        "7B, first token of 2,048",
        "qwen-7b, a token at 100,000",
        "qwen-7b, a token at 4,096",
        "qwen-7b, pages of bf16",
    ]


def test_a_wrong_answer_is_missed() -> None:
    """Nothing else is asked of answers."""
    found = all_is_well()
    found["answer"] = {}
    assert missed(found) == {"answer": "NOT MEASURED"}
