"""Find the weights of a model, fetch them, convert them once, load them.

A model that has been used lies in `<home>/models/<preset>/` as a Hugging Face folder, with its NF4
form in `nf4/` inside, and what the loop reads in `packed-nf4/` or `packed-int8/` (see `packed`).
Loading maps these files; pages are read when the first token needs them.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from vademecum.assets import disk_trouble, fetch
from vademecum.errors import ModelUnsupported, OutOfSpace, UsageError
from vademecum.model import hub, packed
from vademecum.model.config import Family, ModelConfig
from vademecum.model.folders import alone, stamp_of, whole
from vademecum.model.layout import (
    QUANTIZE_HERE,
    is_linear,
    is_spare,
    read_chat_template,
    read_config,
    special_ids,
    tensor_shapes,
    write_json,
)
from vademecum.model.linear import NF4_BLOCK, Packed, QuantizedLinear
from vademecum.model.presets import STAMP, Preset, local_key, preset
from vademecum.model.shards import Shards, ShardWriter, to_dtype
from vademecum.progress import Progress, Silent
from vademecum.settings import Settings
from vademecum.settings import settings as current_settings

Quantization = Literal["nf4", "int8", "bf16", "f32"]
FORMAT = 1  # raise it when conversion changes: what older versions made is then made anew
PLAIN = {"F32", "F16", "BF16"}  # what safetensors calls numbers that mean themselves
PACKED, ABSMAX = ".packed", ".absmax"


@dataclass(frozen=True, slots=True)
class Weights:
    """A model, loaded. Tensor names are Hugging Face's.

    With tied embeddings there is no "lm_head.weight". In NF4 the matrices inside the layers are
    `QuantizedLinear`; embeddings, output head, norms and biases stay in bf16. `packed` holds the
    products that are ready in this processor's layout, by the names that `Decoder` gives them.
    `mapped` bytes lie in files and will be read: until then, and after, they count as free memory.
    """

    config: ModelConfig
    tensors: Mapping[str, Tensor | QuantizedLinear]
    tokenizer_json: Path
    chat_template: str
    eos_ids: tuple[int, ...]
    bos_id: int | None
    packed: Mapping[str, Packed] = field(default_factory=dict)
    mapped: int = 0


def load(
    model: str | Preset,
    quantization: Quantization = "nf4",
    *,
    device: torch.device | None = None,
    progress: Progress | None = None,
    settings: Settings | None = None,
) -> Weights:
    """Load a preset, or a folder of Hugging Face weights; fetches and converts on first use.

    With a GPU as `device` everything lies there, in NF4 as its kernels read it.

    Raises ModelNotFound, ModelUnsupported, UsageError for an unknown quantisation, and what
    `prepare` raises.
    """
    if quantization not in get_args(Quantization):
        raise UsageError(
            f"there is no quantisation {quantization!r}",
            f"use one of: {', '.join(get_args(Quantization))}",
        )
    where, progress = settings or current_settings(), progress or Silent()
    found = preset(model) if isinstance(model, str) else model
    folder = prepare(found, progress=progress, settings=where)
    with _remedy(found, folder):
        config, stored = read_config(folder), Shards(folder)
        _check(stored, config, folder)
        tokenizer = _tokenizer(folder)
        template, (ends, begin) = read_chat_template(folder), special_ids(folder)
    derived, source = _derived(found, stored, where)
    tensors: dict[str, Tensor | QuantizedLinear] = {}
    if quantization == "nf4":
        tensors |= _quantized(derived / "nf4", source, stored, config, found.name, progress)
    dtype = torch.float32 if quantization == "f32" else torch.bfloat16
    for name, _ in tensor_shapes(config):
        if name not in tensors:
            tensors[name] = to_dtype(stored[name], dtype)
    ready: Mapping[str, Packed] = {}
    mapped = 0
    if device is not None and device.type == "cuda":
        from vademecum.model.device import place

        plain, placed = place(config, tensors, device)
        tensors, ready = dict(plain), placed
    elif quantization in ("nf4", "int8"):
        ready = packed.load(
            derived / f"packed-{quantization}",
            config,
            tensors,
            4 if quantization == "nf4" else 8,
            source={"converted": FORMAT, **source},
            name=found.name,
            progress=progress,
        )
        if isinstance(ready, packed.Mapped):
            mapped = ready.nbytes + stored["model.embed_tokens.weight"].nbytes
    elif quantization == "bf16":
        mapped = sum(stored[name].nbytes for name, _ in tensor_shapes(config))
    return Weights(config, tensors, tokenizer, template, ends, begin, ready, mapped)


def prepare(
    model: str | Preset, *, progress: Progress | None = None, settings: Settings | None = None
) -> Path:
    """The folder of a model's bf16 weights, fetched and converted if it is not there yet.

    A kill at any moment leaves either the whole folder or none. Raises AssetUnavailable,
    HashMismatch, OutOfSpace, ModelUnsupported.
    """
    where, progress = settings or current_settings(), progress or Silent()
    found = preset(model) if isinstance(model, str) else model
    if found.folder is not None:
        return found.folder
    target = where.models / found.key
    if is_ready(found, settings=where):
        return target
    _require_family(found)
    with alone(target, found.name, progress):
        if is_ready(found, settings=where):
            return target
        file = found.file
        if found.asset is not None:
            file = fetch(found.asset, progress=progress, settings=where)
        if file is not None:
            from vademecum.model.convert import convert

            _require_space(found, where)
            with whole(target) as fresh:
                convert(file, fresh, progress)
                write_json(fresh / STAMP, {"format": FORMAT, "source": _pinned(found)})
        elif found.hub_id is not None:
            # The partial folder keeps its name, so that a second attempt finds it and goes on.
            partial = where.models / f"{found.name}.partial"
            revision = hub.download(found.hub_id, partial, where, progress)
            with disk_trouble(where.models):
                write_json(partial / STAMP, {"format": FORMAT, "source": revision})
                shutil.rmtree(target, ignore_errors=True)
                partial.rename(target)
    return target


def is_ready(model: Preset, *, settings: Settings | None = None) -> bool:
    """Whether a model can be loaded without fetching or converting anything."""
    if model.folder is not None:
        return True
    stamp = stamp_of((settings or current_settings()).models / model.key)
    pinned = _pinned(model)
    return stamp.get("format") == FORMAT and pinned in (None, stamp.get("source"))


def _pinned(model: Preset) -> str | None:
    """What the converted form of a GGUF file was made from; None for a model that is none."""
    if model.asset is not None:
        return model.asset.sha256
    return None if model.file is None else _state([model.file])


def _state(files: Iterable[Path]) -> str:
    """Another one whenever a file is saved again.

    A copy can keep the time of the last change to a file (`cp -p`), but not that of its entry
    (`st_ctime`).
    """
    facts = [
        (file.name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        for file in files
        for stat in (file.stat(),)
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _quantized(
    target: Path,
    source: Mapping[str, str],
    stored: Shards,
    config: ModelConfig,
    name: str,
    progress: Progress,
) -> dict[str, QuantizedLinear]:
    """The NF4 form of the matrices inside the layers, made once and kept on disk."""
    sizes = {
        name: shape
        for name, shape in tensor_shapes(config)
        # bitsandbytes' blocks run along the inputs; a matrix they do not fit stays in bf16.
        if is_linear(name) and shape[1] % NF4_BLOCK == 0
    }
    stamp = {"format": FORMAT, **source}
    codes = _codes(target, stamp)
    if codes is None:
        with alone(target, name, progress):
            codes = _codes(target, stamp)  # another process may have made it meanwhile
            if codes is None:
                _quantize(stored, sizes, target, stamp, progress)
                codes = Shards(target)
    return {name: QuantizedLinear(codes[name + PACKED], codes[name + ABSMAX]) for name in sizes}


def _quantize(
    stored: Shards,
    sizes: Mapping[str, tuple[int, ...]],
    target: Path,
    stamp: Mapping[str, Any],
    progress: Progress,
) -> None:
    """Write the NF4 form of the matrices named in `sizes` to the folder `target`."""
    with whole(target) as fresh:
        total = sum(rows * columns for rows, columns in sizes.values())
        progress.start("quantising to 4 bit", total * 2, "B")
        try:
            writer = ShardWriter(fresh)
            for name, (rows, columns) in sizes.items():
                weight = QuantizedLinear.quantize(to_dtype(stored[name], torch.bfloat16))
                writer.add(name + PACKED, weight.packed)
                writer.add(name + ABSMAX, weight.absmax)
                progress.advance(rows * columns * 2)
            writer.finish()
        finally:
            progress.finish()
        write_json(fresh / STAMP, dict(stamp))


def _codes(folder: Path, stamp: Mapping[str, Any]) -> Shards | None:
    """What a folder holds, if it bears this stamp and is whole."""
    if stamp_of(folder) != stamp:
        return None
    try:
        return Shards(folder)
    except ModelUnsupported:  # cut short, say, by a copy: it is made anew
        return None


def _derived(model: Preset, stored: Shards, settings: Settings) -> tuple[Path, Mapping[str, str]]:
    """Where what is derived from a model is kept, and what its stamp says of the model.

    That is beside the weights; but a folder of the user's is left alone, and has one place here,
    whose copies are made anew when it is saved again.
    """
    if model.folder is None:
        return settings.models / model.key, {}
    return settings.models / local_key(model.folder), {"source": _state(stored.files)}


@contextmanager
def _remedy(model: Preset, folder: Path) -> Iterator[None]:
    """What mends a folder that was made here: making it anew. A user's is never to be deleted."""
    try:
        yield
    except ModelUnsupported as error:
        if model.folder is not None:
            raise
        raise ModelUnsupported(
            error.message, f"delete {folder} and run the command again: it is made afresh"
        ) from error


def _tokenizer(folder: Path) -> Path:
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise ModelUnsupported(
            f"{folder} has no tokenizer.json",
            "save its tokenizer with `transformers`: AutoTokenizer.from_pretrained(folder)"
            ".save_pretrained(folder)",
        )
    return file


def _check(stored: Shards, config: ModelConfig, folder: Path) -> None:
    """Raise ModelUnsupported unless the tensors are those of `config`, as numbers of their own.

    Codes of a quantisation that we do not know have the right names and, in 8 bit, the right
    shapes: their scales are elsewhere, in tensors of names that we do not know.
    """
    shapes = dict(tensor_shapes(config))
    unknown = [n for n in stored if n not in shapes and not is_spare(n, config)]
    if unknown:
        raise ModelUnsupported(
            f"{folder} holds tensors of no known use: {', '.join(sorted(unknown)[:3])}",
            f"if they are scales of quantised weights, {QUANTIZE_HERE}",
        )
    for name, shape in shapes.items():
        if name not in stored:
            raise ModelUnsupported(
                f"{folder} lacks the tensor {name}", "check that all of its files are there"
            )
        if stored.shape(name) != shape:
            raise ModelUnsupported(
                f"{name} in {folder} has the shape {stored.shape(name)}; config.json says {shape}",
                "config.json and safetensors belong to different models",
            )
        if (kind := stored.kind(name)) not in PLAIN:
            raise ModelUnsupported(f"{name} in {folder} is stored as {kind}", QUANTIZE_HERE)


def _require_family(model: Preset) -> None:
    """Refuse a family the decoder cannot run before gigabytes are fetched."""
    if model.family not in get_args(Family):
        raise ModelUnsupported(
            f"{model.name} is of the family {model.family}, which is not run",
            f"choose a model of the families {', '.join(get_args(Family))}",
        )


def _require_space(model: Preset, settings: Settings) -> None:
    """Raise OutOfSpace before converting what will not fit: bf16 and NF4 together."""
    needed = model.memory_bytes(16) + int(model.linear_parameters * 0.6)
    free = shutil.disk_usage(settings.models).free
    if free < needed:
        raise OutOfSpace(
            f"{model.name} needs {needed / 1e9:.1f} GB of disk to be converted; "
            f"{free / 1e9:.1f} GB are free under {settings.models}",
            "free some space, or point VADEMECUM_HOME at a larger disk",
        )
