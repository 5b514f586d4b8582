"""`vademecum bench`: how fast things are on this machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from vademecum.app import options
from vademecum.app.choosing import pick_model
from vademecum.app.console import number, one_line, paragraph, print_json, seconds, stdout
from vademecum.app.progress import ConsoleProgress
from vademecum.errors import UsageError
from vademecum.settings import settings

if TYPE_CHECKING:
    from vademecum.app.bench import EngineBench, Speed
    from vademecum.model.presets import Preset

app = typer.Typer(help="Measure this machine.")

INDENT = 12


@app.callback(invoke_without_command=True)
def default(ctx: typer.Context) -> None:
    """Measure this machine; alone, it tells what can be measured."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command()
def engine(
    model: Annotated[
        str,
        typer.Option(
            metavar="PRESET",
            help="A name from `vademecum models`, or `auto` (the best that runs well here).",
        ),
    ] = "auto",
    depths: Annotated[
        str,
        typer.Option(metavar="TOKENS", help="Lengths of the text before, separated by commas."),
    ] = "256,2048",
    quantization: options.QuantizationOption = "nf4",
    attention: options.AttentionOption = "sparse",
    kv: options.KvOption = None,
    device: options.DeviceOption = "auto",
    json: options.Json = False,
) -> None:
    """Load a model, read prompts of several lengths, write after each; tell how fast it was."""
    wanted = _depths(depths)
    preset = _preset(model, device, quantization)

    from vademecum.app import bench

    with ConsoleProgress() as progress:
        found = bench.engine(
            preset,
            wanted,
            quantization=quantization,
            attention=attention,
            kv=kv,
            device=device,
            progress=progress,
        )
    if json:
        print_json(_plain(found))
        return
    _show(found)


def _depths(text: str) -> list[int]:
    """`256,2048` -> [256, 2048]. Raises UsageError."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise UsageError(
            f"--depths {text!r} is no list of lengths", "write for example 256,2048"
        ) from None
    return found


def _preset(model: str, device: options.Device, quantization: options.Quantization) -> Preset:
    """Which preset to measure. Raises ModelNotFound, and UsageError for what runs elsewhere."""
    from vademecum.model.presets import preset

    if model == "auto":
        model = settings().model or model
    if model == "none" or "://" in model:
        raise UsageError(
            f"{model} is no model that runs on this machine",
            "name one with --model: `vademecum models` lists them",
        )
    model, _ = pick_model(model, device=device, quantization=quantization)
    return preset(model)


def _plain(found: EngineBench) -> dict[str, Any]:
    """All of it as data; rates in tokens a second."""
    return {
        "model": found.model,
        "load_s": round(found.load_s, 3),
        "kv_bytes_per_token": found.report["cache"]["bytes_per_token"],
        "kv_bytes_per_token_bf16": found.bf16_bytes_per_token,
        "depths": [_row(speed) for speed in found.speeds],
        "engine": found.report,
    }


def _row(speed: Speed) -> dict[str, Any]:
    rates = speed.decode_tok_s
    return {
        **asdict(speed),
        "decode_tok_s": rates and dict(zip(("min", "median", "max"), rates, strict=True)),
    }


def _show(found: EngineBench) -> None:
    report = found.report
    kernels, attention, cache = report["kernels"], report["attention"], report["cache"]
    smaller = found.bf16_bytes_per_token / cache["bytes_per_token"]
    kind = attention["kind"]
    if attention["from_tokens"]:
        kind += f" from {attention['from_tokens']:,} tokens"
    where = report["device"]
    if where == "cpu":
        where += f" ({report['device_reason']})"
    rows = {
        "model": f"{found.model}, {report['quantization']}, loaded in {seconds(found.load_s)}",
        "machine": f"{where}, {report['capability']}, threads: {report['threads']}",
        "kernels": f"{kernels['set']}: {kernels['reason']}",
        "attention": kind,
        "KV cache": f"{number(cache['bytes_per_token'])} bytes a token ({cache['kind']}), "
        f"{smaller:.2f} times less than bf16",
    }
    console = stdout()
    for label, value in rows.items():
        text = f"{label:<{INDENT}}{one_line(value)}"
        paragraph(console, text, indent=INDENT, first=INDENT)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("depth", "first token", "reading tok/s", "writing tok/s", "lowest", "highest"):
        table.add_column(name, justify="right")
    for speed in found.speeds:
        low, middle, high = (
            [number(rate) for rate in speed.decode_tok_s] if speed.decode_tok_s else ["-"] * 3
        )
        table.add_row(
            f"{speed.depth:,}",
            seconds(speed.first_token_s),
            number(speed.prefill_tok_s),
            middle,
            low,
            high,
        )
    console.print(table)
