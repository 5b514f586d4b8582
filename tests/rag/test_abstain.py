from __future__ import annotations

import re
from typing import get_args

import pytest

from vademecum.corpora.document import Document, Passage
from vademecum.rag.abstain import (
    LEAD,
    RELEVANT,
    RELEVANT_GERMAN,
    RELEVANT_HAN,
    after,
    before,
    refuses,
    relevance,
)
from vademecum.rag.answer import CorpusRef, Sentence, Source
from vademecum.rag.retrieve import Found, search
from vademecum.rag.spoken import Spoken
from vademecum.rag.tongues import Apart
from vademecum.rag.wording import (
    ANOTHER,
    ENDINGS,
    LANGUAGES,
    NOT_SEARCHED,
    OTHER_LANGUAGE,
    OVERSTATED,
    REASONS,
    SOME_APART,
    STATUS,
    STRONGER,
    THEIRS,
    UNWRITTEN,
    notice,
)


def sentence(text: str, support: str) -> Sentence:
    return Sentence(text, 0, len(text), (1,), support, 0.5)  # type: ignore[arg-type]


def source(text: str) -> Source:
    return Source(
        1, "pmid:1", "pmid:1#0", "", 2020, "", "", "abstract", False, "", text, 0, len(text), 1.0
    )


@pytest.mark.parametrize(
    "text",
    [
        "The sources do not answer this question.",
        "The provided sources don't contain information about the capital of France.",
        "There is no information about dosage in the provided sources.",
        "None of the passages, as given, do not mention it.",
        "I'm sorry, but I cannot answer that.",
        "I could not find an answer.",
        "The given text does not specify the dose.",
        "资料没有回答这个问题。",
        "抱歉，无法回答。",
    ],
)
def test_refusals(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "Metformin does not increase the risk of lactic acidosis.",
        "The trial did not provide a benefit over placebo.",
        "There was no evidence of a difference in mortality.",
        "Patients cannot answer the questionnaire without help.",
        "二甲双胍不会增加风险。",
    ],
)
def test_denials_are_findings(text: str) -> None:
    assert not refuses(text)


def test_a_finding_that_sounds_like_a_refusal_stands_if_it_is_supported() -> None:
    text = "The studies did not report any serious adverse events."
    assert refuses(text)
    assert after([sentence(text, "supported")]) is None
    assert after([sentence(text, "unsupported")]) == "declined"


def test_nothing_found() -> None:
    assert before([], "en") == "empty"


@pytest.mark.parametrize(
    ("question", "language", "verdict"),
    [
        ("Does aspirin reduce stroke in older women?", "en", None),
        ("What is the capital of France?", "en", "irrelevant"),
        ("二甲双胍会增加乳酸酸中毒的风险吗？", "zh", None),
        ("法国的首都是哪里？", "zh", "irrelevant"),
    ],
)
def test_what_is_far_from_the_question_does_not_count(
    shelf, embedder, question: str, language, verdict: str | None
) -> None:
    found = search(shelf, embedder, "test", question, 5)
    assert before(found, language) == verdict
    assert all(0 <= relevance(one, language) <= 1 for one in found)


def found(relevance: float, **how) -> Found:
    """A passage that bears so much on a question, in either language."""
    text = "150 cm. June to August. Woodland clearings."
    row = Document("row:1", "Foxglove", text, "full_text")
    return Found(Passage("row:1", 0, 0, len(text), text), row, 1.0, relevance, relevance, {}, **how)


@pytest.mark.parametrize(("language", "least"), [("en", RELEVANT), ("zh", RELEVANT_HAN)])
def test_of_what_the_question_names_by_its_title_less_is_enough(language, least: float) -> None:
    near = 0.75 * least
    assert before([found(near)], language) == "irrelevant"
    assert before([found(near, named=True)], language) is None
    assert before([found(0.5 * least, named=True)], language) == "irrelevant"


def test_of_what_stands_out_in_a_small_corpus_less_is_enough() -> None:
    near = 0.75 * RELEVANT
    assert before([found(near, lead=LEAD)], "en") is None
    assert before([found(near, lead=LEAD - 0.01)], "en") == "irrelevant"
    assert before([found(0.5 * RELEVANT, lead=0.9)], "en") == "irrelevant"
    # The embedder is English: of Chinese its cosines say little.
    assert before([found(0.75 * RELEVANT_HAN, lead=0.9)], "zh") == "irrelevant"


def test_of_german_the_words_alone_count() -> None:
    assert before([found(RELEVANT_GERMAN, german=True)], "en") is None
    assert before([found(RELEVANT_GERMAN - 0.01, german=True)], "en") == "irrelevant"
    # The embedder is English; and how far a title counts is told where words are.
    near = found(0.75 * RELEVANT_GERMAN, german=True, named=True, lead=0.9)
    assert before([near], "en") == "irrelevant"


TEXTS = {
    "Dienstvertrag": "Die Probezeit beträgt sechs Monate. Nach der Probezeit ist die Frist drei "
    "Monate zum Ende eines Vierteljahres. Die Kündigung bedarf der Schriftform.",
    "Mietvertrag": "Zwischen der Lindner GmbH (Vermieter) und der Apotheke Sander wird ein Vertrag "
    "geschlossen. Der Mieter leistet eine Kaution in Höhe von drei Monatsmieten.",
    "Hausordnung": "Das Treppenhaus ist von den Bewohnern zu reinigen. Ein Hund ist an der Leine "
    "zu führen und nicht in die Waschküche zu lassen.",
}


@pytest.mark.parametrize(
    ("question", "own"),
    [
        ("Wie lang ist die Probezeit?", "Dienstvertrag"),
        ("Muss die Kündigung schriftlich erfolgen?", "Dienstvertrag"),
        ("Wer ist Vermieter?", "Mietvertrag"),
        ("Wie hoch ist die Kaution?", "Mietvertrag"),
        ("Wie hoch ist die Vertragsstrafe?", None),
        ("Darf der Mieter eine Katze halten?", None),
        ("Wie weit ist der Mond von der Erde entfernt?", None),
    ],
)
def test_a_german_question_is_put_to_german_texts_that_speak_of_it(
    shelf_of, embedder, question: str, own: str | None
) -> None:
    def asked(texts: dict[str, str]) -> str | None:
        shelf = shelf_of(*(Document(f"file:{t}", t, texts[t], "full_text") for t in texts))
        return before(search(shelf, embedder, "test", question, 5), "en")

    assert asked(TEXTS) == (None if own else "irrelevant")
    rest = {title: text for title, text in TEXTS.items() if title != own}
    assert asked(rest) == "irrelevant"


def test_a_row_is_found_by_its_name_though_it_has_no_other_word_of_the_question(
    shelf_of, embedder
) -> None:
    rows = {"Foxglove": "Clearings.", "Thrift": "Cliffs.", "Heather": "Moors."}
    table = shelf_of(*(Document(f"row:{t}", t, text, "full_text") for t, text in rows.items()))
    for name in rows:
        hits = search(table, embedder, "test", f"Where does {name.lower()} grow?", 5)
        assert hits[0].document.title == name
        assert relevance(hits[0], "en") < RELEVANT  # it holds one of two words
        assert before(hits, "en") is None
    absent = search(table, embedder, "test", "Where does bamboo grow?", 5)
    assert before(absent, "en") == "irrelevant"


def test_one_borne_out_sentence_is_an_answer() -> None:
    assert after([sentence("A.", "unsupported"), sentence("B.", "partial")]) is None
    assert after([sentence("A.", "unsupported"), sentence("B.", "uncited")]) == "unsupported"
    assert after([sentence("A.", "overstated")]) is None
    assert after([]) == "silent"


def test_an_answer_that_only_hands_the_question_back_is_withdrawn() -> None:
    question = "Does smoking protect against lung cancer?"
    text = "Smoking protects against lung cancer by inhibiting autophagy in cancer cells."
    silent = source("Feiyanning inhibits protective autophagy in lung cancer cells.")
    speaks = source("Smoking does not protect against lung cancer.")
    assert after([sentence(text, "partial")], question, [silent]) == "borrowed"
    assert after([sentence(text, "partial")], question, [speaks]) is None
    assert after([sentence(text, "supported")], question, [silent]) is None


def test_a_refusal_is_recognised_unless_an_answer_follows() -> None:
    refusal = sentence("The sources do not answer this question.", "partial")
    assert after([refusal]) == "declined"
    assert after([refusal, sentence("Aspirin helps.", "supported")]) is None
    assert after([sentence("Aspirin helps.", "supported"), refusal]) is None


PUBMED = CorpusRef("pubmed", "abc", 1_204, "2021-01-15")


def test_the_notice_names_the_library_that_was_searched_and_how() -> None:
    assert notice(PUBMED, "irrelevant", "en") == (
        "Not in this library: nothing close enough to the question was found in "
        '"pubmed" (1,204 documents, newest 2021-01-15).'
    )
    assert notice(PUBMED, "empty", "en", filtered=True).endswith("2021-01-15), within the filters.")
    assert "1204 篇" in notice(PUBMED, "empty", "zh")
    assert "(1 document)" in notice(CorpusRef("x", "", 1, ""), "empty", "en")
    assert notice(PUBMED, "empty", "de", filtered=True) == (
        "Nicht in dieser Bibliothek: die Suche hat nichts gefunden, in „pubmed“ "
        "(1.204 Dokumente, neuestes 2021-01-15), innerhalb der Filter."
    )
    assert "(1 Dokument)" in notice(CorpusRef("x", "", 1, ""), "empty", "de")


def test_all_that_is_said_is_said_in_every_language() -> None:
    tables = [*REASONS.values(), *ENDINGS.values(), *UNWRITTEN.values(), OVERSTATED, STRONGER]
    apart = [*LANGUAGES.values(), ANOTHER, THEIRS, OTHER_LANGUAGE, NOT_SEARCHED, SOME_APART]
    for table in [*tables, *apart]:
        assert set(table) == set(get_args(Spoken))
        assert len(set(table.values())) == len(table)
        assert len({words.count("{}") for words in table.values()}) == 1


@pytest.mark.parametrize("reason", REASONS)
def test_only_what_the_search_did_not_find_is_said_of_the_library(reason) -> None:
    of_library = STATUS[reason] == "not_in_library"
    assert of_library == (reason in ("empty", "irrelevant", "unnamed"))
    said = notice(PUBMED, reason, "en", apart=Apart("ger", "eng"))
    assert ("Not in this library" in said) == of_library
    assert ("pubmed" in said) == (STATUS[reason] in ("not_in_library", "other_language"))
    assert ("不在库中" in notice(PUBMED, reason, "zh", apart=Apart("chi", "eng"))) == of_library
    assert REASONS[reason]["en"].casefold() in said.casefold()


def test_of_two_languages_both_are_named_and_the_one_to_ask_in() -> None:
    said = notice(PUBMED, "apart", "de", apart=Apart("ger", "eng"))
    assert said.startswith("Die Frage ist auf Deutsch, ")
    assert "die meisten in „pubmed“ gefundenen Texte sind auf Englisch" in said
    assert said.endswith("bitte auf Englisch fragen.")
    said = notice(PUBMED, "apart", "zh", apart=Apart("chi", "eng"))
    assert said.startswith("问题是中文，")
    assert said.endswith("请用英文提问。")
    said = notice(PUBMED, "unchecked", "en", apart=Apart("eng", "chi"))
    assert "cannot be checked" in said
    assert said.endswith("ask in Chinese.")
    said = notice(PUBMED, "irrelevant", "de", apart=Apart("ger", "eng"))
    assert said.startswith("Nicht in dieser Bibliothek")
    assert "Einige gefundene Texte sind auf Englisch" in said
    assert notice(PUBMED, "irrelevant", "zh", apart=Apart("chi", "eng")).endswith("请用英文提问。")
    # Of one that has no name here it is said that it is another.
    said = notice(PUBMED, "apart", "en", apart=Apart("eng", "fin"))
    assert "are in another language" in said
    assert said.endswith("ask in their language.")


@pytest.mark.parametrize(
    ("language", "two"), [("en", "(“a”, “b”)"), ("de", "(„a“, „b“)"), ("zh", "（“a”、“b”）")]
)
def test_corpora_that_were_not_searched_may_hold_texts_in_the_language_of_the_question(
    language, two
) -> None:
    apart = Apart("ger", "eng")
    said = notice(PUBMED, "apart", language, apart=apart, others=["a", "b"])
    assert said.startswith(notice(PUBMED, "apart", language, apart=apart))
    assert two in said
    many = notice(PUBMED, "apart", language, apart=apart, others=list("abcdefg"))
    assert "…" in many
    assert not {"“f”", "„f“"} & set(re.findall("[“„].[”“]", many))
    # Where the search found nothing in the same language it is said of this corpus alone.
    assert two not in notice(PUBMED, "irrelevant", language, others=["a", "b"])
