"""Single addresses become files that a reader takes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ingest_support import FakeEmbedder
from site_support import Site, cut_after, serving

from vademecum.corpora.library import Library
from vademecum.errors import SourceUnavailable
from vademecum.ingest.again import failed_of, left_of
from vademecum.ingest.pipeline import ingest, resume
from vademecum.ingest.sources import resolve
from vademecum.ingest.urls import is_url
from vademecum.ingest.web import Web
from vademecum.settings import Settings

NOTE = "# Aspirin\n\nAspirin lowers the risk of a second stroke.\n"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with serving() as served:
        yield served


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with Web(settings=Settings(home=tmp_path, offline=False), wait=lambda _: None) as opened:
        yield opened


def test_what_is_an_address() -> None:
    assert is_url("https://example.org/a.md")
    assert is_url("HTTP://example.org")
    assert not is_url("papers/https.md")
    assert not is_url("file:///etc/passwd")


def test_a_page_is_read_and_cited_by_its_address(site: Site, web: Web, tmp_path: Path) -> None:
    site.files["/notes/aspirin.md"] = NOTE.encode()
    url = f"{site.url}/notes/aspirin.md"
    site.faults += [cut_after(10), None]
    plan = resolve([url], web=web)
    with Library.open(tmp_path / "library") as library:
        report = ingest(library, "web", plan, FakeEmbedder())
        assert (report.kept, report.failed_files) == (1, [])
        [doc_id] = library._store.doc_ids(1)
        document = library.document(doc_id, "web")
        assert document is not None
        assert document.url == url
        assert "second stroke" in document.text


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("/paper", "text/plain; charset=utf-8", "paper.txt"),
        ("/", "text/plain", "127.0.0.1.txt"),
        ("/a%2F..%2F..%2Fb.txt", "text/plain", "a-..-..-b.txt"),
        ("/record.xml", "text/plain", "record.xml"),
        ("/unknown", "application/x-thing", "unknown"),
    ],
)
def test_the_name_says_the_kind_and_stays_in_its_folder(
    site: Site, web: Web, tmp_path: Path, path: str, kind: str, name: str
) -> None:
    site.files[path] = NOTE.encode()
    site.headers[path] = {"Content-Type": kind}
    [file] = resolve([site.url + path], web=web).files
    assert file.name == name
    assert file.parent.parent == tmp_path / "sources" / "urls"
    assert [found.name for found in file.parent.iterdir()] == [name]


def test_addresses_and_files_mix_and_come_once(site: Site, web: Web, tmp_path: Path) -> None:
    site.files["/a.txt"] = b"From there."
    (tmp_path / "b.txt").write_text("From here.")
    url = f"{site.url}/a.txt"
    plan = resolve([url, str(tmp_path / "b.txt"), url], web=web)
    assert [path.name for path in plan.files] == ["a.txt", "b.txt"]


def test_an_address_that_is_not_there_is_a_failed_file_and_the_rest_is_read(
    site: Site, web: Web, tmp_path: Path
) -> None:
    site.files["/there.md"] = NOTE.encode()
    (tmp_path / "b.txt").write_text("From here.")
    url = f"{site.url}/later.md"
    plan = resolve([url, f"{site.url}/there.md", str(tmp_path / "b.txt")], web=web)
    with Library.open(tmp_path / "library") as library:
        report = ingest(library, "web", plan, FakeEmbedder())
        assert (report.state, report.kept, report.failed) == ("failed", 2, 1)
        [(_, reason)] = report.failed_files
        assert url in reason
        assert "404" in reason
        for answer, state, documents in ((None, "failed", 2), (b"Here at last.", "done", 3)):
            if answer:
                site.files["/later.md"] = answer
            [job] = library.jobs()
            report = resume(library, failed_of(library, job, web), FakeEmbedder())
            assert (report.state, report.job) == (state, job.id)
            assert library.corpus("web").documents == documents


def test_an_address_that_went_does_not_hinder_a_job_that_goes_on(
    site: Site, web: Web, tmp_path: Path
) -> None:
    site.files["/a.md"] = NOTE.encode()
    (tmp_path / "b.txt").write_text("From here.")
    plan = resolve([f"{site.url}/a.md", str(tmp_path / "b.txt")], web=web)
    stop = threading.Event()
    stop.set()
    with Library.open(tmp_path / "library") as library:
        assert ingest(library, "web", plan, FakeEmbedder(), stop=stop).state == "interrupted"
        del site.files["/a.md"]
        plan.files[0].unlink()
        report = resume(library, left_of(library, library.jobs()[0], web), FakeEmbedder())
        assert (report.state, report.kept, report.failed) == ("failed", 1, 1)


def test_what_was_fetched_before_is_not_taken_for_what_is_not_there(
    site: Site, web: Web, tmp_path: Path
) -> None:
    site.files["/a.md"] = NOTE.encode()
    (tmp_path / "b.txt").write_text("From here.")
    sources = [f"{site.url}/a.md", str(tmp_path / "b.txt")]
    with Library.open(tmp_path / "library") as library:
        assert ingest(library, "web", resolve(sources, web=web), FakeEmbedder()).kept == 2
        del site.files["/a.md"]
        report = ingest(library, "web", resolve(sources, web=web), FakeEmbedder())
        assert (report.state, report.unchanged, report.failed) == ("failed", 1, 1)
        assert library.corpus("web").documents == 2


def test_an_address_alone_that_is_not_there_begins_no_job(site: Site, web: Web) -> None:
    with pytest.raises(SourceUnavailable, match="404"):
        resolve([f"{site.url}/nothing.md"], web=web)


def test_nobody_is_asked_offline(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.files["/a.txt"] = b"x"
    monkeypatch.setenv("VADEMECUM_OFFLINE", "1")
    with pytest.raises(SourceUnavailable, match="VADEMECUM_OFFLINE"):
        resolve([f"{site.url}/a.txt"])
    assert site.asked == []
