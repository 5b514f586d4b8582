"""`vademecum ingest`: files into a corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from vademecum.app import ingesting, options
from vademecum.app.console import note, one_line, paragraph, plural, print_json, size, stdout
from vademecum.app.counts import summary, tell_gone, tell_rejections
from vademecum.app.how import How, with_how
from vademecum.app.progress import ConsoleProgress
from vademecum.app.stopping import stopped
from vademecum.errors import Cancelled, DocumentRejected, UsageError
from vademecum.progress import Progress

if TYPE_CHECKING:
    from vademecum.ingest.report import IngestReport

INTERRUPTED = 130  # 128 + SIGINT, as shells say it


@with_how
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
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Tell which files would be read; read and write nothing."),
    ] = False,
    *,
    how: How,
    json: options.Json = False,
) -> None:
    """Read files into a corpus; only what is new or changed is embedded."""
    named = sources or []
    if watch:
        _watch(named, corpus, query, limit, how, json)
        return
    if dry_run:
        _survey(named, corpus, query, limit, json)
        return
    with ConsoleProgress() as progress:
        report = fill(named, corpus, limit, progress, query=query, how=how)
    tell(report, json)


def tell(report: IngestReport, json: bool) -> None:
    """Print what a job did. Raises as `require_read` does."""
    tell_rejections(report)
    _tell_gone(report)
    if json:
        print_json(report.to_dict())
    else:
        paragraph(stdout(), summary(report))
    require_read(report)


def _tell_gone(report: IngestReport) -> None:
    tell_gone(report.corpus, report.gone, report.gone_files, report.gone_from, report.gone_empty)


def require_read(report: IngestReport) -> None:
    """Raise DocumentRejected where files failed, and as `require_whole` does."""
    require_whole(report)
    if report.failed:
        # The reasons were told when they were found.
        first, _ = report.failed_files[0]
        more = f" and {plural(report.failed - 1, 'more file')}" if report.failed > 1 else ""
        kept = "what could be read is kept; " if report.kept or report.skipped else ""
        raise DocumentRejected(
            f"{Path(first).name}{more} could not be read",
            hint=f"{kept}`vademecum jobs show {report.job}` says why; mend "
            f"the file, then: vademecum jobs retry {report.job}",
        )


def require_whole(report: IngestReport) -> None:
    """Raise unless the job came to its end: Cancelled where it was paused or cancelled from
    elsewhere, Exit where it was interrupted here."""
    if report.state in ("paused", "cancelled"):
        raise Cancelled(
            f"job {report.job} was {report.state}",
            hint=f"`vademecum jobs resume {report.job}` goes on"
            if report.state == "paused"
            else "what was committed stays",
        )
    if report.state == "interrupted":
        assert report.job is not None  # every run has one
        note(stopped(report.job))
        raise typer.Exit(INTERRUPTED)


def fill(
    sources: Sequence[str],
    corpus: str,
    limit: int | None,
    progress: Progress,
    *,
    query: str | None = None,
    how: How | None = None,
) -> IngestReport:
    """Plan, open, read, embed, commit; says on the way what it found."""
    _check_name(corpus)
    return ingesting.ingest(sources, corpus, limit, progress, query=query, how=how)


def _survey(
    sources: Sequence[str], corpus: str, query: str | None, limit: int | None, json: bool
) -> None:
    """The files that would be read, and what is known of them."""
    _check_name(corpus)
    with ConsoleProgress() as progress:
        survey = ingesting.survey(sources, corpus, limit, progress, query=query)
    found, gone = survey.files, survey.gone
    sizes = sum(file.size or 0 for file in found)
    if json:
        files = [asdict(file) for file in found]
        told = {"corpus": corpus, "limit": limit, "bytes": sizes, "files": files}
        missed = {"files": gone.files, "from": gone.folders, "empty": gone.empty}
        print_json({**told, **{f"gone_{name}": of for name, of in missed.items()}})
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("file", "size", "state"):
        table.add_column(name, justify="right" if name == "size" else "left")
    for file in found:
        shown = "" if file.size is None else size(file.size)
        table.add_row(one_line(file.path), shown, file.state)
    states = Counter(file.state for file in found)
    counts = ", ".join(f"{count:,} {state}" for state, count in states.items())
    tell_gone(corpus, len(gone.files), gone.files, gone.folders, gone.empty)
    stdout().print(table)
    total = f"{plural(len(found), 'file')}, {size(sizes)}"
    paragraph(stdout(), f"{corpus}: {total}: {counts}; nothing was read")


def _watch(
    sources: Sequence[str],
    corpus: str,
    query: str | None,
    limit: int | None,
    how: How,
    json: bool,
) -> None:
    """A report whenever something was read, until Ctrl-C."""
    _check_name(corpus)
    if not sources or query is not None or limit is not None or how != How():
        raise UsageError(
            "--watch takes folders, and neither --query nor --limit nor --engine nor --no-wait",
            hint=f"vademecum ingest FOLDER --watch --corpus {corpus}",
        )
    try:
        with ConsoleProgress() as progress:
            progress.note("watching (Ctrl-C stops)")
            missed: list[str] = []
            for report in ingesting.watch(sources, corpus, progress):
                if json:
                    print_json(report.to_dict())
                else:
                    if report.gone_files != missed:  # once, not with each file that comes
                        _tell_gone(report)
                    paragraph(stdout(), summary(report))
                missed = report.gone_files
    except KeyboardInterrupt:
        note("stopped")


def _check_name(corpus: str) -> None:
    if not corpus.strip():
        raise UsageError("the name of the corpus is empty", hint="--corpus NAME")
