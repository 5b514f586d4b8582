"""Draws progress of long work on stderr: a row for each task on a terminal, few lines elsewhere."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from vademecum.app.console import amount, number, one_line, paragraph, seconds, size, stderr

QUIET_S = 10.0  # off a terminal, a running task says no more than one line in so long
SHORT_S = 1.0  # and a task that took less is not worth a closing line
RECENT_S = 30.0  # what a rate is of: how fast unchanged documents went by foretells nothing
MARK_S = 1.0  # between two looks at how much is done
BAR = 20  # cells, where there is room for a bar
SPINNER = 2  # cells, with the blank behind it


@dataclass(slots=True)
class Running:
    """A task under way: `done` of `total` `unit`s since `began`."""

    name: str
    total: int | None
    unit: str
    began: float
    done: int = 0
    spoke: float = 0.0
    marks: deque[tuple[float, int]] = field(default_factory=deque)  # when how much was done

    def advance(self, amount: int, now: float) -> None:
        """So much more is done."""
        self.done += amount
        if self.marks and now - self.marks[-1][0] < MARK_S:
            return
        self.marks.append((now, self.done))
        while len(self.marks) > 2 and self.marks[1][0] <= now - RECENT_S:
            self.marks.popleft()

    def amount(self, value: float) -> str:
        return size(value) if self.unit == "B" else amount(value, self.unit)

    def line(self, now: float) -> str:
        """`fetching small: 120.0 MB of 467.0 MB, 3.1 MB/s, 1 min 52 s left`."""
        return self._told(*self._facts(now))

    def fitted(self, width: int, now: float) -> str:
        """The same in `width` cells, and where nobody knows how long it will take, how long it
        took: without the rate where it is too long, then without the time, at last with a shorter
        name."""
        done, rate, left = self._facts(now)
        left = left or f"{seconds(now - self.began)} so far"
        for facts in ((done, rate, left), (done, left), (done,)):
            if cell_len(told := self._told(*facts)) <= width:
                return told
        room = width - cell_len(f"…: {done}")
        if room < 1:
            return set_cell_size(done, width).rstrip()
        return f"{set_cell_size(self.name, room).rstrip()}…: {done}"

    def _told(self, *facts: str) -> str:
        return f"{self.name}: {', '.join(filter(None, facts))}"

    def _facts(self, now: float) -> tuple[str, str, str]:
        """How much is done, how fast, and how long it will still take; "" where nobody knows."""
        rate = self._rate(now)
        left = ""
        if rate and self.total is not None and self.done < self.total:
            left = f"{seconds((self.total - self.done) / rate)} left"
        return self._share(), f"{self.amount(rate)}/s" if rate else "", left

    def _rate(self, now: float) -> float:
        """How much is done a second, of late; what was there when it began does not count."""
        earlier = list(self.marks)[:-1]
        old = [mark for mark in earlier if mark[0] <= now - RECENT_S]
        since, done = (old[-1:] or earlier[:1] or [(self.began, 0)])[0]
        return (self.done - done) / (now - since) if now - since >= MARK_S else 0.0

    def _share(self) -> str:
        if self.total is None:
            return self.amount(self.done) if self.unit else ""
        if self.unit == "B":
            return f"{size(self.done)} of {size(self.total)}"
        return f"{number(self.done)} of {amount(self.total, self.unit)}"


@dataclass
class ConsoleProgress:
    """Implements `vademecum.progress.Progress`; use it as a context manager.

    A task started while another runs is drawn below it, and `advance` goes to the newest.
    """

    console: Console = field(default_factory=stderr)
    _tasks: list[Running] = field(default_factory=list)
    _live: Live | None = None
    _spinner: Spinner = field(default_factory=lambda: Spinner("dots"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tasks.clear()
        self._stop()

    def start(self, task: str, total: int | None, unit: str) -> None:
        now = time.monotonic()
        running = Running(one_line(task), total, unit, began=now, spoke=now)
        self._tasks.append(running)
        if not self.console.is_terminal:
            self._say(running.name + " ...")
            return
        if self._live is None:
            self._live = Live(
                console=self.console,
                transient=True,
                refresh_per_second=10,
                get_renderable=self._drawn,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._live.refresh()

    def advance(self, amount: int) -> None:
        if not self._tasks:
            return
        task = self._tasks[-1]
        now = time.monotonic()
        task.advance(amount, now)
        if self._live is not None:
            return
        if now - task.spoke >= QUIET_S:
            task.spoke = now
            self._say(task.line(now))

    def note(self, text: str) -> None:
        self._say(one_line(text))
        if self._live is not None:
            self._live.refresh()

    def finish(self) -> None:
        if not self._tasks:
            return
        task = self._tasks.pop()
        now = time.monotonic()
        if not self._tasks:
            self._stop()
        elif self._live is not None:
            self._live.refresh()
        if now - task.began >= SHORT_S:
            amount = f"{task.amount(task.done)} in " if task.done else ""
            self._say(f"{task.name}: {amount}{seconds(now - task.began)}")

    def _drawn(self) -> RenderableType:
        """A line for each task: what `fitted` says, and a bar before it where there is room."""
        now = time.monotonic()
        width = self.console.width - SPINNER
        rows: list[RenderableType] = []
        for task in list(self._tasks):  # another thread draws
            told = Text(task.fitted(width, now), no_wrap=True)
            row = Table.grid(padding=(0, 1, 0, 0))
            if task.total and told.cell_len + 1 + BAR <= width:
                bar = ProgressBar(total=task.total, completed=task.done, width=BAR)
                row.add_row(self._spinner, bar, told)
            else:
                row.add_row(self._spinner, told)
            rows.append(row)
        return Group(*rows)

    def _say(self, text: str) -> None:
        # While tasks are drawn they own the cursor; their console prints above them.
        paragraph(self.console, Text(text, style="dim"))

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
