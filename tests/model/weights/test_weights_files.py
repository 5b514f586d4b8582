"""One file or several, with an index or without: what is no part of a model is not read."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from weights_support import Folder, in_shards

from vademecum.errors import (
    ModelUnsupported,
    OutOfSpace,
)
from vademecum.model import weights
from vademecum.model.shards import ShardWriter
from vademecum.settings import Settings


def test_shards_are_read_as_one(folder: Folder, where: Settings, tmp_path: Path) -> None:
    made = folder()
    whole = load_file(made / "model.safetensors")
    in_shards(made)
    assert len(list(made.glob("model-*.safetensors"))) > 1
    loaded = weights.load(str(made), "bf16", settings=where).tensors
    assert {name: tuple(t.shape) for name, t in loaded.items()} == {
        name: tuple(t.shape) for name, t in whole.items()
    }
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(made, dtype=torch.bfloat16)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, whole[name]), name


@pytest.mark.parametrize("sharded", [False, True])
def test_a_file_that_lies_beside_a_model_is_no_part_of_it(
    folder: Folder, where: Settings, sharded: bool
) -> None:
    made = folder()
    norm = load_file(made / "model.safetensors")["model.norm.weight"]
    if sharded:
        in_shards(made)
    save_file({"model.norm.weight": torch.zeros(64)}, made / "zz_adapter.safetensors")
    found = weights.load(str(made), "bf16", settings=where).tensors["model.norm.weight"]
    assert isinstance(found, Tensor)
    assert torch.equal(found, norm)


def test_without_an_index_all_files_are_read_and_none_may_contradict(
    folder: Folder, where: Settings
) -> None:
    made = folder()
    in_shards(made)
    (made / "model.safetensors.index.json").unlink()
    weights.load(str(made), "bf16", settings=where)
    save_file({"model.norm.weight": torch.zeros(64)}, made / "zz_adapter.safetensors")
    with pytest.raises(ModelUnsupported, match=r"zz_adapter.* holds model\.norm\.weight"):
        weights.load(str(made), "bf16", settings=where)


@pytest.mark.parametrize("index", ["{", "{}", '{"weight_map": {"x": "gone.safetensors"}}'])
def test_an_index_that_leads_nowhere_is_refused(
    folder: Folder, where: Settings, index: str
) -> None:
    made = folder()
    in_shards(made)
    (made / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ModelUnsupported):
        weights.load(str(made), "bf16", settings=where)


@pytest.mark.parametrize("missing", ["tokenizer.json", "model.safetensors", "chat_template.jinja"])
def test_an_incomplete_folder_is_refused(folder: Folder, where: Settings, missing: str) -> None:
    made = folder()
    (made / missing).unlink()
    with pytest.raises(ModelUnsupported):
        weights.load(str(made), settings=where)


def test_a_truncated_file_is_told_by_name(folder: Folder, where: Settings) -> None:
    made = folder()
    file = made / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ModelUnsupported, match=r"model\.safetensors is damaged") as caught:
        weights.load(str(made), settings=where)
    assert caught.value.hint == "copy or download this file again"


def test_a_disk_that_fills_up_while_writing_is_told(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path / "gone")
    writer.add("x", torch.zeros(3))
    with pytest.raises(OutOfSpace):
        writer.finish()
