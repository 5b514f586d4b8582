"""What people name on the command line, as files to read."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from vademecum.assets import SAMPLE_PUBMED, fetch
from vademecum.corpora.readers import reader_for, suffixes
from vademecum.corpora.readers.stream import printable
from vademecum.corpora.revision import file_number
from vademecum.errors import DocumentRejected, UsageError
from vademecum.ingest.eutils import Search
from vademecum.ingest.plan import SAMPLE_SIZE, Plan
from vademecum.ingest.pubmed_source import PubmedFiles
from vademecum.ingest.urls import fetch_url, fetched, is_url
from vademecum.ingest.web import Web
from vademecum.progress import Progress, Silent

SAMPLE = "pubmed-sample"
PUBMED = "pubmed"
WORDS = (SAMPLE, PUBMED)
COMPANIONS = (".md5", "fields.toml")  # they say something of the file that they lie beside
NAMED = 5  # files that are passed over


def resolve(
    paths: Sequence[str],
    *,
    progress: Progress | None = None,
    web: Web | None = None,
    taken: Collection[str] = (),
    query: str | None = None,
    limit: int | None = None,
) -> Plan:
    """Files and folders, of which is taken what a reader takes, addresses, a word, or a query.

    `pubmed-sample` is fetched on first use; of it the newest abstracts are taken. `pubmed` is all
    that NLM publishes, less the files in `taken`; `query` a search of PubMed, of which `limit`
    records are wanted. `web` fetches what is not here. Raises UsageError where nothing
    is there to read, SourceUnavailable, and what `assets.fetch` raises.
    """
    online = web or Web(progress=progress)
    sources = online.settings.home / "sources"
    if query is not None:
        if paths:
            raise UsageError("a query cannot be mixed with files", "run the command once for each")
        return replace(Search(online, sources / "eutils").plan(query, limit), query=query)
    if not paths:
        raise UsageError(
            "nothing to read was named", f"name files or folders, {PUBMED} or {SAMPLE}"
        )
    if SAMPLE in paths and not Path(SAMPLE).exists():
        if len(paths) > 1:
            raise UsageError(
                f"{SAMPLE} cannot be mixed with files", "run the command once for each of them"
            )
        file = fetch(SAMPLE_PUBMED, progress=progress or Silent())
        return Plan((file,), newest=SAMPLE_SIZE, sources=(SAMPLE,))
    if PUBMED in paths and not Path(PUBMED).exists():
        if len(paths) > 1:
            raise UsageError(
                f"{PUBMED} cannot be mixed with files", "run the command once for each of them"
            )
        return replace(PubmedFiles(online, sources / PUBMED).plan(taken), sources=(PUBMED,))
    files: dict[Path, Path] = {}
    addresses: dict[Path, str] = {}
    unavailable: dict[Path, str] = {}
    passed_over: list[Path] = []
    for named in paths:
        if is_url(named):
            # Alone, one that cannot be had ends it; among others it is a file that failed.
            if len(paths) == 1:
                file, missing = fetch_url(named, sources / "urls", online), ""
            else:
                file, missing = fetched(named, sources / "urls", online)
            files.setdefault(file.resolve(), file)
            addresses[file] = named
            if missing:
                unavailable[file] = missing
            continue
        path = _named(named)
        if not path.is_dir() and not _readable(path):
            passed_over.append(path)
            continue
        for file in _walk(path, progress or Silent()) if path.is_dir() else [path]:
            files.setdefault(file.resolve(), file)  # each file once, however often it is named
    if passed_over and not files:
        raise _of_no_kind(passed_over)
    if (others := _no_companions(passed_over)) and progress:
        progress.note(f"passed over, of no kind that can be read: {_some(others)}")
    return Plan(
        in_order(files.values()),
        addresses=addresses,
        unavailable=unavailable,
        sources=tuple(paths),
    )


def require(paths: Sequence[str]) -> None:
    """Raise UsageError now for what `resolve` would refuse anyway: a path that is not there, or
    nothing but files that no reader takes."""
    local = [_named(named) for named in paths if named not in WORDS and not is_url(named)]
    if local and len(local) == len(paths) and not any(p.is_dir() or _readable(p) for p in local):
        raise _of_no_kind(local)


def in_order(files: Iterable[Path]) -> tuple[Path, ...]:
    """NLM's numbered files by their numbers, in the places that they have among the others.

    A revision or a deletion in a later file is about records in earlier ones.
    """
    given = list(files)
    places = [at for at, path in enumerate(given) if file_number(path.name)]
    numbered = sorted((given[at] for at in places), key=lambda path: file_number(path.name) or (0,))
    for at, path in zip(places, numbered, strict=True):
        given[at] = path
    return tuple(given)


def _named(named: str) -> Path:
    """The file or folder of that name. Raises UsageError where there is none that can be read."""
    path = Path(os.path.expanduser(named))  # noqa: PTH111 - that of `Path` fails for unknown users
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise UsageError(
            f"there is no file or folder {named!r}", f"check the path, or use the word {SAMPLE}"
        ) from error
    except OSError as error:
        raise UsageError(
            f"{named[:100]!r} cannot be looked at: {error.strerror}",
            "check the path and the permissions of the folders on it",
        ) from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise UsageError(
            f"{named!r} is a pipe, a device or a socket, not a file",
            "save what comes from it to a file, and name that",
        )
    return path


def readable_below(folder: Path) -> list[Path]:
    """What can be read in a folder and below, by path; hidden files and folders left out."""
    return [path for path in _files_below(folder) if _readable(path)]


def _files_below(
    folder: Path,
    refused: Callable[[OSError], object] | None = None,
    linked: list[Path] | None = None,
) -> list[Path]:
    """`refused` hears of folders that cannot be looked into, `linked` takes links to folders, which
    are not followed: they may lead round in a circle."""
    found: list[Path] = []
    folders = [str(folder)]
    while folders:  # one by one, however deep: `os.walk` calls itself, a thousand times at most
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif linked is not None and entry.is_symlink() and Path(entry.path).is_dir():
                        linked.append(Path(entry.path))
                    else:
                        found.append(Path(entry.path))
        except OSError as error:
            if refused is not None:
                refused(error)
    return sorted(found)


def _walk(folder: Path, progress: Progress) -> list[Path]:
    linked: list[Path] = []
    files = _files_below(
        folder,
        lambda error: progress.note(
            f"{printable(str(error.filename))}: passed over, it cannot be looked into: "
            f"{error.strerror}"
        ),
        linked,
    )
    if linked:
        progress.note(
            f"{folder}: passed over, links to folders: {_some(sorted(linked))}; name those to "
            "have them read"
        )
    found = [path for path in files if _readable(path)]
    if not found:
        raise UsageError(f"the folder {folder} holds no file that can be read", _kinds())
    taken = set(found)
    others = _no_companions(path for path in files if path not in taken)
    if nowhere := [path for path in others if path.is_symlink() and not path.exists()]:
        progress.note(f"{folder}: passed over, links to what is not there: {_some(nowhere)}")
    if others := [path for path in others if path not in nowhere]:
        progress.note(f"{folder}: passed over, of no kind that can be read: {_some(others)}")
    return found


def _no_companions(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if not path.name.endswith(COMPANIONS)]


def _of_no_kind(paths: Sequence[Path]) -> UsageError:
    """Of files that were named, none has a reader."""
    what = "is of no kind" if len(paths) == 1 else "are of no kind"
    return UsageError(f"{_some(paths)} {what} that can be read", _kinds())


def _kinds() -> str:
    plain = [suffix for suffix in suffixes() if not suffix.endswith(".gz")]
    return f"files that can be read end in {', '.join(plain)}; some of them also in .gz"


def _some(paths: Sequence[Path]) -> str:
    """The names of the first few, and how many more there are."""
    names = ", ".join(printable(path.name) for path in paths[:NAMED])
    return names + (f" and {len(paths) - NAMED:,} more" if len(paths) > NAMED else "")


def _readable(path: Path) -> bool:
    try:
        reader_for(path)
    except DocumentRejected:
        return False
    return path.is_file()
