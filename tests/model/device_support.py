"""A `CapturedStep` without a GPU, for the tests of what goes on around one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from vademecum.model.cache import PagedCache, Sequence
from vademecum.model.decoder import ROWS, Decoder
from vademecum.model.interface import GenerationOptions
from vademecum.model.kernels import PAGE
from vademecum.model.sampling import candidates


def draw(logits: Tensor, options: GenerationOptions, position: int) -> int:
    """As a device draws: one seed and one position give one token, whatever was drawn before."""
    if options.temperature == 0:
        return int(logits.argmax())
    random = torch.Generator().manual_seed(options.seed * 100_003 + position)
    weights, tokens = candidates(logits, options)
    chosen = int(torch.multinomial(weights, 1, generator=random))
    return chosen if tokens is None else int(tokens[chosen])


class Device:
    """A `CapturedStep` that a decoder on the CPU computes, in the order that it was asked to."""

    def __init__(
        self, decoder: Decoder, cache: PagedCache, *, slow: bool = False, most_rows: int = ROWS
    ) -> None:
        self.most_rows = most_rows
        self.length = 0
        self.fed: list[list[int]] = []
        self.kept: list[int] = []  # what `go_to` was told
        self.ran: list[tuple[int, int]] = []  # behind how many tokens, and how many rows
        self.steps = 0
        self._decoder, self._cache, self._slow = decoder, cache, slow
        self._queue: deque[Callable[[], None]] = deque()
        self._logits = torch.full((ROWS, decoder.config.vocab_size), torch.nan)
        self._tokens = [-1] * ROWS
        self._open = False  # a draft was computed, and nobody said how much of it is right
        self._rows = 0

    def _ask(self, work: Callable[[], None]) -> None:
        self._queue.append(work)
        if not self._slow:
            self.finish()

    def finish(self) -> None:
        """Compute all that was asked for."""
        while self._queue:
            self._queue.popleft()()

    @property
    def logits(self) -> Tensor:
        """Reading them waits for what is before, as on a device."""
        self.finish()
        return self._logits

    def begin(self, sequence: Sequence, options: GenerationOptions) -> None:
        mass = None if sequence.mass is None else sequence.mass.clone()
        self._own = Sequence(
            sequence.table, sequence.tails, sequence.prompt, sequence.length, mass=mass
        )
        self._options, self.length, self._open = options, sequence.length, False

    def go_to(self, length: int) -> None:
        assert self._open, "all that was computed is part of the sequence already"
        assert self.length < length <= self.length + self._rows
        own, right = self._own, length - self.length
        self._ask(lambda: self._decoder.keep(right, self._cache, own))
        self.length, self._open = length, False
        self.kept.append(length)

    def feed(self, tokens: list[int]) -> None:
        self.fed.append(list(tokens))
        given = list(tokens)

        def work() -> None:
            self._tokens[: len(given)] = given

        self._ask(work)

    def run(self, rows: int = 1) -> None:
        assert not self._open, "the tokens of a draft are not known to be right"
        assert rows <= self.most_rows
        assert self.length + rows <= self._own.capacity, "behind the end of the sequence"
        own, options = self._own, self._options

        def work() -> None:
            start = own.length
            found = self._decoder.decode(torch.tensor(self._tokens[:rows]), self._cache, own)
            self._logits.fill_(torch.nan)
            self._logits[:rows] = found
            self._tokens = [draw(found[n], options, start + 1 + n) for n in range(rows)]
            if rows == 1:
                self._decoder.keep(1, self._cache, own)

        self._ask(work)
        self.ran.append((self.length, rows))
        self.steps += 1
        self._rows, self._open = rows, rows > 1
        self.length += rows == 1

    def fetch(self, rows: int = 1) -> Callable[[], list[int]]:
        found: list[int] = []
        self._ask(lambda: found.extend(self._tokens[:rows]))

        def wait() -> list[int]:
            while not found:
                self._queue.popleft()()
            return found

        return wait

    def fetch_mass(self, rows: int = 1) -> Tensor:
        pages = (self.length - (rows == 1)) // PAGE + 1
        found, own = torch.full((rows, pages), torch.nan), self._own

        def work() -> None:
            assert own.mass is not None
            found.copy_(own.mass[:rows, :pages])

        self._ask(work)
        return found
