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
    vocabulary = logits.shape[0]
    k = min(options.top_k or vocabulary, vocabulary)
    if k == vocabulary and options.top_p == 1:
        return (logits / options.temperature).softmax(0), None
    # Sorting a whole vocabulary takes longer than a layer; its head is nearly always enough.
    width = min(k, CANDIDATES)
    while True:
        best, tokens = logits.topk(width)
        scaled = best / options.temperature
        if k == vocabulary:
            total = (logits / options.temperature).logsumexp(0)
        elif width == k:
            total = scaled.logsumexp(0)
        else:
            total = (logits.topk(k).values / options.temperature).logsumexp(0)
        probabilities = (scaled - total).exp()
        before = probabilities.cumsum(0) - probabilities
        inside = before < options.top_p
        if width == k or not bool(inside[-1]):
            return probabilities[inside], tokens[inside]
        width = k
