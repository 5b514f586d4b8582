"""The questions that the page offers come from the library's own titles."""

from __future__ import annotations

from dataclasses import replace

import pytest
from web_support import ASKING, CORPUS, DOCUMENTS, Shelf

from vademecum.app.web_examples import examples
from vademecum.corpora.document import Document


def shelf(*titles: str) -> Shelf:
    made = [replace(ASKING, doc_id=f"pmid:{i}", title=title) for i, title in enumerate(titles)]
    return Shelf(held={each.doc_id: each for each in made})


def test_titles_that_ask_are_offered() -> None:
    assert examples(Shelf(), CORPUS) == [ASKING.title]


@pytest.mark.parametrize(
    "title",
    [
        "Metformin and cancer: does it help?",
        "Does metformin help? A review of what is known",
        "What is what: does metformin help?",
        "Does it?",
        "Does " + "very " * 20 + "long metformin help anybody?",
        "Metformin does help.",
    ],
)
def test_other_titles_are_not(title: str) -> None:
    assert examples(shelf(title), CORPUS) == []


def test_at_most_three_and_as_different_as_they_come() -> None:
    titles = [f"Does drug number {n} help anybody?" for n in range(5)]
    titles += ["How should drugs be given to people?", "Why do some drugs fail in trials?"]
    assert examples(shelf(*titles), CORPUS) == [titles[0], *titles[5:]]


def test_the_plainest_come_first() -> None:
    # What most of the library is about is said in words that a stranger knows, too.
    asking = ["Does multiband tractography resolve uncinate decussation?", "Does metformin help?"]
    texts = [f"Metformin may help people with {disease}." for disease in ("cancer", "diabetes")]
    held = [
        replace(ASKING, doc_id=f"pmid:{n}", title=title, text=texts[n % 2])
        for n, title in enumerate([*asking, "What metformin does", "What can help people"])
    ]
    assert examples(Shelf(held={each.doc_id: each for each in held}), CORPUS) == asking[::-1]


def test_those_in_capitals_come_last() -> None:
    titles = [
        "Does Metformin Help People With Cancer?",
        "Does vitamin D help people with COVID-19?",
    ]
    assert examples(shelf(*titles), CORPUS) == titles[::-1]


def test_chinese_titles_ask_too() -> None:
    assert examples(shelf("二甲双胍 是否 降低癌症风险？"), CORPUS) == [
        "二甲双胍 是否 降低癌症风险？"
    ]


def test_retracted_work_is_not_offered() -> None:
    bad: Document = replace(ASKING, retracted=True)
    assert examples(Shelf(held={bad.doc_id: bad}), CORPUS) == []


def test_a_library_without_questions_offers_none() -> None:
    held = {each.doc_id: each for each in DOCUMENTS if each is not ASKING}
    assert examples(Shelf(held=held), CORPUS) == []
