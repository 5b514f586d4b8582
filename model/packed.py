"""What the loop reads, kept on disk as it reads it: fused matrices, and the output head in int8.

Laying out NF4 codes for the processor's kernel and quantising the head takes seconds at every
start; mapping what was laid out once takes none. The folder belongs to one kind of processor and
to the versions that made it: for another it is made anew.
"""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from vademecum.errors import ModelUnsupported, OutOfSpace
from vademecum.model.config import ModelConfig
from vademecum.model.folders import alone, stamp_of, whole
from vademecum.model.head import packed_head
from vademecum.model.head import restored as restored_head
from vademecum.model.layout import is_linear, tensor_shapes, write_json
from vademecum.model.linear import Packed, Weight, native_nf4, packed, restored
from vademecum.model.presets import STAMP
from vademecum.model.shards import Shards, ShardWriter
from vademecum.progress import Progress

FORMAT = 2  # raise it when a layout changes: what older versions made is then made anew
HEAD = "lm_head"
# The products of a layer, as the decoder asks for them: weights of one input are one product.
FUSED = (
    "self_attn.q_proj+k_proj+v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj+up_proj",
    "mlp.down_proj",
)
SPARE_BYTES = 200_000_000  # left free on the disk: this is a convenience, no necessity


class Made(Mapping[str, Packed]):
    """Products made from the weights, each when it is asked for. Products that the kernels cannot
    read are missing.

    `bits` is that of the matrices; the head has 8.
    """

    def __init__(
        self, config: ModelConfig, tensors: Mapping[str, Weight], bits: Literal[4, 8]
    ) -> None:
        self._tensors, self._bits = tensors, bits
        self._parts = {HEAD: [_head_weight(config)]}
        for layer in range(config.layers):
            for name in FUSED:
                room, fused = name.split(".")
                prefix = f"model.layers.{layer}.{room}."
                self._parts[prefix + fused] = [f"{prefix}{n}.weight" for n in fused.split("+")]

    def __getitem__(self, name: str) -> Packed:
        parts = [self._tensors[part] for part in self._parts[name]]
        found = packed_head(*parts) if name == HEAD else packed(parts, self._bits)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)


class Mapped(Mapping[str, Packed]):
    """Products whose weights are mapped from a folder."""

    def __init__(self, folder: Path) -> None:
        self._shards = Shards(folder)
        self._fields: dict[str, list[str]] = {}
        for name in self._shards:
            product, _, field = name.rpartition(".")
            self._fields.setdefault(product, []).append(field)

    def __getitem__(self, name: str) -> Packed:
        restore = restored_head if name == HEAD else restored
        return restore({field: self._shards[f"{name}.{field}"] for field in self._fields[name]})

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    @property
    def nbytes(self) -> int:
        """What is read of the files once every product was used."""
        return sum(self._shards[name].nbytes for name in self._shards)


def load(
    folder: Path,
    config: ModelConfig,
    tensors: Mapping[str, Weight],
    bits: Literal[4, 8],
    *,
    source: Mapping[str, Any],
    name: str,
    progress: Progress,
) -> Mapping[str, Packed]:
    """The products of a model, mapped from `folder`, which is made if it is not there yet.

    `source` says what `tensors` were made from; of another source, processor or version, the
    folder is made anew. Where the disk has no room the products are made in memory, at every start.
    """
    made = Made(config, tensors, bits)
    stamp = _stamp(bits) | dict(source)
    found = _mapped(folder, stamp)
    if found is not None:
        return found
    try:
        with alone(folder, name, progress):
            found = _mapped(folder, stamp)  # another process may have made it meanwhile
            if found is None:
                shutil.rmtree(folder, ignore_errors=True)
                _require_space(folder, config, bits)
                _write(folder, made, stamp, _weights(config), progress)
                found = _mapped(folder, stamp)
    except OutOfSpace as error:
        progress.note(
            f"{name} starts slower than it could: its weights are laid out for this processor "
            f"every time, because {error.message}"
        )
    return made if found is None else found


def _mapped(folder: Path, stamp: Mapping[str, Any]) -> Mapped | None:
    """What `folder` holds, if it bears this stamp and its files have their whole length.

    The numbers themselves are not read: that would take what mapping them saves.
    """
    if stamp_of(folder) != stamp:
        return None
    try:
        return Mapped(folder)
    except ModelUnsupported:  # cut short, say, by a copy: it is made anew
        return None


def _write(
    folder: Path, made: Made, stamp: Mapping[str, Any], weights: int, progress: Progress
) -> None:
    with whole(folder) as fresh:
        progress.start("laying out weights for this processor", weights, "weights")
        try:
            writer = ShardWriter(fresh)
            for name in made:
                product = made.get(name)
                if product is None:
                    continue
                for field, tensor in product.tensors().items():
                    writer.add(f"{name}.{field}", tensor)
                progress.advance(product.shape[0] * product.shape[1])
            writer.finish()
        finally:
            progress.finish()
        write_json(fresh / STAMP, dict(stamp))


def _stamp(bits: int) -> dict[str, Any]:
    """What the layout depends on."""
    return {
        "format": FORMAT,
        "bits": bits,
        "torch": torch.__version__,
        "bitsandbytes": importlib.metadata.version("bitsandbytes"),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "kernel": "avx512-bf16" if bits == 4 and native_nf4() else "any",
    }


def _require_space(folder: Path, config: ModelConfig, bits: int) -> None:
    """Raise OutOfSpace rather than fill the disk to its last byte."""
    head = config.vocab_size * config.hidden
    needed = head + int((_weights(config) - head) * (bits / 8 + 4 / 64)) + SPARE_BYTES
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise OutOfSpace(
            f"{folder.parent} has {free / 1e9:.1f} GB free, and {needed / 1e9:.1f} are needed",
            "free some space, or point VADEMECUM_HOME at a larger disk",
        )


def _weights(config: ModelConfig) -> int:
    """How many weights the products have together."""
    names = {_head_weight(config)}
    return sum(
        shape[0] * shape[1]
        for name, shape in tensor_shapes(config)
        if is_linear(name) or name in names
    )


def _head_weight(config: ModelConfig) -> str:
    return "model.embed_tokens.weight" if config.tie_embeddings else "lm_head.weight"
