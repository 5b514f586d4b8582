"""How an ingestion is done: the options that `ingest`, `jobs resume` and `jobs retry` share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from vademecum.errors import UsageError
from vademecum.ingest.engine import Engine, EngineName

NoWait = Annotated[
    bool,
    typer.Option(
        "--no-wait", help="Where another process has the library: fail, instead of waiting."
    ),
]
EngineOption = Annotated[
    EngineName | None,
    typer.Option(
        "--engine",
        help="Where files are read and embedded: `local` (this process), or `ray` (the cluster "
        "that RAY_ADDRESS names, or several processes here).",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Of Ray: embed with no more than N processes; by default one for each GPU, or else "
        "for each processor.",
    ),
]
Shards = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        file_okay=False,
        help="Of Ray: where vectors wait for their commit; on several machines a folder that all "
        "of them see. By default in the library.",
    ),
]


@dataclass(frozen=True, slots=True)
class How:
    """What was said of it; None: nothing."""

    no_wait: NoWait = False
    engine: EngineOption = None
    workers: Workers = None
    shards: Shards = None

    def resolved(self, before: Engine) -> Engine:
        """The engine of a job that was done by `before` so far. Raises UsageError where Ray is not
        installed, or was not asked for."""
        name = self.engine or before.name
        if name == "ray":
            from vademecum.ingest.ray_cluster import require

            require()
        elif self.workers is not None or self.shards is not None:
            raise UsageError("--workers and --shards are for Ray", "add --engine ray")
        return Engine(name, self.workers or before.workers, self.shards or before.shards)


def with_how(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes `how: How` has, for Typer, the options of `How` in its place."""
    own = inspect.signature(command, eval_str=True)
    of_how = inspect.signature(How, eval_str=True).parameters.values()
    shown = [
        option.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in own.parameters.values()
        for option in (of_how if parameter.name == "how" else [parameter])
    ]

    @wraps(command)
    def run(**given: Any) -> None:
        how = How(**{field.name: given.pop(field.name) for field in fields(How)})
        command(**given, how=how)

    run.__signature__ = own.replace(parameters=shown)  # type: ignore[attr-defined]
    return run
