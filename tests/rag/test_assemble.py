from __future__ import annotations

from dataclasses import replace

import pytest

from vademecum.corpora.document import Document, Passage, Section
from vademecum.errors import ContextTooLong
from vademecum.rag.assemble import PROMPT_TOKENS, assemble, choose_sources, prompt_budget
from vademecum.rag.retrieve import Found, search

QUESTION = "Does metformin cause lactic acidosis in renal impairment?"


def found_of(document: Document, start: int = 0, end: int | None = None) -> Found:
    stop = len(document.text) if end is None else end
    passage = Passage(document.doc_id, 0, start, stop, document.text[start:stop])
    return Found(passage, document, 1.0, 0.9, 0.9, {})


def long_document(n: int, sentences: int = 60, kind: str = "abstract") -> Document:
    text = " ".join(f"Sentence {i} of document {n} speaks of metformin." for i in range(sentences))
    return Document(f"pmid:{n}", f"Title {n}", text, kind)  # type: ignore[arg-type]


def by_characters(source: object) -> int:
    return len(source.text)  # type: ignore[attr-defined]


def test_whole_abstracts_numbered_from_one(shelf, embedder, model_of) -> None:
    found = search(shelf, embedder, "test", QUESTION, 8)
    prompt = assemble(found, QUESTION, "en", model_of(), answer_tokens=256)
    assert [source.n for source in prompt.sources] == list(range(1, len(prompt.sources) + 1))
    for source in prompt.sources:
        assert source.text == shelf.kept[source.doc_id].text
        assert f"Source {source.n}\n" in prompt.messages[-1].content
        assert source.text in prompt.messages[-1].content
    assert QUESTION in prompt.messages[-1].content


def test_the_prompt_stays_within_its_budget(model_of) -> None:
    model = model_of()
    found = [found_of(long_document(n, 20)) for n in range(20)]
    prompt = assemble(found, QUESTION, "en", model, answer_tokens=256)
    used = sum(model.count_tokens(message.content) for message in prompt.messages)
    assert PROMPT_TOKENS * 0.6 < used <= PROMPT_TOKENS
    assert 2 <= len(prompt.sources) <= 8


def test_the_budget_yields_to_a_short_context(model_of) -> None:
    model = model_of(context_length=700)
    assert prompt_budget(model, 200, None) < 500
    assert prompt_budget(model, 200, 5_000) < 500
    assert prompt_budget(model_of(), 200, 900) == 900


def test_a_reasoning_model_reads_more_and_gets_no_system_message(shelf, embedder, model_of) -> None:
    found = search(shelf, embedder, "test", QUESTION, 8)
    plain = assemble(found, QUESTION, "en", model_of(), answer_tokens=256)
    reasoning = assemble(found, QUESTION, "en", model_of(reasons=True), answer_tokens=256)
    assert [message.role for message in plain.messages] == ["system", "user"]
    assert [message.role for message in reasoning.messages] == ["user"]
    assert "like this: [1]" in reasoning.messages[0].content
    assert prompt_budget(model_of(reasons=True), 256, None) > prompt_budget(model_of(), 256, None)


def test_a_text_that_does_not_fit_comes_as_the_passage_found() -> None:
    document = long_document(1)
    (source,) = choose_sources([found_of(document, 98, 300)], 220, by_characters)
    assert (source.start, source.end) == (98, 300)
    assert source.text == document.text[98:300]


def test_a_passage_that_does_not_fit_is_cut_after_a_sentence() -> None:
    document = long_document(1)
    (source,) = choose_sources([found_of(document)], 250, by_characters)
    assert source.text == document.text[source.start : source.end]
    assert source.text.endswith("metformin.")
    assert 100 < len(source.text) <= 250


def test_a_full_text_does_not_crowd_out_the_others() -> None:
    paper = long_document(1, 12, "full_text")
    room = len(paper.text) + 50
    sources = choose_sources(
        [found_of(paper, 0, 200), found_of(long_document(2, 3))], room, by_characters
    )
    assert [source.doc_id for source in sources] == ["pmid:1", "pmid:2"]
    assert sources[1].text == long_document(2, 3).text
    assert sum(len(source.text) for source in sources) <= room


def paper_with_sections() -> Document:
    """Two top sections, the first with two below it; 50 characters a sentence."""
    text, sections = "", []
    for label, count in (("Methods > Doses", 4), ("Methods > Tests", 4), ("Results", 40)):
        heading = label.rpartition(" > ")[2]
        text += ("\n\n" if text else "") + heading + "\n"
        body = " ".join(f"Sentence {i:02} of {heading} says something new." for i in range(count))
        sections.append(Section(label, len(text), len(text) + len(body)))
        text += body
    return Document(
        "pmcid:PMC1", "T", text, "full_text", tuple(sections), pages=(0, 300), licence="CC BY 4.0"
    )


def piece_of(document: Document, piece: str) -> Found:
    start = document.text.index(piece)
    return found_of(document, start, start + len(piece))


def test_the_section_of_a_passage_comes_whole_where_it_fits() -> None:
    document = paper_with_sections()
    found = piece_of(document, "Sentence 01 of Tests says something new.")
    methods = document.text[: document.sections[1].end]
    tests = document.text[document.sections[0].end : document.sections[1].end].strip()
    for room, text in ((3 * len(methods), methods), (len(methods) - 1, tests)):
        (source,) = choose_sources([found], room, by_characters)
        assert source.text == text == document.text[source.start : source.end]
    assert source.section == "Methods > Tests"


def test_a_passage_of_a_long_section_comes_with_its_neighbours() -> None:
    document = paper_with_sections()
    found = piece_of(document, "Sentence 20 of Results says something new.")
    (source,) = choose_sources([found], 400, by_characters)
    assert source.text.startswith("Sentence 16 of Results")
    assert source.text.endswith("Sentence 24 of Results says something new.")
    assert len(source.text) <= 400
    first = piece_of(document, "Sentence 00 of Results says something new.")
    (source,) = choose_sources([first], 400, by_characters)
    assert source.text.startswith("Results\nSentence 00 of Results")  # nothing of Methods


def test_a_source_says_where_it_stands() -> None:
    document = paper_with_sections()
    found = piece_of(document, "Sentence 01 of Tests says something new.")
    (source,) = choose_sources([found], 200, by_characters)
    assert (source.section, source.page, source.licence) == ("Methods > Tests", 1, "CC BY 4.0")
    found = piece_of(document, "Sentence 20 of Results says something new.")
    (source,) = choose_sources([found], 100, by_characters)
    assert (source.section, source.page) == ("Results", 2)
    (whole,) = choose_sources([found], 100_000, by_characters)
    assert (whole.section, whole.page) == ("", 1)


def test_a_source_without_a_number_of_its_own_names_its_file() -> None:
    own = replace(paper_with_sections(), doc_id="file:0a1b", origin="guideline.pdf")
    for document, file in ((own, "guideline.pdf"), (replace(own, doc_id="pmcid:PMC1"), "")):
        (source,) = choose_sources([piece_of(document, "Sentence 01 of Tests")], 900, by_characters)
        assert source.file == file


def test_the_model_reads_in_which_section_a_source_stands(model_of) -> None:
    document = paper_with_sections()
    found = piece_of(document, "Sentence 20 of Results says something new.")
    prompt = assemble([found], QUESTION, "en", model_of(), answer_tokens=9, prompt_tokens=420)
    assert "\nSection: Results\nText: Sentence" in prompt.messages[-1].content
    prompt = assemble([found], QUESTION, "zh", model_of(), answer_tokens=9, prompt_tokens=420)
    assert "\n章节：Results\n正文：Sentence" in prompt.messages[-1].content


def test_what_others_leave_goes_to_long_texts() -> None:
    document = paper_with_sections()
    found = piece_of(document, "Sentence 20 of Results says something new.")
    alone = choose_sources([found], 1_200, by_characters)
    beside = choose_sources([found, found_of(long_document(2, 16))], 1_200, by_characters)
    assert 1_000 < len(alone[0].text) <= 1_200
    assert len(beside) == 2
    assert 300 < sum(len(source.text) for source in beside) <= 1_200


def test_duplicates_are_dropped() -> None:
    one = long_document(1, 3)
    again = replace(one, doc_id="pmid:9", text=one.text.replace(" ", "  ").upper())
    found = [found_of(one), found_of(one, 0, 50), found_of(again), found_of(long_document(2, 3))]
    sources = choose_sources(found, 10_000, by_characters)
    assert [source.doc_id for source in sources] == ["pmid:1", "pmid:2"]


def test_one_work_is_one_source() -> None:
    full_text, abstract = long_document(1, 4, "full_text"), long_document(2, 3)
    found = [
        replace(found_of(full_text), also=("pmid:2",)),
        replace(found_of(abstract), also=("pmid:1",)),
        found_of(long_document(3, 3)),
    ]
    sources = choose_sources(found, 10_000, by_characters)
    assert [(source.doc_id, source.also) for source in sources] == [
        ("pmid:1", ("pmid:2",)),
        ("pmid:3", ()),
    ]


def test_retracted_work_is_flagged_to_the_model(shelf, embedder, model_of) -> None:
    found = search(shelf, embedder, "test", QUESTION, 8)
    for language, flag in (
        ("en", "RETRACTED: Metformin cures"),
        ("zh", "【已撤稿】Metformin cures"),
    ):
        prompt = assemble(found, QUESTION, language, model_of(), answer_tokens=256)
        assert flag in prompt.messages[-1].content
    assert [s.retracted for s in prompt.sources if s.doc_id == "pmid:3"] == [True]


def test_braces_in_texts_and_questions_are_left_alone(model_of) -> None:
    document = Document("pmid:1", "T {question}", "Set {sources} {0} {x!r}.", "abstract")
    prompt = assemble([found_of(document)], "what {sources}?", "en", model_of(), answer_tokens=9)
    content = prompt.messages[-1].content
    assert "Source 1\nTitle: T {question}\nText: Set {sources} {0} {x!r}." in content
    assert "Question: what {sources}?" in content


@pytest.mark.parametrize(
    ("context", "setting", "limit", "helps", "not_said"),
    [
        (32_768, None, "it is given 1,200, so that", "up to 32,448", "longer context"),
        (32_768, 2_000, "it is given 2,000, so that", "up to 32,448", "longer context"),
        (1_000, None, "it is given 680, all that", "use a model with a longer", "prompt_tokens"),
    ],
)
def test_a_question_too_long_is_told_what_limits_it_and_what_helps(
    model_of, context: int, setting: int | None, limit: str, helps: str, not_said: str
) -> None:
    model = model_of(context_length=context)
    question = "why " * 4_000
    with pytest.raises(ContextTooLong) as caught:
        assemble([], question, "en", model, answer_tokens=256, prompt_tokens=setting)
    assert f"{model.count_tokens(question):,} tokens" in caught.value.message
    assert limit in caught.value.message
    assert helps in caught.value.hint
    assert not_said not in caught.value.hint
    share = int(caught.value.hint.split("to ")[1].split(" %")[0])
    shorter = question[: len(question) * share // 100]
    assemble([], shorter, "en", model, answer_tokens=256, prompt_tokens=setting)


def test_a_context_without_room_for_any_question_calls_for_another_model(model_of) -> None:
    with pytest.raises(ContextTooLong) as caught:
        assemble([], "why?", "en", model_of(context_length=300), answer_tokens=256)
    assert caught.value.hint == "use a model with a longer context"
