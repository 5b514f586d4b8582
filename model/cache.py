"""The KV cache: a pool of pages, sequences that borrow them, prefixes that are kept for later."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vademecum.errors import ContextTooLong
from vademecum.model.kernels import PAGE, KvKind, Pages, new_pages, page_bytes
from vademecum.model.prefix import PrefixIndex


@dataclass(slots=True)
class Sequence:
    """One prompt and its answer.

    `table` int64 `[capacity / 32]` says where its pages lie in the pool; `length` tokens are
    written. The page being filled is `tails[layer]`: keys and values, float32
    `[kv_heads, 32, head_dim]`. The first `reused` pages were in the cache before. Where the choice
    of pages is deferred, `asked [layers, heads, head_dim]` are the queries of the last token, and
    `asking [layers, tokens, heads, head_dim]` of those that may follow.
    """

    table: Tensor
    tails: list[tuple[Tensor, Tensor]]
    prompt: tuple[int, ...]
    length: int = 0
    reused: int = 0
    mass: Tensor | None = field(default=None)
    asked: Tensor | None = field(default=None)
    asking: Tensor | None = field(default=None)

    @property
    def capacity(self) -> int:
        """How many tokens it may hold."""
        return self.table.shape[0] * PAGE

    @property
    def complete(self) -> Tensor:
        """Where its complete pages lie."""
        return self.table[: self.length // PAGE]


class PagedCache:
    """Keys and values of all layers, in pages of 32 tokens (PagedAttention, arXiv:2309.06180).

    What a prompt left behind stays until its memory is needed, the longest unused first; a prompt
    that begins with the same tokens borrows those pages instead of computing them. What is borrowed
    must be, to the bit, what would be computed: a product of many rows rounds otherwise than one of
    few, and the rows of a chunk may choose their pages together, so that whole chunks are kept and
    borrowed only, and pages that an answer filled are not kept. A chunk is known by its first page.
    """

    def __init__(
        self,
        *,
        layers: int,
        kv_heads: int,
        head_dim: int,
        pages: int,
        kind: KvKind,
        dtype: torch.dtype,
        step: int = PAGE,
        device: torch.device | None = None,
    ) -> None:
        """A prefix is borrowed in steps of `step` tokens, a multiple of 32.

        Pages lie on `device`, by default in the machine's own memory.
        """
        self._step = step // PAGE
        self.device = device or torch.device("cpu")
        with self.device:
            self.stores: list[Pages] = [
                new_pages(kind, kv_heads, pages, head_dim, dtype) for _ in range(layers)
            ]
        self.kind = kind
        self.pages = pages
        self._tail = (kv_heads, PAGE, head_dim)
        self._free = list(range(pages - 1, -1, -1))
        self._prefixes = PrefixIndex()
        self._chunks: dict[int, list[int]] = {}  # the pages of each that is kept, by the first

    @staticmethod
    def bytes_per_page(
        layers: int, kv_heads: int, head_dim: int, kind: KvKind, dtype: torch.dtype
    ) -> int:
        """Memory of one page in all layers, its metadata included."""
        return layers * page_bytes(kind, kv_heads, head_dim, dtype)

    @property
    def free_tokens(self) -> int:
        """How many tokens fit now, prefixes that nobody uses given up."""
        return (len(self._free) + self._prefixes.idle * self._step) * PAGE

    @property
    def kept_tokens(self) -> int:
        """How many tokens of earlier prompts are kept."""
        return len(self._prefixes) * self._step * PAGE

    def open(self, prompt: SequenceOf[int], tokens: int) -> Sequence:
        """Borrow pages for a prompt and its answer, `tokens` in all.

        `length` of the sequence tells how many of the prompt's tokens are there already: at most
        all but the last, whose logits begin the answer. Raises ContextTooLong, borrowing nothing.
        """
        prompt = tuple(prompt)
        chunks = self._prefixes.take(self._blocks(prompt, max(0, len(prompt) - 1)))
        taken = [page for chunk in chunks for page in self._chunks[chunk]]
        count = -(-tokens // PAGE) - len(taken)
        if count * PAGE > self.free_tokens:
            self._prefixes.back(chunks)
            raise ContextTooLong(
                f"{tokens} tokens of prompt and answer do not fit the cache of "
                f"{self.free_tokens} tokens",
                "ask for a shorter answer, or give fewer or shorter sources",
            )
        try:  # before anything is taken: a device may have no memory left
            table = torch.empty(len(taken) + count, dtype=torch.int64, device=self.device)
            tails = [(self._new_tail(), self._new_tail()) for _ in self.stores]
        except BaseException:
            self._prefixes.back(chunks)
            raise
        wanted = -(-(count - len(self._free)) // self._step)
        for chunk in self._prefixes.give_up(wanted):
            self._free += self._chunks.pop(chunk)
        fresh = [self._free.pop() for _ in range(count)]
        return Sequence(
            table=table.copy_(torch.tensor([*taken, *fresh], dtype=torch.int64)),
            tails=tails,
            prompt=prompt,
            length=len(taken) * PAGE,
            reused=len(taken),
        )

    def _new_tail(self) -> Tensor:
        return torch.empty(self._tail, device=self.device)

    def close(self, sequence: Sequence) -> None:
        """Give the pages back, those of the prompt to be kept; it must not be used again."""
        pages = sequence.table.tolist()
        chunks = [pages[n : n + self._step] for n in range(0, len(pages), self._step)]
        taken = [chunk[0] for chunk in chunks[: sequence.reused // self._step]]
        read = min(sequence.length, len(sequence.prompt))
        new = self._blocks(sequence.prompt, read)[len(taken) :]
        fresh = chunks[len(taken) :]
        learned = self._prefixes.add(taken, new, [chunk[0] for chunk in fresh[: len(new)]])
        self._chunks |= {chunk[0]: chunk for chunk in fresh[:learned]}
        self._prefixes.back(taken + [chunk[0] for chunk in fresh[:learned]])
        self._free += [page for chunk in fresh[learned:] for page in chunk]
        sequence.table = sequence.table[:0]
        sequence.length = sequence.reused = 0

    def _blocks(self, prompt: tuple[int, ...], tokens: int) -> list[tuple[int, ...]]:
        """The whole chunks of the first `tokens` tokens."""
        size = self._step * PAGE
        return [prompt[n : n + size] for n in range(0, tokens - size + 1, size)]
