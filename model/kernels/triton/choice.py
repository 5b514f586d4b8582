"""Which earlier pages the chunks of a prompt read: one choice for each chunk, of all at once.

The meaning is that of `naive.score_pages` and `naive.select_pages`, by some tokens of a chunk
together. What a chunk may choose from is what came before it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vademecum.model.kernels.naive import KeyBias, bounds
from vademecum.model.kernels.pages import PAGE, QuantizedPages
from vademecum.model.sparsity import Sparsity

LOGITS = 1 << 25  # that are held at a time


def taken(past: int, sparsity: Sparsity) -> int:
    """How many of `past` pages a chunk after them reads."""
    return bounds(
        past, past * PAGE, sparsity.prefill_budget, sparsity.recent, sparsity.sinks
    )[2]  # fmt: skip


def choose(
    queries: Tensor,
    pages: QuantizedPages,
    table: Tensor,
    past: int,
    sparsity: Sparsity,
    bias: KeyBias | None,
) -> Tensor:
    """Int64 `[chunks, kv_heads, n]`, ascending, for `queries [chunks, tokens, heads, dim]` of
    chunks that follow each other, whole pages each.

    The first comes after `past` pages of `table`. All must take as many: `taken`.
    """
    chunks, tokens = queries.shape[:2]
    kv_heads, _, dim = pages.key_mean.shape
    end = past + (chunks - 1) * tokens // PAGE
    mean, spread = pages.summary(table[:end])
    if bias is not None:
        mean = mean + bias.means(end)
    summary = torch.cat((mean, spread), dim=-1).mT  # [kv_heads, 2 dim, pages]
    step = max(1, tokens // sparsity.sampled)
    some = queries[:, (tokens - 1) % step :: step]  # the last token is always among them
    rows = some.unflatten(2, (kv_heads, -1)).permute(2, 0, 1, 3, 4).flatten(2, 3)
    rows = rows.float() * dim**-0.5  # [kv_heads, chunks, rows, dim]
    page = torch.arange(end, device=table.device)
    before = past + torch.arange(chunks, device=table.device)[:, None] * (tokens // PAGE)
    later = page >= before  # [chunks, pages]
    newest = (before - -(-sparsity.recent // PAGE)).clamp_min(0)
    must = (page < -(-sparsity.sinks // PAGE)) | (page >= newest)
    size = max(1, LOGITS // (kv_heads * rows.shape[2] * end))
    scores = []
    for few, hidden in zip(rows.split(size, dim=1), later.split(size), strict=True):
        logits = torch.cat((few, few.abs()), dim=-1).flatten(1, 2) @ summary
        logits = logits.unflatten(1, few.shape[1:3]).masked_fill_(hidden[:, None], -torch.inf)
        scores.append(logits.softmax(dim=-1).sum(dim=2))
    ranked = torch.cat(scores, dim=1).masked_fill_(must, torch.inf)
    ranked.masked_fill_(later, -torch.inf)
    chosen = ranked.topk(taken(past, sparsity), dim=-1).indices.sort(dim=-1).values
    return chosen.transpose(0, 1)
