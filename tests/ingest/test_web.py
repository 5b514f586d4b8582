"""What comes from the network is whole or is not taken."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from site_support import Fault, Site, claims, cut_after, hang_up, serving, status, without_length

from vademecum.errors import SourceUnavailable, UsageError
from vademecum.ingest.web import TRIES, Web
from vademecum.settings import Settings

BODY = random.Random(0).randbytes(300_000)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with serving() as served:
        served.files["/file.bin"] = BODY
        yield served


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
def web(tmp_path: Path, waited: list[float]) -> Iterator[Web]:
    with Web(settings=Settings(home=tmp_path, offline=False), wait=waited.append) as opened:
        yield opened


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives(site: Site, web: Web, tmp_path: Path) -> None:
    web.download(f"{site.url}/file.bin", tmp_path / "new" / "file.bin")
    assert (tmp_path / "new" / "file.bin").read_bytes() == BODY
    assert left(tmp_path / "new") == ["file.bin"]


def test_what_was_cut_goes_on_where_it_was(
    site: Site, web: Web, tmp_path: Path, waited: list[float]
) -> None:
    site.faults += [cut_after(100_000), hang_up, None]
    web.download(f"{site.url}/file.bin", tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == BODY
    ranges = [asked.range for asked in site.asked]
    assert ranges[0] == ""
    assert ranges[1] == ranges[2]
    assert 0 < int(ranges[2].removeprefix("bytes=").rstrip("-")) <= 100_000
    assert len(waited) == 2


def test_another_run_goes_on_from_what_the_last_one_left(
    site: Site, web: Web, tmp_path: Path
) -> None:
    site.faults += [cut_after(200_000)] + [hang_up] * (TRIES + 1)
    with pytest.raises(SourceUnavailable, match="cannot be fetched"):
        web.download(f"{site.url}/file.bin", tmp_path / "file.bin")
    assert not (tmp_path / "file.bin").exists()
    site.faults.clear()
    site.asked.clear()
    web.download(f"{site.url}/file.bin", tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == BODY
    assert [asked.range != "" for asked in site.asked] == [True]


def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(
    site: Site, web: Web, tmp_path: Path
) -> None:
    site.faults += [cut_after(100_000), None]
    site.files["/file.bin"] = BODY
    site.etags["/file.bin"] = '"two"'
    web.download(f"{site.url}/file.bin", tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == BODY


def test_a_part_longer_than_the_file_is_dropped(site: Site, web: Web, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(BODY + b"more")
    (tmp_path / "file.bin.part.tag").write_text('"\\"one\\""')
    web.download(f"{site.url}/file.bin", tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == BODY


def test_a_length_that_is_too_long_is_not_believed(site: Site, web: Web, tmp_path: Path) -> None:
    site.faults += [claims(len(BODY) + 1000), None, None]
    web.download(f"{site.url}/file.bin", tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == BODY


def test_nothing_is_taken_of_a_server_that_always_lies(
    site: Site, web: Web, tmp_path: Path
) -> None:
    site.faults += [claims(len(BODY) + 1000)] * 200
    with pytest.raises(SourceUnavailable, match=r"cut|cannot be fetched"):
        web.download(f"{site.url}/file.bin", tmp_path / "file.bin")
    assert not (tmp_path / "file.bin").exists()


def test_a_busy_server_is_asked_again_when_it_says(
    site: Site, web: Web, tmp_path: Path, waited: list[float]
) -> None:
    site.faults += [status(503), status(429, Retry_After="7"), None]
    web.download(f"{site.url}/file.bin", tmp_path / "file.bin")
    assert waited == [2.0, 7.0]
    site.faults += [status(503), None]
    site.files["/text"] = "é".encode()
    assert web.text(f"{site.url}/text") == "é"


@pytest.mark.parametrize("code", [401, 404, 410])
def test_a_refusal_is_said_at_once(site: Site, web: Web, tmp_path: Path, code: int) -> None:
    site.faults += [status(code)]
    with pytest.raises(SourceUnavailable, match=f"{code}"):
        web.download(f"{site.url}/file.bin?key=secret", tmp_path / "file.bin")
    assert len(site.asked) == 1


def test_what_stands_behind_a_question_mark_is_not_told(site: Site, web: Web) -> None:
    site.faults += [status(404)]
    with pytest.raises(SourceUnavailable) as refused:
        web.text(f"{site.url}/x?api_key=secret")
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("fault", [None, without_length])
def test_what_is_too_large_is_refused_and_leaves_nothing(
    site: Site, web: Web, tmp_path: Path, fault: Fault | None
) -> None:
    site.faults += [fault]
    with pytest.raises(SourceUnavailable, match="MB"):
        web.download(f"{site.url}/file.bin", tmp_path / "file.bin", most=1000)
    assert list(tmp_path.glob("file.bin*")) == []


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "http://", "http://[::1/x"])
def test_an_address_that_is_none_is_wrong_usage(web: Web, tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError):
        web.download(url, tmp_path / "x")


def test_nobody_is_asked_offline(site: Site, tmp_path: Path) -> None:
    with Web(settings=Settings(home=tmp_path, offline=True)) as web:
        for ask in (
            lambda: web.text(f"{site.url}/file.bin"),
            lambda: web.text(f"{site.url}/file.bin", data={"a": "b"}),
            lambda: web.download(f"{site.url}/file.bin", tmp_path / "x"),
        ):
            with pytest.raises(SourceUnavailable, match="VADEMECUM_OFFLINE"):
                ask()
    assert site.asked == []
