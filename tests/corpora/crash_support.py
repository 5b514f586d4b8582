"""A library at work in a process that is killed on the way.

Each is a fork of one process that has imported all it needs, as fast to start as to kill.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from library_support import NAME, batch, document, filled

from vademecum.corpora import compaction, forgetting
from vademecum.corpora.library import Library


def commit(library: Library) -> None:
    """Changes document 1, deletes 2 and adds 3."""
    library.commit(NAME, batch(document(1, "Heparin works."), document(3), delete=[2]))
    library.search_lexical(NAME, "heparin", 1)  # by now at the latest, the indexes are fed


def rebuild(library: Library) -> None:
    library.rebuild(NAME)


def delete(library: Library) -> None:
    library.delete_corpus(NAME)


def compact(library: Library) -> None:
    compaction.LEAST_DEAD = 100
    library.compact()


def forget(library: Library) -> None:
    """Forgets all that came from the file /a, a document at a time."""
    forgetting.AT_ONCE = 1
    library.forget(NAME, places=["/a"])
    library.search_lexical(NAME, "aspirin", 1)


ACTIONS: dict[str, Callable[[Library], None]] = {
    action.__name__: action for action in (commit, rebuild, delete, compact, forget)
}


def arm(when: str, where: str) -> None:
    """Have this process killed `before` or `after` a function of corpora: `module.Class.method`, or
    `module.function`."""
    module, *owners, name = where.split(".")
    owner: Any = importlib.import_module(f"vademecum.corpora.{module}")
    for owner_name in owners:
        owner = getattr(owner, owner_name)
    whole = getattr(owner, name)

    def die(*arguments: Any, **options: Any) -> None:
        if when == "after":
            whole(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, die)


def work(path: Path, when: str, where: str, action: str) -> None:
    made = (path / "library.sqlite").exists()
    library = Library.open(path) if made else filled(path, document(1), document(2))
    library.verify(NAME)
    arm(when, where)
    ACTIONS[action](library)


Kill = Callable[[Path, str, str], None]


class Nursery:
    """The process that forks those that are killed."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def run(self, path: Path, when: str, where: str, action: str) -> int:
        """The exit code of `action` on the library in `path`; a new one holds documents 1 and 2."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([str(path), when, where, action]), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


def main() -> None:
    for module in ("chromadb", "tantivy"):  # what the library imports when it is needed
        importlib.import_module(module)
    for line in sys.stdin:
        path, when, where, action = json.loads(line)
        run = os.fork()
        if run == 0:
            try:
                work(Path(path), when, where, action)
            except Exception:  # noqa: BLE001 - told, and an exit code
                traceback.print_exc()
            finally:
                os._exit(1)
        _, status = os.waitpid(run, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
