"""An answer that ends where its model wrote on says so, at every door."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from web_support import CORPUS, SAID, ScriptedAssistant, Shelf, answer

from vademecum.app import rooms
from vademecum.app.cut_short import with_its_end
from vademecum.app.web_kept import Conversation, Given
from vademecum.app.web_line import Line
from vademecum.app.web_talk import Talk
from vademecum.rag.answer import Answer, AnswerDelta, Completed, Event, Retrieved

WHOLE = answer()
WRITTEN = " ".join(f"{text} [{n[0]}]" for text, n, _ in SAID)
SAYS = "cut short here, though the model wrote on: what is missing can be asked for by itself"


@dataclass
class Copying(ScriptedAssistant):
    """Is stopped in the sixth sentence, which is not shown."""

    def stream(self, question: str, **_: Any) -> Iterator[Event]:
        yield Retrieved(WHOLE.sources, 0.1)
        yield AnswerDelta(WRITTEN)
        yield AnswerDelta(" In addition, the")
        yield Completed(replace(WHOLE, question=question))


@pytest.mark.parametrize(
    "written",
    [
        WRITTEN,
        f"Answer: {WRITTEN}\n",
        WRITTEN.replace(".", ". ").replace(SAID[-1][0], f"**{SAID[-1][0]}**"),
    ],
)
def test_one_that_ends_as_what_was_written_is_left_as_it_is(written: str) -> None:
    assert with_its_end(WHOLE, written) is WHOLE


def test_one_that_has_a_reason_and_none_at_all_are_left_too() -> None:
    stopped, none = answer(reason="cut at the token limit"), answer(status="not_written")
    for found in (stopped, none):
        assert with_its_end(found, f"{WRITTEN} In addition, the") is found


@pytest.mark.parametrize(
    ("question", "says"),
    [("Why?", SAYS), ("Wie wirkt Metformin?", "hier gekürzt"), ("二甲双胍如何起作用？", "截断")],
)
def test_one_that_does_not_says_so_in_the_language_of_the_question(
    question: str, says: str
) -> None:
    found = with_its_end(replace(WHOLE, question=question), f"{WRITTEN} In addition, the")
    assert says in found.reason
    assert replace(found, reason="", question=WHOLE.question) == WHOLE


def test_it_is_told_in_a_terminal_and_on_the_page() -> None:
    assistant = Copying(library=Shelf())
    found: Answer = rooms.answer(
        assistant,  # type: ignore[arg-type]
        "Why?",
        lambda _: None,
        corpus=CORPUS,
        seed=0,
    )
    assert found.reason == SAYS
    talk = Talk(assistant, Line(1, 0))
    *_, last = talk.ask("Why?", Given(CORPUS), Conversation())
    assert f'<p class="vd-ending">C{SAYS[1:]}.</p>' in (last.past or "")
    talk.close()
