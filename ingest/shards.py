"""Vectors that wait for the commit of their texts, in Parquet files of (text, vector).

Whoever embeds ahead of the commit writes a file; it gets its name when it is whole, and goes when
all of its texts are in the library. What a killed run leaves is found by its texts: so it is of use
however the next run cuts its batches, and only if texts, splitter and embedder are the same.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from vademecum.corpora import shard_folder
from vademecum.corpora.store import Vectors
from vademecum.errors import ClusterUnavailable, OutOfSpace
from vademecum.ingest.ray_results import HINT

Halves = npt.NDArray[np.float16]

FINGERPRINT = b"vademecum.fingerprint"  # in the file's own metadata


def write(path: Path, fingerprint: str, texts: Sequence[str], vectors: Vectors) -> None:
    """A whole file or none. `vectors` are `[texts, dim]`, kept in the float16 that the library
    keeps; `fingerprint` is of what split and embedded. The folder must be there: if it went, nobody
    waits for them any more. Raises ClusterUnavailable where it is not, OutOfSpace."""
    import pyarrow as pa
    from pyarrow.parquet import write_table

    rows = np.ascontiguousarray(vectors, dtype="<f2")
    columns = [
        pa.array(texts, pa.string()),
        pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1]),
    ]
    table = pa.Table.from_arrays(columns, ["text", "vector"])
    table = table.replace_schema_metadata({FINGERPRINT: fingerprint.encode()})
    # Not forced to the disk: what a power cut damages is no Parquet file, and is embedded again.
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_table(table, half, compression="zstd")
        half.replace(path)
    except (FileNotFoundError, NotADirectoryError) as error:  # it was made where the job is run
        raise ClusterUnavailable(
            f"a worker of Ray does not see the folder {path.parent}", HINT
        ) from error
    except OSError as error:
        with suppress(OSError):
            half.unlink()
        raise _no_space(path.parent, error) from error


class Shards:
    """The files of one job. A text that is in two of them is one text.

    What earlier runs left in `folder`, or in one that they were given instead (`earlier`), is taken
    in if it was made with the same `fingerprint` and the same length of vectors, and removed
    otherwise.
    """

    def __init__(
        self, folder: Path, fingerprint: str, dim: int, earlier: Path | None = None
    ) -> None:
        self.folder = folder
        self._folders = {folder, earlier or folder}
        self.fingerprint = fingerprint
        self._dim = dim
        self._vectors: dict[bytes, tuple[Halves, Path]] = {}  # by the hash of the text
        self._waiting: dict[Path, int] = {}  # texts of a file that are not committed yet
        self._claims: Counter[bytes] = Counter()  # how many batches under way need a text
        for path in (path for place in self._folders for path in _listed(place)):
            if path.name.startswith("."):  # of a worker that was killed
                _remove(path)
            else:
                self.take_in(path)

    def fresh(self) -> Path:
        """A name that no file has, in a folder that is there. Raises OutOfSpace."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _no_space(self.folder, error) from error
        return self.folder / f"{uuid4().hex}.parquet"

    def claim(self, texts: Sequence[str]) -> list[str]:
        """A batch will need these (each named once): they stay until it gives them up. Those that
        have to be embedded for it, as they are not here, nor on their way for an earlier batch."""
        keys = [_key(text) for text in texts]
        new = [
            text
            for text, key in zip(texts, keys, strict=True)
            if key not in self._vectors and key not in self._claims
        ]
        self._claims.update(keys)
        return new

    def give_up(self, texts: Iterable[str]) -> None:
        """The batch that claimed these is written, with them or without: a later record may have
        taken the place of one of its own."""
        for key in map(_key, texts):
            self._claims[key] -= 1
            if not self._claims[key]:
                del self._claims[key]
                self._drop(key)

    def take_in(self, path: Path) -> bool:
        """Its vectors can be found from now on; False, and no such file, if it is not whole or was
        made by something else."""
        found = _read(path, self.fingerprint, self._dim)
        for text, vector in found or ():
            if (key := _key(text)) not in self._vectors:
                self._vectors[key] = vector, path
                self._waiting[path] = self._waiting.get(path, 0) + 1
        if path not in self._waiting:
            _remove(path)
        return found is not None

    def find(self, texts: Iterable[str]) -> dict[str, Halves]:
        """float16 `[dim]` of those that are here."""
        known = ((text, self._vectors.get(_key(text))) for text in texts)
        return {text: found[0] for text, found in known if found is not None}

    def release(self, texts: Iterable[str]) -> None:
        """These are in the library: they go, unless another batch claims them."""
        for key in map(_key, texts):
            if key not in self._claims:
                self._drop(key)

    def clear(self) -> None:
        """The job is over: nothing is waited for."""
        self._vectors.clear()
        self._waiting.clear()
        self._claims.clear()
        for folder in self._folders:
            shard_folder.remove(folder)

    def _drop(self, key: bytes) -> None:
        _, path = self._vectors.pop(key, (None, None))
        if path is not None:
            self._waiting[path] -= 1
            if not self._waiting[path]:
                del self._waiting[path]
                _remove(path)


def _no_space(folder: Path, error: OSError) -> OutOfSpace:
    return OutOfSpace(
        f"{folder} cannot be written: {error.strerror or error}",
        "free some space, or name another folder with --shards; "
        "what was committed stays, and the job can be resumed",
    )


def _listed(folder: Path) -> list[Path]:
    with suppress(OSError):  # not there, or not to be read: workers will say so if they write there
        return sorted(folder.iterdir())
    return []


def _remove(path: Path) -> None:
    """What stays (the folder is read-only by now, a file server holds it) does no harm."""
    with suppress(OSError):
        path.unlink()


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _read(path: Path, fingerprint: str, dim: int) -> list[tuple[str, Halves]] | None:
    from pyarrow import ArrowException
    from pyarrow.parquet import read_table

    try:
        table: Any = read_table(path, partitioning=None)
        if (table.schema.metadata or {}).get(FINGERPRINT) != fingerprint.encode():
            return None
        column = table.column("vector").combine_chunks()
        rows = column.flatten().to_numpy(zero_copy_only=False).reshape(table.num_rows, -1)
        if rows.shape[1] != dim or rows.dtype != np.float16:
            return None
        return list(zip(table.column("text").to_pylist(), rows, strict=True))
    except (ArrowException, OSError, ValueError, KeyError):
        return None
