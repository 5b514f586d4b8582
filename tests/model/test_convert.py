"""GGUF files of every family come out as the Hugging Face folder they were made from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, pre_tokenizers
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from vademecum.errors import ModelUnsupported
from vademecum.model import weights
from vademecum.model.convert import convert
from vademecum.model.decoder import Decoder
from vademecum.model.kernels import choose
from vademecum.model.layout import read_config
from vademecum.model.presets import preset
from vademecum.progress import Silent
from vademecum.settings import Settings

LETTERS = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "th"]
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LAYERS, HEADS, KV_HEADS, HEAD_DIM = 2, 4, 2, 32
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
YARN = {
    "rope_type": "yarn",
    "factor": 4.0,
    "original_max_position_embeddings": 64,
    "beta_fast": 16.0,
    "beta_slow": 2.0,
}

Write = Callable[..., Path]


def model(family: str, scaling: dict[str, Any] | None = None, tied: bool = False) -> Any:
    """A random model whose weights bf16 holds exactly, float32."""
    config = AutoConfig.for_model(
        family,
        vocab_size=len(LETTERS) + len(CONTROL),
        hidden_size=64 if family == "qwen3" else HEADS * HEAD_DIM,
        intermediate_size=96,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        head_dim=HEAD_DIM,
        max_position_embeddings=256,
        rms_norm_eps=1e-5,
        tie_word_embeddings=tied,
        rope_parameters={"rope_theta": 500_000.0} | (scaling or {"rope_type": "default"}),
    )
    torch.manual_seed(0)
    made = AutoModelForCausalLM.from_config(config)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, mean=float(parameter.ndim == 1), std=0.2)
        parameter.data = parameter.data.bfloat16().float()  # not the model: its buffers round too
    return made.eval()


def permute(weight: Tensor) -> Tensor:
    """Rows of a Llama query or key matrix as llama.cpp's converter orders them."""
    halves = weight.reshape(-1, 2, HEAD_DIM // 2, weight.shape[1])
    return halves.transpose(1, 2).reshape(weight.shape)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a model as llama.cpp's converter does; `metadata` follows `<family>.rope.scaling.`."""

    def make(
        source: PreTrainedModel,
        metadata: dict[str, str | float | int] | None = None,
        divisors: np.ndarray[Any, Any] | None = None,
        pre: str | None = "qwen2",
        parts: int = 1,
    ) -> Path:
        config: Any = source.config
        family = config.model_type
        path = tmp_path / "model.gguf"
        out = gguf.GGUFWriter(path, family)
        if parts > 1:
            out.add_uint16("split.count", parts)
        out.add_context_length(config.max_position_embeddings)
        out.add_embedding_length(config.hidden_size)
        out.add_block_count(LAYERS)
        out.add_feed_forward_length(config.intermediate_size)
        out.add_head_count(HEADS)
        out.add_head_count_kv(KV_HEADS)
        out.add_key_length(HEAD_DIM)
        out.add_rope_freq_base(config.rope_parameters["rope_theta"])
        out.add_layer_norm_rms_eps(config.rms_norm_eps)
        for key, value in (metadata or {}).items():
            name = f"{family}.rope.scaling.{key}"
            if isinstance(value, str):
                out.add_string(name, value)
            elif isinstance(value, int):
                out.add_uint32(name, value)
            else:
                out.add_float32(name, value)
        out.add_tokenizer_model("gpt2")
        if pre:
            out.add_tokenizer_pre(pre)
        out.add_token_list(LETTERS + CONTROL)
        out.add_token_types(
            [gguf.TokenType.NORMAL] * len(LETTERS) + [gguf.TokenType.CONTROL] * len(CONTROL)
        )
        out.add_token_merges(["t h"])
        out.add_eos_token_id(len(LETTERS) + 2)
        out.add_bos_token_id(len(LETTERS))
        out.add_chat_template("{{ messages }}")
        names = gguf.get_tensor_name_map(
            {name: arch for arch, name in gguf.MODEL_ARCH_NAMES.items()}[family], LAYERS
        )
        for name, tensor in source.state_dict().items():
            if name == "lm_head.weight" and config.tie_word_embeddings:
                continue
            stem, _, suffix = name.rpartition(".")
            if family == "llama" and stem.endswith(("q_proj", "k_proj")):
                tensor = permute(tensor)
            out.add_tensor(f"{names.get_name(stem)}.{suffix}", tensor.numpy())
        if divisors is not None:
            out.add_tensor("rope_freqs.weight", divisors.astype(np.float32))
        out.write_header_to_file()
        out.write_kv_data_to_file()
        out.write_tensors_to_file()
        out.close()
        return path

    return make


def converted(source: Path, tmp_path: Path) -> Path:
    target = tmp_path / "converted"
    target.mkdir()
    convert(source, target, Silent())
    return target


def assert_same_logits(folder: Path, expected: PreTrainedModel, tmp_path: Path) -> None:
    """Our decoder and transformers, both from the converted folder, give the original's logits."""
    ids = torch.randint(0, len(LETTERS), (200,), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        original = expected(ids[None]).logits[0, -1]
        theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)(ids[None])
    torch.testing.assert_close(theirs.logits[0, -1], original, rtol=1e-4, atol=1e-4)
    loaded = weights.load(str(folder), "f32", settings=Settings(home=tmp_path, offline=True))
    decoder = Decoder(
        loaded.config, loaded.tensors, kernels=choose(torch.device("cpu")), dtype=torch.float32
    )
    cache = decoder.new_cache(len(ids))
    logits = decoder.prefill(ids, cache, cache.open(ids.tolist(), len(ids)))
    torch.testing.assert_close(logits, original, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_a_model_of_each_family(family: str, tied: bool, write: Write, tmp_path: Path) -> None:
    source = model(family, tied=tied)
    folder = converted(write(source), tmp_path)
    assert_same_logits(folder, source, tmp_path)
    loaded = weights.load(str(folder), "bf16", settings=Settings(home=tmp_path, offline=True))
    assert loaded.config.family == family
    assert loaded.config.tie_embeddings == tied
    assert loaded.config.rope_scaling is None
    assert (loaded.eos_ids, loaded.bos_id) == (
        (len(LETTERS) + 2, len(LETTERS)),  # what the file names, then what the families use
        len(LETTERS),
    )


def test_a_file_of_the_users_is_a_model_by_its_path(write: Write, tmp_path: Path) -> None:
    where = Settings(home=tmp_path / "home", offline=True)
    file = write(model("qwen2"))
    found = preset(str(file))
    assert (found.family, found.layers, found.kv_heads, found.reasons) == ("qwen2", 2, 2, False)
    assert not weights.is_ready(found, settings=where)
    loaded = weights.load(str(file), "bf16", settings=where)
    assert weights.is_ready(found, settings=where)
    assert file.is_file()  # it stays where it is, as it is
    made = where.models / found.key
    before = (made / weights.STAMP).stat().st_mtime_ns
    weights.load(str(file), "nf4", settings=where)
    assert (made / weights.STAMP).stat().st_mtime_ns == before  # converted once

    torch.manual_seed(1)
    other = model("qwen2", tied=True)
    write(other)  # another model under the name
    assert not weights.is_ready(found, settings=where)
    again = weights.load(str(file), "bf16", settings=where)
    assert (loaded.config.tie_embeddings, again.config.tie_embeddings) == (False, True)
    assert "nf4" not in {child.name for child in made.iterdir()}  # of the model before


@pytest.mark.parametrize(
    "content", [b"", b"GGUF", b"GGUF\x03\x00\x00\x00" + b"\xff" * 40, b"PK" * 99]
)
def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.GGUF"
    file.write_bytes(content)
    with pytest.raises(ModelUnsupported, match="is not a GGUF file"):
        preset(str(file))


def test_a_file_that_is_cut_short_is_refused(write: Write, tmp_path: Path) -> None:
    file = write(model("llama"))
    whole = file.read_bytes()
    for length in (len(whole) // 50, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(ModelUnsupported, match="is not a GGUF file"):
            preset(str(file))


def test_one_of_several_parts_is_refused_with_the_way_on(write: Write, tmp_path: Path) -> None:
    file = write(model("llama"), parts=3)
    with pytest.raises(ModelUnsupported, match="several parts") as caught:
        preset(str(file))
    assert "gguf-split --merge" in caught.value.hint


TEXT = "It's 12345 mg/L,\n\n  DON'T  stop"


@pytest.mark.parametrize(
    ("family", "pre", "digits"),
    [
        ("qwen2", "qwen2", ["1", "2", "3", "4", "5"]),
        ("qwen2", "deepseek-r1-qwen", ["1", "2", "3", "4", "5"]),
        ("llama", "llama-bpe", ["123", "45"]),  # Llama 3, and R1 distilled into it
        ("llama", "smollm", ["1", "2", "3", "4", "5"]),
        ("llama", "gpt-2", ["12345"]),
    ],
)
def test_text_is_cut_as_the_models_family_cuts_it(
    family: str, pre: str, digits: list[str], write: Write, tmp_path: Path
) -> None:
    folder = converted(write(model(family), pre=pre), tmp_path)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    pieces = [TEXT[a:b] for _, (a, b) in tokenizer.pre_tokenizer.pre_tokenize_str(TEXT)]
    assert "".join(pieces) == TEXT
    assert [piece.strip() for piece in pieces if piece.strip().isdigit()] == digits
    if pre in ("qwen2", "deepseek-r1-qwen", "llama-bpe"):
        assert ("'s" in pieces, "'T" in pieces, ",\n\n" in pieces) == (True, True, True)
    composed = tokenizer.normalizer is not None
    assert composed == (pre == "qwen2")


@pytest.mark.parametrize(("pre", "why"), [("unheard-of", "'unheard-of'"), (None, "does not say")])
def test_unknown_rules_of_cutting_are_refused(
    pre: str | None, why: str, write: Write, tmp_path: Path
) -> None:
    with pytest.raises(ModelUnsupported, match=why):
        converted(write(model("qwen2"), pre=pre), tmp_path)


def test_yarn_from_its_metadata(write: Write, tmp_path: Path) -> None:
    metadata = {
        "type": "yarn",
        "factor": 4.0,
        "original_context_length": 64,
        "yarn_beta_fast": 16.0,
        "yarn_beta_slow": 2.0,
    }
    source = model("qwen3", YARN)
    folder = converted(write(source, metadata), tmp_path)
    assert read_config(folder).rope_scaling == YARN
    assert_same_logits(folder, source, tmp_path)


def test_yarn_whose_attention_is_scaled_back(write: Write, tmp_path: Path) -> None:
    metadata = {"type": "yarn", "factor": 4.0, "attn_factor": 0.8782488562869419}
    config = read_config(converted(write(model("qwen3"), metadata), tmp_path))
    assert config.rope_scaling == {
        "rope_type": "yarn",
        "factor": 4.0,
        "original_max_position_embeddings": 256,  # not told: the context of the file
        "attn_factor": pytest.approx(0.8782488562869419, rel=1e-6),
    }


def test_linear_scaling_from_its_metadata(write: Write, tmp_path: Path) -> None:
    scaling = {"rope_type": "linear", "factor": 2.5}
    source = model("llama", scaling)
    folder = converted(write(source, {"type": "linear", "factor": 2.5}), tmp_path)
    assert read_config(folder).rope_scaling == scaling
    assert_same_logits(folder, source, tmp_path)


@pytest.mark.parametrize("factor", [8.0, 32.0])  # Llama 3.1 and 3.3; 3.2
def test_llama_3s_scaling_from_its_divisors(factor: float, write: Write, tmp_path: Path) -> None:
    scaling = LLAMA3 | {"factor": factor}
    source: Any = model("llama", scaling)
    plain: Any = model("llama")
    divisors = plain.model.rotary_emb.inv_freq / source.model.rotary_emb.inv_freq
    folder = converted(write(source, divisors=divisors.numpy()), tmp_path)
    assert read_config(folder).rope_scaling == scaling
    assert_same_logits(folder, source, tmp_path)


def test_divisors_of_one_scale_nothing(write: Write, tmp_path: Path) -> None:
    source = write(model("llama"), divisors=np.ones(HEAD_DIM // 2))
    assert read_config(converted(source, tmp_path)).rope_scaling is None


@pytest.mark.parametrize(
    ("metadata", "divisors", "why"),
    [
        ({"type": "longrope"}, None, "longrope"),
        ({"type": "yarn", "factor": 4.0, "yarn_log_multiplier": 0.1}, None, "yarn_log_multiplier"),
        ({}, np.linspace(1, 8, HEAD_DIM // 2), "otherwise than Llama 3"),
        ({}, np.full(3, 8.0), "otherwise than Llama 3"),
        ({"type": "linear", "factor": 2.0}, np.full(HEAD_DIM // 2, 2.0), "rope_freqs"),
    ],
)
def test_a_scaling_that_cannot_be_told_is_refused(
    metadata: dict[str, Any], divisors: Any, why: str, write: Write, tmp_path: Path
) -> None:
    source = write(model("llama"), metadata, divisors)
    with pytest.raises(ModelUnsupported, match=why) as caught:
        converted(source, tmp_path)
    assert "safetensors" in caught.value.hint


def test_another_family_is_refused_by_name(tmp_path: Path) -> None:
    out = gguf.GGUFWriter(tmp_path / "other.gguf", "mamba")
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    with pytest.raises(ModelUnsupported, match="mamba") as caught:
        converted(tmp_path / "other.gguf", tmp_path)
    assert all(family in caught.value.hint for family in ("llama", "qwen2", "qwen3"))
