"""Which prompts are read beforehand, so that no other is cut as none of them was."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("triton")

from vademecum.model.kernels.triton import early, matmul

CPU = torch.device("cpu")
# Query, key and value heads together, hidden, gates and what they gate: SmolLM2-135M, R1-Qwen-1.5B,
# 7B, R1-Llama-70B.
MODELS = [
    (960, 576, 3_072),
    (2_048, 1_536, 17_920),
    (4_608, 3_584, 37_888),
    (10_240, 8_192, 57_344),
]


@pytest.mark.parametrize("processors", [114, 132, 148])
@pytest.mark.parametrize(("qkv", "hidden", "gates"), MODELS)
@pytest.mark.parametrize(("read", "most"), [(2_048, 2_048), (2_048, 32_768), (64, 64)])
def test_every_prompt_is_cut_as_one_that_was_read(
    monkeypatch: pytest.MonkeyPatch,
    qkv: int, hidden: int, gates: int, read: int, most: int, processors: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(matmul, "as_hopper", lambda _: True)
    monkeypatch.setattr(matmul, "_processors", lambda _: processors)
    products: list[tuple[matmul.Form, int]] = [
        ("plain", qkv), ("added", hidden), ("gated", gates),
    ]  # fmt: skip
    found = matmul.lengths(CPU, products, read, most)
    assert len(found) <= 3
    for form, outputs in products:
        cuts = {matmul.tuned(CPU, form, rows, outputs) for rows in (read, *found)}
        for rows in range(17, most + 1):
            assert matmul.tuned(CPU, form, rows, outputs) in cuts


@pytest.mark.parametrize(
    ("card", "hopper", "shared", "inputs"),
    [("RTX 40", False, 101_376, 64), ("RTX 50", True, 101_376, 64), ("H100", True, 232_448, 128)],
)
def test_tiles_fit_what_a_block_is_given(
    monkeypatch: pytest.MonkeyPatch, card: str, hopper: bool, shared: int, inputs: int
) -> None:
    monkeypatch.setattr(early, "hopper", lambda _: hopper)
    monkeypatch.setattr(early, "_shared", lambda _: shared)
    monkeypatch.setattr(matmul, "_processors", lambda _: 132)
    forms: tuple[matmul.Form, ...] = ("plain", "gated", "added")
    assert {matmul.tuned(CPU, form, 2_048, 4_608).inputs for form in forms} == {inputs}, card
