"""What is made ready while a model is loaded: its network, the room of its cache, and on a GPU the
step that writes its answers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from vademecum.collection import without_collection
from vademecum.errors import ModelError
from vademecum.model import hardware, placement
from vademecum.model.cache import PagedCache
from vademecum.model.chat import Chat
from vademecum.model.choose import memory_needed
from vademecum.model.decoder import Decoder
from vademecum.model.kernels import KvKind, choose
from vademecum.model.presets import Preset
from vademecum.model.rehearsal import rehearse
from vademecum.model.sparsity import Sparsity
from vademecum.model.weights import Quantization, Weights
from vademecum.progress import Progress

if TYPE_CHECKING:
    from vademecum.model.captured import CapturedStep

log = logging.getLogger(__name__)

CACHE_SHARE = 0.5  # of the memory that is free once the weights are loaded
SLOWER = "answers are written without a captured step, which is slower"


def network(
    loaded: Weights,
    preset: Preset,
    quantization: Quantization,
    kv: KvKind,
    *,
    sparsity: Sparsity | None,
    chunk: int,
    device: torch.device,
    progress: Progress,
) -> tuple[Decoder, Chat]:
    """What computes, and what turns a conversation into tokens and tokens into an answer."""
    with without_collection(), _compiling(device, progress):
        decoder = Decoder(
            loaded.config,
            loaded.tensors,
            kernels=choose(device, kv),
            dtype=torch.float32 if quantization == "f32" else torch.bfloat16,
            kv=kv,
            sparsity=sparsity,
            packed=loaded.packed,
            chunk=chunk,
        )
        chat = Chat.load(
            loaded.tokenizer_json,
            loaded.chat_template,
            bos_id=loaded.bos_id,
            eos_ids=loaded.eos_ids,
            reasons=preset.reasons,
        )
    return decoder, chat


def room_for_cache(
    decoder: Decoder, context: int, page_bytes: int, mapped: int
) -> tuple[int, int | None]:
    """The longest context, up to `context`, that can be read, and what the KV cache may take of the
    memory that is free now, `mapped` bytes of which the weights will take; None where nobody knows.

    Raises RuntimeError where a GPU has too little to be of use.
    """
    if decoder.device.type == "cuda":
        free = placement.free_bytes()
        room = placement.room(decoder.config, page_bytes, context, free)
        least = min(placement.LEAST_TOKENS, context)
        if room.tokens < least:
            raise RuntimeError(
                f"beside the weights the GPU has {free / 1e9:.1f} GB free, too little to read and "
                f"keep {least:,} tokens"
            )
        decoder.at_once = room.chunks * decoder.chunk
        return room.tokens, room.cache
    available = hardware.memory_available()
    return context, None if available is None else int(max(0, available - mapped) * CACHE_SHARE)


def require_memory(model: Preset, why: str) -> None:
    """Raises ModelError where this machine's memory does not hold a model that was to run on its
    GPU, which it cannot, for the reason given."""
    needed, have = memory_needed(model), hardware.memory_available()
    if have is not None and needed > have:
        raise ModelError(
            f"{why}; on the processor {model.name} needs {needed / 1e9:.1f} GB of memory, "
            f"{have / 1e9:.1f} are free",
            "take a smaller model, or free memory; --device cpu tries it all the same",
        )


def captured_step(
    decoder: Decoder, cache: PagedCache, context: int, progress: Progress
) -> tuple[CapturedStep | None, str]:
    """What writes answers on a GPU, ready, or None where the decoder itself does; and how answers
    are written, for a person."""
    if decoder.device.type != "cuda":
        return None, decoder.writing
    from vademecum.model.captured import CapturedStep

    obstacle = CapturedStep.obstacle(decoder)
    if obstacle:
        progress.note(f"{SLOWER}: {obstacle}; other models have one")
        log.warning("%s: %s", SLOWER, obstacle)
        return None, f"as prompts are read, without a captured step: {obstacle}"
    rehearse(decoder, cache, progress)
    step = CapturedStep(decoder, cache, tokens=context)
    step.warm_up(progress, watched=True)
    return step, step.path


@contextmanager
def _compiling(where: torch.device, progress: Progress) -> Iterator[None]:
    """Tell why the first start on a processor takes so long."""
    told = where.type == "cpu" and not _is_compiled()
    if told:
        progress.start("compiling for this processor, once", None, "")
    try:
        yield
    finally:
        if told:
            progress.finish()


def _is_compiled() -> bool:
    try:
        from vademecum.model.kernels import layers
    except (ImportError, OSError, RuntimeError):  # nothing will be
        return True
    return layers.is_compiled()
