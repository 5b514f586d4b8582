"""Where a model may run, and how a GPU that is too small is told: no GPU is needed."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from vademecum.errors import ModelError, UsageError
from vademecum.model import gpu, placement
from vademecum.model.cache import PagedCache
from vademecum.model.gpu import Obstacle
from vademecum.model.kernels import PAGE, KvKind
from vademecum.model.loading import room_for_cache
from vademecum.model.presets import PRESETS

GB = 10**9
RUNS_THERE = [
    model for model in PRESETS.values() if model.head_dim.bit_count() == 1 and model.context
]


@pytest.fixture
def usable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that nothing but its memory keeps a model from."""
    monkeypatch.setattr(gpu, "obstacle", lambda: None)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)


def test_without_a_gpu_the_cpu_is_chosen_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("vademecum.model.hardware.card", lambda: None)
    tiny = PRESETS["tiny"]
    place = placement.device_for("auto", "nf4", "int8", tiny)
    assert place.device.type == "cpu"
    assert "no NVIDIA GPU" in place.reason
    assert place.missed is None  # nobody misses what is not there
    assert placement.device_for("cpu", "nf4", "int8", tiny).reason == "asked for"
    with pytest.raises(UsageError, match="no NVIDIA GPU"):
        placement.device_for("cuda", "nf4", "int8", tiny)
    with pytest.raises(UsageError, match="unknown device"):
        placement.device_for("tpu", "nf4", "int8", tiny)  # type: ignore[arg-type]


def test_the_environment_says_what_auto_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "obstacle", lambda *_: None)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    tiny = PRESETS["tiny"]
    assert placement.device_for("auto", "nf4", "int8", tiny).device == torch.device("cuda", 1)
    monkeypatch.setenv("VADEMECUM_DEVICE", "cpu")
    assert placement.device_for("auto", "nf4", "int8", tiny).device.type == "cpu"
    assert placement.device_for("cuda", "nf4", "int8", tiny).device.type == "cuda"
    monkeypatch.setenv("VADEMECUM_DEVICE", "npu")
    with pytest.raises(UsageError, match="unknown device 'npu'"):
        placement.device_for("auto", "nf4", "int8", tiny)


def test_a_gpu_that_is_here_and_not_used_is_missed_unless_the_processor_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missed = Obstacle("it is too old", "buy one")
    monkeypatch.setattr(placement, "obstacle", lambda *_: missed)
    tiny = PRESETS["tiny"]
    place = placement.device_for("auto", "nf4", "int8", tiny)
    assert (place.device.type, place.reason, place.missed) == ("cpu", "it is too old", missed)
    assert placement.device_for("cpu", "nf4", "int8", tiny).missed is None
    with pytest.raises(UsageError, match="cannot be used: it is too old") as caught:
        placement.device_for("cuda", "nf4", "int8", tiny)
    assert caught.value.hint == "buy one; or use the device cpu"


@pytest.mark.usefixtures("usable")
def test_a_gpu_is_refused_for_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny, seven = PRESETS["tiny"], PRESETS["r1-qwen-7b"]
    assert "for the processor" in str(placement.obstacle("int8", "int8", tiny))
    assert "for the processor" in str(placement.obstacle("nf4", "plain", tiny))
    odd = replace(tiny, head_dim=96)
    assert "96 dimensions" in str(placement.obstacle("nf4", "int8", odd))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (4 * GB, 10 * GB))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    small = placement.obstacle("nf4", "int8", seven)
    assert small is not None
    assert small.why == "the GPU has 4.0 GB free; r1-qwen-7b with 4,096 tokens takes 6.0"
    assert "another of the 2 GPUs: CUDA_VISIBLE_DEVICES=N" in small.hint
    assert placement.obstacle("nf4", "int8", tiny) is None
    monkeypatch.setattr(gpu, "obstacle", lambda: Obstacle("no Triton", ""))
    assert placement.obstacle("nf4", "int8", tiny) == Obstacle("no Triton", "")


@pytest.mark.parametrize("asked", ["get_device_capability", "mem_get_info"])
def test_a_gpu_that_fails_when_it_is_asked_is_an_obstacle_like_others(
    monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    def full(*_: object) -> tuple[int, int]:
        raise torch.AcceleratorError("CUDA error: out of memory\nCompile with TORCH_USE_CUDA_DSA")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(torch.cuda, asked, full)
    monkeypatch.setattr(gpu, "_importable", lambda _: True)
    monkeypatch.setattr(gpu, "unbuildable", lambda: None)
    place = placement.device_for("auto", "nf4", "int8", PRESETS["tiny"])
    assert place.device.type == "cpu"
    assert place.reason == "CUDA says 'out of memory'"
    assert place.missed is not None
    assert "nvidia-smi" in place.missed.hint
    with pytest.raises(UsageError, match="the GPU cannot be used: CUDA says 'out of memory'"):
        placement.device_for("cuda", "nf4", "int8", PRESETS["tiny"])


@pytest.mark.usefixtures("usable")
@pytest.mark.parametrize("kv", ["int8", "k8v4"])
@pytest.mark.parametrize("name", [model.name for model in RUNS_THERE])
def test_a_gpu_that_is_taken_has_room_for_what_it_is_taken_for(
    monkeypatch: pytest.MonkeyPatch, name: str, kv: KvKind
) -> None:
    """What an engine finds beside the weights, for every amount of free memory."""
    model = PRESETS[name]
    least = min(placement.LEAST_TOKENS, model.context)
    page = PagedCache.bytes_per_page(
        model.layers, model.kv_heads, model.head_dim, kv, torch.bfloat16
    )
    needed = placement.needed_bytes(model, kv, least)
    taken, before = [], 0
    for more in (*range(-50 * 10**6, 10**9, 5 * 10**6 + 1), *range(10**9, 60 * GB, 3 * 10**8)):
        monkeypatch.setattr(placement, "free_bytes", lambda free=needed + more: free)
        place = placement.device_for("auto", "nf4", kv, model)
        taken.append(place.device.type == "cuda")
        left = needed + more - placement.weights_bytes(model)
        monkeypatch.setattr(placement, "free_bytes", lambda free=left: free)
        decoder = SimpleNamespace(device=torch.device("cuda"), config=model, chunk=1_024, at_once=0)
        if not taken[-1]:
            with pytest.raises(RuntimeError, match="too little to read and keep"):
                room_for_cache(decoder, model.context, page, 0)  # type: ignore[arg-type]
            continue
        tokens, cache = room_for_cache(decoder, model.context, page, 0)  # type: ignore[arg-type]
        assert least <= tokens <= model.context
        assert cache is not None
        assert cache // page * PAGE >= tokens
        chunks = decoder.at_once // decoder.chunk
        assert cache + placement.reading_bytes(model, tokens, chunks) < left
        assert tokens >= before or chunks > 1  # reading more at once takes from the cache
        before = tokens
    assert taken == sorted(taken)
    assert not taken[0]
    assert taken[11]  # as soon as what is told to be needed is there


def test_where_memory_is_ample_it_is_shared_by_the_whole_context() -> None:
    seven = PRESETS["r1-qwen-7b"]
    page = seven.kv_bytes(PAGE, "int8")
    room = placement.room(seven, page, 32_768, 70 * GB)
    assert (room.tokens, room.chunks) == (32_768, placement.MOST_CHUNKS)
    assert room.cache == int((70 * GB - placement.reading_bytes(seven, 32_768, 16)) * 0.9)
    none = placement.room(seven, page, 32_768, 10**8)
    assert (none.tokens, none.cache) == (0, 0)


def test_what_a_24_gb_gpu_holds() -> None:
    """An RTX 4090 has about 23.5 GB free."""
    assert placement.needed_bytes(PRESETS["r1-qwen-7b"], "int8", 4_096) < 7 * GB
    assert placement.needed_bytes(PRESETS["r1-qwen-14b"], "k8v4", 100_000) < 23 * GB
    assert placement.needed_bytes(PRESETS["r1-qwen-32b"], "int8", 4_096) < 23 * GB
    assert placement.needed_bytes(PRESETS["r1-llama-70b"], "int8", 4_096) > 24 * GB


def test_the_more_memory_is_free_the_more_of_a_prompt_is_read_at_once() -> None:
    seven, large = PRESETS["r1-qwen-7b"], PRESETS["r1-qwen-32b"]
    at_once = placement.chunks_at_once
    assert at_once(seven, 32_768, 70 * GB) == placement.MOST_CHUNKS
    assert at_once(seven, 32_768, 18 * GB) == 8  # an RTX 4090
    assert at_once(large, 8_192, 4 * GB) == 1
    assert at_once(seven, 2_048, 70 * GB) == 1  # no longer than what is to be read
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
    ("error", "told", "hint"),
    [
        (
            torch.AcceleratorError(
                "CUDA error: operation failed due to a previous error during capture\n"
                "Search for `cudaErrorStreamCaptureInvalidated' in the documentation"
            ),
            "the GPU was waited for elsewhere while a step was captured: CUDA error: operation",
            "torch.cuda.synchronize",
        ),
        (
            torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nmore"),
            "the GPU failed: CUDA error: an illegal memory access was encountered",
            "start again",
        ),
        (RuntimeError("CUDA: CUDA_ERROR_UNKNOWN"), "the GPU failed: CUDA: CUDA_ERROR", "again"),
        (RuntimeError("Triton Error [CUDA]: invalid"), "the GPU failed: Triton Error", "again"),
    ],
)
def test_an_error_of_the_gpu_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, error: RuntimeError, told: str, hint: str
) -> None:
    monkeypatch.setattr(torch.cuda, "device", nullcontext)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: (_ for _ in ()).throw(error))

    def events() -> Generator[int]:
        yield 1
        raise error

    answer = placement.on_device(events(), torch.device("cuda", 0))
    assert next(answer) == 1
    with pytest.raises(ModelError) as caught:
        next(answer)
    assert caught.value.message.startswith(told)
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.__cause__ is error


def test_an_error_of_our_own_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device", nullcontext)

    def events() -> Generator[int]:
        yield 1
        raise RuntimeError("shapes do not agree")

    with pytest.raises(RuntimeError, match="shapes do not agree"):
        list(placement.on_device(events(), torch.device("cuda", 0)))


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
