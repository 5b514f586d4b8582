"""`vademecum ask`: one question, one cited answer."""

from __future__ import annotations

from time import perf_counter
from typing import Annotated

import typer

from vademecum.app import entry, options, render, rooms
from vademecum.app.console import print_json, stdout
from vademecum.app.live import LiveAnswer
from vademecum.app.progress import ConsoleProgress


def ask(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="QUESTION", help="The question; in quotes where it has marks of the shell."
        ),
    ],
    corpus: options.Corpus = None,
    model: options.Model = "auto",
    seed: options.Seed = 0,
    quantization: options.QuantizationOption = "nf4",
    attention: options.AttentionOption = "sparse",
    device: options.DeviceOption = "auto",
    year: options.Year = None,
    mesh: options.Mesh = None,
    types: options.Type = None,
    exclude_retracted: options.ExcludeRetracted = False,
    show_thinking: options.Thinking = False,
    json: options.Json = False,
) -> None:
    """Answer a question from a corpus, with the source behind every sentence."""
    question = options.text_of(words, "question")
    narrowed = options.filters(year, mesh, types, exclude_retracted)
    with (
        ConsoleProgress() as progress,
        rooms.open_assistant(
            corpus,
            model=model,
            quantization=quantization,
            attention=attention,
            device=device,
            progress=progress,
        ) as (assistant, name),
        LiveAnswer(question, show_thinking=show_thinking, quiet=json) as live,
    ):
        loading_s = perf_counter() - entry.STARTED
        answer = rooms.answer(
            assistant, question, live.show, corpus=name, filters=narrowed, seed=seed
        )
    if json:
        print_json(answer.to_dict())
    else:
        render.answer(stdout(), answer, thinking=show_thinking, loading_s=loading_s)
