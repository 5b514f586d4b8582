"""The fixed words around an answer are in the language of its question."""

from __future__ import annotations

import io
from dataclasses import fields

import pytest
from rich.console import Console
from web_support import answer, unwritten

from vademecum.app import render
from vademecum.app.labels import CHINESE, ENGLISH, LABELS, labels_for, sentences_supported
from vademecum.app.web_answer import plain_text
from vademecum.app.web_render import turn_html
from vademecum.app.web_sources import panel_html
from vademecum.rag.answer import Answer
from vademecum.rag.words import HAN

CLAIMS = (("二甲双胍有效。", (1,), "partial"), ("它治愈癌症。", (1,), "overstated"))
ASKED = "他汀能降低死亡率吗？"


def printed(found: Answer) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    render.answer(console, found)
    return console.export_text()


@pytest.mark.parametrize("name", [field.name for field in fields(ENGLISH)])
def test_every_language_has_every_word(name: str) -> None:
    for labels in LABELS.values():
        ours, theirs = getattr(labels, name), getattr(ENGLISH, name)
        assert type(ours) is type(theirs)
        if isinstance(ours, dict):
            assert ours.keys() == theirs.keys()


def test_the_question_tells_the_language() -> None:
    assert labels_for(ASKED) is CHINESE
    assert labels_for("Do statins lower mortality?") is ENGLISH
    assert labels_for("Senken Statine die Sterblichkeit?") is ENGLISH


@pytest.mark.parametrize(("good", "claims"), [(0, 1), (1, 1), (1, 2), (2, 2)])
def test_how_much_is_supported(good: int, claims: int) -> None:
    assert HAN.search(sentences_supported(ASKED, good, claims))
    assert "supported by a passage" in sentences_supported("Why?", good, claims).lower()


def test_around_an_answer_in_chinese() -> None:
    found = answer(CLAIMS, question=ASKED)
    for shown in (printed(found), turn_html(found, 1), plain_text(found)):
        assert "部分得到支持" in shown
        assert "表述过度" in shown
        assert "supported" not in shown.replace("vd-support", "")
    assert "2句中有0句得到段落支持" in turn_html(found, 1)
    panel = panel_html(found.sources, {}, turn=1, question=ASKED, nearest=False)
    assert f"{len(found.sources)}个来源" in panel


def test_above_a_quotation_in_chinese() -> None:
    found = unwritten(ASKED)
    for shown in (printed(found), turn_html(found, 1)):
        assert CHINESE.quoted in shown
        assert CHINESE.nearest in shown
        assert "Quoted" not in shown
    panel = panel_html(found.sources, {}, turn=1, question=ASKED, nearest=True)
    assert CHINESE.nearest in panel


def test_around_an_answer_in_english() -> None:
    found = unwritten("Is it good?")
    for shown in (printed(found), turn_html(found, 1)):
        assert ENGLISH.quoted in shown
