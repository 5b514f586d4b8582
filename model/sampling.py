"""From logits to a token: temperature, top-k, top-p, in that order."""

from __future__ import annotations

import torch
from torch import Tensor

from vademecum.model.interface import GenerationOptions

CANDIDATES = 256  # enough for almost every nucleus; a wider one is sorted whole


class Sampler:
    """Draws tokens as `options` say, from a random stream of its own: one seed, one text."""

    def __init__(self, options: GenerationOptions) -> None:
        self.options = options
        self.random = torch.Generator().manual_seed(options.seed)

    def sample(self, logits: Tensor) -> int:
        """The next token, given float32 `[vocab]`."""
        if self.options.temperature == 0:
            return int(logits.argmax())
        probabilities, tokens = candidates(logits, self.options)
        chosen = torch.multinomial(probabilities, 1, generator=self.random)
        return int(chosen if tokens is None else tokens[chosen])


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
