"""Where a model may run, and how a GPU that is too small is told: no GPU is needed."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

from vademecum.errors import ModelError, UsageError
from vademecum.model import placement
from vademecum.model.presets import PRESETS


def test_without_a_gpu_the_cpu_is_chosen_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    tiny = PRESETS["tiny"]
    device, reason = placement.device_for("auto", "nf4", "int8", tiny)
    assert device.type == "cpu"
    assert "no NVIDIA GPU" in reason
    assert placement.device_for("cpu", "nf4", "int8", tiny)[1] == "asked for"
    with pytest.raises(UsageError, match="no NVIDIA GPU"):
        placement.device_for("cuda", "nf4", "int8", tiny)
    with pytest.raises(UsageError, match="unknown device"):
        placement.device_for("tpu", "nf4", "int8", tiny)  # type: ignore[arg-type]


def test_the_environment_says_what_auto_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "obstacle", lambda *_: None)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    tiny = PRESETS["tiny"]
    assert placement.device_for("auto", "nf4", "int8", tiny)[0] == torch.device("cuda", 1)
    monkeypatch.setenv("VADEMECUM_DEVICE", "cpu")
    assert placement.device_for("auto", "nf4", "int8", tiny)[0].type == "cpu"
    assert placement.device_for("cuda", "nf4", "int8", tiny)[0].type == "cuda"
    monkeypatch.setenv("VADEMECUM_DEVICE", "npu")
    with pytest.raises(UsageError, match="unknown device 'npu'"):
        placement.device_for("auto", "nf4", "int8", tiny)


def test_a_gpu_is_refused_for_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny, seven = PRESETS["tiny"], PRESETS["r1-qwen-7b"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (8, 6))
    assert "for the CPU" in str(placement.obstacle("int8", "int8", tiny))
    assert "for the CPU" in str(placement.obstacle("nf4", "plain", tiny))
    assert "8.6, below 8.9" in str(placement.obstacle("nf4", "int8", tiny))
    odd = replace(tiny, head_dim=96)
    assert "96 dimensions" in str(placement.obstacle("nf4", "int8", odd))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (4 * 10**9, 10**10))
    monkeypatch.setattr(placement, "_importable", lambda module: True)
    assert "4.0 GB free; r1-qwen-7b" in str(placement.obstacle("nf4", "int8", seven))
    assert placement.obstacle("nf4", "int8", tiny) is None
    monkeypatch.setattr(placement, "_importable", lambda module: module == "triton")
    assert "cuda.bindings" in str(placement.obstacle("nf4", "int8", tiny))


def test_what_a_24_gb_gpu_holds() -> None:
    """An RTX 4090 has about 23.5 GB free."""
    gb = 10**9
    assert placement.needed_bytes(PRESETS["r1-qwen-7b"], "int8", 4_096) < 7 * gb
    assert placement.needed_bytes(PRESETS["r1-qwen-14b"], "k8v4", 100_000) < 23 * gb
    assert placement.needed_bytes(PRESETS["r1-qwen-32b"], "int8", 4_096) < 23 * gb
    assert placement.needed_bytes(PRESETS["r1-llama-70b"], "int8", 4_096) > 24 * gb


def test_the_more_memory_is_free_the_more_of_a_prompt_is_read_at_once() -> None:
    gb, seven, large = 10**9, PRESETS["r1-qwen-7b"], PRESETS["r1-qwen-32b"]
    at_once = placement.chunks_at_once
    assert at_once(seven, 32_768, 70 * gb) == placement.MOST_CHUNKS
    assert at_once(seven, 32_768, 18 * gb) == 8  # an RTX 4090
    assert at_once(large, 8_192, 4 * gb) == 1
    assert at_once(seven, 2_048, 70 * gb) == 1  # no longer than what is to be read
    for chunks in (2, 4, 8, 16):
        free = 10 * placement.reading_bytes(seven, 32_768, chunks)
        assert at_once(seven, 32_768, free) == chunks
        assert at_once(seven, 32_768, free - 1) == chunks // 2


def test_a_gpu_without_memory_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device", nullcontext)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    gone = []

    def events() -> Generator[int]:
        held = [1]
        try:
            yield 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        finally:
            gone.append(held)

    told = placement.on_device(events(), torch.device("cuda", 0))
    assert next(told) == 1
    with pytest.raises(ModelError, match="no memory left for this answer"):
        next(told)
    assert gone == [[1]]

    left = placement.on_device(events(), torch.device("cuda", 0))
    next(left)
    left.close()  # type: ignore[attr-defined]
    assert gone == [[1], [1]]


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (torch.OutOfMemoryError("no"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA: CUDA_ERROR_OUT_OF_MEMORY"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
    ],
)
def test_what_running_out_looks_like(error: RuntimeError, is_memory: bool) -> None:
    assert placement.out_of_memory(error) is is_memory
