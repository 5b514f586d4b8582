"""The frame of every command: help, version, errors, exit codes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import Any

import pytest
from cli_support import Cli, answer, script

from vademecum import __version__
from vademecum.errors import UsageError, VademecumError

VADEMECUM = (sys.executable, "-c", "from vademecum.app.cli import main; main()")
HEAVY = (
    "torch",
    "transformers",
    "sentence_transformers",
    "chromadb",
    "tantivy",
    "gradio",
    "lxml",
    "jieba",
    "numpy",
)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let any command that opens the library meet `error` there."""

    def open_library(progress: Any) -> None:
        raise error

    monkeypatch.setattr("vademecum.app.rooms.open_library", open_library)


def test_version(cli: Cli) -> None:
    done = cli("--version")
    assert (done.code, done.stdout, done.stderr) == (0, f"vademecum {__version__}\n", "")


@pytest.mark.parametrize("command", [(), ("jobs", "show"), ("ask",)])
def test_help_asks_for_nothing_behind_a_flag(cli: Cli, command: tuple[str, ...]) -> None:
    assert "<bool>" not in cli(*command, "--help").stdout


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("ask", "[OPTIONS] QUESTION..."),
        ("search", "[OPTIONS] QUERY..."),
        ("jobs show", "[OPTIONS] [JOB]"),
        ("corpus forget", "[OPTIONS] NAME [PATHS|URLS|IDS]..."),
        ("models pull", "[OPTIONS] PRESET"),
    ],
)
def test_help_says_what_to_type_as_other_programs_do(cli: Cli, command: str, usage: str) -> None:
    shown = cli(*command.split(), "--help").stdout
    assert f"Usage: vademecum {command} {usage}" in shown
    arguments = shown.partition("Arguments")[2].partition("Options")[0]
    assert arguments
    assert "<" not in arguments


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_names_every_command(cli: Cli, arguments: tuple[str, ...]) -> None:
    done = cli(*arguments)
    assert done.code == 0
    for name in ["demo", "ingest", "search", "ask", "chat", "serve", "corpus", "models", "doctor"]:
        assert f" {name} " in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        "--help",
        "--version",
        "ask --help",
        "corpus --help",
        "models list",
        "models info tiny",
        "aks",
    ],
)
def test_light_commands_load_nothing_heavy(arguments: str, home: object) -> None:
    code = (
        "import sys\nfrom vademecum.app.cli import run\n"
        f"assert run({arguments.split()!r}) in (0, 2)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        ("aks", "error: no such command 'aks'", "did you mean 'ask'?"),
        ("corpus shwo", "error: no such command 'shwo'", "`vademecum corpus --help`"),
        ("ask", "error: missing argument", "`vademecum ask --help`"),
        ("ingest x --corpus", "error: option '--corpus' requires", "`vademecum ingest --help`"),
        ("--debug ask q --corpus", "error: option '--corpus'", "`vademecum ask --help`"),
        ("ask q --sed 1", "error: no such option: --sed", "did you mean --seed?"),
        ("models info smal", "error: no model is called 'smal'", "did you mean 'small'? known: "),
        (
            "ask q --device gpu",
            "error: invalid value for '--device': 'gpu' is not one of 'auto', 'cpu', 'cuda'",
            "`vademecum ask --help` shows what it takes",
        ),
        ("doctor extra", "error: got unexpected extra argument", "`vademecum doctor --help`"),
        ("search q --k 0", "error: invalid value for '--k'", "`vademecum search --help`"),
        ("ask q --quantization int3", "error: invalid value", "`vademecum ask --help`"),
        ("serve --port 99999", "error: invalid value", "`vademecum serve --help`"),
        ("search q --year 20x", "error: --year '20x' is no range of years", "write 2015"),
        ("search q --year 2020-2015", "error: --year '2020-2015' ends", "write 2015-2020"),
        ("search", "error: missing argument", "`vademecum search --help`"),
        ("ingest x", "error: missing option", "`vademecum ingest --help`"),
    ],
)
def test_wrong_usage_is_two_lines_and_exit_2(
    cli: Cli, arguments: str, error: str, hint: str
) -> None:
    done = cli(*arguments.split())
    assert done.code == 2
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first.lower().startswith(error)
    assert second.startswith("hint: ")
    assert hint in second


@pytest.mark.parametrize("command", ["ask", "search"])
@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_question_is_wrong_usage(cli: Cli, command: str, text: str) -> None:
    done = cli(command, text)
    assert done.code == 2
    assert done.stderr.splitlines()[0].endswith(" is empty")


@pytest.mark.parametrize("command", ["ask", "search"])
def test_what_follows_a_question_in_quotes_is_not_joined_to_it(cli: Cli, command: str) -> None:
    done = cli(command, "Does aspirin lower fever?", "pubmed")
    assert done.code == 2
    first, second = done.stderr.splitlines()
    assert "'pubmed' follows the" in first
    assert "--corpus NAME" in second


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (
            VademecumError("it\nbroke \x1b[31mbadly", hint="mend\nit"),
            1,
            ["error: it broke badly", "hint: mend it"],
        ),
        (VademecumError("it broke"), 1, ["error: it broke"]),
        (UsageError("no", hint="yes"), 2, ["error: no", "hint: yes"]),
        (KeyboardInterrupt(), 130, ["interrupted"]),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x/y"),
            1,
            [
                "error: no space left on the disk: /x/y",
                "hint: free some, or move the library: VADEMECUM_HOME=/elsewhere vademecum ...",
            ],
        ),
        (
            ZeroDivisionError("by\nzero"),
            1,
            [
                "error: unexpected ZeroDivisionError: by zero",
                "hint: run it again as `vademecum --debug ...` to see where, and report that",
            ],
        ),
        (
            EOFError(),
            1,
            [
                "error: unexpected EOFError",
                "hint: run it again as `vademecum --debug ...` to see where, and report that",
            ],
        ),
    ],
)
def test_errors_are_one_line_and_a_hint(
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    lines: list[str],
) -> None:
    raising(monkeypatch, error)
    done = cli("corpus", "list")
    assert (done.code, done.stdout) == (code, "")
    assert done.stderr.splitlines() == lines


def test_debug_adds_the_traceback(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vademecum.app.cli.unquieten", lambda: None)
    raising(monkeypatch, ZeroDivisionError("by zero"))
    done = cli("--debug", "corpus", "list")
    assert done.code == 1
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert done.errors[0] == "error: unexpected ZeroDivisionError: by zero"


def test_a_reader_that_leaves_early_is_no_error(home: object) -> None:
    # A pipe whose reading end is closed before anything is written.
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [*VADEMECUM, "--help"], stdout=write, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(write)
    assert done.stderr == ""


def test_without_a_terminal_nothing_is_coloured(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, [answer()])
    done = cli("ask", "q")
    assert "\x1b" not in done.stdout + done.stderr


def test_chatter_of_libraries_stays_off_both_streams() -> None:
    code = (
        "import logging, sys, warnings\n"
        "from vademecum.app import cli\n"
        "def noisy(arguments):\n"
        "    warnings.warn('deprecated')\n"
        "    logging.getLogger('chromadb').error('telemetry failed')\n"
        "    return 0\n"
        "cli.run = noisy\n"
        "cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
