"""The paged KV cache: a pool of pages, and sequences that borrow them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vademecum.errors import ContextTooLong
from vademecum.model.kernels import PAGE, PageTable


@dataclass(slots=True)
class Sequence:
    """The pages that one prompt and its answer borrow; `length` tokens are written."""

    table: PageTable
    capacity: int
    length: int = 0


class PagedCache:
    """Keys and values of all layers, in pages of 32 tokens.

    `keys[layer]`, `values[layer]`: `[kv_heads, pages, 32, head_dim]`; `summaries[layer]`:
    `[2, kv_heads, pages, head_dim]`, what sparse attention knows of each complete page, for the
    layers in `summarized` only. The tensors are not cleared: memory is used as it is written.
    """

    def __init__(
        self,
        *,
        layers: int,
        kv_heads: int,
        head_dim: int,
        pages: int,
        dtype: torch.dtype,
        summarized: frozenset[int] = frozenset(),
    ) -> None:
        shape = (kv_heads, pages, PAGE, head_dim)
        self.keys = [torch.empty(shape, dtype=dtype) for _ in range(layers)]
        self.values = [torch.empty(shape, dtype=dtype) for _ in range(layers)]
        self.summaries: list[Tensor | None] = [
            torch.empty(2, kv_heads, pages, head_dim, dtype=dtype) if layer in summarized else None
            for layer in range(layers)
        ]
        self.pages = pages
        self._free = list(range(pages))

    @staticmethod
    def bytes_per_token(layers: int, kv_heads: int, head_dim: int, dtype: torch.dtype) -> int:
        """Memory of one token's keys and values."""
        return 2 * layers * kv_heads * head_dim * dtype.itemsize

    @property
    def free_tokens(self) -> int:
        """How many tokens fit now."""
        return len(self._free) * PAGE

    def open(self, tokens: int) -> Sequence:
        """Borrow pages for `tokens` tokens; raises ContextTooLong, borrowing nothing."""
        if tokens > self.free_tokens:
            raise ContextTooLong(
                f"{tokens} tokens of prompt and answer do not fit the cache of "
                f"{self.free_tokens} tokens",
                "ask for a shorter answer, or give fewer or shorter sources",
            )
        count = -(-tokens // PAGE)
        taken, self._free = self._free[:count], self._free[count:]
        in_a_row = taken == list(range(taken[0], taken[0] + count)) if taken else False
        table = PageTable(
            ids=torch.tensor(taken, dtype=torch.int64), first=taken[0] if in_a_row else None
        )
        return Sequence(table=table, capacity=count * PAGE)

    def close(self, sequence: Sequence) -> None:
        """Give the pages back; the sequence must not be used again."""
        self._free = sorted(self._free + sequence.table.ids.tolist())
        sequence.capacity = sequence.length = 0
