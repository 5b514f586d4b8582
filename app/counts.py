"""What an ingestion did, in the same words wherever it is told: `ingest`, `jobs` and the demo."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vademecum.app.console import note, number, one_line, plural, seconds

if TYPE_CHECKING:
    from vademecum.corpora.jobs import JobFile
    from vademecum.ingest.report import IngestReport

# The counts of a report, in reading order, and what each is called behind its number.
WORDS = {
    "kept": "kept",
    "skipped": "unchanged",
    "passed_over": "older than those",
    "superseded": "replaced by a later record",
    "titles_only": "of them titles only",
    "deleted": "deleted",
    "displaced": "of earlier versions gone",
    "rejected": "rejected",
}


def counted(counts: Mapping[str, Any]) -> str:
    """`5 documents read, 3 kept, 2 unchanged; 7 passages embedded`: what is not 0, and how many
    were read, kept and embedded in any case."""
    documents = [f"{plural(counts.get('read', 0), 'document')} read"]
    for name, words in WORDS.items():
        count = counts.get(name, 0)
        if count or name == "kept":
            documents.append(f"{count:,} {words}")
    return f"{', '.join(documents)}; {plural(counts.get('embedded', 0), 'passage')} embedded"


def rates(documents_per_s: float, passages_per_s: float) -> str:
    """`12.5 documents/s, 31 passages/s`, of what was kept and embedded, without what is 0."""
    known = {"documents": documents_per_s, "passages": passages_per_s}
    return ", ".join(f"{number(rate)} {unit}/s" for unit, rate in known.items() if rate)


def summary(report: IngestReport, of: str = "") -> str:
    """What was read, kept, skipped and failed, how long it took and how fast it was: one line.
    `of` says what it is a report of, where that is not clear."""
    whose = f"{report.corpus}, {of}" if of else report.corpus
    failed = f", {report.failed:,} failed" if report.failed else ""
    told = f"{whose}: {plural(report.files, 'file')}{failed}; {counted(report.to_dict())}"
    told += f"; {seconds(report.seconds)}"
    if report.seconds and (report.kept or report.embedded):
        fast = rates(report.kept / report.seconds, report.embedded / report.seconds)
        told += f" ({fast})"
    return one_line(told)


def tell_rejections(report: IngestReport) -> None:
    """A line on stderr for each record that was rejected, as far as they were kept."""
    for where, reason in report.rejections:
        note(f"rejected: {where}: {reason}")
    untold = report.rejected - len(report.rejections)
    if report.rejections and untold > 0:
        note(f"and {untold:,} more were rejected")


def wrong_with(file: JobFile) -> str:
    """What is wrong with a file; most readers name it themselves."""
    reason = file.reason.removeprefix(f"{Path(file.path).name}: ")
    return one_line(f"{file.path}: {reason}")
