"""Opens the rooms behind `ingest` and `jobs`: waits for the library's turn, and stops gently."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from vademecum.app import rooms
from vademecum.app.how import How
from vademecum.corpora.control import Control, Wish
from vademecum.corpora.job_list import ListedJob
from vademecum.corpora.jobs import ACTIVE, Job, JobState
from vademecum.corpora.lock import owner
from vademecum.corpora.look import Active, Look
from vademecum.corpora.waiting import Line, Waiting
from vademecum.errors import LibraryError, LibraryLocked, NothingToDo, UsageError
from vademecum.progress import Progress
from vademecum.settings import settings

if TYPE_CHECKING:
    from vademecum.corpora.library import Library
    from vademecum.ingest.report import IngestReport
    from vademecum.ingest.survey import Outlook
    from vademecum.model.interface import TextEmbedder

POLL_S = 0.3
PATIENCE_S = 10.0  # for a process that says of no work: a search ends soon, a server does not
CLOSING_S = 60.0  # for one that was, and has not closed the library yet
OBEYED_S = 15.0


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
        return _found(library.job_log.find(job_id), job_id)
    for job in library.job_log.left():
        if job.can_retry if failed else job.can_resume:
            return job
    raise NothingToDo(
        "no job has files that failed" if failed else "no job was left undone",
        "`vademecum jobs` lists all of them",
    )


def _found(job: Job | None, job_id: int) -> Job:
    if job is None:
        raise UsageError(f"there is no job {job_id}", "`vademecum jobs` lists all of them")
    return job


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
) -> list[Outlook]:
    """What `ingest` would read; nothing is written."""
    from vademecum.ingest.survey import survey as run
    from vademecum.ingest.web import Web

    look = Look(settings().library)
    with Web(progress=progress) as web:
        return run(sources, corpus, look, web, progress, query=query, limit=limit)


# jobs


def jobs(progress: Progress, most: int) -> tuple[list[ListedJob], list[Waiting]]:
    """The newest jobs first, and the processes that stand in line; also while another process has
    the library open."""
    folder = settings().library
    try:
        with rooms.open_library(progress) as library:
            return list(library.job_list(most)), Line(folder).standing_now()
    except LibraryLocked:
        return list(Look(folder).job_list(most)), Line(folder).standing_now()


def job(job_id: int | None, progress: Progress) -> Job:
    """The job of that number, the latest without one. Raises UsageError for one that is not there,
    NothingToDo where there is none at all."""
    try:
        with rooms.open_library(progress) as library:
            log = library.job_log
            return _latest(log.all()) if job_id is None else _found(log.find(job_id), job_id)
    except LibraryLocked:
        look = Look(settings().library)
        return _latest(look.jobs()) if job_id is None else _found(look.job(job_id), job_id)


def _latest(jobs: Iterator[Job]) -> Job:
    found = next(jobs, None)
    if found is None:
        raise NothingToDo("nothing was ingested yet", "`vademecum ingest` does")
    return found


def ask(job_id: int | None, wish: Wish, progress: Progress) -> tuple[int, JobState]:
    """Have a job paused or cancelled, the running one unless it is named; its number and the state
    it is in then, which is still "running" if its batch takes long. Raises UsageError for one that
    is not there, NothingToDo for one that cannot be."""
    folder = settings().library
    try:
        with rooms.open_library(progress) as library:
            return _ask_idle(library, job_id, wish)
    except LibraryLocked:
        look = Look(folder)
        named = look.active() if job_id is None else _found(look.job(job_id), job_id)
        if named is None or named.state not in ACTIVE:
            if wish == "cancel" and named is not None and named.state not in ("done", "cancelled"):
                raise  # it can be cancelled, but not while another process has the library
            raise _not_running(named) from None
    Control(folder).ask(named.id, wish)
    until = time.monotonic() + OBEYED_S
    state = named.state
    while state in ACTIVE and time.monotonic() < until:
        time.sleep(POLL_S)
        state = look.state(named.id) or "done"
    return named.id, state


def _ask_idle(library: Library, job_id: int | None, wish: Wish) -> tuple[int, JobState]:
    """Nobody is at a job: one that was left undone can be given up."""
    job = None if job_id is None else _found(library.job_log.find(job_id), job_id)
    if job is None or wish == "pause" or job.state in ("done", "cancelled"):
        raise _not_running(job)
    library.cancel_job(job)
    return job.id, "cancelled"


def _not_running(job: Job | Active | None) -> NothingToDo:
    what = "no job is running" if job is None else f"job {job.id} is not running: it is {job.state}"
    return NothingToDo(what, "`vademecum jobs` lists all of them")


# turns


@contextmanager
def library_in_turn(
    wants: str, progress: Progress, wait: bool, *, for_ever: bool = False
) -> Iterator[Library]:
    """The library, once those who came before are done with it; at once or not at all without
    `wait`. Raises what `Library.open` does; LibraryLocked where its owner is at nothing that ends
    by itself, unless that is waited for, too (`for_ever`)."""
    if wait:
        line = Line(settings().library)
        with line.standing(wants) as ticket:
            library = _turn(line, ticket, progress, for_ever)
    else:
        library = rooms.open_library(progress)
    with library, library.at_work("reading files"):
        yield library


def _turn(line: Line, ticket: str, progress: Progress, for_ever: bool) -> Library:
    told = ""
    until = time.monotonic() + (float("inf") if for_ever else PATIENCE_S)
    while True:
        ahead = [other for other in line.standing_now() if other.name < ticket]
        try:
            if not ahead:
                return rooms.open_library(progress)
            busy, until = _busy(ahead[-1].pid), max(until, time.monotonic() + CLOSING_S)
        except LibraryLocked as error:
            busy = _busy(None)
            if busy:
                until = max(until, time.monotonic() + CLOSING_S)
            elif time.monotonic() > until or (_on_a_page() and not for_ever):
                raise
            busy = busy or f"{error.message}: waiting for it to end"
        if busy != told:
            progress.note(busy)
        told = busy
        time.sleep(POLL_S)


def _on_a_page() -> bool:
    """Whether the library's owner serves it: that ends when somebody ends it."""
    found = owner(settings().library)
    return found is not None and bool(found.page)


def _busy(ahead: int | None) -> str:
    """Whom this process waits for; "" where the library's owner is at nothing that ends."""
    folder = settings().library
    try:
        job = Look(folder).active()
    except LibraryError:
        job = None
    found = owner(folder)
    at_work = found is not None and bool(found.work) and not found.page
    if job is None and ahead is None and not at_work:
        return ""
    who = found or "another process"
    first = f"{who} is at job {job.id} (into {job.corpus})" if job else ""
    if job is None and found is not None and at_work:
        first = f"{who} is {found.work}"
    behind = f"process {ahead} is before this one in the queue" if ahead is not None else ""
    return f"{' and '.join(filter(None, (first, behind)))}: waiting for our turn"


@contextmanager
def telling_how_to_go_on(
    library: Library, corpus: str, job_id: int | None = None
) -> Iterator[None]:
    """A KeyboardInterrupt out of the block says which job it left undone: `job_id`, or the one that
    the block made."""
    known = next((job.id for job in library.job_list(1)), 0)
    try:
        yield
    except KeyboardInterrupt:
        left = (job.id for job in library.job_log.left(corpus) if job.id > known)
        undone = next(left, job_id)
        raise KeyboardInterrupt(stopped(undone) if undone else "") from None


def stopped(job_id: int) -> str:
    """What is said of a job that was interrupted here."""
    return f"stopped; `vademecum jobs resume {job_id}` goes on"


@contextmanager
def stopping_gently() -> Iterator[threading.Event]:
    """Within the block the first Ctrl-C sets the event, the second one interrupts."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()
        os.write(2, b"\nstopping after this batch (Ctrl-C again: at once)\n")

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
