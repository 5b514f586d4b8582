"""Progress on stderr: bars on a terminal, few lines elsewhere."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from vademecum.app import progress as room
from vademecum.app.progress import ConsoleProgress


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(room, "time", clock)
    return clock


def test_off_a_terminal_lines_are_few_and_say_rate_and_time_left(clock: Clock) -> None:
    out = StringIO()
    with ConsoleProgress(Console(file=out)) as progress:
        progress.start("embedding", 1000, "passages")
        for _ in range(500):
            clock.now += 0.0625
            progress.advance(1)
        progress.finish()
    assert out.getvalue().splitlines() == [
        "embedding ...",
        "embedding: 160 of 1,000 passages, 16 passages/s, 52.5 s left",
        "embedding: 320 of 1,000 passages, 16 passages/s, 42.5 s left",
        "embedding: 480 of 1,000 passages, 16 passages/s, 32.5 s left",
        "embedding: 500 passages in 31.2 s",
    ]


def test_bytes_are_written_as_people_say_them(clock: Clock) -> None:
    out = StringIO()
    with ConsoleProgress(Console(file=out)) as progress:
        progress.start("fetching small", 467_000_000, "B")
        clock.now += 20
        progress.advance(100_000_000)
        progress.finish()
    assert out.getvalue().splitlines()[1:] == [
        "fetching small: 100.0 MB of 467.0 MB, 5.0 MB/s, 1 min 13 s left",
        "fetching small: 100.0 MB in 20.0 s",
    ]


def test_short_tasks_and_unknown_totals(clock: Clock) -> None:
    out = StringIO()
    with ConsoleProgress(Console(file=out)) as progress:
        progress.start("reading", None, "records")
        progress.finish()
        progress.start("reading", None, "records")
        clock.now += 30
        progress.advance(60)
    assert out.getvalue().splitlines() == [
        "reading ...",
        "reading ...",
        "reading: 60 records, 2 records/s",
    ]


def test_on_a_terminal_bars_leave_nothing_behind_but_the_result(clock: Clock) -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=100, color_system=None)
    with ConsoleProgress(console) as progress:
        progress.start("read [ing]\x1b[2J", 10, "files")
        progress.start("fetch", 10**9, "B")
        progress.advance(5 * 10**8)
        progress.note("a warning\n\x1b[31min red")
        progress.finish()
        clock.now += 2
        progress.advance(10)
        progress.finish()
    text = out.getvalue()
    assert "\x1b[2J" not in text
    assert "\x1b[31m" not in text
    assert "a warning in red" in text
    assert "0.0/1.0 GB" in text
    assert "read [ing]: 10 files in 2.0 s" in text
    assert "\x1b[?25h" in text  # the cursor is back


def test_an_error_under_way_gives_the_cursor_back() -> None:
    out = StringIO()

    def interrupted() -> None:
        with ConsoleProgress(Console(file=out, force_terminal=True)) as progress:
            progress.start("long", 10, "files")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "\x1b[?25h" in out.getvalue()


def test_advance_and_finish_without_a_task_are_harmless() -> None:
    out = StringIO()
    with ConsoleProgress(Console(file=out)) as progress:
        progress.advance(1)
        progress.finish()
    assert out.getvalue() == ""
