"""Files of a run that need not be read: the corpus holds all of each, as it would be read.

They are found before anything is read, and looked at again when their turn comes: what was read
until then may have taken the place of something in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from vademecum.corpora.library import Library
from vademecum.corpora.revision import file_number
from vademecum.corpora.whole import FileRead
from vademecum.ingest.batch import Gathered
from vademecum.ingest.plan import node_of, stamp_of
from vademecum.ingest.reading import Ended
from vademecum.ingest.report import Tally
from vademecum.ingest.work import Work


class Unchanged:
    """Knows the files that were there when the run began (`identities`, by number, and a `stamp` of
    each, taken before it was looked at). `fingerprint` is of what splits and embeds, `readers` of
    what reads."""

    def __init__(
        self,
        library: Library,
        work: Work,
        tally: Tally,
        fingerprint: str,
        readers: str,
        identities: Mapping[int, str],
        stamps: Mapping[int, int],
    ) -> None:
        self._library = library
        self._work = work
        self._tally = tally
        self._fingerprint = fingerprint
        self._how = how = f"{fingerprint}/{readers}"
        self._stamps = {
            number: stamp
            for number, stamp in stamps.items()
            if identities.get(number) and self._may_be_known(work.paths[number])
        }
        self._known: dict[int, int] = {}  # by what number the library knows a file
        if work.limit is None:
            for number in self._stamps:
                place = work.plan.place(work.paths[number])
                found = library.whole_files.find(work.corpus, place, identities[number], how)
                if found is not None:
                    self._known[number] = found
        self._begun: set[int] = set()
        self._deleting: set[int] = set()
        self._asked: list[tuple[Gathered, int]] = []  # batches, and how much was in them
        self._touched: set[int] = set()  # files that hold something which is in them

    def _may_be_known(self, path: Path) -> bool:
        """Not a file of which some was chosen, or that was fetched; nor one of NLM's, whose order
        matters."""
        plan = self._work.plan
        return (
            plan.newest is None
            and plan.supply is None
            and path not in plan.addresses
            and not file_number(path.name)
        )

    def __contains__(self, number: int) -> bool:
        return number in self._known

    def touched(self, number: int, batches: Iterable[Gathered]) -> bool:
        """Whether batches that are not written yet change something of a known file. What is stored
        just so changes nothing."""
        waiting = [(batch, batch.records) for batch in batches]
        if [(id(batch), count) for batch, count in waiting] != [
            (id(batch), count) for batch, count in self._asked
        ]:
            corpus, library = self._work.corpus, self._library
            read = [item for batch, _ in waiting for _, item in batch.documents.values()]
            gone = {doc_id for batch, _ in waiting for doc_id in batch.deletions}
            if library.whole_files.holding(corpus, {*gone, *(item.doc_id for item in read)}):
                gone |= {item.doc_id for item in library.needs(corpus, read, self._fingerprint)}
            self._touched = library.whole_files.holding(corpus, gone)
            self._asked = waiting
        return self._known[number] in self._touched

    def holds(self, number: int) -> bool:
        """Whether all of a known file still is in the corpus, and the file is what it was."""
        return self._is_as_seen(number) and self._library.whole_files.is_whole(self._known[number])

    def _is_as_seen(self, number: int) -> bool:
        try:
            return stamp_of(self._work.paths[number]) == self._stamps[number]
        except OSError:
            return False

    def reads(self, gathered: Gathered, there: Mapping[int, list[str]]) -> list[FileRead]:
        """What a batch brings of files that may come to be known; `there` are ids of its documents
        that are in the corpus once it is written, by the file that holds them."""
        self._deleting |= gathered.deleting
        ends = {end.file: end for end in gathered.ended}
        found: list[FileRead] = []
        for number in sorted(gathered.touched & self._stamps.keys()):
            end = ends.get(number)
            begun = number not in self._begun
            if end is not None and (end.unchanged or (begun and self._stays(end))):
                continue  # what is known of it stays
            self._begun.add(number)
            documents = 0
            if end is not None and not (end.failure or end.cut or end.gaps):
                documents = self._documents(number)
            found.append(
                FileRead(
                    number,
                    self._work.plan.place(self._work.paths[number]),
                    there.get(number, []),
                    begun,
                    end is not None,
                    documents,
                    self._how,
                    node_of(self._work.paths[number]) if end is not None else "",
                )
            )
        return found

    def _stays(self, end: Ended) -> bool:
        """Whether nothing came of a file whose documents stay for all that."""
        nothing = not self._tally.of(end.file).get("read") and end.file not in self._deleting
        return nothing and bool(end.failure or end.cut or end.empty or end.gaps)

    def _documents(self, number: int) -> int:
        """How many a file holds that was read to its end; 0 where the corpus does not have all of
        them from it, or it is not what it was when the run began."""
        counts = self._tally.of(number)
        read = counts.get("read", 0)
        whole = read == counts.get("kept", 0) + counts.get("skipped", 0)
        if not whole or number in self._deleting or not self._is_as_seen(number):
            return 0
        return read
