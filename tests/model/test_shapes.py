"""Which graphs a GPU makes ready: all that answers run, and no length is without one."""

from __future__ import annotations

import pytest

from vademecum.model.decoder import ROWS
from vademecum.model.device_steps import DRAFTS
from vademecum.model.kernels import PAGE
from vademecum.model.shapes import BUCKETS, DRAFTED, Shapes


@pytest.mark.parametrize("threshold", [None, 0, 192, 4_100, 4_127, 4_128, 4_129, 8_000, 99_999])
@pytest.mark.parametrize("pages", [1, 128, 129, 256, 300])
def test_whatever_an_answer_runs_is_made_ready(pages: int, threshold: int | None) -> None:
    """Also where a sequence becomes sparse in the page that is begun behind a bucket's last."""
    shapes = Shapes(pages, threshold, ROWS)
    made, alone = shapes.of_answers(), shapes.of_rows(1, watched=False)
    assert len(set(made)) == len(made)
    for length in range(pages * PAGE):
        assert shapes.of(length, 1, watched=False) in alone
        for rows in (1, *(1 + draft for draft in DRAFTS)):
            if length % PAGE + rows <= PAGE:  # drafts end with their page
                shape = shapes.of(length, rows, watched=True)
                assert shape in made or (rows > 1 and shape.pages > DRAFTED)
                assert shape.pages * PAGE >= length - length % PAGE
                assert shape.sparse == (threshold is not None and length + rows >= threshold)


def test_a_small_gpu_makes_only_the_drafts_that_it_draws_for() -> None:
    assert Shapes(64, None, ROWS).drafts == DRAFTS
    assert Shapes(64, None, 7).drafts == (1, 2, 4)
    assert Shapes(64, None, 1).drafts == ()
    assert {shape.rows for shape in Shapes(64, None, 4).of_answers()} == {1, 2, 3}


def test_making_ready_is_bounded() -> None:
    """Once a bucket, and twice where it becomes sparse; drafts of what an assistant writes."""
    longest = Shapes(BUCKETS[-1], 6_144, ROWS)
    assert len(longest.of_answers()) == len(BUCKETS) + 1 + 3 * len(DRAFTS)
    assert len(longest.of_rows(1, watched=False)) == len(BUCKETS) + 1
