"""What an ingestion would read, before anything is read or written (`--dry-run`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vademecum.assets import SAMPLE_PUBMED, is_present
from vademecum.corpora.jobs import FileState
from vademecum.corpora.look import Look
from vademecum.corpora.readers import fingerprint
from vademecum.corpora.readers.stream import printable
from vademecum.ingest.gone import Gone, folders_of, gone_from
from vademecum.ingest.plan import Plan, identity_of, size_of
from vademecum.ingest.sources import PUBMED, SAMPLE, resolve
from vademecum.ingest.urls import is_url
from vademecum.ingest.web import Web
from vademecum.progress import Progress

# unchanged: it would not be read, as the corpus holds all of it; known: read to its end before, and
# what the corpus still has of it would not be embedded again; remote: to be fetched first
FileOutlook = Literal["new", "changed", "failed before", "unchanged", "known", "remote"]


NOTHING = Gone()
READ: tuple[FileState, ...] = ("done", "unchanged")


@dataclass(frozen=True, slots=True)
class Outlook:
    """One file that would be read; `size` in bytes, None where it is not here."""

    path: str
    size: int | None
    state: FileOutlook


@dataclass(frozen=True, slots=True)
class Survey:
    """All that `ingest` would read, and what it would miss."""

    files: list[Outlook]
    gone: Gone = NOTHING


def survey(
    sources: Sequence[str],
    corpus: str,
    look: Look,
    web: Web,
    progress: Progress,
    *,
    query: str | None = None,
    limit: int | None = None,
) -> Survey:
    """The files that these sources name, in the order of reading, and those that are gone.

    Lists of NLM are asked for; no file is fetched. Raises UsageError, SourceUnavailable.
    """
    urls = [named for named in sources if is_url(named)]
    rest = [named for named in sources if not is_url(named)]
    found = [Outlook(url, None, "remote") for url in urls]
    if rest == [SAMPLE] and not Path(SAMPLE).exists() and not is_present(SAMPLE_PUBMED):
        return Survey([*found, Outlook(SAMPLE, None, "remote")])
    if rest or query is not None or not urls:
        taken = look.taken(corpus) if rest == [PUBMED] else ()
        plan = resolve(rest, progress=progress, web=web, taken=taken, query=query, limit=limit)
        of_plan = _of_plan(plan, corpus, look, progress, limit)
        return Survey([*found, *of_plan.files], of_plan.gone)
    return Survey(found)


def _of_plan(plan: Plan, corpus: str, look: Look, progress: Progress, limit: int | None) -> Survey:
    """Holds no more of what was read earlier than the plan has files."""
    sizes = [size_of(path) for path in plan.files]
    progress.start("looking at files", sum(size or 0 for size in sizes), "B")
    identities = [
        "" if size is None else _identity(path, progress)
        for path, size in zip(plan.files, sizes, strict=True)
    ]
    progress.finish()
    planned, wanted = {str(path.absolute()) for path in plan.files}, set(identities)
    read: set[str] = set()  # what was read to its end
    before: dict[str, FileState] = {}  # how the latest job left a file
    for path, state, identity in look.files(corpus):
        if state in READ and identity in wanted:
            read.add(identity)
        if path in planned:
            before.setdefault(path, state)
    known = look.whole(corpus, fingerprint())
    whole = known if limit is None and plan.newest is None else {}
    found = [
        Outlook(
            printable(str(path)),
            size,
            "unchanged"
            if identity and whole.get(plan.place(path)) == identity
            else _state(path, size, identity, read, before),
        )
        for path, size, identity in zip(plan.files, sizes, identities, strict=True)
    ]
    # What was only moved is known where it is once it is read there.
    moved = wanted - {""}
    held = [place for place in look.places_named(corpus) if known.get(place) not in moved]
    return Survey(found, gone_from(folders_of(plan.sources), held))


def _identity(path: Path, progress: Progress) -> str:
    """ "" where it cannot be read: reading it will say what is wrong."""
    try:
        return identity_of(path, progress.advance)
    except OSError:
        return ""


def _state(
    path: Path, size: int | None, identity: str, read: set[str], before: dict[str, FileState]
) -> FileOutlook:
    if size is None:
        return "remote"
    if not identity:
        return "new"
    if identity in read:
        return "known"
    earlier = before.get(str(path.absolute()))
    if earlier is None:
        return "new"
    return "changed" if earlier in READ else "failed before"
