"""Passages: exact offsets, nothing lost, nothing too long, sections apart, sentences whole."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vademecum.corpora.document import Document, Passage, Section
from vademecum.corpora.readers import reader_for
from vademecum.corpora.readers.building import TextBuilder
from vademecum.corpora.sections import label_of
from vademecum.corpora.sentences import split_sentences
from vademecum.ingest.cutting import REMEMBERED, STRETCH, Lengths
from vademecum.ingest.heading import embedding_text
from vademecum.ingest.splitter import VERSION, Splitter, splitter_for

Counter = Callable[[Sequence[str]], list[int]]


def words(texts: Sequence[str]) -> list[int]:
    """A WordPiece-like count: words and signs, each Chinese character, two special tokens."""
    return [2 + len(re.findall(r"[a-zA-Z0-9]+|\S", text)) for text in texts]


def letters(texts: Sequence[str]) -> list[int]:
    return [len(text) for text in texts]


def uneven(texts: Sequence[str]) -> list[int]:
    """Not additive, as byte-pair counts are not: parts may count less than the whole."""
    return [max(len(text) - 2, min(len(text), 1)) for text in texts]


def document(text: str) -> Document:
    return Document(doc_id="file:1", title="t", text=text, kind="full_text")


def check(text: str, passages: list[Passage]) -> None:
    """The invariants that hold for every text and every setting."""
    covered: set[int] = set()
    for number, passage in enumerate(passages):
        assert passage.ordinal == number
        assert passage.doc_id == "file:1"
        assert text[passage.start : passage.end] == passage.text
        assert passage.text == passage.text.strip() != ""
        covered.update(range(passage.start, passage.end))
    for before, after in pairwise(passages):
        assert before.end <= after.start
    assert all(text[at].isspace() for at in set(range(len(text))) - covered)


MIXED = st.text(
    st.sampled_from("ab1. ,;!?\n\r\t中文。，；é\u0301\u0308\u200d\u2009\U0001f600\ufdd0\ufdd1"),
    max_size=120,
)
REPEATED = st.builds(
    lambda piece, times: piece * times, st.text("ab .\n中。", max_size=8), st.integers(1, 40)
)
SENTENCES = st.lists(
    st.sampled_from(
        ["It fell. ", "It fell.\r\n\r\n", "See Fig. 2. ", "有效。", "x" * 30, "a b c d e f "]
    ),
    max_size=25,
).map("".join)


def with_sections(text: str, cuts: Sequence[int]) -> Document:
    """The text with sections between some of the cuts, under labels that nest."""
    ends = sorted({min(cut, len(text)) for cut in cuts})
    labels = ["A", "A > B", "A > B > C", "A > D", "E"]
    sections = [
        Section(labels[number % 5], start + 1, end)
        for number, (start, end) in enumerate(pairwise(ends))
        if start + 1 < end
    ]
    return Document("file:1", "t", text, "full_text", tuple(sections))


TEXTS = MIXED | REPEATED | SENTENCES | st.text(max_size=80)
CUTS = st.lists(st.integers(0, 120), max_size=8)


@given(TEXTS, CUTS, st.sampled_from([words, letters, uneven]), st.integers(3, 30))
@example("a a a a a a a a a a a a", [], letters, 5)
@example("It fell. It fell. It fell. It fell. It fell.", [0, 9, 20, 40], words, 8)
@example("e\u0301" * 20, [], letters, 3)
def test_offsets_are_exact_and_nothing_is_lost(
    text: str, cuts: list[int], count: Counter, max_tokens: int
) -> None:
    passages = Splitter(count, max_tokens).split(with_sections(text, cuts))
    check(text, passages)


@given(MIXED | SENTENCES, CUTS, st.sampled_from([words, letters, uneven]), st.integers(8, 40))
def test_no_passage_is_too_long(
    text: str, cuts: list[int], count: Counter, max_tokens: int
) -> None:
    for passage in Splitter(count, max_tokens).split(with_sections(text, cuts)):
        marks = re.findall(r"[\u0301\u0308\u200d]", passage.text)
        if not marks:  # a cut may move behind the marks of a character
            assert count([passage.text])[0] <= max_tokens


def test_a_short_document_is_one_passage() -> None:
    text = "  RESULTS: It fell.\n\nIt rose. "
    (passage,) = Splitter(words, 256).split(document(text))
    assert passage == Passage("file:1", 0, 2, len(text) - 1, text.strip())


def test_no_text_gives_no_passage() -> None:
    assert Splitter(words, 256).split(document(" \n ")) == []


TEXT = (
    "AIM: To see whether rest, as Smith et al. propose, helps vs. no rest at all. "
    "The trial ran in 2 centres.\n\n"
    "RESULTS: Pain fell by 3.5 points (p < 0.05). Nobody left the trial early. "
    "See Fig. 2 for details of pain. It did not return.\n\n"
    "目的：评估休息的疗效。方法：共一百例患者。结果：疼痛减轻！"
)


@pytest.mark.parametrize("max_tokens", [25, 30, 40, 60])
def test_passages_end_where_sentences_end(max_tokens: int) -> None:
    passages = Splitter(words, max_tokens).split(document(TEXT))
    check(TEXT, passages)
    assert len(passages) > 1
    spans = split_sentences(TEXT)
    assert {p.end for p in passages} <= {end for _, end in spans}
    assert {p.start for p in passages} <= {start for start, _ in spans}


def sentence(topic: str, length: int) -> str:
    """A sentence of so many words."""
    return " ".join([topic, *["word"] * (length - 2), "end."])


def paper(**lengths: int) -> Document:
    """Sections by name ("Methods__Doses" is below Methods), each of one sentence per 10 words."""
    builder = TextBuilder()
    open_sections: list[str] = []
    for name, length in lengths.items():
        path = name.split("__")
        for level, title in enumerate(path, 1):
            if open_sections[:level] != path[:level]:
                builder.heading(level, title)
                open_sections = path[:level]
        builder.paragraph(" ".join(sentence(path[-1], 10) for _ in range(length // 10)))
    text, sections = builder.build()
    return Document("file:1", "Title", text, "full_text", sections)


def labels(document: Document, max_tokens: int = 64) -> list[str]:
    passages = Splitter(words, max_tokens).split(document)
    check(document.text, passages)
    return [label_of(document, passage.start, passage.end) for passage in passages]


def test_each_section_is_a_passage_of_its_own() -> None:
    document = paper(Aim=30, Methods__Doses=40, Methods__Tests=30, Results=40)
    assert labels(document) == ["Aim", "Methods > Doses", "Methods > Tests", "Results"]
    first = Splitter(words, 64).split(document)[1]
    assert first.text.startswith("Methods\nDoses\nDoses word")


def test_a_section_that_is_too_long_is_cut_and_no_piece_leaves_it() -> None:
    document = paper(Methods=150, Results=150)
    found = labels(document)
    assert sorted(set(found)) == ["Methods", "Results"]
    assert len(found) == found.count("Methods") + found.count("Results") >= 6


def test_short_neighbours_are_joined_below_their_common_heading_first() -> None:
    document = paper(Aim=10, Methods__Doses=10, Methods__Tests=10, Results=50)
    assert labels(document) == ["Aim", "Methods", "Results"]


def test_a_short_top_section_is_not_mixed_with_a_long_one() -> None:
    assert labels(paper(Aim=10, Methods=40, Results=40)) == ["Aim", "Methods", "Results"]
    assert labels(paper(Aim=10, Scope=10, Methods=50)) == ["", "Methods"]


def test_the_sections_of_an_abstract_may_share_a_passage() -> None:
    text = "AIM: " + sentence("aim", 20) + "\n\nMETHODS: " + sentence("methods", 45)
    start = text.index("METHODS: ")
    sections = (Section("AIM", 5, start - 2), Section("METHODS", start + 9, len(text)))
    abstract = Document("pmid:1", "t", text + "\n\n" + sentence("more", 50), "abstract", sections)
    passages = Splitter(words, 80).split(abstract)
    assert len(passages) == 2
    assert passages[0].text == text


def test_the_articles_of_a_statute_are_passages() -> None:
    articles = [f"第{number}条　" + "当事人应当遵循公平原则。" * 3 for number in "一二三四五六"]
    text = "第一章　总则\n\n" + "\n\n".join(articles)
    starts = [text.index(article) for article in articles]
    sections = tuple(
        Section(f"第一章 总则 > {article[:3]}", start + 4, start + len(article))
        for start, article in zip(starts, articles, strict=True)
    )
    statute = Document("file:1", "民法", text, "full_text", sections)
    found = labels(statute, 90)
    assert found == [f"第一章 总则 > 第{number}条" for number in "一二三四五六"]


def test_a_heading_takes_its_share_of_the_room() -> None:
    plain = Document("file:1", "t", " ".join(sentence("x", 10) for _ in range(30)), "full_text")
    titled = Document("file:1", sentence("Title", 30), plain.text, "full_text")
    splitter = Splitter(words, 66)
    for item in (plain, titled):
        texts = [embedding_text(item, passage) for passage in splitter.split(item)]
        assert max(words(texts)) <= 66
        assert max(words(texts)) > 52  # and it is filled
    assert len(splitter.split(titled)) > len(splitter.split(plain))


def test_a_heading_without_end_leaves_half_of_the_room() -> None:
    text = " ".join(sentence("x", 10) for _ in range(30))
    item = Document("file:1", "word " * 500, text, "full_text")
    lengths = words([passage.text for passage in Splitter(words, 66).split(item)])
    assert 20 <= max(lengths) <= 34


def test_a_passage_is_no_longer_than_can_be_cited() -> None:
    class Large:
        max_tokens = 8_192

        def count_tokens(self, texts: Sequence[str]) -> list[int]:
            return words(texts)

    text = " ".join(sentence("x", 10) for _ in range(100))
    passages = splitter_for(Large()).split(document(text))  # type: ignore[arg-type]
    assert 300 < max(words([passage.text for passage in passages])) <= 384


def test_a_long_sentence_is_cut_between_words() -> None:
    text = "one, " + "word " * 50 + "end."
    passages = Splitter(words, 20).split(document(text))
    check(text, passages)
    assert all(re.fullmatch(r"(?:(?:word|one,|end\.) ?)+", p.text) for p in passages)


def test_a_character_keeps_its_marks() -> None:
    text = "e\u0301\u0308" * 30 + "\U0001f468\u200d\U0001f469" * 10
    for passage in Splitter(letters, 7).split(document(text)):
        assert passage.text[0] in "e\U0001f468"
        assert passage.text[-1] in "\u0308\U0001f469"


def test_token_counts_are_asked_for_in_batches() -> None:
    calls: list[int] = []

    def counting(texts: Sequence[str]) -> list[int]:
        calls.append(len(texts))
        return words(texts)

    text = " ".join(f"Sentence number {n} is here." for n in range(2_000))
    splitter = Splitter(counting, 64)
    calls.clear()
    assert len(splitter.split(document(text))) > 100
    assert len(calls) < 10


def book(characters: int, seed: int, paragraph: float, section: float) -> Document:
    """Prose of short and long sentences; the last two are the shares that end a paragraph or a
    section."""
    chance = random.Random(seed)
    builder = TextBuilder()
    sentences: list[str] = []
    size = 0
    while size < characters:
        sentences.append(sentence(f"Number {size},", chance.choice([4, 12, 12, 30, 90])))
        size += len(sentences[-1])
        if chance.random() < paragraph:
            builder.paragraph(" ".join(sentences))
            sentences = []
            if chance.random() < section:
                builder.heading(1, f"Chapter {size}")
    builder.paragraph(" ".join(sentences))
    text, sections = builder.build()
    return Document("file:1", "t", text, "full_text", sections)


SHORT_STRETCH = 8_000


@pytest.fixture
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vademecum.ingest.cutting.STRETCH", SHORT_STRETCH)
    monkeypatch.setattr("vademecum.ingest.splitter.STRETCH", SHORT_STRETCH)


@pytest.mark.parametrize(
    ("paragraph", "section"), [(0.3, 0.0), (0.3, 0.02), (0.3, 0.3), (0.01, 0.0), (0.0, 0.0)]
)
def test_a_long_text_is_cut_by_stretches_where_it_would_be_cut_whole(
    request: pytest.FixtureRequest, paragraph: float, section: float
) -> None:
    item = book(60_000, 7, paragraph, section)
    whole = Splitter(words, 128).split(item)
    request.getfixturevalue("short_stretches")
    by_stretches = Splitter(words, 128).split(item)
    check(item.text, by_stretches)
    assert [(p.start, p.end) for p in by_stretches] == [(p.start, p.end) for p in whole]


@pytest.mark.usefixtures("short_stretches")
@pytest.mark.parametrize("ending", [". ", " ", ".\n\n", ""])
def test_a_tokenizer_is_never_given_more_than_a_stretch(ending: str) -> None:
    """It holds 180 bytes for each character that it is at."""
    largest = 0

    def counting(texts: Sequence[str]) -> list[int]:
        nonlocal largest
        largest = max(largest, sum(map(len, texts)))
        return [2 + text.count(" ") for text in texts]

    item = document(("a few words" + ending) * (5 * SHORT_STRETCH // (11 + len(ending))))
    passages = Splitter(counting, 128).split(item)
    assert re.sub(r"\s", "", "".join(p.text for p in passages)) == re.sub(r"\s", "", item.text)
    assert 0 < largest <= SHORT_STRETCH


@pytest.mark.usefixtures("short_stretches")
def test_a_word_without_end_is_cut_and_the_time_does_not_grow_with_its_square() -> None:
    counted = 0

    def counting(texts: Sequence[str]) -> list[int]:
        nonlocal counted
        counted += sum(map(len, texts))
        return [2 + len(text.split()) for text in texts]  # one unknown token, however long

    item = document("x" * (40 * SHORT_STRETCH))
    passages = Splitter(counting, 128).split(item)
    assert [p.text for p in passages] == ["x" * SHORT_STRETCH] * 40
    assert counted < 10 * len(item.text)


def test_what_was_counted_long_ago_is_forgotten() -> None:
    lengths = Lengths(words, special=2)
    texts = [f"{number} " * 1_000 for number in range(2_000)]
    for text in texts:
        assert lengths(text) == 1_000
    assert sum(map(len, lengths._known)) <= REMEMBERED + STRETCH < sum(map(len, texts))
    assert lengths(texts[0]) == 1_000


def test_fingerprint_changes_with_what_changes_the_cuts() -> None:
    same = Splitter(words, 64).fingerprint
    assert same == Splitter(words, 64).fingerprint
    others = [Splitter(words, 65), Splitter(words, 64, 32), Splitter(letters, 64)]
    assert same not in {other.fingerprint for other in others}


@pytest.mark.parametrize("max_tokens", [2, 0])
def test_sizes_without_room_for_text_are_refused(max_tokens: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        Splitter(words, max_tokens)


def test_real_documents(real_data: Path) -> None:
    path = real_data / "pubmed/old/medline16n0902.xml.gz"
    splitter = Splitter(words, 128)
    cut_inside = total = 0
    for item in reader_for(path).read(path):
        if not isinstance(item, Document):
            continue
        passages = splitter.split(item)
        ends = {end for _, end in split_sentences(item.text)}
        total += len(passages)
        cut_inside += sum(passage.end not in ends for passage in passages)
        for passage in passages:
            assert item.text[passage.start : passage.end] == passage.text
            assert words([passage.text])[0] <= 128
    assert total > 700
    assert cut_inside < total / 100


def test_real_papers_keep_their_sections_apart(real_data: Path) -> None:
    splitter = Splitter(words, 200)
    mixed = total = 0
    for path in sorted((real_data / "jats").glob("pone*.nxml")):
        for item in reader_for(path).read(path):
            assert isinstance(item, Document)
            for passage in splitter.split(item):
                assert item.text[passage.start : passage.end] == passage.text
                total += 1
                short = words([passage.text])[0] <= 2 * 200 / 3
                mixed += not label_of(item, passage.start, passage.end) and not short
    assert total > 50
    assert mixed == 0


PINNED = """Feeding in winter
Bees need sugar (Smith et al. 2019), i.e. 5 kg a hive; see Fig. 2. Weak colonies were fed twice.

# Doses

1. Aspirin 81 mg p.o. daily
2. None at all

RESULTS: The risk fell by 0.8 vs. 1.2 %.3 No one died. It was tried by Dr. med. Weber am 3. Mai.
Kosten und Dauer
Die Kur dauert z. B. drei Wochen. 患者服用阿司匹林。“无效。”他说。第一条 总则
"""

CUTS = [
    (0, 17), (18, 72), (73, 114), (116, 167), (169, 223), (224, 265), (266, 316), (317, 334),
    (334, 340),
]  # fmt: skip


def test_another_cut_is_another_version() -> None:
    """A library cuts and embeds again only what an older version cut: if this fails because texts
    are cut differently on purpose, raise VERSION."""
    cuts = [(passage.start, passage.end) for passage in Splitter(words, 24).split(document(PINNED))]
    assert {VERSION: cuts} == {3: CUTS}
