"""`vademecum search`: the passages nearest to a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from vademecum.app import options, render, rooms
from vademecum.app.console import paragraph, print_json, stdout
from vademecum.app.excerpt import excerpt
from vademecum.app.labels import Labels
from vademecum.app.languages import labels_for
from vademecum.app.markdown_inline import unmarked
from vademecum.app.progress import ConsoleProgress
from vademecum.rag.spoken import spoken
from vademecum.rag.tongues import apart, beside
from vademecum.rag.wording import SOME_APART, in_languages

if TYPE_CHECKING:
    from vademecum.rag.retrieve import Found

QUOTE = 400  # characters of a passage shown


def search(
    words: Annotated[
        list[str], typer.Argument(metavar="QUERY", help="What to look for, in any words.")
    ],
    corpus: options.Corpus = None,
    year: options.Year = None,
    mesh: options.Mesh = None,
    types: options.Type = None,
    exclude_retracted: options.ExcludeRetracted = False,
    k: Annotated[int, typer.Option("--k", "-k", min=1, max=100, help="How many passages.")] = 10,
    json: options.Json = False,
) -> None:
    """Find passages, by meaning and by words; no model is needed."""
    query = options.text_of(words, "query")
    narrowed = options.filters(year, mesh, types, exclude_retracted)
    with ConsoleProgress() as progress, rooms.open_library(progress) as library:
        info = rooms.pick_corpus(library, corpus)
        found, weak = rooms.search(library, info.name, query, k, narrowed, progress)
    if json:
        print_json(
            {
                "query": query,
                "corpus": {"name": info.name, "snapshot": info.snapshot},
                "filters": asdict(narrowed),
                "results": [
                    {**_plain(n, hit), "weak": is_weak}
                    for n, (hit, is_weak) in enumerate(zip(found, weak, strict=True), start=1)
                ],
            }
        )
        return
    console, labels = stdout(), labels_for(query)
    if not found:
        console.print(labels.nothing.format(info.name), soft_wrap=True)
        return
    width = len(str(len(found))) + 2
    opening, _, closing = labels.quote.partition("{}")
    for n, hit in enumerate(found, start=1):
        work = hit.document
        render.reference(
            console,
            Text(f"{n}.".ljust(width), style="bold cyan"),
            title=unmarked(work.title, work.file),
            facts=[
                *render.facts(
                    labels,
                    journal=work.journal,
                    year=work.year,
                    evidence_level=work.evidence_level,
                    kind=work.kind,
                    retracted=work.retracted,
                ),
                *render.place_facts(
                    labels, work.file, hit.section, hit.page, work.licence, hit.also
                ),
                labels.score.format(labels.figure(f"{hit.score:.2f}")),
            ],
            url=work.url,
            text=Text.assemble(
                opening, excerpt(hit.passage.text, work.file, (), query, QUOTE), closing
            ),
        )
    if told := _weakness(query, found, weak, labels):
        paragraph(console, Text(told, style="yellow"))
    shown = labels.counted(labels.counted_passages, len(found))
    of = labels.results.format(shown, f"{info.name}@{info.snapshot[:12]}")
    paragraph(console, Text(of, style="dim"))
    if len(found) > 1:
        paragraph(console, Text(labels.scores, style="dim"))


def _weakness(query: str, found: Sequence[Found], weak: Sequence[bool], labels: Labels) -> str:
    """Which results an answer would not be written from, "" if none."""
    if all(weak):
        texts = [(hit.passage.text, hit.document.language) for hit in found]
        if languages := apart(query, texts):
            return in_languages(languages, labels.all_apart, spoken(query))
        some = beside(query, texts)
        asking = in_languages(some, SOME_APART[spoken(query)], spoken(query)) if some else ""
        return labels.all_weak + asking
    numbers = ", ".join(str(n) for n, is_weak in enumerate(weak, start=1) if is_weak)
    return labels.some_weak.format(numbers) if numbers else ""


def _plain(n: int, hit: Found) -> dict[str, Any]:
    work, passage = hit.document, hit.passage
    return {
        "n": n,
        "doc_id": work.doc_id,
        "passage_id": passage.passage_id,
        "title": work.title,
        "year": work.year,
        "journal": work.journal,
        "url": work.url,
        "kind": work.kind,
        "retracted": work.retracted,
        "evidence_level": work.evidence_level,
        "text": passage.text,
        "start": passage.start,
        "end": passage.end,
        "score": hit.score,
        "section": hit.section,
        "page": hit.page,
        "licence": work.licence,
        "also": hit.also,
        "file": work.file,
    }
