"""Logits for one position after another, computed ahead where that pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vademecum.model.cache import PagedCache, Sequence
from vademecum.model.decoder import Decoder
from vademecum.model.drafting import LONGEST, NgramDrafter
from vademecum.model.kernels import PAGE
from vademecum.model.watch import Watch

if TYPE_CHECKING:
    from vademecum.model.generate import Draw


class Steps:
    """Feeds tokens to a decoder. With a drafter, it computes a draft's tokens in the same pass and
    has the next logits ready as long as the draft turns out right."""

    def __init__(
        self,
        decoder: Decoder,
        cache: PagedCache,
        sequence: Sequence,
        drafter: NgramDrafter | None,
        watch: Watch | None,
    ) -> None:
        self.drafted = 0
        self.accepted = 0
        self._decoder = decoder
        self._cache = cache
        self._sequence = sequence
        self._drafter = drafter
        self._watch = watch
        self._ids = torch.empty(LONGEST + 1, dtype=torch.int64)
        self._draft: list[int] = []
        self._rows = torch.empty(0)
        self._row = -1  # the row that was given last; as many tokens of the draft were right
        if watch:
            sequence.mass = watch.new_mass(LONGEST + 1).to(decoder.device)

    def after(self, token: int) -> Tensor:
        """The logits after this token, float32 `[vocab]`."""
        if self._drafter:
            self._drafter.append(token)
        if 0 <= self._row < len(self._draft) and self._draft[self._row] == token:
            self._row += 1
            self.accepted += 1
            return self._rows[self._row]
        self.settle()
        room = PAGE - 1 - self._sequence.length % PAGE
        room = min(LONGEST, room, self._sequence.capacity - self._sequence.length - 1)
        self._draft = self._drafter.propose(room) if self._drafter else []
        self.drafted += len(self._draft)
        ids = self._ids[: 1 + len(self._draft)]
        ids[0] = token
        for n, guess in enumerate(self._draft, 1):
            ids[n] = guess
        self._rows = self._decoder.decode(ids, self._cache, self._sequence)
        self._row = 0
        return self._rows[0]

    def whole(self) -> Tensor:
        """The logits that were given last, or those after the prompt, all of them exact."""
        return self._decoder.whole_logits(self._row)

    def drawer(self) -> Draw | None:
        """What draws a token where the logits are: nothing does here."""
        return None

    def shares(self) -> Tensor | None:
        """What each watched text received when the last logits were computed: float32 `[texts]`."""
        if self._watch is None or self._sequence.mass is None or self._row < 0:
            return None
        tokens = self._sequence.length + 1 + self._row
        return self._watch.shares(self._sequence.mass[self._row].cpu(), tokens)

    def settle(self) -> None:
        """Make what was right part of the sequence and forget the rest."""
        if self._row < 0:
            return
        self._decoder.keep(1 + self._row, self._cache, self._sequence)
        if self._drafter:
            self._drafter.learn(self._row)
        self._draft, self._row = [], -1
