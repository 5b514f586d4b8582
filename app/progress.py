"""Draws the progress of long work on stderr: bars on a terminal, a few lines elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from vademecum.app.console import number, one_line, seconds, size, stderr

QUIET_S = 10.0  # off a terminal, a running task says no more than one line in so long
SHORT_S = 1.0  # and a task that took less is not worth a closing line


@dataclass(slots=True)
class Running:
    """A task under way: `done` of `total` `unit`s since `began`."""

    name: str
    total: int | None
    unit: str
    began: float
    done: int = 0
    spoke: float = 0.0
    bar: TaskID | None = None

    def amount(self, value: float) -> str:
        return size(value) if self.unit == "B" else f"{number(value)} {self.unit}"

    def line(self, now: float) -> str:
        """`fetching small: 120.0 MB of 467.0 MB, 3.1 MB/s, 1 min 52 s left`."""
        passed = now - self.began
        rate = self.done / passed if passed > 0 else 0.0
        text = f"{self.name}: {self.amount(self.done)}"
        if self.total is not None:
            text = f"{self.name}: {_of(self)}"
        if rate:
            text += f", {self.amount(rate)}/s"
            if self.total is not None and self.done < self.total:
                text += f", {seconds((self.total - self.done) / rate)} left"
        return text


def _of(task: Running) -> str:
    assert task.total is not None
    if task.unit == "B":
        return f"{size(task.done)} of {size(task.total)}"
    return f"{number(task.done)} of {number(task.total)} {task.unit}"


class Amount(ProgressColumn):
    """Done, total and rate, in bytes or in the task's own unit."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = (DownloadColumn(), TransferSpeedColumn())

    def render(self, task: Task) -> Text:
        if task.fields["unit"] == "B":
            return Text("  ").join([column.render(task) for column in self._bytes])
        done = number(int(task.completed))
        total = "" if task.total is None else f"/{number(int(task.total))}"
        speed = task.finished_speed or task.speed
        rate = "" if speed is None else f"  {number(round(speed, 1))}/s"
        return Text(f"{done}{total} {task.fields['unit']}{rate}")


@dataclass
class ConsoleProgress:
    """Implements `vademecum.progress.Progress`; use it as a context manager.

    A task started while another runs is drawn below it, and `advance` goes to the newest.
    """

    console: Console = field(default_factory=stderr)
    _tasks: list[Running] = field(default_factory=list)
    _bars: Progress | None = None

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
        if self._bars is None:
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                Amount(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=self.console,
                transient=True,
            )
            self._bars.start()
        running.bar = self._bars.add_task(running.name, total=total, unit=unit)

    def advance(self, amount: int) -> None:
        if not self._tasks:
            return
        task = self._tasks[-1]
        task.done += amount
        if self._bars is not None and task.bar is not None:
            self._bars.advance(task.bar, amount)
            return
        now = time.monotonic()
        if now - task.spoke >= QUIET_S:
            task.spoke = now
            self._say(task.line(now))

    def note(self, text: str) -> None:
        self._say(one_line(text))

    def finish(self) -> None:
        if not self._tasks:
            return
        task = self._tasks.pop()
        now = time.monotonic()
        if self._bars is not None and task.bar is not None:
            self._bars.remove_task(task.bar)
        if not self._tasks:
            self._stop()
        if now - task.began >= SHORT_S:
            amount = f"{task.amount(task.done)} in " if task.done else ""
            self._say(f"{task.name}: {amount}{seconds(now - task.began)}")

    def _say(self, text: str) -> None:
        # While bars are drawn they own the cursor; their console prints above them.
        self.console.print(Text(text, style="dim"), soft_wrap=True)

    def _stop(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
