"""Our engine, through its public stream: `ours.py PRESET THREADS QUANTIZATION KV ATTENTION`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import wire

from vademecum import Engine
from vademecum.model.interface import Finished, GenerationOptions, Token


class Ours:
    """Beginnings of prompts are kept by the engine itself."""

    def __init__(self, engine: Engine) -> None:
        engine._eos = frozenset()  # every run writes as many tokens
        self._engine = engine
        self._kept: list[int] = []

    def about(self) -> dict[str, Any]:
        import torch

        return {"torch": torch.__version__, "engine": self._engine.report()}

    def read(self, ids: list[int]) -> None:
        if self._first(ids).stats.prompt_reused:
            raise SystemExit("a prompt that was to be read from nothing was known already")

    def keep(self, ids: list[int]) -> None:
        self._first(ids)
        self._kept = ids

    def write(self, count: int) -> Iterator[int]:
        for event in self._engine.stream_ids(self._kept, _options(count)):
            if isinstance(event, Token):
                yield event.id

    def _first(self, ids: list[int]) -> Finished:
        *_, last = self._engine.stream_ids(ids, _options(1))
        assert isinstance(last, Finished)
        return last


def _options(tokens: int) -> GenerationOptions:
    return GenerationOptions(temperature=0, max_tokens=tokens, draft=False)


if __name__ == "__main__":
    preset, threads, quantization, kv, attention = sys.argv[1:]
    began = time.perf_counter()
    loaded = Engine.load(
        preset,
        quantization=quantization,  # type: ignore[arg-type]
        kv=kv,  # type: ignore[arg-type]
        attention=attention,  # type: ignore[arg-type]
        threads=int(threads),
    )
    wire.serve(Ours(loaded), time.perf_counter() - began)
