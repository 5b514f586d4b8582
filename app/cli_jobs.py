"""`vademecum jobs`: what was ingested, how it goes, and going on with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from vademecum.app import ingesting, jobs, options
from vademecum.app.cli_ingest import require_read
from vademecum.app.console import (
    moment,
    note,
    one_line,
    paragraph,
    plural,
    print_json,
    seconds,
    size,
    stdout,
)
from vademecum.app.counts import counted, rates, summary, tell_rejections, wrong_with
from vademecum.app.how import How, with_how
from vademecum.app.progress import ConsoleProgress
from vademecum.corpora.jobs import ACTIVE

if TYPE_CHECKING:
    from rich.console import Console

    from vademecum.corpora.job_list import ListedJob
    from vademecum.corpora.jobs import Job, JobFile

app = typer.Typer(help="What was ingested, how it goes, and going on with it.")

STYLES = {
    "done": "",
    "planned": "cyan",
    "running": "cyan",
    "paused": "yellow",
    "interrupted": "yellow",
    "cancelled": "dim",
    "failed": "bold red",
}
FILES_SHOWN = 40

Number = Annotated[int | None, typer.Argument(metavar="JOB", help="The number of the job.")]


@app.callback(invoke_without_command=True)
def default(ctx: typer.Context) -> None:
    """What was ingested, how it goes, and going on with it; alone, the same as `list`."""
    if ctx.invoked_subcommand is None:
        list_jobs()


@app.command("list")
def list_jobs(
    limit: Annotated[int, typer.Option(min=1, help="No more than so many.")] = 20,
    json: options.Json = False,
) -> None:
    """The newest jobs first, under each the files that failed, and who waits for the library."""
    with ConsoleProgress() as progress:
        found, waiting = jobs.newest(progress, limit)
    if json:
        print_json([asdict(job) for job in found])
        return
    if not found and not waiting:
        note("nothing was ingested yet: `vademecum ingest` does")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("job", "corpus", "state", "started (UTC)", "took", "files", "kept"):
        table.add_column(name, justify="right" if name in {"job", "files", "kept"} else "left")
    for job in found:
        table.add_row(
            str(job.id),
            one_line(job.corpus),
            _how(job, job.files),
            moment(job.started),
            _took(job),
            f"{job.files:,}",
            f"{job.report.get('kept', 0):,}",
            style="yellow" if _is_done_but_for_files(job) else STYLES[job.state],
        )
    console = stdout()
    console.print(table)
    for other in waiting:
        paragraph(console, f"waiting: process {other.pid}: {one_line(other.wants)}")
    for job in found:
        for told in wrong_with(job.failed):
            paragraph(console, f"{job.id}: {told}")


@app.command()
def show(
    job_id: Number = None,
    all_files: Annotated[
        bool, typer.Option("--all", help="Every file, not only those that need a look.")
    ] = False,
    json: options.Json = False,
) -> None:
    """One job, the latest without a number: its files, counts, rate, and the time left."""
    from vademecum.ingest.remaining import pace_of

    with ConsoleProgress() as progress:
        job = jobs.job(job_id, progress)
    pace = pace_of(job)
    if json:
        print_json({**asdict(job), "pace": asdict(pace)})
        return
    console = stdout()
    why = f": {one_line(job.reason)}" if job.reason else ""
    paragraph(console, f"job {job.id}: {_how(job, len(job.files))}{why}")
    paragraph(console, f"{_asked(job)} into {one_line(job.corpus)}")
    running = job.state in ACTIVE
    took = _took(job) and f", {'so far' if running else 'took'} {_took(job)}"
    paragraph(console, f"began {moment(job.started)} UTC{took}")
    paragraph(console, counted(job.report) if job.report else "nothing was read yet")
    if pace.documents_per_s is not None and pace.passages_per_s is not None:
        fast = rates(pace.documents_per_s, pace.passages_per_s)
        left = "" if pace.left_s is None else f", about {seconds(pace.left_s)} left"
        paragraph(console, fast + (left if running or job.can_resume else ""))
    _show_files(console, job, all_files)


def _how(job: Job | ListedJob, files: int) -> str:
    """How a job stands; of one that failed for some of its files alone, for how many: what was read
    of the others is in the library."""
    if _is_done_but_for_files(job):
        return f"failed: {len(job.failed):,} of {plural(files, 'file')}"
    return job.state


def _is_done_but_for_files(job: Job | ListedJob) -> bool:
    return job.state == "failed" and not job.reason and bool(job.failed)


def _show_files(console: Console, job: Job, all_files: bool) -> None:
    files = list(job.files)
    if not all_files and len(files) > FILES_SHOWN:
        reading = [file for file in files if file.state == "pending" and file.counts]
        files = [*job.failed, *reading][:FILES_SHOWN]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("file", "size", "state", "read", "kept", "rejected"):
        table.add_column(name, justify="left" if name in {"file", "state"} else "right")
    for file in files:
        counts = [f"{file.counts.get(name, 0):,}" for name in ("read", "kept", "rejected")]
        bytes_ = "" if file.size is None else size(file.size)
        table.add_row(one_line(file.path), bytes_, _state(file), *counts)
    if files:
        console.print(table)
    if len(files) < len(job.files):
        states = Counter(file.state for file in job.files)
        told = ", ".join(f"{count:,} {state}" for state, count in states.items())
        paragraph(console, f"{plural(len(job.files), 'file')}: {told}; --all lists each")
    for told in wrong_with(job.files):
        paragraph(console, told)


def _state(file: JobFile) -> str:
    return "begun" if file.state == "pending" and file.counts else file.state


def _asked(job: Job) -> str:
    """What was asked for, as it was written."""
    source = job.source
    if source.get("query"):
        asked = f"the search {source['query']!r}"
    else:
        asked = ", ".join(source.get("sources") or [file.path for file in job.files[:3]])
    limit = source.get("limit") or source.get("newest")
    return one_line(asked) + (f", no more than {limit:,}," if limit else "")


@app.command()
@with_how
def resume(job_id: Number = None, *, how: How, json: options.Json = False) -> None:
    """Go on with a job that was paused, interrupted or failed; the latest without a number."""
    _go_on(job_id, how, json, failed=False)


@app.command()
@with_how
def retry(job_id: Number = None, *, how: How, json: options.Json = False) -> None:
    """Read the failed files of a job again, and no others; of the latest without a number."""
    _go_on(job_id, how, json, failed=True)


def _go_on(job_id: int | None, how: How, json: bool, *, failed: bool) -> None:
    """What this run did, and the whole job. Raises as `require_read` does."""
    with ConsoleProgress() as progress:
        done = ingesting.go_on(job_id, progress, how, failed=failed)
    tell_rejections(done.run)
    if json:
        print_json({**done.whole.to_dict(), "run": done.run.to_dict()})
    else:
        paragraph(stdout(), summary(done.run, "this run"))
        paragraph(stdout(), summary(done.whole, f"job {done.whole.job} in all"))
    require_read(done.whole)


@app.command()
def pause(job_id: Number = None) -> None:
    """Have a running job stop after its batch, to be resumed later; also from another terminal."""
    with ConsoleProgress() as progress:
        _told(*jobs.ask(job_id, "pause", progress))


@app.command()
def cancel(job_id: Number = None) -> None:
    """Have a job stop after its batch, for good; what it has committed stays."""
    with ConsoleProgress() as progress:
        _told(*jobs.ask(job_id, "cancel", progress))


def _told(job_id: int, state: str) -> None:
    still = " and will stop after the batch it is at" if state in ACTIVE else ""
    note(f"job {job_id} is {state}{still}")


def _took(job: Job | ListedJob) -> str:
    """The time of all its runs, without what lay between them; "" where none came to a commit."""
    return seconds(job.report["seconds"]) if "seconds" in job.report else ""
