"""A cluster of Ray for a module of tests: two workers on this machine, in a process of its own.

Its workers know a reader of `.crash` files, which takes its process with it: always, or as long as
the file that it names is not there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ingest_support import FakeEmbedder
from kill_support import Logged

from vademecum.errors import UsageError
from vademecum.settings import settings

HERE = Path(__file__).parent
CLUSTER = """
import sys
from vademecum.ingest.ray_cluster import LOOPBACK, connected
from vademecum.progress import Silent

with connected(2, Silent()):
    import ray
    print(ray.get_runtime_context().gcs_address, LOOPBACK["RAY_AUTH_TOKEN"], flush=True)
    sys.stdin.read()
"""
CRASHER = """
import os, signal
from pathlib import Path
from vademecum.corpora.document import Document

class Crasher:
    name, suffixes = "crasher", (".crash",)

    def read(self, path):
        for n in range(200):
            if n == 130:
                marker = path.read_text()
                if marker == "always" or not Path(marker).exists():
                    if marker != "always":
                        Path(marker).touch()
                    os.kill(os.getpid(), signal.SIGKILL)
            yield Document(f"file:{path.stem}-{n}", "", f"Record {n} of {path.stem}.", "full_text")
"""


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which a program uses the cluster."""
    installed = folder / "crasher-1.0.dist-info"
    installed.mkdir(parents=True)
    (folder / "crasher.py").write_text(CRASHER)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: crasher\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[vademecum.readers]\ncrasher = crasher:Crasher\n")
    environment = {name: os.environ[name] for name in os.environ if not name.startswith("RAY_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE), str(folder)])
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address, token = process.stdout.readline().split()
        try:
            yield {
                "RAY_ADDRESS": address,
                "RAY_AUTH_MODE": "token",
                "RAY_AUTH_TOKEN": token,
                "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
                "PYTHONPATH": environment["PYTHONPATH"],
            }
        finally:
            process.communicate("")
    assert process.returncode == 0


class Mortal(FakeEmbedder):
    """Takes its process with it when it embeds for the third time, as long as `marker` is not
    there; without one whenever it embeds."""

    def __init__(self, marker: Path | None) -> None:
        super().__init__()
        self._marker = marker

    @property
    def loader(self) -> Callable[[], FakeEmbedder]:
        return partial(Mortal, self._marker)

    def embed_passages(self, texts: Sequence[str]) -> Any:
        vectors = super().embed_passages(texts)
        if self._marker is None or (len(self.calls) == 3 and not self._marker.exists()):
            if self._marker is not None:
                self._marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return vectors


class Held(Logged):
    """Does not come to an end with the first batch of `make_files`."""

    @property
    def loader(self) -> Callable[[], FakeEmbedder]:
        return partial(Held, self._log, self._pause_s, self._number)

    def embed_passages(self, texts: Sequence[str]) -> Any:
        if any("trial 1." in text for text in texts):
            time.sleep(60)
        return super().embed_passages(texts)


def missing() -> FakeEmbedder:
    """A loader that has nothing to load, and must not fetch it."""
    assert settings().offline
    raise UsageError("no weights on this machine", f"copy them to {settings().home}")
