"""Of whom, when and under what something is said."""

from __future__ import annotations

from vademecum.rag.circumstances import circumstances, names


def test_the_two_sides_of_a_bound_are_two_names() -> None:
    assert "<3" in names("within 3 hours")
    assert ">3" in names("after 3 hours")
    assert "3" not in names("after 3 hours")
    assert {"<surger", ">surger"} <= names("before surgery or after surgery")
    assert "<60" in names("unter 60 Jahren")


def test_with_and_without_are_two_names() -> None:
    assert "with asthma" in names("patients with asthma")
    assert "without asthma" in names("Patienten ohne Asthma")


def test_circumstances_end_where_something_is_said_of_them() -> None:
    assert circumstances("In women deaths were halved") == {"women", "death"}
    assert circumstances("Deaths were halved in women") == {"women"}
    assert circumstances("The risk of death") == set()
    assert "placebo" in circumstances("32% (placebo)")
