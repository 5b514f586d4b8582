"""Slips of a model that copies, what guidelines advise and advise against, and right claims beside
them, with the real embedder."""

from __future__ import annotations

from pathlib import Path

import pytest

from vademecum.model.embedder import Embedder
from vademecum.rag.answer import Source
from vademecum.rag.check import check
from vademecum.rag.sentences import sentences_of
from vademecum.settings import Settings

pytestmark = pytest.mark.e2e

CASES = [
    case
    for name in ("copied_claims.txt", "guideline_claims.txt", "value_claims.txt")
    for case in (Path(__file__).parent / name).read_text(encoding="utf-8").split("\n== ")[1:]
]


@pytest.fixture(scope="module")
def embedder(assets_home: Path) -> Embedder:
    return Embedder.load(settings=Settings(home=assets_home, offline=False))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.partition("\n")[0][:40])
def test_slips_are_told_from_right_claims(case: str, embedder: Embedder, source_of) -> None:
    head, passage, *claims = case.strip().splitlines()
    source = source_of(1, passage, head.partition(": ")[2])
    for line in claims:
        sign, _, claim = line.removeprefix("!").partition(" ")
        claim = claim.partition(": ")[2] if sign == "-" else claim
        told = (_support(claim, source, embedder) == "supported") == (sign == "+")
        assert told != line.startswith("!"), claim


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.partition("\n")[0][:40])
def test_their_passages_bear_themselves_out(case: str, embedder: Embedder, source_of) -> None:
    passage = case.splitlines()[1]
    source = source_of(1, passage)
    for start, end in sentences_of(passage):
        copy = passage[start:end]
        assert _support(copy, source, embedder) == "supported"
        said = f"The study found that {copy[0].lower()}{copy[1:]}"
        assert _support(said, source, embedder) == "supported"


def _support(claim: str, source: Source, embedder: Embedder) -> str:
    (sentence,) = check(claim, [source], embedder).sentences
    return sentence.support
