"""A search of PubMed, with a server that speaks as NLM's does."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ingest_support import FakeEmbedder, article
from site_support import Site, hang_up, serving, status

from vademecum.corpora.library import Library
from vademecum.errors import OutOfSpace, SourceUnavailable, UsageError
from vademecum.ingest.again import failed_of, left_of
from vademecum.ingest.eutils import LEFT_S, MOST, PAGE, RATE, RATE_WITH_KEY, Pace, Search
from vademecum.ingest.pipeline import ingest, resume
from vademecum.ingest.sources import resolve
from vademecum.ingest.web import Web
from vademecum.settings import Settings


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waited: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds


class Nlm:
    """Finds `count` records for every query; `short` says of how many of them the next pages hold
    no more; those that are `gone` it still finds and lists, but has them no more."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.count = 3
        self.short: list[int] = []
        self.gone: set[int] = set()
        site.answers["/esearch.fcgi"] = self.esearch
        site.answers["/efetch.fcgi"] = self.efetch

    def esearch(self, fields: dict[str, str]) -> bytes:
        if fields["term"].endswith("[uid]"):
            asked = [int(part.removesuffix("[uid]")) for part in fields["term"].split(" OR ")]
            there = [
                str(pmid) for pmid in asked if 0 < pmid <= self.count and pmid not in self.gone
            ]
            found = {"count": str(len(there)), "idlist": there[: int(fields["retmax"])]}
            return json.dumps({"esearchresult": found}).encode()
        result = {"count": str(self.count), "webenv": "MCID_1", "querykey": "1", "idlist": []}
        return json.dumps({"header": {}, "esearchresult": result}).encode()

    def efetch(self, fields: dict[str, str]) -> bytes:
        assert (fields["WebEnv"], fields["query_key"]) == ("MCID_1", "1")
        start, most = int(fields["retstart"]), int(fields["retmax"])
        if fields.get("rettype") == "uilist":
            listed = range(start, min(start + most, self.count))
            return "".join(f"{n + 1}\n" for n in listed).encode()
        if self.short:
            most = min(most, self.short.pop(0))
        found = [n + 1 for n in range(start, min(start + most, self.count))]
        cited = '<CommentsCorrections><PMID Version="1">7</PMID></CommentsCorrections>'
        body = "".join(article(pmid) + cited for pmid in found if pmid not in self.gone)
        return f"<?xml version='1.0'?><PubmedArticleSet>{body}</PubmedArticleSet>\n".encode()

    def fields(self, tool: str) -> list[dict[str, str]]:
        return [asked.fields for asked in self.site.asked if asked.path == f"/{tool}.fcgi"]


@pytest.fixture
def nlm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nlm]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("NCBI_API_KEY", raising=False)
    with serving() as site:
        monkeypatch.setenv("VADEMECUM_EUTILS_URL", site.url)
        yield Nlm(site)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def search(nlm: Nlm, tmp_path: Path, clock: Clock) -> Iterator[Search]:
    with Web(settings=Settings(home=tmp_path, offline=False), wait=clock.wait) as web:
        yield Search(web, tmp_path / "pages", Pace(RATE, clock=clock, wait=clock.wait))


def test_what_a_query_finds_is_read_page_by_page(nlm: Nlm, search: Search, tmp_path: Path) -> None:
    nlm.count = PAGE + 5
    with Library.open(tmp_path / "library") as library:
        plan = search.plan("statins AND dementia")
        assert len(plan.files) == 2
        report = ingest(library, "statins", plan, FakeEmbedder())
        assert (report.read, report.failed_files) == (PAGE + 5, [])
        assert library.corpus("statins").documents == PAGE + 5
    assert nlm.fields("esearch")[0]["term"] == "statins AND dementia"
    assert {fields["db"] for fields in nlm.fields("efetch")} == {"pubmed"}
    assert list((tmp_path / "pages").iterdir()) == []


def test_a_limit_asks_for_no_more(nlm: Nlm, search: Search) -> None:
    nlm.count = 1_000_000
    plan = search.plan("cancer", limit=3)
    search.bring(plan.files[0])
    assert nlm.fields("efetch")[0]["retmax"] == "3"


def test_more_than_nlm_hands_out_is_said(nlm: Nlm, search: Search) -> None:
    nlm.count = MOST + 1
    with pytest.raises(UsageError, match="no more than 9,999"):
        search.plan("cancer")


@pytest.mark.parametrize("query", ["", "  "])
def test_an_empty_query_is_wrong_usage(nlm: Nlm, search: Search, query: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        search.plan(query)
    assert nlm.site.asked == []


def test_nothing_found_and_a_query_not_understood_are_said(nlm: Nlm, search: Search) -> None:
    nlm.count = 0
    with pytest.raises(UsageError, match="finds nothing"):
        search.plan("qqqq")
    wrong = {"esearchresult": {"ERROR": "Unmatched bracket"}}
    nlm.site.answers["/esearch.fcgi"] = lambda _: json.dumps(wrong).encode()
    with pytest.raises(UsageError, match="Unmatched bracket"):
        search.plan("((")


def test_the_rate_is_kept_and_a_key_raises_it(
    nlm: Nlm, search: Search, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nlm.count = 3 * PAGE
    for path in search.plan("cancer").files:
        search.bring(path)
    assert clock.waited == pytest.approx([1 / RATE] * 3)
    assert "api_key" not in nlm.fields("efetch")[0]
    monkeypatch.setenv("NCBI_API_KEY", "k-e-y")
    with Web(settings=Settings(home=tmp_path, offline=False)) as web:
        keyed = Search(web, tmp_path)
        assert keyed._pace._gap == pytest.approx(1 / RATE_WITH_KEY)
        keyed.plan("cancer")
    assert nlm.fields("esearch")[-1]["api_key"] == "k-e-y"
    assert all("k-e-y" not in asked.path for asked in nlm.site.asked)


def test_a_pace_lets_the_late_go_at_once() -> None:
    clock = Clock()
    pace = Pace(10, clock=clock, wait=clock.wait)
    pace.keep()
    clock.now += 5
    pace.keep()
    assert clock.waited == []
    pace.keep()
    assert clock.waited == pytest.approx([0.1])


def test_errors_that_come_as_answers_are_tried_again(
    nlm: Nlm, search: Search, tmp_path: Path
) -> None:
    [path] = search.plan("cancer").files
    answers = [b'{"error":"API rate limit exceeded"}', b"<PubmedArticleSet><PubmedArt"]
    sound = nlm.efetch
    nlm.site.answers["/efetch.fcgi"] = lambda f: answers.pop(0) if answers else sound(f)
    nlm.site.faults += [status(429, Retry_After="1"), hang_up]
    search.bring(path)
    assert path.read_text().rstrip().endswith("</PubmedArticleSet>")


def test_a_page_that_came_short_is_asked_for_again(
    nlm: Nlm, search: Search, tmp_path: Path
) -> None:
    nlm.count, nlm.short = 50, [20]
    with Library.open(tmp_path / "library") as library:
        report = ingest(library, "found", search.plan("statins"), FakeEmbedder())
    assert (report.state, report.read) == ("done", 50)
    assert len(nlm.fields("efetch")) == 2


@pytest.mark.parametrize("short", [[20, 20], [20, 5], [5, 20]])
def test_a_page_that_stays_short_is_read_and_told_and_no_job_is_done_with_it(
    nlm: Nlm, tmp_path: Path, short: list[int]
) -> None:
    nlm.count, nlm.short = 50, short
    with (
        Web(settings=Settings(home=tmp_path, offline=False), wait=lambda _: None) as web,
        Library.open(tmp_path / "library") as library,
    ):
        report = ingest(library, "found", resolve([], web=web, query="x"), FakeEmbedder())
        assert (report.state, report.read) == ("failed", 20)
        [(_, reason)] = report.failed_files
        assert "20 of 50" in reason
        assert "30 are missing" in reason
        assert library.corpus("found").documents == 20
        report = resume(library, failed_of(library, library.jobs()[0], web), FakeEmbedder())
        assert report.state == "done"
        assert library.corpus("found").documents == 50


def test_records_that_were_withdrawn_are_named_and_fail_nothing(
    nlm: Nlm, search: Search, tmp_path: Path
) -> None:
    nlm.count, nlm.gone = PAGE + 5, {7, PAGE + 2, PAGE + 3}
    with Library.open(tmp_path / "library") as library:
        report = ingest(library, "found", search.plan("statins"), FakeEmbedder())
        assert (report.state, report.read, report.rejected) == ("done", PAGE + 2, 3)
        assert [where for where, _ in report.rejections] == ["PMID 7", "PMID 202", "PMID 203"]
        assert "no more" in report.rejections[0][1]
        assert library.corpus("found").documents == PAGE + 2


@pytest.mark.parametrize("gone", [set(), {7, 31}])
def test_a_cut_answer_is_not_taken_for_withdrawn_records(
    nlm: Nlm, search: Search, tmp_path: Path, gone: set[int]
) -> None:
    """Of fifty, twenty come; of the others those are named that no search finds."""
    nlm.count, nlm.gone, nlm.short = 50, gone, [20, 20]
    with Library.open(tmp_path / "library") as library:
        report = ingest(library, "found", search.plan("statins"), FakeEmbedder())
    assert (report.state, report.rejected) == ("failed", len(gone))
    assert f"{30 - len(gone & {31})} are missing" in report.failed_files[0][1]


def uncertain(tool: str, answer: bytes) -> Callable[[Nlm], None]:
    """NLM says that when it is asked which records are missing."""

    def act(nlm: Nlm) -> None:
        sound = nlm.esearch if tool == "esearch" else nlm.efetch

        def answered(fields: dict[str, str]) -> bytes:
            asks = fields.get("rettype") == "uilist" or fields.get("term", "").endswith("[uid]")
            return answer if asks else sound(fields)

        nlm.site.answers[f"/{tool}.fcgi"] = answered

    return act


@pytest.mark.parametrize(
    "act",
    [
        uncertain("efetch", b"<ERROR>Unable to obtain query #1</ERROR>"),
        uncertain("efetch", b""),
        uncertain("efetch", b"1\n2\n"),
        uncertain("esearch", b'{"esearchresult":{"ERROR":"Search Backend failed"}}'),
        uncertain("esearch", b'{"esearchresult":{"count":"0","idlist":[]}}'),
        uncertain("esearch", b'{"esearchresult":{"count":"9","idlist":["1"]}}'),
        uncertain("esearch", b"busy"),
    ],
)
def test_where_it_cannot_be_told_what_is_missing_it_is_missing(
    nlm: Nlm, search: Search, tmp_path: Path, act: Callable[[Nlm], None]
) -> None:
    nlm.count, nlm.gone = 9, {7}
    act(nlm)
    with Library.open(tmp_path / "library") as library:
        report = ingest(library, "found", search.plan("statins"), FakeEmbedder())
    assert (report.state, report.read, report.rejected) == ("failed", 8, 0)
    assert "8 of 9" in report.failed_files[0][1]


def test_no_records_at_all_are_missing_records(nlm: Nlm, search: Search, tmp_path: Path) -> None:
    nlm.count, nlm.short = 50, [0, 0]
    with Library.open(tmp_path / "library") as library:
        report = ingest(library, "found", search.plan("x"), FakeEmbedder())
    assert report.state == "failed"
    assert "0 of 50" in report.failed_files[0][1]


def test_books_are_records_that_came(nlm: Nlm, search: Search, tmp_path: Path) -> None:
    book = "<PubmedBookArticle><BookDocument/></PubmedBookArticle>"
    page = f"<PubmedArticleSet>{article(1)}{book}{article(2)}</PubmedArticleSet>"
    nlm.site.answers["/efetch.fcgi"] = lambda _: page.encode()
    with Library.open(tmp_path / "library") as library:
        report = ingest(library, "found", search.plan("x"), FakeEmbedder())
    assert (report.state, report.read, report.rejected) == ("done", 2, 1)


@pytest.mark.parametrize("cause", [errno.ENOSPC, errno.EFBIG, errno.EROFS])
def test_a_page_for_which_there_is_no_room_is_told(
    nlm: Nlm, search: Search, monkeypatch: pytest.MonkeyPatch, cause: int
) -> None:
    def full(*_: Any) -> int:
        raise OSError(cause, os.strerror(cause))

    [page] = search.plan("x").files
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutOfSpace, match=os.strerror(cause)) as told:
        search.bring(page)
    assert "free some space" in told.value.hint


def test_a_key_is_not_told_where_nlm_repeats_it(
    nlm: Nlm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setenv("NCBI_API_KEY", "k-e-y")
    nlm.site.answers["/esearch.fcgi"] = lambda _: b'{"error":"API key invalid: k-e-y"}'
    settings = Settings(home=tmp_path, offline=False)
    with (
        Web(settings=settings, wait=clock.wait) as web,
        pytest.raises(SourceUnavailable) as refused,
    ):
        Search(web, tmp_path, Pace(10, clock=clock, wait=clock.wait)).plan("cancer")
    assert "invalid" in refused.value.message
    assert "k-e-y" not in refused.value.message


def test_nobody_is_asked_offline(nlm: Nlm, tmp_path: Path) -> None:
    with (
        Web(settings=Settings(home=tmp_path, offline=True)) as web,
        pytest.raises(SourceUnavailable, match="VADEMECUM_OFFLINE"),
    ):
        Search(web, tmp_path).plan("cancer")
    assert nlm.site.asked == []


def test_a_search_that_was_interrupted_is_asked_again(nlm: Nlm, tmp_path: Path) -> None:
    nlm.count = 2 * PAGE + 5
    with Web(settings=Settings(home=tmp_path, offline=False), wait=lambda _: None) as web:
        plan = resolve([], web=web, query="statins", limit=PAGE + 50)
        stop = threading.Event()

        class Stops(FakeEmbedder):
            def embed_passages(self, texts: Sequence[str]) -> Any:
                stop.set()
                return super().embed_passages(texts)

        with Library.open(tmp_path / "library") as library:
            report = ingest(
                library, "found", plan, Stops(), limit=PAGE + 50, batch_size=50, stop=stop
            )
            assert report.state == "interrupted"
            nlm.count += 1  # PubMed goes on meanwhile, and does not remember the search
            work = left_of(library, library.jobs()[0], web)
            report = resume(library, work, FakeEmbedder())
            assert (report.state, report.read, report.job) == ("done", PAGE + 50, 1)
            assert library.corpus("found").documents == PAGE + 50
            assert [job.source["query"] for job in library.jobs()] == ["statins"]


def test_pages_that_an_earlier_run_left_go(nlm: Nlm, tmp_path: Path) -> None:
    left = tmp_path / "sources" / "eutils" / "query-0a1b2c3d-2026-01-01-0200.xml"
    left.parent.mkdir(parents=True)
    young = left.with_name("query-0a1b2c3d-2026-01-02-0000.xml")
    for page in (left, young):
        page.write_text("<PubmedArticleSet>")
    os.utime(left, (time.time() - 2 * LEFT_S,) * 2)
    with (
        Web(settings=Settings(home=tmp_path, offline=False), wait=lambda _: None) as web,
        Library.open(tmp_path / "library") as library,
    ):
        plan = resolve([], web=web, query="statins")
        assert left.exists()
        ingest(library, "found", plan, FakeEmbedder())
    assert list(left.parent.iterdir()) == [young]  # another process may be at it


def test_a_page_that_failed_is_fetched_again_by_a_retry(nlm: Nlm, tmp_path: Path) -> None:
    sound = nlm.efetch
    broken = b"<PubmedArticleSet><PubmedArticle></PubmedArticleSet>"
    nlm.site.answers["/efetch.fcgi"] = lambda _: broken
    with (
        Web(settings=Settings(home=tmp_path, offline=False), wait=lambda _: None) as web,
        Library.open(tmp_path / "library") as library,
    ):
        plan = resolve([], web=web, query="statins", limit=5)
        assert ingest(library, "found", plan, FakeEmbedder(), limit=5).state == "failed"
        nlm.site.answers["/efetch.fcgi"] = sound
        plan.files[0].unlink(missing_ok=True)
        work = failed_of(library, library.jobs()[0], web)
        report = resume(library, work, FakeEmbedder())
        assert (report.state, report.read, report.job) == ("done", nlm.count, 1)
