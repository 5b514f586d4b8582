"""Packed weights: laid out once for this machine, mapped afterwards, done without if need be."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from notes_support import Notes
from torch import Tensor

from vademecum.model import head as heads
from vademecum.model import packed
from vademecum.model.config import ModelConfig
from vademecum.model.decoder import Decoder
from vademecum.model.head import HalvedInt8
from vademecum.model.kernels import NAIVE
from vademecum.model.linear import QuantizedLinear, Weight
from vademecum.model.packed import Made, Mapped

PACKED = ("model.layers.0.self_attn.q_proj+k_proj+v_proj", "lm_head")
Tensors = Callable[[ModelConfig], dict[str, Tensor]]
Bits = Literal[4, 8]


@pytest.fixture
def config(qwen2: ModelConfig) -> ModelConfig:
    return replace(qwen2, intermediate=128, layers=2)


@pytest.fixture
def weights(config: ModelConfig, tensors_of: Tensors) -> Callable[[Bits], dict[str, Weight]]:
    def build(bits: Bits) -> dict[str, Weight]:
        plain = {name: tensor.bfloat16() for name, tensor in tensors_of(config).items()}
        return {
            name: QuantizedLinear.quantize(tensor) if bits == 4 and "_proj.w" in name else tensor
            for name, tensor in plain.items()
        }

    return build


Load = Callable[..., Any]


@pytest.fixture
def load(tmp_path: Path, config: ModelConfig, weights: Callable[[Bits], dict[str, Weight]]) -> Load:
    """`load(bits=4, notes=None, **source)`: from `tmp_path / "packed"`."""

    def run(bits: Bits = 4, notes: Notes | None = None, **source: Any) -> Any:
        return packed.load(
            tmp_path / "packed",
            config,
            weights(bits),
            bits,
            source=source,
            name="random",
            progress=notes or Notes(),
        )

    return run


def logits(config: ModelConfig, tensors: dict[str, Weight], ready: Any) -> Tensor:
    decoder = Decoder(config, tensors, kernels=NAIVE, dtype=torch.bfloat16, packed=ready)
    ids = torch.arange(40)
    cache = decoder.new_cache(64)
    sequence = cache.open(ids.tolist(), 64)
    prompt = decoder.prefill(ids, cache, sequence)
    return torch.stack((prompt, decoder.decode(ids[:1], cache, sequence)[0]))


@pytest.mark.parametrize("bits", [4, 8])
def test_mapped_products_are_those_made_in_memory(
    load: Load, config: ModelConfig, weights: Callable[[Bits], dict[str, Weight]], bits: Bits
) -> None:
    mapped = load(bits)
    assert isinstance(mapped, Mapped)
    assert set(mapped) == set(Made(config, weights(bits), bits))
    expected = logits(config, weights(bits), Made(config, weights(bits), bits))
    assert torch.equal(logits(config, weights(bits), mapped), expected)


def test_a_head_in_halves_is_mapped(
    load: Load,
    config: ModelConfig,
    weights: Callable[[Bits], dict[str, Weight]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("vademecum.model.kernels.halves", exc_type=ImportError)
    monkeypatch.setattr(heads, "HALVED_OUTPUTS", config.vocab_size)
    mapped = load()
    assert isinstance(mapped, Mapped)
    assert isinstance(mapped["lm_head"], HalvedInt8)
    expected = logits(config, weights(4), Made(config, weights(4), 4))
    assert torch.equal(logits(config, weights(4), mapped), expected)


def test_the_decoder_reads_no_matrix_that_is_packed(
    load: Load, config: ModelConfig, weights: Callable[[Bits], dict[str, Weight]]
) -> None:
    rest = {name: tensor for name, tensor in weights(4).items() if "_proj.w" not in name}
    del rest["lm_head.weight"]
    assert logits(config, rest, load()).isfinite().all()


def test_8_bit_is_near_to_what_was_quantised(
    load: Load, config: ModelConfig, weights: Callable[[Bits], dict[str, Weight]]
) -> None:
    exact = logits(config, weights(8), None)
    found = logits(config, weights(8), load(8))
    assert torch.linalg.norm(found - exact) < 0.05 * torch.linalg.norm(exact)


def test_data_begins_at_a_cache_line(load: Load) -> None:
    mapped = load()
    tensors = [tensor for name in PACKED for tensor in mapped[name].tensors().values()]
    assert tensors
    assert all(tensor.data_ptr() % 64 == 0 for tensor in tensors)


def test_it_is_made_once(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    load()
    monkeypatch.delattr(packed, "packed")
    assert isinstance(load(), Mapped)


@pytest.mark.parametrize("fact", ["torch", "bitsandbytes", "capability", "kernel", "format"])
def test_another_version_or_processor_makes_it_anew(load: Load, tmp_path: Path, fact: str) -> None:
    load()
    stamp = tmp_path / "packed" / "vademecum.json"
    mine = json.loads(stamp.read_text())
    stamp.write_text(json.dumps(mine | {fact: "another"}))
    (tmp_path / "packed" / "left-over").touch()
    load()
    assert json.loads(stamp.read_text()) == mine
    assert sorted(file.name for file in (tmp_path / "packed").iterdir()) == [
        "model.safetensors", "vademecum.json",
    ]  # fmt: skip


def test_another_source_makes_it_anew(load: Load, tmp_path: Path) -> None:
    load(converted=1)
    load(converted=2)
    assert json.loads((tmp_path / "packed" / "vademecum.json").read_text())["converted"] == 2


def test_a_file_cut_short_is_made_anew(load: Load, tmp_path: Path) -> None:
    load()
    file = tmp_path / "packed" / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    assert isinstance(load(), Mapped)
    assert file.read_bytes() == whole


def test_a_full_disk_is_told_and_done_without(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        free = 1000

    monkeypatch.setattr(packed.shutil, "disk_usage", lambda _: Full)
    notes = Notes()
    assert isinstance(load(notes=notes), Made)
    assert "starts slower" in notes.told[0]
    assert not (tmp_path / "packed").exists()


# What the weights were saved in, and the folder to make: killed before the last file has its name.
KILLED = """
import os, signal, sys
import torch
from vademecum.model import packed
from vademecum.progress import Silent
config, weights = torch.load(sys.argv[1], weights_only=False)
packed.ShardWriter.finish = lambda _: os.kill(os.getpid(), signal.SIGKILL)
folder = packed.Path(sys.argv[2])
packed.load(folder, config, weights, 4, source={}, name="random", progress=Silent())
"""


def test_a_kill_leaves_nothing_that_counts(
    load: Load, tmp_path: Path, config: ModelConfig, weights: Callable[[Bits], dict[str, Weight]]
) -> None:
    torch.save((config, weights(4)), tmp_path / "weights")
    command = [sys.executable, "-c", KILLED, tmp_path / "weights", tmp_path / "packed"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / "packed").exists()
    assert [*tmp_path.glob(".packed-*")]
    assert isinstance(load(), Mapped)
    assert not [*tmp_path.glob(".packed-*")]


def test_processes_that_start_at_once_make_it_once(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []
    write = packed._write

    def counted(folder: Path, *rest: Any) -> None:
        written.append(folder)
        write(folder, *rest)

    monkeypatch.setattr(packed, "_write", counted)
    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(written) == 1
