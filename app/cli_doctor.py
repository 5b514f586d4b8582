"""`vademecum doctor`: is everything here that answers need?"""

from __future__ import annotations

from dataclasses import asdict

from rich.text import Text

from vademecum.app import options
from vademecum.app.console import one_line, paragraph, plural, print_json, stdout
from vademecum.errors import VademecumError
from vademecum.settings import settings

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}
INDENT = 20


def doctor(json: options.Json = False) -> None:
    """Check this machine, the library and the network; say what would be used, and why."""
    from vademecum.app import doctor as room

    found: list[room.Check] = []
    console = stdout()
    for check in room.checks(settings()):
        found.append(check)
        if json:
            continue
        line = Text.assemble(
            (f"{check.status:<5}", STYLES[check.status]),
            f"{check.name:<15}",
            one_line(check.detail),
        )
        paragraph(console, line, indent=INDENT, first=INDENT)
        if check.hint:
            paragraph(console, Text(f"hint: {one_line(check.hint)}", style="cyan"), indent=INDENT)
    if json:
        print_json([asdict(check) for check in found])
    failed = sum(check.status == "fail" for check in found)
    if failed:
        raise VademecumError(f"{plural(failed, 'check')} failed", hint="see the lines marked fail")
