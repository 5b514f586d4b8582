"""Small random models, saved by transformers as folders."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models
from weights_support import Folder

from vademecum.settings import Settings


@pytest.fixture
def where(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", offline=False)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """`saved(family, dtype, **shape)`: a folder as `save_pretrained` leaves it, made once."""
    made: dict[str, Path] = {}

    def find(family: str, dtype: torch.dtype, **shape: Any) -> Path:
        key = repr((family, dtype, sorted(shape.items())))
        if key not in made:
            made[key] = tmp_path_factory.mktemp("saved")
            save(made[key], family, dtype, **shape)
        return made[key]

    return find


def save(folder: Path, family: str, dtype: torch.dtype, **shape: Any) -> None:
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
    model.save_pretrained(folder)
    Tokenizer(models.BPE()).save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text("{{ messages }}")


@pytest.fixture
def folder(tmp_path: Path, saved: Folder) -> Folder:
    """`folder(family="qwen2", dtype=torch.bfloat16, **shape)`: a copy of such a folder, the
    test's own."""

    def make(family: str = "qwen2", dtype: torch.dtype = torch.bfloat16, **shape: Any) -> Path:
        made = tmp_path / f"{family}-model"
        shutil.copytree(saved(family, dtype, **shape), made)
        return made

    return make
