"""Passages: exact offsets, nothing lost, nothing too long, sentences whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vademecum.corpora.document import Document, Passage
from vademecum.corpora.readers import reader_for
from vademecum.corpora.sentences import split_sentences
from vademecum.ingest.splitter import Splitter

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
        assert before.start <= after.start
        assert before.end < after.end
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


@given(
    MIXED | REPEATED | SENTENCES | st.text(max_size=80),
    st.sampled_from([words, letters, uneven]),
    st.integers(3, 30),
    st.sampled_from([0, 0, 1, 5]),
)
@example("a a a a a a a a a a a a", letters, 5, 2)
@example("It fell. It fell. It fell. It fell. It fell.", words, 8, 3)
@example("e\u0301" * 20, letters, 3, 0)
def test_offsets_are_exact_and_nothing_is_lost(
    text: str, count: Counter, max_tokens: int, overlap: int
) -> None:
    special = count([""])[0]
    max_tokens = max(max_tokens, special + overlap + 1)
    passages = Splitter(count, max_tokens, overlap).split(document(text))
    check(text, passages)


@given(MIXED | SENTENCES, st.sampled_from([words, letters, uneven]), st.integers(8, 40))
def test_no_passage_is_too_long(text: str, count: Counter, max_tokens: int) -> None:
    for passage in Splitter(count, max_tokens).split(document(text)):
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


@pytest.mark.parametrize("max_tokens", [24, 30, 40, 60])
@pytest.mark.parametrize("overlap", [0, 8])
def test_passages_end_where_sentences_end(max_tokens: int, overlap: int) -> None:
    passages = Splitter(words, max_tokens, overlap).split(document(TEXT))
    check(TEXT, passages)
    assert len(passages) > 1
    spans = split_sentences(TEXT)
    fits = max(words([TEXT[start:end]])[0] for start, end in spans) <= max_tokens - overlap
    assert fits or max_tokens - overlap < 24
    if fits:
        assert {p.end for p in passages} <= {end for _, end in spans}
        assert {p.start for p in passages} <= {start for start, _ in spans}


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


def test_overlap_repeats_whole_sentences() -> None:
    text = " ".join(f"Sentence number {n} is here." for n in range(20))
    plain = Splitter(words, 26).split(document(text))
    overlapping = Splitter(words, 26, overlap=7).split(document(text))
    check(text, overlapping)
    assert all(a.end < b.start for a, b in pairwise(plain))
    for a, b in pairwise(overlapping):
        repeated = text[b.start : a.end]
        assert re.fullmatch(r"Sentence number \d+ is here\.", repeated)


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


def test_fingerprint_changes_with_what_changes_the_cuts() -> None:
    same = Splitter(words, 64).fingerprint
    assert same == Splitter(words, 64).fingerprint
    others = [Splitter(words, 65), Splitter(words, 64, 1), Splitter(letters, 64)]
    assert same not in {other.fingerprint for other in others}


@pytest.mark.parametrize(("max_tokens", "overlap"), [(2, 0), (0, 0), (10, 8), (10, -1)])
def test_sizes_without_room_for_text_are_refused(max_tokens: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        Splitter(words, max_tokens, overlap)


def test_real_documents(real_data: Path) -> None:
    path = real_data / "pubmed/old/medline16n0902.xml.gz"
    splitter = Splitter(words, 128, 16)
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
    assert total > 1_000
    assert cut_inside < total / 100
