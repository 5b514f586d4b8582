"""Progress on stderr: bars on a terminal, few lines elsewhere."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from vademecum.app import progress as room
from vademecum.app.progress import ConsoleProgress

CONTROLS = re.compile(r"\x1b\[[0-?]*[@-~]|[\r\n]+")


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
    assert "fetch: 0 B of 1.0 GB, 0.0 s so far" in text
    assert "read [ing]: 10 files in 2.0 s" in text
    assert "\x1b[?25h" in text  # the cursor is back


def test_the_time_left_follows_what_was_done_of_late(clock: Clock) -> None:
    """The first 900 are unchanged and fly by; the last hundred are embedded."""
    task = room.Running("reading", 1000, "documents", began=clock.now)
    for _ in range(9):
        clock.now += 1
        task.advance(100, clock.now)
    for _ in range(40):
        clock.now += 1
        task.advance(1, clock.now)
    assert task.line(clock.now) == "reading: 940 of 1,000 documents, 1 document/s, 1 min 0 s left"


def test_what_was_there_before_does_not_count(clock: Clock) -> None:
    """A fetch goes on where it was cut."""
    task = room.Running("fetching", 1_000_000, "B", began=clock.now)
    clock.now += 0.25
    task.advance(900_000, clock.now)
    assert task.line(clock.now) == "fetching: 900.0 kB of 1.0 MB"
    for _ in range(10):
        clock.now += 1
        task.advance(1_000, clock.now)
    assert task.line(clock.now) == "fetching: 910.0 kB of 1.0 MB, 1.0 kB/s, 1 min 30 s left"


def test_batches_that_take_longer_than_that_have_a_rate(clock: Clock) -> None:
    task = room.Running("reading", 1000, "documents", began=clock.now)
    for _ in range(4):
        clock.now += 64
        task.advance(64, clock.now)
    clock.now += 32
    assert "0.67 documents/s" in task.line(clock.now)  # 64 in 96 s


def test_a_task_without_a_unit_tells_its_time_alone(clock: Clock) -> None:
    task = room.Running("compiling for this processor, once", None, "", began=clock.now)
    told = "compiling for this processor, once: 1 min 28 s so far"
    assert task.fitted(78, clock.now + 88) == told
    task = room.Running("making the GPU ready", 12, "", began=clock.now, done=3)
    assert task.fitted(78, clock.now + 6) == "making the GPU ready: 3 of 12, 0.5/s, 18.0 s left"
    out = StringIO()
    with ConsoleProgress(Console(file=out)) as progress:
        progress.start("making the GPU ready", 12, "")
        clock.now += 6
        progress.advance(12)
        progress.finish()
    assert out.getvalue().splitlines()[-1] == "making the GPU ready: 12 in 6.0 s"


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (78, "reading into pubmed: 640 of 1,000 documents, 32 documents/s, 11.2 s left"),
        (72, "reading into pubmed: 640 of 1,000 documents, 32 documents/s, 11.2 s left"),
        (71, "reading into pubmed: 640 of 1,000 documents, 11.2 s left"),
        (58, "reading into pubmed: 640 of 1,000 documents, 11.2 s left"),
        (50, "reading into pubmed: 640 of 1,000 documents"),
        (38, "reading into…: 640 of 1,000 documents"),
        (20, "640 of 1,000 documen"),
    ],
)
def test_a_line_gives_up_the_rate_then_the_time_then_its_name(width: int, line: str) -> None:
    task = room.Running("reading into pubmed", 1000, "documents", began=0.0, done=640)
    assert task.fitted(width, 20.0) == line
    assert cell_len(line) <= width


@pytest.mark.parametrize("width", [80, 60, 20])
def test_what_is_drawn_takes_one_row_of_the_terminal(clock: Clock, width: int) -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=width, color_system=None)
    with ConsoleProgress(console) as progress:
        progress.start("reading into 论文和法律条文的资料库 of a long name", 1000, "documents")
        progress.start("fetching weights", 10**9, "B")
        clock.now += 7
        progress.advance(123_456_789)
        progress.note("drawn again")
        progress.finish()
        clock.now += 7
        progress.advance(640)
        progress.note("drawn again")
    drawn = [line for line in CONTROLS.split(out.getvalue()) if "doc" in line or " of " in line]
    assert len(drawn) >= 2
    assert max(map(cell_len, drawn)) <= width
    assert any("GB" in line for line in drawn)
    if width >= 60:
        assert any("fetching weights: " in line for line in drawn)
        assert any("640 of 1,000 documents" in line for line in drawn)


def test_a_bar_is_drawn_where_there_is_room(clock: Clock) -> None:
    for width, bar in ((100, True), (60, False)):
        out = StringIO()
        console = Console(file=out, force_terminal=True, width=width, color_system=None)
        with ConsoleProgress(console) as progress:
            progress.start("reading into pubmed", 1000, "documents")
            clock.now += 20
            progress.advance(640)
            progress.note("drawn again")
        assert ("━" in out.getvalue()) == bar


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
