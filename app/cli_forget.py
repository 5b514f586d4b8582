"""`vademecum corpus forget`: documents out of a corpus, by their files or their ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vademecum.app import rooms
from vademecum.app.console import can_ask, note, one_line, paragraph, plural, stdout
from vademecum.app.counts import NAMED, few, forgetting
from vademecum.app.progress import ConsoleProgress
from vademecum.errors import UsageError

if TYPE_CHECKING:
    from vademecum.corpora.forgetting import Leaving
    from vademecum.corpora.library import Library

SHOWN = 20  # titles


def forget(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which corpus.")],
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATHS|URLS|IDS",
            help="Files, folders and addresses that were ingested, and ids of documents.",
        ),
    ] = None,
    gone: Annotated[
        bool,
        typer.Option(
            "--gone",
            help="What came from files that are not there any more; with folders, from those in "
            "them alone.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove documents from a corpus: all that came from some files, or those of some ids."""
    named = what or []
    if not named and not gone:
        raise UsageError(
            "nothing to forget was named",
            hint=f"vademecum corpus forget {name} PATH, or --gone for files that are not there",
        )
    with ConsoleProgress() as progress, rooms.open_library(progress) as library:
        places, doc_ids = _gone(library, name, named) if gone else _named(library, name, named)
        going = library.leaving(name, places=places, doc_ids=doc_ids)
        if not places and not doc_ids:
            note(f"{name}: no file that it was read from is surely gone; nothing was removed")
            return
        _show(library, name, going)
        if going.doc_ids and not yes:
            if not can_ask():
                raise UsageError(
                    f"removing documents from {name} needs a yes",
                    hint="add --yes to remove them without being asked",
                )
            if not typer.confirm("Remove them?", err=True):
                note("kept")
                return
        library.forget(name, places=places, doc_ids=doc_ids, progress=progress)
        left = library.corpus(name)
    removed = plural(len(going.doc_ids), "document")
    note(f"{name}: {removed} removed, {left.documents:,} left, snapshot {left.snapshot}")


def _named(library: Library, name: str, named: Sequence[str]) -> tuple[list[str], list[str]]:
    """The places of files, and the ids of documents, that were named. Raises UsageError for what is
    neither."""
    from vademecum.corpora.readers.stream import printable

    storable = [one for one in named if one == printable(one)]  # the bytes of a path may be none
    titles = library.titles(name, storable)
    files = [one for one in named if one not in titles]
    return _places(library, name, files), [one for one in named if one in titles]


def _gone(library: Library, name: str, folders: Sequence[str]) -> tuple[list[str], list[str]]:
    """The places of files that are gone, in these folders if any are named, and no ids. Those that
    may only be elsewhere are told."""
    from vademecum.ingest.gone import is_missing, surely_gone

    places = _places(library, name, folders) if folders else library.places_named(name)
    surely, perhaps = surely_gone(filter(is_missing, places), folders)
    if perhaps:
        note(
            f"left, as their folder is empty or not there, and its disk may not be mounted: "
            f"{few(perhaps)}"
        )
        folders = list(dict.fromkeys(str(Path(place).parent) for place in perhaps))
        note(f"to remove what came from there: {forgetting(name, folders[:NAMED])}")
    return surely, []


def _places(library: Library, name: str, named: Sequence[str]) -> list[str]:
    """All files that something came from, of those that are named or lie in a folder that is.
    Raises UsageError where there are none."""
    from vademecum.ingest.gone import below

    known = library.places_named(name)
    found: dict[str, None] = {}
    for one in named:
        of_one = below(known, [one])
        if not of_one:
            raise UsageError(
                f"nothing in {name} came from {one}, and no document has this id",
                hint="name a file or folder as it was ingested, or an id as "
                "`vademecum search --json` shows it",
            )
        found.update(dict.fromkeys(of_one))
    return list(found)


def _show(library: Library, name: str, going: Leaving) -> None:
    """What would be removed, and what would not."""
    from vademecum.ingest.gone import is_missing

    shown = going.doc_ids[:SHOWN]
    titles = library.titles(name, shown)
    files = f", from {plural(len(going.places), 'file')}" if going.places else ""
    paragraph(stdout(), f"{name}: {plural(len(going.doc_ids), 'document')} to be removed{files}")
    for doc_id in shown:
        paragraph(stdout(), one_line(f"  {titles[doc_id]} ({doc_id})"), indent=4, first=2)
    if len(going.doc_ids) > SHOWN:
        paragraph(stdout(), f"  and {len(going.doc_ids) - SHOWN:,} more")
    if going.held:
        note(f"{plural(going.held, 'document')} of them stay, as other files hold the same")
    if going.brought:
        note(
            f"{plural(going.brought, 'record')} with a PMID stay: a search or NLM's files may have "
            "brought them as well; name them by their ids to remove them"
        )
    there = [place for place in (*going.places, *going.again) if not is_missing(place)]
    if there:
        note(f"still there, and read again when they are next ingested: {few(there)}")
