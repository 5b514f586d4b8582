"""What is wrong, or was never compared, gets no time."""

from __future__ import annotations

import math

import pytest
from gpu_timing import largest, passes


@pytest.mark.parametrize("at", range(3))
def test_one_nan_anywhere_passes_nothing(at: int, capsys: pytest.CaptureFixture[str]) -> None:
    errors = [1e-5, 2e-4, 3e-5]
    errors[at] = math.nan
    assert math.isnan(largest(errors))
    assert not passes("attention", largest(errors), 3e-3)
    assert capsys.readouterr().out == "attention: error nan, NOT TIMED\n"


def test_the_largest_error_decides(capsys: pytest.CaptureFixture[str]) -> None:
    assert largest(iter([1e-5, 2e-4, 3e-5])) == 2e-4
    assert passes("norm", 2e-4, 3e-3)
    assert not passes("norm", 3e-3, 3e-3)
    assert not passes("norm", math.inf, 3e-3)
    assert capsys.readouterr().out.count("NOT TIMED") == 2


def test_of_no_errors_none_is_the_largest() -> None:
    with pytest.raises(ValueError, match="nothing was compared"):
        largest([])
