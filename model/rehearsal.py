"""What a GPU reads when a model is loaded, so that the first prompt waits for no compiler, nor its
first token for kernels of PyTorch, and memory that does not suffice for reading is told of then."""

from __future__ import annotations

import torch
from torch import Tensor

from vademecum.model.cache import PagedCache
from vademecum.model.decoder import Decoder
from vademecum.model.interface import GenerationOptions
from vademecum.model.kernels import PAGE
from vademecum.model.sampling import Sampler
from vademecum.progress import Progress

# How the host draws, each way by other kernels: as by default, all of a vocabulary, the best few of
# it, and the best one.
DRAWN = (
    *(GenerationOptions(top_k=k, top_p=p) for k in (0, 50) for p in (0.95, 1.0)),
    GenerationOptions(temperature=0),
)


def rehearse(decoder: Decoder, cache: PagedCache, progress: Progress) -> None:
    """Read a chunk and a token after it, then prompts that are cut otherwise, and draw a token as
    the host does that of a prompt; nothing is kept."""
    lengths: list[tuple[int, ...]] = [(min(decoder.chunk, (cache.pages - 1) * PAGE), 1)]
    if decoder.reader:
        most = min(decoder.at_once, cache.pages * PAGE)
        lengths += [(length,) for length in decoder.reader.lengths(most)]
    progress.start("making the GPU ready to read", len(lengths), "")
    try:
        for parts in lengths:
            sequence = cache.open([], cache.pages * PAGE)
            try:
                for tokens in filter(None, parts):
                    ids = torch.zeros(tokens, dtype=torch.int64)
                    logits = decoder.prefill(ids, cache, sequence)
            finally:
                cache.close(sequence)
            progress.advance(1)
        if decoder.reader:
            decoder.reader.look_far_back(cache)
        for options in DRAWN:
            _draw(torch.zeros_like(logits), options)
    finally:
        progress.finish()


def _draw(logits: Tensor, options: GenerationOptions) -> None:
    """A token, once one was refused. Of equal logits, so that no few are most of a vocabulary.

    PyTorch loads a kernel onto the GPU when it is first launched: these took 80 to 120 ms."""
    allowed = iter((False, True))
    Sampler(options).sample(logits, lambda _: next(allowed))
