"""An embedder in bfloat16 or float32, by sentence-transformers on a GPU or the processor."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vademecum.errors import ModelError, ModelUnsupported
from vademecum.model.encoder import Counter, Kind, Vectors

CPU_TOKENS = 4_096  # of a batch, padding counted: on a processor larger ones gain nothing
GPU_TOKENS = 131_072


class FloatEncoder:
    """An `Encoder` that PyTorch runs, for one thread at a time."""

    def __init__(self, model: Any, device: Literal["cpu", "cuda"]) -> None:
        """`model` is a `SentenceTransformer` on that device."""
        self.dim = int(model.get_embedding_dimension())
        self.path = f"{str(model.dtype).removeprefix('torch.')}, PyTorch, {_name(device)}"
        self._model = model
        self._budget = CPU_TOKENS if device == "cpu" else GPU_TOKENS
        self.counter = Counter(
            model.tokenizer.backend_tokenizer.to_str(), int(model.max_seq_length)
        )
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """`[texts, dim]` of any norm, in the order given.

        Raises ModelError where the GPU's memory runs out.
        """
        import torch

        model = self._model
        encode = model.encode_query if kind == "query" else model.encode_document
        rows = np.empty((len(texts), self.dim), np.float32)
        most = self.counter.max_tokens
        tokens = [min(count, most) for count in self.counter.count_tokens(texts)]
        with self._lock:
            for batch in batches(tokens, self._budget):
                try:
                    found = encode(
                        [texts[n] for n in batch],
                        batch_size=len(batch),
                        show_progress_bar=False,
                        convert_to_tensor=True,
                    )
                except torch.OutOfMemoryError as error:
                    raise ModelError(
                        "the GPU has no memory left for embedding",
                        "close what else uses the GPU, or leave it out: VADEMECUM_DEVICE=cpu",
                    ) from error
                rows[batch] = found.float().cpu().numpy()
        return rows


def batches(tokens: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions of texts, longest first, in batches of at most `budget` tokens once all texts of a
    batch are padded to its longest. A text that is longer than that is a batch of its own."""
    batch: list[int] = []
    for position in sorted(range(len(tokens)), key=lambda n: -tokens[n]):
        if batch and (len(batch) + 1) * tokens[batch[0]] > budget:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def load(folder: Path, device: Literal["cpu", "cuda"], dtype: str) -> Any:
    """The `SentenceTransformer` that a folder holds. Raises ModelUnsupported."""
    from sentence_transformers import SentenceTransformer

    with _no_bars():
        try:
            return SentenceTransformer(
                str(folder), device=device, local_files_only=True, model_kwargs={"dtype": dtype}
            )
        except (OSError, ValueError, KeyError) as error:
            raise ModelUnsupported(
                f"the embedder in {folder} cannot be loaded: {error}",
                "check that the folder is complete, or use the default embedder",
            ) from error


def _name(device: Literal["cpu", "cuda"]) -> str:
    import torch

    return "on the processor" if device == "cpu" else torch.cuda.get_device_name()


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
