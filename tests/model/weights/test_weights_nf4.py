"""NF4 is made once, kept beside the library, and made anew when it or its source changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from weights_support import Folder

from vademecum.model import weights
from vademecum.model.linear import QuantizedLinear
from vademecum.settings import Settings


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


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
