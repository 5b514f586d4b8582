"""From logits to a token: temperature, top-k, top-p, in that order; then what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from vademecum.errors import ModelError
from vademecum.model.interface import GenerationOptions

CANDIDATES = 256  # enough for almost every nucleus; a wider one is sorted whole


class Sampler:
    """Draws tokens as `options` say, from a random stream of its own: one seed, one text."""

    def __init__(self, options: GenerationOptions) -> None:
        self.options = options
        self.random = torch.Generator().manual_seed(options.seed)

    def sample(
        self,
        logits: Tensor,
        allows: Callable[[int], bool] | None = None,
        whole: Callable[[], Tensor] | None = None,
    ) -> int:
        """The next token, given float32 `[vocab]`, among those that are allowed.

        Where only the largest of `logits` are exact, `whole` gives all of them; it is asked where
        others may count: at a temperature above 1, and once a token was refused.

        A refused token is left out and another drawn. The first allowed token of such draws has
        probability p(x) / p(allowed): exactly that of masking all refused candidates and
        renormalising, though only those that were drawn have to be looked at.

        top-k and top-p choose the candidates before anything is refused, so that a refusal brings
        in no token that the model holds unlikely. Only if all candidates are refused are new ones
        chosen among the rest of the vocabulary. If all of it is refused, the first draw stands:
        a constraint must not leave the model without a word.

        Raises ModelError where the logits are no numbers: nothing drawn from them would be text.
        """
        if not math.isfinite(logits.max()):  # the largest is NaN if any is
            raise no_numbers()
        if whole and self.options.temperature > 1:
            logits, whole = whole(), None
        refused: list[int] = []
        while True:
            for token in self._draws(logits, refused):
                if allows is None or allows(token):
                    return token
                refused.append(token)
                if whole:
                    break
            if whole:
                logits, whole = whole(), None
                continue
            at = torch.tensor(refused, device=logits.device)
            logits = logits.index_fill(0, at, -torch.inf)
            if logits.max() == -torch.inf:
                return refused[0]

    def _draws(self, logits: Tensor, refused: list[int]) -> Iterator[int]:
        """The candidates, each drawn among those that were not; greedy ones are one. Those that are
        `refused` when it begins are none."""
        before = torch.tensor(refused, dtype=torch.int64)
        if self.options.temperature == 0:
            yield int(logits.index_fill(0, before.to(logits.device), -torch.inf).argmax())
            return
        # The stream of random numbers is the CPU's, wherever the logits are.
        probabilities, tokens = candidates(logits, self.options)
        probabilities = probabilities.cpu()
        tokens = None if tokens is None else tokens.cpu()
        gone = before if tokens is None else torch.isin(tokens, before).nonzero()[:, 0]
        probabilities = probabilities.index_fill(0, gone, 0.0)
        while probabilities.any():
            chosen = torch.multinomial(probabilities, 1, generator=self.random)
            yield int(chosen if tokens is None else tokens[chosen])
            probabilities = probabilities.index_fill(0, chosen, 0.0)


def no_numbers() -> ModelError:
    """What stands for logits from which nothing can be drawn."""
    return ModelError(
        "the model computed no numbers",
        "its weights may be damaged: remove and fetch them again, or load them in bf16",
    )


def candidates(logits: Tensor, options: GenerationOptions) -> tuple[Tensor, Tensor | None]:
    """The distribution sampled from: weights, best first, and their tokens (None: all, in order).

    top-k keeps the k most likely tokens; top-p then the shortest head of those, at least one,
    whose renormalised probability reaches `top_p` (nucleus sampling, arXiv:1904.09751).
    """
    scaled = logits / options.temperature
    vocabulary = scaled.shape[0]
    k = min(options.top_k or vocabulary, vocabulary)
    if options.top_p == 1:
        if k == vocabulary:
            return scaled.softmax(0), None
        best, tokens = scaled.topk(k)
        return best.softmax(0), tokens
    # Sorting a whole vocabulary takes longer than a layer; its head is nearly always enough.
    total = (scaled if k == vocabulary else scaled.topk(k).values).logsumexp(0)
    for width in (min(k, CANDIDATES), k):
        best, tokens = scaled.topk(width)
        probabilities = (best - total).exp()
        inside = probabilities.cumsum(0) - probabilities < options.top_p
        if not inside[-1]:  # the nucleus ends within these
            break
    return probabilities[inside], tokens[inside]
