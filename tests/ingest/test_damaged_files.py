"""Folders of damaged files of every kind: each file is read or named, and the library is sound."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pytest
from docx_support import docx, paragraph
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ingest_support import FakeEmbedder, article
from pdf_support import lines, page, pdf
from reader_support import damaged
from test_contracts import CONTRACT
from test_epub import book
from test_html import RICH
from test_jats import article as full_text
from test_row_files import CSV
from test_statutes import CHINESE, GERMAN

from vademecum.corpora.library import Library
from vademecum.ingest.pipeline import ingest

FILES = 40  # of each folder
XML = f"<PubmedArticleSet>{article(1)}{article(2)}</PubmedArticleSet>".encode()
SOUND = [
    ("xml", XML),
    ("xml.gz", XML),
    ("nxml", full_text("<sec><title>T</title><p>One. Two.</p></sec>").encode()),
    ("html", RICH.encode()),
    ("epub", book()),
    ("csv", CSV.encode()),
    ("csv.gz", CSV.encode()),
    ("jsonl", b'{"text": "x", "id": 1}\n{"text": ["y"]}\n'),
    ("md", (CHINESE + GERMAN).encode()),
    ("txt", CONTRACT.encode()),
    ("docx", docx(paragraph("Heading", "berschrift1") + paragraph("Text."))),
    ("pdf", pdf([page(*lines(60, 700, "One.", "Two."))])),
]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("apart", [False, True])
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a folder takes too long to be made smaller
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_a_folder_of_damaged_files(apart: bool, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = []
        for number in range(FILES):
            ending, sound = data.draw(st.sampled_from(SOUND))
            broken = data.draw(damaged(sound))
            if ending.endswith(".gz"):
                broken = data.draw(damaged(gzip.compress(broken)))
            paths.append(folder / f"{number}.{ending}")
            paths[-1].write_bytes(broken)
        with Library.open(folder / "library") as library:
            report = ingest(library, "damaged", paths, FakeEmbedder(), apart=apart)
            [job] = library.jobs()
            assert library.verify("damaged").problems == []
    assert report.state in ("done", "failed")
    assert {file.state for file in job.files} <= {"done", "failed"}
    assert len(job.failed) == report.failed
    for file in job.failed:
        assert file.reason
        assert "\n" not in file.reason
        assert "crashed" not in file.reason
