"""What a GPU reads when a model is loaded, so that the first prompt waits for no compiler, and
memory that does not suffice for reading is told of then."""

from __future__ import annotations

import torch

from vademecum.model.cache import PagedCache
from vademecum.model.decoder import Decoder
from vademecum.model.kernels import PAGE
from vademecum.progress import Progress


def rehearse(decoder: Decoder, cache: PagedCache, progress: Progress) -> None:
    """Read a chunk and a token after it, then prompts that are cut otherwise; nothing is kept."""
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
                    decoder.prefill(torch.zeros(tokens, dtype=torch.int64), cache, sequence)
            finally:
                cache.close(sequence)
            progress.advance(1)
        if decoder.reader:
            decoder.reader.look_far_back(cache)
    finally:
        progress.finish()
