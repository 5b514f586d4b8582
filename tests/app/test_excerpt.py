"""What is shown of a passage below an answer holds each sentence that it is cited for, whole."""

from __future__ import annotations

import pytest
from cli_support import source
from rich.text import Text

from vademecum.app import excerpt as shown_of
from vademecum.app.excerpt import LONGEST, ROOM
from vademecum.rag.answer import Source

FILLER = "The weather on the day of the visit was noted by hand. "
FEVER = "Aspirin lowered fever in 40% of the mice."
BLEEDING = "Bleeding was rare among those who took it."


def excerpt(of: Source, claims: list[str], asked: str = "What else?") -> Text:
    return shown_of.excerpt(of.text, of.file, claims, asked)


def passage(text: str, **how: object) -> Source:
    return source(1, text=text, start=0, end=len(text), **how)


def cited(shown: Text) -> str:
    """What is not dim."""
    dim = [span for span in shown.spans if span.style == "dim"]
    letters = enumerate(shown.plain)
    return "".join(c for at, c in letters if not any(s.start <= at < s.end for s in dim)).strip()


@pytest.mark.parametrize("before", [0, 1, 5, 40])
@pytest.mark.parametrize("after", [0, 1, 5, 40])
def test_the_sentence_stands_in_the_middle_of_what_is_around_it(before: int, after: int) -> None:
    shown = excerpt(passage(FILLER * before + f"{FEVER} " + FILLER * after), ["fever in mice"])
    assert cited(shown) == FEVER
    left, right = shown.plain.split(FEVER)
    assert left.startswith("… ") == (before > 2)
    assert right.endswith(" …") == (after > 2)
    assert len(shown) <= ROOM + len("… ") + len(" …")
    if before == after == 40:
        assert abs(len(left) - len(right)) < 20
        assert len(shown) > ROOM * 0.9
    words = shown.plain.strip("… ")
    assert words in (FILLER * before + f"{FEVER} " + FILLER * after)  # cut between words
    assert set(words.split()) <= set((FILLER + FEVER).split())


@pytest.mark.parametrize("apart", [0, 1, 30])
def test_all_that_a_passage_is_cited_for_is_shown_in_its_order(apart: int) -> None:
    text = FILLER * 9 + f"{FEVER} " + FILLER * apart + BLEEDING
    shown = excerpt(
        passage(text), ["Bleeding was rare.", "It lowered fever by 40%.", "rare bleeding"]
    )
    assert shown.plain.index(FEVER) < shown.plain.index(BLEEDING)
    assert shown.plain.count(BLEEDING) == 1
    assert (f"{FEVER} … {BLEEDING}" in shown.plain) == (apart == 30)
    assert (FEVER in cited(shown), BLEEDING in cited(shown)) == (True, True)


def test_a_long_sentence_is_shown_whole_and_a_table_is_not() -> None:
    long = "Aspirin " + "and again " * 40 + "lowered fever."
    assert long in excerpt(passage(f"{FILLER * 9}{long}"), ["aspirin fever"]).plain
    table = "Aspirin " + "fever 40 " * 500
    assert len(excerpt(passage(table), ["aspirin fever"])) < LONGEST + 10


def test_one_word_in_common_is_enough_to_choose_a_sentence_by() -> None:
    text = FILLER * 20 + "Aspirin was given."
    said = "Low doses of aspirin lowered fevers, pains, swellings and strokes in older women."
    assert "Aspirin was given." in excerpt(passage(text), [said]).plain


def test_where_nothing_is_cited_the_beginning_is_shown() -> None:
    for claims in ([], ["Bananas ripen."]):
        assert excerpt(passage(f"{FEVER} {FILLER * 9}"), claims).plain.startswith(FEVER)


@pytest.mark.parametrize(
    ("asked", "text", "nearest"),
    [
        ("Was bleeding common?", f"{FEVER} {FILLER * 20}{BLEEDING}", BLEEDING),
        # What all sentences hold tells little of one.
        (
            "How much aspirin is given to children?",
            "Aspirin is sold everywhere. " * 20 + "Children take 50 mg of aspirin.",
            "Children take 50 mg of aspirin.",
        ),
        ("Is bleeding rare?", f"Bleeding\n\n{FILLER * 20}{BLEEDING}", BLEEDING),
        (
            "Hat der Hersteller Zugang zu den Daten?",
            "Das Wetter wurde notiert. " * 20 + "Herstellern wird kein Zugang gewährt.",
            "Herstellern wird kein Zugang gewährt.",
        ),
        (
            "阿司匹林有什么作用？",
            "天气由人手记录在案。" * 60 + "阿司匹林可退热。",
            "阿司匹林可退热。",
        ),
    ],
)
def test_where_nothing_is_cited_what_was_asked_for_is_shown(
    asked: str, text: str, nearest: str
) -> None:
    for claims in ([], ["Bananas ripen."]):
        assert cited(excerpt(passage(text), claims, asked)) == nearest


def test_chinese_is_cut_where_it_falls() -> None:
    shown = excerpt(
        passage("天气由人手记录在案。" * 60 + "阿司匹林可退热。" + "天气由人手记录在案。" * 60),
        ["阿司匹林退热"],
    )
    assert cited(shown) == "阿司匹林可退热。"
    assert ROOM * 0.9 < len(shown) < ROOM + 5


def test_of_markdown_the_words_are_shown() -> None:
    shown = excerpt(
        passage("## Doses\n\nAspirin **lowers** fever.", file="notes.md"), ["aspirin fever"]
    )
    assert shown.plain == "Doses Aspirin lowers fever."


def test_nothing_of_it_moves_the_cursor() -> None:
    shown = excerpt(
        passage("\x1b[2JBefore.\nAspirin\x1b[31m lowered\x07 fever.\r\nAfter."), ["fever"]
    )
    assert shown.plain == "Before. Aspirin lowered fever. After."


def test_no_blank_of_the_passage_stands_at_its_ends() -> None:
    shown = excerpt(passage(f"\n{FEVER} {BLEEDING}\n\n"), ["fever in mice"])
    assert shown.plain == f"{FEVER} {BLEEDING}"
