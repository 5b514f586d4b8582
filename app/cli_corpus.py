"""`vademecum corpus`: list, show, verify, rebuild, delete."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from vademecum.app import options, rooms
from vademecum.app.console import note, one_line, paragraph, plural, print_json, stdout
from vademecum.app.progress import ConsoleProgress
from vademecum.errors import LibraryDamaged, UsageError

app = typer.Typer(help="What the library holds, and whether it is sound.")

Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="May be left out if only one exists.")
]


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
        info = rooms.pick_corpus(library, name)
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
        corpus = rooms.pick_corpus(library, name).name
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
        corpus = rooms.pick_corpus(library, name).name
        library.rebuild(corpus, progress=progress)
    note(f"{corpus}: indexes rebuilt")


@app.command()
def delete(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which corpus.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a corpus with all its documents."""
    with ConsoleProgress() as progress, rooms.open_library(progress) as library:
        info = library.corpus(name)
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError(
                    f"deleting {name} needs a yes", hint="add --yes to delete without being asked"
                )
            note(f"{name} holds {plural(info.documents, 'document')}")
            if not typer.confirm("Delete it?", err=True):
                note("kept")
                return
        library.delete_corpus(name)
    note(f"{name} deleted")
