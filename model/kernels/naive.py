"""What every kernel means, in plain PyTorch; also what runs where nothing faster is built.

A sequence is `table` (int64 `[pages]`: where its complete pages lie in the store) and a tail: the
keys and values of the page being filled, float32 `[kv_heads, 32, dim]`, of which `filled` slots are
written. Nothing reads a slot that was not written, so what an empty one holds (NaN, say) cannot
matter. Sequences begin at position 0: slot `t` of the `n`-th page has the position `32 n + t`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vademecum.model.kernels.pages import PAGE, Pages
from vademecum.model.rope import rotate


class KeyBias:
    """The bias of a layer's key projection, kept out of its stored keys.

    Qwen2's is up to a hundred times larger than what it is added to, and RoPE turns it through
    all phases within a page: an 8-bit code would keep the bias and lose the key. So keys are
    stored without it and scores get `q . R(position) b` back.
    """

    def __init__(self, value: Tensor, frequencies: Tensor) -> None:
        """`value [kv_heads, dim]` before RoPE; `frequencies [dim / 2]`, radians a token."""
        self.value = value.float()
        self.frequencies = frequencies
        self.within = self.at(torch.arange(PAGE, device=value.device)).mT.contiguous()
        """At the slots of the first page, float32 `[kv_heads, dim, 32]`."""
        self._turns = torch.empty(0, 2, frequencies.shape[0])

    def at(self, positions: Tensor) -> Tensor:
        """What it adds to keys at `positions`, int64 `[n]` or `[kv_heads, n]` where heads differ:
        float32 `[kv_heads, n, dim]`."""
        angle = positions[..., None].double() * self.frequencies.double()
        cos, sin = angle.cos().float(), angle.sin().float()
        return rotate(
            self.value[:, None], torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)
        )

    def turns(self, pages: int) -> Tensor:
        """By how much the first slot of each page is turned: cosine and sine, float32
        `[at least pages, 2, dim / 2]`. With it `q . R(32 n + t) b` is `R(-32 n) q . R(t) b`."""
        if self._turns.shape[0] < pages:
            first = torch.arange(max(64, 2 * pages), device=self.value.device) * PAGE
            angle = first[:, None].double() * self.frequencies.double()
            self._turns = torch.stack((angle.cos(), angle.sin()), dim=1).float()
        return self._turns

    def means(self, pages: int) -> Tensor:
        """What it adds to the mean key of each of the first pages: float32
        `[kv_heads, pages, dim]`."""
        cos, sin = self.turns(pages)[:pages].unbind(1)
        both = torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)
        return rotate(self.within.mean(dim=2)[:, None], *both)


def score_pages(query: Tensor, pages: Pages, table: Tensor, bias: KeyBias | None) -> Tensor:
    """How much a query may attend to each page of `table`: float32 `[kv_heads, n]`.

    `query` is `[heads, dim]`, or the heads of several tokens, those of a KV head together. Each of
    them gives `q . mean + |q| . spread` of the page's keys, as an attention over pages: its
    softmax. Then the sum over what shares a KV head. Without the softmax the heads with the longest
    queries choose alone: a prompt of 16,000 tokens read so lost half of what it held.
    """
    mean, spread = pages.summary(table)
    if bias is not None:
        mean = mean + bias.means(table.shape[0])
    groups = query.float().view(mean.shape[0], -1, query.shape[-1])  # [kv_heads, group, dim]
    scores = (groups @ mean.mT + groups.abs() @ spread.mT) * query.shape[-1] ** -0.5
    shared: Tensor = scores.softmax(dim=-1).sum(dim=1)
    return shared


def bounds(n: int, length: int, budget: int, recent: int, sinks: int) -> tuple[int, int, int]:
    """Of `n` pages: before which, and from which on, all are kept; and how many in all."""
    first = -(-sinks // PAGE)
    newest = max(0, length - recent) // PAGE
    must = n - max(0, min(n, newest) - min(n, first))
    tail = length > n * PAGE
    return first, newest, min(n, max(-(-budget // PAGE) - tail, must))


def select_pages(scores: Tensor, length: int, budget: int, recent: int, sinks: int) -> Tensor:
    """Which complete pages to attend to: int64 `[kv_heads, selected]`, ascending.

    `scores` is `[kv_heads, n]` of the `n` complete pages of a sequence of `length` tokens; the tail
    is always read. The pages of the first `sinks` tokens and of the newest `recent` ones are
    always kept; the best others fill a budget of `budget` tokens, the tail included.
    """
    n = scores.shape[1]
    first, newest, count = bounds(n, length, budget, recent, sinks)
    must = torch.zeros(n, dtype=torch.bool, device=scores.device)
    must[:first] = True
    must[newest:] = True
    ranked = torch.where(must, torch.inf, scores)
    chosen: Tensor = ranked.topk(count, dim=1).indices.sort(dim=1).values
    return chosen


def attention(
    query: Tensor,
    pages: Pages,
    table: Tensor,
    selected: Tensor,
    tail: tuple[Tensor, Tensor],
    filled: int,
    bias: KeyBias | None,
    mass: Tensor | None,
) -> Tensor:
    """Attention of one token, `[heads, dim]`, over selected pages and its sequence's tail.

    `selected` is int64 `[kv_heads, n]`, pages of the sequence in ascending order; `filled` slots of
    the tail are read. With `mass` (float32 `[pages + 1]`), the share of attention that each page of
    the sequence received, averaged over the heads, is added to it; the tail counts as the page
    after the last.
    """
    kv_heads, heads = selected.shape[0], query.shape[0]
    keys, values = _read(pages, table, selected, bias)
    own = tail[0][:, :filled]
    if bias is not None:
        own = own + bias.at(torch.arange(filled, device=table.device) + table.shape[0] * PAGE)
    keys = torch.cat((keys, own), dim=1)
    values = torch.cat((values, tail[1][:, :filled]), dim=1)
    groups = query.float().view(kv_heads, -1, query.shape[-1])
    weights = (groups @ keys.mT * query.shape[-1] ** -0.5).softmax(dim=-1)
    if mass is not None:
        share = weights.sum(dim=1) / heads  # [kv_heads, tokens]
        paged = share[:, : selected.shape[1] * PAGE].unflatten(1, (-1, PAGE)).sum(dim=2)
        mass.index_add_(0, selected.flatten(), paged.flatten())
        mass[table.shape[0]] += share[:, selected.shape[1] * PAGE :].sum()
    out: Tensor = (weights @ values).flatten(0, 1).to(query.dtype)
    return out


def prefill_attention(
    queries: Tensor,
    pages: Pages,
    table: Tensor,
    selected: Tensor,
    start: int,
    tail: tuple[Tensor, Tensor],
    bias: KeyBias | None,
) -> Tensor:
    """Causal attention of tokens `start, start + 1, ...`, a multiple of 32, over what came before.

    `queries [tokens, heads, dim]` -> `[tokens, heads, dim]`. Their own keys and values are stored
    already: complete pages in `table`, after the `start / 32` earlier ones, and what is left in
    the tail. Of the earlier pages, `selected [kv_heads, n]` are read.
    """
    past = start // PAGE
    own = torch.arange(past, table.shape[0], device=table.device)
    filled = start + queries.shape[0] - table.shape[0] * PAGE
    keys, values = _read(pages, table, own, bias)
    ends = tail[0][:, :filled]
    if bias is not None:
        ends = ends + bias.at(torch.arange(filled, device=table.device) + table.shape[0] * PAGE)
    keys = torch.cat((keys, ends), dim=1)
    values = torch.cat((values, tail[1][:, :filled]), dim=1)
    query = queries.transpose(0, 1)  # [heads, tokens, dim]
    out, weight = _flash(query, keys, values, causal=True)
    for first in range(0, selected.shape[1], BLOCK):
        some = selected[:, first : first + BLOCK]
        part, more = _flash(query, *_read(pages, table, some, bias), causal=False)
        both = torch.logaddexp(weight, more)
        out = out * (weight - both).exp()[..., None] + part * (more - both).exp()[..., None]
        weight = both
    return out.transpose(0, 1).to(queries.dtype)


BLOCK = 256  # pages that are decoded at a time, so that a long past needs no memory of its length


def _read(
    pages: Pages, table: Tensor, which: Tensor, bias: KeyBias | None
) -> tuple[Tensor, Tensor]:
    """Keys, with their bias, and values of pages of a sequence; `which [n]` or `[kv_heads, n]`."""
    keys, values = pages.read(table[which])
    if bias is not None:
        offset = torch.arange(PAGE, device=table.device)
        keys = keys + bias.at((which[..., None] * PAGE + offset).flatten(-2))
    return keys, values


def _flash(query: Tensor, keys: Tensor, values: Tensor, *, causal: bool) -> tuple[Tensor, Tensor]:
    """Attention and the logarithm of its denominator, so that parts can be joined.

    `query [heads, tokens, dim]`, the others `[kv_heads, n, dim]`; float32 `[heads, tokens, dim]`
    and `[heads, tokens]`. PyTorch's own CPU kernel: its public form does not tell the latter.
    """
    shape = (keys.shape[0], query.shape[0] // keys.shape[0], *keys.shape[1:])
    keys = keys.to(query.dtype)[:, None].expand(shape).flatten(0, 1)
    values = values.to(query.dtype)[:, None].expand(shape).flatten(0, 1)
    out, weight = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query[None], keys[None], values[None], 0.0, causal
    )
    return out[0].float(), weight[0].float()
