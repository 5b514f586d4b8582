"""What a passage leaves out because it has just said it."""

from __future__ import annotations

from vademecum.rag.check import check
from vademecum.rag.ellipses import completed

LINES = "The red line is faster than the blue line but less frequent."
PERMIT = "With a permit you may park all day; without one you may park for two hours."


def test_a_second_comparison_is_of_the_same_two() -> None:
    assert completed([LINES]) == [
        "The red line is faster than the blue line.",
        "The red line is less frequent than the blue line.",
    ]


def test_what_is_as_good_is_compared_again() -> None:
    assert completed(["A was as effective as B but it caused fewer bleeds."]) == [
        "A was as effective as B.",
        "A caused fewer bleeds than B.",
    ]
    assert completed(["A lowered pressure as much as B but caused fewer coughs."]) == [
        "A lowered pressure as much as B.",
        "A caused fewer coughs than B.",
    ]


def test_an_ordinal_is_of_what_was_counted() -> None:
    assert completed(["The line is removed on the second day, the drain on the fourth."]) == [
        "The line is removed on the second day, the drain on the fourth day."
    ]


def test_one_is_what_was_named() -> None:
    (read,) = completed([PERMIT])
    assert read == PERMIT.replace("without one", "without a permit")


def test_what_leaves_nothing_out_stays() -> None:
    whole = ["The lift is slow but safe.", "Tea is cheaper than coffee but coffee is stronger."]
    assert completed(whole) == whole


def test_sentences_are_held_against_what_is_meant(source_of, embedder) -> None:
    for text, sentence, support in (
        (LINES, "The blue line is more frequent than the red line.", "supported"),
        (LINES, "The red line is more frequent than the blue line.", "unsupported"),
        (PERMIT, "Without a permit you may park for two hours.", "supported"),
        (PERMIT, "Without a permit you may park all day.", "unsupported"),
    ):
        (checked,) = check(sentence, [source_of(1, text)], embedder).sentences
        assert checked.support == support, sentence
