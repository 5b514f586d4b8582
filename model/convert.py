"""From a GGUF file to a Hugging Face folder: bf16 safetensors, config, tokenizer, chat template.

`transformers` reads the tokenizer and `gguf` the names and the quantised blocks. The weights do
not go through `AutoModelForCausalLM`: that asks for `accelerate`, and builds a model we never run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args

import gguf
import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Regex, pre_tokenizers
from torch import Tensor

from vademecum.errors import ModelUnsupported
from vademecum.model.config import Family, ModelConfig
from vademecum.model.layout import tensor_shapes, write_config, write_json
from vademecum.model.rope import rope_frequencies
from vademecum.model.shards import ShardWriter
from vademecum.progress import Progress

ARCHITECTURES: dict[Family, gguf.MODEL_ARCH] = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
}
# Tokens that end an answer, by the names the families give them; a GGUF names one of them.
END_TOKENS = (
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<｜end▁of▁sentence｜>",
)
# Contractions, words with what stands before them, digits, signs, line ends, blanks.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# How digits are grouped, by the names that GGUF files give to cutting; the R1 distills among them.
DIGITS = {
    "qwen2": r"\p{N}",
    "deepseek-r1-qwen": r"\p{N}",
    "llama-bpe": r"\p{N}{1,3}",
    "llama3": r"\p{N}{1,3}",
}
CHUNK = 1 << 21  # values dequantised at a time; fits the cache of a core or two
CONTROL = int(gguf.TokenType.CONTROL)
ROPE_FACTORS = "rope_freqs.weight"  # [head_dim / 2]: what each frequency is divided by


def describe(source: Path) -> tuple[ModelConfig, str]:
    """The shape of the model in the GGUF file `source`, and its chat template ("" without one).

    Raises ModelUnsupported if the file holds a model the decoder cannot run.
    """
    reader = _open(source)
    return _config(reader, source), reader.value("tokenizer.chat_template", "")


def convert(source: Path, target: Path, progress: Progress) -> None:
    """Fill the empty folder `target` from the GGUF file `source`.

    Raises ModelUnsupported if the file holds a model the decoder cannot run.
    """
    reader = _open(source)
    config = _config(reader, source)
    write_config(target, config)
    _write_tokenizer(reader, source, target)
    progress.start("converting weights", sum(int(t.n_bytes) for t in reader.tensors), "B")
    try:
        writer = ShardWriter(target)
        for name, tensor, size in tensors(reader, config):
            writer.add(name, tensor)
            progress.advance(size)
        writer.finish()
    finally:
        progress.finish()


def tensors(reader: gguf.GGUFReader, config: ModelConfig) -> Iterator[tuple[str, Tensor, int]]:
    """`(Hugging Face name, bf16 tensor, bytes in the file)` of every tensor, in forward order."""
    names = gguf.get_tensor_name_map(ARCHITECTURES[config.family], config.layers)
    stored = {tensor.name: tensor for tensor in reader.tensors}
    stored.pop(ROPE_FACTORS, None)  # told in the configuration
    wanted: list[tuple[str, tuple[int, ...], Any]] = []
    for name, shape in tensor_shapes(config):
        stem, _, suffix = name.rpartition(".")
        found = stored.pop(f"{names.get_name(stem)}.{suffix}", None)
        if found is None:
            raise ModelUnsupported(f"the GGUF file has no {name}", "use another file")
        wanted.append((name, shape, found))
    if stored:  # what we do not know, we must not leave out in silence
        raise ModelUnsupported(
            f"the GGUF file holds tensors of no known use: {', '.join(sorted(stored)[:5])}",
            "use another file",
        )

    def converted(item: tuple[str, tuple[int, ...], Any]) -> Tensor:
        name, shape, found = item
        tensor = dequantized(found)
        if config.family == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            tensor = unpermute(tensor, config.head_dim)
        if tuple(tensor.shape) != shape:
            raise ModelUnsupported(
                f"{name} has the shape {list(tensor.shape)}, not {list(shape)}", "use another file"
            )
        return tensor

    with ThreadPoolExecutor(workers := min(4, os.cpu_count() or 1)) as pool:
        # A few at a time, so that no more than these wait in memory to be written.
        for start in range(0, len(wanted), workers):
            group = wanted[start : start + workers]
            for (name, _, found), tensor in zip(group, pool.map(converted, group), strict=True):
                yield name, tensor, int(found.n_bytes)


def dequantized(stored: Any) -> Tensor:
    """A tensor of a GGUF file in bf16, some rows at a time: float32 takes four times the memory."""
    shape = tuple(int(size) for size in reversed(stored.shape))
    rows = max(1, CHUNK // shape[-1])
    out = torch.empty(shape, dtype=torch.bfloat16)
    for start in range(0, shape[0], rows):
        values = gguf.dequantize(stored.data[start : start + rows], stored.tensor_type)
        # Float32 tensors come as a read-only view of the file, which PyTorch does not take.
        out[start : start + rows] = torch.from_numpy(np.require(values, requirements="W"))
    return out


def unpermute(weight: Tensor, head_dim: int) -> Tensor:
    """Rows of a Llama query or key matrix `[heads * head_dim, hidden]` in Hugging Face's order.

    llama.cpp rotates neighbouring pairs of a head, Hugging Face its two halves; llama.cpp's
    converter interleaves the halves (`LlamaModel.permute`), and this undoes it.
    """
    heads = weight.shape[0] // head_dim
    pairs = weight.reshape(heads, head_dim // 2, 2, -1)
    return pairs.transpose(1, 2).reshape(weight.shape)


class _Reader(gguf.GGUFReader):  # type: ignore[misc] # gguf has no types
    """A GGUF reader over a plain array: slicing a memmap, once per token, takes most of its time.

    Reading a vocabulary of 152,000 takes 1.5 s instead of 5.
    """

    @property
    def data(self) -> npt.NDArray[np.uint8]:
        return self._plain

    @data.setter
    def data(self, mapped: npt.NDArray[np.uint8]) -> None:
        self._plain = np.asarray(mapped)

    def value(self, key: str, default: Any = None) -> Any:
        """The value of a metadata field."""
        field = self.get_field(key)
        return default if field is None else field.contents()


def _open(source: Path) -> _Reader:
    try:
        return _Reader(source)
    except IndexError as error:
        raise ModelUnsupported(
            f"{source} is not a GGUF file: it ends too early", "get or copy it once more"
        ) from error
    except ValueError as error:
        raise ModelUnsupported(
            f"{source} is not a GGUF file: {error}", "get or copy it once more"
        ) from error


def _config(reader: _Reader, source: Path) -> ModelConfig:
    """The shape of the model, from the metadata."""
    if int(reader.value("split.count", 1)) > 1:
        raise ModelUnsupported(
            f"{source} is one of several parts of a model",
            "join them: llama-gguf-split --merge FIRST-PART WHOLE.gguf",
        )
    family = reader.value("general.architecture")
    if family is None:
        raise ModelUnsupported(f"{source} says of no model what it is", "use another file")
    if family not in get_args(Family):
        raise ModelUnsupported(
            f"{source} holds a model of the family {family!r}",
            f"the decoder runs {', '.join(get_args(Family))}",
        )

    def whole(key: str) -> int:
        return int(reader.value(f"{family}.{key}"))

    hidden, heads = whole("embedding_length"), whole("attention.head_count")
    embedding = next(t for t in reader.tensors if t.name == "token_embd.weight")
    config = ModelConfig(
        family=cast(Family, family),
        vocab_size=int(embedding.shape[1]),
        hidden=hidden,
        layers=whole("block_count"),
        heads=heads,
        kv_heads=whole("attention.head_count_kv"),
        head_dim=int(reader.value(f"{family}.attention.key_length", hidden // heads)),
        intermediate=whole("feed_forward_length"),
        rms_eps=_as_meant(reader.value(f"{family}.attention.layer_norm_rms_epsilon")),
        rope_theta=float(reader.value(f"{family}.rope.freq_base", 10_000.0)),
        rope_scaling=None,
        tie_embeddings=all(tensor.name != "output.weight" for tensor in reader.tensors),
        attention_bias=family == "qwen2",
        max_positions=whole("context_length"),
    )
    return replace(config, rope_scaling=_rope_scaling(reader, config))


def _rope_scaling(reader: _Reader, config: ModelConfig) -> dict[str, Any] | None:
    """The scaling of the rotary embedding, in the terms of `config.json`.

    Raises ModelUnsupported for one that these terms cannot tell.
    """

    def setting(name: str, default: Any = None) -> Any:
        return reader.value(f"{config.family}.rope.scaling.{name}", default)

    kind, factor = setting("type", "none"), _as_meant(setting("factor", 1.0))
    stored = [tensor for tensor in reader.tensors if tensor.name == ROPE_FACTORS]
    if stored and not np.allclose(divisors := np.asarray(stored[0].data, np.float64), 1.0):
        if kind == "none":
            return _llama3(divisors, config)
        kind = f"{kind} and {ROPE_FACTORS}"
    if kind == "none" or (kind == "linear" and factor == 1.0):
        return None
    if kind == "linear":
        return {"rope_type": "linear", "factor": factor}
    # Further settings of YaRN count from the model they were added for, not by a common rule.
    odd = [name for name in ("yarn_log_multiplier", "yarn_attn_factor") if setting(name)]
    if kind != "yarn" or odd or setting("yarn_ext_factor", 1.0) != 1.0:
        raise ModelUnsupported(
            f"the GGUF file scales its rotary embedding by {' and '.join([kind, *odd])}, "
            "which is not supported",
            "use the safetensors of this model",
        )
    given = {
        "beta_fast": setting("yarn_beta_fast"),
        "beta_slow": setting("yarn_beta_slow"),
        "attn_factor": setting("attn_factor"),
    }
    trained = int(setting("original_context_length", config.max_positions))
    return {
        "rope_type": "yarn",
        "factor": factor,
        "original_max_position_embeddings": trained,
    } | {name: _as_meant(value) for name, value in given.items() if value is not None}


def _llama3(divisors: npt.NDArray[np.float64], config: ModelConfig) -> dict[str, Any]:
    """The settings of Llama 3's scaling that give these divisors of the frequencies.

    llama.cpp's converter stores the divisors alone. All of Llama 3.1 to 3.3 differ in `factor`
    only, which divides the slowest pair; whether the others agree is checked.
    """
    scaling = {
        "rope_type": "llama3",
        "factor": _as_meant(float(divisors.max())),
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    plain = rope_frequencies(replace(config, rope_scaling=None))
    scaled = rope_frequencies(replace(config, rope_scaling=scaling))
    expected = (plain / scaled).numpy()
    if divisors.shape != expected.shape or not np.allclose(divisors, expected, rtol=1e-4):
        raise ModelUnsupported(
            "the GGUF file stretches its rotary embedding otherwise than Llama 3 does",
            "use the safetensors of this model",
        )
    return scaling


def _as_meant(stored: float) -> float:
    """A number kept as float32: seven digits give back the decimal that was written."""
    return float(f"{stored:.7g}")


def _cutting(name: str | None, source: Path) -> pre_tokenizers.PreTokenizer:
    """How text is cut before it is encoded; raises ModelUnsupported for a name that is not known.

    Cut otherwise, a text gets other tokens than those the model was trained on, and nothing fails.
    """
    whole = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=name not in DIGITS)
    if name == "gpt-2":
        return whole
    if name == "smollm":
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), whole])
    if name not in DIGITS:
        raise ModelUnsupported(
            f"{source} cuts text by rules of the name {name!r}, which are not known here"
            if name
            else f"{source} does not say how text is cut",
            "use the safetensors of this model",
        )
    words = Regex(WORDS.replace("DIGITS", DIGITS[name]))
    return pre_tokenizers.Sequence([pre_tokenizers.Split(words, "isolated"), whole])


def _write_tokenizer(reader: _Reader, source: Path, target: Path) -> None:
    """Write `tokenizer.json`, the chat template and the special ids."""
    from tokenizers import normalizers
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast.from_pretrained(str(source.parent), gguf_file=source.name)
    backend = tokenizer.backend_tokenizer
    # A GGUF says this by a name only, and transformers' conversion takes another name's for some.
    if reader.value("tokenizer.ggml.model") == "gpt2":
        pre = reader.value("tokenizer.ggml.pre")
        backend.pre_tokenizer = _cutting(pre, source)
        if pre == "qwen2":
            backend.normalizer = normalizers.NFC()
    backend.save(str(target / "tokenizer.json"))
    template = reader.value("tokenizer.chat_template")
    if not template:
        raise ModelUnsupported(f"{source} has no chat template", "use a model made for chat")
    (target / "chat_template.jinja").write_text(template, "utf-8")

    tokens: list[str] = reader.value("tokenizer.ggml.tokens")
    kinds: list[int] = reader.value("tokenizer.ggml.token_type")
    control = {token: i for i, token in enumerate(tokens) if kinds[i] == CONTROL}
    ends = [int(reader.value("tokenizer.ggml.eos_token_id"))]
    ends += [control[name] for name in END_TOKENS if name in control]
    begin = reader.value("tokenizer.ggml.bos_token_id")
    special = {"eos_token_id": list(dict.fromkeys(ends)), "bos_token_id": begin}
    write_json(target / "generation_config.json", special)
    names = {"eos_token": tokens[ends[0]], "bos_token": None if begin is None else tokens[begin]}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **names}
    (target / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
