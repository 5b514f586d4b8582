"""What cannot be run, or makes no sense, is refused with the reason."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from weights_support import Folder, edit

from vademecum.errors import (
    ModelUnsupported,
)
from vademecum.model import weights
from vademecum.model.presets import PRESETS
from vademecum.settings import Settings


@pytest.mark.parametrize(
    ("family", "changes", "why"),
    [
        ("llama", {"model_type": "gemma"}, "gemma"),
        ("llama", {"hidden_act": "gelu"}, "gelu"),
        ("llama", {"attention_bias": True}, "biases"),
        ("qwen3", {"attention_bias": True}, "biases"),
        ("llama", {"hidden_size": None}, "hidden_size"),
        ("qwen2", {"use_sliding_window": True}, "window"),
        ("qwen2", {"layer_types": ["full_attention", "sliding_attention"]}, "window"),
        ("llama", {"partial_rotary_factor": 0.5}, "part of each head"),
        ("llama", {"rope_parameters": {"partial_rotary_factor": 0.5}}, "part of each head"),
        ("qwen2", {"quantization_config": {"quant_method": "awq"}}, r"quantised already \(awq\)"),
        ("qwen2", {"rope_scaling": {"rope_type": "longrope"}}, "longrope"),
        ("qwen2", {"num_hidden_layers": 3}, "lacks the tensor"),
        ("qwen2", {"num_hidden_layers": 1}, r"no known use: model\.layers\.1"),
        ("qwen2", {"intermediate_size": 127}, "shape"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(
    folder: Folder, where: Settings, family: str, changes: dict[str, Any], why: str
) -> None:
    made = folder(family)
    edit(made / "config.json", **changes)
    asked = replace(PRESETS["tiny"], asset=None, folder=made)
    with pytest.raises(ModelUnsupported, match=why) as caught:
        weights.load(asked, settings=where)
    assert caught.value.hint


LINEAR, YARN = ({"rope_type": kind, "factor": 2.0} for kind in ("linear", "yarn"))


@pytest.mark.parametrize(
    "changes",
    [
        {"num_attention_heads": 0},
        {"num_attention_heads": 3},
        {"num_hidden_layers": 0},
        {"num_hidden_layers": "many"},
        {"max_position_embeddings": 0},
        {"vocab_size": -48},
        {"head_dim": 15},
        {"head_dim": [16]},
        {"hidden_size": math.inf},
        {"rms_norm_eps": "small"},
        {"rms_norm_eps": {}},
        {"rms_norm_eps": math.nan},
        {"rope_parameters": "yarn"},
        {"rope_parameters": {"rope_theta": math.nan}},
        {"rope_parameters": {"rope_theta": -1}},
        {"rope_parameters": LINEAR | {"factor": 0}},
        {"rope_parameters": LINEAR | {"factor": -2}},
        {"rope_parameters": YARN | {"factor": "a"}},
        {"rope_parameters": YARN | {"original_max_position_embeddings": -1}},
        {"rope_parameters": YARN | {"attention_factor": math.nan}},
        {"rope_parameters": {"rope_type": ["yarn"]}},
        {"layer_types": [[]]},
    ],
    ids=str,
)
def test_a_config_that_makes_no_sense_is_refused(
    folder: Folder, where: Settings, changes: dict[str, Any]
) -> None:
    made = folder("llama")
    edit(made / "config.json", **changes)
    with pytest.raises(ModelUnsupported) as caught:
        weights.load(str(made), "bf16", settings=where)
    assert caught.value.hint
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("chat_template.jinja", b"\xff\xfe"),
        ("tokenizer_config.json", b'{"added_tokens_decoder": {"x": {}}}'),
        ("tokenizer_config.json", b'{"added_tokens_decoder": []}'),
        ("generation_config.json", b'{"eos_token_id": [null, "<end>"]}'),
    ],
)
def test_an_unsound_description_of_text_is_refused(
    folder: Folder, where: Settings, file: str, content: bytes
) -> None:
    made = folder()
    edit(made / "config.json", eos_token_id=None)
    (made / file).write_bytes(content)
    with pytest.raises(ModelUnsupported):
        weights.load(str(made), "bf16", settings=where)


@pytest.mark.parametrize(
    ("codes", "scale", "why"),
    [
        (torch.float8_e4m3fn, ".weight_scale", "no known use: .*weight_scale"),
        (torch.float8_e4m3fn, None, "stored as F8_E4M3"),
        (torch.int8, None, "stored as I8"),
    ],
)
def test_codes_without_their_scales_are_not_read_as_numbers(
    folder: Folder, where: Settings, codes: torch.dtype, scale: str | None, why: str
) -> None:
    made = folder()
    saved = load_file(made / "model.safetensors")
    name = "model.layers.0.mlp.up_proj"
    saved[f"{name}.weight"] = saved[f"{name}.weight"].to(codes)
    if scale:
        saved[name + scale] = torch.ones(1)
    save_file(saved, made / "model.safetensors")
    with pytest.raises(ModelUnsupported, match=why) as caught:
        weights.load(str(made), "bf16", settings=where)
    assert "original weights" in caught.value.hint
