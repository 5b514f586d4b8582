"""docs/commands.md and the commands say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer

from vademecum.app.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


def commands() -> dict[str, Any]:
    """Every command by its full name."""
    found: dict[str, Any] = {}

    def walk(name: str, command: Any) -> None:
        found[name] = command
        for child, below in getattr(command, "commands", {}).items():
            walk(f"{name} {child}", below)

    walk("vademecum", typer.main.get_command(app))
    return found


def sections() -> dict[str, str]:
    """The text under each heading that names a command."""
    parts = re.split(r"^#{2,} (vademecum.*)$", PAGE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def options(command: Any) -> set[str]:
    return {
        name
        for parameter in command.params
        if parameter.param_type_name == "option"
        for name in [*parameter.opts, *parameter.secondary_opts]
        if name not in {"--help", "-h"}
    }


def test_every_command_has_its_section_and_no_other_is_there() -> None:
    assert set(sections()) == set(commands())


def test_every_option_is_documented_under_its_command_and_no_other_is() -> None:
    page = sections()
    for name, command in commands().items():
        told = set(re.findall(r"(?<![\w-])`(--?[a-z][a-z-]*)`", page[name]))
        assert told == options(command), name


def test_every_command_and_option_has_a_help_text() -> None:
    for name, command in commands().items():
        assert command.help, name
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert parameter.help, (name, parameter.name)
