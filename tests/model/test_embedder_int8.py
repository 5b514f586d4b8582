"""The int8 path: near float32, a text's vector is its own, made once, and left with a reason."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vademecum.errors import ModelError, OutOfSpace, UsageError
from vademecum.model import embedder, embedder_graph, embedder_int8, hardware
from vademecum.model.embedder import Embedder, foresee
from vademecum.model.embedder_float import batches
from vademecum.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

WORDS = "aspirin lowers the risk of stroke in adults with diabetes and kidney disease".split()
TEXTS = [" ".join(WORDS[n % 7 :: 1 + n % 3] * (1 + n)) for n in range(9)]
FolderOf = Callable[..., Path]


def test_onnx_runtime_is_told_to_send_nothing(tmp_path: Path) -> None:
    """Untold, it leaves a number for this machine and a queue of what to send as it is imported."""
    program = "from vademecum.model import embedder_int8; import onnxruntime, time; time.sleep(1)"
    told = {"HOME": tmp_path, "XDG_CACHE_HOME": tmp_path / "cache", "TMPDIR": tmp_path}
    kept = {k: v for k, v in os.environ.items() if k not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment = kept | {name: str(path) for name, path in told.items()}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=120)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of its own, on a processor that multiplies int8, without a GPU."""
    monkeypatch.setattr(hardware, "features", lambda: ("avx2", "avx512f", "avx512_vnni"))
    return Settings(home=tmp_path / "home", offline=True, device="cpu")


@pytest.fixture
def folder_of(tmp_path: Path) -> FolderOf:
    """`folder_of(family="bert", pooling="mean", act="gelu", prompts=None, truncate=None)`: a small
    embedder with random weights, saved as a folder."""

    def build(
        family: str = "bert",
        pooling: str = "mean",
        act: str = "gelu",
        prompts: dict[str, str] | None = None,
        truncate: int | None = None,
    ) -> Path:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
        from transformers import AutoModel, BertConfig, PreTrainedTokenizerFast, XLMRobertaConfig

        vocabulary = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", *WORDS, "?"]
        backend = Tokenizer(
            models.WordLevel({w: n for n, w in enumerate(vocabulary)}, unk_token="[UNK]")
        )
        backend.normalizer = normalizers.Lowercase()
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 0))
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", model_max_length=48
        )
        kind: Any = BertConfig if family == "bert" else XLMRobertaConfig
        torch.manual_seed(0)
        model = AutoModel.from_config(
            kind(
                vocab_size=len(vocabulary),
                hidden_size=64,
                num_hidden_layers=2,
                num_attention_heads=4,
                intermediate_size=128,
                max_position_embeddings=64,
                type_vocab_size=2 if family == "bert" else 1,
                pad_token_id=1,  # from where XLM-RoBERTa counts positions
                hidden_act=act,
                initializer_range=0.3,
            )
        )
        plain, folder = tmp_path / "plain", tmp_path / f"{family}-{pooling}-{act}"
        model.save_pretrained(plain)
        tokenizer.save_pretrained(plain)
        parts = [Transformer(str(plain), max_seq_length=48), Pooling(64, pooling_mode=pooling)]
        SentenceTransformer(
            modules=parts, prompts=prompts, truncate_dim=truncate, device="cpu"
        ).save_pretrained(str(folder), create_model_card=False)
        return folder

    return build


def cosines(ours: Any, theirs: Any) -> Any:
    return (ours * theirs).sum(axis=-1)


@pytest.mark.parametrize(
    ("family", "pooling"), [("bert", "mean"), ("bert", "cls"), ("xlm-roberta", "mean")]
)
def test_vectors_are_those_of_float32(
    folder_of: FolderOf, where: Settings, family: str, pooling: str
) -> None:
    folder = str(folder_of(family, pooling))
    ours, theirs = (
        Embedder.load(folder, settings=where, precision=precision)
        for precision in ("auto", "float")
    )
    assert ours.path.startswith("int8, ONNX Runtime"), ours.reason
    assert (theirs.path, theirs.reason) == ("float32, PyTorch, on the processor", "asked for")
    assert (ours.name, ours.dim, ours.max_tokens) == (theirs.name, theirs.dim, theirs.max_tokens)
    assert ours.count_tokens(TEXTS) == theirs.count_tokens(TEXTS)
    assert max(ours.count_tokens(TEXTS)) > ours.max_tokens
    near = cosines(ours.embed_passages(TEXTS), theirs.embed_passages(TEXTS))
    assert near.min() > 0.99
    # As far from another text as float32 is: not all vectors are alike.
    assert cosines(ours.embed_passages(TEXTS[:1]), theirs.embed_passages(TEXTS[1:2]))[0] < 0.98


def test_a_vector_depends_on_its_text_alone(folder_of: FolderOf, where: Settings) -> None:
    embedder = Embedder.load(str(folder_of()), settings=where)
    together = embedder.embed_passages(TEXTS)
    alone = np.concatenate([embedder.embed_passages([text]) for text in reversed(TEXTS)])
    np.testing.assert_array_equal(together, alone[::-1])


def test_tokens_are_counted_in_another_process_too(folder_of: FolderOf, where: Settings) -> None:
    embedder = Embedder.load(str(folder_of()), settings=where)
    sent = pickle.loads(pickle.dumps(embedder.counter))
    assert sent.max_tokens == embedder.max_tokens
    assert sent.count_tokens([*TEXTS, "a\ud800"]) == embedder.count_tokens([*TEXTS, "a\ufffd"])


def test_prompts_and_a_saved_length_are_kept(folder_of: FolderOf, where: Settings) -> None:
    prompts = {"query": "risk of ", "passage": "kidney disease "}
    folder = str(folder_of(prompts=prompts, truncate=24))
    ours, theirs = (
        Embedder.load(folder, settings=where, precision=precision)
        for precision in ("auto", "float")
    )
    assert ours.path.startswith("int8")
    assert ours.dim == theirs.dim == 24
    assert cosines(ours.embed_passages(TEXTS), theirs.embed_passages(TEXTS)).min() > 0.99
    assert cosines(ours.embed_query("stroke"), theirs.embed_query("stroke")) > 0.99
    assert cosines(ours.embed_query("stroke"), ours.embed_passages(["stroke"])[0]) < 0.99


def test_shorter_vectors_have_a_name_of_their_own(folder_of: FolderOf, where: Settings) -> None:
    folder = str(folder_of())
    whole, short = (Embedder.load(name, settings=where) for name in (folder, f"{folder}@16"))
    assert (short.name, short.dim) == (f"{folder}@16", 16)
    found, kept = short.embed_passages(TEXTS), whole.embed_passages(TEXTS)[:, :16]
    np.testing.assert_allclose(found, kept / np.linalg.norm(kept, axis=1, keepdims=True), atol=1e-6)
    with pytest.raises(UsageError, match="64 numbers, not 65"):
        Embedder.load(f"{folder}@65", settings=where)


def test_it_is_made_once_and_anew_when_damaged_or_stale(
    folder_of: FolderOf, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, made = folder_of(), []
    make = embedder_graph.make

    def counted(*args: Any) -> Any:
        made.append(1)
        return make(*args)

    monkeypatch.setattr(embedder_graph, "make", counted)

    def vectors() -> Any:
        return Embedder.load(str(folder), settings=where).embed_passages(TEXTS)

    first = vectors()
    np.testing.assert_array_equal(vectors(), first)
    assert len(made) == 1
    (place,) = where.models.glob("local-*-int8")
    graph = place / embedder_int8.GRAPH
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(content)
    np.testing.assert_array_equal(vectors(), first)
    (place / embedder_int8.STAMP).write_text("{")
    np.testing.assert_array_equal(vectors(), first)
    assert len(made) == 3
    (folder / "README.md").write_text("saved again")  # a folder counts as a whole
    np.testing.assert_array_equal(vectors(), first)
    assert len(made) == 4


def test_two_at_once_make_it_once(
    folder_of: FolderOf, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, filled = str(folder_of()), []
    fill = embedder_graph._filled

    def counted(*args: Any) -> Any:
        filled.append(1)
        return fill(*args)

    monkeypatch.setattr(embedder_graph, "_filled", counted)
    threads = [
        threading.Thread(target=Embedder.load, args=(folder,), kwargs={"settings": where})
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(filled) == 1
    assert Embedder.load(folder, settings=where).path.startswith("int8")


@pytest.mark.parametrize(
    ("features", "path"),
    [((), "float32"), (("avx2",), "float32"), (("avx512_bf16",), "bfloat16")],
)
def test_without_vnni_it_is_float_and_says_so(
    folder_of: FolderOf,
    where: Settings,
    monkeypatch: pytest.MonkeyPatch,
    features: tuple[str, ...],
    path: str,
) -> None:
    monkeypatch.setattr(hardware, "features", lambda: features)
    embedder = Embedder.load(str(folder_of()), settings=where)
    assert embedder.path == f"{path}, PyTorch, on the processor"
    assert "VNNI" in embedder.reason
    assert foresee(where) == (f"{path} on the processor", embedder.reason)
    assert embedder.embed_passages(TEXTS).shape == (len(TEXTS), 64)


@pytest.mark.parametrize("module", ["onnxruntime", "onnx"])
def test_without_the_packages_it_is_float_and_says_so(
    folder_of: FolderOf, where: Settings, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    embedder = Embedder.load(str(folder_of()), settings=where)
    assert embedder.path == "float32, PyTorch, on the processor"
    assert embedder.reason == f"{module} cannot be imported"
    assert foresee(where)[1] == embedder.reason


def test_a_model_of_another_shape_is_float_and_remembered(
    folder_of: FolderOf, where: Settings
) -> None:
    folder = str(folder_of(act="relu"))
    embedder = Embedder.load(folder, settings=where)
    assert embedder.path.startswith("float32")
    assert embedder.reason == "no int8 form is known: its activation is relu"
    (stamp,) = where.models.glob("local-*-int8/*")
    assert json.loads(stamp.read_text())["unfit"] == embedder.reason


def test_too_far_from_float32_is_float(
    folder_of: FolderOf, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedder_graph, "LEVELS", 1)  # as if int8 were two bits
    embedder = Embedder.load(str(folder_of()), settings=where)
    assert embedder.path.startswith("float32")
    assert "too far from float32" in embedder.reason


def test_nowhere_to_keep_it_is_float(
    folder_of: FolderOf, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OutOfSpace("the disk is full", "free some")

    monkeypatch.setattr(embedder_graph, "alone", full)
    embedder = Embedder.load(str(folder_of()), settings=where)
    assert embedder.reason == "its int8 form cannot be kept: the disk is full"


def test_a_gpu_that_is_not_there(where: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    asked = replace(where, device="cuda")
    with pytest.raises(UsageError, match="GPU cannot be used"):
        foresee(asked)
    with pytest.raises(UsageError, match="unknown device"):
        foresee(replace(where, device="tpu"))
    assert foresee(replace(where, device="")) == foresee(where)


def test_a_gpu_that_fails_is_told(
    folder_of: FolderOf, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_memory(folder: Path, device: str, dtype: str) -> Any:
        if device == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate ...")
        return load(folder, "cpu", dtype)

    load = embedder.load_float
    monkeypatch.setattr(embedder, "_gpu_obstacle", lambda: None)
    monkeypatch.setattr(embedder, "load_float", out_of_memory)
    folder, told = str(folder_of()), "loading the embedder onto the GPU failed: CUDA out of memory."
    found = Embedder.load(folder, settings=replace(where, device=""))
    assert found.path.startswith("int8")
    assert found.reason.endswith(f"; {told}")
    found = Embedder.load(folder, settings=replace(where, device=""), precision="float")
    assert found.reason == f"asked for; {told}"
    with pytest.raises(ModelError, match=told):
        Embedder.load(folder, settings=where, device="cuda")


def test_batches_are_of_like_length_and_bounded() -> None:
    tokens = [5, 300, 17, 40, 40, 9]
    found = list(batches(tokens, budget=100))
    assert found == [[1], [3, 4], [2, 5, 0]]
    assert list(batches([], budget=100)) == []
