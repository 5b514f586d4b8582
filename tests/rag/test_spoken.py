"""In which language somebody who asks is spoken to."""

from __future__ import annotations

import pytest

from vademecum.rag.spoken import spoken


@pytest.mark.parametrize(
    "question",
    [
        "Senken Statine die Sterblichkeit?",
        "Was hilft gegen Migräne?",
        "Wie hoch wird der Fingerhut?",
        "Ist Metformin bei Nierenschwäche erlaubt?",
        "Wann schließt die Bibliothek?",
        "Warum?",
        "Nebenwirkungen von Aspirin",
        "Hat Vitamin D einen Einfluss auf COVID-19?",
        "Und bei Kindern?",
    ],
)
def test_german_is_known_by_its_small_words_and_endings(question: str) -> None:
    assert spoken(question) == "de"


@pytest.mark.parametrize(
    "question",
    [
        "Do statins lower mortality?",
        "Why do patients die?",
        "Can a man die of Ménière's disease?",
        "treatment of von Willebrand disease",
        "Sjögren syndrome",
        "What is the German word for Übelkeit?",
        "What was war medicine like in young men?",
        "statins mortality",
        "How does Samsung test it?",
        "Les statines réduisent-elles la mortalité?",
        "¿Reducen las estatinas la mortalidad?",
    ],
)
def test_english_is_spoken_wherever_nothing_else_is_told(question: str) -> None:
    assert spoken(question) == "en"


@pytest.mark.parametrize("question", ["他汀能降低死亡率吗？", "阿司匹林 aspirin 有效吗？"])
def test_chinese_is_known_by_its_characters(question: str) -> None:
    assert spoken(question) == "zh"
