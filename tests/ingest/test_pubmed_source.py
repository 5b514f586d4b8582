"""NLM's baseline and daily updates, from a server that behaves like its own and worse."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from ingest_support import FakeEmbedder, article, deletion, write_pubmed
from site_support import Site, cut_after, hang_up, serving, status

from vademecum.corpora.library import Library
from vademecum.errors import SourceUnavailable, UsageError
from vademecum.ingest.again import failed_of, left_of
from vademecum.ingest.pipeline import ingest, resume
from vademecum.ingest.report import IngestReport
from vademecum.ingest.sources import resolve
from vademecum.ingest.web import Web
from vademecum.progress import Silent
from vademecum.settings import Settings

NAME = "pubmed"


class Nlm:
    """The two folders as NLM's server shows them."""

    def __init__(self, site: Site, work: Path) -> None:
        self.site = site
        self.work = work
        for folder in ("baseline", "updatefiles"):
            self.site.files[f"/pubmed/{folder}/"] = b"<html><a href='../'>up</a>"

    def put(self, folder: str, name: str, *records: str) -> bytes:
        data = write_pubmed(self.work / name, *records).read_bytes()
        self.site.files[f"/pubmed/{folder}/{name}"] = data
        digest = hashlib.md5(data).hexdigest()
        self.site.files[f"/pubmed/{folder}/{name}.md5"] = f"MD5({name})= {digest}\n".encode()
        listing = f'<a href="{name}">{name}</a> <a href="{name}.md5">{name}.md5</a>\n'
        self.site.files[f"/pubmed/{folder}/"] += listing.encode()
        return data

    def fetched(self) -> list[str]:
        """Names of the data files that were asked for since the last call, each once."""
        names = [asked.path.rpartition("/")[2] for asked in self.site.asked]
        self.site.asked.clear()
        return list(dict.fromkeys(name for name in names if name.endswith(".gz")))


@pytest.fixture
def nlm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nlm]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nlm").mkdir()
    with serving() as site:
        monkeypatch.setenv("VADEMECUM_PUBMED_URL", f"{site.url}/pubmed")
        found = Nlm(site, tmp_path / "nlm")
        # A server lists by name; the order must not depend on it.
        found.put("updatefiles", "pubmed26n0003.xml.gz", article(1, "New."), deletion(2))
        found.put("baseline", "pubmed26n0002.xml.gz", article(2), article(3))
        found.put("baseline", "pubmed26n0001.xml.gz", article(1, "Old."))
        yield found


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library") as opened:
        yield opened


def run(library: Library, home: Path, limit: int | None = None) -> IngestReport:
    settings = Settings(home=home, offline=False)
    with Web(settings=settings, wait=lambda _: None) as web:
        plan = resolve(["pubmed"], web=web, taken=library.taken(NAME))
        return ingest(library, NAME, plan, FakeEmbedder(), limit=limit)


def held(library: Library) -> dict[str, str]:
    documents = library.documents(NAME, library._store.doc_ids(1))
    return {doc_id: document.text for doc_id, document in documents.items()}


ALL = {"pmid:1": "New.", "pmid:3": "Aspirin lowers the risk in trial 3."}


def test_baseline_and_updates_come_in_order_and_once(
    nlm: Nlm, library: Library, tmp_path: Path
) -> None:
    report = run(library, tmp_path)
    names = [f"pubmed26n000{number}.xml.gz" for number in (1, 2, 3)]
    assert nlm.fetched() == names
    assert held(library) == ALL
    assert (report.files, report.failed_files) == (3, [])
    assert library.taken(NAME) == set(names)
    assert list((tmp_path / "sources" / "pubmed").iterdir()) == []  # 52 GB need no place
    nlm.put("updatefiles", "pubmed26n0004.xml.gz", article(4, "Today."))
    assert run(library, tmp_path).kept == 1
    assert nlm.fetched() == ["pubmed26n0004.xml.gz"]
    assert run(library, tmp_path).files == 0
    assert nlm.fetched() == []
    assert library.verify(NAME).sound


def test_a_file_that_a_killed_run_could_not_remove_goes_with_the_next(
    nlm: Nlm, library: Library, tmp_path: Path
) -> None:
    run(library, tmp_path)
    left = tmp_path / "sources" / "pubmed" / "pubmed26n0001.xml.gz"
    left.write_bytes(b"all of it is in the library")
    nlm.put("updatefiles", "pubmed26n0004.xml.gz", article(4))
    assert run(library, tmp_path).state == "done"
    assert list(left.parent.iterdir()) == []


def test_cuts_and_a_busy_server_cost_nothing(nlm: Nlm, library: Library, tmp_path: Path) -> None:
    nlm.site.faults += [status(503), None, hang_up, None, None, cut_after(100), None, None]
    run(library, tmp_path)
    assert held(library) == ALL


def test_a_file_with_a_wrong_checksum_is_not_taken_and_comes_again(
    nlm: Nlm, library: Library, tmp_path: Path
) -> None:
    path = "/pubmed/baseline/pubmed26n0002.xml.gz"
    sound = nlm.site.files[path]
    nlm.site.files[path] = gzip.compress(b"<PubmedArticleSet></PubmedArticleSet>")
    report = run(library, tmp_path)
    [(name, reason)] = report.failed_files
    assert name.endswith("pubmed26n0002.xml.gz")
    assert "MD5" in reason
    assert held(library) == {"pmid:1": "New."}
    nlm.site.files[path] = sound
    nlm.fetched()
    run(library, tmp_path)
    assert nlm.fetched() == ["pubmed26n0002.xml.gz"]
    assert held(library) == ALL  # the deletion in file 3 was remembered


def test_a_server_that_goes_away_leaves_a_job_that_goes_on(
    nlm: Nlm, library: Library, tmp_path: Path
) -> None:
    nlm.site.faults += [None, None, None, None] + [hang_up] * 20
    with pytest.raises(SourceUnavailable):
        run(library, tmp_path)
    assert [job.state for job in library.jobs()] == ["failed"]
    nlm.site.faults.clear()
    run(library, tmp_path)
    assert held(library) == ALL


def test_a_limit_takes_no_file_that_it_ended(nlm: Nlm, library: Library, tmp_path: Path) -> None:
    assert run(library, tmp_path, limit=2).read == 2
    assert library.taken(NAME) == {"pubmed26n0001.xml.gz"}
    run(library, tmp_path)
    assert held(library) == ALL


def test_a_new_year_begins_with_its_baseline(nlm: Nlm, library: Library, tmp_path: Path) -> None:
    run(library, tmp_path)
    nlm.fetched()
    nlm.put("baseline", "pubmed27n0001.xml.gz", article(1, "New."), article(3))
    nlm.put("updatefiles", "pubmed27n0002.xml.gz", article(5, "Next year."))
    run(library, tmp_path)
    assert nlm.fetched() == ["pubmed27n0001.xml.gz", "pubmed27n0002.xml.gz"]
    assert held(library) == {**ALL, "pmid:5": "Next year."}


def test_files_that_were_read_from_a_folder_are_taken(
    nlm: Nlm, library: Library, tmp_path: Path
) -> None:
    ingest(library, NAME, resolve([str(nlm.work)]), FakeEmbedder())
    assert run(library, tmp_path).files == 0
    assert nlm.fetched() == []


def test_a_sample_takes_no_file(nlm: Nlm, library: Library, tmp_path: Path) -> None:
    from vademecum.ingest.plan import Plan

    path = nlm.work / "pubmed26n0002.xml.gz"
    ingest(library, NAME, Plan((path,), newest=1), FakeEmbedder())
    assert library.taken(NAME) == set()
    assert library.taken("none of that name") == set()


def test_a_mirror_without_files_says_so(nlm: Nlm, library: Library, tmp_path: Path) -> None:
    for folder in ("baseline", "updatefiles"):
        nlm.site.files[f"/pubmed/{folder}/"] = b"<html>Welcome</html>"
    with pytest.raises(SourceUnavailable, match="lists no files"):
        run(library, tmp_path)


def test_it_stands_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="cannot be mixed"):
        resolve(["pubmed", "a.txt"])


def test_nothing_is_fetched_offline(
    nlm: Nlm, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VADEMECUM_OFFLINE", "1")
    with pytest.raises(SourceUnavailable, match="VADEMECUM_OFFLINE"):
        resolve(["pubmed"], taken=library.taken(NAME))
    assert nlm.site.asked == []


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def test_a_file_without_a_checksum_is_taken_and_told(
    nlm: Nlm, library: Library, tmp_path: Path
) -> None:
    del nlm.site.files["/pubmed/baseline/pubmed26n0002.xml.gz.md5"]
    notes = Notes()
    with Web(
        settings=Settings(home=tmp_path, offline=False), progress=notes, wait=lambda _: None
    ) as web:
        plan = resolve(["pubmed"], web=web)
        report = ingest(library, NAME, plan, FakeEmbedder())
    assert report.failed_files == []
    assert held(library) == ALL
    [said] = notes.said
    assert said.startswith("pubmed26n0002.xml.gz.md5 is not on the server")


def go_on(library: Library, home: Path) -> IngestReport:
    with Web(settings=Settings(home=home, offline=False), wait=lambda _: None) as web:
        work = left_of(library, library.jobs()[0], web)
        return resume(library, work, FakeEmbedder())


def test_a_job_that_lost_the_server_fetches_only_what_it_had_not_read(
    nlm: Nlm, library: Library, tmp_path: Path
) -> None:
    nlm.site.faults += [None, None, None, None] + [hang_up] * 20
    with pytest.raises(SourceUnavailable):
        run(library, tmp_path)
    nlm.site.faults.clear()
    nlm.fetched()
    nlm.put("updatefiles", "pubmed26n0004.xml.gz", article(4))  # not of this job
    report = go_on(library, tmp_path)
    assert (report.state, report.files) == ("done", 3)
    assert nlm.fetched() == ["pubmed26n0002.xml.gz", "pubmed26n0003.xml.gz"]
    assert held(library) == ALL


def test_a_job_goes_on_where_the_home_was_moved_and_a_folder_has_the_name(
    nlm: Nlm, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nlm.site.faults += [None, None, None, None] + [hang_up] * 20
    with pytest.raises(SourceUnavailable):
        run(library, tmp_path)
    nlm.site.faults.clear()
    (tmp_path / "here" / "pubmed").mkdir(parents=True)
    (tmp_path / "here" / "pubmed" / "a.txt").write_text("Mine.")
    monkeypatch.chdir(tmp_path / "here")
    assert go_on(library, tmp_path / "moved").state == "done"
    assert held(library) == ALL


def test_a_folder_of_the_name_is_gone_on_with_as_a_folder(
    nlm: Nlm, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pubmed" / "a.xml"
    path.parent.mkdir()
    path.write_text("<PubmedArticleSet>")
    monkeypatch.chdir(tmp_path)
    assert ingest(library, NAME, resolve(["pubmed"]), FakeEmbedder()).state == "failed"
    monkeypatch.chdir(tmp_path.parent)
    write_pubmed(path, article(7))
    with Web(settings=Settings(home=tmp_path, offline=True)) as web:
        work = failed_of(library, library.jobs()[0], web)
    assert resume(library, work, FakeEmbedder()).state == "done"
    assert nlm.site.asked == []


def test_a_file_that_is_gone_from_the_server_fails_and_the_rest_goes_on(
    nlm: Nlm, library: Library, tmp_path: Path
) -> None:
    nlm.site.faults += [None, None, None, None] + [hang_up] * 20
    with pytest.raises(SourceUnavailable):
        run(library, tmp_path)
    nlm.site.faults.clear()
    listing = nlm.site.files["/pubmed/baseline/"]
    nlm.site.files["/pubmed/baseline/"] = listing.replace(b"pubmed26n0002", b"pubmed25n0002")
    report = go_on(library, tmp_path)
    [(name, reason)] = report.failed_files
    assert name.endswith("pubmed26n0002.xml.gz")
    assert "does not list it any more" in reason
    assert held(library) == {"pmid:1": "New."}
