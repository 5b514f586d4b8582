"""Files that a corpus was read from, and that are not there any more.

What came from them stays until somebody asks to have it removed: a disk that is not mounted must
not cost a library. Where a file's folder is not there either, or is empty, that may be the reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vademecum.corpora.readers.stream import printable
from vademecum.ingest.urls import is_url


@dataclass(frozen=True, slots=True)
class Gone:
    """Files that are not there any more, and the folders that they are gone from, of those asked
    about; `empty` are folders below these that hold nothing now, as if a disk was not mounted."""

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()


def gone_from(folders: Iterable[Path], places: Iterable[str]) -> Gone:
    """Of folders that are there, what was read from them and is gone."""
    missing = [place for place in places if is_missing(place)]
    files: set[str] = set()
    empty: set[str] = set()
    of: list[str] = []
    for folder in folders if missing else ():
        found = below(missing, [str(folder)])
        surely, perhaps = surely_gone(found, [str(folder)])
        files.update(found)
        empty.update(map(nearest, perhaps))
        if surely:
            of.append(printable(os.path.normpath(folder.absolute())))
    return Gone(tuple(sorted(files)), tuple(dict.fromkeys(of)), tuple(sorted(empty)))


def folders_of(sources: Iterable[str]) -> list[Path]:
    """Those among what an ingestion is told to read that are folders, and are there."""
    named = (expanded(source) for source in sources if not is_url(source))
    return [path for path in named if path.is_dir()]


def expanded(named: str) -> Path:
    """The path that somebody has written."""
    return Path(os.path.expanduser(named))  # noqa: PTH111 - that of `Path` fails for unknown users


def is_missing(place: str) -> bool:
    """Whether a place is a file's, and no file is there. A link is there wherever it leads; of a
    name that had to be written down otherwise than it is nobody knows."""
    if is_url(place) or "\\ud" in place:
        return False
    try:
        Path(place).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False  # reading it will say what is wrong
    return False


def below(places: Iterable[str], named: Iterable[str]) -> list[str]:
    """Those that are one of these files, folders and addresses, or lie in one of the folders,
    through whatever links and however they are written."""
    wanted = list(named)
    addresses = {name for name in wanted if is_url(name)}
    spelled = _Spellings()
    roots: set[Path] = set()
    for path in (expanded(name) for name in wanted if not is_url(name)):
        roots |= {*spelled.of(path), _comparable(path.resolve())}
    return [
        place
        for place in places
        if place in addresses
        or (
            not is_url(place)
            and any({path, *path.parents} & roots for path in spelled.of(Path(place)))
        )
    ]


def surely_gone(missing: Iterable[str], folders: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """Files that are not there, in a folder that is there and holds something; and the others.

    In one of `folders` it is enough that the nearest folder that is there holds something.
    """
    surely: list[str] = []
    perhaps: list[str] = []
    alive: dict[Path, bool] = {}
    for place in missing:
        folder = Path(place).parent
        if folder not in alive:
            alive[folder] = _is_alive(folder, folders)
        (surely if alive[folder] else perhaps).append(place)
    return surely, perhaps


def nearest(place: str) -> str:
    """The nearest folder of a file that is there; "" where none is."""
    return next((str(path) for path in Path(place).parents if path.is_dir()), "")


def _is_alive(folder: Path, folders: Sequence[str]) -> bool:
    there = nearest(str(folder / "file"))
    if not there or (Path(there) != folder and not below([there], folders)):
        return False
    try:
        return next(Path(there).iterdir(), None) is not None
    except OSError:
        return False


class _Spellings:
    """How a path may be written: without "..", and with the links in its folder followed."""

    def __init__(self) -> None:
        self._real: dict[Path, Path] = {}

    def of(self, path: Path) -> set[Path]:
        whole = path.absolute()
        if whole.parent not in self._real:
            self._real[whole.parent] = whole.parent.resolve()
        return {
            _comparable(Path(os.path.normpath(whole))),
            _comparable(self._real[whole.parent] / whole.name),
        }


def _comparable(path: Path) -> Path:
    return Path(os.path.normcase(printable(str(path))))
