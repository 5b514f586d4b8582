"""Which model writes, and a person's word before hundreds of megabytes are fetched for it."""

from __future__ import annotations

import sys

import typer

from vademecum.app.console import can_ask, note, size
from vademecum.app.options import Device, Quantization
from vademecum.collection import without_collection
from vademecum.errors import Cancelled
from vademecum.settings import settings


def pick_model(
    model: str, *, device: Device, quantization: Quantization, fetch: bool = False
) -> tuple[str, str]:
    """What `auto` stands for on this machine, and why, which is told; anything else is itself.

    A model that is here goes before a better one that is not, unless `fetch` says to bring that.
    Where none is here, a person at a terminal is asked. Raises Cancelled if the answer is no.
    """
    where = settings()
    if model != "auto" or where.model:
        return model, ""
    with without_collection():
        from vademecum.model.choose import choose

    choice = choose(device=device, quantization=quantization, fetch=fetch, settings=where)
    note(choice.reason)
    if choice.fetch and not fetch and can_ask() and sys.stderr.isatty():
        question = f"Fetch {choice.preset} ({size(choice.fetch)})?"
        if not typer.confirm(question, default=True, err=True):
            raise Cancelled(
                "nothing was fetched",
                "`--model none` quotes the sources and needs no model; `vademecum models` lists "
                "what can be named",
            )
    return choice.preset, choice.reason
