"""Folders that are made once, by one process, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vademecum.assets import disk_trouble
from vademecum.errors import ModelUnsupported
from vademecum.model.layout import read_json
from vademecum.model.presets import STAMP
from vademecum.progress import Progress


def stamp_of(folder: Path) -> dict[str, Any]:
    """What a folder says it was made from; nothing if it was not finished, or cannot be read.

    A stamp cut short, say, by a copy is no reason to fail: the folder is made anew.
    """
    try:
        return read_json(folder / STAMP, missing={})
    except ModelUnsupported:
        return {}


@contextlib.contextmanager
def alone(target: Path, name: str, progress: Progress) -> Iterator[None]:
    """Hold the lock of one model's folder; say so when another process has it."""
    with disk_trouble(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(target.with_name(target.name + ".lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress.note(f"another process is preparing {name}: waiting for it")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A fresh folder that becomes `target` if the block succeeds, and vanishes otherwise.

    What a killed process left is cleared away; hold the lock of `target`.
    """
    prefix = f".{target.name}-"
    for left in target.parent.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    with disk_trouble(target.parent):
        fresh = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
        try:
            yield fresh
            for file in fresh.iterdir():
                _sync(file)
            shutil.rmtree(target, ignore_errors=True)
            fresh.chmod(0o755)
            fresh.rename(target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def _sync(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
