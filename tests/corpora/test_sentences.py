"""Sentences: where they end, where they do not, and that no character is lost."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vademecum.corpora.document import Document
from vademecum.corpora.readers import reader_for
from vademecum.corpora.sentences import split_sentences


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["Rest helped.", "It was cheap!", "Was it safe?", "Yes."],
        ["Smith et al. reported 12 cases.", "We found none."],
        ["The drug was given i.v. to mice (e.g. C57BL/6, i.e. inbred).", "They slept."],
        ["It fell (p < 0.05).", "The rest, by 3.5%, rose."],
        ["The difference was significant at p < 0.05.", "No harm was seen."],
        ["See Fig. 2 and Table 1.", "Ref. 3 and no. 5 differ."],
        ["Written by J. R. Smith and A. Doe.", "Read by Dr. Roe vs. Mr. Poe."],
        ["E. coli grew at 37 °C.", "S. aureus did not."],
        ["All had hepatitis C.", "Patients improved."],
        ["The limit was 5 mg/L.", "Urine was clear."],
        ["They rested for 30 min.", "Heart rate fell."],
        ["RESULTS: It helped.", "CONCLUSION: Rest."],
        ["It rose.", "mRNA fell.", "p53 stayed.", "α-synuclein too."],
        ["In all, 40 were enrolled.", "12 patients left."],
        ["He said “it works.”", "(See also Table 1.)", "Next."],
        ["Approved by the U.S. Food and Drug Administration.", "It sold."],
        ["It was seen by Smith et al.", "However, we did not."],
        ["Wait ... and see.", "Then act..."],
        ["研究目的：评估疗效。", "方法：共120例（平均3.5岁）！", "结果如何？", "很好"],
        ["他说：“有效。”", "于是结束。"],
    ],
)
def test_sentence_ends(parts: list[str]) -> None:
    assert sentences(" ".join(parts)) == parts


def test_chinese_needs_no_space() -> None:
    assert sentences("有效。无害！是吗？是") == ["有效。", "无害！", "是吗？", "是"]


def test_a_missing_space_and_raised_reference_numbers() -> None:
    assert sentences("It fell in mice.These rose.") == ["It fell in mice.", "These rose."]
    assert sentences("Others did likewise.1,2 We did not.") == [
        "Others did likewise.1,2",
        "We did not.",
    ]
    assert sentences("The change p.Arg117His is rare.") == ["The change p.Arg117His is rare."]


def test_lines() -> None:
    text = (
        "# Title\nA line that is\nwrapped. Next.\n\nNew\r\n\r\n- item one\n- item two\n1. First.\n"
    )
    assert sentences(text) == [
        "# Title",
        "A line that is\nwrapped.",
        "Next.",
        "New",
        "- item one",
        "- item two",
        "1. First.",
    ]


def test_chinese_lines_are_paragraphs() -> None:
    assert sentences("第一条 总则\n第二条 分则，\n续") == ["第一条 总则", "第二条 分则，\n续"]


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_nothing_has_no_sentences(text: str) -> None:
    assert split_sentences(text) == []


ANY = st.text(
    st.sampled_from('aB1 .!?…。！？\n\r\t"”）()[]/-#*、，:中文é\u0301\u2009\U0001f600'), max_size=80
)


@given(ANY | st.text(max_size=60))
def test_every_character_is_in_one_sentence(text: str) -> None:
    spans = split_sentences(text)
    for (_, end), (start, _) in pairwise(spans):
        assert end <= start
    for start, end in spans:
        assert text[start:end] == text[start:end].strip() != ""
    outside = set(range(len(text))) - {at for start, end in spans for at in range(start, end)}
    assert all(text[at].isspace() for at in outside)


def test_long_texts_take_time_in_proportion() -> None:
    # Quadratic rules would need minutes here; the suite's timeout is the limit.
    for text in ("a" * 500_000, "." * 500_000, "a. " * 150_000, "\n" * 500_000, "（" * 200_000):
        assert split_sentences(text) or not text.strip()


def test_real_abstracts_keep_abbreviations_whole(real_data: Path) -> None:
    path = real_data / "pubmed/old/medline16n0902.xml.gz"
    found = [
        sentence
        for item in reader_for(path).read(path)
        if isinstance(item, Document) and item.kind == "abstract"
        for sentence in sentences(item.text)
    ]
    assert 4_000 < len(found) < 7_000
    assert not [s for s in found if s.endswith((" vs.", "e.g.", "i.e.", " Fig.", " no."))]
    short = [s for s in found if len(s) < 10]
    assert len(short) < len(found) / 200
