"""A process that has a library open until it is told to close it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import indent

PROGRAM = """
import sys
from pathlib import Path
folder = Path(sys.argv[1])
{before}
from vademecum.corpora.library import Library
with Library.open(folder) as library:
{once_open}
    print("open", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding(
    folder: Path, *, before: str = "pass", once_open: str = "pass"
) -> Iterator[subprocess.Popen[str]]:
    """The process, once it has the library in `folder` open and has run `once_open`, which knows it
    as `library`. It closes it when the block ends, or its input does."""
    program = PROGRAM.format(before=before, once_open=indent(once_open.strip(), "    "))
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        yield holder


def closing(holder: subprocess.Popen[str]) -> Callable[[], None]:
    """Has it close the library, when it is called."""
    assert holder.stdin is not None
    return holder.stdin.close
