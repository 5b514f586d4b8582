"""`vademecum demo`: a real sample library, one cited answer, then the chat page."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from vademecum.app import options, render, rooms
from vademecum.app.cli_ingest import fill, require_whole
from vademecum.app.cli_serve import HOST, PORT, Port
from vademecum.app.console import paragraph, seconds, stdout, typed_as
from vademecum.app.counts import summary, tell_rejections
from vademecum.app.live import LiveAnswer
from vademecum.app.progress import ConsoleProgress
from vademecum.app.web_examples import examples

DEMO_QUESTION = (
    "Are statins associated with lower mortality in COVID-19, "
    "and should they be stopped on admission?"
)
LARGER = {"tiny": "small", "small": "medium"}  # who writes better, and takes longer


def demo(
    limit: Annotated[
        int, typer.Option(min=1, help="How many abstracts of the sample, the newest first.")
    ] = 1000,
    model: options.Model = "auto",
    device: options.DeviceOption = "auto",
    port: Port = PORT,
    no_serve: Annotated[
        bool, typer.Option("--no-serve", help="Stop after the answer; open no page.")
    ] = False,
) -> None:
    """Build the sample library, answer one question from it, then open the chat page."""
    console = stdout()
    with ConsoleProgress() as progress:
        report = fill([rooms.SAMPLE], rooms.SAMPLE, limit, progress)
        tell_rejections(report)
        paragraph(console, summary(report))
        require_whole(report)
        with rooms.open_assistant(
            rooms.SAMPLE,
            model=model,
            quantization="nf4",
            attention="sparse",
            device=device,
            progress=progress,
            fetch=True,  # whoever starts the demo was told what it fetches
        ) as (assistant, name):
            console.print()
            paragraph(console, f"› {DEMO_QUESTION}")
            console.print()
            with LiveAnswer(DEMO_QUESTION) as live:
                answer = rooms.answer(assistant, DEMO_QUESTION, live.show, corpus=name, seed=0)
            render.answer(console, answer)
            if answer.timings.first_token_s:
                waited = answer.timings.retrieve_s + answer.timings.first_token_s
                paragraph(console, f"The first word came {seconds(waited)} after the question.")
            if answer.status == "not_written" and answer.model.name in LARGER:
                larger = LARGER[answer.model.name]
                again = f"{typed_as()} demo --model {larger}"
                paragraph(console, f"A larger model may write it: {again}")
            console.print()
            if no_serve:
                _tell_next(console, next(iter(examples(assistant.library, name)), DEMO_QUESTION))
            else:
                rooms.serve(assistant, name, HOST, port)


def _tell_next(console: Console, question: str) -> None:
    """What to type now, each on a line of its own."""
    command = typed_as()
    lines = {
        "Ask something else:": f"{command} ask {quoted(question)} --corpus {rooms.SAMPLE}",
        "Open the page:": f"{command} serve --corpus {rooms.SAMPLE}",
        "Use your own documents:": f"{command} ingest FOLDER --corpus NAME",
    }
    for words, line in lines.items():
        console.print(Text(words))
        console.print(Text(f"  {line}", style="bold"), soft_wrap=True)


def quoted(words: str) -> str:
    """A question as a shell takes it; in double quotes where they do."""
    return shlex.quote(words) if set(words) & set('"$`\\!') else f'"{words}"'
