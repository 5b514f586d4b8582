"""Real weights: `tiny` comes through our conversion as through that of transformers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from torch import Tensor

from vademecum.assets import fetch
from vademecum.model import weights
from vademecum.model.presets import PRESETS
from vademecum.settings import Settings

pytestmark = pytest.mark.e2e

TEXTS = (
    "Metformin lowered HbA1c by 1.1% (95% CI 0.8-1.4; p < 0.001) in 2,021 adults.",
    "  two spaces, a\ttab\nand a new line",
    "naïve café: 高血压患者 🩺",
    "<|im_start|>user\nHello<|im_end|>\n",
)


@pytest.fixture(scope="module")
def where(assets_home: Path) -> Settings:
    return Settings(home=assets_home, offline=False)


@pytest.fixture(scope="module")
def tiny(where: Settings) -> weights.Weights:
    return weights.load("tiny", "bf16", settings=where)


def test_tensors_are_those_of_transformers(tiny: weights.Weights, where: Settings) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    asset = PRESETS["tiny"].asset
    assert asset is not None
    config = AutoConfig.from_pretrained(tiny.tokenizer_json.parent)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    expected: dict[str, Tensor] = load_gguf_checkpoint(
        str(fetch(asset, settings=where)),
        return_tensors=True,
        model_to_load=model,
        torch_dtype=torch.bfloat16,
    )["tensors"]
    expected.pop("lm_head.weight", None)  # tied
    assert set(tiny.tensors) == set(expected)
    for name, tensor in expected.items():
        found = tiny.tensors[name]
        assert isinstance(found, Tensor)
        assert torch.equal(found, tensor), name


def test_the_tokenizer_is_that_of_transformers_and_gives_text_back(tiny: weights.Weights) -> None:
    from transformers import AutoTokenizer

    asset = PRESETS["tiny"].asset
    assert asset is not None
    folder = tiny.tokenizer_json.parent
    ours = Tokenizer.from_file(str(tiny.tokenizer_json))
    theirs = AutoTokenizer.from_pretrained(folder.parent.parent / "assets", gguf_file=asset.name)
    for text in TEXTS:
        ids = ours.encode(text, add_special_tokens=False).ids
        assert ids == theirs(text, add_special_tokens=False)["input_ids"], text
        assert ours.decode(ids, skip_special_tokens=False) == text


def test_control_tokens_stay_whole_and_digits_stand_alone(tiny: weights.Weights) -> None:
    ours = Tokenizer.from_file(str(tiny.tokenizer_json))
    assert ours.encode("<|im_start|>").ids == [tiny.bos_id]
    assert ours.encode("<|im_end|>").ids[0] in tiny.eos_ids
    assert len(ours.encode("2021").ids) == 4


def test_it_predicts_what_a_language_model_predicts(tiny: weights.Weights) -> None:
    """The folder is one that transformers loads too, and its model knows some geography."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny.tokenizer_json.parent, dtype=torch.float32)
    tokenizer = Tokenizer.from_file(str(tiny.tokenizer_json))
    ids = torch.tensor([tokenizer.encode("The capital of France is").ids])
    with torch.inference_mode():
        best = int(model(ids).logits[0, -1].argmax())
    assert tokenizer.decode([best]).strip() == "Paris"


def test_nf4_costs_what_the_preset_says(where: Settings) -> None:
    loaded = weights.load("tiny", "nf4", settings=where)
    held = 0
    for tensor in loaded.tensors.values():
        if isinstance(tensor, Tensor):
            held += tensor.nbytes
        else:
            held += tensor.packed.nbytes + tensor.absmax.nbytes
    head = loaded.packed["lm_head"].tensors()
    scales = head["scale"].nbytes
    held += sum(tensor.nbytes for tensor in head.values()) - scales
    assert held == PRESETS["tiny"].memory_bytes(4)
    assert scales < 0.001 * held
    assert loaded.config.layers == PRESETS["tiny"].layers


def test_loading_again_needs_neither_network_nor_transformers(where: Settings) -> None:
    weights.load("tiny", "nf4", settings=where)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from vademecum.model import weights\n"
        "from vademecum.settings import Settings\n"
        f"weights.load('tiny', settings=Settings(Path({str(where.home)!r}), True))\n"
        "sys.exit(bool({'transformers', 'gguf', 'huggingface_hub'} & set(sys.modules)))\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
