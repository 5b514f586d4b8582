"""`bench engine`: what it measures, how it tells, and what it refuses."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from cli_support import Cli

from vademecum.app import bench
from vademecum.app.bench import EngineBench, Speed

REPORT: dict[str, Any] = {
    "quantization": "nf4",
    "device": "cpu",
    "device_reason": "the GPU is too old",
    "capability": "AVX512",
    "threads": 2,
    "kernels": {"set": "cpu", "reason": "compiled\x1b[2J here"},
    "attention": {"kind": "sparse", "from_tokens": 8192},
    "cache": {"kind": "int8", "bytes_per_token": 8000.0},
}


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


def found(monkeypatch: pytest.MonkeyPatch, *speeds: Speed) -> dict[str, Any]:
    """Let the measuring find these; what it was asked for is returned, once it was."""
    asked: dict[str, Any] = {}

    def scripted(preset: Any, depths: list[int], **options: Any) -> EngineBench:
        asked.update(options, model=preset.name, depths=depths)
        return EngineBench(preset.name, 1.25, 12_000, speeds, REPORT)

    monkeypatch.setattr(bench, "engine", scripted)
    return asked


FAST = Speed(256, 0.5, 512.0, (39.0, 40.0, 41.5))
SILENT = Speed(2048, 4.0, 512.0, None)


def test_each_depth_is_a_line_under_what_was_measured(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, FAST, SILENT)
    done = cli("bench", "engine", "--model", "tiny")
    assert done.code == 0, done.stderr
    assert [line.rstrip() for line in done.stdout.splitlines()[:5]] == [
        "model       tiny, nf4, loaded in 1.2 s",
        "machine     cpu (the GPU is too old), AVX512, threads: 2",
        "kernels     cpu: compiled here",
        "attention   sparse from 8,192 tokens",
        "KV cache    8,000 bytes a token (int8), 1.50 times less than bf16",
    ]
    assert [line.split() for line in done.stdout.splitlines()[6:]] == [
        ["256", "0.5", "s", "512", "40", "39", "41.5"],
        ["2,048", "4.0", "s", "512", "-", "-", "-"],
    ]


def test_json_tells_all(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, FAST, SILENT)
    done = cli("bench", "engine", "--model", "tiny", "--json")
    assert done.json == {
        "model": "tiny",
        "load_s": 1.25,
        "kv_bytes_per_token": 8000.0,
        "kv_bytes_per_token_bf16": 12_000,
        "depths": [
            {
                "depth": 256,
                "first_token_s": 0.5,
                "prefill_tok_s": 512.0,
                "decode_tok_s": {"min": 39.0, "median": 40.0, "max": 41.5},
            },
            {
                "depth": 2048,
                "first_token_s": 4.0,
                "prefill_tok_s": 512.0,
                "decode_tok_s": None,
            },
        ],
        "engine": REPORT,
    }


def test_options_reach_the_measuring(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = found(monkeypatch, FAST)
    done = cli(
        *"bench engine --model small --depths 8,16 --quantization bf16 --attention dense".split(),
        *"--kv k8v4 --device cpu".split(),
    )
    assert done.code == 0, done.stderr
    del asked["progress"]
    assert asked == {
        "model": "small",
        "depths": [8, 16],
        "quantization": "bf16",
        "attention": "dense",
        "kv": "k8v4",
        "device": "cpu",
    }


def test_auto_is_the_model_that_the_environment_names(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VADEMECUM_MODEL", "medium")
    asked = found(monkeypatch, FAST)
    assert cli("bench", "engine").code == 0
    assert asked["model"] == "medium"


@pytest.mark.parametrize("depths", ["", "many", "256,", "0", "256,-1", "1.5"])
def test_depths_that_are_none_are_wrong_usage(cli: Cli, depths: str) -> None:
    done = cli("bench", "engine", "--model", "tiny", "--depths", depths)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"error: --depths {depths!r} is no list of lengths",
        "hint: write for example 256,2048",
    ]


def test_a_depth_beyond_the_context_is_refused_before_anything_is_loaded(
    cli: Cli, home: object
) -> None:
    done = cli("bench", "engine", "--model", "tiny", "--depths", "256,9000")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "error: a depth of 9,000 is beyond tiny's context of 8,192 tokens",
        "hint: use at most 8,159: 33 tokens are written after the prompt",
    ]


@pytest.mark.parametrize("model", ["none", "http://127.0.0.1:8000"])
def test_what_does_not_run_here_is_not_measured(cli: Cli, model: str) -> None:
    done = cli("bench", "engine", "--model", model)
    assert done.code == 2
    assert done.errors[0] == f"error: {model} is no model that runs on this machine"


def test_an_unknown_model_is_told_with_the_names_of_others(cli: Cli) -> None:
    done = cli("bench", "engine", "--model", "huge")
    assert done.code == 2
    assert done.errors[0] == "error: no model is called 'huge'"
    assert "tiny, small" in done.errors[1]


def test_prose_is_sentences_that_only_the_seed_decides() -> None:
    text = bench.prose(100, seed=1)
    assert len(text.split()) == 100
    assert text.endswith(".")
    assert text == bench.prose(100, seed=1) != bench.prose(100, seed=2)


@pytest.mark.e2e
def test_the_tiny_model_is_measured(cli: Cli, home: object) -> None:
    done = cli("bench", "engine", "--model", "tiny", "--depths", "40,200", "--json")
    assert done.code == 0, done.stderr
    told = done.json
    assert told["model"] == "tiny"
    assert told["load_s"] > 0
    assert [row["depth"] for row in told["depths"]] == [40, 200]
    for row in told["depths"]:
        assert row["first_token_s"] > 0
        # Read from nothing: every token took its time.
        assert row["prefill_tok_s"] == pytest.approx(row["depth"] / row["first_token_s"])
        rates = row["decode_tok_s"]
        assert all(low <= high for low, high in pairwise([0, *rates.values()]))
    # 8 bit keys and values with their scales and summaries.
    assert 0.5 < told["kv_bytes_per_token"] / told["kv_bytes_per_token_bf16"] < 0.7
    assert told["engine"]["quantization"] == "nf4"
    assert told["engine"]["kernels"]["reason"]
