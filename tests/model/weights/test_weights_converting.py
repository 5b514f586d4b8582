"""Weights are converted whole or not at all, and once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from weights_support import Folder

from vademecum.errors import (
    ModelUnsupported,
    OutOfSpace,
)
from vademecum.model import convert, weights
from vademecum.model.presets import Preset, preset
from vademecum.settings import Settings


class Interrupted(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.fixture
def registry_model(folder: Folder, where: Settings, monkeypatch: pytest.MonkeyPatch) -> Preset:
    """`tiny`, whose file is here already and converts to a random model."""
    made = folder("llama")
    monkeypatch.setattr(weights, "fetch", lambda *_, **__: made / "model.safetensors")
    monkeypatch.setattr(
        convert, "convert", lambda _, target, __: shutil.copytree(made, target, dirs_exist_ok=True)
    )
    return preset("tiny")


def test_conversion_happens_once(
    registry_model: Preset, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not weights.is_ready(registry_model, settings=where)
    folder = weights.prepare(registry_model, settings=where)
    assert folder == where.models / "tiny"
    assert weights.is_ready(registry_model, settings=where)
    monkeypatch.delattr(convert, "convert")
    assert weights.prepare(registry_model, settings=replace(where, offline=True)) == folder


def test_conversion_that_is_killed_leaves_nothing_half_made(
    registry_model: Preset, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(_: Path, target: Path, __: object) -> None:
        (target / "config.json").write_text("{}")
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(convert, "convert", half)
        patch.setattr(weights.shutil, "rmtree", lambda *_, **__: None)  # a kill cleans nothing
        with pytest.raises(Interrupted):
            weights.prepare(registry_model, settings=where)
    assert not (where.models / "tiny").exists()
    assert list(where.models.glob(".tiny-*"))
    weights.load(registry_model, settings=where)
    assert not list(where.models.glob(".tiny-*"))


def test_what_an_older_version_converted_is_made_anew(
    registry_model: Preset, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights.load(registry_model, "nf4", settings=where)
    monkeypatch.setattr(weights, "FORMAT", weights.FORMAT + 1)
    assert not weights.is_ready(registry_model, settings=where)
    weights.load(registry_model, "nf4", settings=where)
    assert weights.is_ready(registry_model, settings=where)


def test_a_stamp_that_cannot_be_read_is_none(registry_model: Preset, where: Settings) -> None:
    """So that one damaged model does not keep every other from being chosen."""
    stamp = weights.prepare(registry_model, settings=where) / weights.STAMP
    whole = stamp.read_bytes()
    for damaged in (b"", whole[:10], b"[1]", b"\xff"):
        stamp.write_bytes(damaged)
        assert not weights.is_ready(registry_model, settings=where)
    weights.load(registry_model, settings=where)
    assert stamp.read_bytes() == whole


@pytest.mark.parametrize(
    "file", ["model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"]
)
def test_only_a_folder_that_was_made_here_is_to_be_deleted(
    registry_model: Preset, where: Settings, file: str
) -> None:
    folder = weights.prepare(registry_model, settings=where)
    (folder / file).unlink()
    with pytest.raises(ModelUnsupported) as caught:
        weights.load(registry_model, settings=where)
    assert caught.value.hint.startswith(f"delete {folder} and run the command again")


def test_conversion_asks_for_space_first(
    registry_model: Preset, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        free = 1000

    monkeypatch.setattr(weights.shutil, "disk_usage", lambda _: Full)
    with pytest.raises(OutOfSpace, match="tiny needs"):
        weights.prepare(registry_model, settings=where)
