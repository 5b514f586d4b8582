"""The architecture of every R1 model, from a folder of shards to the tokens of transformers.

Head counts, head dimensions, positions and ties are those of each model's own `config.json`;
layers, hidden size and vocabulary are cut down, and the weights are random.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, models
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from vademecum.model import weights
from vademecum.model.chat import Chat
from vademecum.model.decoder import Decoder
from vademecum.model.interface import Message
from vademecum.model.kernels import choose
from vademecum.model.presets import PRESETS, preset
from vademecum.settings import Settings

VOCAB, HIDDEN, LAYERS, PROMPT, STEPS = 512, 192, 2, 96, 16
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
QWEN2 = {"rms_norm_eps": 1e-6, "use_sliding_window": False, "sliding_window": 4096}
# What a preset does not say.
REAL: dict[str, dict[str, Any]] = {
    # In full width, and as Qwen2's own: the head dimension is not told, but follows from it.
    "r1-qwen-1.5b": QWEN2 | {"rope_theta": 10_000.0, "hidden_size": 1536, "head_dim": None},
    "r1-qwen-7b": QWEN2 | {"rope_theta": 10_000.0},
    "r1-qwen-14b": QWEN2 | {"rope_theta": 1_000_000.0, "rms_norm_eps": 1e-5},
    "r1-qwen-32b": QWEN2 | {"rope_theta": 1_000_000.0, "rms_norm_eps": 1e-5},
    "r1-llama-8b": {"rope_theta": 500_000.0, "rope_scaling": LLAMA3, "rms_norm_eps": 1e-5},
    "r1-llama-70b": {"rope_theta": 500_000.0, "rope_scaling": LLAMA3, "rms_norm_eps": 1e-5},
    "r1-0528-qwen3-8b": {
        "rope_theta": 1_000_000.0,
        # transformers does not read `attn_factor`, which comes to this (see rope_magnitude).
        "rope_scaling": YARN | {"attention_factor": 1.0},
        "rms_norm_eps": 1e-6,
    },
}
# Settings that the families allow and users' folders have.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama tied": ("r1-llama-8b", {"tie_word_embeddings": True}),
    "llama linear": ("r1-llama-8b", {"rope_scaling": {"rope_type": "linear", "factor": 4.0}}),
    "llama dynamic": ("r1-llama-8b", {"rope_scaling": {"rope_type": "dynamic", "factor": 4.0}}),
    "llama yarn": ("r1-llama-8b", {"rope_scaling": YARN | {"truncate": False}}),
    "qwen2 tied": ("r1-qwen-1.5b", {"tie_word_embeddings": True}),
    "qwen2 yarn": ("r1-qwen-7b", {"rope_theta": 1e6, "rope_scaling": YARN}),
    "qwen3 tied": ("r1-0528-qwen3-8b", {"tie_word_embeddings": True, "rope_scaling": None}),
    "qwen3 yarn": ("r1-0528-qwen3-8b", {"rope_scaling": YARN}),
}


@dataclass(frozen=True)
class Saved:
    """A folder that `save_pretrained` wrote, and the model it was written from."""

    folder: Path
    model: PreTrainedModel


def shape(name: str) -> dict[str, Any]:
    """`config.json` of a preset, cut down but for its heads and positions."""
    real = PRESETS[name]
    return {
        "model_type": real.family,
        "vocab_size": VOCAB,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": real.heads,
        "num_key_value_heads": real.kv_heads,
        "head_dim": real.head_dim,
        "hidden_size": HIDDEN,
        "intermediate_size": 256,
        "max_position_embeddings": real.max_positions,
        "tie_word_embeddings": real.tied,
        "bos_token_id": 0,
        "eos_token_id": 1,
    } | REAL[name]


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Saved]:
    def make(name: str, **changes: Any) -> Saved:
        raw = {key: value for key, value in (shape(name) | changes).items() if value is not None}
        config = AutoConfig.for_model(raw.pop("model_type"), **raw)
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
        for parameter_name, parameter in model.named_parameters():
            # Zero biases and unit norms would hide what is left out.
            if parameter_name.endswith("bias"):
                torch.nn.init.normal_(parameter)
            elif "norm" in parameter_name:
                torch.nn.init.uniform_(parameter, 0.5, 1.5)
            else:
                torch.nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5)
        folder = tmp_path / "model"
        model.save_pretrained(folder, max_shard_size="2MB")
        Tokenizer(models.BPE()).save(str(folder / "tokenizer.json"))
        (folder / "chat_template.jinja").write_text("{{ messages }}")
        return Saved(folder, model)

    return make


def assert_same_tokens(saved: Saved, home: Path) -> None:
    """Logits after a prompt in two chunks, then of `STEPS` greedy steps, and the tokens."""
    loaded = weights.load(str(saved.folder), "f32", settings=Settings(home=home, offline=True))
    decoder = Decoder(
        loaded.config,
        loaded.tensors,
        kernels=choose(torch.device("cpu")),
        dtype=torch.float32,
    )
    ids = torch.randint(0, VOCAB, (PROMPT,), generator=torch.Generator().manual_seed(1))
    cache = decoder.new_cache(PROMPT + STEPS)
    sequence = cache.open(ids.tolist(), PROMPT + STEPS)
    decoder.prefill(ids[:32], cache, sequence)
    ours = [decoder.prefill(ids[32:], cache, sequence)]
    for _ in range(STEPS - 1):
        ours.append(decoder.decode(ours[-1].argmax().view(1), cache, sequence)[0])
        decoder.keep(1, cache, sequence)

    theirs = greedy(saved.model, ids)
    torch.testing.assert_close(torch.stack(ours), theirs, rtol=1e-4, atol=1e-4)
    assert torch.stack(ours).argmax(-1).tolist() == theirs.argmax(-1).tolist()
    assert theirs.std() > 0.1  # logits that are all alike would agree with anything


@torch.inference_mode()
def greedy(model: PreTrainedModel, ids: Tensor) -> Tensor:
    """Logits of every greedy step of transformers, float32 `[STEPS, vocab]`."""
    out = model(ids[None], use_cache=True, logits_to_keep=1)
    logits = [out.logits[0, -1]]
    for _ in range(STEPS - 1):
        token = logits[-1].argmax().view(1, 1)
        out = model(token, past_key_values=out.past_key_values, use_cache=True)
        logits.append(out.logits[0, -1])
    return torch.stack(logits)


@pytest.mark.parametrize("name", REAL)
def test_every_r1_model_computes_what_transformers_computes(
    name: str, saved: Callable[..., Saved], tmp_path: Path
) -> None:
    made = saved(name)
    assert (made.folder / "model.safetensors.index.json").is_file()
    assert len(list(made.folder.glob("*.safetensors"))) > 1
    assert_same_tokens(made, tmp_path / "home")


def test_every_r1_model_is_compared() -> None:
    assert set(REAL) == {name for name, real in PRESETS.items() if real.reasons}


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_else_the_families_allow(
    variant: str, saved: Callable[..., Saved], tmp_path: Path
) -> None:
    name, changes = VARIANTS[variant]
    assert_same_tokens(saved(name, **changes), tmp_path / "home")


def test_r1s_own_template_from_its_folder(
    real_data: Path, saved: Callable[..., Saved], tmp_path: Path
) -> None:
    """The prompt that transformers renders, with the turn opened for thinking."""
    template = (real_data / "r1" / "chat_template.jinja").read_text("utf-8")
    special = json.loads((real_data / "r1" / "special_tokens.json").read_text("utf-8"))
    tokens: dict[str, int] = special["special_tokens"]
    texts = {number: text for text, number in tokens.items()}
    bos, eos = (texts[special[name]] for name in ("bos_token_id", "eos_token_id"))
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in tokens])
    whole = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=bos, eos_token=eos, chat_template=template
    )
    folder = saved("r1-qwen-1.5b", vocab_size=len(tokens) + 1).folder
    whole.save_pretrained(folder)

    loaded = weights.load(str(folder), "bf16", settings=Settings(home=tmp_path, offline=True))
    found = preset(str(folder))
    assert found.reasons
    chat = Chat.load(
        loaded.tokenizer_json,
        loaded.chat_template,
        bos_id=loaded.bos_id,
        eos_ids=loaded.eos_ids,
        reasons=found.reasons,
    )
    messages = [Message("system", "Cite."), Message("user", "Why?")]
    messages += [Message("assistant", "So."), Message("user", "And?")]
    expected = whole.apply_chat_template(
        [{"role": message.role, "content": message.content} for message in messages],
        add_generation_prompt=True,
        tokenize=False,
    )
    assert chat.render(messages) == f"{expected}<think>\n"
    assert expected.startswith(f"{bos}Cite.<｜User｜>Why?")
