"""Which model writes, and a person's word before hundreds of megabytes are fetched for it."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import typer

from vademecum.app.console import can_ask, note, size
from vademecum.app.options import Device, Quantization
from vademecum.collection import without_collection
from vademecum.errors import Cancelled
from vademecum.settings import settings

TOLD = "model-told"  # a file in the home: the model whose reason its owner has read


def pick_model(
    model: str, *, device: Device, quantization: Quantization, fetch: bool = False
) -> tuple[str, str]:
    """What `auto` stands for on this machine, and why; anything else is itself.

    The reason is told when another model is taken than the last time, and that it is another, or
    when one is to be fetched. A model that is here goes before a better one that is not, unless
    `fetch` says to bring that. Where none is here, a person at a terminal is asked. Raises
    Cancelled if the answer is no.
    """
    where = settings()
    if model != "auto" or where.model:
        return model, ""
    with without_collection():
        from vademecum.model.choose import choose
        from vademecum.model.presets import PRESETS

    before = last_told(where.home)
    last = "" if fetch else before
    choice = choose(
        device=device, quantization=quantization, fetch=fetch, last=last, settings=where
    )
    reason = choice.reason
    if before in PRESETS and before != choice.preset:
        reason = (
            f"Model {choice.preset} answers from now on, no longer {before} (`--model {before}` "
            f"takes that one). {reason}"
        )
    if _news(choice.preset, where.home) or choice.fetch or fetch:
        note(reason)
    if choice.fetch and not fetch and can_ask() and sys.stderr.isatty():
        question = f"Fetch {choice.preset} ({size(choice.fetch)})?"
        if not typer.confirm(question, default=True, err=True):
            raise Cancelled(
                "nothing was fetched",
                "`--model none` quotes the sources and needs no model; `vademecum models` lists "
                "what can be named",
            )
    return choice.preset, reason


def last_told(home: Path) -> str:
    """The model that the home's owner was told of last, "" if none."""
    with suppress(OSError, UnicodeDecodeError):
        return (home / TOLD).read_text(encoding="utf-8")
    return ""


def _news(preset: str, home: Path) -> bool:
    """Whether this is another model than the last that was told of, which is then remembered; where
    nothing can be remembered, it is news each time."""
    if last_told(home) == preset:
        return False
    with suppress(OSError):
        (home / TOLD).write_text(preset, encoding="utf-8")
    return True
