"""What every kernel means, in plain PyTorch; also what runs where nothing faster is built.

Shapes, throughout: the cache of one layer is `[kv_heads, pages, 32, dim]`, keys as attended
(after RoPE). A sequence's page table maps its n-th page to a page of the cache. A page is
complete when all of its 32 tokens are written; only complete pages have a summary. Nothing
reads a slot that was not written, so what an empty slot holds (NaN, say) cannot matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from torch import Tensor

PAGE = 32

Score = Literal["mean_std", "min_max"]


@dataclass(frozen=True, slots=True)
class PageTable:
    """The pages of one sequence: `ids` int64 `[pages]`.

    `first` is set when they follow one another in the cache, so that they can be read in place.
    """

    ids: Tensor
    first: int | None


def append(
    keys: Tensor, values: Tensor, k: Tensor, v: Tensor, table: PageTable, start: int
) -> None:
    """Write `k`, `v [tokens, kv_heads, dim]` as tokens `start, start + 1, ...` of a sequence."""
    tokens = k.shape[0]
    k, v = k.transpose(0, 1), v.transpose(0, 1)
    if table.first is not None:
        at = table.first * PAGE + start
        keys.flatten(1, 2)[:, at : at + tokens] = k
        values.flatten(1, 2)[:, at : at + tokens] = v
        return
    position = torch.arange(start, start + tokens, device=keys.device)
    page, slot = table.ids[position // PAGE], position % PAGE
    keys[:, page, slot] = k
    values[:, page, slot] = v


def gather(cache: Tensor, table: PageTable, tokens: int) -> Tensor:
    """The first `tokens` tokens of a sequence: `[kv_heads, tokens, dim]`, in place if possible."""
    pages = -(-tokens // PAGE)
    if table.first is not None:
        part = cache[:, table.first : table.first + pages]
    else:
        part = cache[:, table.ids[:pages]]
    return part.flatten(1, 2)[:, :tokens]


def summarize(
    keys: Tensor, summaries: Tensor, table: PageTable, first: int, last: int, score: Score
) -> None:
    """Fill `summaries [2, kv_heads, pages, dim]` for the complete pages `first..last - 1`.

    "mean_std": mean and standard deviation (population) of a page's keys, per channel;
    "min_max": their minimum and maximum.
    """
    pages = table.ids[first:last]
    block = keys[:, pages].float()
    if score == "mean_std":
        deviation, mean = torch.std_mean(block, dim=2, correction=0)
        low, high = mean, deviation
    else:
        low, high = block.amin(dim=2), block.amax(dim=2)
    summaries[0][:, pages] = low.to(summaries.dtype)
    summaries[1][:, pages] = high.to(summaries.dtype)


def score_pages(
    query: Tensor, summaries: Tensor, table: PageTable, pages: int, score: Score
) -> Tensor:
    """How much a query may attend to each of the first `pages` pages: float32 `[kv_heads, pages]`.

    `query` is `[heads, dim]`; per head, then the maximum over the heads that share a KV head:
    "mean_std": `q . mean + |q| . std`; "min_max": `sum_i max(q_i min_i, q_i max_i)`, an upper
    bound of `q . k` in the page (Quest, arXiv:2406.10774, equation 2).
    """
    low, high = summaries[:, :, table.ids[:pages]].float()
    groups = query.float().view(low.shape[0], -1, query.shape[-1])  # [kv_heads, group, dim]
    if score == "mean_std":
        scores = groups @ low.mT + groups.abs() @ high.mT
    else:
        scores = groups.clamp(min=0) @ high.mT + groups.clamp(max=0) @ low.mT
    best: Tensor = scores.amax(dim=1)
    return best


def select_pages(scores: Tensor, length: int, budget: int, recent: int) -> Tensor:
    """Which pages to attend to: int64 `[kv_heads, selected]`, ascending.

    `scores` is `[kv_heads, pages]` for a sequence of `length` tokens. Page 0, the pages of the
    newest `recent` tokens and the page being filled are always kept; the best others fill a
    budget of `budget` tokens.
    """
    pages = -(-length // PAGE)
    kept = max(0, length - recent) // PAGE
    kept = min(kept, length // PAGE)  # a page being filled has no summary to be scored by
    must = torch.zeros(pages, dtype=torch.bool, device=scores.device)
    must[0] = True
    must[kept:] = True
    count = min(pages, max(-(-budget // PAGE), pages - kept + (kept > 0)))
    ranked = torch.where(must, torch.inf, scores)
    return ranked.topk(count, dim=1).indices.sort(dim=1).values


def dense_attention(
    query: Tensor, keys: Tensor, values: Tensor, table: PageTable, length: int
) -> Tensor:
    """Attention of one token, `[heads, dim]`, over all `length` tokens of its sequence."""
    return attend(query, gather(keys, table, length), gather(values, table, length))


def sparse_attention(
    query: Tensor, keys: Tensor, values: Tensor, table: PageTable, selected: Tensor, length: int
) -> Tensor:
    """Attention of one token, `[heads, dim]`, over its `selected [kv_heads, n]` pages.

    The last page of the sequence is always selected, and it alone may be incomplete. With every
    page selected, the result is that of `dense_attention` to the bit.
    """
    pages = table.ids[selected]
    heads = torch.arange(keys.shape[0], device=keys.device)[:, None]
    tokens = selected.shape[1] * PAGE - (-length % PAGE)
    return attend(
        query,
        keys[heads, pages].flatten(1, 2)[:, :tokens],
        values[heads, pages].flatten(1, 2)[:, :tokens],
    )


def attend(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """`softmax(q k / sqrt(dim)) v`: `query [heads, dim]`, `keys`, `values [kv_heads, tokens, dim]`.

    The heads that share a KV head stand as rows of one product, so that its keys are read once:
    13 times faster on a CPU than broadcasting the keys to every head (bf16, 14 heads on 2).
    """
    rows = query.view(keys.shape[0], -1, query.shape[-1])
    return F.scaled_dot_product_attention(rows[None], keys[None], values[None])[0].flatten(0, 1)


def causal_mask(tokens: int, start: int, device: torch.device) -> Tensor | None:
    """For `tokens` queries after `start` tokens: bool `[tokens, start + tokens]`, True to attend.

    None where nothing came before: then `prefill_attention` is causal by itself.
    """
    if start == 0:
        return None
    return torch.ones(tokens, start + tokens, dtype=torch.bool, device=device).tril(start)


def prefill_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    table: PageTable,
    start: int,
    mask: Tensor | None,
) -> Tensor:
    """Causal attention of tokens `start, start + 1, ...` over all tokens up to each.

    `queries [tokens, heads, dim]` -> `[tokens, heads, dim]`; the tokens' own keys and values are
    in the cache already; `mask` comes from `causal_mask(tokens, start)`.
    """
    tokens, heads, dim = queries.shape
    k = gather(keys, table, start + tokens)
    v = gather(values, table, start + tokens)
    kv_heads = k.shape[0]
    group = heads // kv_heads
    shape = (kv_heads, group, start + tokens, dim)
    out = F.scaled_dot_product_attention(
        queries.reshape(tokens, kv_heads, group, dim).permute(1, 2, 0, 3),
        k.unsqueeze(1).expand(shape),
        v.unsqueeze(1).expand(shape),
        attn_mask=mask,
        is_causal=mask is None,
    )
    return out.flatten(0, 1).transpose(0, 1)
