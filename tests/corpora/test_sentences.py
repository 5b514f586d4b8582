"""Sentences: where they end, where they do not, and that no character is lost."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentence_cases import CASES, cases

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


@pytest.mark.parametrize("domain", CASES)
def test_texts_of_every_domain(domain: str) -> None:
    wrong = [(sentences(text), parts) for text, parts in cases(domain) if sentences(text) != parts]
    assert wrong == []


def test_the_texts_are_many() -> None:
    assert sum(len(cases(domain)) for domain in CASES) >= 150


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


@pytest.mark.parametrize(
    "parts",
    [
        ["Rest", "It helped."],
        ["Keeping bees", "Feeding in winter", "Bees need sugar."],
        ["Hepatitis A", "Two doses protect."],
        ["Kosten und Dauer", "Die Kur dauert drei Wochen."],
        [
            "The Nuclear Genome Encodes All the Genes That Are Necessary for Growth",
            f"Traditional assessments {'of a whole genome ' * 5}rest on genes that all cells have.",
        ],
        ["Results", "mRNA fell."],
        ["Table 1", "12 patients by age."],
    ],
)
def test_a_heading_above_a_paragraph(parts: list[str]) -> None:
    text = "It was said.\n\n" + "\n".join(parts) + "\n\nThe end."
    assert sentences(text) == ["It was said.", *parts, "The end."]


@pytest.mark.parametrize(
    "text",
    [
        # Wrapped: the first word of the next line would not have fitted into the one above.
        "The trial of rest was done in the hospitals of Berlin\nCharlottenburg for two long years.",
        "The trial was done by\nThe Society.",
        "The dose that was given to them all\n5 times a day was that of other\ntrials of the drug.",
        "Im Winter wurden alle Tiere nach\nMünchen gebracht und dort mit\nHeu gefüttert.",
        "The trial was done in Berlin,\nBonn and Kiel.",
        "The trial went\non for years.",
        "BACKGROUND:\nRest helps.",
        "Group | mg\nA | 5",
        "Senior notes  1.5\nJunior notes  2.5",
    ],
)
def test_lines_that_are_no_heading(text: str) -> None:
    assert sentences(text) == [text]


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
    pieces = ("a" * 500_000, "." * 500_000, "a. " * 150_000, "\n" * 500_000, "（" * 200_000)
    lines = ("§ 1 A\n" * 80_000, "(a) b\n" * 80_000, "1. " * 150_000, "a" + "." * 300_000 + "\n§ 1")
    for text in (*pieces, *lines):
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
    broken = (" vs.", "e.g.", "i.e.", " Fig.", " no.", " v.", " Tab.", " Suppl.")
    assert not [s for s in found if s.endswith(broken)]
    short = [s for s in found if len(s) < 10]
    assert len(short) < len(found) / 200


def test_every_article_of_a_real_statute_begins_a_sentence(real_data: Path) -> None:
    articles = begun = 0
    for path in sorted((real_data / "law/zh").rglob("*.md"))[:30]:
        for item in reader_for(path).read(path):
            if not isinstance(item, Document):
                continue
            starts = {start for start, _ in split_sentences(item.text)}
            for section in item.sections:
                if "条" in section.label:
                    line = item.text.rfind("\n", 0, section.start) + 1
                    while item.text[line].isspace():
                        line += 1
                    articles += 1
                    begun += line in starts
    assert articles > 500
    assert begun == articles


def test_real_contracts_keep_their_sentences(real_data: Path) -> None:
    total = small = 0
    for path in sorted((real_data / "law/contracts").glob("*.txt"))[:20]:
        for item in reader_for(path).read(path):
            if not isinstance(item, Document):
                continue
            found = sentences(item.text)
            total += len(found)
            small += sum(one[0].islower() and len(one) > 20 for one in found)
            assert not [one for one in found if one.endswith((" Sec.", " Art.", " v.", " Nos."))]
    assert total > 2_000
    assert small < total / 10
