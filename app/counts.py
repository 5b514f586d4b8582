"""What an ingestion did, in the same words wherever it is told: `ingest`, `jobs` and the demo."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vademecum.app.console import amount, note, one_line, plural, seconds

if TYPE_CHECKING:
    from vademecum.corpora.jobs import JobFile
    from vademecum.ingest.report import IngestReport

NAMED = 5  # places of rejected records, files that are gone

# The counts of a report, in reading order, and what each is called behind its number.
WORDS = {
    "kept": "kept",
    "skipped": "there already",
    "passed_over": "older than those",
    "superseded": "gave way to another record",
    "titles_only": "of them titles only",
    "deleted": "deleted",
    "displaced": "of earlier versions gone",
    "rejected": "rejected",
}


def counted(counts: Mapping[str, Any]) -> str:
    """`5 documents read, 3 kept, 2 there already; 7 passages embedded`: what is not 0, and how many
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
    return ", ".join(f"{amount(rate, unit)}/s" for unit, rate in known.items() if rate)


def summary(report: IngestReport, of: str = "") -> str:
    """What was passed over, read, kept and failed, how long it took and how fast it was: one line.
    `of` says what it is a report of, where that is not clear."""
    whose = f"{report.corpus}, {of}" if of else report.corpus
    files = [plural(report.files, "file")]
    files += [f"{report.unchanged:,} unchanged"] if report.unchanged else []
    files += [f"{report.failed:,} failed"] if report.failed else []
    all_known = report.unchanged == report.files > 0
    did = "nothing was to be read" if all_known else counted(report.to_dict())
    told = f"{whose}: {', '.join(files)}; {did}; {seconds(report.seconds)}"
    if report.seconds and (report.kept or report.embedded):
        fast = rates(report.kept / report.seconds, report.embedded / report.seconds)
        told += f" ({fast})"
    return one_line(told)


def tell_rejections(report: IngestReport) -> None:
    """A line on stderr for each reason for which records were rejected, as far as they were
    kept."""
    for reason, places in _by_reason(report.rejections).items():
        more = f" and {len(places) - NAMED:,} more" if len(places) > NAMED else ""
        note(f"rejected: {'; '.join(places[:NAMED])}{more}: {reason}")
    untold = report.rejected - len(report.rejections)
    if report.rejections and untold > 0:
        note(f"and {untold:,} more were rejected")


def tell_gone(
    corpus: str, count: int, files: Sequence[str], folders: Sequence[str], empty: Sequence[str]
) -> None:
    """On stderr, if files are gone: which they are, as far as they are named, and how what came
    from them is removed."""
    if not count:
        return
    names = few([_within(file, folders) for file in files], count)
    are = "is" if count == 1 else "are"
    note(
        f"{plural(count, 'file')} that {corpus} was read from {are} not there any more: {names}; "
        "what was read stays"
    )
    if folders:
        note(f"to remove it: {forgetting(corpus, ['--gone', *folders])}")
    if empty:
        note(
            "of a folder that is empty, as where no disk is mounted: "
            f"{forgetting(corpus, empty[:NAMED])}"
        )


def forgetting(corpus: str, arguments: Sequence[str]) -> str:
    """The command that removes something from a corpus."""
    return shlex.join(["vademecum", "corpus", "forget", corpus, *arguments])


def few(names: Sequence[str], count: int | None = None) -> str:
    """The first of so many names, and how many more there are."""
    named = names[:NAMED]
    more = (len(names) if count is None else count) - len(named)
    return ", ".join(named) + (f" and {more:,} more" if more else "")


def _within(file: str, folders: Sequence[str]) -> str:
    """A file's path in the folder that it was read from."""
    path = Path(file)
    return next((str(path.relative_to(at)) for at in folders if path.is_relative_to(at)), file)


def wrong_with(files: Iterable[JobFile]) -> list[str]:
    """What is wrong with files: each reason once, with the first file that has it."""
    # Most readers name the file themselves.
    reasons = ((f.path, f.reason.removeprefix(f"{Path(f.path).name}: ")) for f in files if f.reason)
    told = []
    for reason, (first, *others) in _by_reason(reasons).items():
        more = f" and {plural(len(others), 'more file')}" if others else ""
        told.append(one_line(f"{first}{more}: {reason}"))
    return told


def _by_reason(found: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """What was found, with its reason, as lists by the reason."""
    gathered: dict[str, list[str]] = {}
    for what, reason in found:
        gathered.setdefault(reason, []).append(what)
    return gathered
