"""A passage on many things is close to none; a sentence of it may say what is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vademecum.corpora.document import Document, Passage
from vademecum.rag.abstain import before, choose, relevant
from vademecum.rag.pointed import pointed
from vademecum.rag.retrieve import Found

HANDBOOK = (
    "# Carbon filters\n\nThe temperature is noted before each session. Tap water is tested for "
    "chlorine every Monday. The carbon filter is changed every three months. If the air detector "
    "sounds, stop the pump. Is the power failing? Potatoes are soaked overnight."
)


def found(doc_id: str, text: str, cosine: float = 0.2, **how) -> Found:
    """A passage that is as a whole not close to anything."""
    document = Document(doc_id, "Handbook", text, "full_text")
    passage = Passage(doc_id, 0, 0, len(text), text)
    return Found(passage, document, 1.0, cosine, cosine, {}, **how)


OTHERS = [found(f"file:{n}", f"The garden of house {n} has a tree and a fence.") for n in range(5)]


def test_the_passage_is_found_whose_sentence_speaks_of_it(embedder) -> None:
    one = found("file:handbook", HANDBOOK)
    question = "How often is the carbon filter changed?"
    assert before([*OTHERS, one], "en") == "irrelevant"
    assert pointed(question, [*OTHERS, one], embedder) == [one]
    assert choose(question, [*OTHERS, one], "en", embedder) == ([one], None)


@pytest.mark.parametrize(
    "question",
    [
        "How much does the carbon filter of the detector cost in Leeds?",
        "Which supplier sells the filter?",
        "Are carbon filters heavy?",  # only a heading has most of it
        "Is the power failing?",  # the text asks the same
        "What is the capital of France?",
    ],
)
def test_a_sentence_that_holds_little_of_it_does_not_count(embedder, question: str) -> None:
    those = [*OTHERS, found("file:handbook", HANDBOOK)]
    assert pointed(question, those, embedder) == []
    assert choose(question, those, "en", embedder) == (those, "irrelevant")


def test_a_sentence_that_points_back_is_read_with_the_one_before(embedder) -> None:
    question = "Who pays for the lost brass lamp?"
    one = found("file:rules", "Every room has a brass lamp. Whoever has lost it pays. Ask us.")
    assert pointed(question, [*OTHERS, one], embedder) == [one]
    apart = found("file:rules", "Every room has a brass lamp. Whoever has lost keys pays. Ask us.")
    assert pointed(question, [*OTHERS, apart], embedder) == []


def test_nobody_answers_whether_anybody_was(embedder) -> None:
    one = found("file:report", "A boy slipped on the steps. Nobody was harmed. We mended them.")
    assert pointed("Was anybody harmed?", [*OTHERS, one], embedder) == [one]
    assert pointed("Was anybody robbed?", [*OTHERS, one], embedder) == []


def test_a_row_of_a_table_is_read_with_its_columns(embedder) -> None:
    question = "Which pharmacist has the night shift on 30 November?"
    one = found("row:1", "date: 2026-11-30\n\nshift: night\n\npharmacist: Tomas Brandt")
    day = found("row:2", "date: 2026-11-30\n\nshift: day\n\npharmacist: Ruth Adeyemi")
    other = found("row:3", "date: 2026-12-01\n\nshift: night\n\npharmacist: Anna Keller")
    rows = [*OTHERS, other, day, one]
    assert choose(question, rows, "en", embedder) == ([one, day], None)
    question = "Who is on duty at night on 30 November?"  # all of it, and not near
    assert choose(question, rows, "en", embedder)[0][0] == one
    assert choose("Who sang at night on 30 November?", rows, "en", embedder)[1] == "irrelevant"
    works = found("row:4", "day: Monday\n\npost: desk\n\nvolunteer: Helen Marsh")
    chairs = found("file:minutes", "Helen Marsh was in the chair.")
    question = "On which days does Helen Marsh work?"  # her row says that she works
    assert pointed(question, [*OTHERS, works, chairs], embedder)[0] == works
    assert pointed(question, [*OTHERS, chairs], embedder) == []
    table = (
        "We check these.\n\n| drug | partner | what we do |\n|---|---|---|\n"
        "| warfarin | metronidazole | test after 3 days |\n| apixaban | diltiazem | no change |"
    )
    list_ = found("file:list", table)
    question = "What do we do with warfarin and metronidazole?"
    assert pointed(question, [*OTHERS, list_], embedder) == [list_]
    assert pointed("What do we do with digoxin and quinine?", [*OTHERS, list_], embedder) == []


def test_a_sum_of_money_is_what_costs(embedder) -> None:
    question = "What does the carbon filter cost?"
    priced = found("file:a", "The carbon filter is 45 euros. Birds sing.")
    sized = found("file:a", "The carbon filter is 45 inches. Birds sing.")
    assert choose(question, [*OTHERS, priced], "en", embedder) == ([priced], None)
    assert choose(question, [*OTHERS, sized], "en", embedder)[1] == "irrelevant"


def test_where_a_price_is_asked_a_passage_without_one_is_no_answer_however_close(embedder) -> None:
    close = found("file:a", "The carbon filter is changed at three.", 0.9)
    assert choose("When is the carbon filter changed?", [close], "en", embedder)[1] is None
    assert choose("What does a carbon filter cost?", [close], "en", embedder)[1] == "irrelevant"


def test_where_a_passage_as_a_whole_is_close_sentences_are_not_asked(embedder) -> None:
    close = [found("file:a", HANDBOOK, 0.9), *OTHERS]
    assert choose("Unlike anything?", close, "en", embedder) == (relevant(close, "en"), None)


def test_neither_german_nor_chinese_is_told_by_the_english_embedder(embedder) -> None:
    question = "How often is the carbon filter changed?"
    one = found("file:handbook", HANDBOOK)
    assert pointed(question, [*OTHERS, replace(one, german=True)], embedder) == []
    assert choose(question, [*OTHERS, one], "zh", embedder)[1] == "irrelevant"


def test_nothing_found_is_nothing_to_choose_from(embedder) -> None:
    assert choose("Does aspirin help?", [], "en", embedder) == ([], "empty")
