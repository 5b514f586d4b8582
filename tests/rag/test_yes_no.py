"""The first word answers the question as the rest of the sentence does."""

from __future__ import annotations

import pytest

from vademecum.rag.yes_no import at_odds, joined, stated

PREGNANT = "Can velaxaban be used in pregnancy?"
CAT = "May the tenant keep a cat?"


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (PREGNANT, "Yes, velaxaban must not be used in pregnancy."),
        (PREGNANT, "Yes, velaxaban is contraindicated in pregnancy."),
        ("Is A superior to B?", "Yes, A was non-inferior to B."),
        ("Was there an association in the old?", "Yes, there was no association in the old."),
        ("Were children included?", "Yes, children were excluded."),
        ("Are there trials of it?", "Yes, trials of it are needed."),
        ("Darf man hier parken?", "Ja, hier darf man nicht parken."),
        (CAT, "No, the tenant may keep one cat."),
    ],
)
def test_a_first_word_that_the_rest_belies(question: str, sentence: str) -> None:
    assert at_odds(sentence, question)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (PREGNANT, "No, velaxaban must not be used in pregnancy."),
        (PREGNANT, "Velaxaban must not be used in pregnancy."),
        ("Is velaxaban contraindicated?", "Yes, velaxaban must not be used."),
        ("Is A safe?", "Yes, A caused no bleeding."),
        ("Does A prevent gout?", "Yes, A prevents gout, but it does not cure it."),
        ("Does A prevent gout?", "Yes, A prevents gout in men who do not drink."),
        ("Is A not used?", "Yes, A is not used."),
        ("Is A allowed or not?", "Yes, A is not allowed at night."),
        ("Which drug is used?", "No, there is none."),
        (CAT, "Yes, the tenant may keep one cat."),
        (CAT, "No, the tenant may keep a cat only with consent."),
        (CAT, "No, the landlord may keep a cat of the tenant."),
        ("Is the dose 10 mg?", "No, the dose is 20 mg."),
    ],
)
def test_a_first_word_that_agrees_or_cannot_be_told(question: str, sentence: str) -> None:
    assert not at_odds(sentence, question)


def test_a_first_word_alone_belongs_to_the_next_sentence() -> None:
    assert joined("Yes.", "It is not used.") == "Yes, It is not used."
    assert joined("It is used.", "It is not sold.") == "It is not sold."


@pytest.mark.parametrize(
    ("question", "answer", "said"),
    [
        ("Does naloxone reverse an overdose?", "Yes, naloxone.", "naloxone reverse an overdose."),
        (
            "Is oral neomycin given before surgery?",
            "Yes, oral neomycin is.",
            "oral neomycin is given before surgery.",
        ),
        # What is asked of another thing, of either of two, or not at all, and what says more.
        ("Is naloxone given?", "Yes, naltrexone.", ""),
        ("Is naloxone or naltrexone given first?", "Yes, naloxone.", ""),
        ("Which drug is given first?", "Yes, naloxone.", ""),
        ("Is naloxone given?", "No, naloxone.", ""),
        ("Is naloxone given first?", "Yes, naloxone is given first.", ""),
        ("Is naloxone given first?", "Yes, it is.", ""),
        ("休克首选多巴胺吗？", "是的，多巴胺。", "休克首选多巴胺。"),
        ("休克首选多巴胺吗？", "是的，肾上腺素。", ""),
        ("休克首选多巴胺还是肾上腺素吗？", "是的，多巴胺。", ""),
    ],
)
def test_a_short_answer_in_the_words_of_the_question(question: str, answer: str, said: str) -> None:
    assert stated(answer, question) == said
