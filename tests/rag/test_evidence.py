from __future__ import annotations

from vademecum.rag.answer import Source
from vademecum.rag.evidence import evidence

TEXT = "Cohorts were pooled. Mortality fell by 12% under statins. Mortality fell by 30% in women."
SOURCE = Source(
    n=1,
    doc_id="pmid:1",
    passage_id="pmid:1#0",
    title="Statins",
    year=2020,
    journal="J",
    url="",
    kind="abstract",
    retracted=False,
    evidence_level="",
    text=TEXT,
    start=100,
    end=100 + len(TEXT),
    score=1.0,
)


def test_it_is_the_sentence_that_shares_most_words_counted_in_the_document() -> None:
    at = evidence("The cohorts were pooled.", SOURCE)
    assert at == 100


def test_of_two_like_sentences_it_is_the_one_with_the_number() -> None:
    at = evidence("Mortality fell by 30%.", SOURCE)
    assert at is not None
    assert TEXT[at - 100 :].startswith("Mortality fell by 30%")


def test_no_sentence_is_singled_out_for_a_claim_it_does_not_share() -> None:
    assert evidence("Bananas ripen faster beside apples.", SOURCE) is None
