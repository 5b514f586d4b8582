"""Which model writes, and how it is loaded: by its name, or by the address that serves it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Literal

from vademecum.collection import without_collection
from vademecum.model.interface import LanguageModel
from vademecum.progress import Progress
from vademecum.settings import settings

ADDRESS = ("http://", "https://")


def choose_writer(
    model: str,
    device: Literal["auto", "cpu", "cuda"],
    quantization: Literal["nf4", "int8", "bf16", "f32"],
) -> tuple[str | None, str]:
    """The preset to load, None for none, and why."""
    where = settings()
    reason = "chosen by name"
    if model == "auto" and where.model:
        model, reason = where.model, "set by VADEMECUM_MODEL"
    if model == "none":
        return None, "asked to quote, not to write"
    if model.startswith(ADDRESS):
        return model, "served at an address"
    if model != "auto":
        from vademecum.model.presets import preset

        return preset(model).name, reason
    from vademecum.model.choose import choose

    choice = choose(device=device, quantization=quantization, settings=where)
    return choice.preset, choice.reason


def load_writer(
    name: str,
    quantization: Literal["nf4", "int8", "bf16", "f32"],
    attention: Literal["dense", "sparse"],
    kv: Literal["int8", "k8v4", "plain"] | None,
    device: Literal["auto", "cpu", "cuda"],
    owned: ExitStack,
    progress: Progress,
) -> LanguageModel:
    """The model of that name or address; `owned` closes it."""
    if name.startswith(ADDRESS):
        from vademecum.model.remote import RemoteModel

        address, _, served = name.partition("#")
        remote = RemoteModel(address, served or None)
        owned.callback(remote.close)
        return remote
    with without_collection():
        from vademecum.model.engine import Engine

    engine = Engine.load(
        name,
        quantization=quantization,
        attention=attention,
        kv=kv,
        device=device,
        progress=progress,
    )
    owned.callback(engine.close)
    return engine
