"""The installed command. It loads little itself: Ctrl-C while the rest loads has to end quietly.
And it ends when its work has."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from types import FrameType

STARTED = perf_counter()  # when a command began, before it loaded anything
INTERRUPTED = 130  # 128 + SIGINT, as shells say it


def main() -> None:
    """Run the command line, and leave quietly on Ctrl-C from the first moment to the last."""
    # Who started it may have had interrupts ignored (`nohup`, a shell's `&`): so it stays.
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heard:
        signal.signal(signal.SIGINT, _leave)
    _open_what_is_closed()
    from vademecum.app import cli

    code: int | None = None
    try:
        if heard:
            # From here on an interrupt is an exception: what is open gets closed.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        cli.main()
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)
    except SystemExit as done:
        if not isinstance(done.code, int):
            raise  # with something to be told
        code = done.code
    finally:
        if heard:
            signal.signal(signal.SIGINT, _leave)
    if code is not None:
        _end(code)


def _end(code: int) -> None:
    """End at once. All that was opened is closed; to take apart what a model loaded takes Python a
    second or two, in which whoever asked waits for the prompt."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _open_what_is_closed() -> None:
    """Let what was closed (`>&-`) lead nowhere: Python has no stream for it, and the next file that
    is opened would take its number, and with it what a C library prints."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest that is free
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  to the end
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  to the end


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)  # nothing is open yet, or everything is closed
