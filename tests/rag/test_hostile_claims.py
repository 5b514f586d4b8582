"""What a hostile reviewer tries, with the real embedder: wrong claims, right ones beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile_claims import CASES, Case

from vademecum.model.embedder import Embedder
from vademecum.rag.check import check
from vademecum.settings import Settings

pytestmark = pytest.mark.e2e

# "Both drugs" may be anything for all that the rules know, insomnia too.
MISSED = {"Insomnia impairs driving on the next day."}
# What is named by another name than in the passage, or not in it, is told from the words alone.
IN_PART = 7


@pytest.fixture(scope="module")
def embedder(assets_home: Path) -> Embedder:
    return Embedder.load(settings=Settings(home=assets_home, offline=False))


def support(case: Case, claim: str, embedder: Embedder, source_of) -> str:
    sources = [source_of(n, text, title) for n, (title, text) in enumerate(case.passages, 1)]
    (sentence,) = check(claim, sources, embedder).sentences
    return sentence.support


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.passages[0][0][:30])
def test_wrong_claims_are_not_supported(case: Case, embedder, source_of) -> None:
    for _, claim in case.wrong:
        supported = support(case, claim, embedder, source_of) == "supported"
        assert supported == (claim in MISSED), claim


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.passages[0][0][:30])
def test_right_claims_in_other_words_are(case: Case, embedder, source_of) -> None:
    for claim in case.right:
        assert support(case, claim, embedder, source_of) == "supported", claim


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.passages[0][0][:30])
def test_what_is_copied_is(case: Case, embedder, source_of) -> None:
    for _, text in case.passages:
        sources = [source_of(n, t, title) for n, (title, t) in enumerate(case.passages, 1)]
        assert {s.support for s in check(text, sources, embedder).sentences} == {"supported"}


def test_few_wrong_claims_count_as_borne_out_in_part(embedder, source_of) -> None:
    found = [support(case, claim, embedder, source_of) for case in CASES for _, claim in case.wrong]
    assert found.count("partial") <= IN_PART
