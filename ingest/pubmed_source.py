"""PubMed as NLM publishes it: a baseline once a year, and a file of updates every day.

https://pubmed.ncbi.nlm.nih.gov/download/. A file is fetched when its turn comes, held to its MD5,
read, and removed when its records are in the library, so that 52 GB need no place. Which files
a corpus has taken is kept in the library, in the transaction that holds their last records.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urljoin

from vademecum.corpora.revision import file_number
from vademecum.errors import DocumentRejected, HashMismatch, SourceUnavailable
from vademecum.ingest.checksum import md5_named, md5_of
from vademecum.ingest.plan import Brought, Plan
from vademecum.ingest.web import NotThere, Web

HOME = "https://ftp.ncbi.nlm.nih.gov/pubmed/"
FOLDERS = ("baseline/", "updatefiles/")
LISTED = re.compile(r'href="(?:[^"]*/)?(pubmed\d{2}n\d{4,}\.xml\.gz)"')


def address() -> str:
    """Where the files are; `VADEMECUM_PUBMED_URL` names a mirror."""
    return (os.environ.get("VADEMECUM_PUBMED_URL", "") or HOME).rstrip("/") + "/"


class PubmedFiles:
    """The files that a corpus has not taken yet, fetched one by one. Implements `Supply`."""

    def __init__(self, web: Web, folder: Path) -> None:
        self._web = web
        self.folder = folder
        self._urls: dict[Path, str] = {}
        self._taken: Collection[str] = ()

    def plan(self, taken: Collection[str]) -> Plan:
        """What is new since the files in `taken`, in order. Raises SourceUnavailable."""
        found: dict[str, str] = {}
        for name in FOLDERS:
            listing = urljoin(address(), name)
            for file in LISTED.findall(self._web.text(listing)):
                found.setdefault(file, urljoin(listing, file))
        if not found:
            raise SourceUnavailable(
                f"{address()} lists no files of PubMed",
                "check VADEMECUM_PUBMED_URL, or try again later",
            )
        # A new year's baseline holds all that went before it.
        year = max(number[0] for file in found if (number := file_number(file)))
        new = sorted(
            (number, file)
            for file in found
            if (number := file_number(file)) and number[0] == year and file not in taken
        )
        self._urls = {self.folder / file: found[file] for _, file in new}
        self._taken = taken
        return Plan(tuple(self._urls), supply=self)

    def bring(self, path: Path) -> Brought:
        """Fetch a file and hold it to its MD5, if there is one; nothing of it is missing then.

        Raises SourceUnavailable; HashMismatch if it is damaged, DocumentRejected if it is gone.
        """
        for other in self.folder.glob("*.xml.gz"):
            if other.name in self._taken:  # a run was killed before it could remove it
                other.unlink()
        url = self._urls.get(path)
        if url is None:
            raise DocumentRejected(
                f"{path.name}: {address()} does not list it any more", hint="leave it out"
            )
        wanted = self._md5(url, path.name)
        if path.is_file() and wanted in (None, md5_of(path)):
            return Brought()
        for _ in range(2):  # a cut file that was resumed wrongly comes right from its beginning
            self._web.download(url, path)
            if wanted in (None, md5_of(path)):
                return Brought()
            path.unlink()
        raise HashMismatch(
            f"{path.name} arrived with another MD5 than NLM names; it was not kept",
            "run the same command again later: only this file is fetched again",
        )

    def _md5(self, url: str, name: str) -> str | None:
        """What the file should have; None where the server has no such thing."""
        try:
            wanted = md5_named(self._web.text(f"{url}.md5"))
        except NotThere:
            self._web.progress.note(
                f"{name}.md5 is not on the server: {name} is taken as it came, which would show "
                "damage only where it cannot be unpacked"
            )
            return None
        if not wanted:
            raise HashMismatch(f"{name}.md5 names no MD5", "run the same command again later")
        return wanted

    def release(self, path: Path) -> None:
        """Its records are in the library: the file goes."""
        path.unlink(missing_ok=True)
