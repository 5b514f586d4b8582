"""Going on with a job that was interrupted, paused or failed, from what it recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vademecum.assets import SAMPLE_PUBMED, fetch
from vademecum.corpora.jobs import Job, JobFile
from vademecum.corpora.library import Library
from vademecum.corpora.readers.stream import printable
from vademecum.errors import NothingToDo
from vademecum.ingest.engine import Engine
from vademecum.ingest.plan import Plan, is_gone, size_of
from vademecum.ingest.pubmed_source import PubmedFiles
from vademecum.ingest.sources import PUBMED, SAMPLE, resolve
from vademecum.ingest.urls import fetched
from vademecum.ingest.web import Web
from vademecum.ingest.work import Work


def require_left(job: Job) -> None:
    """Raises NothingToDo for a job that `left_of` finds nothing of."""
    if not job.can_resume:
        raise NothingToDo(
            f"nothing is left of job {job.id}: it is {job.state}",
            f"`vademecum jobs retry {job.id}` reads its failed files again"
            if job.can_retry
            else "`vademecum jobs` lists those that can be gone on with",
        )


def require_failed(job: Job) -> None:
    """Raises NothingToDo for a job that `failed_of` finds nothing of."""
    if not job.can_retry:
        none = "is left to be read again" if job.failed else "failed"
        raise NothingToDo(
            f"no file of job {job.id} {none}: it is {job.state}",
            f"`vademecum jobs show {job.id}` tells of its files",
        )


def left_of(library: Library, job: Job, web: Web) -> Work:
    """The files of a job that were not read to their end. Raises NothingToDo if there are none."""
    require_left(job)
    if job.source.get("query"):
        return _search_again(library, job, web)
    if job.source["newest"] is not None:  # which are the newest only all files together tell
        return _of(job, job.files, web)
    return _of(job, job.pending, web)


def failed_of(library: Library, job: Job, web: Web) -> Work:
    """The files of a job that could not be read; of these the job drops what is not there any
    more, and keeps so if the work is never done. What was fetched is fetched again. Raises
    NothingToDo if no file failed."""
    require_failed(job)
    if job.source.get("query"):
        return _search_again(library, job, web)
    if job.source["newest"] is not None:
        return _of(job, job.files, web)
    if gone := [file.number for file in job.failed if _is_gone(job, file)]:
        library.job_log.drop(job.id, gone)
        job = _found(library, job.id)
    return _of(job, job.failed, web, anew=True)


def _is_gone(job: Job, file: JobFile) -> bool:
    """Whether a file lay here, and does not any more; what was fetched can be fetched again."""
    source, path = job.source, job.source["files"][file.number]
    if _of_nlm(source) or path in source.get("addresses", {}):
        return False
    return is_gone(Path(path))


def _of_nlm(source: dict[str, Any]) -> bool:
    """Whether a job reads NLM's files, not a file or folder of that name, which brings none."""
    named: bool = source.get("sources") == [PUBMED]
    return named and bool(source.get("brought", True))  # older versions did not say


def _of(job: Job, files: tuple[JobFile, ...], web: Web, *, anew: bool = False) -> Work:
    source = job.source
    numbers = [file.number for file in files]
    paths = tuple(Path(source["files"][number]) for number in numbers)
    limit: int | None = source.get("limit")
    if _of_nlm(source):
        supply = PubmedFiles(web, web.settings.home / "sources" / PUBMED)
        supply.plan(())  # what NLM lists now, for the addresses
        paths = tuple(supply.folder / path.name for path in paths)
        plan = Plan(paths, supply=supply, sources=(PUBMED,))
    else:
        plan = _of_files(source, paths, web, anew)
    return Work(job.corpus, plan, limit, job, numbers, Engine.of(source))


def _of_files(source: dict[str, Any], paths: tuple[Path, ...], web: Web, anew: bool) -> Plan:
    """`anew`: what is at an address may be another thing by now."""
    if source.get("sources") == [SAMPLE] and source["newest"] is not None:
        paths = (fetch(SAMPLE_PUBMED, progress=web.progress, settings=web.settings),)
    addresses: dict[Path, str] = {}
    unavailable: dict[Path, str] = {}
    found: list[Path] = []
    for path in paths:
        url = source.get("addresses", {}).get(str(path))
        if url is not None and (anew or not path.is_file()):
            path, missing = fetched(url, web.settings.home / "sources" / "urls", web)
            if missing:
                unavailable[path] = missing
        if url is not None:
            addresses[path] = url
        found.append(path)
    sources = tuple(source.get("sources", ()))
    return Plan(
        tuple(found),
        source["newest"],
        addresses=addresses,
        unavailable=unavailable,
        sources=sources,
    )


def _search_again(library: Library, job: Job, web: Web) -> Work:
    """NLM does not remember a search for long, and the next one may find other records."""
    limit = job.source.get("limit")
    plan = resolve([], web=web, query=job.source["query"], limit=limit)
    files = [
        JobFile(number, printable(str(path)), size=size_of(path))
        for number, path in enumerate(plan.files)
    ]
    library.job_log.replan(job.id, plan.to_dict(limit), files)
    again = _found(library, job.id)
    return Work(job.corpus, plan, limit, again, range(len(files)), Engine.of(job.source))


def _found(library: Library, job_id: int) -> Job:
    found = library.job_log.find(job_id)
    assert found is not None
    return found
