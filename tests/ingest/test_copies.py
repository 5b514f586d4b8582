"""The same article from PubMed Central and from its publisher is kept once."""

from __future__ import annotations

from pathlib import Path

import pytest
from ingest_support import FakeEmbedder

from vademecum.corpora.library import Library
from vademecum.ingest.pipeline import ingest

NAME = "papers"


def article(path: Path, *, pmcid: str = "", doi: str = "10.1000/A") -> Path:
    """A full text in JATS, as Central gives it (with `pmcid`) or as its publisher does."""
    central = f'<article-id pub-id-type="pmc">{pmcid}</article-id>' if pmcid else ""
    path.write_text(
        f"""<article><front><article-meta>{central}
<article-id pub-id-type="doi">{doi}</article-id>
<title-group><article-title>A trial</article-title></title-group></article-meta></front>
<body><sec><title>Results</title><p>It helped, says {path.stem}.</p></sec></body></article>"""
    )
    return path


@pytest.mark.parametrize("central_first", [True, False])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_an_article_from_two_sources_is_kept_once(
    tmp_path: Path, central_first: bool, batch_size: int
) -> None:
    files = [
        article(tmp_path / "publisher.nxml"),
        article(tmp_path / "central.nxml", pmcid="PMC1", doi="10.1000/a"),
        article(tmp_path / "other.nxml", doi="10.1000/b"),
    ]
    if central_first:
        files.reverse()
    with Library.open(tmp_path / "library") as library:
        first = ingest(library, NAME, files, FakeEmbedder(), batch_size=batch_size)
        assert library.corpus(NAME).documents == 2
        assert library.works(NAME, ["pmcid:PMC1"]) == {"pmcid:PMC1": ("pmcid:PMC1",)}
        assert library.document("doi:10.1000/b", NAME) is not None
        assert first.read == first.kept + first.superseded == 3
        assert first.deleted == 0
        snapshot = library.corpus(NAME).snapshot
        again = ingest(library, NAME, files[::-1], FakeEmbedder())
        assert (again.kept, again.unchanged, again.superseded) == (0, 2, 1)
        assert library.corpus(NAME).snapshot == snapshot
        assert library.verify(NAME).problems == []
