"""`ask`: what is printed, where, and what never is."""

from __future__ import annotations

import re
from dataclasses import replace
from time import perf_counter
from typing import Any

import jsonschema
import pytest
from cli_support import ESCAPES, Cli, answer, script, source, validate

from vademecum.corpora.document import Filters
from vademecum.errors import ContextTooLong
from vademecum.rag.answer import ModelRef, Quotation, Sentence, Timings

NO_ANSWER = (
    "Not an answer, only the sentence most like the question, word for word. Judge for yourself "
    "whether it bears on it:"
)
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


@pytest.mark.parametrize(
    "typed",
    [
        ["Does aspirin lower fever?"],
        ["Does", "aspirin", "lower", "fever?"],
        ["Does", "aspirin", "--corpus", "sample", "lower", "fever?"],
        ["Does", "aspirin", "lower fever?"],
    ],
)
def test_a_question_may_be_typed_with_or_without_quotes(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, typed: list[str]
) -> None:
    assistant = script(monkeypatch, [answer()])
    assert cli("ask", *typed).code == 0
    assert [each["question"] for each in assistant.asked] == ["Does aspirin lower fever?"]


def test_an_answer_shows_its_sentences_with_markers_and_support_in_words(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, [answer()])
    done = cli("ask", "Does aspirin lower fever?")
    assert done.code == 0
    assert (
        "Aspirin lowers fever [1]. It may help pain [1][2]. (partly supported) "
        "It cures cancer. (NOT SUPPORTED by the sources; compare [2]) Ask a doctor. (no source)"
    ) in done.stdout


def test_a_heading_that_a_source_has_stands_without_a_mark(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = ("Fever", "Aspirin lowers fever.", "All is well")
    whole = "\n\n".join(said)
    spans = [(text, whole.index(text), whole.index(text) + len(text)) for text in said]
    judged = [((), "uncited"), ((1,), "supported"), ((), "uncited")]
    sentences = tuple(
        Sentence(*span, *how, 0.5)  # type: ignore[arg-type]
        for span, how in zip(spans, judged, strict=True)
    )
    cited = source(1, text="## Fever ##\n\nAspirin lowers fever.")
    script(monkeypatch, [answer(answer=whole, sentences=sentences, sources=(cited,))])
    lines = cli("ask", "Does aspirin lower fever?").stdout.splitlines()
    assert lines[:3] == ["Fever", "Aspirin lowers fever [1].", "All is well (no source)"]


def test_options_reach_what_opens_the_model(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assistant = script(monkeypatch, [answer()])
    asked = "ask q --model tiny --quantization int8 --attention dense --device cpu"
    assert cli(*asked.split()).code == 0
    del assistant.opened["progress"]
    assert assistant.opened == {
        "model": "tiny",
        "quantization": "int8",
        "attention": "dense",
        "device": "cpu",
    }


def test_sources_are_numbered_and_say_what_they_are(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "word " * 200
    script(monkeypatch, [answer(sources=(source(1, text=long), source(2, retracted=True)))])
    out = cli("ask", "q").stdout
    first, second = out.split("Sources\n")[1].split("[2]")
    assert first.startswith("[1] Title 1\n")
    assert "Journal of Tests, 2020 · randomised trial · abstract only" in first
    assert "https://pubmed.ncbi.nlm.nih.gov/1/" in first
    assert "word…”" in first
    assert len(first) < 600
    assert "RETRACTED" in second
    assert "RETRACTED" not in first


def test_a_source_says_where_it_stands_and_under_what_licence(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = source(
        1,
        section="Methods > Doses",
        page=12,
        licence="CC BY 4.0",
        kind="full_text",
        also=("pmid:9", "pmid:10"),
        file="trial report.pdf",
    )
    script(monkeypatch, [answer(sources=(placed, source(2)))])
    first, second = cli("ask", "q").stdout.split("[2] Title 2")
    assert (
        "full text · trial report.pdf · Methods > Doses · p. 12 · CC BY 4.0 · also pmid:9, pmid:10"
        in " ".join(first.split())
    )
    assert "p. " not in second
    several = replace(placed, cited_sections=("§ 1 Doses", "§ 3 Times"))
    script(monkeypatch, [answer(sources=(several,))])
    shown = " ".join(cli("ask", "q").stdout.split())
    assert "trial report.pdf · § 1 Doses; § 3 Times · p. 12" in shown


def test_a_source_is_quoted_where_it_says_what_it_is_cited_for(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "Background was long and told at length. " * 20 + "Aspirin lowers fever in mice."
    script(monkeypatch, [answer(sources=(source(1, text=text, start=0, end=len(text)),))])
    out = cli("ask", "q").stdout
    assert "told at length. Aspirin lowers fever in mice.”" in out
    assert "“… " in out


def test_a_source_in_markdown_is_quoted_without_its_marks(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "## Doses\n\nAspirin **lowers** fever."
    own = source(1, text=text, start=0, end=len(text), file="notes.md")
    script(monkeypatch, [answer(sources=(own,))])
    assert "“Doses Aspirin lowers fever.”" in cli("ask", "q").stdout


def test_a_passage_that_bears_nothing_of_what_names_it_is_there_to_compare(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "Background. " * 60 + "Aspirin did not cure cancer."
    near = source(2, text=text, start=0, end=len(text))
    said = "It cures cancer."
    claim = Sentence(said, 0, len(said), (2,), "unsupported", 0.1)
    script(monkeypatch, [answer(answer=said, sentences=(claim,), sources=(source(1), near))])
    out = cli("ask", "q").stdout
    assert "It cures cancer. (NOT SUPPORTED by the sources; compare [2])" in out
    assert "cures cancer [2]" not in out
    assert "Aspirin did not cure cancer.”" in out.split("compare: “…")[1]


def test_a_passage_that_is_quoted_is_shown_where_it_is_quoted(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "Background was long. " * 40 + "Aspirin lowers fever in mice."
    own = source(1, text=text, start=0, end=len(text))
    quotation = Quotation(1, "Aspirin lowers fever in mice.", len(text) - 29, len(text))
    script(
        monkeypatch,
        [answer(status="not_written", sentences=(), quotes=(quotation,), sources=(own,))],
    )
    assert "Background was long. Aspirin lowers fever in mice.”" in cli("ask", "q").stdout


def test_the_footer_says_model_snapshot_and_times(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, [answer()])
    monkeypatch.setattr("vademecum.app.entry.STARTED", perf_counter() - 75)
    footer = cli("ask", "q").stdout.strip().splitlines()[-1]
    assert footer.startswith(
        "scripted (nf4, dense attention, seed 0) · sample@abcdef012345 (1,000 documents, newest "
        "2020-12) · found in 0.2 s · first word 1.5 s · 12.3 tokens/s · 4.0 s in all, after 1 min "
    )
    assert footer.endswith(" of loading")


def test_where_nothing_was_written_the_footer_tells_of_no_first_word(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, [answer(sentences=(), timings=Timings(0.2, 0.0, 0.0, 0.3))])
    footer = cli("ask", "q").stdout.strip().splitlines()[-1]
    assert "newest 2020-12) · found in 0.2 s · 0.3 s in all, after " in footer


def test_an_extractive_answer_says_that_no_model_wrote_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, [answer(model=ModelRef("none", "", ""))])
    assert "no model: sentences copied from the sources" in cli("ask", "q").stdout


def test_an_abstention_is_not_dressed_up_as_an_answer(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = answer(
        status="not_in_library",
        answer="Not in this library.",
        reason="no passage\nis near enough",
        sentences=(),
    )
    script(monkeypatch, [said])
    done = cli("ask", "q")
    assert done.code == 0
    assert "Not in this library.\nWhy: no passage is near enough\n" in done.stdout
    assert "Nearest passages, not used" in done.stdout


def test_a_model_that_failed_is_no_statement_about_the_library(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = answer(
        status="not_written",
        answer="The model wrote no sentence that the passages support: the model wrote nothing.",
        reason="the model wrote nothing",
        sentences=(),
        quotes=(Quotation(2, "Aspirin lowered fever in 40% of patients.", 0, 41),),
    )
    script(monkeypatch, [said])
    out = cli("ask", "q").stdout
    assert "Not in this library" not in out
    assert "Why:" not in out
    assert (
        f"{NO_ANSWER}\n"
        "“Aspirin lowered fever in 40% of patients.” [2]\n\nNearest passages\n[1] Title 1"
    ) in out
    validate(cli("ask", "q", "--json").json)


def test_below_a_copy_that_was_stopped_the_nearest_sentence_is_quoted(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    quotation = Quotation(1, "Aspirin lowered fever in 40% of patients.", 0, 41)
    script(monkeypatch, [answer(reason="stopped while it copied a passage", quotes=(quotation,))])
    out = cli("ask", "q").stdout
    assert f"stopped while it copied a passage\n\n{NO_ANSWER}\n" in out
    assert "“Aspirin lowered fever in 40% of patients.” [1]\n\nSources" in out


def test_what_says_more_than_its_passage_is_told_with_the_words_that_do(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "Aspirin prevents fever."
    why = "it claims an effect (“prevents”), where the passage reports a connection only (“linked”)"
    said = Sentence(text, 0, len(text), (1,), "overstated", 0.4, reason=why)
    script(monkeypatch, [answer(answer=text, sentences=(said,))])
    out = " ".join(cli("ask", "q").stdout.split())
    assert "Aspirin prevents fever [1]. (OVERSTATED)" in out
    assert f"Overstated: “Aspirin prevents fever.”: {why}." in out
    validate(cli("ask", "q", "--json").json)


def test_paragraphs_of_an_answer_stay_paragraphs(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "One.\n\n- Two [1]."
    said = answer(
        answer=text,
        sentences=(
            Sentence("One.", 0, 4, (1,), "supported", 1.0),
            Sentence("Two [1].", 8, 16, (1,), "supported", 1.0),
        ),
    )
    script(monkeypatch, [said])
    assert cli("ask", "q").stdout.startswith("One [1].\n- Two [1].\n")


def test_thinking_is_shown_only_on_request(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, [answer()])
    assert "Let me look" not in cli("ask", "q").stdout
    assert cli("ask", "q", "--show-thinking").stdout.lstrip().startswith("Let me look")


def test_json_is_one_document_and_keeps_its_schema(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, [answer()])
    done = cli("ask", "q", "--json")
    assert done.code == 0
    validate(done.json)
    assert done.json["sentences"][1]["citations"] == [1, 2]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.update(surprise=1),
        lambda data: data.pop("seed"),
        lambda data: data["sources"][0].update(n=0),
        lambda data: data["sentences"][0].update(support="maybe"),
        lambda data: data["timings"].pop("total_s"),
        lambda data: data.update(abstained=True),
        lambda data: data.update(status="not_written"),
        lambda data: data.update(status="lost"),
        lambda data: data["sentences"][0].update(support="overstated"),
    ],
)
def test_the_schema_is_strict(spoil: Any) -> None:
    import json

    data = json.loads(json.dumps(answer().to_dict()))
    validate(data)
    spoil(data)
    with pytest.raises(jsonschema.ValidationError):
        validate(data)


@pytest.mark.parametrize("form", [[], ["--json"], ["--show-thinking"]])
def test_escape_codes_of_documents_and_models_do_not_reach_the_terminal(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, form: list[str]
) -> None:
    bad = f"Bad{ESCAPES}[bold]text[/bold]"
    script(
        monkeypatch,
        [
            answer(
                answer=bad,
                thinking=bad,
                sentences=(Sentence(bad, 0, len(bad), (1,), "supported", 1.0),),
                sources=(source(1, title=bad, journal=bad, url=f"https://x/{bad}", text=bad),),
            )
        ],
    )
    done = cli("ask", "q", *form)
    assert done.code == 0
    assert not CONTROL.search(done.stdout)
    if form == ["--json"]:
        assert done.json["sources"][0]["text"] == bad  # escaped, not lost
    else:
        assert "Bad[bold]text[/bold]" in done.stdout  # markup of ours is plain text in theirs
        assert "owned" not in done.stdout


def test_options_reach_the_assistant(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assistant = script(monkeypatch, [answer()])
    options = "--seed 7 --year 2015-2020 --mesh Fever --mesh Aspirin --type Review"
    cli("ask", " q ", "--corpus", "c", "--exclude-retracted", *options.split())
    asked = assistant.asked[0]
    assert asked["question"] == "q"
    assert asked["corpus"] == "c"
    assert asked["seed"] == 7
    assert asked["filters"] == Filters(
        year_from=2015,
        year_to=2020,
        mesh=("Fever", "Aspirin"),
        publication_types=("Review",),
        exclude_retracted=True,
    )


def test_a_question_longer_than_the_context_is_one_error_with_a_hint(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, [ContextTooLong("the question takes\n9,000 tokens", hint="shorten it")])
    done = cli("ask", "q")
    assert done.code == 1
    assert done.stdout == ""
    assert done.errors == ["error: the question takes 9,000 tokens", "hint: shorten it"]
