"""The command line: wires the commands, and turns every error into two lines and an exit code."""

from __future__ import annotations

import errno
import os
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from vademecum import __version__
from vademecum.app import (
    cli_ask,
    cli_bench,
    cli_chat,
    cli_corpus,
    cli_demo,
    cli_doctor,
    cli_ingest,
    cli_jobs,
    cli_models,
    cli_search,
    cli_serve,
)
from vademecum.app.console import fail, note
from vademecum.app.entry import INTERRUPTED
from vademecum.app.quiet import quieten, unquieten
from vademecum.errors import OutOfSpace, VademecumError

app = typer.Typer(
    name="vademecum",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(cli_demo.demo)
app.command()(cli_ingest.ingest)
app.command()(cli_search.search)
app.command()(cli_ask.ask)
app.command()(cli_chat.chat)
app.command()(cli_serve.serve)
app.add_typer(cli_corpus.app, name="corpus")
app.add_typer(cli_jobs.app, name="jobs")
app.add_typer(cli_models.app, name="models")
app.add_typer(cli_bench.app, name="bench")
app.command()(cli_doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vademecum {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks, and the logs of every library.")
    ] = False,
) -> None:
    """Cited answers from a library you own, by a model that runs on your machine."""
    if debug:
        unquieten()
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def main() -> None:
    """Run the command line that was typed, and exit with its code."""
    quieten()
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_stdout()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors are told on stderr."""
    debug = False
    try:
        command = typer.main.get_command(app)
        _as_people_read_it(command)
        if "_VADEMECUM_COMPLETE" in os.environ:
            command.main(prog_name="vademecum")  # the shell asks what could be typed next; exits
        with command.make_context("vademecum", list(arguments)) as context:
            debug = bool(context.params.get("debug"))
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    except typer.TyperException as error:
        return _wrong_usage(error, command_named(arguments))
    except BrokenPipeError:
        # Whoever read our output (`head`) has enough.
        _drop_stdout()
        return 1
    except (KeyboardInterrupt, typer.Abort) as interrupt:
        note(str(interrupt) or "interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  the outermost door: nothing is above it to tell
        if debug:
            traceback.print_exc()
        told = _told(error)
        fail(told.message, told.hint)
        return told.exit_code
    return 0


def _as_people_read_it(command: Any, parent: typer.Context | None = None) -> None:
    """Help as other programs write it. Typer has `{QUESTION}... <list[str]>` for what must be typed
    and `--version <bool>`, as if something were to be typed there."""
    context = typer.Context(command, parent=parent, **command.context_settings)
    for each in command.get_params(context):
        if each.param_type_name == "argument":
            pieces = [_usage(each.metavar or each.name.upper(), each)]
            each.get_usage_pieces = lambda _, pieces=pieces: pieces
            each.display_type_rich = lambda **_: None
        elif getattr(each, "is_flag", False) and each.metavar is None:
            each.metavar = ""
    for inner in getattr(command, "commands", {}).values():
        _as_people_read_it(inner, context)


def _usage(name: str, argument: Any) -> str:
    """`QUESTION...` for several words, `[NAME]` for what may be left out."""
    return f"{name if argument.required else f'[{name}]'}{'...' if argument.nargs != 1 else ''}"


def _told(error: Exception) -> VademecumError:
    """An error as a person is told it."""
    if isinstance(error, VademecumError):
        return error
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return OutOfSpace(
            f"no space left on the disk{f': {error.filename}' if error.filename else ''}",
            hint="free some, or move the library: VADEMECUM_HOME=/elsewhere vademecum ...",
        )
    return VademecumError(
        f"unexpected {type(error).__name__}{f': {error}' if str(error) else ''}",
        hint="run it again as `vademecum --debug ...` to see where, and report that",
    )


def command_named(arguments: Sequence[str]) -> str:
    """The command that a line begins with, as far as it goes: `vademecum corpus show`."""
    path, command = "vademecum", typer.main.get_command(app)
    for word in arguments:
        inner = getattr(command, "commands", {}).get(word)
        if inner is not None:
            path, command = f"{path} {word}", inner
        elif not word.startswith("-"):  # the options before a command take no value
            break
    return path


def _wrong_usage(error: typer.TyperException, named: str) -> int:
    """The parser's own complaints, in the style of all others."""
    message = one_sentence(error.format_message()).replace("Value error, ", "")  # of Pydantic
    # "No such command 'aks'. Did you mean 'ask'?"; "... (Possible options: --k)"
    cut = re.match(r"(.*?)\.? (?:Did you mean (.*)\?|\(Possible options?: (.*)\))$", message)
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else named  # some complaints have none
    hint = f"`{path} --help` shows what it takes"
    if cut:
        message = cut[1]
        hint = f"did you mean {cut[2] or cut[3]}? {hint}"
    fail(message, hint)
    return error.exit_code


def one_sentence(text: str) -> str:
    """`Missing argument 'QUESTION'.` as `missing argument 'QUESTION'`."""
    text = " ".join(text.split()).removesuffix(".")
    return text[:1].lower() + text[1:]


def _drop_stdout() -> None:
    """What is still buffered goes nowhere, so that closing stdout does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
