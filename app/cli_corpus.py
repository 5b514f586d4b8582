"""`vademecum corpus`: what the library holds, whether it is sound, and carrying it elsewhere."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from vademecum.app import options, rooms
from vademecum.app.cli_forget import forget
from vademecum.app.console import (
    can_ask,
    moment,
    note,
    one_line,
    paragraph,
    plural,
    print_json,
    size,
    stdout,
)
from vademecum.app.progress import ConsoleProgress
from vademecum.corpora.document import CorpusInfo
from vademecum.errors import LibraryDamaged, UsageError

if TYPE_CHECKING:
    from vademecum.corpora.library import Library

app = typer.Typer(help="What the library holds, and whether it is sound.")

Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="May be left out if only one exists.")
]


def _pick(library: Library, name: str | None, command: str) -> CorpusInfo:
    """As `rooms.pick_corpus`, for a command that takes the name as an argument."""
    return rooms.pick_corpus(library, name, naming=f"vademecum corpus {command} NAME")


@app.callback(invoke_without_command=True)
def default(ctx: typer.Context) -> None:
    """What the library holds, and whether it is sound; alone, the same as `list`."""
    if ctx.invoked_subcommand is None:
        list_corpora()


@app.command("list")
def list_corpora(json: options.Json = False) -> None:
    """All corpora, with how much they hold."""
    with ConsoleProgress() as progress, rooms.open_library(progress) as library:
        found = library.corpora()
    if json:
        print_json([asdict(info) for info in found])
        return
    if not found:
        note("the library is empty: fill it with `vademecum ingest`")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("corpus", "documents", "passages", "newest", "snapshot"):
        table.add_column(name, justify="right" if name in {"documents", "passages"} else "left")
    for info in found:
        table.add_row(
            one_line(info.name),
            f"{info.documents:,}",
            f"{info.passages:,}",
            one_line(info.newest),
            info.snapshot[:12],
        )
    stdout().print(table)


@app.command()
def show(name: Name = None, json: options.Json = False) -> None:
    """One corpus: counts by kind, retractions, newest document, embedder."""
    with ConsoleProgress() as progress, rooms.open_library(progress) as library:
        info = _pick(library, name, "show")
        path = str(library.path)
    if json:
        print_json({**asdict(info), "library": path})
        return
    rows = {
        "corpus": info.name,
        "documents": f"{info.documents:,}",
        **{f"  {kind.replace('_', ' ')}": f"{count:,}" for kind, count in info.counts.items()},
        "passages": f"{info.passages:,}",
        "newest": info.newest,
        "embedder": info.embedder,
        "snapshot": info.snapshot,
        "library": path,
    }
    console = stdout()
    for label, value in rows.items():
        paragraph(console, f"{label:<14}{one_line(value)}", indent=14, first=14)


@app.command()
def verify(name: Name = None, json: options.Json = False) -> None:
    """Compare the store with both indexes, by id and hash; exit 1 if they differ."""
    with ConsoleProgress() as progress, rooms.open_library(progress) as library:
        corpus = _pick(library, name, "verify").name
        found = library.verify(corpus, progress=progress)
    if json:
        print_json({"corpus": corpus, **asdict(found), "sound": found.sound})
    else:
        for problem in found.problems:
            paragraph(stdout(), one_line(problem))
        if found.sound:
            paragraph(stdout(), f"{corpus} is sound")
    if not found.sound:
        raise LibraryDamaged(
            f"{corpus} is not sound: {plural(len(found.problems), 'problem')}",
            hint=f"`vademecum corpus rebuild {corpus}` makes both indexes again from the store",
        )


@app.command()
def rebuild(name: Name = None) -> None:
    """Make both indexes again from the store; nothing is embedded again."""
    with ConsoleProgress() as progress, rooms.open_library(progress) as library:
        corpus = _pick(library, name, "rebuild").name
        library.rebuild(corpus, progress=progress)
    note(f"{corpus}: indexes rebuilt")


@app.command()
def snapshots(name: Name = None, json: options.Json = False) -> None:
    """The states that a corpus was seen in, as answers name them; the newest first."""
    with ConsoleProgress() as progress, rooms.open_library(progress) as library:
        corpus = _pick(library, name, "snapshots").name
        found = library.snapshots(corpus)
    if json:
        print_json([asdict(item) for item in found])
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("snapshot", "seen (UTC)", "documents", "passages"):
        table.add_column(column, justify="right" if column in {"documents", "passages"} else "left")
    for item in found:
        counts = (item.documents, item.passages)
        shown = ["" if count is None else f"{count:,}" for count in counts]
        table.add_row(item.snapshot, moment(item.made), *shown)
    stdout().print(table)


@app.command()
def changes(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which corpus.")],
    first: Annotated[str, typer.Argument(metavar="SNAPSHOT", help="From this state ...")],
    second: Annotated[
        str | None, typer.Argument(metavar="SNAPSHOT", help="... to this; left out: to today's.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Name no more documents.")] = 100,
    json: options.Json = False,
) -> None:
    """The documents that were added, changed or deleted between two states of a corpus."""
    with ConsoleProgress() as progress, rooms.open_library(progress) as library:
        second = second or library.corpus(name).snapshot
        counts = {"added": 0, "changed": 0, "deleted": 0}
        found = library.changes(name, first, second)
        named = list(islice(found, limit))
        for change in named:
            counts[change.what] += 1
        for change in found:
            counts[change.what] += 1
    if json:
        named_json = [asdict(change) for change in named]
        print_json({"from": first, "to": second, **counts, "documents": named_json})
        return
    for change in named:
        was = f", was {change.was}" if change.was else ""
        told = f"{change.what:<8} {one_line(f'{change.title} ({change.doc_id}{was})')}"
        paragraph(stdout(), told, indent=9, first=9)
    paragraph(stdout(), ", ".join(f"{count:,} {what}" for what, count in counts.items()))


@app.command()
def compact() -> None:
    """Give the room of what was replaced and deleted back to the disk, in the whole library."""
    with ConsoleProgress() as progress, rooms.open_library(progress) as library:
        done = library.compact(progress=progress)
    for part, before in done.before.items():
        paragraph(stdout(), f"{part:<8} {size(before)} -> {size(done.after[part])}")
    for name in done.remade:
        note(f"made again, much of it was dead: {name}")
    paragraph(stdout(), f"{size(max(0, done.freed))} freed")


@app.command("export")
def export_corpus(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which corpus.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that is new.")],
) -> None:
    """Write a corpus into a folder of Parquet files, vectors included."""
    with ConsoleProgress() as progress, rooms.open_library(progress) as library:
        done = library.export_corpus(name, folder, progress=progress)
    total = size(sum(item.size for item in done.files))
    note(f"{folder}: {plural(done.documents, 'document')}, {total}, snapshot {done.snapshot}")


@app.command("import")
def import_corpus(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What `export` wrote.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Another name than it had.")
    ] = None,
) -> None:
    """Read a corpus that was exported; nothing is embedded again."""
    with ConsoleProgress() as progress, rooms.open_library(progress) as library:
        info = library.import_corpus(folder, name, progress=progress)
    note(f"{info.name}: {plural(info.documents, 'document')}, snapshot {info.snapshot}")


@app.command()
def vectors(
    place: Annotated[
        str | None,
        typer.Argument(
            metavar="PLACE",
            help="`chroma`, `http://HOST:PORT` (a Chroma server) or `milvus:http://HOST:PORT`.",
        ),
    ] = None,
) -> None:
    """Where vectors are searched; with PLACE, have them searched there from now on."""
    with ConsoleProgress() as progress, rooms.open_library(progress, vectors="") as library:
        if place is not None:
            library.place_vectors(place, progress=progress)
        shown = library.place
    paragraph(stdout(), f"vectors are searched in {shown}")


app.command()(forget)


@app.command()
def delete(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which corpus.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a corpus with all its documents."""
    with ConsoleProgress() as progress, rooms.open_library(progress) as library:
        info = library.corpus(name)
        if not yes:
            if not can_ask():
                raise UsageError(
                    f"deleting {name} needs a yes", hint="add --yes to delete without being asked"
                )
            note(f"{name} holds {plural(info.documents, 'document')}")
            if not typer.confirm("Delete it?", err=True):
                note("kept")
                return
        library.delete_corpus(name)
    note(f"{name} deleted")
