"""The kernels that need most shared memory fit what a block is given: no GPU is needed to compile.

An RTX 40 (89) and an RTX 50 (120) give a block 99 KB, a Hopper (90) 227.
"""

from __future__ import annotations

import os

import pytest
import torch

pytest.importorskip("triton")
if os.environ.get("TRITON_INTERPRET") == "1":
    pytest.skip("what is interpreted is not compiled", allow_module_level=True)
os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")  # Triton 3.9 warns where neither is said

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime.jit import JITFunction

from vademecum.model.kernels.triton import early, flash, matmul

SHARED = {89: 101_376, 90: 232_448, 120: 101_376}
FORMS: tuple[matmul.Form, ...] = ("plain", "gated", "added")
CARD = torch.device("cpu")  # what it is said to be, below


def shared_bytes(
    kernel: JITFunction, given: dict[str, str], constants: dict[str, object], capability: int
) -> int:
    """Of a block, of 8 warps."""
    names = kernel.arg_names
    aligned = [names.index(name) for name, kind in given.items() if kind.startswith("*")]
    aligned += [names.index(name) for name in ("outputs", "inner") if name in given]
    source = ASTSource(
        kernel,
        {name: given.get(name, "constexpr") for name in names},
        {(names.index(name),): value for name, value in constants.items()},
        {(place,): [["tt.divisibility", 16]] for place in aligned},
    )
    target = GPUTarget("cuda", capability, 32)
    return int(triton.compile(source, target=target, options={"num_warps": 8}).metadata.shared)


@pytest.fixture(params=SHARED)
def capability(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    found: int = request.param
    monkeypatch.setattr(early, "hopper", lambda _: found >= 90)
    monkeypatch.setattr(early, "_shared", lambda _: SHARED[found])
    monkeypatch.setattr(matmul, "_processors", lambda _: 128)
    return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", [128, 2_048])  # few tiles are cut otherwise than many
def test_a_product_of_many_rows_fits(capability: int, form: matmul.Form, rows: int) -> None:
    tiles, engine = matmul.tuned(CARD, form, rows, 4_608), early.as_hopper(CARD)
    given = {
        "x": f"tensordesc<i8[{tiles.rows},{tiles.inputs}]>" if engine else "*i8",
        "weight": f"tensordesc<i8[{tiles.columns},{tiles.inputs}]>" if engine else "*i8",
        "x_scale": "*fp32", "weight_scale": "*fp32", "bias": "*bf16",
        "out": "*fp32" if form == "added" else "*bf16",
        "rows": "i32", "outputs": "i32", "inner": "i32",
    }  # fmt: skip
    constants: dict[str, object] = {
        "FORM": form, "BIASED": form == "plain", "ROWS": tiles.rows, "COLUMNS": tiles.columns,
        "INPUTS": tiles.inputs, "GROUP": tiles.group, "STAGES": tiles.stages, "ENGINE": engine,
    }  # fmt: skip
    taken = shared_bytes(matmul.matmul_kernel, given, constants, capability)
    assert 0 < taken <= SHARED[capability]


@pytest.mark.parametrize("dim", [64, 128])
def test_attention_of_a_prompt_fits(capability: int, dim: int) -> None:
    engine = capability >= 90
    part = f"tensordesc<bf16[64,{dim}]>" if engine else "*bf16"
    given = {
        "query": "*bf16", "keys": part, "values": part, "out": "*bf16", "weight": "*fp32",
        "tokens": "i32", "n": "i32", "shift": "i32", "scaling": "fp32",
    }  # fmt: skip
    constants: dict[str, object] = {
        "HEADS": 28, "KV_HEADS": 4, "DIM": dim, "ROWS": 128, "COLUMNS": 64, "ENGINE": engine,
        "WIDE": False, "STAGES": 3 if engine else 2,
    }  # fmt: skip
    assert 0 < shared_bytes(flash.flash_kernel, given, constants, capability) <= SHARED[capability]
