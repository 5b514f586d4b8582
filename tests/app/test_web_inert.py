"""Whatever stands in a document, a question or an answer, nothing foreign runs on the page."""

from __future__ import annotations

from dataclasses import replace

import pytest
from html_support import assert_inert, tree
from web_support import HOSTILE, POOLED, SOURCES, abstention, answer, source

from vademecum.app.web_render import (
    error_html,
    header_html,
    live_html,
    notice_html,
    stopped_html,
    turn_html,
    welcome_html,
)
from vademecum.app.web_sources import panel_html, source_html
from vademecum.app.web_text import escape, safe_url
from vademecum.corpora.document import CorpusInfo
from vademecum.rag.answer import ModelRef

ATTACK = HOSTILE.title
HELD = {HOSTILE.doc_id: HOSTILE}


@pytest.mark.parametrize(
    "markup",
    [
        source_html(source(1, HOSTILE), HOSTILE, 1),
        source_html(source(1, HOSTILE), None, 1),
        panel_html([source(1, HOSTILE)], HELD, turn=1, question=ATTACK, nearest=False),
        turn_html(
            answer(
                [(ATTACK, (1,), "partial"), (HOSTILE.text, (), "uncited")],
                question=ATTACK,
                thinking=ATTACK,
                reason=ATTACK,
                sources=[source(1, HOSTILE)],
                model=ModelRef(ATTACK, ATTACK, ATTACK),
            ),
            1,
        ),
        turn_html(
            replace(abstention(ATTACK), answer=ATTACK, sources=(source(1, HOSTILE),)), 1
        ),
        live_html(ATTACK, 1, ATTACK, thinking=ATTACK, text=ATTACK, sources=[source(1, HOSTILE)]),
        stopped_html(ATTACK, 1, thinking=ATTACK, text=ATTACK, sources=[]),
        error_html(ATTACK, 1, ATTACK, ATTACK),
        notice_html(ATTACK),
        header_html(CorpusInfo(ATTACK, "", 1, 1, ATTACK, "")),
        welcome_html(CorpusInfo(ATTACK, "", 1, 1, ATTACK, ""), ATTACK, ATTACK, offers=True),
    ],
    ids=[
        "source", "gone", "panel", "turn", "abstained", "live", "stopped", "error", "notice",
        "header", "welcome",
    ],
)  # fmt: skip
def test_hostile_text_stays_text(markup: str) -> None:
    assert_inert(markup)
    assert "&lt;script&gt;" in markup


def test_attributes_cannot_be_left() -> None:
    assert escape("\"'><img>") == "&quot;&#x27;&gt;&lt;img&gt;"


def test_control_characters_and_direction_overrides_vanish() -> None:
    assert escape("a\x00b\x1b[2Jc\u202ed\x9be\n\tf") == "ab[2Jcde\n\tf"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        " JAVASCRIPT:x",
        "data:text/html,x",
        "//evil",
        "http:",
        "",
        "http://[x",
    ],
)
def test_only_web_addresses_become_links(url: str) -> None:
    assert safe_url(url) == ""
    assert "<a " not in source_html(replace(SOURCES[0], url=url), POOLED, 1)


def test_link_to_pubmed_opens_elsewhere_without_a_trace() -> None:
    (link,) = tree(source_html(SOURCES[0], POOLED, 1)).xpath("//a")
    assert link.get("href") == "https://pubmed.ncbi.nlm.nih.gov/99000001/"
    assert link.get("rel") == "noopener noreferrer"
    assert link.get("target") == "_blank"
    assert "PubMed" in link.text_content()
