"""llama.cpp through llama-cpp-python: `llama.py GGUF THREADS CONTEXT FLASH`, FLASH 0 or 1."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import llama_cpp
import numpy as np
import wire

BATCH = 512


class LlamaCpp:
    """Prompts in batches of 512; the cache is trimmed back to the kept prompt by `eval`."""

    def __init__(self, model: llama_cpp.Llama) -> None:
        self._model = model
        self._kept: list[int] = []

    def about(self) -> dict[str, Any]:
        return {
            "llama_cpp_python": llama_cpp.__version__,
            "system": llama_cpp.llama_print_system_info().decode(),
            "threads": self._model.n_threads,
            "numpy": np.__version__,
        }

    def read(self, ids: list[int]) -> None:
        self._kept, self._model.n_tokens = [], 0
        self._next(ids)

    def keep(self, ids: list[int]) -> None:
        # The last token is left out: the logits after it begin what is written.
        known = max(0, len(self._kept) - 1) if self._kept == ids[: len(self._kept)] else 0
        self._model.n_tokens = known
        self._model.eval(ids[known:-1])
        self._kept = ids

    def write(self, count: int) -> Iterator[int]:
        self._model.n_tokens = len(self._kept) - 1  # `eval` forgets all that lies behind
        token = self._kept[-1]
        for _ in range(count):
            token = self._next([token])
            yield token

    def _next(self, ids: list[int]) -> int:
        self._model.eval(ids)
        last = self._model._ctx.get_logits_ith(-1)
        return int(np.ctypeslib.as_array(last, shape=(self._model.n_vocab(),)).argmax())


if __name__ == "__main__":
    file, threads, context, flash = sys.argv[1:]
    began = time.perf_counter()
    loaded = llama_cpp.Llama(
        file,
        n_ctx=int(context),
        n_batch=BATCH,
        n_threads=int(threads),
        n_threads_batch=int(threads),
        flash_attn=flash == "1",
        logits_all=False,
        verbose=False,
    )
    wire.serve(LlamaCpp(loaded), time.perf_counter() - began)
