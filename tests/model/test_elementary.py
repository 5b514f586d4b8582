"""What was compiled is forgotten once its sources change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

elementary = pytest.importorskip("vademecum.model.kernels.elementary", exc_type=ImportError)


def at(path: Path, time: int) -> Path:
    path.touch()
    os.utime(path, (time, time))
    return path


def test_what_is_older_than_any_source_is_forgotten(tmp_path: Path) -> None:
    cache = tmp_path / "elsewhere"
    cache.mkdir()
    at(tmp_path / "caller.py", 1)
    called = at(tmp_path / "called.py", 2)
    compiled = at(cache / "caller.nbi", 3)
    elementary.forget_stale(tmp_path, cache)
    assert compiled.exists()
    at(called, 4)
    elementary.forget_stale(tmp_path, cache)
    assert not compiled.exists()


def test_nothing_compiled_is_nothing_to_forget(tmp_path: Path) -> None:
    at(tmp_path / "called.py", 1)
    elementary.forget_stale(tmp_path, tmp_path / "never made")


def test_it_is_forgotten_wherever_numba_keeps_it(tmp_path: Path) -> None:
    """As with NUMBA_CACHE_DIR, or an installation that its user may not write to."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    program = "from vademecum.model.kernels.elementary import widen; print(widen.stats.cache_path)"
    run = [sys.executable, "-c", program]
    told = subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout
    folder = Path(told.strip())
    assert folder.is_relative_to(tmp_path)
    folder.mkdir(exist_ok=True)
    stale = at(folder / "attend.span-50.py311.nbi", 1)
    subprocess.run(run, env=environment, capture_output=True, check=True)
    assert not stale.exists()
