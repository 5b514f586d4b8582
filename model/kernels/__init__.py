"""Kernels come in sets of equal meaning; one set is chosen when a model is loaded.

`naive` defines what each operation does. Another set implements the same signatures and is
tested against it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vademecum.model.kernels import naive
from vademecum.model.kernels.naive import PAGE, PageTable, Score

__all__ = ["PAGE", "KernelSet", "PageTable", "Score", "choose"]


@dataclass(frozen=True, slots=True)
class KernelSet:
    """The operations of attention over a paged cache; `naive` documents each."""

    name: str
    reason: str
    append: Callable[[Tensor, Tensor, Tensor, Tensor, PageTable, int], None]
    summarize: Callable[[Tensor, Tensor, PageTable, int, int, Score], None]
    score_pages: Callable[[Tensor, Tensor, PageTable, int, Score], Tensor]
    select_pages: Callable[[Tensor, int, int, int], Tensor]
    dense_attention: Callable[[Tensor, Tensor, Tensor, PageTable, int], Tensor]
    sparse_attention: Callable[[Tensor, Tensor, Tensor, PageTable, Tensor, int], Tensor]
    causal_mask: Callable[[int, int, torch.device], Tensor | None]
    prefill_attention: Callable[[Tensor, Tensor, Tensor, PageTable, int, Tensor | None], Tensor]


def choose(device: torch.device) -> KernelSet:
    """The set for a device."""
    return KernelSet(
        name="naive",
        reason=f"PyTorch's own operations: no other set is built for {device.type}",
        append=naive.append,
        summarize=naive.summarize,
        score_pages=naive.score_pages,
        select_pages=naive.select_pages,
        dense_attention=naive.dense_attention,
        sparse_attention=naive.sparse_attention,
        causal_mask=naive.causal_mask,
        prefill_attention=naive.prefill_attention,
    )
