"""Where things are and what is allowed, read once from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

TRUE = {"1", "true", "yes", "on"}


@dataclass(frozen=True, slots=True)
class Settings:
    """`VADEMECUM_HOME` moves everything; `VADEMECUM_OFFLINE=1` forbids all network access;
    `VADEMECUM_MODEL` names the model that "auto" stands for, `VADEMECUM_DEVICE` where it runs;
    `VADEMECUM_VECTORS` where a new library has its vectors searched, `VADEMECUM_VECTORS_TOKEN`
    what a server there asks for."""

    home: Path
    offline: bool
    model: str = ""
    device: str = ""
    vectors: str = ""
    vectors_token: str = ""

    @property
    def library(self) -> Path:
        """The folder `Library.open` takes by default."""
        return self.home / "library"

    @property
    def assets(self) -> Path:
        """Fetched files: weights and sample data, by content."""
        return self.home / "assets"

    @property
    def models(self) -> Path:
        """Weights converted to the layout that the engine reads."""
        return self.home / "models"


def settings() -> Settings:
    """The settings of this process, from its environment."""
    home = os.environ.get("VADEMECUM_HOME", "")
    return Settings(
        home=Path(home).expanduser() if home else Path(platformdirs.user_data_dir("vademecum")),
        offline=os.environ.get("VADEMECUM_OFFLINE", "").lower() in TRUE,
        model=os.environ.get("VADEMECUM_MODEL", ""),
        device=os.environ.get("VADEMECUM_DEVICE", ""),
        vectors=os.environ.get("VADEMECUM_VECTORS", ""),
        vectors_token=os.environ.get("VADEMECUM_VECTORS_TOKEN", ""),
    )
