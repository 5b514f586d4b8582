"""Folders of weights that the tests change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from vademecum.model.shards import ShardWriter

Folder = Callable[..., Path]


def edit(path: Path, **changes: Any) -> None:
    """Change a JSON file; None removes a key."""
    found = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in found.items() if value is not None}))


def in_shards(folder: Path) -> None:
    """Save a folder's weights again, in several files and their index."""
    saved = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    writer = ShardWriter(folder, shard_bytes=20_000)
    for name, tensor in saved.items():
        writer.add(name, tensor)
    writer.finish()
