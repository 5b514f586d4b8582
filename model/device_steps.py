"""Logits and tokens for one position after another, by a captured step on a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vademecum.model.cache import Sequence
from vademecum.model.drafting import LONGEST, NgramDrafter
from vademecum.model.interface import GenerationOptions
from vademecum.model.kernels import PAGE
from vademecum.model.sampling import no_numbers
from vademecum.model.watch import Watch

if TYPE_CHECKING:
    from vademecum.model.captured import CapturedStep
    from vademecum.model.generate import Draw

DRAFTS = (1, 2, 4, 8)  # tokens of a draft: a graph is captured for each length that is run


class DeviceSteps:
    """As `Steps`, which runs on a CPU. Besides, tokens are drawn where the logits are. Behind those
    that nothing constrains the next step is begun before whoever reads the answer has seen the
    token; without a drafter, which must see it first, even before the host has."""

    def __init__(
        self,
        step: CapturedStep,
        sequence: Sequence,
        options: GenerationOptions,
        drafter: NgramDrafter | None,
        watch: Watch | None,
    ) -> None:
        self.drafted = 0
        self.accepted = 0
        self._step = step
        self._sequence = sequence
        self._options = options
        self._drafter = drafter
        self._watch = watch
        self._draft: list[int] = []
        self._drawn: list[int] | None = None  # after each row of the step, once it was read
        self._mass = torch.empty(0)
        self._row = -1  # of the step, the row that was given last
        self._ahead: int | None = None  # the token of a step that nobody asked for yet
        self._running = False  # it reads what was drawn, and has begun already
        if watch:
            sequence.mass = watch.new_mass(LONGEST + 1)

    def after(self, token: int) -> Tensor:
        """The logits after this token, float32 `[vocab]`; they hold until the next call."""
        if self._ahead == token:
            self._ahead = None
        elif self._continues(token):
            if self._drafter:
                self._drafter.append(token)
            self._row += 1
            self.accepted += 1
        else:
            self._begin(token)
        return self._step.logits[self._row]

    def drawer(self) -> Draw | None:
        """Draws a token from the logits that `after` gave last; None before it gave any. If it is
        not final, they hold until `after` is called again. The draw raises ModelError where the
        logits are no numbers."""
        return self._draw if self._row >= 0 else None

    def shares(self) -> Tensor | None:
        """What each watched text received when the last logits were computed: float32 `[texts]`."""
        if self._watch is None or self._row < 0:
            return None
        if self._drawn is None:
            self._drawn = self._read(ahead=False)
        mass = torch.zeros(self._sequence.table.shape[0] + 1)
        mass[: self._mass.shape[1]] = self._mass[self._row]
        return self._watch.shares(mass, self._sequence.length + 1 + self._row)

    def settle(self) -> None:
        """Make what was right part of the sequence and forget the rest."""
        if self._ahead is not None:
            self.drafted -= len(self._draft)
        elif self._row >= 0:
            self._sequence.length += 1 + self._row
        self._draft, self._row, self._ahead = [], -1, None

    def _draw(self, *, final: bool) -> int:
        if self._drawn is None:
            self._drawn = self._read(ahead=final)
        token = self._drawn[self._row]
        if token < 0:
            raise no_numbers()
        if final and not self._continues(token):
            self._begin(token)
            self._ahead = token
        return token

    def _continues(self, token: int) -> bool:
        return 0 <= self._row < len(self._draft) and self._draft[self._row] == token

    def _begin(self, token: int) -> None:
        """The step that reads `token`, and what may follow it."""
        step, sequence = self._step, self._sequence
        if self._drafter:
            self._drafter.append(token)
        if self._row < 0:
            step.begin(sequence, self._options)
        else:
            sequence.length += 1 + self._row
            if self._draft:
                step.go_to(sequence.length)
            if self._drafter:
                self._drafter.learn(self._row)
        self._draft = []
        if not self._running:
            length = sequence.length
            room = min(LONGEST, PAGE - 1 - length % PAGE, sequence.capacity - length - 1)
            if self._drafter:
                self._draft = self._drafter.propose(min(room, step.most_rows - 1))
            self.drafted += len(self._draft)
            step.feed([token, *self._draft])
            step.run(1 + len(self._draft))
        self._drawn, self._row, self._running = None, 0, False

    def _read(self, *, ahead: bool) -> list[int]:
        """The tokens of the step. With `ahead`, the next one may be begun: it reads them too."""
        rows = 1 + len(self._draft)
        if self._watch:
            self._mass = self._step.fetch_mass(rows)
        waiting = self._step.fetch(rows)
        if ahead and self._drafter is None and self._step.length < self._sequence.capacity:
            self._step.run()
            self._running = True
        return waiting()
