"""Work on a file in a process of its own, which may run out of time or memory, or crash.

Libraries in C that read what strangers made (PDF) can take a whole process with them; those in
Python can be kept busy for hours by a small file.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from vademecum.corpora.readers.stream import printable
from vademecum.errors import DocumentRejected

SECONDS = 120.0  # for one file; a book of 1,000 pages takes ten
MEMORY = 2 << 30

Answer = dict[str, Any]


def ask(module: str, path: Path, *, seconds: float = SECONDS, memory: int = MEMORY) -> Answer:
    """What `python -m module path` answers through `reply`.

    Raises DocumentRejected where it rejects the file, takes longer than `seconds`, needs more
    than `memory` bytes, or crashes.
    """
    name = printable(path.name)
    command = [sys.executable, "-P", "-m", module, str(path), str(memory)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds
        )
    except subprocess.TimeoutExpired as error:
        raise DocumentRejected(
            f"{name}: not read within {seconds:g} seconds",
            hint="split the file, or print it to a new PDF",
        ) from error
    try:
        answer: Answer = json.loads(done.stdout)
    except ValueError as error:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2][:200]
        how = f"signal {-done.returncode}" if done.returncode < 0 else said or "no answer"
        raise DocumentRejected(
            f"{name}: its reader crashed ({printable(how)})",
            hint="the file may be damaged: save or print it again",
        ) from error
    if "rejected" in answer:
        raise DocumentRejected(f"{name}: {answer['rejected']}", hint=answer["hint"])
    return answer


def reply(work: Callable[[Path], Answer]) -> None:
    """The other side of `ask`: in the process of its own, answer what `work` makes of the file.

    `work` rejects a file by raising DocumentRejected without its name.
    """
    path, memory = Path(sys.argv[1]), int(sys.argv[2])
    with suppress(ImportError, ValueError, OSError):  # not on Windows; or less is allowed already
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer: Answer
    try:
        answer = work(path)
    except DocumentRejected as error:
        answer = {"rejected": error.message, "hint": error.hint}
    except (MemoryError, RecursionError):
        answer = {
            "rejected": "too large or too deeply nested to read",
            "hint": "split the file, or save it as plain text",
        }
    sys.stdout.buffer.write(json.dumps(answer).encode())
    sys.stdout.buffer.flush()
