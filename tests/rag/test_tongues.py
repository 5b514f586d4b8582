from __future__ import annotations

import pytest

from vademecum.rag.tongues import Apart, apart, asked_in, beside, written_in

ENGLISH = "Metformin did not increase the risk of lactic acidosis in patients with renal disease."
GERMAN = "Die Patienten wurden mit Metformin behandelt, und die Sterblichkeit war nicht erhöht."
CHINESE = "二甲双胍不会增加中度肾功能不全患者乳酸酸中毒（lactic acidosis）的风险。"


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("eng", "What lowers mortality?"),
        ("ger", "Senken Statine die Sterblichkeit?"),
        ("ger", "Hilft Aspirin?"),
        ("chi", "metformin 会增加乳酸酸中毒的风险吗？"),
        ("fre", "Les statines réduisent-elles la mortalité chez les patients ?"),
        ("spa", "¿Las estatinas reducen la mortalidad por COVID-19?"),
        ("ita", "Quali sono gli effetti della metformina?"),
        ("por", "A metformina reduz a mortalidade dos doentes com COVID-19?"),
        ("dut", "Verlaagt metformine de sterfte bij patiënten?"),
        ("jpn", "スタチンは死亡率を下げますか"),
        ("kor", "스타틴이 사망률을 낮추나요?"),
        ("other", "Снижают ли статины смертность?"),
    ],
)
def test_a_question_tells_its_language(language: str, question: str) -> None:
    assert asked_in(question) == language


@pytest.mark.parametrize(
    "question",
    [
        "aspirin",
        "de novo mutations in autism",
        "Is Cornelia de Lange syndrome inherited?",
        "Migräne Ursachen",
        "IL-1β and TNF-α",
    ],
)
def test_of_one_that_does_not_no_other_language_is_claimed(question: str) -> None:
    assert asked_in(question) in ("", "eng")


def test_a_text_is_judged_by_what_stands_in_it() -> None:
    assert [written_in(text) for text in (ENGLISH, GERMAN, CHINESE)] == ["eng", "ger", "chi"]
    assert written_in("150 cm. June to August. Woodland clearings.") == ""
    assert written_in("") == ""


def test_a_question_in_another_language_than_most_of_the_texts() -> None:
    english = [(ENGLISH, ""), (ENGLISH, ""), (GERMAN, "")]
    assert apart("Hilft Naloxon bei einer Vergiftung?", english) == Apart("ger", "eng")
    assert apart("二甲双胍会增加风险吗？", english) == Apart("chi", "eng")
    assert apart("Does metformin increase the risk?", english) is None
    assert apart("Does metformin increase the risk?", [(CHINESE, "")]) == Apart("eng", "chi")
    assert apart("二甲双胍会增加风险吗？", [(CHINESE, "")]) is None
    # Half of them is not most.
    assert apart("Senkt Metformin die Sterblichkeit?", [(ENGLISH, ""), (GERMAN, "")]) is None
    assert apart("Senkt Metformin die Sterblichkeit?", []) is None


def test_what_is_said_in_the_language_of_the_question_was_there_to_be_found() -> None:
    """The question is answered, or not, as if all texts were in its language."""
    english = [(ENGLISH, ""), (ENGLISH, ""), (GERMAN, "")]
    assert apart("Senkt Metformin die Sterblichkeit?", english) is None
    assert apart("Senkt Metformin den Blutdruck von Rauchern?", english) == Apart("ger", "eng")


def test_what_is_recorded_counts_where_the_text_tells_nothing() -> None:
    row = "150 cm. June to August. Woodland clearings."
    asked = "Wie hoch wird der Fingerhut?"
    assert apart(asked, [(row, "")]) is None
    assert apart(asked, [(row, "eng")]) == Apart("ger", "eng")
    # PubMed has English abstracts of Chinese articles.
    assert apart("二甲双胍会增加风险吗？", [(ENGLISH, "chi")]) == Apart("chi", "eng")


def test_latin_letters_are_another_language_than_chinese_whichever() -> None:
    assert apart("metformin overdose", [(CHINESE, "")]) == Apart("other", "chi")
    assert apart("IL-6", [(CHINESE, "")]) is None
    assert apart("metformin overdose", [(ENGLISH, "")]) is None


@pytest.mark.parametrize(
    ("question", "texts", "told"),
    [
        ("What lowers mortality?", [ENGLISH, GERMAN, ENGLISH], Apart("eng", "ger")),
        ("What lowers mortality?", [GERMAN, CHINESE, CHINESE, ENGLISH], Apart("eng", "chi")),
        ("Senken Statine die Sterblichkeit?", [GERMAN, ENGLISH], Apart("ger", "eng")),
        ("What lowers mortality?", [ENGLISH, "a: 5"], None),
        ("Migräne Ursachen", [ENGLISH, GERMAN], None),
        ("What lowers mortality?", [], None),
    ],
)
def test_some_of_the_texts_may_be_in_another_language(
    question: str, texts: list[str], told: Apart | None
) -> None:
    assert beside(question, [(text, "") for text in texts]) == told
