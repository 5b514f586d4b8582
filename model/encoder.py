"""What the ways of computing an embedder's vectors have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from vademecum.model.surrogates import joined

Kind = Literal["query", "passage"]
Vectors = npt.NDArray[np.float32]


class Counter:
    """Counts tokens as an embedder does (`interface.TokenCounter`); can be sent to a process."""

    def __init__(self, tokenizer_json: str, max_tokens: int) -> None:
        """`max_tokens` is the longest input, special tokens included."""
        self.max_tokens = max_tokens
        # A tokenizer of its own, for whole texts: an embedder's cuts and pads.
        self._tokenizer = Tokenizer.from_str(tokenizer_json)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, nothing cut, special ones too."""
        return [len(coded.ids) for coded in self._tokenizer.encode_batch_fast(whole(texts))]


class Encoder(Protocol):
    """Texts to vectors; any number of threads may ask."""

    path: str  # precision, library, device: for people
    dim: int
    counter: Counter

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """`[texts, dim]` of any norm, in the order given."""
        ...


def whole(texts: Sequence[str]) -> list[str]:
    """Texts that a tokenizer takes: it refuses halves of characters."""
    return [joined(text) for text in texts]
