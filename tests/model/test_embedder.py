"""What is said when an embedder cannot be had; the real one is in test_embedder_e2e.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vademecum.errors import AssetUnavailable, ModelNotFound, ModelUnsupported
from vademecum.model.embedder import DEFAULT, EMBEDDERS, Embedder
from vademecum.settings import Settings


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelNotFound) as caught:
        Embedder.load("word2vec")
    assert DEFAULT in caught.value.hint


def test_offline_and_not_here(tmp_path: Path) -> None:
    with pytest.raises(AssetUnavailable, match=DEFAULT):
        Embedder.load(settings=Settings(home=tmp_path, offline=True))


def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    part = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
    (tmp_path / "modules.json").write_text(json.dumps([part]))
    with pytest.raises(ModelUnsupported, match="cannot be loaded"):
        Embedder.load(str(tmp_path), settings=Settings(home=tmp_path / "home", offline=True))


def test_every_file_is_pinned() -> None:
    for folder in EMBEDDERS.values():
        assert {"model.safetensors", "tokenizer.json", "modules.json"} <= {
            f.path for f in folder.files
        }
        assert all(len(file.sha256) == 64 and file.size > 0 for file in folder.files)
