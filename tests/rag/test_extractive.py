from __future__ import annotations

from dataclasses import replace

import pytest

from vademecum.rag.answer import Sentence
from vademecum.rag.extractive import extract, missed, nearest


def test_quotes_are_verbatim_and_cited(source_of, embedder) -> None:
    sources = [
        source_of(1, "Cats sleep. Aspirin reduced stroke in older women. Dogs bark."),
        source_of(2, "Conclusions: Aspirin reduced stroke in men."),
        source_of(3, "Unrelated text about soil."),
    ]
    checked = extract("Does aspirin reduce stroke?", "en", sources, embedder)
    assert checked.text == (
        "Aspirin reduced stroke in older women. Conclusions: Aspirin reduced stroke in men."
    )
    assert [s.citations for s in checked.sentences] == [(1,), (2,)]
    for sentence in checked.sentences:
        assert checked.text[sentence.start : sentence.end] == sentence.text
        assert sentence.text in sources[sentence.citations[0] - 1].text


def test_what_is_said_of_another_drug_is_not_quoted(source_of, embedder, monkeypatch) -> None:
    cut = {"ramipril": 3, "metoprolol": 4}  # as a tokenizer cuts names of drugs
    monkeypatch.setattr(embedder, "count_tokens", lambda texts: [cut.get(one, 1) for one in texts])
    ramipril = replace(source_of(1, "The dose is 2.5 mg a day."), title="Ramipril tablets")
    metoprolol = replace(source_of(2, "In migraine the dose is 95 mg."), title="Metoprolol tablets")
    both = [ramipril, metoprolol]
    question = "What is the dose of ramipril in migraine?"
    assert "95 mg" not in extract(question, "en", both, embedder).text
    assert all(quote.source == 1 for quote in nearest(question, "en", both, embedder))
    question = "What is the dose of metoprolol in migraine?"
    assert extract(question, "en", both, embedder).text == "In migraine the dose is 95 mg."
    question = "What is the dose in migraine?"
    assert "95 mg" in extract(question, "en", both, embedder).text


def test_what_is_said_of_another_day_is_not_quoted(source_of, embedder) -> None:
    own = "Ann works on Wednesday 5 June 2024 in Room 4."
    sources = [source_of(1, f"Ann works on Thursday 6 June 2024 in Room 2. {own}")]
    question = "Which room does Ann work in on 5 June?"
    assert extract(question, "en", sources, embedder).text == own
    assert "Room 2" in extract("Which room does Ann work in?", "en", sources, embedder).text


def test_at_most_four_and_none_twice(source_of, embedder) -> None:
    text = " ".join(f"Aspirin reduced stroke in group {name}." for name in "abcdefgh")
    sources = [source_of(1, text), source_of(2, text)]
    checked = extract("Does aspirin reduce stroke?", "en", sources, embedder)
    assert 1 <= len(checked.sentences) <= 4
    assert len({s.text for s in checked.sentences}) == len(checked.sentences)


def test_nothing_fitting_gives_nothing(source_of, embedder) -> None:
    assert extract("Does aspirin help?", "en", [source_of(1, "Soil is wet.")], embedder).text == ""
    assert extract("Does aspirin help?", "en", [], embedder).sentences == ()


def test_what_a_study_asks_is_not_quoted_as_what_it_found(source_of, embedder) -> None:
    text = "We aimed to test whether aspirin reduces stroke. Aspirin reduced stroke in women."
    checked = extract("Does aspirin reduce stroke?", "en", [source_of(1, text)], embedder)
    assert checked.text == "Aspirin reduced stroke in women."


@pytest.mark.parametrize("between", ["\n", "\n\n"])
def test_a_heading_is_not_quoted_and_an_item_of_a_list_is(source_of, embedder, between) -> None:
    items = "- Aspirin reduced stroke and gout\n- Rest"
    text = f"Aspirin and stroke{between}Aspirin reduced stroke in women.\n\n{items}"
    checked = extract("Does aspirin reduce stroke?", "en", [source_of(1, text)], embedder)
    assert [sentence.text for sentence in checked.sentences] == [
        "Aspirin reduced stroke in women.",
        "- Aspirin reduced stroke and gout",
    ]


@pytest.mark.parametrize(
    "heading",
    ["## Aspirin and stroke ##", "# Aspirin in stroke (men)", "### 2. Aspirin: stroke"],
)
def test_a_heading_with_hashes_is_not_quoted(source_of, embedder, heading) -> None:
    text = f"{heading}\n\nAspirin reduced stroke in women.\n\n{heading}"
    for found in (extract, nearest):
        given = found("Does aspirin reduce stroke?", "en", [source_of(1, text)], embedder)
        quoted = given.sentences if found is extract else given
        assert [one.text for one in quoted] == ["Aspirin reduced stroke in women."]


def test_a_heading_that_is_left_with_its_sentence_is_not_quoted_with_it(
    source_of, embedder
) -> None:
    text = "What it is used for\nRamipril is used for high blood pressure and heart failure."
    quoted = extract("What is ramipril used for?", "en", [source_of(1, text)], embedder)
    assert quoted.text == "Ramipril is used for high blood pressure and heart failure."


def test_what_ends_like_a_sentence_is_quoted_behind_hashes_too(source_of, embedder) -> None:
    text = "# Aspirin reduced stroke in women.\n\nDogs bark."
    checked = extract("Does aspirin reduce stroke?", "en", [source_of(1, text)], embedder)
    assert checked.text == "# Aspirin reduced stroke in women."


def test_how_much_of_the_question_the_nearest_sentence_must_hold_is_told(
    source_of, embedder
) -> None:
    sources = [source_of(1, "Aspirin reduced stroke in women.")]
    question = (
        "Does aspirin reduce stroke, gout, migraine, asthma and angina?"  # three words of seven
    )
    assert nearest(question, "en", sources, embedder) == ()
    assert len(nearest(question, "en", sources, embedder, 1 / 3)) == 1


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("How often is the carbon filter replaced?", "The carbon filter lasts."),
        ("What happens if the inspections fail?", "Two inspections fail."),
        ("Wie oft wird die Augendusche geprüft?", "Die Augendusche wird wöchentlich geprüft."),
        ("Was kostet ein Urnengrab?", "Für ein Urnengrab werden 640 Euro erhoben."),
        ("Darf ich einen Hund halten?", "Haustiere dürfen mit Zustimmung gehalten werden."),
    ],
)
def test_of_the_question_what_only_asks_need_not_be_held(
    source_of, embedder, question: str, sentence: str
) -> None:
    source = source_of(1, f"Cats sleep. {sentence} Birds sing.")
    (quotation,) = nearest(question, "en", [source], embedder)
    assert quotation.text == sentence


@pytest.mark.parametrize(
    "told", ["Eine Karte kostet nichts.", "Für eine Karte sind 3 Euro fällig."]
)
def test_where_a_price_is_asked_the_sentence_that_is_quoted_tells_one(
    source_of, embedder, told: str
) -> None:
    source = source_of(1, f"Wer eine Karte hat, darf Geräte leihen. {told}")
    (quotation,) = nearest("Was kostet eine Karte?", "en", [source], embedder)
    assert quotation.text == told


def test_one_word_of_two_is_not_enough(source_of, embedder) -> None:
    source = source_of(1, "Tarmisol is an ointment.")
    assert nearest("Can Tarmisol be used on dogs?", "en", [source], embedder) == ()
    assert len(nearest("What is Tarmisol?", "en", [source], embedder)) == 1


def test_the_nearest_sentence_stands_where_it_says(source_of, embedder) -> None:
    whole = "Cats sleep. Dogs bark. Aspirin reduced stroke in older women. Birds sing."
    source = replace(source_of(2, whole[12:]), start=12, end=len(whole))
    far = source_of(1, "Aspirin relieves headache in men and boys.")
    (quotation,) = nearest("Does aspirin reduce stroke?", "en", [far, source], embedder)
    assert (quotation.n, quotation.text) == (2, "Aspirin reduced stroke in older women.")
    assert whole[quotation.start : quotation.end] == quotation.text


@pytest.mark.parametrize(
    "text", ["Soil is wet.", "Warfarin reduced stroke.", "Aspirin was given to women."]
)
def test_beside_a_failed_answer_nothing_of_another_matter_is_quoted(
    source_of, embedder, text: str
) -> None:
    assert nearest("Does aspirin reduce stroke?", "en", [source_of(1, text)], embedder) == ()


def test_retracted_work_is_not_quoted(source_of, embedder) -> None:
    source = source_of(1, "Aspirin reduced stroke.", retracted=True)
    assert extract("Does aspirin reduce stroke?", "en", [source], embedder).text == ""
    assert nearest("Does aspirin reduce stroke?", "en", [source], embedder) == ()
    sound = source_of(2, "In older women, aspirin reduced stroke and headache.")
    (quotation,) = nearest("Does aspirin reduce stroke?", "en", [source, sound], embedder)
    assert (quotation.n, quotation.text) == (2, sound.text)


def test_chinese_quotes_stand_without_gaps(source_of, embedder) -> None:
    source = source_of(1, "二甲双胍增加出血。二甲双胍降低血糖。")
    checked = extract("二甲双胍？", "zh", [source], embedder)
    assert checked.text == source.text


PASSAGE = (
    "We followed older women. Doses were as planned. Visits were as planned. "
    "Aspirin reduced stroke in older women."
)


@pytest.mark.parametrize(
    ("written", "quoted"),
    [
        (["We followed older women.", "Doses were as planned."], True),
        (["We followed older women.", "Aspirin reduced stroke in older women."], False),
        (["Older women did well.", "Doses were kept."], False),
    ],
)
def test_what_a_model_that_copied_had_not_come_to(source_of, embedder, written, quoted) -> None:
    sentences = [Sentence(text, 0, len(text), (1,), "supported", 1.0) for text in written]
    question = "Does aspirin reduce stroke?"
    found = missed(question, "en", [source_of(1, PASSAGE)], sentences, embedder)
    assert [each.text for each in found] == ["Aspirin reduced stroke in older women."] * quoted
