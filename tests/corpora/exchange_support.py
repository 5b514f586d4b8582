"""A corpus that goes out and comes back, in processes that may be killed on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from library_support import document

from vademecum.corpora.document import Document, Link

HERE = Path(__file__).parent


def papers() -> list[Document]:
    """Texts of all kinds, one of them retracted by another that comes later."""
    notice = replace(
        document(9, "This paper is retracted."), links=(Link("retraction_of", "3", "Trials"),)
    )
    return [
        document(
            1, "Aspirin 高血压 \U0001f9e0 e\u0301.\r\nIt helps.", mesh=["Stroke"], types=["Review"]
        ),
        *[document(n) for n in range(2, 8)],
        replace(document(8, "Only a title", title="Only a title"), kind="title"),
        notice,
    ]


SCRIPT = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from vademecum.corpora import exporting, importing, outbox, writing
from vademecum.corpora.library import Library

exporting.DOCUMENTS = importing.DOCUMENTS = 2
calls = 0

def dying(owner, name, at):
    whole = getattr(owner, name)
    def then_die(*args, **kwargs):
        global calls
        calls += 1
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(*args, **kwargs)
    setattr(owner, name, then_die)

library = Library.open(Path({path!r}))
dying({fault})
{action}
"""


def killed(path: Path, fault: str, action: str) -> None:
    script = SCRIPT.format(here=str(HERE), path=str(path), fault=fault, action=action)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
