"""`vademecum serve`: the chat page."""

from __future__ import annotations

from typing import Annotated

import typer

from vademecum.app import options, rooms
from vademecum.app.progress import ConsoleProgress

HOST = "127.0.0.1"
PORT = 7860

Port = Annotated[int, typer.Option(min=1, max=65535, help="The port of the page.")]


def serve(
    host: Annotated[
        str,
        typer.Option(
            help="The address to listen on; others reach the page only if it is theirs too."
        ),
    ] = HOST,
    port: Port = PORT,
    corpus: options.FirstCorpus = None,
    model: options.Model = "auto",
    quantization: options.QuantizationOption = "nf4",
    attention: options.AttentionOption = "sparse",
    device: options.DeviceOption = "auto",
) -> None:
    """Open the chat page in a browser's reach, until Ctrl-C."""
    with (
        ConsoleProgress() as progress,
        rooms.open_assistant(
            corpus,
            model=model,
            quantization=quantization,
            attention=attention,
            device=device,
            progress=progress,
            changing="the page has a menu of them",
        ) as (assistant, name),
    ):
        rooms.serve(assistant, name, host, port)
