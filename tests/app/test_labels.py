"""The fixed words around an answer are in the language of its question, all of them."""

from __future__ import annotations

import io
import re
from dataclasses import fields, replace
from typing import get_args

import pytest
from lxml import html as lxml_html
from rich.console import Console
from web_support import answer, unwritten

from vademecum.app import render
from vademecum.app.chinese import CHINESE
from vademecum.app.english import ENGLISH
from vademecum.app.german import GERMAN
from vademecum.app.labels import Labels
from vademecum.app.languages import LABELS, labels_for
from vademecum.app.live import LiveAnswer
from vademecum.app.web_answer import plain_text
from vademecum.app.web_render import error_html, live_html, stopped_html, turn_html
from vademecum.app.web_sources import panel_html
from vademecum.corpora.document import EVIDENCE_LEVELS, Document, Kind
from vademecum.rag.answer import (
    Answer,
    AnswerDelta,
    CorpusRef,
    ModelRef,
    Quotation,
    Retrieved,
    Sentence,
    Source,
    Status,
    Support,
    ThinkingDelta,
)
from vademecum.rag.spoken import Spoken
from vademecum.rag.words import HAN

ASKED = {"zh": "他汀能降低死亡率吗？", "de": "Senken Statine die Sterblichkeit?"}
OTHERS = [GERMAN, CHINESE]
# What is the same in every language: units, names, and what a model is called.
SAME = re.compile(r"\b(?:PubMed|PMID|http\S+|nf4|dense)\b", re.ASCII)

TEXT = "一。二。三。"
DOCUMENT = Document("pmid:1", "题", TEXT, "abstract", authors=tuple("甲乙丙丁戊己庚辛"))


def source(n: int, **changes: object) -> Source:
    """A source without a letter of its own, so that every letter that is shown is ours."""
    held = Source(
        n=n,
        doc_id="pmid:1",
        passage_id="pmid:1#0",
        title="题",
        year=2020,
        journal="刊",
        url="https://pubmed.ncbi.nlm.nih.gov/1/",
        kind="abstract",
        retracted=False,
        evidence_level="randomised trial",
        text=TEXT,
        start=0,
        end=len(TEXT),
        score=1.0,
    )
    return replace(held, **changes)  # type: ignore[arg-type]


SOURCES = (
    source(1, page=3, licence="许"),
    source(2, retracted=True, also=("7",), kind="full_text", url="https://x.test/1"),
    source(3, doc_id="9", title="", kind="title", text="四。", end=2),
)


def everything(question: str) -> Answer:
    """One sentence of each support, in words that have no letters."""
    supports: list[tuple[Support, tuple[int, ...]]] = [
        ("supported", (1,)),
        ("partial", (2,)),
        ("overstated", (1,)),
        ("unsupported", (3,)),
        ("unsupported", ()),
        ("uncited", ()),
    ]
    sentences = tuple(
        Sentence("一。", 2 * i, 2 * i + 2, cited, support, 0.5, (0.5, 0.3, 0.2))
        for i, (support, cited) in enumerate(supports)
    )
    return replace(
        answer((), question=question),
        answer="一。" * len(supports),
        sentences=sentences,
        sources=SOURCES,
        thinking="想",
        corpus=CorpusRef("库", "0123", 1204, "2021"),
        model=ModelRef("m7", "nf4", "dense"),
        quotes=(Quotation(1, "二。", 2, 4),),
    )


def none(question: str, status: Status) -> Answer:
    return replace(everything(question), status=status, answer="无。", sentences=(), quotes=())


def printed(found: Answer) -> str:
    console = Console(width=400, record=True, file=io.StringIO())
    render.answer(console, found)
    return console.export_text()


def said(markup: str) -> str:
    """What a page shows and what it tells a screen reader, a pointer and the clipboard."""
    root = lxml_html.fragment_fromstring(markup, create_parent="div")
    told = [str(root.text_content())]
    spoken_aloud = ("aria-label", "title", "data-vd-tip", "data-vd-copy", "data-vd-copied")
    for element in root.iter():
        told += [element.get(name, "") for name in (*spoken_aloud, "data-vd-refused")]
    return "\n".join(told)


def shown(question: str) -> dict[str, str]:
    """All that surrounds an answer, wherever it is shown."""
    found = everything(question)
    documents = {"pmid:1": DOCUMENT}
    panel = panel_html(
        SOURCES, documents, turn=1, question=question, nearest=False, read=(0.5, 0.3, 0.2)
    )
    statuses = [status for status in get_args(Status) if status != "answered"]
    shown = {
        "terminal": printed(found),
        "page": said(turn_html(found, 1, 12.0)),
        "panel": said(panel),
        "empty": said(panel_html((), {}, turn=1, question=question, nearest=True)),
        "nearest": said(panel_html(SOURCES, {}, turn=1, question=question, nearest=True)),
        "live": said(live_html(question, 1, "", thinking="想", text="一 [1]", sources=SOURCES)),
        "stopped": said(stopped_html(question, 1, thinking="想", text="一", sources=())),
        "stopped at once": said(stopped_html(question, 1, thinking="", text="", sources=())),
        "copied": plain_text(found),
        "quoted": printed(replace(found, model=ModelRef("none", "", ""))),
        "error": said(error_html(question, 1, "错", "")),
    }
    for status in statuses:
        shown[f"{status}, terminal"] = printed(none(question, status))
        shown[f"{status}, page"] = said(turn_html(none(question, status), 1))
    return shown


def holes(words: str) -> list[str]:
    """What is filled in, in order of its place among what is given."""
    return sorted(re.findall(r"\{(\w*)\}", words))


def texts(labels: Labels, name: str) -> dict[str, str]:
    value = getattr(labels, name)
    if isinstance(value, str):
        return {"": value}
    return dict(value) if hasattr(value, "keys") else dict(zip("ab", value, strict=True))


@pytest.mark.parametrize("labels", OTHERS, ids=lambda labels: labels.tag)
@pytest.mark.parametrize(
    "name", [field.name for field in fields(Labels) if field.name not in ("tag", "comma")]
)
def test_every_language_has_every_word_and_fills_in_the_same(labels: Labels, name: str) -> None:
    ours, theirs = texts(labels, name), texts(ENGLISH, name)
    assert ours.keys() == theirs.keys()
    for key, words in theirs.items():
        assert bool(ours[key]) == bool(words), key
        assert len(holes(ours[key])) == len(holes(words)), key


def test_there_is_a_table_for_every_language_that_is_spoken() -> None:
    assert set(LABELS) == set(get_args(Spoken))
    assert {labels.tag for labels in LABELS.values()} == set(LABELS)


@pytest.mark.parametrize("labels", LABELS.values(), ids=lambda labels: labels.tag)
def test_there_is_a_word_for_whatever_may_have_to_be_told(labels: Labels) -> None:
    assert set(labels.marks) == set(get_args(Support))
    assert set(labels.names) == set(labels.tips) == {*labels.marks, "retracted"} - {"supported"}
    assert set(labels.sources) == set(labels.heads) == set(get_args(Status))
    assert set(labels.kinds) == set(get_args(Kind))
    assert set(labels.levels) == {level for level, _ in EVIDENCE_LEVELS}


def test_the_question_tells_the_language() -> None:
    assert labels_for(ASKED["zh"]) is CHINESE
    assert labels_for(ASKED["de"]) is GERMAN
    assert labels_for("Do statins lower mortality?") is ENGLISH
    assert labels_for("¿Reducen las estatinas la mortalidad?") is ENGLISH


@pytest.mark.parametrize("where", shown(ASKED["zh"]))
def test_not_a_word_of_english_is_left_around_an_answer_in_chinese(where: str) -> None:
    told = shown(ASKED["zh"])[where]
    assert HAN.search(told)
    assert re.findall(r"[A-Za-z]{2,}", SAME.sub(" ", told)) == []


@pytest.mark.parametrize("where", shown(ASKED["de"]))
def test_nor_around_one_in_german(where: str) -> None:
    told = shown(ASKED["de"])[where]
    english = re.compile(
        r"\b(?:the|of|and|from|no|not|source|sources|passage|passages|document|documents|found|in "
        r"all|model|library|time|copy|copied|supported|sentences|retracted|page|also|only)\b"
    )
    assert english.findall(told) == []


@pytest.mark.parametrize("language", ["zh", "de"])
def test_nothing_is_shown_to_one_that_another_is_not_shown(language: str) -> None:
    other, ours = shown("Do statins lower mortality?"), shown(ASKED[language])
    for where, told in other.items():
        assert len(ours[where].splitlines()) == len(told.splitlines()), where


def test_the_page_tells_a_screen_reader_which_language_it_reads() -> None:
    for language, question in ASKED.items():
        assert f'lang="{language}"' in turn_html(everything(question), 1)
        assert f'lang="{language}"' in live_html(question, 1, "")
    assert 'lang="en"' in turn_html(everything("Why?"), 1)


@pytest.mark.parametrize(
    ("language", "states"),
    [
        (
            "zh",
            ["正在检索……", "正在阅读2个段落……", "正在思考2个段落，2词……", "正在根据2个段落写作……"],
        ),
        (
            "de",
            [
                "Die Bibliothek wird durchsucht …",
                "Liest 2 Stellen …",
                "Denkt über 2 Stellen nach, 2 Wörter …",
                "Schreibt aus 2 Stellen …",
            ],
        ),
    ],
)
def test_what_goes_on_is_told_in_the_language_of_the_question(
    language: str, states: list[str]
) -> None:
    live = LiveAnswer(ASKED[language])
    told = [live._state()]
    for event in (Retrieved(SOURCES[:2], 0.1), ThinkingDelta("eins zwei"), AnswerDelta("a")):
        live.show(event)
        told.append(live._state())
    assert [each.rpartition(" ")[0].rpartition(" ")[0] for each in told] == states


def test_figures_are_written_as_the_language_writes_them() -> None:
    found = everything(ASKED["de"])
    timings = replace(found.timings, retrieve_s=1.25, first_token_s=2.5, decode_tok_s=12.34)
    footer = render.footer(replace(found, timings=timings))
    assert "(1.204 Dokumente, neuestes 2021)" in footer
    assert "erstes Wort 2,5 s · 12,3 Token/s" in footer
    assert "1204" not in render.footer(everything("Why?"))


@pytest.mark.parametrize("labels", LABELS.values(), ids=lambda labels: labels.tag)
def test_how_much_is_supported(labels: Labels) -> None:
    told = {pair: labels.supported(*pair) for pair in ((0, 1), (1, 1), (1, 2), (2, 2), (3, 3))}
    assert len(set(told.values())) == len(told)
    assert "{" not in "".join(told.values())
    assert "3" in told[3, 3]


def test_above_a_quotation_it_is_said_that_it_is_no_answer() -> None:
    for question, words in (("Is it good?", "Not an answer"), (ASKED["zh"], "这不是回答")):
        found = unwritten(question)
        for told in (printed(found), turn_html(found, 1), plain_text(found)):
            assert words in told
