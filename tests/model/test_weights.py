"""Weights: found, converted whole or not at all, loaded as their folder describes them.

Models are random and small, saved by transformers; test_weights_e2e.py has the real ones.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models
from torch import Tensor

from vademecum.errors import (
    AssetUnavailable,
    ModelNotFound,
    ModelUnsupported,
    OutOfSpace,
    UsageError,
)
from vademecum.model import convert, layout, weights
from vademecum.model.layout import read_chat_template, read_config, special_ids
from vademecum.model.linear import QuantizedLinear
from vademecum.model.presets import PRESETS, Preset, preset
from vademecum.model.shards import Shards, ShardWriter, to_dtype
from vademecum.settings import Settings

Folder = Callable[..., Path]


@pytest.fixture
def where(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", offline=False)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Makes a folder as `save_pretrained` leaves it, for a random model of a family."""

    def make(family: str = "qwen2", dtype: torch.dtype = torch.bfloat16, **shape: Any) -> Path:
        from transformers import AutoConfig, AutoModelForCausalLM

        config = AutoConfig.for_model(
            family,
            **{
                "vocab_size": 48,
                "hidden_size": 64,
                "intermediate_size": 128,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "max_position_embeddings": 256,
                "tie_word_embeddings": False,
                "bos_token_id": 1,
                "eos_token_id": 2,
            }
            | shape,
        )
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).to(dtype)
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):  # zeros would hide a bias that is left out
                torch.nn.init.normal_(parameter)
        made = tmp_path / f"{family}-model"
        model.save_pretrained(made)
        Tokenizer(models.BPE()).save(str(made / "tokenizer.json"))
        (made / "chat_template.jinja").write_text("{{ messages }}")
        return made

    return make


def edit(path: Path, **changes: Any) -> None:
    """Change a JSON file; None removes a key."""
    found = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in found.items() if value is not None}))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


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


def test_nf4_is_that_of_bitsandbytes_and_spares_what_is_no_matrix(
    folder: Folder, where: Settings
) -> None:
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    made = folder()
    loaded = weights.load(str(made), "nf4", settings=where)
    for name, tensor in load_file(made / "model.safetensors").items():
        found = loaded.tensors[name]
        if "_proj.weight" not in name:
            assert isinstance(found, Tensor), name
            continue
        assert isinstance(found, QuantizedLinear), name
        packed, state = quantize_4bit(tensor, blocksize=64, quant_type="nf4")
        assert torch.equal(found.dequantize(torch.bfloat16), dequantize_4bit(packed, state))


def test_a_matrix_that_blocks_do_not_fit_stays_in_bf16(folder: Folder, where: Settings) -> None:
    made = folder(intermediate_size=96)
    loaded = weights.load(str(made), "nf4", settings=where)
    down = loaded.tensors["model.layers.0.mlp.down_proj.weight"]
    assert isinstance(down, Tensor)
    assert down.shape == (64, 96)
    assert isinstance(loaded.tensors["model.layers.0.mlp.up_proj.weight"], QuantizedLinear)


def test_a_folder_of_the_users_is_left_alone(folder: Folder, where: Settings) -> None:
    made = folder()
    before = snapshot(made)
    weights.load(str(made), "nf4", settings=where)
    assert snapshot(made) == before


def test_nf4_is_made_once_and_again_when_the_weights_change(
    folder: Folder, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = folder()
    first = weights.load(str(made), "nf4", settings=where)
    with monkeypatch.context() as patch:
        patch.delattr(QuantizedLinear, "quantize")
        second = weights.load(str(made), "nf4", settings=where)
    name = "model.layers.1.mlp.up_proj.weight"
    kept, again = first.tensors[name], second.tensors[name]
    assert isinstance(kept, QuantizedLinear)
    assert isinstance(again, QuantizedLinear)
    assert torch.equal(kept.packed, again.packed)

    file = made / "model.safetensors"
    stat = file.stat()
    save_file({key: -tensor for key, tensor in load_file(file).items()}, file)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as `cp -p` has it
    changed = weights.load(str(made), "nf4", settings=where)
    third = changed.tensors[name]
    assert isinstance(third, QuantizedLinear)
    assert not torch.equal(third.packed, kept.packed)
    product = "model.layers.1.mlp.down_proj"
    assert not torch.equal(
        *(found.packed[product](torch.ones(1, 128).bfloat16()) for found in (first, changed))
    )


def test_a_folder_that_is_saved_again_leaves_no_copies_of_what_it_was(
    folder: Folder, where: Settings
) -> None:
    made = folder()
    for _ in range(2):
        os.utime(made / "model.safetensors")
        weights.load(str(made), "nf4", settings=where)
    copies = [path for path in where.models.rglob("*") if path.name in ("nf4", "packed-nf4")]
    assert len(copies) == 2


@pytest.mark.parametrize("file", ["vademecum.json", "model.safetensors"])
@pytest.mark.parametrize("kept", [0, 10, None])
def test_nf4_that_was_cut_short_or_lost_is_made_anew(
    folder: Folder, where: Settings, file: str, kept: int | None
) -> None:
    made = folder()
    weights.load(str(made), "nf4", settings=where)
    damaged = next(where.models.glob(f"*/nf4/{file}"))
    whole = damaged.read_bytes()
    damaged.unlink()
    if kept is not None:
        damaged.write_bytes(whole[:kept])
    weights.load(str(made), "nf4", settings=where)
    assert damaged.read_bytes() == whole


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


def in_shards(folder: Path) -> None:
    """Save a folder's weights again, in several files and their index."""
    saved = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    writer = ShardWriter(folder, shard_bytes=20_000)
    for name, tensor in saved.items():
        writer.add(name, tensor)
    writer.finish()


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


def test_tensors_that_say_nothing_new_are_left_out(folder: Folder, where: Settings) -> None:
    made = folder("llama", tie_word_embeddings=True)
    saved = load_file(made / "model.safetensors")
    spare = {
        "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8),
        "lm_head.weight": saved["model.embed_tokens.weight"].clone(),
    }
    save_file(saved | spare, made / "model.safetensors")
    assert set(weights.load(str(made), "bf16", settings=where).tensors) == set(saved)


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


class Interrupted(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.fixture
def registry_model(folder: Folder, where: Settings, monkeypatch: pytest.MonkeyPatch) -> Preset:
    """`tiny`, whose file is here already and converts to a random model."""
    made = folder("llama")
    monkeypatch.setattr(weights, "fetch", lambda *_, **__: made / "model.safetensors")
    monkeypatch.setattr(
        convert, "convert", lambda _, target, __: shutil.copytree(made, target, dirs_exist_ok=True)
    )
    return preset("tiny")


def test_conversion_happens_once(
    registry_model: Preset, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not weights.is_ready(registry_model, settings=where)
    folder = weights.prepare(registry_model, settings=where)
    assert folder == where.models / "tiny"
    assert weights.is_ready(registry_model, settings=where)
    monkeypatch.delattr(convert, "convert")
    assert weights.prepare(registry_model, settings=replace(where, offline=True)) == folder


def test_conversion_that_is_killed_leaves_nothing_half_made(
    registry_model: Preset, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(_: Path, target: Path, __: object) -> None:
        (target / "config.json").write_text("{}")
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(convert, "convert", half)
        patch.setattr(weights.shutil, "rmtree", lambda *_, **__: None)  # a kill cleans nothing
        with pytest.raises(Interrupted):
            weights.prepare(registry_model, settings=where)
    assert not (where.models / "tiny").exists()
    assert list(where.models.glob(".tiny-*"))
    weights.load(registry_model, settings=where)
    assert not list(where.models.glob(".tiny-*"))


def test_what_an_older_version_converted_is_made_anew(
    registry_model: Preset, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights.load(registry_model, "nf4", settings=where)
    monkeypatch.setattr(weights, "FORMAT", weights.FORMAT + 1)
    assert not weights.is_ready(registry_model, settings=where)
    weights.load(registry_model, "nf4", settings=where)
    assert weights.is_ready(registry_model, settings=where)


def test_a_stamp_that_cannot_be_read_is_none(registry_model: Preset, where: Settings) -> None:
    """So that one damaged model does not keep every other from being chosen."""
    stamp = weights.prepare(registry_model, settings=where) / weights.STAMP
    whole = stamp.read_bytes()
    for damaged in (b"", whole[:10], b"[1]", b"\xff"):
        stamp.write_bytes(damaged)
        assert not weights.is_ready(registry_model, settings=where)
    weights.load(registry_model, settings=where)
    assert stamp.read_bytes() == whole


@pytest.mark.parametrize(
    "file", ["model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"]
)
def test_only_a_folder_that_was_made_here_is_to_be_deleted(
    registry_model: Preset, where: Settings, file: str
) -> None:
    folder = weights.prepare(registry_model, settings=where)
    (folder / file).unlink()
    with pytest.raises(ModelUnsupported) as caught:
        weights.load(registry_model, settings=where)
    assert caught.value.hint.startswith(f"delete {folder} and run the command again")


def test_conversion_asks_for_space_first(
    registry_model: Preset, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        free = 1000

    monkeypatch.setattr(weights.shutil, "disk_usage", lambda _: Full)
    with pytest.raises(OutOfSpace, match="tiny needs"):
        weights.prepare(registry_model, settings=where)


def test_a_disk_that_fills_up_while_writing_is_told(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path / "gone")
    writer.add("x", torch.zeros(3))
    with pytest.raises(OutOfSpace):
        writer.finish()


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
