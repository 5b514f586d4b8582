"""What was compiled is forgotten once its sources change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

elementary = pytest.importorskip("vademecum.model.kernels.elementary", exc_type=ImportError)


def at(path: Path, time: int) -> Path:
    path.touch()
    os.utime(path, (time, time))
    return path


def test_what_is_older_than_any_source_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    at(tmp_path / "caller.py", 1)
    called = at(tmp_path / "called.py", 2)
    compiled = at(tmp_path / "__pycache__" / "caller.nbi", 3)
    elementary.forget_stale(tmp_path)
    assert compiled.exists()
    at(called, 4)
    elementary.forget_stale(tmp_path)
    assert not compiled.exists()


def test_nothing_compiled_is_nothing_to_forget(tmp_path: Path) -> None:
    at(tmp_path / "called.py", 1)
    elementary.forget_stale(tmp_path)
