from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vademecum.rag.check import check, settle
from vademecum.rag.cite import strip_markers
from vademecum.rag.judge import PARTIAL, SUPPORTED, Verdict

SOURCES = [
    (
        (
            "Lactic acidosis occurred in 0.3% of 1,204 metformin users. "
            "Metformin did not increase the risk of lactic acidosis in moderate renal impairment."
        ),
        "Metformin in renal impairment",
    ),
    ("Aspirin reduced ischaemic stroke in older women. Three trials agreed.", "Aspirin and stroke"),
]


@pytest.fixture
def sources(source_of):
    return [source_of(n, *source) for n, source in enumerate(SOURCES, 1)]


def test_a_copied_sentence_is_supported_and_keeps_its_citation(sources, embedder) -> None:
    checked = check("Aspirin reduced ischaemic stroke in older women [2].", sources, embedder)
    (sentence,) = checked.sentences
    assert checked.text == "Aspirin reduced ischaemic stroke in older women."
    assert (sentence.citations, sentence.support) == ((2,), "supported")
    assert sentence.score >= SUPPORTED


def test_a_sentence_without_a_marker_gets_the_source_that_bears_it(sources, embedder) -> None:
    raw = "Aspirin reduced ischaemic stroke in women. Lactic acidosis occurred in metformin users."
    checked = check(raw, sources, embedder)
    assert [s.citations for s in checked.sentences] == [(2,), (1,)]
    assert {s.support for s in checked.sentences} == {"supported"}


def test_a_wrong_citation_is_replaced(sources, embedder) -> None:
    (sentence,) = check("Aspirin reduced stroke in older women [1].", sources, embedder).sentences
    assert (sentence.citations, sentence.support) == ((2,), "supported")


def test_of_two_citations_the_one_that_bears_nothing_goes(sources, embedder) -> None:
    (sentence,) = check("Aspirin reduced stroke in women [1, 2].", sources, embedder).sentences
    assert sentence.citations == (2,)


def test_what_no_source_bears_keeps_the_models_citation_and_is_marked(sources, embedder) -> None:
    raw = "Warfarin cures baldness [1]. Vitamin C prevents scurvy."
    one, other = check(raw, sources, embedder).sentences
    assert (one.citations, one.support) == ((1,), "unsupported")
    assert (other.citations, other.support) == ((), "unsupported")
    assert max(one.score, other.score) < PARTIAL


@pytest.mark.parametrize("number", ["3%", "0.03%", "30%"])
def test_a_number_that_the_source_lacks_is_never_supported(sources, embedder, number) -> None:
    raw = f"Lactic acidosis occurred in {number} of 1204 metformin users [1]."
    (sentence,) = check(raw, sources, embedder).sentences
    assert sentence.support == "unsupported"


@pytest.mark.parametrize("number", ["1204", "1,204"])
def test_numbers_agree_in_any_spelling(sources, embedder, number) -> None:
    raw = f"Lactic acidosis occurred in 0.30 % of {number} metformin users [1]."
    assert check(raw, sources, embedder).sentences[0].support == "supported"


def test_a_small_number_may_be_spelled_out_in_the_source(sources, embedder) -> None:
    raw = "3 trials agreed that aspirin reduced ischaemic stroke [2]."
    assert check(raw, sources, embedder).sentences[0].support == "supported"


@pytest.mark.parametrize(
    "raw",
    [
        "Metformin increased the risk of lactic acidosis in moderate renal impairment [1].",
        "Aspirin did not reduce ischaemic stroke in older women [2].",
        "Aspirin increased ischaemic stroke in older women [2].",
    ],
)
def test_what_the_source_denies_is_unsupported_and_shown_beside_it(
    sources, embedder, raw: str
) -> None:
    marked = check(raw, sources, embedder).sentences[0]
    unmarked = check(strip_markers(raw), sources, embedder).sentences[0]
    assert marked.support == unmarked.support == "unsupported"
    assert marked.citations == unmarked.citations != ()


def test_a_word_of_the_question_that_the_source_lacks_is_not_borne_out(sources, embedder) -> None:
    raw = "Warfarin reduced ischaemic stroke in older women."
    question = "Does warfarin reduce stroke in older women?"
    assert check(raw, sources, embedder).sentences[0].support == "partial"
    assert check(raw, sources, embedder, question=question).sentences[0].support == "unsupported"
    raw = "Aspirin reduced ischaemic stroke and warfarin in older women."
    assert check(raw, sources, embedder, question=question).sentences[0].support == "partial"
    raw, question = "Warfarin reduced stroke.", "Does warfarin reduce stroke?"
    assert check(raw, sources, embedder, question=question).sentences[0].support == "unsupported"


TRIAL = (
    "We gave 2104 patients dexamethasone at a dose of 6 mg once daily for up to 10 days. "
    "Dexamethasone reduced mortality in hospitalised adults with COVID-19. "
    "In women, the risk of hyperglycaemia rose 3-fold. "
    "Serum IL-6 levels fell from 40 ng/ml to 12 ng/ml. "
    "Aspirin prevents stroke more effectively than warfarin in diabetes."
)


@pytest.mark.parametrize(
    "forged",
    [
        "Patients were given dexamethasone at a dose of 6 g once daily.",
        "We gave patients dexamethasone at a dose of 6 mg daily for up to 10 weeks.",
        "In women, the risk of hyperglycaemia rose by 3%.",
        "In men, the risk of hyperglycaemia rose 3-fold.",
        "Dexamethasone reduced mortality in hospitalised children with COVID-19.",
        "Dexamethasone reduced mortality in hospitalised adults with MERS.",
        "Dexamethasone doubled mortality in hospitalised adults with COVID-19.",
        "Dexamethasone was given once daily for up to twenty days.",
        "Serum IL-8 levels fell from 40 ng/ml to 12 ng/ml.",
        "Serum IL-6 levels fell from 40 mg/ml to 12 mg/ml.",
        "Serum IL-6 levels went from 12 ng/ml to 40 ng/ml.",
        "Warfarin prevents stroke more effectively than aspirin in diabetes.",
        "Aspirin causes stroke more effectively than warfarin in diabetes.",
    ],
)
def test_a_forged_sentence_is_never_supported(source_of, embedder, forged: str) -> None:
    (sentence,) = check(forged, [source_of(1, TRIAL, "A trial")], embedder).sentences
    assert sentence.support != "supported"


@pytest.mark.parametrize(
    "honest",
    [
        "Dexamethasone reduced mortality in adults hospitalised with COVID-19.",
        "Patients were given 6 mg of dexamethasone daily for ten days.",
        "The risk of hyperglycaemia rose 3-fold in women.",
        "Serum IL-6 levels fell from 40 to 12 ng/ml.",
        "In diabetes, aspirin prevents stroke more effectively than warfarin.",
    ],
)
def test_the_same_in_other_words_is_supported(source_of, embedder, honest: str) -> None:
    (sentence,) = check(honest, [source_of(1, TRIAL, "A trial")], embedder).sentences
    assert sentence.support == "supported"


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Does vitamin D reduce mortality in the critically ill?", ""),
        ("", "We hypothesised that vitamin D reduces mortality in the critically ill. "),
        ("", "The aim was to test whether vitamin D reduces mortality in the critically ill. "),
    ],
)
def test_what_a_source_only_asks_it_does_not_say(source_of, embedder, title, text) -> None:
    text += "Vitamin D did not reduce mortality in the critically ill."
    raw = "Vitamin D reduces mortality in the critically ill."
    (sentence,) = check(raw, [source_of(1, text, title)], embedder).sentences
    assert sentence.support == "unsupported"


def test_what_is_inhibited_does_not_do_what_its_inhibition_does(source_of, embedder) -> None:
    source = source_of(1, "Inhibition of the mTOR pathway extended lifespan.", "Ageing")
    (sentence,) = check("The mTOR pathway extended lifespan.", [source], embedder).sentences
    assert sentence.support == "unsupported"


def test_a_subject_borrowed_from_the_question_is_not_borne_out(source_of, embedder) -> None:
    source = source_of(1, "Puerarin reduced lung injury by regulating lymphocytes.", "Puerarin")
    raw, question = "Statins reduced lung injury by regulating lymphocytes.", "How do statins help?"
    (sentence,) = check(raw, [source], embedder, question=question).sentences
    assert sentence.support == "unsupported"


def test_retracted_work_supports_nothing_in_full(source_of, embedder) -> None:
    text = "Aspirin reduced ischaemic stroke in older women."
    retracted, sound = source_of(1, text, retracted=True), source_of(2, text)
    assert check(text, [retracted], embedder).sentences[0].support == "partial"
    sentence = check(text + " [1]", [retracted, sound], embedder).sentences[0]
    assert (sentence.support, sentence.citations) == ("supported", (2, 1))


def test_a_question_or_an_opening_claims_nothing(sources, embedder) -> None:
    raw = "What does aspirin do?\n\nHere is what the sources say:\n\nYes."
    for sentence in check(raw + " [1]", sources, embedder).sentences:
        assert (sentence.support, sentence.citations) == ("uncited", ())


def test_without_sources_no_claim_is_supported(embedder) -> None:
    checked = check("Aspirin helps [1]. Indeed:", [], embedder)
    assert [s.support for s in checked.sentences] == ["unsupported", "uncited"]
    assert "[1]" not in checked.text


def test_repeated_sentences_at_the_end_are_dropped(sources, embedder) -> None:
    raw = "Aspirin reduced stroke [2]. It helps women. Aspirin reduced stroke [1]. It helps women."
    checked = check(raw, sources, embedder)
    assert checked.text == "Aspirin reduced stroke. It helps women."
    assert len(checked.sentences) == 2


def test_a_broken_off_sentence_is_dropped_unless_it_is_all(sources, embedder) -> None:
    raw = "Aspirin reduced stroke [2]. Lactic acidosis occ"
    assert check(raw, sources, embedder, broken_off=True).text == "Aspirin reduced stroke."
    assert check(raw, sources, embedder).text.endswith("occ")
    assert check("Aspirin red", sources, embedder, broken_off=True).text == "Aspirin red"


def test_markdown_and_chinese_give_sensible_sentences(source_of, embedder) -> None:
    source = source_of(1, "二甲双胍不会增加乳酸酸中毒的风险。共纳入1204例患者。")
    checked = check(
        "## 结论\n\n- 二甲双胍不会增加乳酸酸中毒的风险【1】\n- 纳入1204例患者。", [source], embedder
    )
    assert [s.text.lstrip("#- ") for s in checked.sentences] == [
        "结论", "二甲双胍不会增加乳酸酸中毒的风险", "纳入1204例患者。",
    ]  # fmt: skip
    assert [s.support for s in checked.sentences[1:]] == ["supported", "supported"]


def test_a_clearly_better_source_goes_in_front_of_the_models() -> None:
    partial, better = Verdict("partial", 0.42), Verdict("supported", 0.9)
    assert settle((1,), [partial, better]) == (2, 1)
    assert settle((1,), [partial, Verdict("supported", 0.56)]) == (1,)
    assert settle((), [partial, better]) == (2,)
    assert settle((), [better, Verdict("supported", 0.85), partial]) == (1, 2)


RAW = st.lists(
    st.sampled_from(
        ["Aspirin reduced ischaemic stroke in older women", "Three trials agreed", ". ", ".\n\n- ",
         " [1]", " [2, 3]", "【2】", "\n", "二甲双胍有效。", "### Heading\n", "0.3%", "? ",
         " ", "No. "]
    ),
    max_size=15,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=RAW.map("".join), broken_off=st.booleans())
def test_invariants_of_any_answer(sources, embedder, raw: str, broken_off: bool) -> None:
    checked = check(raw, sources, embedder, broken_off=broken_off)
    end = 0
    for sentence in checked.sentences:
        assert checked.text[sentence.start : sentence.end] == sentence.text
        assert end <= sentence.start < sentence.end
        end = sentence.end
        assert set(sentence.citations) <= {1, 2}
        assert sentence.citations or sentence.support in ("unsupported", "uncited")
        assert 0 <= sentence.score <= 1
        assert sentence.support != "supported" or sentence.score >= SUPPORTED


def test_a_heading_claims_nothing_and_loses_its_marks(sources, embedder) -> None:
    raw = (
        "# Aspirin and stroke [2]\n\nAspirin reduced ischaemic stroke in older women [2].\n\n"
        "## Lactic acidosis ##\nLactic acidosis occurred in 0.3% of 1,204 metformin users [1]."
    )
    checked = check(raw, sources, embedder)
    assert "#" not in checked.text
    assert [(s.text, s.citations, s.support) for s in checked.sentences if not s.citations] == [
        ("Aspirin and stroke", (), "uncited"),
        ("Lactic acidosis", (), "uncited"),
    ]
    assert [s.citations for s in checked.sentences if s.citations] == [(2,), (1,)]


def test_a_claim_does_not_hide_in_a_heading(sources, embedder) -> None:
    checked = check("# Aspirin increased ischaemic stroke in older women.", sources, embedder)
    (sentence,) = checked.sentences
    assert sentence.text == checked.text == "Aspirin increased ischaemic stroke in older women."
    assert sentence.support == "unsupported"


CLAIM = "Lactic acidosis occurred in 0.3% of 1,204 metformin users [1]."


@pytest.mark.parametrize("line", ["**Dosage**", "**Lactic acidosis:**", "**Risk**:", "__Stroke__"])
def test_a_line_of_bold_words_above_others_claims_nothing(sources, embedder, line: str) -> None:
    first, last = check(f"{line}\n\n{CLAIM}", sources, embedder).sentences
    assert (first.text, first.citations, first.support) == (line, (), "uncited")
    assert (last.citations, last.support) == ((1,), "supported")


@pytest.mark.parametrize(
    "raw",
    [
        f"**Aspirin increased ischaemic stroke in older women.**\n\n{CLAIM}",
        f"**Aspirin causes ischaemic stroke**\n\n{CLAIM}",
        f"**Aspirin, 500 mg for stroke**\n\n{CLAIM}",
        f"**Aspirin** {CLAIM}",
        f"{CLAIM}\n\n**Aspirin and stroke**",
    ],
    ids=["a sentence", "a verb", "a figure", "not alone", "above nothing"],
)
def test_a_claim_does_not_hide_in_bold_words(sources, embedder, raw: str) -> None:
    assert all(s.support != "uncited" for s in check(raw, sources, embedder).sentences)


@pytest.mark.parametrize(("first", "support"), [("Yes", "unsupported"), ("No", "supported")])
@pytest.mark.parametrize("between", [", ", ". "])
def test_a_first_word_that_answers_wrongly_is_marked(
    sources, embedder, first: str, between: str, support: str
) -> None:
    question = "Does metformin increase the risk of lactic acidosis?"
    denied = "Metformin did not increase the risk of lactic acidosis in renal impairment."
    *_, last = check(f"{first}{between}{denied}", sources, embedder, question=question).sentences
    assert last.support == support
