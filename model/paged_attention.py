"""What the tokens of a layer attend to: the pages of a cache, all or chosen ones, and the page that
is being filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from torch import Tensor

from vademecum.model.cache import PagedCache, Sequence
from vademecum.model.kernels import PAGE

if TYPE_CHECKING:
    from vademecum.model.decoder import Decoder


class Attention(Protocol):
    """Stores the keys and values of some tokens, and attends.

    `(layer, query [tokens, heads, head_dim], key and value [tokens, kv_heads, head_dim])` ->
    `[tokens, heads, head_dim]`.
    """

    def __call__(self, n: int, query: Tensor, key: Tensor, value: Tensor, /) -> Tensor: ...


def attention_of_prompt(
    decoder: Decoder, tokens: int, cache: PagedCache, sequence: Sequence, asked: list[Tensor]
) -> Attention:
    """That of so many further tokens of a prompt. The query of the last of them is appended to
    `asked` for each layer, `[heads, head_dim]`."""
    start = sequence.length
    whole = (start + tokens) // PAGE
    own = sequence.table[start // PAGE : whole]
    table = sequence.table[:whole]
    past = torch.arange(start // PAGE, device=decoder.device)
    every = past.expand(decoder.config.kv_heads, -1)

    def attention(n: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        bias, tail = decoder.layers[n].key_bias, sequence.tails[n]
        for part, store in ((key, tail[0]), (value, tail[1])):
            rest = part[own.shape[0] * PAGE :]
            store[:, : rest.shape[0]] = rest.transpose(0, 1)
        complete = slice(0, own.shape[0] * PAGE)
        cache.stores[n].seal(own, _paged(key[complete]), _paged(value[complete]))
        selected = every
        if decoder.chooses(n, start, tokens):
            selected = select_for_chunk(decoder, n, query, cache, table[: start // PAGE])
        asked.append(query[-1])
        return decoder.kernels.prefill_attention(
            query, cache.stores[n], table, selected, start, tail, bias
        )

    return attention


def attention_of_answer(
    decoder: Decoder, cache: PagedCache, sequence: Sequence, asking: list[Tensor]
) -> Attention:
    """That of a token of an answer and its draft, each as if it had come alone. Their queries are
    appended to `asking` for each layer, `[tokens, heads, head_dim]`."""
    start = sequence.length
    filled = start % PAGE
    table = sequence.complete
    complete = torch.arange(table.shape[0], device=decoder.device)
    every = complete.expand(decoder.config.kv_heads, -1).contiguous()
    sparsity = decoder.sparsity
    behind = int(sparsity is not None and sparsity.deferred)

    def attention(n: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        store, tail, bias = cache.stores[n], sequence.tails[n], decoder.layers[n].key_bias
        asking.append(query)
        before = query[:1] if sequence.asked is None else sequence.asked[n][None]
        chooses = torch.cat((before, query[:-1])) if behind else query
        tail[0][:, filled : filled + key.shape[0]] = key.transpose(0, 1)
        tail[1][:, filled : filled + key.shape[0]] = value.transpose(0, 1)
        rows = []
        for row in range(query.shape[0]):
            selected, length = every, start + row + 1
            if sparsity and length >= sparsity.threshold and n in decoder.sparse_layers:
                there = max(0, start + row - behind) // PAGE
                selected = _select(decoder, n, chooses[row], cache, table, length, there=there)
            mass = None if sequence.mass is None else sequence.mass[row]
            rows.append(
                decoder.kernels.attention(
                    query[row], store, table, selected, tail, filled + row + 1, bias, mass
                )
            )
        return torch.stack(rows)

    return attention


def select_for_chunk(
    decoder: Decoder, n: int, queries: Tensor, cache: PagedCache, table: Tensor
) -> Tensor:
    """One choice for a chunk, by some of its tokens together."""
    heads, kv_heads = decoder.config.heads, decoder.config.kv_heads
    assert decoder.sparsity is not None
    step = max(1, queries.shape[0] // decoder.sparsity.sampled)
    last = queries.shape[0] - 1  # it is always among them
    some = queries[torch.arange(last, -1, -step, device=queries.device)]
    grouped = some.reshape(-1, kv_heads, heads // kv_heads, decoder.config.head_dim)
    rows = grouped.transpose(0, 1).flatten(0, 2)  # the heads of a KV head stay together
    budget = decoder.sparsity.prefill_budget
    return _select(decoder, n, rows, cache, table, table.shape[0] * PAGE, budget)


def _select(
    decoder: Decoder,
    n: int,
    query: Tensor,
    cache: PagedCache,
    table: Tensor,
    length: int,
    budget: int | None = None,
    there: int | None = None,
) -> Tensor:
    """The pages that a layer reads for `query [heads, dim]`: int64 `[kv_heads, selected]`.

    Those that were not `there` when the query was are read in any case."""
    assert decoder.sparsity is not None
    scored = table if there is None else table[:there]
    bias = decoder.layers[n].key_bias
    scores = decoder.kernels.score_pages(query, cache.stores[n], scored, bias)
    scores = F.pad(scores, (0, table.shape[0] - scored.shape[0]), value=torch.inf)
    selected = decoder.kernels.select_pages(
        scores,
        length,
        decoder.sparsity.budget_for(length) if budget is None else budget,
        decoder.sparsity.recent,
        decoder.sparsity.sinks,
    )
    decoder.pages_counted[0] += selected.numel()
    decoder.pages_counted[1] += scores.numel() - selected.numel()
    return selected


def _paged(x: Tensor) -> Tensor:
    """`[tokens, kv_heads, dim]` -> `[kv_heads, pages, 32, dim]`."""
    return x.transpose(0, 1).reshape(x.shape[1], x.shape[0] // PAGE, PAGE, x.shape[2])
