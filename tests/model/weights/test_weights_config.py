"""What a folder says of its model and its text is read whatever way it is spelled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from weights_support import Folder, edit

from vademecum.errors import (
    ModelUnsupported,
)
from vademecum.model import layout
from vademecum.model.layout import read_chat_template, read_config, special_ids
from vademecum.model.presets import preset


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_a_config_written_is_the_config_read(tmp_path: Path, folder: Folder, family: str) -> None:
    config = read_config(folder(family))
    assert config.family == family
    layout.write_config(tmp_path, config)
    assert read_config(tmp_path) == config


def test_head_dimensions_that_are_not_told(folder: Folder) -> None:
    for family, expected in (("llama", 16), ("qwen2", 16), ("qwen3", 128)):
        made = folder(family)
        edit(made / "config.json", head_dim=None)
        assert read_config(made).head_dim == preset(str(made)).head_dim == expected


@pytest.mark.parametrize(
    ("changes", "theta", "scaling"),
    [
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}}, 5e5, None),
        ({"rope_parameters": None, "rope_theta": 1e6, "rope_scaling": None}, 1e6, None),
        ({"rope_parameters": None}, 1e4, None),
        (
            {"rope_parameters": None, "rope_scaling": {"type": "linear", "factor": 2.0}},
            1e4,
            {"rope_type": "linear", "factor": 2.0},
        ),
        (
            {"rope_parameters": {"rope_type": "linear", "rope_theta": 5e5, "factor": 8.0}},
            5e5,
            {"rope_type": "linear", "factor": 8.0},
        ),
        (
            {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}, "rope_theta": 5e5},
            1e6,
            None,
        ),
        (
            {
                "rope_parameters": None,
                "rope_scaling": {
                    "rope_type": "yarn",
                    "factor": 4.0,
                    "original_max_position_embeddings": 64,
                },
                "original_max_position_embeddings": 128,
            },
            1e4,
            {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128},
        ),
    ],
)
def test_both_spellings_of_rotary_scaling(
    folder: Folder, changes: dict[str, Any], theta: float, scaling: dict[str, Any] | None
) -> None:
    made = folder("llama")
    edit(made / "config.json", **changes)
    config = read_config(made)
    assert (config.rope_theta, config.rope_scaling) == (theta, scaling)


def test_special_ids_by_the_word_that_counts_most(folder: Folder) -> None:
    made = folder()
    assert special_ids(made) == ((2,), 1)
    (made / "generation_config.json").write_text('{"eos_token_id": [5, 6], "bos_token_id": 4}')
    assert special_ids(made) == ((5, 6), 4)
    # As R1-Distill-Qwen has it: config.json names the end token as the first one too.
    (made / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "bos_token": {"content": "<begin>"},
                "eos_token": "<end>",
                "added_tokens_decoder": {
                    "43": {"content": "<end>"},
                    "46": {"content": "<begin>"},
                },
            }
        )
    )
    assert special_ids(made) == ((43, 5, 6), 46)
    # As transformers 5 saves a tokenizer: the ids are in tokenizer.json.
    edit(made / "tokenizer_config.json", added_tokens_decoder=None)
    edit(
        made / "tokenizer.json",
        added_tokens=[{"id": 44, "content": "<end>"}, {"id": 45, "content": "<begin>"}],
    )
    assert special_ids(made) == ((44, 5, 6), 45)
    edit(made / "config.json", eos_token_id=None)
    (made / "generation_config.json").unlink()
    (made / "tokenizer_config.json").unlink()
    with pytest.raises(ModelUnsupported, match="ends an answer"):
        special_ids(made)


@pytest.mark.parametrize(
    "stored",
    [
        "{{ one }}",
        [{"name": "tool", "template": "x"}, {"name": "default", "template": "{{ one }}"}],
    ],
)
def test_a_chat_template_inside_the_tokenizers_config(folder: Folder, stored: Any) -> None:
    made = folder()
    (made / "chat_template.jinja").unlink()
    (made / "tokenizer_config.json").write_text(json.dumps({"chat_template": stored}))
    assert read_chat_template(made) == "{{ one }}"
