"""How sparse attention chooses what to read."""

from __future__ import annotations

from dataclasses import dataclass, fields

from vademecum.model.kernels import PAGE

CHUNK = 512  # tokens of a prompt that are read at a time; cancelling waits until they are read
GPU_CHUNK = (
    2_048  # the same for a GPU, which reads up to 16 of them at once where it has the memory
)


@dataclass(frozen=True, slots=True)
class Sparsity:
    """Lengths in tokens. Raises ValueError on nonsense.

    The first two layers and the last one stay dense: they find what the others use (DELTA,
    arXiv:2510.09883). Reading a prompt, the tokens of a chunk share one choice of earlier pages.
    Deferred, the pages of a layer are those that the query of the token before chose among what was
    complete then, and any completed since.
    """

    threshold: int = 6_144  # a shorter sequence is read whole
    budget: int = 4_096  # for each token of an answer
    prefill_budget: int = 8_192  # for each chunk of a prompt
    long: int = 12_288  # from here on `long_budget` holds
    long_budget: int = 6_144
    sinks: int = 32  # the first tokens are always read
    recent: int = 512  # and so are the newest
    dense_first: int = 2  # layers
    dense_last: int = 1
    chunk: int = CHUNK  # `threshold` is a multiple of it
    sampled: int = 16  # tokens of a chunk that choose for all of it
    deferred: bool = False  # what a token of an answer reads, the token before it has chosen

    def __post_init__(self) -> None:
        for field in fields(self):
            whole = isinstance(getattr(self, field.name), int)
            if not whole:
                raise ValueError(f"{field.name} must be a whole number")
        if self.chunk < PAGE or self.chunk % PAGE:
            raise ValueError(f"chunk must be a multiple of {PAGE}")
        for name in ("sampled", "budget", "prefill_budget", "long_budget"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("threshold", "long", "sinks", "recent", "dense_first", "dense_last"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if self.deferred and self.recent < PAGE:  # a page may be complete that had no score yet
            raise ValueError(f"recent must be at least {PAGE} where the choice is deferred")

    def budget_for(self, length: int) -> int:
        """How many tokens a layer reads of a sequence of `length`: all of it if it is short."""
        if length < self.threshold:
            return length
        return self.long_budget if length >= self.long else self.budget

    def sparse_layers(self, layers: int) -> range:
        """The layers that choose pages."""
        return range(self.dense_first, max(self.dense_first, layers - self.dense_last))


# A GPU reads many tokens at a time, and more of the past costs it little. What costs it is whatever
# a layer waits for.
ON_GPU = Sparsity(long_budget=8_192, chunk=GPU_CHUNK, sampled=64, deferred=True)
