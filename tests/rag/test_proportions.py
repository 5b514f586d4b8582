"""Which of two groups a passage gives more."""

from __future__ import annotations

import pytest

from vademecum.rag.check import check
from vademecum.rag.proportions import at_odds

PARTS = (
    "Of 310 smokers, 34% on varenicline and 21% on bupropion had stopped at one year.",
    "Insomnia was reported by 12.5% (95% CI 9-16) of patients on varenicline and 18% on bupropion.",
    "Nausea was seen in 48 of 155 smokers on varenicline and in 12 of 155 on bupropion.",
    "Admissions were 24 per 1000 in winter and 7 per 1000 in summer.",
    "Dropout was 8.1% (clinic), 11.4% (telephone) and 15.2% (letters).",
    "Weight rose by 2.9 kg on varenicline and by 1.4 kg on bupropion.",
    "Cotinine tests found 61% of relapses and diaries found 87%.",
)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (
            "More smokers on varenicline had stopped at one year.",
            "More smokers on bupropion had stopped at one year.",
        ),
        (
            "Fewer smokers on bupropion than on varenicline had stopped.",
            "Fewer smokers on varenicline than on bupropion had stopped.",
        ),
        (
            "Insomnia was less common with varenicline.",
            "Insomnia was less common with bupropion.",
        ),
        (
            "Insomnia was reported more often by patients on bupropion than on varenicline.",
            "Insomnia was reported more often by patients on varenicline than on bupropion.",
        ),
        (
            "Nausea was more frequent on varenicline than on bupropion.",
            "Nausea was more frequent on bupropion than on varenicline.",
        ),
        (
            "Admissions were more frequent in winter than in summer.",
            "Admissions were more frequent in summer than in winter.",
        ),
        (
            "Dropout was lower with telephone than with letters.",
            "Dropout was higher with telephone than with letters.",
        ),
        (
            "Weight rose more on varenicline than on bupropion.",
            "Weight rose less on varenicline than on bupropion.",
        ),
        (
            "Diaries found more relapses than cotinine tests.",
            "Cotinine tests found more relapses than diaries.",
        ),
    ],
)
def test_the_group_with_the_smaller_figure_has_not_more(right: str, wrong: str) -> None:
    assert not at_odds(right, PARTS)
    assert at_odds(wrong, PARTS)


@pytest.mark.parametrize(
    "sentence",
    [
        "Dropout was higher with telephone.",  # than in the clinic; not than with letters
        "Weight was higher on bupropion.",  # how much it rose says nothing of that
        "Stopping was not more frequent on bupropion.",
        "More than 20% of smokers on bupropion had stopped.",
        "Relapse was more frequent on bupropion.",
    ],
)
def test_what_the_figures_do_not_settle_is_left_alone(sentence: str) -> None:
    assert not at_odds(sentence, PARTS)


def test_a_passage_that_compares_in_words_itself_is_believed() -> None:
    parts = (*PARTS, "After adjustment, more smokers on bupropion had stopped at one year.")
    assert not at_odds("More smokers on bupropion had stopped at one year.", parts)


@pytest.mark.parametrize(("drug", "support"), [("A9", "supported"), ("B7", "unsupported")])
def test_the_check_sees_it(source_of, embedder, drug: str, support: str) -> None:
    source = source_of(1, "Goals were reached by 60% on A9 and 40% on B7 within one year.")
    raw = f"Goals were reached more often on {drug} within one year."
    assert check(raw, [source], embedder).sentences[0].support == support
