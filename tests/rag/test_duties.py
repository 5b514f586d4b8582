"""May for must, and the other way round."""

from __future__ import annotations

import pytest

from vademecum.rag.duties import at_odds, force


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The tenant must give notice.", "must"),
        ("The landlord shall insure the building.", "must"),
        ("Records are to be kept.", "must"),
        ("Firms are required to report.", "must"),
        ("Der Arbeitgeber hat die Stunden zu erfassen.", "must"),
        ("Die Unterlagen sind zehn Jahre aufzubewahren.", "must"),
        ("公司应当公布报告。", "must"),
        ("Either party may give notice.", "may"),
        ("Firms are allowed to report later.", "may"),
        ("Die Behörde kann den Bescheid ändern.", "may"),
        ("股东可以查阅账簿。", "may"),
        ("Prices must not be disclosed.", "must not"),
        ("Der Beamte darf Geschenke nicht annehmen.", "must not"),
        ("公司不得公布账簿。", "must not"),
        ("The customer need not give reasons.", "need not"),
        ("Der Kunde muss Gründe nicht nennen.", "need not"),
        ("A patient with a reaction improved.", None),
        ("药物反应较少。", None),
        ("Der Test ist geeignet, das Risiko zu senken.", None),
        ("The tenant may stay, and must pay.", None),
    ],
)
def test_what_a_text_allows_and_demands(text: str, said: str | None) -> None:
    assert force(text) == said


TENANT = ["The tenant may reduce the rent if the flat has defects.", "He must report defects."]


def test_what_may_be_done_need_not() -> None:
    assert at_odds("The tenant must reduce the rent if the flat has defects.", TENANT)
    assert at_odds("He may report defects.", TENANT)
    assert not at_odds("The tenant can reduce the rent if the flat has defects.", TENANT)
    assert not at_odds("Defects must be reported.", TENANT)


def test_what_need_not_be_done_is_not_forbidden() -> None:
    part = "The customer need not give reasons."
    assert at_odds("The customer must not give reasons.", [part])
    assert not at_odds("The customer does not have to give reasons.", [part])


def test_each_clause_has_its_own() -> None:
    part = "Metformin may be continued, but insulin must be stopped on the day of surgery."
    assert not at_odds("Insulin must be stopped on the day of surgery.", [part])
    assert at_odds("Insulin may be stopped on the day of surgery.", [part])


def test_each_verb_of_one_subject_has_its_own() -> None:
    part = "Swimmers must shower before entering the pool and may shower afterwards."
    assert at_odds("Swimmers may shower before entering the pool.", [part])
    assert at_odds("Swimmers must shower afterwards.", [part])
    assert not at_odds("Swimmers must shower before entering the pool.", [part])
    assert not at_odds("Swimmers may shower afterwards.", [part])


def test_of_another_matter_nothing_is_said() -> None:
    assert not at_odds("The landlord must heat the flat.", TENANT)
