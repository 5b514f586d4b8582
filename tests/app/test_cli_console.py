"""What the terminal is given: clean text, human numbers, JSON that is JSON, years."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from cli_support import ESCAPES
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from vademecum.app.console import (
    amount,
    clean,
    moment,
    number,
    one_line,
    paragraph,
    plural,
    print_json,
    seconds,
    shorten,
    size,
    typed_as,
)
from vademecum.app.options import years
from vademecum.errors import UsageError


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        (ESCAPES, ""),
        ("a\x1b[1;31mb\x1b[0m", "ab"),
        ("\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x1b]0;title never ended", ""),
        ("\x1bPq#0;2\x1b\\x", "x"),
        ("\x1bcreset", "reset"),
        ("\x1b(0graphics", "graphics"),
        ("5 \x9b1mbold", "5 bold"),
        ("a\rb", "ab"),
        ("line\r\nnext\tcolumn", "line\nnext\tcolumn"),
        ("evil\u202etxt", "eviltxt"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("µg, 糖尿病, é, 👩‍⚕️", "µg, 糖尿病, é, 👩‍⚕️"),
    ],
)
def test_clean_removes_what_a_terminal_obeys_and_nothing_else(text: str, safe: str) -> None:
    assert clean(text) == safe


@given(st.text(alphabet=st.characters(), max_size=60))
def test_clean_text_never_holds_a_control(text: str) -> None:
    left = clean(text)
    assert not any((ord(c) < 32 and c not in "\t\n") or 0x7F <= ord(c) < 0xA0 for c in left)
    left.encode()
    assert clean(left) == left


def test_one_line_is_one_line() -> None:
    assert one_line(" a\n\n b\t\x0bc\u2028d ") == "a b cd"


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("short", 10, "short"),
        ("one two three four", 9, "one two…"),
        ("one two, three", 9, "one two…"),
        ("糖尿病是一种常见的慢性疾病", 6, "糖尿病是一…"),
    ],
)
def test_shorten(text: str, width: int, short: str) -> None:
    assert shorten(text, width) == short
    assert len(short) <= width + 1


def test_a_paragraph_fills_the_terminal_beside_and_under_its_label() -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=30, color_system=None)
    paragraph(console, "hint: one two three four fives six seven", indent=6, first=6)
    paragraph(console, "no label, and no indent at all", indent=0)
    assert out.getvalue().splitlines() == [
        "hint: one two three four fives",
        "      six seven",
        "no label, and no indent at all",
    ]


def test_numbers_for_people() -> None:
    assert [number(n) for n in (0, 7, 1234567, 12.34, 123.4, 0.0471)] == [
        "0",
        "7",
        "1,234,567",
        "12.3",
        "123",
        "0.047",
    ]
    assert [seconds(s) for s in (0.04, 59.94, 75, 3725)] == [
        "0.0 s",
        "59.9 s",
        "1 min 15 s",
        "1 h 2 min",
    ]
    assert [size(b) for b in (0, 999, 93_100_000, 1.1e9, 3e13)] == [
        "0 B",
        "999 B",
        "93.1 MB",
        "1.1 GB",
        "30.0 TB",
    ]


def test_a_moment_is_said_to_the_second() -> None:
    assert moment("2026-01-02T03:04:05.678901+00:00") == "2026-01-02 03:04:05"


def test_one_of_something_is_no_plural() -> None:
    assert [plural(n, "file") for n in (0, 1, 2, 1000)] == [
        "0 files",
        "1 file",
        "2 files",
        "1,000 files",
    ]
    assert [amount(n, "passages") for n in (1, 1.0, 0.5, 1.5, 2)] == [
        "1 passage",
        "1 passage",
        "0.5 passages",
        "1.5 passages",
        "2 passages",
    ]
    assert amount(3, "") == "3"


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists, max_leaves=5))
def test_json_comes_back_as_it_went(data: object) -> None:
    from contextlib import redirect_stdout
    from io import StringIO

    out = StringIO()
    with redirect_stdout(out):
        print_json(data)
    assert json.loads(out.getvalue()) == data
    out.getvalue().encode()


def test_json_writes_chinese_as_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"title": "糖尿病\x9b"})
    assert capsys.readouterr().out == '{\n  "title": "糖尿病\\u009b"\n}\n'


@pytest.mark.parametrize(
    ("text", "range_"),
    [
        (None, (None, None)),
        ("2015", (2015, 2015)),
        ("2015-", (2015, None)),
        ("-2020", (None, 2020)),
        ("2015-2020", (2015, 2020)),
        (" 2015-2015 ", (2015, 2015)),
    ],
)
def test_years(text: str | None, range_: tuple[int | None, int | None]) -> None:
    assert years(text) == range_


@pytest.mark.parametrize("text", ["", "-", "15", "20152020", "2015-20", "2015 - 2020", "2020-2015"])
def test_what_is_no_range_of_years(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        years(text)
    assert caught.value.hint.startswith("write ")


@pytest.mark.parametrize("on_path", [True, False])
def test_a_command_is_told_as_it_can_be_typed(
    on_path: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = Path(".venv/bin/vademecum")
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent.resolve()) if on_path else "/nowhere")
    monkeypatch.setattr("sys.argv", [str(script), "demo"])
    assert typed_as() == ("vademecum" if on_path else ".venv/bin/vademecum")
    monkeypatch.setattr("sys.argv", ["/x/pytest"])
    assert typed_as() == "vademecum"
