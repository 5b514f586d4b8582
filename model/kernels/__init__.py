"""Kernels come in sets of equal meaning; one set is chosen when a model is loaded.

`naive` defines what each operation does. Another set implements the same signatures and is
tested against it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vademecum.model.kernels import naive
from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import PAGE, KvKind, Pages, new_pages, page_bytes

__all__ = [
    "PAGE", "KernelSet", "KeyBias", "KvKind", "Pages", "choose", "new_pages", "page_bytes",
]  # fmt: skip

Tail = tuple[Tensor, Tensor]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KernelSet:
    """The operations of attention over pages; `naive` documents each."""

    name: str
    reason: str
    score_pages: Callable[[Tensor, Pages, Tensor, KeyBias | None], Tensor]
    select_pages: Callable[[Tensor, int, int, int, int], Tensor]
    attention: Callable[
        [Tensor, Pages, Tensor, Tensor, Tail, int, KeyBias | None, Tensor | None], Tensor
    ]
    prefill_attention: Callable[[Tensor, Pages, Tensor, Tensor, int, Tail, KeyBias | None], Tensor]


NAIVE = KernelSet(
    name="naive",
    reason="PyTorch's own operations",
    score_pages=naive.score_pages,
    select_pages=naive.select_pages,
    attention=naive.attention,
    prefill_attention=naive.prefill_attention,
)


def choose(device: torch.device, kind: KvKind = "plain") -> KernelSet:
    """The fastest set for a device and a store; its `reason` says why."""
    if device.type == "cuda" and kind != "plain":
        return _cuda()
    if device.type != "cpu":
        return _naive(f"no other set is built for {device.type} and {kind} pages")
    if kind == "plain":
        return _naive("pages that are not quantised are read by PyTorch")
    try:
        from vademecum.model.kernels import cpu

        cpu.warm_up()
    except (ImportError, OSError, RuntimeError) as error:  # Numba refuses some systems
        log.warning("the compiled CPU kernels are not used: %s", error)
        return _naive(f"the compiled ones cannot be used: {error}")
    return KernelSet(
        name="cpu",
        reason="compiled by Numba for this processor; prefill by PyTorch's flash attention",
        score_pages=cpu.score_pages,
        select_pages=cpu.select_pages,
        attention=cpu.attention,
        prefill_attention=naive.prefill_attention,
    )


def _cuda() -> KernelSet:
    """What reads prompts on a GPU; answers are written by `model.captured`."""
    from vademecum.model.kernels.triton import prefill

    return KernelSet(
        name="cuda",
        reason="own kernels: prompts by a flash attention, answers by a captured step",
        score_pages=naive.score_pages,
        select_pages=naive.select_pages,
        attention=naive.attention,
        prefill_attention=prefill.prefill_attention,
    )


def _naive(reason: str) -> KernelSet:
    return KernelSet(
        name=NAIVE.name,
        reason=f"PyTorch's own operations: {reason}",
        score_pages=NAIVE.score_pages,
        select_pages=NAIVE.select_pages,
        attention=NAIVE.attention,
        prefill_attention=NAIVE.prefill_attention,
    )
