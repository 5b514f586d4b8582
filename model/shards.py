"""Safetensors in shards: written a few at a time, read through the page cache."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from vademecum.errors import ModelUnsupported, OutOfSpace
from vademecum.model.layout import read_json, write_json

ALONE, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD_BYTES = 1 << 30
ALIGNMENT = 64  # a line of the processor's cache
DTYPES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int8: "I8",
    torch.uint8: "U8",
}


class ShardWriter:
    """Writes tensors into `folder` as Hugging Face does, holding at most one shard in memory."""

    def __init__(self, folder: Path, shard_bytes: int = SHARD_BYTES) -> None:
        self._folder, self._limit = folder, shard_bytes
        self._pending: dict[str, Tensor] = {}
        self._bytes = 0
        self._shards: list[list[str]] = []
        self._total = 0

    def add(self, name: str, tensor: Tensor) -> None:
        """Take one tensor; it may be written later."""
        if self._pending and self._bytes + tensor.nbytes > self._limit:
            self._flush()
        self._pending[name] = tensor.contiguous()
        self._bytes += tensor.nbytes
        self._total += tensor.nbytes

    def finish(self) -> None:
        """Write what is left, the names that say how many shards there are, and the index."""
        self._flush()
        count = len(self._shards)
        if count == 1:
            self._path(0).rename(self._folder / ALONE)
            return
        weight_map: dict[str, str] = {}
        for number, names in enumerate(self._shards):
            final = f"model-{number + 1:05}-of-{count:05}.safetensors"
            self._path(number).rename(self._folder / final)
            weight_map |= dict.fromkeys(names, final)
        index = {"metadata": {"total_size": self._total}, "weight_map": weight_map}
        write_json(self._folder / INDEX, index)

    def _flush(self) -> None:
        path = self._path(len(self._shards))
        try:
            _save(self._pending, path)
        except OSError as error:
            raise OutOfSpace(
                f"{path.parent} cannot be written: {error.strerror}",
                "free some space, or point VADEMECUM_HOME at a larger disk",
            ) from error
        self._shards.append(list(self._pending))
        self._pending, self._bytes = {}, 0

    def _path(self, number: int) -> Path:
        return self._folder / f"shard-{number}.safetensors"


def _save(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write safetensors whose data begins at a multiple of ALIGNMENT.

    The library's own writer aligns to 8 bytes: a product over mapped weights then takes 7% longer.
    The header may be padded with spaces (https://github.com/huggingface/safetensors#format).
    """
    order = sorted(tensors, key=lambda name: -tensors[name].element_size())
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in order:
        tensor = tensors[name]
        start, end = end, end + tensor.nbytes
        header[name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            file.write(tensors[name].reshape(-1).view(torch.uint8).numpy().data)


class Shards(Mapping[str, Tensor]):
    """The tensors of a folder's safetensors (`files`), mapped, not read, until they are used.

    Raises ModelUnsupported if there are none, one cannot be read, or two hold the same name.
    """

    def __init__(self, folder: Path) -> None:
        self._where: dict[str, Any] = {}  # safetensors has no types
        self.files = _files(folder)
        if not self.files:
            raise ModelUnsupported(
                f"{folder} holds no safetensors", "convert the weights with `save_pretrained`"
            )
        for file in self.files:
            try:
                opened: Any = safe_open(file, framework="pt", device="cpu")
            except (SafetensorError, OSError) as error:
                raise ModelUnsupported(
                    f"{file} is damaged: {error}", "copy or download this file again"
                ) from error
            names = opened.keys()
            if twice := self._where.keys() & names:
                raise ModelUnsupported(
                    f"{file} holds {min(twice)}, and another file of the folder does, too",
                    "take away the files that are no part of the model",
                )
            self._where |= dict.fromkeys(names, opened)

    def __getitem__(self, name: str) -> Tensor:
        tensor: Tensor = self._where[name].get_tensor(name)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._where)

    def __len__(self) -> int:
        return len(self._where)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, from the header alone."""
        return tuple(self._where[name].get_slice(name).get_shape())

    def kind(self, name: str) -> str:
        """How a tensor's numbers are stored, by safetensors' word for it, from the header alone."""
        return str(self._where[name].get_slice(name).get_dtype())


def _files(folder: Path) -> list[Path]:
    """The files that hold a model, by the rules of `transformers`: one, or those of the index.

    What lies beside them (an adapter, a copy for another program) is no part of it. Only where
    there is neither are all safetensors taken.
    """
    if (alone := folder / ALONE).is_file():
        return [alone]
    if (index := folder / INDEX).is_file():
        named = read_json(index).get("weight_map")
        if not isinstance(named, dict):
            raise ModelUnsupported(f"{index} names no files", "copy or download this file again")
        return [folder / name for name in sorted(set(map(str, named.values())))]
    return sorted(folder.glob("*.safetensors"))


def to_dtype(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """`tensor` in `dtype`; itself, still mapped, if it has it already."""
    return tensor if tensor.dtype == dtype else tensor.to(dtype)
