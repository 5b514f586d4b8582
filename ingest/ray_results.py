"""Waiting for what Ray computes, and saying what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vademecum.corpora.readers.stream import printable
from vademecum.errors import ClusterUnavailable, VademecumError

POLL_S = 0.25

HINT = (
    "every machine of the cluster needs this version of vademecum, and must see the files and the "
    "folder of --shards under the same paths"
)


def waited_for(thing: Any, idle: Callable[[], None]) -> None:
    """Until an object of Ray is there, or the next of a generator. What `idle` raises ends it."""
    import ray

    while not ray.wait([thing], timeout=POLL_S)[0]:
        idle()


def crashes() -> tuple[type[Exception], ...]:
    """What says that a process or a machine of Ray died, not that what it did was wrong."""
    from ray import exceptions

    return (
        exceptions.RayActorError,
        exceptions.WorkerCrashedError,
        exceptions.NodeDiedError,
        exceptions.ObjectLostError,
        exceptions.OutOfMemoryError,
    )


@contextmanager
def telling() -> Iterator[None]:
    """Ray's errors as ours; what a worker raised on purpose is raised here."""
    from ray.exceptions import RayActorError, RayError, RayTaskError

    try:
        yield
    except RayTaskError as error:
        if isinstance(error.cause, VademecumError):
            raise error.cause from None
        raise ClusterUnavailable(
            f"a worker of Ray failed: {gist(error.cause or error)}", HINT
        ) from error
    except RayActorError as error:
        if error.actor_init_failed:
            raise ClusterUnavailable(
                f"a worker of Ray cannot begin: {gist(error)}", HINT
            ) from error
        raise ClusterUnavailable(
            "workers of Ray die again and again at the same work",
            "they may lack memory: try fewer (--workers); what was committed stays",
        ) from error
    except RayError as error:
        raise ClusterUnavailable(f"Ray failed: {gist(error)}", HINT) from error


def gist(error: BaseException) -> str:
    """One line of it: Ray writes what killed an actor as it began last, all else first."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return printable(lines[-1 if getattr(error, "actor_init_failed", False) else 0][:300])
