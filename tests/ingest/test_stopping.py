"""A job is stopped where it stands, also in a file that has nothing to say."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from ingest_support import FakeEmbedder

from vademecum.corpora.library import Library
from vademecum.corpora.readers.stream import CHUNK_BYTES
from vademecum.ingest.pipeline import ingest

CHUNKS = 16
NOTHING = {
    "a.csv": b"text\n" + b"\n" * (CHUNKS * CHUNK_BYTES),
    "a.xml": b"<PubmedArticleSet>" + b" " * (CHUNKS * CHUNK_BYTES) + b"</PubmedArticleSet>",
}


class Counting(threading.Event):
    """Is set once it was asked so often."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.asked = 0
        self.most = most

    def is_set(self) -> bool:
        self.asked += 1
        return self.asked > self.most


@pytest.mark.parametrize("name", NOTHING)
def test_a_stop_is_heard_while_a_reader_finds_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(NOTHING[name])
    with Library.open(tmp_path / "library") as library:
        never = Counting(1_000_000)
        whole = ingest(library, "a", [path], FakeEmbedder(), stop=never, apart=False)
        assert whole.state != "interrupted"
        assert never.asked > CHUNKS
        soon = Counting(CHUNKS // 2)
        report = ingest(library, "b", [path], FakeEmbedder(), stop=soon, apart=False)
        assert report.state == "interrupted"
        assert report.failed_files == []  # it is no fault of the file
        assert soon.asked < CHUNKS
