"""Opens the rooms behind `ingest`, and behind the commands that go on with a job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vademecum.app import jobs, rooms
from vademecum.app.how import How
from vademecum.app.stopping import stopping_gently, telling_how_to_go_on
from vademecum.app.turns import library_in_turn
from vademecum.corpora.jobs import Job
from vademecum.corpora.look import Look
from vademecum.errors import NothingToDo
from vademecum.progress import Progress
from vademecum.settings import settings

if TYPE_CHECKING:
    from vademecum.corpora.library import Library
    from vademecum.ingest.report import IngestReport
    from vademecum.ingest.survey import Survey
    from vademecum.model.interface import TextEmbedder


def ingest(
    sources: Sequence[str],
    corpus: str,
    limit: int | None,
    progress: Progress,
    *,
    query: str | None = None,
    how: How | None = None,
) -> IngestReport:
    """Resolve the sources, or what a query of PubMed finds, then read them into a corpus."""
    from vademecum.ingest.engine import Engine
    from vademecum.ingest.pipeline import ingest as run
    from vademecum.ingest.sources import require, resolve
    from vademecum.ingest.web import Web

    require(sources)
    how = how or How()
    engine = how.resolved(Engine())
    wants = f"ingest {query or ' '.join(sources)} into {corpus}"
    with (
        library_in_turn(wants, progress, not how.no_wait) as library,
        Web(progress=progress) as web,
    ):
        plan = resolve(
            sources,
            progress=progress,
            web=web,
            taken=library.taken(corpus),
            query=query,
            limit=limit,
        )
        embedder = rooms.load_embedder(library, corpus, progress)
        with telling_how_to_go_on(library, corpus), stopping_gently() as stop:
            return run(
                library,
                corpus,
                plan,
                embedder,
                limit=limit,
                progress=progress,
                stop=stop,
                engine=engine,
            )


@dataclass(frozen=True, slots=True)
class WentOn:
    """A job that was gone on with: what this run did, and all of its runs together."""

    run: IngestReport
    whole: IngestReport


def go_on(job_id: int | None, progress: Progress, how: How, *, failed: bool = False) -> WentOn:
    """What is left of a job, or its `failed` files alone; of the latest that has some, unless it
    is named. Raises UsageError for a job that is not there, NothingToDo where nothing is left."""
    from vademecum.ingest.again import failed_of, left_of, require_failed, require_left
    from vademecum.ingest.engine import Engine
    from vademecum.ingest.pipeline import resume
    from vademecum.ingest.record import of_this_run
    from vademecum.ingest.web import Web

    wants = f"{'retry' if failed else 'resume'} {'a job' if job_id is None else f'job {job_id}'}"
    turn = library_in_turn(wants, progress, not how.no_wait)
    with turn as library, Web(progress=progress) as web:
        job = _named(library, job_id, failed)
        (require_failed if failed else require_left)(job)
        # Before the job is touched: both may fail.
        engine = how.resolved(Engine.of(job.source))
        embedder = rooms.load_embedder(library, job.corpus, progress)
        work = failed_of(library, job, web) if failed else left_of(library, job, web)
        failed_before = {file.number for file in job.failed}
        for file in work.others:
            if file.state == "gone" and file.number in failed_before:
                progress.note(f"{file.path}: gone since, and dropped from job {job.id}")
        work.engine = engine
        with telling_how_to_go_on(library, job.corpus, job.id), stopping_gently() as stop:
            whole = resume(library, work, embedder, progress=progress, stop=stop)
    return WentOn(of_this_run(whole, work), whole)


def _named(library: Library, job_id: int | None, failed: bool) -> Job:
    if job_id is not None:
        return jobs.require(library.job_log.find(job_id), job_id)
    for job in library.job_log.left():
        if job.can_retry if failed else job.can_resume:
            return job
    raise NothingToDo(
        "no job has files that failed" if failed else "no job was left undone",
        "`vademecum jobs` lists all of them",
    )


def watch(
    sources: Sequence[str], corpus: str, progress: Progress, *, wait_s: float = 2.0
) -> Iterator[IngestReport]:
    """Read folders into a corpus, and again whenever something in them changes; for ever.

    The library is open only while something is read, so that it can be asked in between.
    """
    from vademecum.ingest.pipeline import ingest as run
    from vademecum.ingest.plan import Plan
    from vademecum.ingest.watch import Watch

    embedder: TextEmbedder | None = None
    wants = f"ingest {' '.join(sources)} into {corpus}, watched"
    for files in Watch([Path(named).expanduser() for named in sources], poll_s=wait_s).changes():
        with library_in_turn(wants, progress, wait=True, for_ever=True) as library:
            embedder = embedder or rooms.load_embedder(library, corpus, progress)
            plan = Plan(files, sources=tuple(sources))
            with stopping_gently() as stop:
                report = run(library, corpus, plan, embedder, progress=progress, stop=stop)
        yield report
        if report.state == "interrupted":
            raise KeyboardInterrupt


def survey(
    sources: Sequence[str],
    corpus: str,
    limit: int | None,
    progress: Progress,
    *,
    query: str | None = None,
) -> Survey:
    """What `ingest` would read, and would miss; nothing is written."""
    from vademecum.ingest.survey import survey as run
    from vademecum.ingest.web import Web

    look = Look(settings().library)
    with Web(progress=progress) as web:
        return run(sources, corpus, look, web, progress, query=query, limit=limit)
