"""What all tests share: homes on disk, and the pinned assets fetched once per machine."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest
from hypothesis import settings

# Set before any test imports the libraries that read them: nothing may call home.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Tests may import torch before vademecum.model, which would set it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

# How long one example takes says little where other tests run beside it.
settings.register_profile("patient", parent=settings(), deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def assets_home() -> Path:
    """A home whose `assets/` and `models/` outlive the run: weights are fetched and converted once.

    `VADEMECUM_TEST_HOME` moves it.
    """
    named = os.environ.get("VADEMECUM_TEST_HOME")
    home = Path(named) if named else Path(platformdirs.user_cache_dir("vademecum-tests"))
    for name in ("assets", "models"):
        (home / name).mkdir(parents=True, exist_ok=True)
    return home


@pytest.fixture
def home(tmp_path: Path, assets_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh home, set as `VADEMECUM_HOME`, that shares the fetched assets and models."""
    fresh = tmp_path / "home"
    fresh.mkdir()
    for name in ("assets", "models"):
        (fresh / name).symlink_to(assets_home / name, target_is_directory=True)
    monkeypatch.setenv("VADEMECUM_HOME", str(fresh))
    return fresh


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data that `VADEMECUM_TEST_DATA` names; skips where there is none."""
    named = os.environ.get("VADEMECUM_TEST_DATA")
    if not named or not Path(named).is_dir():
        pytest.skip("VADEMECUM_TEST_DATA names no folder of real data")
    return Path(named)
