"""Whether a rare word is one of the passage, in some form, or only nearly one."""

from __future__ import annotations

import pytest

from vademecum.rag.judge import Evidence
from vademecum.rag.spelling import Spelled

PASSAGE = (
    "Sulfasalazine and hydroxychloroquine were given for haemorrhagic pancreatitis. Leucocytes and "
    "thrombi were counted; colour was labelled by the laparoscopist. Relapse-free survival and "
    "hyper-\u00adkalaemia were noted after catheterisation, postoperatively, in Göttingen. "
    "The arnmonia level was high. Die Verjährungsfrist endet; der Kündigungsschutz bleibt."
)


@pytest.mark.parametrize(
    "word",
    [
        "sulphasalazine", "hemorrhagic", "hemorrhage", "leukocyte", "thrombus", "color", "labeled",
        "laparoscopy", "laparoscopic", "hyperkalemia", "relapsefree", "catheterized", "ammonia",
        "catheterization", "postoperative", "Gottingen", "Verjährungsfristen", "pancreatic",
    ],
)  # fmt: skip
def test_a_word_in_another_form_or_spelling_is_held(word: str) -> None:
    spelled = Spelled(PASSAGE)
    assert spelled.holds(word)
    assert spelled.nearly(word) == ""


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("sulfasalozine", "sulfasalazine"),
        ("sulfasalxis", "sulfasalazine"),
        ("hydroxychlorquin", "hydroxychloroquine"),
        ("hydroxychloramine", "hydroxychloroquine"),
        ("pancriatitas", "pancreatitis"),
        ("laparescopist", "laparoscopist"),
    ],
)
def test_a_word_that_loses_its_way_is_none_of_the_passage(word: str, meant: str) -> None:
    spelled = Spelled(PASSAGE)
    assert not spelled.holds(word)
    assert spelled.nearly(word) == meant


@pytest.mark.parametrize("word", ["chloroquine", "preoperatively", "hypokalaemia", "mesalazine"])
def test_another_beginning_makes_another_word(word: str) -> None:
    spelled = Spelled(PASSAGE)
    assert not spelled.holds(word)
    assert spelled.nearly(word) == ""


def test_german_makes_one_word_of_two_and_a_slip_is_smaller_there() -> None:
    spelled = Spelled(PASSAGE)
    assert spelled.nearly("Kündigungsschein", german=True) == ""
    assert spelled.nearly("Verjahrungsfrost", german=True) == "verjährungsfrist"


@pytest.fixture
def strict_embedder(embedder, monkeypatch):
    """As a tokenizer that knows words of seven letters at most: longer ones are rare."""
    monkeypatch.setattr(
        embedder, "count_tokens", lambda texts: [1 + (len(text) - 1) // 7 * 2 for text in texts]
    )
    return embedder


DRUGS = (
    "Relapse was less frequent with sulfasalazine than with placebo.",
    "Hydroxychloroquine was stopped in two patients because of rash.",
)


@pytest.mark.parametrize(
    ("sentence", "support"),
    [
        ("Relapse was less frequent with sulfasalazine than placebo.", "supported"),
        ("Relapse was less frequent with sulphasalazine than placebo.", "supported"),
        ("Relapse was less frequent with sulfasalazole than placebo.", "unsupported"),
        ("Relapse was less frequent with sulfasalxis than placebo.", "unsupported"),
        ("Relapse was less frequent with methotrexate than placebo.", "partial"),
        ("Hydroxychlorequine was stopped in two patients because of rash.", "unsupported"),
    ],
)
def test_a_misspelt_drug_is_not_borne_out(
    source_of, strict_embedder, sentence: str, support: str
) -> None:
    evidence = Evidence([source_of(1, " ".join(DRUGS))], strict_embedder)
    assert evidence.judge([sentence])[0][0].support == support


def test_a_word_that_another_source_has_is_not_misspelt(source_of, strict_embedder) -> None:
    sources = [source_of(1, DRUGS[0]), source_of(2, "Sulfasalazole is a salt.")]
    (verdicts,) = Evidence(sources, strict_embedder).judge(
        ["Relapse was less frequent with sulfasalazole than placebo."]
    )
    assert verdicts[0].support == "partial"


def test_a_word_with_another_digit_is_missing(source_of, strict_embedder) -> None:
    # "t3" is an abbreviation of "time 3", for all that `rag/names.py` knows.
    source = source_of(1, "Tissue was seen at time 3 by T1-weighted sequences.")
    for digit, support in (("1", "supported"), ("3", "partial")):
        raw = f"At time 3 tissue was seen by T{digit}-weighted sequences."
        assert Evidence([source], strict_embedder).judge([raw])[0][0].support == support
