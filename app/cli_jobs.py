"""`vademecum jobs`: what was ingested, when, and how it ended."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from vademecum.app import options, rooms
from vademecum.app.console import note, one_line, paragraph, print_json, seconds, stdout
from vademecum.app.progress import ConsoleProgress

if TYPE_CHECKING:
    from vademecum.corpora.jobs import Job

app = typer.Typer(help="What was ingested, when, and how it ended.")

STYLES = {"done": "green", "running": "cyan", "failed": "bold red", "interrupted": "yellow"}


@app.callback(invoke_without_command=True)
def default(ctx: typer.Context) -> None:
    """What was ingested, when, and how it ended; alone, the same as `list`."""
    if ctx.invoked_subcommand is None:
        list_jobs()


@app.command("list")
def list_jobs(
    limit: Annotated[int, typer.Option(min=1, help="No more than so many.")] = 20,
    json: options.Json = False,
) -> None:
    """The newest jobs first, and under each the files that failed."""
    with ConsoleProgress() as progress, rooms.open_library(progress) as library:
        found = library.jobs()[:limit]
    if json:
        print_json([asdict(job) for job in found])
        return
    if not found:
        note("nothing was ingested yet: `vademecum ingest` does")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("job", "corpus", "state", "started (UTC)", "took", "files", "kept"):
        table.add_column(name, justify="right" if name in {"job", "files", "kept"} else "left")
    for job in found:
        table.add_row(
            str(job.id),
            one_line(job.corpus),
            job.state,
            job.started[:19].replace("T", " "),
            _took(job),
            f"{len(job.files):,}",
            f"{job.report.get('kept', 0):,}",
            style=STYLES[job.state] if job.state != "done" else "",
        )
    console = stdout()
    console.print(table)
    for job in found:
        for file in job.files:
            if file.state == "failed":
                paragraph(console, f"{job.id}: {one_line(file.path)}: {one_line(file.reason)}")


def _took(job: Job) -> str:
    if not job.finished:
        return ""
    return seconds(
        (datetime.fromisoformat(job.finished) - datetime.fromisoformat(job.started)).total_seconds()
    )
