"""A folder is loaded as it was saved, in the precision asked for; real ones: *_e2e.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from weights_support import Folder

from vademecum.errors import (
    AssetUnavailable,
    ModelNotFound,
    ModelUnsupported,
    UsageError,
)
from vademecum.model import weights
from vademecum.model.presets import PRESETS
from vademecum.model.shards import Shards, to_dtype
from vademecum.settings import Settings


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize("tied", [False, True])
def test_a_folder_loads_as_it_was_saved(
    folder: Folder, where: Settings, family: str, tied: bool
) -> None:
    made = folder(family, tie_word_embeddings=tied)
    loaded = weights.load(str(made), "bf16", settings=where)
    saved = load_file(made / "model.safetensors")
    assert set(loaded.tensors) == set(saved)
    for name, tensor in saved.items():
        found = loaded.tensors[name]
        assert isinstance(found, Tensor)
        assert torch.equal(found, tensor), name
    assert loaded.config.tie_embeddings == tied
    assert loaded.config.attention_bias == (family == "qwen2")
    assert (loaded.eos_ids, loaded.bos_id) == ((2,), 1)
    assert loaded.chat_template == "{{ messages }}"
    assert loaded.tokenizer_json == made / "tokenizer.json"


def test_what_lies_in_files_is_told_apart_from_what_is_in_memory(
    folder: Folder, where: Settings
) -> None:
    made = str(folder("llama"))
    plain = weights.load(made, "bf16", settings=where)
    held = [tensor for tensor in plain.tensors.values() if isinstance(tensor, Tensor)]
    assert plain.mapped == sum(tensor.nbytes for tensor in held)
    assert weights.load(made, "f32", settings=where).mapped == 0  # made of what is in files
    quantized = weights.load(made, "nf4", settings=where)
    assert 0 < quantized.mapped < plain.mapped


@pytest.mark.parametrize("stored", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("wanted", "dtype"), [("bf16", torch.bfloat16), ("f32", torch.float32)])
def test_tensors_come_in_the_precision_asked_for(
    folder: Folder, where: Settings, stored: torch.dtype, wanted: Any, dtype: torch.dtype
) -> None:
    made = folder(dtype=stored)
    loaded = weights.load(str(made), wanted, settings=where)
    for name, tensor in load_file(made / "model.safetensors").items():
        found = loaded.tensors[name]
        assert isinstance(found, Tensor)
        assert found.dtype == dtype
        torch.testing.assert_close(found, tensor.to(dtype), rtol=0, atol=0)


def test_tensors_that_say_nothing_new_are_left_out(folder: Folder, where: Settings) -> None:
    made = folder("llama", tie_word_embeddings=True)
    saved = load_file(made / "model.safetensors")
    spare = {
        "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8),
        "lm_head.weight": saved["model.embed_tokens.weight"].clone(),
    }
    save_file(saved | spare, made / "model.safetensors")
    assert set(weights.load(str(made), "bf16", settings=where).tensors) == set(saved)


def test_unknown_names_are_refused(where: Settings) -> None:
    with pytest.raises(ModelNotFound):
        weights.load("nothing", settings=where)
    with pytest.raises(UsageError, match="int3"):
        weights.load("tiny", "int3", settings=where)  # type: ignore[arg-type]


def test_a_family_that_is_not_run_is_refused_before_it_is_fetched(where: Settings) -> None:
    other = replace(PRESETS["r1-llama-8b"], name="other", family="gemma3")
    with pytest.raises(ModelUnsupported, match="gemma3") as caught:
        weights.load(other, settings=where)
    assert all(family in caught.value.hint for family in ("llama", "qwen2", "qwen3"))


def test_offline_and_not_here(where: Settings) -> None:
    offline = replace(where, offline=True)
    for name in ("tiny", "r1-qwen-1.5b", "r1-0528-qwen3-8b"):
        with pytest.raises(AssetUnavailable, match="VADEMECUM_OFFLINE"):
            weights.load(name, settings=offline)


def test_a_tensor_that_has_the_precision_is_not_copied(folder: Folder) -> None:
    stored = Shards(folder())
    tensor = stored["model.embed_tokens.weight"]
    assert to_dtype(tensor, torch.bfloat16) is tensor
    assert to_dtype(tensor, torch.float32) is not tensor
    assert stored.shape("model.embed_tokens.weight") == tuple(tensor.shape)
    assert "model.nothing" not in stored
