"""Ctrl-C while documents are read: the first ends the work after its batch, the second at once. A
server ends in order whoever stops it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vademecum.corpora.library import Library


@contextmanager
def telling_how_to_go_on(
    library: Library, corpus: str, job_id: int | None = None
) -> Iterator[None]:
    """A KeyboardInterrupt out of the block says which job it left undone: `job_id`, or the one that
    the block made."""
    known = next((job.id for job in library.job_list(1)), 0)
    try:
        yield
    except KeyboardInterrupt:
        left = (job.id for job in library.job_log.left(corpus) if job.id > known)
        undone = next(left, job_id)
        raise KeyboardInterrupt(stopped(undone) if undone else "") from None


def stopped(job_id: int) -> str:
    """What is said of a job that was interrupted here."""
    return f"stopped; `vademecum jobs resume {job_id}` goes on"


@contextmanager
def stopping_gently() -> Iterator[threading.Event]:
    """Within the block the first Ctrl-C sets the event, the second one interrupts."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()
        os.write(2, b"\nstopping after this batch (Ctrl-C again: at once)\n")

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def ended_by_kill() -> Iterator[None]:
    """Within the block what `kill` and service managers send is as Ctrl-C, and comes once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
