from __future__ import annotations

import pytest
from overstatement_pairs import BORNE_OUT, OVERSTATED

from vademecum.rag.check import check
from vademecum.rag.overstatement import Overstatement, overstatement
from vademecum.rag.sentences import sentences_of

# "More likely to survive" and "survival" share no stem.
MISSED = {"Beta blockers prolong survival in ovarian cancer."}


def parts(passage: str) -> list[str]:
    return [passage[start:end] for start, end in sentences_of(passage)]


@pytest.mark.parametrize(("sentence", "passage"), OVERSTATED)
def test_an_effect_made_of_a_connection_is_overstated(sentence: str, passage: str) -> None:
    assert (overstatement(sentence, parts(passage)) is None) == (sentence in MISSED)


@pytest.mark.parametrize(("sentence", "passage"), BORNE_OUT)
def test_what_is_stated_hedged_denied_or_of_another_matter_is_not(
    sentence: str, passage: str
) -> None:
    assert overstatement(sentence, parts(passage)) is None


@pytest.mark.parametrize("passage", [passage for _, passage in OVERSTATED + BORNE_OUT])
def test_a_passage_never_overstates_itself(passage: str) -> None:
    assert not any(overstatement(part, parts(passage)) for part in parts(passage))


def test_it_names_the_words_on_both_sides() -> None:
    found = overstatement("Tea prevents gout.", ["Tea was linked to a lower risk of gout."])
    assert found == Overstatement("prevents", "linked")


def test_a_connection_that_is_denied_connects_nothing() -> None:
    assert not overstatement("Tea prevents gout.", ["No association of tea with gout was found."])


def test_of_an_observational_study_a_comparison_is_a_connection() -> None:
    sentence, compared = "Tea prevents gout.", "Gout was less likely in those who drank tea."
    assert overstatement(sentence, ["This cohort had 412 adults.", compared])
    assert not overstatement(sentence, ["We gave tea to 412 adults.", compared])


CALLED_FOR = "Randomised trials of tea are needed."


def test_a_trial_counts_where_it_was_done_not_where_it_is_called_for() -> None:
    sentence, linked = "Tea prevents gout.", "Tea was associated with less gout."
    assert not overstatement(sentence, ["Adults were randomised to tea or water.", linked])
    assert overstatement(sentence, [linked, CALLED_FOR])
    assert overstatement(sentence, ["A secondary analysis of a randomised trial.", linked])


@pytest.mark.parametrize(
    "not_done",
    [
        "Whether tea prevents gout remains to be tested in randomised trials.",
        "Further large randomised controlled trials to assess tea are planned.",
        "Randomised trials of tea are urgently required.",
        "To assess tea, we did a secondary analysis of a randomised trial.",
    ],
)
def test_an_aim_that_names_no_trial_of_its_own_excuses_nothing(not_done: str) -> None:
    linked = "Tea was associated with less gout."
    assert overstatement("Tea prevents gout.", [not_done, linked])


LINKED = "Tea was associated with less gout in older women."


def test_the_check_marks_it_and_says_why(source_of, embedder) -> None:
    (sentence,) = check("Tea prevents gout in women.", [source_of(1, LINKED)], embedder).sentences
    assert (sentence.support, sentence.citations) == ("overstated", (1,))
    assert "“prevents”" in sentence.reason
    assert "“associated”" in sentence.reason
    hedged = check("Tea may prevent gout in women.", [source_of(1, LINKED)], embedder)
    assert hedged.sentences[0].support in ("supported", "partial")
    assert hedged.sentences[0].reason == ""


def test_a_source_that_states_the_effect_is_cited_instead(source_of, embedder) -> None:
    stated = source_of(2, "Tea prevents gout in older women, a trial found.")
    checked = check("Tea prevents gout in women.", [source_of(1, LINKED), stated], embedder)
    assert (checked.sentences[0].support, checked.sentences[0].citations) == ("supported", (2,))


@pytest.mark.parametrize(
    ("text", "retracted"),
    [(LINKED, True), ("Tea prevents gout in older women.", True), ("Women drink tea.", False)],
)
def test_a_source_that_bears_it_in_part_does_not_lift_the_mark(
    source_of, embedder, text: str, retracted: bool
) -> None:
    weak, linked = source_of(1, text, retracted=retracted), source_of(2, LINKED)
    alone = check("Tea prevents gout in women.", [weak], embedder).sentences[0]
    (sentence,) = check("Tea prevents gout in women.", [weak, linked], embedder).sentences
    assert (alone.support, sentence.support, sentence.citations) == ("partial", "overstated", (2,))


def test_retraction_weighs_more(source_of, embedder) -> None:
    source = source_of(1, LINKED, retracted=True)
    (sentence,) = check("Tea prevents gout in women.", [source], embedder).sentences
    assert (sentence.support, sentence.reason) == ("partial", "")
