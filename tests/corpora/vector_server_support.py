"""Vector servers on this machine, for the time of a test: started on a free port, ended by id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

STARTS_S = 240.0  # on a busy machine
Kind = Literal["chroma-server", "milvus"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Server:
    """`chroma run` or milvus-lite's server, over one folder and one port."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.port = free_port()
        self._log = folder.with_suffix(".log")
        host = ["--host", "127.0.0.1", "--port", str(self.port)]
        if kind == "chroma-server":
            chroma = Path(sys.executable).with_name("chroma")
            self._command = [str(chroma), "run", "--path", str(folder), *host]
            self.place = f"http://127.0.0.1:{self.port}"
        else:
            module = [sys.executable, "-m", "milvus_lite.cmdline", "server"]
            self._command = [*module, "--data-dir", str(folder), *host]
            self.place = f"milvus:http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "ANONYMIZED_TELEMETRY": "False"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment)
        until = time.monotonic() + STARTS_S
        while time.monotonic() < until:
            assert self._process.poll() is None, self._log.read_text()
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"no server after {STARTS_S} s: {self._log.read_text()}")

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """As if its machine had lost power."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
