"""`vademecum models`: list, pull, info."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from vademecum.app import options, rooms
from vademecum.app.console import note, number, one_line, paragraph, print_json, size, stdout
from vademecum.app.progress import ConsoleProgress
from vademecum.settings import settings

if TYPE_CHECKING:
    from vademecum.model.presets import Preset

app = typer.Typer(help="The models that can answer, and which are here.")

WIDE = 120  # columns that hold the models' titles, too; `models info` tells them anyway

# How keys and values may be kept, and how that is said.
KV = {"int8": "in 8 bit (the default)", "k8v4": "lean, values in 4 bit", "plain": "in bf16"}

Name = Annotated[str, typer.Argument(metavar="PRESET", help="A name from `vademecum models`.")]


@app.callback(invoke_without_command=True)
def default(ctx: typer.Context) -> None:
    """The models that can answer, and which are here; alone, the same as `list`."""
    if ctx.invoked_subcommand is None:
        list_models()


@app.command("list")
def list_models(json: options.Json = False) -> None:
    """All presets: size, memory at 4 bit, context, licence, where from, whether here."""
    from vademecum.model.presets import PRESETS

    found = [_facts(preset) for preset in PRESETS.values()]
    if json:
        print_json(found)
        return
    console = stdout()
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("preset", no_wrap=True)  # what is typed is never cut
    if console.width >= WIDE:
        table.add_column("model")
    for name in ("parameters", "memory", "context"):
        table.add_column(name, justify="right")
    for name in ("source", "licence", "here"):
        table.add_column(name)
    for facts in found:
        table.add_row(
            facts["name"],
            *([one_line(facts["title"])] if console.width >= WIDE else []),
            _count(facts["parameters"]),
            size(facts["memory_bytes"]["4"]),
            f"{facts['context']:,}",
            facts["source"],
            facts["licence"],
            "yes" if facts["here"] else "",
        )
    console.print(table)


@app.command()
def info(name: Name, json: options.Json = False) -> None:
    """Everything known of one preset."""
    from vademecum.model.presets import preset

    facts = _facts(preset(name))
    if json:
        print_json(facts)
        return
    memory = ", ".join(
        f"{size(count)} at {bits} bit" for bits, count in facts["memory_bytes"].items()
    )
    cache = ", ".join(f"{size(count)} {KV[kind]}" for kind, count in facts["kv_bytes"].items())
    rows = {
        "preset": facts["name"],
        "model": facts["title"],
        "source": f"{facts['source']}: {facts['from']}",
        "licence": facts["licence"],
        "parameters": f"{_count(facts['parameters'])} ({facts['parameters']:,})",
        "weights": memory,
        "cache": f"{cache}, for a context of {facts['context']:,} tokens",
        "context": f"{facts['context']:,} tokens (the shape allows {facts['max_positions']:,})",
        "shape": f"{facts['family']}, {facts['layers']} layers, {facts['heads']} heads "
        f"({facts['kv_heads']} for keys and values) of {facts['head_dim']}",
        "reasons": "yes: it thinks before it answers" if facts["reasons"] else "no",
        "note": facts["note"],
        "here": f"yes, in {_place(preset(name))}" if facts["here"] else "not yet",
    }
    for label, value in rows.items():
        if not value:
            continue
        paragraph(stdout(), f"{label:<12}{one_line(value)}", indent=12, first=12)


@app.command()
def pull(name: Name) -> None:
    """Fetch a model now, check its hash, and convert it, so that the first answer need not."""
    with ConsoleProgress() as progress:
        rooms.pull(name, progress)
    note(f"{name} is ready")


def _place(preset: Preset) -> Path:
    """The folder that holds a model, or will."""
    return preset.folder or settings().models / preset.key


def _count(parameters: int) -> str:
    """135 M, 1.5 B: parameters as people say them."""
    for unit, scale in (("B", 10**9), ("M", 10**6)):
        if parameters >= scale:
            return f"{number(parameters / scale)} {unit}"
    return f"{parameters:,}"


def _facts(preset: Preset) -> dict[str, Any]:
    """A preset as plain data."""
    from vademecum.model.presets import STAMP

    source, where = "folder", str(preset.folder)
    if preset.file is not None:
        source, where = "file", str(preset.file)
    if preset.hub_id is not None:
        source, where = "hub", preset.hub_id
    elif preset.asset is not None:
        source, where = "registry", ", ".join(preset.asset.requirements)
    return {
        "name": preset.name,
        "title": preset.title,
        "family": preset.family,
        "source": source,
        "from": where,
        "licence": preset.licence,
        "context": preset.context,
        "max_positions": preset.max_positions,
        "parameters": preset.parameters,
        "layers": preset.layers,
        "heads": preset.heads,
        "kv_heads": preset.kv_heads,
        "head_dim": preset.head_dim,
        "kv_bytes": {kind: preset.kv_bytes(preset.context, kind) for kind in KV},
        "memory_bytes": {str(bits): preset.memory_bytes(bits) for bits in (4, 8, 16)},
        "reasons": preset.reasons,
        "note": preset.note,
        "here": preset.folder is not None or (_place(preset) / STAMP).is_file(),
    }
