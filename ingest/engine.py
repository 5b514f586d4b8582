"""Where the files of a job are read, split and embedded. What is committed is the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vademecum.corpora import shard_folder

if TYPE_CHECKING:
    from vademecum.corpora.library import Library

EngineName = Literal["local", "ray"]


@dataclass(frozen=True, slots=True)
class Engine:
    """`local`: on this machine, by this process and one beside it. `ray`: by the workers of Ray,
    at most `workers` of them, which leave vectors in the folder `shards` until they are committed:
    one that all of them see, or the library's own."""

    name: EngineName = "local"
    workers: int | None = None
    shards: Path | None = None

    @classmethod
    def of(cls, source: Mapping[str, Any]) -> Engine:
        """That of a job, from its record; older versions recorded none."""
        shards = source.get("shards")
        name: EngineName = "ray" if source.get("engine") == "ray" else "local"
        return cls(name, source.get("workers"), None if shards is None else Path(shards))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for the record of the job."""
        shards = None if self.shards is None else str(self.shards.absolute())
        return {"engine": self.name, "workers": self.workers, "shards": shards}

    def folder(self, library: Library, job: int) -> Path:
        """Where the vectors of a job wait."""
        return shard_folder.of(library.path, library.id, job, self.shards)
