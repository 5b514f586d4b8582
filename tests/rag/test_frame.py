from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vademecum.rag.check import check
from vademecum.rag.frame import without_frame
from vademecum.rag.prompt import instructions, messages

TITLE, TEXT = "Aspirin for stroke in older women", "Aspirin reduced stroke in older women."


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
        "Question: Does aspirin reduce stroke in older women?",
        "Answer in 2 to 4 short sentences with the results and conclusions of the sources.",
        "You tell a professional what the sources found on a question.",
        "Take every fact and every number from the sources, and add nothing of your own.",
        f"资料1 标题：{TITLE}",
        "请用2到4句简短的中文回答，写出资料的结果和结论。",
    ],
)
def test_the_frame_is_no_sentence_of_an_answer(source_of, embedder, echo: str) -> None:
    source = source_of(1, TEXT, TITLE)
    assert check(echo, [source], embedder).sentences == ()
    (sentence,) = check(f"{echo}\n{TEXT}", [source], embedder).sentences
    assert (sentence.text, sentence.support) == (TEXT, "supported")


@pytest.mark.parametrize(
    "echo", [f"Source 1\nTitle: {TITLE}\nText: {TEXT}", f"[1] Title: {TITLE}. Text: {TEXT}"]
)
def test_a_text_behind_its_label_stays_with_its_source(source_of, embedder, echo: str) -> None:
    other = source_of(2, TEXT, TITLE)
    (sentence,) = check(echo, [source_of(1, TEXT, TITLE), other], embedder).sentences
    assert (sentence.text, sentence.citations) == (TEXT, (1,))


def test_a_sentence_behind_a_title_on_its_line_stays() -> None:
    assert without_frame(f"[1] Title: {TITLE}. {TEXT}").strip() == TEXT


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
    ],
)
def test_what_is_no_frame_stays(text: str) -> None:
    assert without_frame(text) == text


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
    assert set(re.findall(r"[A-Za-z]+", without_frame(raw))) <= set(re.findall(r"[A-Za-z]+", raw))
