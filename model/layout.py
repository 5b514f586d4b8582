"""The Hugging Face layout of a model folder: `config.json`, tensor names and shapes, special ids.

Converted models, downloaded ones and folders of the user's all have it, so one reader serves all,
and any other tool can read what was converted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, cast, get_args

from vademecum.errors import ModelUnsupported
from vademecum.model.config import Family, ModelConfig
from vademecum.model.rope import SCALINGS, rope_frequencies, rope_magnitude

ARCHITECTURES: dict[Family, str] = {
    "llama": "LlamaForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}
# What a config.json leaves out when it is so; elsewhere heads share the hidden size.
QWEN3_HEAD_DIM = 128
QUANTIZE_HERE = "give the folder of the original weights in 32 or 16 bit; they are quantised here"


def read_config(folder: Path) -> ModelConfig:
    """The shape in `config.json`. Raises ModelUnsupported for what the decoder cannot run."""
    raw = read_json(folder / "config.json")
    with _as_expected(folder, "its config.json"):
        config = _config(folder, raw)
        _require_sound(folder, config)
    return config


def _config(folder: Path, raw: dict[str, Any]) -> ModelConfig:
    family = raw.get("model_type")
    if family not in get_args(Family):
        raise _unsupported(folder, f"it is of the family {family!r}")
    if raw.get("hidden_act", "silu") != "silu":
        raise _unsupported(folder, f"its activation is {raw['hidden_act']!r}, not silu")
    if quantized := raw.get("quantization_config"):
        method = quantized.get("quant_method") if isinstance(quantized, dict) else None
        raise ModelUnsupported(
            f"the weights in {folder} are quantised already ({method or 'by rules of their own'})",
            QUANTIZE_HERE,
        )
    if raw.get("use_sliding_window") or set(raw.get("layer_types") or ()) - {"full_attention"}:
        raise _unsupported(folder, "it attends through a sliding window")
    rope = raw.get("rope_parameters") or {}
    if {raw.get("partial_rotary_factor"), rope.get("partial_rotary_factor")} - {None, 1}:
        raise _unsupported(folder, "it rotates only a part of each head")
    if family != "qwen2" and (raw.get("attention_bias") or raw.get("mlp_bias")):
        raise _unsupported(folder, f"its layers have biases that the family {family!r} does not")
    heads, hidden = int(raw["num_attention_heads"]), int(raw["hidden_size"])
    theta, scaling = _rope(raw)
    head_dim = QWEN3_HEAD_DIM if family == "qwen3" else hidden // heads
    return ModelConfig(
        family=cast(Family, family),
        vocab_size=int(raw["vocab_size"]),
        hidden=hidden,
        layers=int(raw["num_hidden_layers"]),
        heads=heads,
        kv_heads=int(raw.get("num_key_value_heads") or heads),
        head_dim=int(raw.get("head_dim") or head_dim),
        intermediate=int(raw["intermediate_size"]),
        rms_eps=float(raw["rms_norm_eps"]),
        rope_theta=theta,
        rope_scaling=scaling,
        tie_embeddings=bool(raw.get("tie_word_embeddings", False)),
        attention_bias=family == "qwen2",
        max_positions=int(raw["max_position_embeddings"]),
    )


def _require_sound(folder: Path, config: ModelConfig) -> None:
    """Refuse a shape that cannot be computed with, or only to nonsense."""
    for field in fields(config):
        value = getattr(config, field.name)
        if type(value) in (int, float) and not 0 < value < math.inf:
            raise _unsupported(folder, f"its config.json gives {value} for {field.name}")
    if config.heads % config.kv_heads or config.head_dim % 2:
        raise _unsupported(folder, "its heads cannot share keys, or not be rotated by halves")
    turned = rope_frequencies(config) * rope_magnitude(config)
    if not ((turned > 0) & turned.isfinite()).all():
        raise _unsupported(folder, "its rotary embedding does not turn every pair")


def write_config(folder: Path, config: ModelConfig) -> None:
    """Write `config.json` so that `read_config`, and transformers, read the same shape."""
    raw: dict[str, Any] = {
        "architectures": [ARCHITECTURES[config.family]],
        "model_type": config.family,
        "hidden_act": "silu",
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "intermediate_size": config.intermediate,
        "rms_norm_eps": config.rms_eps,
        "rope_theta": config.rope_theta,
        "rope_scaling": config.rope_scaling,
        "tie_word_embeddings": config.tie_embeddings,
        "max_position_embeddings": config.max_positions,
        "dtype": "bfloat16",
    }
    write_json(folder / "config.json", raw)


def tensor_shapes(config: ModelConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of every tensor, in the order in which a forward pass needs them."""
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    yield "model.embed_tokens.weight", (config.vocab_size, config.hidden)
    for layer in range(config.layers):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", (config.hidden,)
        for name, rows in (("q", queries), ("k", keys), ("v", keys)):
            yield prefix + f"self_attn.{name}_proj.weight", (rows, config.hidden)
            if config.attention_bias:
                yield prefix + f"self_attn.{name}_proj.bias", (rows,)
        if config.qk_norm:
            yield prefix + "self_attn.q_norm.weight", (config.head_dim,)
            yield prefix + "self_attn.k_norm.weight", (config.head_dim,)
        yield prefix + "self_attn.o_proj.weight", (config.hidden, queries)
        yield prefix + "post_attention_layernorm.weight", (config.hidden,)
        yield prefix + "mlp.gate_proj.weight", (config.intermediate, config.hidden)
        yield prefix + "mlp.up_proj.weight", (config.intermediate, config.hidden)
        yield prefix + "mlp.down_proj.weight", (config.hidden, config.intermediate)
    yield "model.norm.weight", (config.hidden,)
    if not config.tie_embeddings:
        yield "lm_head.weight", (config.vocab_size, config.hidden)


def is_spare(name: str, config: ModelConfig) -> bool:
    """Whether a tensor that `tensor_shapes` does not name may be left out: it says nothing new.

    Old Llama folders keep the frequencies of the rotary embedding, some keep tied heads twice.
    """
    tied = config.tie_embeddings and name == "lm_head.weight"
    return tied or name.endswith(".rotary_emb.inv_freq")


def is_linear(name: str) -> bool:
    """Whether a tensor is a matrix inside a layer: what is quantised."""
    return name.endswith("_proj.weight")


def read_chat_template(folder: Path) -> str:
    """The Jinja chat template of a folder. Raises ModelUnsupported if there is none."""
    file = folder / "chat_template.jinja"
    with _as_expected(folder, "its chat template"):
        if file.is_file():
            return file.read_text("utf-8")
        found = read_json(folder / "tokenizer_config.json", missing={}).get("chat_template")
        if isinstance(found, list):  # several, by name
            found = {entry["name"]: entry["template"] for entry in found}.get("default")
    if not isinstance(found, str):
        raise _unsupported(folder, "it has no chat template")
    return found


def special_ids(folder: Path) -> tuple[tuple[int, ...], int | None]:
    """Ids that end an answer, and the id of the token that begins a text, if it has one.

    Files disagree: R1-Distill-Qwen's `config.json` names its end token as its first token as well.
    So the tokenizer's own word counts most, then `generation_config.json`, then `config.json`.
    """
    tokenizer = read_json(folder / "tokenizer_config.json", missing={})
    generation = read_json(folder / "generation_config.json", missing={})
    config = read_json(folder / "config.json")
    with _as_expected(folder, "its list of added tokens"):
        if "added_tokens_decoder" in tokenizer:
            listed = tokenizer["added_tokens_decoder"].items()
            added = {entry["content"]: int(token) for token, entry in listed}
        else:  # transformers 5 names the ids in tokenizer.json alone
            whole = read_json(folder / "tokenizer.json", missing={}).get("added_tokens", [])
            added = {entry["content"]: int(entry["id"]) for entry in whole}

    def named(key: str) -> list[int]:
        value = tokenizer.get(key)
        text = value.get("content") if isinstance(value, dict) else value
        return [added[text]] if text in added else []

    ends = named("eos_token")
    for source in (generation, config):
        value = source.get("eos_token_id")
        values = value if isinstance(value, list) else [value]
        ends += [token for token in values if isinstance(token, int)]
        if ends and source is generation:
            break
    begins = [*named("bos_token"), generation.get("bos_token_id"), config.get("bos_token_id")]
    begin = next((token for token in begins if isinstance(token, int)), None)
    if not ends:
        raise _unsupported(folder, "none of its files says which token ends an answer")
    return tuple(dict.fromkeys(ends)), begin


def read_json(path: Path, missing: dict[str, Any] | None = None) -> dict[str, Any]:
    """A JSON object from a file; `missing` if there is no such file and it may be absent.

    Raises ModelUnsupported if it cannot be read.
    """
    if missing is not None and not path.is_file():
        return missing
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnsupported(
            f"{path} cannot be read: {error}", "check that the model's folder is complete"
        ) from error
    if not isinstance(found, dict):
        raise ModelUnsupported(f"{path} does not hold a JSON object", "check the model's folder")
    return found


def write_json(path: Path, value: Any) -> None:
    """Write JSON for machines and people."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _rope(raw: dict[str, Any]) -> tuple[float, dict[str, Any] | None]:
    """Base and scaling of the rotary embedding, from either spelling of `config.json`.

    Where the two disagree, what transformers 5 takes counts.
    """
    new = raw.get("rope_parameters") or {}
    theta = float(new.get("rope_theta") or raw.get("rope_theta") or 10_000.0)
    scaling = dict(raw.get("rope_scaling") or new)
    scaling.pop("rope_theta", None)
    kind = scaling.pop("type", None)
    scaling.setdefault("rope_type", kind or "default")
    if scaling["rope_type"] == "default":
        return theta, None
    if outer := raw.get("original_max_position_embeddings"):
        scaling["original_max_position_embeddings"] = outer
    if scaling["rope_type"] not in SCALINGS:
        raise ModelUnsupported(
            f"rotary scaling {scaling['rope_type']!r} is not supported",
            f"supported: {', '.join(sorted(SCALINGS))}",
        )
    return theta, scaling


@contextmanager
def _as_expected(folder: Path, part: str) -> Iterator[None]:
    """Turn what reading an unsound description raises into ModelUnsupported."""
    try:
        yield
    except KeyError as error:
        raise _unsupported(folder, f"{part} has no {error}") from error
    except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise _unsupported(folder, f"{part} cannot be understood: {error}") from error


def _unsupported(folder: Path, why: str) -> ModelUnsupported:
    return ModelUnsupported(
        f"the model in {folder} cannot be run: {why}",
        "`vademecum models` lists what can; other folders must hold a chat model of the families "
        "Llama, Qwen2 or Qwen3",
    )
