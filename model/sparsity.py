"""How sparse attention chooses what to read."""

from __future__ import annotations

from dataclasses import dataclass

from vademecum.model.kernels import Score


@dataclass(frozen=True, slots=True)
class Sparsity:
    """Lengths in tokens. Layers 0, 1 and the last stay dense: they find what the others use."""

    threshold: int = 12_288  # a shorter sequence is read whole
    budget: int = 4_096
    long: int = 65_536  # from here on `long_budget` holds
    long_budget: int = 8_192
    recent: int = 512  # always read
    score: Score = "mean_std"

    def budget_for(self, length: int) -> int:
        """How many tokens a layer reads of a sequence of `length`: all of it if it is short."""
        if length < self.threshold:
            return length
        return self.long_budget if length >= self.long else self.budget

    @staticmethod
    def sparse_layers(layers: int) -> frozenset[int]:
        """The layers that choose pages."""
        return frozenset(range(2, layers - 1))
