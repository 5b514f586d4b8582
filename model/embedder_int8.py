"""An embedder in int8 on the processor, by ONNX Runtime (decision 0005).

Each text is a run of its own on one thread, and the threads share the texts. So nothing is padded,
no thread waits for another, memory is bounded by the longest text, and a vector depends on its text
alone: not on what it was embedded with, nor on how an ingestion was cut or resumed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from vademecum.errors import OutOfSpace
from vademecum.model import hardware
from vademecum.model.encoder import Counter, Kind, Vectors
from vademecum.progress import Progress

# ONNX Runtime from 1.29 on sends what it runs to its makers, and leaves a number for this machine
# in the user's folders, unless this is set when it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

FORMAT = 2  # raise it when the graph changes: what older versions made is then made anew
GRAPH, TOKENIZER, STAMP = "model.onnx", "tokenizer.json", "vademecum.json"
VNNI = "avx512_vnni"  # without it int8 products are emulated, and some add up wrongly
CHUNK = 1_024  # texts tokenized at a time


class NoInt8(Exception):
    """An embedder has no int8 form here."""


class Int8Encoder:
    """An `Encoder` over a folder that `embedder_graph.make` made."""

    def __init__(self, folder: Path, facts: Mapping[str, Any], threads: int | None = None) -> None:
        """`facts` are what the folder's stamp says; `threads` as many as this process may use."""
        import onnxruntime

        onnxruntime.disable_telemetry_events()  # Windows' builds ask this way
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(folder / GRAPH), options, providers=["CPUExecutionProvider"]
        )
        self._threads = threads or _threads()
        self._pool = ThreadPoolExecutor(self._threads, "embedder")
        self.path = f"int8, ONNX Runtime {onnxruntime.__version__}, on the processor"
        self.dim = int(facts["dim"])
        self._prompts: Mapping[str, str] = facts["prompts"]
        tokenizer_json = (folder / TOKENIZER).read_text("utf-8")
        self.counter = Counter(tokenizer_json, int(facts["max_tokens"]))
        self._tokenizer = Tokenizer.from_str(tokenizer_json)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self.counter.max_tokens)

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """`[texts, dim]` of any norm, in the order given."""
        prompt = self._prompts[kind]
        rows = np.empty((len(texts), self.dim), np.float32)
        for first in range(0, len(texts), CHUNK):
            chunk = [prompt + text for text in texts[first : first + CHUNK]]
            coded = self._tokenizer.encode_batch_fast(chunk)
            ids = [np.array([one.ids], np.int64) for one in coded]
            # The longest first: at the end no thread is left alone with a long one.
            order = sorted(range(len(ids)), key=lambda n: -ids[n].size)
            share = self._pool.map if min(len(ids), self._threads) > 1 else map
            for n, vector in zip(order, share(self._vector, [ids[n] for n in order]), strict=True):
                rows[first + n] = vector
        return rows

    def _vector(self, ids: npt.NDArray[np.int64]) -> Vectors:
        """`[dim]` for `[1, tokens]`."""
        vector: Vectors = self._session.run(None, {"ids": ids})[0][0]
        return vector[: self.dim]  # shorter where the folder was saved so


def obstacle() -> str | None:
    """Why this machine does not embed in int8; None if it can."""
    if VNNI not in hardware.features():
        return "the processor has no instructions for int8 products (AVX512-VNNI)"
    missing = [module for module in ("onnxruntime", "onnx") if find_spec(module) is None]
    return f"{' and '.join(missing)} cannot be imported" if missing else None


def load(folder: Path, place: Path, source: str, progress: Progress) -> Int8Encoder:
    """The int8 form of the embedder in `folder`, kept in `place`; it is made on first use.

    `source` names the weights: what was made of others is made anew, and so is what is damaged, or
    was checked with another version of ONNX Runtime. Raises NoInt8, and ModelUnsupported if the
    folder holds no embedder.
    """
    if why := obstacle():
        raise NoInt8(why)
    try:
        import onnxruntime

        stamp = {"format": FORMAT, "source": source, "onnxruntime": onnxruntime.__version__}
        facts = facts_of(place, stamp)
        if facts is None:
            from vademecum.model.embedder_graph import make

            facts = make(folder, place, stamp, progress)
    except (ImportError, OSError) as error:  # installed, but not whole
        raise NoInt8(f"ONNX Runtime cannot be used: {error}") from error
    except OutOfSpace as error:
        raise NoInt8(f"its int8 form cannot be kept: {error.message}") from error
    if unfit := facts.get("unfit"):
        raise NoInt8(unfit)
    return Int8Encoder(place, facts)


def facts_of(place: Path, stamp: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the stamp in `place` says, if it begins with `stamp` and its files are whole."""
    try:
        facts: dict[str, Any] = json.loads((place / STAMP).read_text("utf-8"))
        if any(facts.get(key) != value for key, value in stamp.items()):
            return None
        if "unfit" not in facts and facts["sha256"] != sha256_of(place):
            return None
    except (OSError, ValueError, KeyError, AttributeError):
        return None
    return facts


def sha256_of(place: Path) -> str:
    """Of the graph and the tokenizer in `place`, one after the other."""
    whole = hashlib.sha256()
    for name in (GRAPH, TOKENIZER):
        whole.update((place / name).read_bytes())
    return whole.hexdigest()


def _threads() -> int:
    """As many as PyTorch would take: OMP_NUM_THREADS, within the cores this process may use."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return min(int(told), hardware.cores()) if told.isdigit() and int(told) else hardware.cores()
