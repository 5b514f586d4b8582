"""Vademecum: cited answers from a library you own, by a model that runs on your machine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vademecum.collection import without_collection
from vademecum.errors import VademecumError

if TYPE_CHECKING:
    from vademecum.corpora.library import Library
    from vademecum.model.engine import Engine
    from vademecum.rag.assistant import Assistant

__version__ = "0.1.0"
__all__ = ["Assistant", "Engine", "Library", "VademecumError", "__version__"]

# Resolved on first use, so that `import vademecum` loads no tensor library.
_LAZY = {
    "Assistant": "vademecum.rag.assistant",
    "Engine": "vademecum.model.engine",
    "Library": "vademecum.corpora.library",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with without_collection():
        value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
