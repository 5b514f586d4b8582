from __future__ import annotations

import pytest

from vademecum.corpora.document import Document, Passage
from vademecum.rag.asked_german import (
    LEAST,
    SMALL,
    TITLE,
    asked_words,
    coverage,
    of_rows,
    share_held,
    speaks,
    stem,
    stems,
    weights,
)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("Wie lang ist die Probezeit?", ["Probezeit"]),
        ("Wer ist Vermieter?", ["Vermieter"]),
        ("Muss die Kündigung schriftlich erfolgen?", ["Kündigung", "schriftlich"]),
        ("Darf ich im Ausland arbeiten?", ["Ausland", "arbeiten"]),
        ("Was ist das?", []),
        ("Innerhalb welcher Frist sind die Daten zu löschen?", ["Daten", "löschen"]),
        ("Welche Frist gilt?", []),
        ("Wann endet die Frist?", ["endet", "Frist"]),
        ("Welche Mehrheit ist nötig?", ["Mehrheit"]),
        ("Wie hoch ist die Höchstdosis?", ["Dosis"]),
        ("Was hilft bei einer Blutung?", ["Blutung"]),
    ],
)
def test_what_only_asks_says_nothing_of_what_is_asked(question: str, words: list[str]) -> None:
    assert set(asked_words(question)) == {stem(word) for word in words}


def test_nouns_count_more_where_capitals_tell_them() -> None:
    assert asked_words("Verfällt der Resturlaub?") == {"verfall": SMALL, "resturlaub": 1.0}
    assert set(asked_words("verfällt der resturlaub?").values()) == {1.0}


@pytest.mark.parametrize(
    "forms",
    [
        "kündigen gekündigt Kündigung Kündigungen",
        "vergütet vergüten Vergütung",
        "abgesetzt abzusetzen absetzen",
        "Mieter Mieters Mietern",
        "schriftlich schriftlicher schriftlichen",
    ],
)
def test_forms_of_a_word_meet(forms: str) -> None:
    assert len({stem(form) for form in forms.split()}) == 1


def test_who_does_a_thing_is_not_the_thing() -> None:
    assert stem("Verkäufer") != stem("verkauft")


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("Kündigung", "Die Kündigungsfrist beträgt drei Monate."),
        ("Miete", "Der Mietzins ist im Voraus zu zahlen."),
        ("Ärztin", "Sie wird als Oberärztin eingestellt."),
        ("Kündigungsfrist", "Er kann mit einer Frist von drei Monaten kündigen."),
        ("bezahlen", "Die Miete ist im Voraus zu entrichten."),
        ("verlieren", "Wer einen Schlüssel verloren hat, meldet es."),
        ("Hund", "Haustiere sind erlaubt."),
        ("Haustier", "Hunde sind erlaubt."),
    ],
)
def test_a_word_is_held_by_what_is_built_of_it_by_all_its_parts_and_by_what_means_the_same(
    asked: str, text: str
) -> None:
    assert share_held(stem(asked), stems(text)) >= 0.9


def test_a_word_is_held_in_part_by_most_of_it_and_not_by_less() -> None:
    assert LEAST <= share_held(stem("Kernarbeitszeit"), stems("Die Arbeitszeit")) < 1
    assert share_held(stem("Vertragsstrafe"), stems("Der Vertrag")) == 0
    assert share_held(stem("Kaution"), stems("Die Auktion")) == 0
    assert share_held(stem("Hund"), stems("Katzen sind erlaubt.")) == 0
    assert share_held(stem("Hof"), stems("Der Hofhund vom Bahnhof")) == 0  # too short


def test_what_few_texts_hold_weighs_more() -> None:
    texts = ["Der Mieter zahlt.", "Der Mieter putzt.", "Der Mieter hat einen Hund."]
    weigh = weights("Darf der Mieter einen Hund und eine Katze halten?", texts)
    assert weigh["mieter"] < weigh["hund"] < weigh["katz"]


def test_a_title_counts_half_unless_the_question_holds_all_of_it() -> None:
    weigh = {stem("Hausordnung"): 1.0}
    assert coverage(weigh, "Hausordnung Hof", "Ruhe ab 22 Uhr.", named=False) == TITLE
    assert coverage(weigh, "Hausordnung", "Ruhe ab 22 Uhr.", named=True) == 1
    assert coverage({}, "Hausordnung", "Ruhe ab 22 Uhr.", named=False) == 0


def test_a_passage_that_tells_no_language_is_in_that_of_its_document() -> None:
    row = "Nachtdienst | 620 Euro"
    text = f"Die Zulage wird mit dem Gehalt gezahlt und ist in der Tabelle zu finden. {row}"
    passage = Passage("x", 0, 0, len(row), row)
    for question in ("Nachtdienst", "Wie hoch ist die Zulage?"):
        assert speaks(question, Document("x", "", text, "full_text"), passage)
        assert speaks(question, Document("x", "", row, "full_text", language="ger"), passage)
        assert not speaks(question, Document("x", "", row, "full_text", language="eng"), passage)


def test_a_row_of_which_nothing_tells_the_language_is_in_that_of_a_german_question() -> None:
    row = "Datum: 07.08.2026\n\nFahrer: Jonas Frei\n\nBemerkung: Anhänger ausgeliehen"
    passage, document = Passage("x", 0, 0, len(row), row), Document("x", "", row, "full_text")
    assert speaks("Wer hat den Anhänger ausgeliehen?", document, passage)
    assert not speaks("Who has the trailer?", document, passage)
    assert not speaks("Jonas Frei", document, passage)


@pytest.mark.parametrize("text", ["Aufräumen: Kurt", "Es wird aufgeräumt.", "Kurt räumt es auf."])
def test_a_verb_of_two_parts_is_one(text: str) -> None:
    (word,) = asked_words("Wer räumt auf?")
    assert share_held(word, stems(text)) == 1.0
    (word,) = asked_words("Wer gießt auf?")
    assert share_held(word, stems(text)) == 0.0


def test_whether_anything_was_is_not_asked_for() -> None:
    assert set(asked_words("Wurde etwas gestohlen?")) == {stem("gestohlen")}


def test_that_somebody_works_is_said_by_his_row() -> None:
    weigh = of_rows(asked_words("Wann arbeitet Dieter Wolff?"))
    assert coverage(weigh, "", "Datum: 01.10.2026\n\nPfleger: Dieter Wolff", named=False) == 1.0
    weigh = of_rows(asked_words("Wann raucht Dieter Wolff?"))
    assert coverage(weigh, "", "Datum: 01.10.2026\n\nPfleger: Dieter Wolff", named=False) < 1.0
