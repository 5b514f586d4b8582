"""How much of what is asked a document holds."""

from __future__ import annotations

from vademecum.corpora.document import Document, Passage
from vademecum.rag.coverage import coverage_of, word_weights
from vademecum.rag.retrieve import search


def test_coverage_counts_rare_words_more(shelf, embedder) -> None:
    query = "metformin and risk in sarcoidosis"
    found = {f.document.doc_id: f.coverage for f in search(shelf, embedder, "test", query, 8)}
    assert 0 < found["pmid:1"] < 0.6  # two of three words, but not the telling one
    assert found["pmid:2"] == 0
    assert word_weights("metformin", []) == {"metformi": 0.0}


def test_a_query_without_content_words_is_covered_by_nothing(shelf, embedder) -> None:
    assert {f.coverage for f in search(shelf, embedder, "test", "what is it", 8)} == {0.0}


def row(n: int, text: str) -> tuple[Document, Passage]:
    return Document(f"row:{n}", "", text, "full_text"), Passage(f"row:{n}", 0, 0, len(text), text)


def test_a_day_covers_itself_however_it_is_written_and_a_month_its_days() -> None:
    on_the_30th, on_the_29th = row(1, "due: 2026-11-30"), row(2, "due: 29.11.2026")
    passages = [on_the_30th[1], on_the_29th[1]]
    covered = coverage_of("What is due on 30 November 2026?", passages)
    assert covered(*on_the_30th) == (1.0, False)
    assert covered(*on_the_29th)[0] < 1.0
    covered = coverage_of("What is due in November?", passages)
    assert covered(*on_the_30th) == covered(*on_the_29th) == (1.0, False)
    covered = coverage_of("Was ist am 30. November fällig?", passages)
    assert covered(*on_the_30th)[0] > covered(*on_the_29th)[0]


def test_a_row_with_the_name_of_somebody_covers_that_he_works_in_german() -> None:
    of_table = row(1, "Datum: 2026-11-30\n\nName: Dieter Wolff")
    prose = row(2, "Das Zimmer ist von Dieter Wolff und wird von ihm auch genutzt.")
    covered = coverage_of("Wann arbeitet Dieter Wolff?", [of_table[1], prose[1]])
    assert covered(*of_table) == (1.0, True)
    assert covered(*prose)[0] < 1.0
