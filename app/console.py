"""The terminal: results on stdout, everything else on stderr, and no stranger's escape codes."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

# Terminal sequences, whole: CSI (ESC [ ... final), OSC and other strings up to their end, and
# two-byte escapes (ECMA-48, 5.3 to 5.6). The one-byte C1 forms are dropped with the controls.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]"
)
# C0 without tab and newline, DEL, C1, the marks that reorder text, lone surrogates.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def can_ask() -> bool:
    """Whether somebody can be asked: stdin is a terminal. Closed, Python has none."""
    return bool(sys.stdin) and sys.stdin.isatty()


def clean(text: str) -> str:
    """Text from a document, a model or a file name, made safe to write to a terminal."""
    return _CONTROLS.sub("", _SEQUENCES.sub("", text.replace("\r\n", "\n")))


def one_line(text: str) -> str:
    """`clean`, with every run of white space as one blank."""
    return " ".join(clean(text).split())


def shorten(text: str, width: int) -> str:
    """One line of at most `width` characters, cut between words where there are any."""
    text = one_line(text)
    if len(text) <= width:
        return text
    head, _, tail = text[:width].rpartition(" ")
    # Chinese has no blanks: a cut that would lose much is made where it falls.
    return (head if head and len(tail) < width // 3 else text[: width - 1]).rstrip(" ,;:") + "…"


def typed_as() -> str:
    """How this command can be typed where it was started: `vademecum`, or with the folder that it
    lies in, where that is not on the PATH."""
    started = Path(sys.argv[0])
    if started.name != "vademecum":
        return "vademecum"  # another program runs us
    found = shutil.which("vademecum")
    here = found is not None and started.exists() and started.samefile(found)
    return "vademecum" if here else str(started)


def stdout() -> Console:
    """Where results go."""
    return _console(sys.stdout)


def stderr() -> Console:
    """Where progress, notes and errors go."""
    return _console(sys.stderr)


def _console(file: TextIO) -> Console:
    # A file or a pipe has no width: tables take what they need, nothing is cut.
    width = None if file.isatty() else 400
    return Console(file=file, markup=False, highlight=False, emoji=False, width=width)


def paragraph(console: Console, text: Text | str, *, indent: int = 0, first: int = 0) -> None:
    """Write a paragraph: wrapped under its indent on a terminal, one long line elsewhere.

    `first` is how much of the indent the first line already carries in its text.
    """
    text = Text(text) if isinstance(text, str) else text
    pad = " " * indent
    if not console.is_terminal:
        console.print(Text(pad[first:]) + text, soft_wrap=True)
        return
    before = Text(pad[first:]) + text[:first]
    for line in text[first:].wrap(console, max(console.width - indent, 20)):
        line.rstrip()
        console.print(before + line, soft_wrap=True)
        before = Text(pad)


def print_json(data: Any) -> None:
    """One JSON document on stdout.

    What a terminal would obey stays escaped; every other character is written as itself.
    """
    text = json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False)
    text = re.sub(
        r"[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]",
        lambda found: f"\\u{ord(found.group()):04x}",
        text,
    )
    sys.stdout.write(text + "\n")


def fail(message: str, hint: str = "") -> None:
    """`error: ...` and, if there is one, `hint: ...` on stderr, each exactly one line where nobody
    sees it wrapped."""
    for label, style, text in (("error:", "bold red", message), ("hint:", "cyan", hint)):
        if text:
            line = Text.assemble((label, style), " ", one_line(text))
            paragraph(stderr(), line, indent=len(label) + 1, first=len(label) + 1)


def note(text: str) -> None:
    """A line on stderr for a person to read."""
    paragraph(stderr(), Text(one_line(text), style="dim"))


def number(value: float) -> str:
    """1234567 as 1,234,567; a fraction with the digits that matter."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"


def moment(stamp: str) -> str:
    """2026-11-26T12:44:33.1+00:00 as 2026-11-26 12:44:33."""
    return stamp[:19].replace("T", " ")


def seconds(value: float) -> str:
    """0.43 as 0.4 s, 75 as 1 min 15 s."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(count: float) -> str:
    """Bytes as people say them: 93.1 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def amount(value: float, unit: str) -> str:
    """`number` with a unit that is given in the plural: 1 document, 1.5 documents."""
    shown = number(value)
    return f"{shown} {unit.removesuffix('s') if shown == '1' else unit}".rstrip()


def plural(count: int, noun: str) -> str:
    """1 passage, 2 passages, 1,000 passages."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
