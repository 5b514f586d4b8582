"""What this machine and this library are fit for: one check, one line."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from vademecum.app.choosing import last_told
from vademecum.app.console import plural, size
from vademecum.errors import LibraryLocked, VademecumError
from vademecum.progress import Silent
from vademecum.settings import Settings

if TYPE_CHECKING:
    from vademecum.model.hardware import Hardware

Status = Literal["ok", "warn", "fail"]

DISK_NEEDED = 5 * 10**9  # sample, embedder, one small model, with room to convert it
MEMORY_NEEDED = 4 * 10**9
OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report; `hint` says what to do about a warn or a fail."""

    name: str
    status: Status
    detail: str
    hint: str = ""


def checks(settings: Settings) -> Iterator[Check]:
    """Every check, in an order that lets the first failure explain the next."""
    yield python()
    yield torch()
    yield bitsandbytes()

    from vademecum.model.hardware import inspect

    machine = inspect(settings)
    yield processor(machine)
    yield memory(machine)
    yield gpu(machine)
    yield disk(machine, settings)
    yield home(settings)
    yield library(settings)
    yield hub(settings)
    yield model(settings)
    yield embedder(settings)


def python() -> Check:
    version = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        return Check("python", "fail", version, "install Python 3.11 or newer")
    return Check("python", "ok", f"{version}, {platform.system()} {platform.machine()}")


def torch() -> Check:
    try:
        import torch as library
    except (ImportError, OSError) as error:
        return Check("torch", "fail", f"cannot be imported: {error}", "pip install torch")
    return Check(
        "torch", "ok", f"{library.__version__}, {plural(library.get_num_threads(), 'thread')}"
    )


def bitsandbytes() -> Check:
    """Quantise a matrix to NF4 on the CPU and back, which is what loading a model does."""
    try:
        import torch as library
        from bitsandbytes.functional import dequantize_4bit, quantize_4bit
    except (ImportError, OSError) as error:
        return Check(
            "bitsandbytes",
            "fail",
            f"cannot be imported: {error}",
            "pip install bitsandbytes; until then use --quantization bf16",
        )
    weights = library.linspace(-1, 1, 64 * 64).reshape(64, 64)
    packed, state = quantize_4bit(weights, quant_type="nf4")
    worst = float((dequantize_4bit(packed, state) - weights).abs().max())
    # NF4's widest gap between two levels is 0.3: half of it is the worst rounding.
    if not worst < 0.16:
        return Check(
            "bitsandbytes",
            "fail",
            f"NF4 on the CPU is wrong by {worst:.2f}",
            "use --quantization bf16 and report this",
        )
    return Check("bitsandbytes", "ok", "NF4 works on the CPU")


def processor(machine: Hardware) -> Check:
    cores = plural(machine.cores, "core")
    if platform.machine().lower() in {"x86_64", "amd64"} and "avx2" not in machine.features:
        return Check(
            "processor",
            "warn",
            f"{cores}, no AVX2",
            "use --model tiny or none",
        )
    return Check("processor", "ok", ", ".join([cores, *machine.features]))


def memory(machine: Hardware) -> Check:
    if machine.memory is None:
        return Check("memory", "warn", "this system does not say", "watch it while a model loads")
    detail = f"{size(machine.memory)} available"
    if machine.memory < MEMORY_NEEDED:
        hint = f"free some: {size(MEMORY_NEEDED)} hold a small model with its library"
        return Check("memory", "warn", detail, hint)
    return Check("memory", "ok", detail)


def gpu(machine: Hardware) -> Check:
    from vademecum.model.hardware import hidden
    from vademecum.model.placement import obstacle
    from vademecum.model.presets import PRESETS

    if machine.gpu is None:
        which = "none that CUDA_VISIBLE_DEVICES shows" if hidden() else "none"
        return Check("gpu", "ok", f"{which}: models run on the processor")
    detail = machine.gpu
    if machine.gpu_memory:
        detail += f", {size(machine.gpu_memory)}"
    if found := obstacle("nf4", "int8", PRESETS["tiny"]):
        told = f"{detail}; not used, models run on the processor: {found.why}"
        return Check("gpu", "warn", told, found.hint)
    return Check("gpu", "ok", detail)


def disk(machine: Hardware, settings: Settings) -> Check:
    detail = f"{size(machine.disk)} free for {settings.home}"
    if machine.disk < DISK_NEEDED:
        return Check("disk", "warn", detail, "free some, or move it: VADEMECUM_HOME=/elsewhere")
    return Check("disk", "ok", detail)


def home(settings: Settings) -> Check:
    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    try:  # rights do not tell: there are folders in which nothing can be made
        TemporaryDirectory(dir=folder).cleanup()
    except OSError:
        return Check(
            "home", "fail", f"{folder} cannot be written", "set VADEMECUM_HOME to a folder of yours"
        )
    kept = sum(
        file.stat().st_size
        for part in (settings.assets, settings.models)
        for file in part.rglob("*")
        if file.is_file()
    )
    return Check("home", "ok", f"{settings.home}, {size(kept)} of weights and sample data")


def library(settings: Settings) -> Check:
    if not settings.library.exists():
        return Check("library", "ok", "none yet: `vademecum ingest` begins one")
    from vademecum.corpora.library import Library

    try:
        with Library.open(settings.library, progress=Silent()) as opened:
            found = opened.corpora()
    except LibraryLocked as error:
        return Check("library", "warn", error.message, error.hint)
    except VademecumError as error:
        return Check("library", "fail", error.message, error.hint)
    documents = sum(info.documents for info in found)
    counted = "corpus" if len(found) == 1 else "corpora"
    return Check("library", "ok", f"{len(found)} {counted}, {plural(documents, 'document')}")


def hub(settings: Settings) -> Check:
    from vademecum.model import hub as room
    from vademecum.model.presets import PRESETS

    asked = next(preset.hub_id for preset in PRESETS.values() if preset.hub_id is not None)
    if why := room.forbidden(settings):
        return Check("hub", "ok", f"not asked: {why} forbids it")
    if why := room.trouble(asked, settings):
        return Check(
            "hub",
            "warn",
            why,
            "R1 cannot be fetched now; tiny, small and medium come from the package registry",
        )
    return Check("hub", "ok", f"{room.endpoint()} answers")


def model(settings: Settings) -> Check:
    """What `--model auto` would take here, and why."""
    from vademecum.model.choose import choose
    from vademecum.model.presets import preset

    try:
        if settings.model:
            return Check("model", "ok", f"{preset(settings.model).name}: set by VADEMECUM_MODEL")
        return Check("model", "ok", choose(settings=settings, last=last_told(settings.home)).reason)
    except VademecumError as error:
        return Check("model", "fail", error.message, error.hint)


def embedder(settings: Settings) -> Check:
    """What turns text into vectors here, and why that."""
    from vademecum.model.embedder import foresee

    try:
        path, reason = foresee(settings)
    except VademecumError as error:
        return Check("embedder", "fail", error.message, error.hint)
    if "imported" in reason:
        return Check(
            "embedder", "warn", f"{path}: {reason}", "pip install onnxruntime onnx: it is faster"
        )
    return Check("embedder", "ok", f"{path}: {reason}")
