from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vademecum.corpora.document import Document, Filters
from vademecum.errors import ContextTooLong, CorpusNotFound, EngineBusy, UsageError
from vademecum.model.interface import GenerationOptions
from vademecum.rag.answer import Answer, AnswerDelta, Completed, Retrieved, ThinkingDelta, Turn
from vademecum.rag.assistant import Assistant

QUESTION = "Does metformin cause lactic acidosis in renal impairment?"
GOOD = "Metformin did not increase the risk of lactic acidosis in moderate renal impairment."


def cite_first(messages) -> str:
    """An answer that cites metformin's sound trial by whatever number it got."""
    listed = messages[-1].content
    number = listed.split("\nTitle: Metformin and lactic")[0].rpartition("Source ")[2]
    return f"{GOOD} [{number}]"


@pytest.fixture
def assistant_of(shelf, embedder):
    return lambda model, **options: Assistant(shelf, embedder, model, corpus="test", **options)


def holds(answer: Answer, shelf) -> None:
    """What is true of every answer."""
    assert [source.n for source in answer.sources] == list(range(1, len(answer.sources) + 1))
    for source in answer.sources:
        assert source.text == shelf.kept[source.doc_id].text[source.start : source.end]
    numbers = {source.n for source in answer.sources}
    for sentence in answer.sentences:
        assert answer.answer[sentence.start : sentence.end] == sentence.text
        assert set(sentence.citations) <= numbers
        assert sentence.citations or sentence.support in ("unsupported", "uncited")
    assert answer.answer.strip()
    assert answer.abstained == (answer.status != "answered") == answer.to_dict()["abstained"]
    assert not answer.abstained or (answer.reason and not answer.sentences)
    assert not answer.quotes or answer.status == "not_written" or "copied" in answer.reason
    assert ("Not in this library" in answer.answer) == (answer.status == "not_in_library")
    for quotation in answer.quotes:
        document = shelf.kept[answer.sources[quotation.n - 1].doc_id]
        assert quotation.text == document.text[quotation.start : quotation.end]
    assert len(answer.audit_id) == 32
    assert answer.timings.total_s >= answer.timings.retrieve_s >= 0


def test_a_question_is_answered_with_its_passage(assistant_of, model_of, shelf) -> None:
    answer = assistant_of(model_of(cite_first, thinking="Hm.")).ask(QUESTION)
    holds(answer, shelf)
    assert answer.answer == GOOD
    (sentence,) = answer.sentences
    assert sentence.support == "supported"
    assert answer.sources[sentence.citations[0] - 1].doc_id == "pmid:1"
    assert answer.thinking == "Hm."
    assert (answer.abstained, answer.reason) == (False, "")
    assert answer.corpus.snapshot == "snap"
    assert (answer.model.name, answer.model.quantization) == ("scripted", "nf4")
    assert answer.timings.first_token_s > 0
    assert answer.to_dict()["sentences"][0]["support"] == "supported"


def test_first_retrieved_then_thinking_then_answer_then_completed(assistant_of, model_of) -> None:
    model = model_of(cite_first, thinking="Let me see.")
    events = list(assistant_of(model).stream(QUESTION))
    kinds = [type(event) for event in events]
    assert kinds[0] is Retrieved
    assert kinds[-1] is Completed
    assert kinds.count(Retrieved) == kinds.count(Completed) == 1
    middle = kinds[1:-1]
    assert middle == sorted(middle, key=[ThinkingDelta, AnswerDelta].index)
    assert events[0].sources == events[-1].answer.sources


def test_the_model_is_asked_the_stand_alone_question(assistant_of, model_of) -> None:
    model = model_of(cite_first)
    answer = assistant_of(model).ask("And in adults?", history=[Turn(QUESTION, "No.")])
    assert f"{QUESTION} And in adults?" in model.asked[0][0][-1].content
    assert answer.question == "And in adults?"


def test_a_follow_up_in_another_language_is_measured_by_that_of_all_that_is_searched_for(
    assistant_of, model_of
) -> None:
    model = model_of("Aspirin reduced ischaemic stroke.")
    asked = [Turn("Does aspirin reduce ischaemic stroke in older women?", "Yes.")]
    assistant_of(model).ask("那儿童呢？", history=asked)
    assert model.asked  # most of it is English: measured as Chinese it would be too far


def test_a_chinese_question_gets_the_chinese_prompt(assistant_of, model_of, shelf) -> None:
    model = model_of("二甲双胍不会增加中度肾功能不全患者乳酸酸中毒的风险。")
    answer = assistant_of(model).ask("二甲双胍会增加乳酸酸中毒的风险吗？")
    holds(answer, shelf)
    assert "资料" in model.asked[0][0][0].content
    assert answer.sentences[0].support == "supported"


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("Metformin senkt die Sterblichkeit der Kranken nicht.", "Answer in German, in 2 to 4"),
        ("Metformin and Sterblichkeit: it is not reduced by the drug.", "Answer in 2 to 4"),
    ],
)
def test_an_answer_in_german_is_asked_for_where_it_can_be_checked(
    shelf_of, embedder, model_of, text: str, task: str
) -> None:
    model = model_of("Nein.")
    shelf = shelf_of(Document("file:1", "Metformin", text, "full_text"))
    Assistant(shelf, embedder, model, corpus="test").ask("Senkt Metformin die Sterblichkeit?")
    assert task in model.asked[0][0][-1].content


def test_what_is_not_in_the_library_is_not_put_to_the_model(assistant_of, model_of, shelf) -> None:
    model = model_of("Paris.")
    answer = assistant_of(model).ask("What is the capital of France?")
    holds(answer, shelf)
    assert answer.status == "not_in_library"
    assert answer.quotes == ()
    assert model.asked == []


@pytest.mark.parametrize(
    ("question", "none", "why"),
    [
        ("Wie heißt die Hauptstadt von Frankreich?", "Nicht in dieser Bibliothek", "nahe genug"),
        ("法国的首都是哪里？", "不在库中", "足够相关"),
    ],
)
def test_what_is_said_instead_is_in_the_language_of_the_question(
    assistant_of, model_of, question: str, none: str, why: str
) -> None:
    answer = assistant_of(model_of("Paris.")).ask(question)
    assert answer.answer.startswith(none)
    assert why in answer.reason


IN_ENGLISH = (
    "Metformin did not increase the risk of lactic acidosis in patients with renal impairment, and "
    "it was not associated with a higher mortality than that of the others in this cohort."
)


@pytest.mark.parametrize("writes", [True, False])
def test_a_question_in_another_language_than_the_texts_is_not_said_to_be_missing(
    shelf_of, embedder, model_of, writes: bool
) -> None:
    model = model_of("Nein.")
    shelf = shelf_of(Document("pmid:1", "Metformin and acidosis", IN_ENGLISH, "abstract"))
    assistant = Assistant(shelf, embedder, model if writes else None, corpus="test")
    for question, hint in (
        ("二甲双胍会增加乳酸酸中毒的风险吗？", "请用英文提问"),
        ("Erhöht es die Gefahr einer Übersäuerung bei Nierenkranken?", "auf Englisch fragen"),
    ):
        answer = assistant.ask(question)
        holds(answer, shelf)
        assert answer.status == "other_language"
        assert hint in answer.answer
        assert answer.reason.casefold() in answer.answer.casefold()
        assert answer.sources
    assert model.asked == []
    # Of what the texts do not speak of at all, in their own language, it is said as ever.
    assert assistant.ask("What is the capital of France?").status == "not_in_library"


def test_where_some_texts_are_in_another_language_that_is_said_beside_the_library(
    shelf_of, embedder
) -> None:
    german = "Die Hunde dürfen nicht in das Haus, und die Katzen sind im Garten."
    shelf = shelf_of(
        Document("pmid:1", "Metformin and acidosis", IN_ENGLISH, "abstract"),
        Document("pmid:2", "Acidosis and metformin", f"{IN_ENGLISH} It is rare.", "abstract"),
        Document("file:3", "Mietvertrag", german, "full_text"),
    )
    assistant = Assistant(shelf, embedder, None, corpus="test")
    answer = assistant.ask("Where may I keep my own parrot?")
    assert answer.status == "not_in_library"
    assert "Some texts found are in German" in answer.answer
    assert "ask in German" in answer.answer
    del shelf.kept["file:3"], shelf.cut["file:3"]
    assert "texts found" not in assistant.ask("Where may I keep my own parrot?").answer


def test_of_other_corpora_it_is_said_that_they_were_not_searched_where_they_hold_anything(
    shelf_of, embedder
) -> None:
    shelf = shelf_of(Document("pmid:1", "Metformin and acidosis", IN_ENGLISH, "abstract"))
    shelf.beside = {"leitlinien": 12, "leer": 0}
    assistant = Assistant(shelf, embedder, None, corpus="test")
    said = assistant.ask("Erhöht es die Gefahr einer Übersäuerung bei Nierenkranken?").answer
    assert "Andere Korpora („leitlinien“) wurden nicht durchsucht" in said
    shelf.beside = {}
    said = assistant.ask("Erhöht es die Gefahr einer Übersäuerung bei Nierenkranken?").answer
    assert "Korpora" not in said


def test_an_answer_that_cannot_be_checked_for_its_language_is_not_laid_to_the_model(
    shelf_of, embedder, model_of
) -> None:
    shelf = shelf_of(Document("pmid:1", "Metformin mortality", IN_ENGLISH, "abstract"))
    model = model_of("Es verdoppelt die Sterblichkeit bei Nierenkranken.")
    # The name and the number of its words suffice to ask the model.
    answer = Assistant(shelf, embedder, model, corpus="test").ask(
        "Erhöht Metformin mortality oder lactic acidosis, renal impairment, cohort, patients?"
    )
    holds(answer, shelf)
    assert model.asked
    assert answer.status == "other_language"
    assert "verdoppelt" not in answer.answer
    assert "lässt sich nicht mit Stellen in der anderen vergleichen" in answer.reason


def test_an_answer_that_nothing_bears_out_is_withdrawn(assistant_of, model_of, shelf) -> None:
    answer = assistant_of(model_of("Garlic wards off vampires in 99% of nights [1].")).ask(QUESTION)
    holds(answer, shelf)
    assert answer.status == "not_written"
    assert "vampires" not in answer.answer
    assert answer.sources


def test_where_the_model_fails_the_nearest_sentence_is_quoted(
    assistant_of, model_of, shelf
) -> None:
    for failed in ("The sources do not answer this question.", "Garlic helps in 99% of nights."):
        answer = assistant_of(model_of(failed)).ask(QUESTION)
        holds(answer, shelf)
        (quotation,) = answer.quotes
        assert quotation.text == GOOD
        assert answer.sources[quotation.n - 1].doc_id == "pmid:1"
        assert GOOD not in answer.answer


def test_where_it_states_what_was_asked_a_sentence_that_holds_less_of_it_is_quoted_too(
    shelf_of, embedder, model_of
) -> None:
    text = "Statins lowered cholesterol in adults. Gout flares were rare in severe gout."
    shelf = shelf_of(Document("pmid:1", "Statins", text, "abstract"))
    question = "Do statins lower cholesterol and mortality in adults with severe gout flares today?"
    model = model_of("Statins lower cholesterol and mortality in adults.")
    answer = Assistant(shelf, embedder, model, corpus="test").ask(question)
    holds(answer, shelf)
    assert (answer.status, len(answer.quotes)) == ("not_written", 1)
    assert "stated what the question asks as if it were known" in answer.answer


def test_a_copy_that_is_stopped_too_early_is_said_to_be_and_the_nearest_sentence_quoted(
    shelf_of, embedder, model_of
) -> None:
    finding = "Metformin did not increase the risk of lactic acidosis."
    before = [f"Visit {n} was held as planned in clinic {n}{n}." for n in range(11, 20)]
    shelf = shelf_of(Document("pmid:9", "Metformin", " ".join([*before, finding]), "abstract"))
    answer = Assistant(shelf, embedder, model_of(" ".join(before)), corpus="test").ask(
        "Does metformin increase the risk of lactic acidosis?"
    )
    holds(answer, shelf)
    assert (answer.status, [each.text for each in answer.quotes]) == ("answered", [finding])
    assert finding not in answer.answer
    assert answer.reason == (
        "stopped while it copied a passage, before the sentence nearest to the question"
    )


def test_an_effect_made_of_an_association_is_answered_and_marked(
    shelf_of, embedder, model_of
) -> None:
    text = "Metformin was associated with lower mortality in this cohort."
    shelf = shelf_of(Document("pmid:1", "A cohort", text, "abstract"))
    model = model_of("Metformin lowers mortality.")
    question = "Is metformin associated with lower mortality in a cohort?"
    answer = Assistant(shelf, embedder, model, corpus="test").ask(question)
    holds(answer, shelf)
    (sentence,) = answer.sentences
    assert (answer.status, sentence.support, sentence.citations) == ("answered", "overstated", (1,))
    assert sentence.reason == (
        "it claims an effect (“lowers”), where the passage reports a connection only (“associated”)"
    )


def test_the_models_own_refusal_is_an_abstention(assistant_of, model_of, shelf) -> None:
    answer = assistant_of(model_of("The sources do not answer this question.")).ask(QUESTION)
    holds(answer, shelf)
    assert answer.status == "not_written"
    assert "said that it found no answer" in answer.reason


def test_a_model_that_writes_nothing(assistant_of, model_of, shelf) -> None:
    answer = assistant_of(model_of("", thinking="I wonder.")).ask(QUESTION)
    holds(answer, shelf)
    assert answer.status == "not_written"
    assert "wrote nothing" in answer.reason


def test_a_model_that_repeats_its_prompt_has_written_no_answer(
    assistant_of, model_of, shelf
) -> None:
    def echo(messages) -> str:
        return "Source 1 Title: " + messages[-1].content.partition("Title: ")[2].partition("\n")[0]

    answer = assistant_of(model_of(echo)).ask(QUESTION)
    holds(answer, shelf)
    assert (answer.status, answer.sentences) == ("not_written", ())
    assert "repeated its instructions" in answer.reason


def test_a_looping_model_is_stopped_and_says_so(assistant_of, model_of, shelf) -> None:
    model = model_of(f"{GOOD} " * 500)
    answer = assistant_of(model).ask(QUESTION)
    holds(answer, shelf)
    assert answer.answer == GOOD
    assert "repeat" in answer.reason
    assert model.written < 100


def test_without_a_model_sentences_are_quoted(assistant_of, shelf) -> None:
    answer = assistant_of(None).ask(QUESTION)
    holds(answer, shelf)
    assert answer.model.name == "none"
    assert GOOD in answer.answer
    assert not any(answer.sources[s.citations[0] - 1].retracted for s in answer.sentences)
    far = assistant_of(None).ask("What is the capital of France?")
    holds(far, shelf)
    assert far.status == "not_in_library"


def test_where_nothing_can_be_quoted_no_model_is_blamed(shelf_of, embedder) -> None:
    text = "We aimed to test whether metformin causes lactic acidosis in renal impairment."
    shelf = shelf_of(Document("pmid:1", "Metformin", text, "abstract"))
    answer = Assistant(shelf, embedder, None, corpus="test").ask(QUESTION)
    holds(answer, shelf)
    assert (answer.status, answer.quotes) == ("not_written", ())
    assert "model" not in answer.answer


def test_sources_from_files_of_one_name_are_told_apart(shelf_of, embedder) -> None:
    def file(number: int) -> Document:
        text = f"Metformin did not increase the risk of lactic acidosis on ward {number}."
        return Document(f"file:{number}", "", text, "full_text", origin="notes.md")

    shelf = shelf_of(file(1), file(2))
    shelf.read_from = {"file:1": "/ward-1/notes.md", "file:2": "/ward-2/notes.md"}
    answer = Assistant(shelf, embedder, None, corpus="test").ask(QUESTION)
    assert {source.file for source in answer.sources} == {"ward-1/notes.md", "ward-2/notes.md"}


def test_filters_narrow_the_sources(assistant_of, shelf) -> None:
    filters = Filters(year_from=2019)
    answer = assistant_of(None).ask(QUESTION, filters=filters)
    holds(answer, shelf)
    assert {source.doc_id for source in answer.sources} <= {"pmid:1", "pmid:4"}


def test_a_filter_that_admits_nothing_is_an_abstention(assistant_of, model_of, shelf) -> None:
    answer = assistant_of(model_of("x")).ask(QUESTION, filters=Filters(year_from=2100))
    holds(answer, shelf)
    assert answer.reason == "the search found nothing"
    assert answer.answer.endswith("within the filters.")


def test_cancelling_completes_with_what_stands(assistant_of, model_of, shelf) -> None:
    cancel = threading.Event()
    model = model_of(f"{GOOD} Then it goes on and on about other matters.")
    events = []
    for event in assistant_of(model).stream(QUESTION, cancel=cancel):
        events.append(event)
        if sum(len(e.text) for e in events if isinstance(e, AnswerDelta)) > len(GOOD) + 5:
            cancel.set()
    answer = events[-1].answer
    holds(answer, shelf)
    assert answer.answer == GOOD
    assert answer.reason == "stopped before it was complete"
    assert model.running == 0


def test_cancelled_before_the_first_word(assistant_of, model_of, shelf) -> None:
    cancel = threading.Event()
    cancel.set()
    model = model_of(GOOD)
    answer = assistant_of(model).ask(QUESTION, cancel=cancel)
    holds(answer, shelf)
    assert answer.reason == "stopped before an answer was written"
    assert (answer.status, answer.answer) == ("stopped", "Stopped before an answer was written.")
    assert model.asked == []


@pytest.mark.parametrize("written", ["T", "The moon is made of green cheese. It orbits."])
def test_what_was_cut_short_by_its_reader_is_not_held_against_the_model(
    assistant_of, model_of, shelf, written: str
) -> None:
    cancel = threading.Event()
    answer = None
    model = model_of(f"{written} {GOOD}")
    said = ""
    for event in assistant_of(model).stream(QUESTION, cancel=cancel):
        if isinstance(event, AnswerDelta):
            said += event.text
            if len(said) >= len(written):
                cancel.set()
        answer = getattr(event, "answer", None)
    assert answer is not None
    holds(answer, shelf)
    assert (answer.status, answer.answer) == ("stopped", "Stopped before an answer was written.")
    assert answer.quotes == ()


@pytest.mark.parametrize("after_events", [0, 1, 2, 4])
def test_closing_the_stream_leaves_nothing_running(assistant_of, model_of, after_events) -> None:
    model = model_of(GOOD)
    stream = assistant_of(model).stream(QUESTION)
    for _ in range(after_events):
        next(stream)
    stream.close()
    assert model.running == 0
    assert list(stream) == []


@pytest.mark.parametrize("error", [ContextTooLong("too long", "shorten"), EngineBusy("busy")])
def test_engine_errors_surface(assistant_of, model_of, error: Exception) -> None:
    model = model_of(GOOD)
    model.error = error
    stream = assistant_of(model).stream(QUESTION)
    assert isinstance(next(stream), Retrieved)
    with pytest.raises(type(error)):
        next(stream)


def test_a_question_too_long_for_the_context(assistant_of, model_of) -> None:
    with pytest.raises(ContextTooLong) as caught:
        assistant_of(model_of(GOOD)).ask("why does metformin " * 3_000)
    assert caught.value.hint


def test_an_empty_question_is_refused_before_anything_happens(assistant_of, model_of) -> None:
    with pytest.raises(UsageError):
        assistant_of(model_of(GOOD)).stream("   ")


def test_no_corpus_or_an_unknown_one(shelf, embedder) -> None:
    assistant = Assistant(shelf, embedder, None)
    with pytest.raises(UsageError):
        assistant.stream(QUESTION)
    with pytest.raises(CorpusNotFound):
        assistant.ask(QUESTION, corpus="nope")


def test_a_corpus_of_another_embedder_is_refused(assistant_of, embedder) -> None:
    assistant = assistant_of(None)
    embedder.name = "other"
    assistant.library.embedder = type(embedder)()
    with pytest.raises(UsageError, match="embedded with"):
        assistant.ask(QUESTION)


def test_options_and_seed(assistant_of, model_of) -> None:
    model = model_of(cite_first)
    assistant = assistant_of(model)
    assert assistant.ask(QUESTION, seed=7).seed == 7
    assert model.asked[-1][1].temperature == 0.0
    assert assistant.ask(QUESTION, options=GenerationOptions(seed=9, temperature=1.0)).seed == 9
    assert model.asked[-1][1].temperature == 1.0


def test_the_prompt_budget_is_a_setting(shelf_of, embedder, model_of) -> None:
    text = "Metformin may cause lactic acidosis in renal impairment. "
    shelf = shelf_of(
        *[Document(f"pmid:{n}", f"Trial {n}", text * (n + 5), "abstract") for n in range(4)]
    )
    small, large = model_of(text), model_of(text)
    Assistant(shelf, embedder, small, prompt_tokens=350).ask(QUESTION, corpus="test")
    Assistant(shelf, embedder, large).ask(QUESTION, corpus="test")
    assert len(small.asked[0][0][-1].content) < len(large.asked[0][0][-1].content)


def test_sources_that_would_distract_are_left_out(assistant_of, model_of) -> None:
    answer = assistant_of(model_of(cite_first)).ask(QUESTION)
    assert "pmid:2" not in {source.doc_id for source in answer.sources}


def test_several_threads_at_once(assistant_of, model_of, shelf) -> None:
    assistant = assistant_of(model_of(cite_first))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: assistant.ask(QUESTION), range(24)))
    assert {answer.answer for answer in answers} == {GOOD}
    assert len({answer.audit_id for answer in answers}) == 24


WRITTEN = st.lists(
    st.sampled_from(
        [GOOD, "Aspirin reduced ischaemic stroke in older women", ". ", " [1]", "[2,3]", "【9】",
         "\n\n- ", "二甲双胍不会增加风险。", "Major bleeding increased by 45% with aspirin",
         "Bleeding increased by 54% with aspirin", "? ", "# Title\n\n", "**bold**", " "]
    ),
    max_size=14,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=WRITTEN.map("".join), question=st.sampled_from([QUESTION, "aspirin?", "二甲双胍？"]))
def test_whatever_the_model_writes(assistant_of, model_of, shelf, written, question) -> None:
    events = list(assistant_of(model_of(written)).stream(question))
    assert isinstance(events[0], Retrieved)
    assert [isinstance(event, Completed) for event in events].count(True) == 1
    holds(events[-1].answer, shelf)
