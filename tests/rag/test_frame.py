from __future__ import annotations

import re
from dataclasses import replace
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vademecum.rag.answer import Source
from vademecum.rag.check import check
from vademecum.rag.frame import without_frame
from vademecum.rag.prompt import instructions, messages

TITLE, TEXT = "Aspirin for stroke in older women", "Aspirin reduced stroke in older women."
QUESTION = "Does aspirin reduce stroke in older women?"


@pytest.fixture
def framed(source_of) -> list[Source]:
    """Two sources as a prompt lists them: with title, year and section; one is retracted."""
    return [
        replace(source_of(1, TEXT, TITLE), section="Results"),
        source_of(2, "Metformin cures.", "Metformin for all", retracted=True),
    ]


@pytest.mark.parametrize(
    "echo",
    [
        f"Source 1 Title: {TITLE}",
        f"Source 1: Title: {TITLE}",
        f"[1] Title: {TITLE}",
        f"**Source 1** Title: {TITLE}",
        f"Source 1\nTitle: {TITLE}\nYear: 2020",
        f"Title: {TITLE}",
        f"Source 1 Title: {TITLE} Year: 2020 Section: Results",
        f"Question: {QUESTION}",
        f"Title: {TITLE} [1], Year: 2020; Section: Results.",
        f"- **Title:** {TITLE.upper()}.",
        "Title: RETRACTED: Metformin for all",
        "Answer in 2 to 4 short sentences with the results and conclusions of the sources.",
        "You tell a professional what the sources found on a question.",
        "Take every fact and every number from the sources, and add nothing of your own.",
        f"资料1 标题：{TITLE}",
        "请用2到4句简短的中文回答，写出资料的结果和结论。",
    ],
)
def test_the_frame_is_no_sentence_of_an_answer(framed, embedder, echo: str) -> None:
    assert check(echo, framed, embedder, question=QUESTION).sentences == ()
    whole = f"{echo}\n{TEXT}"
    (sentence,) = check(whole, framed, embedder, question=QUESTION).sentences
    assert (sentence.text, sentence.support) == (TEXT, "supported")


@pytest.mark.parametrize(
    "echo", [f"Source 1\nTitle: {TITLE}\nText: {TEXT}", f"[1] Title: {TITLE}. Text: {TEXT}"]
)
def test_a_text_behind_its_label_stays_with_its_source(source_of, embedder, echo: str) -> None:
    other = source_of(2, TEXT, TITLE)
    (sentence,) = check(echo, [source_of(1, TEXT, TITLE), other], embedder).sentences
    assert (sentence.text, sentence.citations) == (TEXT, (1,))


def test_a_sentence_behind_a_title_on_its_line_stays(framed) -> None:
    assert without_frame(f"[1] Title: {TITLE}. {TEXT}", framed, QUESTION) == TEXT


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "Source 1 found that aspirin helps.",
        "[1] Aspirin helps. [2] Statins do not.",
        "The title: a claim. In the year: nothing.",
        "The sources do not answer this question.",
        "资料没有回答这个问题。",
        "Results:\n- Aspirin helps [1]",
        "The sources found that aspirin reduced stroke.",
        "The primary endpoint was defined in Section: 4.2 and was met in 80% of patients.",
        "The Title: VII claim was dismissed because it came late.",
        f"The trial. Title: {TITLE}",
        "- Year: 2019, stroke fell by 12%",
        "- Year: 2020, stroke fell by 12%",
        "Year: 2020 saw stroke fall by 12%.",
        "Section: Results of both trials agree.",
        "Section: Section 433 BGB obliges the seller to hand over the thing.",
        f"Title: {TITLE} was the larger of both trials.",
        "Question: May women take aspirin?",
        "问题：患者依从性差，导致血压控制不佳。",
        "年份：2015年的研究显示中风减少12%。",
        "年份：2020年的研究显示中风减少12%。",
    ],
)
def test_what_is_no_frame_stays(framed, text: str) -> None:
    assert without_frame(text, framed, QUESTION) == text


@pytest.mark.parametrize(
    "text",
    [
        "Source 2 is marked RETRACTED and should not be relied on.",
        "Do not rely on source 2; say that it is retracted.",
        "Never rely on a source marked RETRACTED.",
        "不依据标有“已撤稿”的资料。",
        "The results and conclusions were stated in 4 short sentences.",
        "The results and conclusions of the sources differ.",
        "Every fact and every number of the sources was added up.",
    ],
)
def test_a_warning_or_a_few_words_of_an_instruction_stay(framed, text: str) -> None:
    assert without_frame(text, framed, QUESTION) == text


def test_an_instruction_with_a_word_changed_goes(framed) -> None:
    told = "Take every fact and every figure from the sources, and add nothing of your own."
    assert without_frame(f"{TEXT} {told}", framed, QUESTION).strip() == TEXT


@pytest.mark.parametrize("before", ["", "Source 1", "[", "Title:", f"Title: {TITLE}", "Source 1:"])
@pytest.mark.parametrize("run", [" ", "-", "\t", "*", "- ", "[1]", "Year: 2020 "])
def test_a_long_run_of_anything_takes_no_long_time(framed, before: str, run: str) -> None:
    raw = f"Aspirin helps.\n{before}{run * (200_000 // len(run))}x"
    started = perf_counter()
    assert without_frame(raw, framed, QUESTION).startswith("Aspirin helps.")
    assert perf_counter() - started < 5  # some 0.1 s; where a run is tried twice, minutes


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("reasons", [True, False])
def test_nothing_of_a_prompt_is_an_answer(source_of, embedder, language, reasons: bool) -> None:
    source = source_of(1, TEXT, TITLE)
    asked = messages("Does it help?", [source], language, reasons=reasons)
    for sentence in check("\n\n".join(m.content for m in asked), [source], embedder).sentences:
        assert sentence.text == TEXT or sentence.support != "supported"


def test_instructions_hold_no_place_for_sources() -> None:
    assert all("{" not in part for part in instructions())


PIECES = st.lists(
    st.sampled_from(["Source 1", "Title: ", "Text: ", "[1] ", "\n", "Aspirin helps. ", "Year: 2020",
                     " ", "Question: Why? ", "问题：", "资料1", ":", "**"]),
    max_size=15,
)  # fmt: skip


@given(PIECES.map("".join))
def test_nothing_is_invented(raw: str) -> None:
    kept = without_frame(raw, [], "Why?")
    assert set(re.findall(r"[A-Za-z]+", kept)) <= set(re.findall(r"[A-Za-z]+", raw))
