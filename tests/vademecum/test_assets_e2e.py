"""The pinned sample comes from the real registry, through the real pip."""

from __future__ import annotations

from pathlib import Path

import pytest

from vademecum.assets import SAMPLE_PUBMED, fetch, verify
from vademecum.settings import Settings

pytestmark = pytest.mark.e2e


def test_the_sample_is_what_was_pinned(assets_home: Path) -> None:
    where = Settings(home=assets_home, offline=False)
    path = fetch(SAMPLE_PUBMED, settings=where)
    assert path.name.endswith(".xml.gz")
    verify(SAMPLE_PUBMED, settings=where)
