"""Which pages the layers of a captured step read.

Where `Sparsity.deferred`, what a token reads was chosen by the queries of the token before, which
are all there once that is written: the layers choose together, in two launches, and attention may
ask for its pages before its own query is computed. The tokens of a draft choose layer by layer,
each by the query of the token before it, so that they read what they would have read one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

from vademecum.model.cache import PagedCache
from vademecum.model.decoder import ROWS, Decoder
from vademecum.model.kernels.pages import QuantizedPages
from vademecum.model.kernels.triton import scores
from vademecum.model.kernels.triton.scores import BiasTables, Selection, Summaries
from vademecum.model.sparsity import Sparsity


class PageLists:
    """The choices of one sequence at a time, on the device."""

    def __init__(
        self,
        decoder: Decoder,
        sparsity: Sparsity,
        cache: PagedCache,
        biases: Sequence[BiasTables | None],
        pages: int,
    ) -> None:
        """For sequences of up to `pages` complete pages; `biases` are those of all layers."""
        config, own = decoder.config, decoder.sparse_layers
        self._sparsity, self._counted = sparsity, decoder.pages_counted
        self._layers = own
        self._summaries = Summaries.of(
            [cast("QuantizedPages", cache.stores[n]) for n in own], [biases[n] for n in own]
        )
        # Of the last token that is written, and, while a draft is computed, of the draft's.
        self._queries = torch.zeros(
            len(own), ROWS + 1, config.heads, config.head_dim,
            dtype=torch.bfloat16, device=decoder.device,
        )  # fmt: skip
        room = Selection.empty(len(own), 1, config.kv_heads, pages + 1, decoder.device)
        self._next = replace(room, most=scores.most_pages(sparsity))

    @property
    def queries(self) -> Tensor:
        """Of the last token that is written: bf16 `[layers that choose, heads, dim]`."""
        return self._queries[:, 0]

    def go_to(self, row: int) -> None:
        """Of the tokens of a draft, that of this row is the last that is right."""
        self.queries.copy_(self._queries[:, row + 1])

    def choose(self, table: Tensor, start: Tensor) -> None:
        """What the token at `start` reads, by the queries of the one before."""
        scores.select(
            self._queries[:, :1], self._summaries, table, start, self._sparsity, self._counted,
            behind=1, out=self._next,
        )  # fmt: skip

    def room(self, n: int, rows: int) -> Tensor | None:
        """Where a layer's queries go, `[rows, heads, dim]`, if the next token chooses by them."""
        if not self._sparsity.deferred or n not in self._layers:
            return None
        own = self._queries[n - self._layers.start]
        return own[:1] if rows == 1 else own[1 : rows + 1]

    def chosen(self, n: int, query: Tensor, table: Tensor, start: Tensor) -> Selection:
        """What the rows at `start` read in a layer that chooses."""
        at, rows = n - self._layers.start, query.shape[0]
        behind = int(self._sparsity.deferred)
        if behind and rows == 1:
            return self._next.layer(at)
        asking = self._queries[at : at + 1, :rows] if behind else query[None]
        found = scores.select(
            asking, self._summaries.layer(at), table, start, self._sparsity, self._counted,
            behind=behind,
        )  # fmt: skip
        return found.layer(0)
