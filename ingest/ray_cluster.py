"""Ray: the cluster that RAY_ADDRESS names, or one on this machine for as long as it is needed.

The one on this machine listens on the loopback alone, asks for a token that only its own processes
know, and ends with this process, however that ends. Neither calls home.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vademecum.errors import ClusterUnavailable, UsageError
from vademecum.ingest.ray_folder import own_folder
from vademecum.ingest.ray_results import POLL_S, gist
from vademecum.model import hardware
from vademecum.progress import Progress

PATIENCE_S = 20.0
KNOCK_S = 10.0
# Texts and events on their way; vectors and all that waits lie in files.
STORE_BYTES = 128 << 20
MOST_READERS = 16

TOKEN = secrets.token_hex(32)  # one for this process: Ray reads it once
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # workers without a GPU are shown none
}
LOOPBACK = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray's own name for "this machine alone"
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": TOKEN,
}
ADDRESS = re.compile(r"[^/\s]+:\d{1,5}")
PASSED_ON = ("VADEMECUM_HOME", "VADEMECUM_OFFLINE", "VADEMECUM_DEVICE", "HF_HUB_OFFLINE")


@dataclass(frozen=True, slots=True)
class Cluster:
    """How many embed, whether each of them has a GPU, and how many files are read at a time."""

    workers: int
    gpus: bool
    readers: int


def require() -> None:
    """Raises UsageError where Ray is not installed, or is to be reached in a way we cannot use."""
    # Not imported yet: it reads the environment when it is.
    if "ray" not in sys.modules and find_spec("ray") is None:
        raise UsageError("Ray is not installed", "pip install 'vademecum[ray]'")
    address = os.environ.get("RAY_ADDRESS", "")
    if address and address != "auto" and not ADDRESS.fullmatch(address):
        raise UsageError(
            f"RAY_ADDRESS={address} is not the address of a cluster",
            "write HOST:PORT, and run this on a machine of the cluster",
        )


@contextmanager
def connected(workers: int | None, progress: Progress) -> Iterator[Cluster]:
    """A cluster with at most so many workers, by default as many as it has GPUs free, or else
    processors. Raises UsageError, ClusterUnavailable."""
    require()
    address = os.environ.get("RAY_ADDRESS", "")
    environment = QUIET if address else QUIET | LOOPBACK | {"PYTHONPATH": _search_path()}
    place: AbstractContextManager[str] = nullcontext("") if address else own_folder()
    with _environment(environment), _sigterm_kept(), place as folder:
        import ray
        from ray._private.ray_constants import ENABLE_RAY_CLUSTER as OPEN

        if OPEN and not address:
            raise UsageError(
                "this program imported Ray before, which would listen to other machines",
                "set RAY_ADDRESS to a cluster that runs, or import ray later",
            )
        _start(address, workers or hardware.cores(), folder)
        try:
            cluster = _measured(workers)
            each = ", a GPU each" if cluster.gpus else ""
            where = f"at {address}" if address else "on this machine"
            progress.note(
                f"Ray {where}: {cluster.workers} worker{'s' * (cluster.workers > 1)}{each}"
            )
            yield cluster
        finally:
            ray.shutdown()


def _start(address: str, processors: int, folder: str) -> None:
    import ray

    if address:
        where: dict[str, Any] = {"address": address}
    else:
        where = {
            "address": "local",
            "num_cpus": processors,
            "object_store_memory": STORE_BYTES,
            "include_dashboard": False,
            "_temp_dir": folder,
        }
    _silence()
    environment = {"env_vars": _passed_on()}
    try:
        if address and address != "auto":
            _knock(address)  # Ray would wait for minutes
        ray.init(**where, log_to_driver=False, configure_logging=False, runtime_env=environment)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        ray.shutdown()
        if address:
            raise ClusterUnavailable(
                f"no Ray cluster answers at {address}: {gist(error)}",
                "check RAY_ADDRESS, or unset it to use this machine alone",
            ) from error
        raise ClusterUnavailable(
            f"Ray cannot be started: {gist(error)}", "the engine `local` needs no Ray"
        ) from error


def _knock(address: str) -> None:
    """Raises OSError where nobody listens."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()


def _measured(workers: int | None) -> Cluster:
    """What is free. It takes Ray a while to notice that a process was killed."""
    import ray

    until = time.monotonic() + PATIENCE_S
    while True:
        free = ray.available_resources()
        gpus, processors = int(free.get("GPU", 0)), int(free.get("CPU", 0))
        if os.environ.get("VADEMECUM_DEVICE") == "cpu":
            gpus = 0
        if count := gpus or processors:
            readers = min(MOST_READERS, max(2, processors // 2))
            return Cluster(min(workers or count, count), gpus > 0, readers)
        if time.monotonic() > until:
            raise ClusterUnavailable(
                "all processors of the Ray cluster are taken",
                "wait for the others, or add machines",
            )
        time.sleep(POLL_S)


def _passed_on() -> dict[str, str]:
    """What the workers of a cluster must know of this process's settings."""
    told = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    if home := told.get("VADEMECUM_HOME"):
        told["VADEMECUM_HOME"] = str(Path(home).expanduser().absolute())
    # Each worker is a process for one processor.
    return told | {"TOKENIZERS_PARALLELISM": "false"}


def _search_path() -> str:
    """Workers on this machine find what this process finds."""
    return os.pathsep.join(path for path in sys.path if path)


def _silence() -> None:
    """Deaths of workers are ours to tell, and stdout is for results: Ray prints there whatever
    `log_to_driver` says."""
    from ray._private import worker

    worker._worker_logs_enabled = False


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _sigterm_kept() -> Iterator[None]:
    """Ray puts a handler of its own, and leaves it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
