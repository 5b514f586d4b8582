"""Jobs as they are listed, shown, paused and cancelled, also while another process is at one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from vademecum.app import rooms
from vademecum.corpora.control import Control, Wish
from vademecum.corpora.job_list import ListedJob
from vademecum.corpora.jobs import ACTIVE, Job, JobState
from vademecum.corpora.look import Active, Look
from vademecum.corpora.waiting import Line, Waiting
from vademecum.errors import LibraryLocked, NothingToDo, UsageError
from vademecum.progress import Progress
from vademecum.settings import settings

if TYPE_CHECKING:
    from vademecum.corpora.library import Library

POLL_S = 0.3
OBEYED_S = 15.0


def newest(progress: Progress, most: int) -> tuple[list[ListedJob], list[Waiting]]:
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
            return _latest(log.all()) if job_id is None else require(log.find(job_id), job_id)
    except LibraryLocked:
        look = Look(settings().library)
        return _latest(look.jobs()) if job_id is None else require(look.job(job_id), job_id)


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
        named = look.active() if job_id is None else require(look.job(job_id), job_id)
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
    job = None if job_id is None else require(library.job_log.find(job_id), job_id)
    if job is None or wish == "pause" or job.state in ("done", "cancelled"):
        raise _not_running(job)
    library.cancel_job(job)
    return job.id, "cancelled"


def _not_running(job: Job | Active | None) -> NothingToDo:
    what = "no job is running" if job is None else f"job {job.id} is not running: it is {job.state}"
    return NothingToDo(what, "`vademecum jobs` lists all of them")


def require(job: Job | None, job_id: int) -> Job:
    """The job that was found under a number. Raises UsageError where none was."""
    if job is None:
        raise UsageError(f"there is no job {job_id}", "`vademecum jobs` lists all of them")
    return job
