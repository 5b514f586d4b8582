"""Where a model runs, what it needs on a GPU, and what a GPU's errors are told as.

Imports no kernel: what they need may be missing.
"""

from __future__ import annotations

import gc
import traceback
from bisect import bisect
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, cast, get_args

import torch

from vademecum.errors import ModelError, UsageError
from vademecum.model import gpu
from vademecum.model.gpu import Obstacle
from vademecum.model.kernels import PAGE, KvKind
from vademecum.model.presets import BF16_BYTES, Preset
from vademecum.model.sparsity import GPU_CHUNK
from vademecum.settings import settings

DeviceKind = Literal["auto", "cpu", "cuda"]

LEAST_TOKENS = 4_096  # of cache: with less, a GPU is of no use
CACHE_SHARE = 0.9  # of what a GPU has free besides weights and what reading a prompt takes
NF4_BYTES = 0.5 + BF16_BYTES / 64  # a weight, in the layout of the kernels
FLOAT_BYTES = 4
BLOCK = 1_024  # pages of the past that `prefill_attention` decodes at a time
CHOSEN = 8_192  # tokens of it that a chunk reads where it chooses
CHOICE_BYTES = 300_000_000  # logits of pages, see `choice.LOGITS`, and what is made of them
MOST_CHUNKS = 16  # of a prompt that are read at once; more would gain nothing
# PyTorch's and cuBLAS's own rooms, and what lies between blocks of unequal size.
SPARE_BYTES = 300_000_000
# How errors of the driver begin that come through our kernels, and through Triton's.
DRIVERS = ("CUDA", "NVRTC", "Triton Error [CUDA]")
TOGETHER = 4 * GPU_CHUNK  # tokens of a prompt whose gated products are held at the same time

T = TypeVar("T")


class Sizes(Protocol):
    """What a `Preset` and a `ModelConfig` both tell."""

    @property
    def hidden(self) -> int: ...
    @property
    def intermediate(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def kv_heads(self) -> int: ...
    @property
    def head_dim(self) -> int: ...


def wanted(device: DeviceKind) -> DeviceKind:
    """What was asked for: VADEMECUM_DEVICE says what "auto" stands for.

    Raises UsageError for a device that there is none of.
    """
    asked = (settings().device or "auto") if device == "auto" else device
    if asked not in get_args(DeviceKind):
        known = ", ".join(get_args(DeviceKind))
        raise UsageError(f"unknown device {asked!r}", f"use one of: {known}")
    return cast(DeviceKind, asked)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model runs, and why; `missed` is what keeps it from a GPU that is here, unless the
    processor was asked for."""

    device: torch.device
    reason: str
    missed: Obstacle | None = None


def device_for(device: DeviceKind, quantization: str, kv: KvKind, model: Preset) -> Place:
    """Where a model is to run. Raises UsageError for a GPU that cannot be used."""
    asked = wanted(device)
    if asked == "cpu":
        return Place(torch.device("cpu"), "asked for")
    found = obstacle(quantization, kv, model)
    if found is None:
        # PyTorch's current one: CUDA_VISIBLE_DEVICES and torch.cuda.set_device choose it.
        where = torch.device("cuda", torch.cuda.current_device())
        return Place(where, "an NVIDIA GPU that the kernels are written for")
    if asked == "cuda":
        hint = f"{found.hint}; or use the device cpu" if found.hint else "use the device cpu"
        raise UsageError(f"the GPU cannot be used: {found.why}", hint)
    return Place(torch.device("cpu"), found.why, found if found.there else None)


def left(trouble: str) -> Place:
    """The processor, after what went wrong while a model was loaded onto the GPU."""
    hint = "VADEMECUM_DEVICE=cpu leaves the GPU alone, `vademecum --debug` tells more"
    return Place(torch.device("cpu"), trouble, Obstacle(trouble, hint))


def obstacle(quantization: str, kv: KvKind, model: Preset) -> Obstacle | None:
    """Why a model cannot run on the current GPU; None if it can."""
    try:
        found = gpu.obstacle()
        if found is not None:
            return found
        if quantization != "nf4" or kv == "plain":
            why = f"weights in {quantization} with {kv} pages are for the processor"
            return Obstacle(why, "the GPU takes nf4 with int8 or k8v4")
        if model.head_dim.bit_count() > 1:
            why = f"the heads of {model.name} have {model.head_dim} dimensions, no power of 2"
            return Obstacle(why, "take another model")
        free = free_bytes()
    except RuntimeError as error:  # the GPU is full, kept by another process, or broken
        return gpu.failing(error)
    context = min(LEAST_TOKENS, model.context)
    left = free - weights_bytes(model)
    if room(model, model.kv_bytes(PAGE, kv), model.context, left).tokens >= context:
        return None
    needed = needed_bytes(model, kv, context)
    return Obstacle(
        f"the GPU has {free / 1e9:.1f} GB free; {model.name} with {context:,} tokens takes "
        f"{needed / 1e9:.1f}",
        "close what else uses the GPU, or take a smaller model" + gpu.another(),
    )


def weights_bytes(model: Preset) -> int:
    """Memory for the weights. While they are placed, no more than is needed later to read a prompt
    is taken beside them."""
    small = model.non_embedding_parameters - model.linear_parameters
    embedding = model.vocab * model.hidden * (BF16_BYTES + 1)  # and the head, in 8 bit
    return int(model.linear_parameters * NF4_BYTES) + embedding + small * BF16_BYTES


def needed_bytes(model: Preset, kv: KvKind, tokens: int) -> int:
    """Memory for the weights, so many tokens, and reading them a chunk at a time."""
    pages = int(model.kv_bytes(tokens, kv) / CACHE_SHARE)
    return weights_bytes(model) + pages + reading_bytes(model, tokens)


@dataclass(frozen=True, slots=True)
class Room:
    """How the memory of a GPU that the weights leave free is shared."""

    tokens: int  # the longest prompt with its answer
    chunks: int  # of a prompt that are read at once
    cache: int  # bytes, for pages


def room(model: Sizes, page_bytes: int, context: int, free: int) -> Room:
    """What a model does with so much memory beside its weights: the longest context, up to
    `context`, whose pages fit beside what reading all of it takes."""
    chunks = chunks_at_once(model, context, free)

    def cache(pages: int) -> int:
        return int((free - reading_bytes(model, pages * PAGE, chunks)) * CACHE_SHARE)

    # With every page there is less memory for more.
    every = range(1, -(-context // PAGE) + 1)
    pages = bisect(every, False, key=lambda count: cache(count) < count * page_bytes)
    return Room(min(context, pages * PAGE), chunks, max(0, cache(pages)))


def reading_bytes(model: Sizes, tokens: int, chunks: int = 1) -> int:
    """Memory that is taken for a while as a prompt of up to `tokens` tokens is read, so many chunks
    of it at once, and by what writes the answer: an upper bound."""
    read = chunks * GPU_CHUNK
    query, kv = model.heads * model.head_dim, model.kv_heads * model.head_dim
    stream = read * model.hidden * (FLOAT_BYTES + BF16_BYTES)  # and what is made of it by a norm
    weight = 3 * model.intermediate * model.hidden  # of gates, what they gate, and after: in int8
    gated = min(read, TOGETHER) * model.intermediate * (BF16_BYTES + 1)  # and its codes
    # What each chunk has chosen, or what all see, both with what they hold themselves.
    past = max(chunks * CHOSEN, BLOCK * PAGE) + read
    attended = (read * (4 * query + 4 * kv) + 2 * past * kv) * BF16_BYTES + CHOICE_BYTES
    angles = max(tokens, GPU_CHUNK) * model.head_dim * FLOAT_BYTES  # one table of cosines
    # One comes after the other; four tables are kept, seven more held while they are made.
    return max(stream + max(weight + gated, attended), 7 * angles) + 4 * angles + SPARE_BYTES


def chunks_at_once(model: Sizes, tokens: int, free: int) -> int:
    """How many chunks of a prompt of up to `tokens` tokens are read together, given the memory that
    is free beside the weights: a tenth of it is for reading, the rest for the cache."""
    chunks = MOST_CHUNKS
    while chunks > 1 and (
        chunks * GPU_CHUNK >= 2 * tokens or 10 * reading_bytes(model, tokens, chunks) > free
    ):
        chunks //= 2
    return chunks


def free_bytes() -> int:
    """Memory of the current GPU that nothing uses, what PyTorch keeps for later among it."""
    release()
    return torch.cuda.mem_get_info()[0]


def release() -> None:
    """Give back GPU memory that nothing uses any more."""
    gc.collect()  # a captured step and its decoder know each other
    with suppress(RuntimeError):  # of a GPU that fails, which whoever uses it next is told
        torch.cuda.empty_cache()


def on_device(events: Generator[T], device: torch.device) -> Iterator[T]:
    """The same events, each made with `device` as the current one, whichever thread asks.

    Raises ModelError where the GPU fails or its memory does not suffice; what the events held is
    given back.
    """
    with closing(events):
        while True:
            try:
                with torch.cuda.device(device):
                    event = next(events)
            except StopIteration:
                return
            except RuntimeError as error:
                told = trouble(error)
                if told is None:
                    raise
                traceback.clear_frames(error.__traceback__)  # they hold what was computed
                release()
                raise told from error
            yield event


def trouble(error: RuntimeError) -> ModelError | None:
    """What a person is told of an error of the GPU; None for an error that is none of its."""
    if out_of_memory(error):
        return ModelError(
            "the GPU has no memory left for this answer",
            "close what else uses the GPU, ask with fewer sources, or load the model with "
            "a smaller context",
        )
    said = gpu.first_line(error)
    if not isinstance(error, torch.AcceleratorError) and not said.startswith(DRIVERS):
        return None
    if "captur" in str(error).lower():  # streams are, or graphs
        return ModelError(
            f"the GPU was waited for elsewhere while a step was captured: {said}",
            "ask again, and if that fails load the model again; no other thread may call "
            "torch.cuda.synchronize while an answer is written",
        )
    return ModelError(
        f"the GPU failed: {said}",
        "start again; if it fails again, VADEMECUM_DEVICE=cpu leaves the GPU alone",
    )


def out_of_memory(error: RuntimeError) -> bool:
    """Whether this is how PyTorch or the driver says so."""
    said = str(error).lower().replace("_", " ")
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in said
