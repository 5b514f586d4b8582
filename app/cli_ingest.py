"""`vademecum ingest`: files into a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vademecum.app import options, rooms
from vademecum.app.console import (
    note,
    number,
    one_line,
    paragraph,
    plural,
    print_json,
    seconds,
    stdout,
)
from vademecum.app.progress import ConsoleProgress
from vademecum.errors import DocumentRejected, UsageError
from vademecum.progress import Progress

if TYPE_CHECKING:
    from vademecum.ingest.report import IngestReport


def ingest(
    corpus: Annotated[
        str,
        typer.Option(
            "--corpus", "-c", metavar="NAME", help="The corpus to fill; made if it is new."
        ),
    ],
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATHS|URLS|pubmed|pubmed-sample",
            help="Files, folders (PubMed, JATS, PDF, Word, HTML, ...) and addresses, or a word: "
            "`pubmed`, all that NLM publishes and this corpus has not taken yet; `pubmed-sample`, "
            "1,000 real abstracts.",
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Take what this search of PubMed finds, instead."),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Read folders, then what changes in them, until Ctrl-C."),
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Take no more than N documents.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Read files into a corpus; only what is new or changed is embedded."""
    named = sources or []
    if watch:
        _watch(named, corpus, query, limit, json)
        return
    with ConsoleProgress() as progress:
        report = fill(named, corpus, limit, progress, query=query)
    for where, reason in report.rejections:
        note(f"rejected: {where}: {reason}")
    if json:
        print_json(report.to_dict())
    else:
        paragraph(stdout(), summary(report))
    if report.failed_files:
        failures = [_failure(name, reason) for name, reason in report.failed_files]
        for failure in failures[1:]:
            note(failure)
        more = f" (and {plural(len(failures) - 1, 'more file')})" if failures[1:] else ""
        raise DocumentRejected(
            failures[0] + more,
            hint="what could be read is kept; mend the file and run the same command again",
        )


def fill(
    sources: Sequence[str],
    corpus: str,
    limit: int | None,
    progress: Progress,
    *,
    query: str | None = None,
) -> IngestReport:
    """Plan, open, read, embed, commit; says on the way what it found."""
    _check_name(corpus)
    return rooms.ingest(sources, corpus, limit, progress, query=query)


def _watch(
    sources: Sequence[str], corpus: str, query: str | None, limit: int | None, json: bool
) -> None:
    """A report whenever something was read, until Ctrl-C."""
    _check_name(corpus)
    if not sources or query is not None or limit is not None:
        raise UsageError(
            "--watch takes folders, and neither --query nor --limit",
            hint=f"vademecum ingest FOLDER --watch --corpus {corpus}",
        )
    try:
        with ConsoleProgress() as progress:
            progress.note("watching (Ctrl-C stops)")
            for report in rooms.watch(sources, corpus, progress):
                for name, reason in report.failed_files:
                    note(_failure(name, reason))
                if json:
                    print_json(report.to_dict())
                else:
                    paragraph(stdout(), summary(report))
    except KeyboardInterrupt:
        note("stopped")


def _check_name(corpus: str) -> None:
    if not corpus.strip():
        raise UsageError("the name of the corpus is empty", hint="--corpus NAME")


def summary(report: IngestReport) -> str:
    """What was read, kept, skipped and failed, in a line or two."""
    counts = {
        "read": report.read,
        "kept": report.kept,
        "unchanged": report.skipped,
        "older than those": report.passed_over,
        "replaced by a later record": report.superseded,
        "of them titles only": report.titles_only,
        "deleted": report.deleted,
        "rejected": report.rejected,
    }
    told = ", ".join(
        f"{count:,} {what}" for what, count in counts.items() if count or what in {"read", "kept"}
    )
    rate = report.embedded / report.seconds if report.seconds else 0.0
    embedded = f"{plural(report.embedded, 'passage')} embedded"
    speed = f" ({number(rate)}/s)" if report.embedded and rate else ""
    return one_line(
        f"{report.corpus}: {plural(report.files, 'file')}; {told}; "
        f"{embedded}{speed}; {seconds(report.seconds)}"
    )


def _failure(name: str, reason: str) -> str:
    """`name: reason`; most readers name the file themselves."""
    return reason if reason.startswith(Path(name).name) else f"{name}: {reason}"
