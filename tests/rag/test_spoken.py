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
        "Hilft Zink?",
        "Wirkt Vitamin D?",
        "Hilft Vitamin A?",
        "COVID Impfung Kinder",
        "COVID-19-Impfung Kinder",
        "Krankheit Alter",
        "Ist Jod in Milch?",
        "Was ist AIDS?",
        "Wodurch entsteht Gicht?",
        "Gibt es Alternativen?",
        "Was löst Migräne aus?",
        "Hat der Hersteller Zugang zu den Daten des Registers?",
    ],
)
def test_german_is_known_by_its_small_words_verbs_and_endings(question: str) -> None:
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
        "Effets des vaccins de Pfizer",
        "Was die man so hat",
        "Von Willebrand disease, the role of der p 1 and des-gamma-carboxyprothrombin",
    ],
)
def test_english_is_spoken_wherever_nothing_else_is_told(question: str) -> None:
    assert spoken(question) == "en"


@pytest.mark.parametrize(
    "question",
    [
        "Was aspirin effective?",
        "Was mortality reduced?",
        "Was Sjögren syndrome treated?",
        "Was man made for war?",
        "Der p 1 allergen",
        "Man flu symptoms",
        "hat trick",
        "Die Hard",
        "als treatment",
        "Fröhlich syndrome",
        "Hirschsprung's disease symptoms",
        "symptoms of Hirschsprung disease",
        "Madelung disease inherited",
        "Thymic-Renal-Anal-Lung dysplasia",
    ],
)
def test_what_english_and_names_have_too_tells_nothing_alone(question: str) -> None:
    assert spoken(question) == "en"


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Was löst das aus?", "de"),  # a word with an umlaut that is no name
        ("Das Händezittern im Alter", "de"),  # one that may be, and two small words
        ("Das Händezittern", "en"),
        ("Nebenwirkung der Statine", "de"),
    ],
)
def test_such_words_count_beside_other_german(question: str, language: str) -> None:
    assert spoken(question) == language


@pytest.mark.parametrize(
    "question",
    ["IM ketamine dose", "IST protocol", "AM cortisol", "DES versus BMS", "MIT study"],
)
def test_abbreviations_are_not_words(question: str) -> None:
    assert spoken(question) == "en"


@pytest.mark.parametrize(
    "question",
    [
        "¿Qué es la hipertensión?",
        "Es seguro el ibuprofeno?",
        "Es la ambigüedad un problema?",
        "Quels sont les effets des statines ?",
        "Quais são os efeitos das estatinas?",
        "Qual è la dose di aspirina?",
        "Wat zijn de bijwerkingen van statines?",
        "Är det farligt för äldre?",
        "Hvad er den bedste dosis?",
        "Aspirin güvenli mi?",
        "Penyakit jantung koroner",
    ],
)
def test_other_languages_are_spoken_to_in_english(question: str) -> None:
    assert spoken(question) == "en"


@pytest.mark.parametrize("question", ["他汀能降低死亡率吗？", "阿司匹林 aspirin 有效吗？"])
def test_chinese_is_known_by_its_characters(question: str) -> None:
    assert spoken(question) == "zh"
