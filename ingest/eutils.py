"""A search of PubMed through NLM's E-utilities: the records that a query finds.

https://www.ncbi.nlm.nih.gov/books/NBK25501/. Three requests a second without a key, ten with one
(`NCBI_API_KEY`); more would be answered with errors, and in the end with a ban.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vademecum.assets import disk_trouble
from vademecum.errors import SourceUnavailable, UsageError
from vademecum.ingest.plan import Brought, Plan
from vademecum.ingest.web import Web

HOME = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/"
PAGE = 200  # records a request: a few megabytes
MOST = 9_999  # records of one search that NLM hands out
TRIES = 4
SHORT_TRIES = 2  # of a page that holds fewer records than it should
RECORD = re.compile(r"<Pubmed(?:Book)?Article[\s>]")
# That of a record, not of those it cites.
PMID = re.compile(r"<(?:MedlineCitation\b[^>]*|BookDocument)>\s*<PMID\b[^>]*>(\d+)</PMID>")
RATE, RATE_WITH_KEY = 3, 10  # requests a second
LEFT_S = 86_400.0  # a page that no run has taken in for so long


class Pace:
    """No more than so many calls a second, from the start of one to the start of the next."""

    def __init__(
        self,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 1 / rate
        self._clock = clock
        self._wait = wait
        self._next = float("-inf")

    def keep(self) -> None:
        """Wait until the next call may start."""
        if (early := self._next - self._clock()) > 0:
            self._wait(early)
        self._next = max(self._clock(), self._next) + self._gap


@dataclass(frozen=True, slots=True)
class Found:
    """How many records, and by what NLM remembers which."""

    count: int
    webenv: str
    querykey: str


class Search:
    """The records that a query finds, a page at a time. Implements `Supply`."""

    def __init__(self, web: Web, folder: Path, pace: Pace | None = None) -> None:
        self._web = web
        self._folder = folder
        self._key = os.environ.get("NCBI_API_KEY", "").strip()
        self._pace = pace or Pace(RATE_WITH_KEY if self._key else RATE)
        self._pages: dict[Path, dict[str, str]] = {}
        self._came: set[str] = set()  # PMIDs of records that came, one a page

    def plan(self, query: str, limit: int | None = None) -> Plan:
        """Ask how many there are. Raises UsageError, SourceUnavailable."""
        if not query.strip():
            raise UsageError("the query is empty", '--query "statins AND dementia"')
        found = self._search(query)
        count = found.count
        if count == 0:
            raise UsageError(
                f"PubMed finds nothing for {query!r}", "try it at https://pubmed.ncbi.nlm.nih.gov"
            )
        wanted = count if limit is None else min(count, limit)
        if wanted > MOST:
            raise UsageError(
                f"PubMed finds {count:,} records for {query!r}, hands out no more than {MOST:,}",
                "narrow it, by years for example: AND 2020:2023[dp]; or take all: ingest pubmed",
            )
        self._web.progress.note(f"PubMed finds {count:,} records")
        name = hashlib.sha256(query.encode()).hexdigest()[:8]
        day = datetime.now(UTC).date()
        for start in range(0, wanted, PAGE):
            path = self._folder / f"query-{name}-{day}-{start:04}.xml"
            self._pages[path] = {
                "WebEnv": found.webenv,
                "query_key": found.querykey,
                "retstart": str(start),
                "retmax": str(min(PAGE, wanted - start)),
                "retmode": "xml",
            }
        return Plan(tuple(self._pages), supply=self)

    def bring(self, path: Path) -> Brought:
        """Fetch a page; says which records NLM left out. Raises SourceUnavailable, OutOfSpace.

        What is left out by an error comes with another request: once more now, or by a retry of the
        job. What was withdrawn since PubMed was indexed never comes: no search finds it by its
        number, either.
        """
        asked = int(self._pages[path]["retmax"])
        text, held = "", -1
        for _ in range(SHORT_TRIES):
            page = self._ask("efetch.fcgi", self._pages[path], _whole_page)
            if (count := len(RECORD.findall(page))) > held:
                text, held = page, count
            if held >= asked:
                break
        with disk_trouble(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._clear(path.parent)
            path.write_text(text, "utf-8")
        self._came.update(PMID.findall(text)[:1])
        if held >= asked:
            return Brought()
        gone = self._withdrawn(self._pages[path], text, asked - held)
        if len(gone) == asked - held:
            return Brought(gone=gone)
        return Brought(
            f"PubMed sent {held:,} of {asked:,} records that it had found: "
            f"{asked - held - len(gone):,} are missing; `vademecum jobs retry` asks for them again",
            gone,
        )

    def _withdrawn(self, page: Mapping[str, str], text: str, missing: int) -> tuple[str, ...]:
        """Which of the records that a page should hold and does not are no more in PubMed. None
        where that cannot be told for sure: an answer that was cut must not be taken for it."""
        try:
            listed = self._ask(
                "efetch.fcgi", {**page, "rettype": "uilist", "retmode": "text"}, _ids
            )
            absent = dict.fromkeys(listed.split())
            for pmid in PMID.findall(text):
                absent.pop(pmid, None)
            if len(absent) != missing or not self._came:
                return ()
            control = min(self._came)  # a record that is there: a search that finds it has worked
            fields = {
                "term": " OR ".join(f"{pmid}[uid]" for pmid in (control, *absent)),
                "retmax": str(missing + 1),
                "retmode": "json",
            }
            found = json.loads(self._ask("esearch.fcgi", fields, _idlist))["esearchresult"]
        except SourceUnavailable:
            return ()
        there = set(found["idlist"])
        if control not in there:
            return ()
        return tuple(f"PMID {pmid}" for pmid in absent if pmid not in there)

    def _clear(self, folder: Path) -> None:
        """Drop pages of a run that was killed, or never resumed; young ones may be another's."""
        for other in folder.glob("query-*.xml"):
            if other not in self._pages and time.time() - other.stat().st_mtime > LEFT_S:
                other.unlink(missing_ok=True)

    def release(self, path: Path) -> None:
        """Its records are in the library: the page goes."""
        path.unlink(missing_ok=True)

    def _search(self, query: str) -> Found:
        fields = {"term": query, "usehistory": "y", "retmax": "0", "retmode": "json"}
        answer = json.loads(self._ask("esearch.fcgi", fields, _result))["esearchresult"]
        if "ERROR" in answer:
            raise UsageError(f"PubMed does not understand {query!r}: {answer['ERROR']}", "mend it")
        return Found(int(answer["count"]), str(answer["webenv"]), str(answer["querykey"]))

    def _ask(self, tool: str, fields: Mapping[str, str], sound: Callable[[str], bool]) -> str:
        """Post, so that neither a key nor a long query stands in an address."""
        data = {"db": "pubmed", "tool": "vademecum", **fields}
        if self._key:
            data["api_key"] = self._key
        url = address() + tool
        for attempt in range(TRIES):
            self._pace.keep()
            text = self._web.text(url, data=data)
            if sound(text):
                return text
            self._web.wait(2.0**attempt)  # it says 200 also where it is too busy to answer
        said = " ".join(re.sub(r"<[^>]*>", " ", text).split())[:200]
        if self._key:
            said = said.replace(self._key, "(the key)")
        raise SourceUnavailable(
            f"PubMed's {tool.partition('.')[0]} gives no answer: {said or 'nothing'}",
            "run the same command again later",
        )


def address() -> str:
    """Where the E-utilities are; `VADEMECUM_EUTILS_URL` names another place."""
    return (os.environ.get("VADEMECUM_EUTILS_URL", "") or HOME).rstrip("/") + "/"


def _result(text: str) -> bool:
    try:
        found = json.loads(text)["esearchresult"]
        return "ERROR" in found or bool(
            int(found["count"]) >= 0 and found["webenv"] and found["querykey"]
        )
    except (ValueError, KeyError, TypeError):
        return False


def _idlist(text: str) -> bool:
    try:
        found = json.loads(text)["esearchresult"]
        return "ERROR" not in found and len(found["idlist"]) == int(found["count"])
    except (ValueError, KeyError, TypeError):
        return False


def _ids(text: str) -> bool:
    return all(line.isdecimal() for line in text.split())


def _whole_page(text: str) -> bool:
    return text.rstrip().endswith("</PubmedArticleSet>")
