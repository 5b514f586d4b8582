"""Names of models, and the arithmetic that follows from their shapes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import torch

from vademecum.errors import ModelNotFound, ModelUnsupported
from vademecum.model.kernels import KvKind, page_bytes
from vademecum.model.presets import PRESETS, Preset, preset


@pytest.mark.parametrize(
    ("name", "parameters"),
    [  # as their authors' model pages count them
        ("tiny", 134_515_008),
        ("r1-qwen-1.5b", 1_777_088_000),
        ("r1-qwen-7b", 7_615_616_512),
        ("r1-llama-8b", 8_030_261_248),
        ("r1-qwen-14b", 14_770_033_664),
        ("r1-qwen-32b", 32_763_876_352),
        ("r1-llama-70b", 70_553_706_496),
        ("r1-0528-qwen3-8b", 8_190_735_360),
    ],
)
def test_shapes_give_the_known_parameter_counts(name: str, parameters: int) -> None:
    assert PRESETS[name].parameters == parameters


def test_medium_has_the_shape_of_the_smallest_r1() -> None:
    for field in ("vocab", "hidden", "intermediate", "layers", "heads", "kv_heads", "head_dim"):
        assert getattr(PRESETS["medium"], field) == getattr(PRESETS["r1-qwen-1.5b"], field)


@pytest.mark.parametrize("model", PRESETS.values(), ids=lambda model: model.name)
def test_every_preset_says_where_it_is_and_what_it_may(model: Preset) -> None:
    assert (model.asset is None) != (model.hub_id is None)
    assert model.licence
    assert 0 < model.context <= model.max_positions
    assert model.heads % model.kv_heads == 0
    assert model.reasons == model.name.startswith("r1-")
    assert model.memory_bytes(4) < model.memory_bytes(8) < model.memory_bytes(16)
    assert model.memory_bytes(16) == 2 * model.parameters


def test_every_preset_is_of_a_family_that_is_run() -> None:
    from vademecum.model.config import Family

    assert {model.family for model in PRESETS.values()} == set(get_args(Family))


def test_cost_of_context() -> None:
    # Llama 3.1 8B: 32 layers, 8 key-value heads of 128, keys and values, two bytes each.
    assert PRESETS["r1-llama-8b"].kv_bytes_per_token == 32 * 8 * 128 * 2 * 2


@pytest.mark.parametrize("kind", ["plain", "int8", "k8v4"])
@pytest.mark.parametrize("model", PRESETS.values(), ids=PRESETS)
def test_the_cache_takes_what_its_pages_take(model: Preset, kind: KvKind) -> None:
    page = model.layers * page_bytes(kind, model.kv_heads, model.head_dim, torch.bfloat16)
    assert model.kv_bytes(32, kind) == page
    assert model.kv_bytes(100, kind) == 4 * page


@pytest.mark.parametrize("model", PRESETS.values(), ids=PRESETS)
def test_eight_bits_take_55_percent_of_bf16_and_lean_ones_45(model: Preset) -> None:
    bf16 = model.kv_bytes_per_token * 1024
    assert model.kv_bytes(1024, "int8") < 0.55 * bf16
    assert model.kv_bytes(1024, "k8v4") < 0.45 * bf16


def test_what_a_context_was_trained_for_is_said_plainly() -> None:
    for name in ("r1-qwen-1.5b", "r1-qwen-7b"):
        assert "not given" in PRESETS[name].note
        assert PRESETS[name].context < PRESETS[name].max_positions


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelNotFound) as caught:
        preset("gpt-2")
    assert "'gpt-2'" in caught.value.message
    assert all(name in caught.value.hint for name in PRESETS)


def test_a_path_that_leads_to_no_model_is_told_as_a_path(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"holds no model: it has no config\.json"):
        preset(str(tmp_path))
    with pytest.raises(ModelNotFound, match="there is no file"):
        preset(str(tmp_path / "missing.gguf"))
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ModelNotFound, match="is no GGUF file"):
        preset(str(tmp_path / "notes.txt"))


def test_a_folder_of_weights_is_a_preset(tmp_path: Path) -> None:
    shape = {
        "model_type": "llama",
        "vocab_size": 100,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 512,
    }
    (tmp_path / "config.json").write_text(json.dumps(shape))
    (tmp_path / "chat_template.jinja").write_text("{% if '</think>' in content %}")
    found = preset(str(tmp_path))
    assert found.folder == tmp_path.resolve()
    assert (found.kv_heads, found.head_dim, found.context) == (4, 16, 512)
    assert found.reasons


def test_a_model_thinks_if_its_template_does_not_if_its_tokenizer_could(tmp_path: Path) -> None:
    shape = {
        "model_type": "qwen3",
        "vocab_size": 100,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 512,
    }
    (tmp_path / "config.json").write_text(json.dumps(shape))
    tokens = {"added_tokens_decoder": {"151668": {"content": "</think>"}}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(tokens))
    assert not preset(str(tmp_path)).reasons  # it has no template at all: loading will say so
    (tmp_path / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    assert not preset(str(tmp_path)).reasons
    (tmp_path / "chat_template.jinja").unlink()
    template = "{% if '</think>' in content %}{% endif %}"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    assert preset(str(tmp_path)).reasons


def test_memory_counts_what_is_held_and_not_what_is_stored() -> None:
    tiny, small = PRESETS["tiny"], PRESETS["small"]
    for model in (tiny, small):  # a bf16 embedding and an int8 head, tied or not
        embedding = model.vocab * model.hidden
        norms = model.non_embedding_parameters - model.linear_parameters
        codes = int(model.linear_parameters * (1 / 2 + 4 / 64))
        assert model.memory_bytes(4) == codes + 3 * embedding + 2 * norms


def test_a_folder_that_describes_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ModelUnsupported, match=r"config\.json"):
        preset(str(tmp_path))


def test_listing_presets_loads_no_tensor_library() -> None:
    program = "import sys, vademecum.model.presets; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
