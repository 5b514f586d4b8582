"""What docs/scale.md works out follows from what it says was measured."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "scale.md").read_text("utf-8")
CELLS = re.compile(r"^\| (.+?) \|$", re.MULTILINE)
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
ROUNDED = 0.02  # results are given to two or three figures

OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def rows(columns: int) -> list[list[str]]:
    """The rows of all tables of so many columns, without their heads."""
    found = [[cell.strip() for cell in row.split(" | ")] for row in CELLS.findall(PAGE)]
    return [row for row in found if len(row) == columns and not set(row[0]) <= set("-| ")]


def number(cell: str) -> float:
    found = NUMBER.search(cell)
    assert found is not None, cell
    return float(found[0].replace(",", ""))


def figures() -> dict[str, float]:
    return {row[0]: number(row[2]) for row in rows(4) if re.fullmatch(r"[A-Z]", row[0])}


def value(formula: str, known: dict[str, float]) -> float:
    """Sums and products of letters and numbers."""

    def of(node: ast.expr) -> float:
        match node:
            case ast.BinOp():
                return OPERATORS[type(node.op)](of(node.left), of(node.right))
            case ast.Name():
                return known[node.id]
            case ast.Constant(value=int() | float() as constant):
                return float(constant)
        raise ValueError(ast.dump(node))

    return of(ast.parse(formula, mode="eval").body)


def test_every_figure_says_where_it_is_from() -> None:
    measured = [row for row in rows(4) if re.fullmatch(r"[A-Z]", row[0])]
    assert len(measured) > 10
    assert [row[0] for row in measured] == sorted({row[0] for row in measured})
    for letter, _, _, where in measured:
        assert len(where) > 10, letter


RESULTS = [row for row in rows(3) if row[1].startswith("`")]


@pytest.mark.parametrize(("what", "formula", "result"), RESULTS, ids=[row[0] for row in RESULTS])
def test_every_result_follows_from_the_figures(what: str, formula: str, result: str) -> None:
    expected = value(formula.strip("`"), figures())
    assert number(result) == pytest.approx(expected, rel=ROUNDED), what


def test_every_figure_is_used() -> None:
    used = {name for _, formula, _ in RESULTS for name in re.findall(r"\b[A-Z]\b", formula)}
    assert used == set(figures())
