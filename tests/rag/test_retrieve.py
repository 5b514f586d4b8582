from __future__ import annotations

from dataclasses import replace

import pytest

from vademecum.corpora.document import Document, Filters, Hit, Passage
from vademecum.errors import CorpusNotFound
from vademecum.rag.retrieve import best_first, fuse, search


def hit(doc: str, score: float, ordinal: int = 0) -> Hit:
    return Hit(Passage(doc, ordinal, 0, 1, "x"), score)


def test_a_side_gives_the_score_above_its_last_hit_in_units_of_its_best_and_dense_twice() -> None:
    dense = [hit("a", 1.0), hit("b", 0.75), hit("c", 0.5)]  # 0.5, 0.25, 0
    lexical = [hit("b", 20.0), hit("d", 10.0), hit("e", 5.0)]  # 0.75, 0.25, 0
    fused = fuse(dense, lexical, most=3)
    given = {"a#0": 2 * 0.5, "b#0": 2 * 0.25 + 0.75, "c#0": 0.0, "d#0": 0.25, "e#0": 0.0}
    assert fused == pytest.approx({key: share / (2 * 0.5 + 0.75) for key, share in given.items()})
    assert best_first(fused) == ["b#0", "a#0", "d#0", "c#0", "e#0"]


def test_a_side_that_hardly_tells_its_hits_apart_says_little() -> None:
    alike = [hit("a", 0.72), hit("b", 0.71), hit("c", 0.70)]
    telling = [hit("c", 20.0), hit("b", 12.0), hit("a", 4.0)]
    assert best_first(fuse(alike, telling, most=3)) == ["c#0", "b#0", "a#0"]
    assert best_first(fuse(alike, [], most=3)) == ["a#0", "b#0", "c#0"]


def test_what_is_first_on_both_sides_scores_1_whatever_the_units() -> None:
    dense = [hit("a", 0.9), hit("b", 0.2)]
    assert fuse(dense, [hit("a", 31.0), hit("c", 30.0)], most=2)["a#0"] == pytest.approx(1.0)


def test_a_side_that_found_few_found_all_and_the_rest_would_score_0() -> None:
    dense = [hit("a", 0.8), hit("b", 0.4)]
    given = {"a#0": 2 / 3, "b#0": (2 * 0.5 + 1) / 3}
    assert fuse(dense, [hit("b", 7.0)]) == pytest.approx(given, abs=0.01)
    assert fuse(dense, [hit("b", 7.0)], most=10**9) == pytest.approx(given)


def test_one_hit_less_of_many_changes_scores_little() -> None:
    dense = [hit(f"{i:03}", 0.7 - 0.003 * i) for i in range(100)]
    lexical = [hit(f"{i:03}", 20.0 - 0.1 * i) for i in range(0, 200, 2)]
    whole = fuse(dense, lexical)
    for fewer in (fuse(dense[:99], lexical), fuse(dense, lexical[:50] + lexical[51:])):
        assert all(abs(fewer[key] - whole[key]) < 0.02 for key in fewer)


def test_an_empty_side_has_no_say() -> None:
    hits = [hit("a", 3.0), hit("b", 1.5), hit("c", 0.0)]
    assert fuse(hits, []) == fuse([], hits) == {"a#0": 1.0, "b#0": 0.5, "c#0": 0.0}
    assert fuse([], []) == {}


@pytest.mark.parametrize("most", [2, 3, 100])
def test_equal_scores_all_count_in_full(most: int) -> None:
    equal = [hit("b", 2.0), hit("a", 2.0)]
    assert fuse([], equal, most) == fuse(equal, [], most) == {"a#0": 1.0, "b#0": 1.0}
    assert fuse(equal, equal, most) == {"a#0": 1.0, "b#0": 1.0}
    assert best_first(fuse(equal, [], most)) == ["a#0", "b#0"]


def test_equal_scores_of_one_side_leave_the_other_to_decide() -> None:
    equal, telling = [hit("a", 0.5), hit("b", 0.5)], [hit("b", 9.0), hit("c", 3.0)]
    assert fuse(equal, telling, most=2) == {"a#0": 0.0, "b#0": 1.0, "c#0": 0.0}


def test_what_scores_0_or_less_keeps_the_order_of_its_side() -> None:
    assert fuse([hit("a", 0.5), hit("b", -0.1)], []) == {"a#0": 1.0, "b#0": 0.0}
    below = [hit("c", -0.1), hit("a", -0.2), hit("b", -0.3)]
    for most in (3, 100):
        assert fuse(below, [], most) == {"a#0": 0.0, "b#0": 0.0, "c#0": 0.0}
        assert best_first(fuse(below, [], most)) == ["c#0", "a#0", "b#0"]
    few = fuse([hit("z", 0.5), *below], [])
    assert best_first(few) == ["z#0", "c#0", "a#0", "b#0"]


def test_the_best_passage_comes_first(shelf, embedder) -> None:
    found = search(shelf, embedder, "test", "Does aspirin reduce stroke in older women?", 3)
    assert found[0].document.doc_id == "pmid:2"
    assert found[0].ranks == {"dense": 1, "lexical": 1}
    assert found[0].score == 1.0
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


@pytest.mark.parametrize("blind", [{"dense"}, {"lexical"}])
def test_one_side_alone_is_enough(shelf, embedder, blind: set[str]) -> None:
    shelf.blind = blind
    found = search(shelf, embedder, "test", "Does aspirin reduce stroke?", 3)
    assert found[0].document.doc_id == "pmid:2"
    assert not blind & set(found[0].ranks)
    assert found[0].cosine > 0.3


def test_nothing_found_is_an_empty_list(shelf, embedder) -> None:
    shelf.blind = {"dense", "lexical"}
    assert search(shelf, embedder, "test", "aspirin", 3) == []


def test_one_document_does_not_crowd_out_the_others(shelf, embedder) -> None:
    text = shelf.kept["pmid:2"].text
    shelf.cut["pmid:2"] = [Passage("pmid:2", i, i, len(text), text[i:]) for i in range(5)]
    found = search(shelf, embedder, "test", "Does aspirin reduce stroke?", 4)
    assert sum(one.document.doc_id == "pmid:2" for one in found) == 2
    assert len({one.document.doc_id for one in found}) == 3


def test_where_there_are_few_others_more_of_one_is_found(shelf_of, embedder) -> None:
    sentences = [f"Clause {n} of the lease speaks of room {n}." for n in range(5)]
    text = " ".join(sentences)
    shelf = shelf_of(Document("file:lease", "Lease", text, "full_text"))
    shelf.cut["file:lease"] = [
        Passage("file:lease", n, text.index(one), text.index(one) + len(one), one)
        for n, one in enumerate(sentences)
    ]
    found = search(shelf, embedder, "test", "What does the lease say of room 3?", 4)
    assert len(found) == 4
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


ABSTRACT = "Rivaroxaban lowered embolism after hip surgery."
FULL_TEXT = Document(
    "pmcid:PMC7",
    "Rivaroxaban after hip surgery",
    f"{ABSTRACT} Doses and visits were as planned. Bleeding was rare. The rest is told below.",
    "full_text",
)


@pytest.fixture
def doubled(shelf_of):
    """An abstract, its full text in two passages, and something else."""
    abstract = replace(FULL_TEXT, doc_id="pmid:7", text=ABSTRACT, kind="abstract")
    other = Document("pmid:8", "Embolism", "Embolism is feared after surgery.", "abstract")
    shelf = shelf_of(abstract, FULL_TEXT, other)
    at, end = len(ABSTRACT), len(FULL_TEXT.text)
    shelf.cut["pmcid:PMC7"] = [
        Passage("pmcid:PMC7", 0, 0, at, ABSTRACT),
        Passage("pmcid:PMC7", 1, at + 1, end, FULL_TEXT.text[at + 1 :]),
    ]
    shelf.one_work = ("pmcid:PMC7", "pmid:7")
    return shelf


def test_of_an_abstract_and_its_full_text_the_latter_speaks(doubled, embedder) -> None:
    found = search(doubled, embedder, "test", "rivaroxaban embolism hip surgery", 6)
    assert found[0].passage.passage_id == "pmcid:PMC7#0"
    assert sorted((one.document.doc_id, one.also) for one in found) == [
        ("pmcid:PMC7", ("pmid:7",)),
        ("pmcid:PMC7", ("pmid:7",)),
        ("pmid:8", ()),
    ]


def test_an_abstract_speaks_where_its_full_text_says_less(doubled, embedder) -> None:
    doubled.cut["pmcid:PMC7"] = doubled.cut["pmcid:PMC7"][1:]
    found = search(doubled, embedder, "test", "rivaroxaban embolism hip surgery", 6)
    assert [one.document.doc_id for one in found] == ["pmid:7", "pmid:8"]
    assert found[0].also == ("pmcid:PMC7",)


@pytest.mark.parametrize(
    ("text", "speaks"),
    [
        # Of the words that the abstract has of the query: all, and one.
        (f"{ABSTRACT} Bleeding was rare.", "pmcid:PMC7"),
        ("Doses were as planned. Surgery was as usual. Bleeding was rare.", "pmid:7"),
    ],
)
@pytest.mark.parametrize("others", [0, 40, 300])
def test_who_speaks_does_not_hang_on_how_many_others_there_are(
    shelf_of, embedder, text: str, speaks: str, others: int
) -> None:
    full = replace(FULL_TEXT, title="Trial", text=text)
    abstract = replace(full, doc_id="pmid:7", text=ABSTRACT, kind="abstract")
    rest = [
        Document(f"pmid:{i}", "Other", f"Surgery of kind {i} went well.", "abstract", date="2001")
        for i in range(100, 100 + others)
    ]
    shelf = shelf_of(abstract, full, *rest)
    shelf.one_work = ("pmcid:PMC7", "pmid:7")
    found = search(shelf, embedder, "test", "rivaroxaban embolism hip surgery", 1)
    assert found[0].document.doc_id == speaks


def test_filters_reach_both_sides(shelf, embedder) -> None:
    found = search(shelf, embedder, "test", "metformin", 5, Filters(exclude_retracted=True))
    assert found
    assert not any(one.document.retracted for one in found)


def test_a_document_that_vanishes_meanwhile_is_left_out(shelf, embedder) -> None:
    shelf.documents = lambda corpus, ids: {}
    assert search(shelf, embedder, "test", "aspirin", 3) == []


def test_files_of_one_name_are_told_apart_by_their_folders(shelf_of, embedder) -> None:
    def file(number: int, name: str) -> Document:
        text = f"Paracetamol soothed sore throats on ward {number}."
        return Document(f"file:{number}", "", text, "full_text", origin=name)

    shelf = shelf_of(file(1, "notes.md"), file(2, "notes.md"), file(3, "other.md"))
    shelf.read_from = {"file:1": "/a/x/notes.md", "file:2": "/a/y/notes.md", "file:3": "/other.md"}
    hits = search(shelf, embedder, "test", "paracetamol on which ward", 5)
    files = {hit.document.doc_id: hit.document.file for hit in hits}
    assert files == {"file:1": "x/notes.md", "file:2": "y/notes.md", "file:3": "other.md"}
    del shelf.kept["file:1"], shelf.cut["file:1"]
    (alone, _) = search(shelf, embedder, "test", "paracetamol on which ward", 5)
    assert alone.document.file == "notes.md"


def test_an_unknown_corpus_keeps_its_error(shelf, embedder) -> None:
    def missing(*args: object) -> list[Hit]:
        raise CorpusNotFound("no corpus", "there is: test")

    shelf.search_dense = missing
    with pytest.raises(CorpusNotFound):
        search(shelf, embedder, "nope", "aspirin", 3)


def test_of_a_chinese_query_a_passage_covers_the_words_that_it_holds(shelf, embedder) -> None:
    query = "请问二甲双胍会增加乳酸酸中毒的风险吗？"
    found = {f.document.doc_id: f.coverage for f in search(shelf, embedder, "test", query, 8)}
    assert found["pmid:4"] == 1.0  # what only asks does not count
    assert max(share for doc_id, share in found.items() if doc_id != "pmid:4") == 0.0
    # Of a long text only the passage that was found counts.
    shelf.cut["pmid:4"] = [Passage("pmid:4", 0, 0, 6, "二甲双胍不会")]
    shelf.kept["pmid:4"] = replace(shelf.kept["pmid:4"], title="")
    (part,) = (f for f in search(shelf, embedder, "test", query, 8) if f.document.language == "chi")
    assert 0 < part.coverage < 1


def test_of_a_german_query_and_german_texts_the_passages_words_count(shelf_of, embedder) -> None:
    text = "Der Urlaub ist bis zum 31. März zu nehmen. Die Kündigungsfrist ist drei Monate."
    german = Document("file:1", "Vertrag", text, "full_text")
    english = Document("file:2", "Contract", "The Kündigung is in the contract.", "full_text")
    shelf = shelf_of(german, english)
    query = "Wie lange ist die Frist der Kündigung?"
    hits = {f.document.doc_id: f for f in search(shelf, embedder, "test", query, 5)}
    assert hits["file:1"].german
    assert hits["file:1"].coverage > 0.5
    assert not hits["file:2"].german
    # Of a long text only the passage that was found counts.
    shelf.cut["file:1"] = [Passage("file:1", 0, 0, 42, text[:42])]
    hits = {f.document.doc_id: f for f in search(shelf, embedder, "test", query, 5)}
    assert hits["file:1"].coverage == 0
    # So does a query that tells no language; an English one is counted as ever.
    for query, counted in (("Urlaub", True), ("What is in the contract?", False)):
        hits = {f.document.doc_id: f for f in search(shelf, embedder, "test", query, 5)}
        assert hits["file:1"].german == counted
    assert not any(found.german for found in hits.values())


@pytest.mark.parametrize(
    ("title", "named"),
    [
        ("Foxgloves", True),
        ("The foxglove", True),
        ("Foxglove and heart failure", False),
        ("", False),
        ("What is it?", False),
    ],
)
def test_a_query_names_a_document_that_has_no_word_more_in_its_title(
    shelf_of, embedder, title: str, named: bool
) -> None:
    row = Document("row:1", title, "150 cm; foxglove clearings", "full_text")
    (found,) = search(shelf_of(row), embedder, "test", "How tall does foxglove grow?", 5)
    assert found.named == named


def test_in_a_small_corpus_a_passage_leads_by_what_it_is_nearer_than_the_five_next(
    shelf_of, embedder
) -> None:
    texts = ["aspirin fever", "aspirin pain", "aspirin stroke", *"abcd"]
    rows = [Document(f"row:{i}", "", text, "full_text") for i, text in enumerate(texts)]
    table = shelf_of(*rows)
    by_id = {f.document.doc_id: f for f in search(table, embedder, "test", "aspirin fever", 10)}
    cosines = sorted((f.cosine for f in by_id.values()), reverse=True)
    assert by_id["row:0"].lead == pytest.approx(cosines[0] - sum(cosines[1:6]) / 5)
    assert by_id["row:6"].lead == pytest.approx(cosines[-1] - sum(cosines[:5]) / 5)
    # Copies of a work do not hide how far it leads.
    table.kept["copy"] = table.kept["row:0"]
    table.cut["copy"] = [Passage("copy", 0, 0, 13, "aspirin fever")]
    table.one_work = ("row:0", "copy")
    best = search(table, embedder, "test", "aspirin fever", 1)[0]
    assert best.lead == pytest.approx(by_id["row:0"].lead)


@pytest.mark.parametrize("rows", [5, 100])
def test_nothing_leads_among_few_nor_where_more_may_lie_beyond_what_was_compared(
    shelf_of, embedder, rows: int
) -> None:
    table = shelf_of(*(Document(f"row:{i}", "", f"aspirin {i}", "full_text") for i in range(rows)))
    assert all(f.lead == 0.0 for f in search(table, embedder, "test", "aspirin", 5))
