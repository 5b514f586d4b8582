"""Starting does not look for garbage; afterwards all is as it was."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from vademecum.collection import without_collection


def test_nothing_is_collected_meanwhile() -> None:
    assert gc.isenabled()
    with without_collection():
        assert not gc.isenabled()
        with without_collection():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_who_switched_it_off_finds_it_off() -> None:
    gc.disable()
    try:
        with without_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_it_goes_on_after_an_error() -> None:
    with pytest.raises(KeyError), without_collection():
        raise KeyError
    assert gc.isenabled()


def test_an_engine_starts_without_what_only_fetching_needs() -> None:
    script = (
        "import sys, gc; from vademecum import Engine; import vademecum.model.weights; "
        "assert gc.isenabled(); "
        "found = {'httpx', 'huggingface_hub', 'transformers'} & set(sys.modules); "
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
