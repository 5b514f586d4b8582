"""The real sample: a PubMed baseline file of 20,788 citations."""

from __future__ import annotations

from pathlib import Path

import pytest
from ingest_support import FakeEmbedder

from vademecum.corpora.library import Library
from vademecum.ingest.pipeline import ingest
from vademecum.ingest.sources import resolve


@pytest.mark.e2e
def test_the_newest_abstracts_of_the_sample(home: Path) -> None:
    plan = resolve(["pubmed-sample"])
    with Library.open() as library:
        report = ingest(library, "sample", plan, FakeEmbedder(max_tokens=256), limit=50)
        assert report.kept == 50
        assert report.read == report.kept + report.superseded + report.passed_over > 20_000
        assert report.failed_files == []
        info = library.corpus("sample")
        assert info.counts == {"abstract": 50, "retracted": 0}
        assert info.newest == "2021-12"
        assert library.verify("sample").sound
        embedder = FakeEmbedder(max_tokens=256)
        again = ingest(library, "sample", plan, embedder, limit=50)
        assert (again.kept, again.unchanged, embedder.calls) == (0, 1, [])
        assert library.corpus("sample") == info
    assert (home / "library" / "library.sqlite").is_file()
