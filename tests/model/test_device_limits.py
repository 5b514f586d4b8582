"""What the GPU's kernels cannot do is refused before it is launched: no GPU is needed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

pytest.importorskip("triton")

from vademecum.model.kernels.triton import early, nf4, sampling, scores
from vademecum.model.linear import QuantizedLinear
from vademecum.model.sparsity import ON_GPU


@pytest.mark.parametrize("processors", [24, 80, 114, 128, 132, 142])
@pytest.mark.parametrize("vocab", [262, 32_000, 49_152, 128_256, 151_936, 152_064, 256_000])
def test_the_weights_of_a_blocks_tokens_are_counted_in_32_bits(processors: int, vocab: int) -> None:
    """Where all logits are equal, each weighs 2^40, of which the high part has 2^20."""
    for rows in range(1, 17):
        blocks = sampling.blocks_of(processors, rows, vocab)
        first = range(0, vocab, blocks * sampling.THREADS)  # of the rounds of block 0
        tokens = sum(min(sampling.THREADS, vocab - begin) for begin in first)
        assert tokens << 20 < 2**32
        assert rows == 1 or blocks * rows <= max(processors, rows * -(-vocab // sampling.SHARE))


@pytest.mark.parametrize(("slots", "units"), [(3, 4), (5, 2), (9, 1)])
def test_a_product_does_not_hold_more_than_its_table_has_room_for(slots: int, units: int) -> None:
    codes = torch.zeros(16, 512, dtype=torch.uint8)
    weight = nf4.PackedNF4.of(QuantizedLinear(codes, torch.ones(16, 16)))
    x = torch.zeros(1, 1_024, dtype=torch.bfloat16)
    with pytest.raises(ValueError, match="more than 8 tiles"):
        nf4.product(x, weight, tuning=nf4.Tuning(slots=slots, units=units))


@pytest.mark.parametrize(("shared", "three"), [(101_376, False), (232_448, True)])
def test_three_blocks_of_a_product_share_a_processor_only_where_its_memory_holds_their_tables(
    monkeypatch: pytest.MonkeyPatch, shared: int, three: bool
) -> None:
    """An RTX 50 begins kernels early, as Hopper does, but has less of it."""
    monkeypatch.setattr(early, "hopper", lambda _: True)
    monkeypatch.setattr(early, "_shared", lambda _: shared)
    monkeypatch.setattr(nf4, "_processors", lambda _: 4)
    codes = torch.zeros(16 * 10, 512, dtype=torch.uint8)
    weight = nf4.PackedNF4.of(QuantizedLinear(codes, torch.ones(16 * 10, 16)))
    assert 2 * 4 < weight.codes.shape[0] <= 3 * 4
    tuning = nf4.tuned(weight, 1)
    assert (tuning.blocks == 3) == three == (3 * nf4.memory(tuning) <= shared)


@pytest.mark.parametrize(
    ("outputs", "inputs", "shared"),
    [(3_584, 18_944, True), (4_096, 14_336, False), (5_120, 27_648, True), (5_120, 5_120, False),
     (8_192, 28_672, False), (1_536, 8_960, True)],
)  # fmt: skip
def test_blocks_share_inputs_where_outputs_are_uneven_among_them_and_inputs_are_many(
    monkeypatch: pytest.MonkeyPatch, outputs: int, inputs: int, shared: bool
) -> None:
    """On a Hopper of 132 multiprocessors, of which two blocks each have 16 outputs at a time."""
    monkeypatch.setattr(nf4, "as_hopper", lambda _: True)
    monkeypatch.setattr(nf4, "_processors", lambda _: 132)
    tiles = torch.empty(
        outputs // 16, inputs // 64, 8, 4, 4, 2, 2, dtype=torch.uint8, device="meta"
    )
    weight = nf4.PackedNF4(tiles, tiles, outputs, gated=False)
    assert nf4.tuned(weight, 1).shared == shared


@pytest.mark.parametrize("behind", [0, 1])
def test_pages_of_more_than_a_million_tokens_are_not_chosen_from(behind: int) -> None:
    query = torch.zeros(1, 1, 4, 64, dtype=torch.bfloat16)
    store = SimpleNamespace(key_mean=torch.zeros(2, 1, 64))
    table = torch.zeros(32 * 1_024 + 1 - behind, dtype=torch.int64)
    start, counted = torch.zeros(1, dtype=torch.int32), torch.zeros(2, dtype=torch.int64)
    with pytest.raises(ValueError, match=f"at most {32 * 1_024 - behind:,} are chosen from"):
        scores.select(
            query, SimpleNamespace(stores=(store,), biases=(None,)), table, start, ON_GPU, counted,
            behind=behind,
        )  # type: ignore[arg-type]  # fmt: skip
