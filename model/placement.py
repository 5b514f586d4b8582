"""Where a model runs, what it needs on a GPU, and what running out of its memory is told as.

Imports no kernel: what they need may be missing.
"""

from __future__ import annotations

import gc
import importlib.util
import traceback
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Literal, Protocol, TypeVar, cast, get_args

import torch

from vademecum.errors import ModelError, UsageError
from vademecum.model.kernels import PAGE, KvKind
from vademecum.model.presets import BF16_BYTES, Preset
from vademecum.model.sparsity import GPU_CHUNK
from vademecum.settings import settings

DeviceKind = Literal["auto", "cpu", "cuda"]

LEAST_CAPABILITY = (8, 9)  # Ada: RTX 4090
LEAST_TOKENS = 4_096  # of cache: with less, a GPU is of no use
NF4_BYTES = 0.5 + BF16_BYTES / 64  # a weight, in the layout of the kernels
FLOAT_BYTES = 4
BLOCK = 1_024  # pages of the past that `prefill_attention` decodes at a time
CHOSEN = 8_192  # tokens of it that a chunk reads where it chooses
CHOICE_BYTES = 300_000_000  # logits of pages, see `choice.LOGITS`, and what is made of them
MOST_CHUNKS = 16  # of a prompt that are read at once; more would gain nothing
# PyTorch's and cuBLAS's own rooms, and what lies between blocks of unequal size.
SPARE_BYTES = 300_000_000
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


def device_for(
    device: DeviceKind, quantization: str, kv: KvKind, model: Preset
) -> tuple[torch.device, str]:
    """Where a model is to run, and why. Raises UsageError for a GPU that cannot be used."""
    asked = wanted(device)
    if asked == "cpu":
        return torch.device("cpu"), "asked for"
    found = obstacle(quantization, kv, model)
    if found is None:
        # PyTorch's current one: CUDA_VISIBLE_DEVICES and torch.cuda.set_device choose it.
        where = torch.device("cuda", torch.cuda.current_device())
        return where, "an NVIDIA GPU that the kernels are written for"
    if asked == "cuda":
        raise UsageError(f"the GPU cannot be used: {found}", "use the device cpu")
    return torch.device("cpu"), found


def obstacle(quantization: str, kv: KvKind, model: Preset) -> str | None:
    """Why a model cannot run on the current GPU; None if it can."""
    if not torch.cuda.is_available():
        return "PyTorch sees no NVIDIA GPU"
    if quantization != "nf4" or kv == "plain":
        return f"weights in {quantization} with {kv} pages are for the CPU"
    if model.head_dim.bit_count() > 1:
        return f"its heads have {model.head_dim} dimensions, which is no power of 2"
    major, minor = torch.cuda.get_device_capability()
    if (major, minor) < LEAST_CAPABILITY:
        return f"the GPU's compute capability is {major}.{minor}, below 8.9"
    for module in ("triton", "cuda.bindings"):
        if not _importable(module):
            return f"the module {module} is not installed"
    free, needed = free_bytes(), needed_bytes(model, kv, LEAST_TOKENS)
    if needed > free:
        return (
            f"the GPU has {free / 1e9:.1f} GB free; {model.name} with {LEAST_TOKENS:,} tokens "
            f"takes {needed / 1e9:.1f}"
        )
    return None


def needed_bytes(model: Preset, kv: KvKind, tokens: int) -> int:
    """Memory for the weights, so many tokens, and reading them. While weights are placed, no more
    than is needed later to read a prompt is taken beside them."""
    small = model.non_embedding_parameters - model.linear_parameters
    embedding = model.vocab * model.hidden * (BF16_BYTES + 1)  # and the head, in 8 bit
    weights = int(model.linear_parameters * NF4_BYTES) + embedding + small * BF16_BYTES
    return weights + model.kv_bytes(tokens, kv) + reading_bytes(model, tokens)


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


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of what it lies in
        return False


def free_bytes() -> int:
    """Memory of the current GPU that nothing uses, what PyTorch keeps for later among it."""
    release()
    return torch.cuda.mem_get_info()[0]


def release() -> None:
    """Give back GPU memory that nothing uses any more."""
    gc.collect()  # a captured step and its decoder know each other
    torch.cuda.empty_cache()


def on_device(events: Generator[T], device: torch.device) -> Iterator[T]:
    """The same events, each made with `device` as the current one, whichever thread asks.

    Raises ModelError where the GPU's memory does not suffice; what the events held is given back.
    """
    with closing(events):
        while True:
            try:
                with torch.cuda.device(device):
                    event = next(events)
            except StopIteration:
                return
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                traceback.clear_frames(error.__traceback__)  # they hold what was computed
                release()
                raise ModelError(
                    "the GPU has no memory left for this answer",
                    "close what else uses the GPU, ask with fewer sources, or load the model with "
                    "a smaller context",
                ) from error
            yield event


def out_of_memory(error: RuntimeError) -> bool:
    """Whether this is how PyTorch or the driver says so."""
    said = str(error).lower().replace("_", " ")
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in said
