"""Which texts of the prompt the model looked at while it wrote.

Attention tells the share that each page of the sequence received. A watched text is a range of
tokens; a page that it holds in part counts in part.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vademecum.model.kernels import PAGE


class Watch:
    """Turns attention by pages into attention by watched texts."""

    def __init__(self, spans: Sequence[range], pages: int, layers: int) -> None:
        """`spans` are token positions in the prompt; `pages` how many a sequence can have."""
        self._layers = layers
        self._weights = torch.zeros(len(spans), pages + 1)
        for n, span in enumerate(spans):
            for page in range(span.start // PAGE, -(-span.stop // PAGE)):
                held = min(span.stop, (page + 1) * PAGE) - max(span.start, page * PAGE)
                self._weights[n, page] = held / PAGE
        self._sum = torch.zeros(len(spans))
        self._tokens = 0

    def new_mass(self, rows: int) -> Tensor:
        """Room for the attention of `rows` tokens: `Sequence.mass`."""
        return torch.zeros(rows, self._weights.shape[1])

    def shares(self, mass: Tensor, tokens: int) -> Tensor:
        """The share of each text, float32 `[texts]`, given a row of the mass of all layers.

        The row's token is the last of `tokens`; the page that it stands in may not be full.
        """
        page = (tokens - 1) // PAGE
        room = PAGE / (tokens - page * PAGE)
        mass = mass.clone()
        mass[page] *= room
        return self._weights @ mass / self._layers

    def count(self, shares: Tensor) -> None:
        """A token of the answer received these shares."""
        self._sum += shares
        self._tokens += 1

    def mean(self) -> tuple[float, ...]:
        """The mean over the tokens counted; empty if there were none."""
        return tuple((self._sum / self._tokens).tolist()) if self._tokens else ()
