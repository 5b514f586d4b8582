"""`doctor`: one line a check, a hint for whatever is not ok, exit 1 if something failed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_support import Cli

from vademecum.app import doctor
from vademecum.app.doctor import Check
from vademecum.corpora.library import Library
from vademecum.model.gpu import Obstacle
from vademecum.model.hardware import Hardware
from vademecum.settings import Settings, settings


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


def machine(**changes: object) -> Hardware:
    values = {
        "cores": 4,
        "memory": 16 * 10**9,
        "disk": 10**11,
        "gpu": None,
        "gpu_memory": 0,
        "features": ("avx2",),
    }
    return Hardware(**{**values, **changes})


def found(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> None:
    def scripted(where: Settings) -> Iterator[Check]:
        yield from checks

    monkeypatch.setattr(doctor, "checks", scripted)


FINE = Check("python", "ok", "3.12")
POOR = Check("memory", "warn", "1.0 GB", "free some")
BAD = Check("torch", "fail", "cannot be imported:\n\x1b[31mno", "pip install torch")


def test_each_check_is_a_line_and_each_hint_stands_below(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, FINE, POOR)
    done = cli("doctor")
    assert (done.code, done.stderr) == (0, "")
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["ok", "python", "3.12"],
        ["warn", "memory", "1.0", "GB"],
        ["hint:", "free", "some"],
    ]


def test_a_home_in_which_nothing_can_be_made_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = doctor.home(Settings(home=tmp_path / "file" / "home", offline=True))
    assert (told.status, told.detail) == ("fail", f"{tmp_path / 'file'} cannot be written")
    assert doctor.home(Settings(home=tmp_path / "new" / "home", offline=True)).status == "ok"
    assert not (tmp_path / "new").exists()


def test_a_failed_check_fails_the_command(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, FINE, BAD)
    done = cli("doctor")
    assert done.code == 1
    assert "fail torch          cannot be imported: no\n" in done.stdout
    assert done.errors == ["error: 1 check failed", "hint: see the lines marked fail"]


def test_json(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, FINE, POOR, BAD)
    done = cli("doctor", "--json")
    assert done.code == 1
    assert [check["status"] for check in done.json] == ["ok", "warn", "fail"]
    assert done.json[1] == {
        "name": "memory",
        "status": "warn",
        "detail": "1.0 GB",
        "hint": "free some",
    }


def test_what_is_short_is_warned_of_with_a_hint(home: Path) -> None:
    here = settings()
    for check in (
        doctor.memory(machine(memory=10**9)),
        doctor.memory(machine(memory=None)),
        doctor.disk(machine(disk=10**9), here),
    ):
        assert check.status == "warn"
        assert check.hint
    assert doctor.memory(machine()).status == "ok"
    assert doctor.disk(machine(), here).status == "ok"


def test_a_gpu_that_cannot_be_used_is_told_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = machine(gpu="H200", gpu_memory=141 * 10**9)
    monkeypatch.setattr("vademecum.model.placement.obstacle", lambda *_: None)
    assert doctor.gpu(found) == Check("gpu", "ok", "H200, 141.0 GB")
    lacking = Obstacle("no Triton", "install it")
    monkeypatch.setattr("vademecum.model.placement.obstacle", lambda *_: lacking)
    assert doctor.gpu(found) == Check(
        "gpu",
        "warn",
        "H200, 141.0 GB; not used, models run on the processor: no Triton",
        "install it",
    )


def test_a_card_that_pytorch_cannot_use_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.version.cuda", None)
    monkeypatch.setattr("vademecum.model.hardware.card", lambda: "NVIDIA GeForce RTX 4090")
    told = doctor.gpu(machine(gpu="NVIDIA GeForce RTX 4090"))
    assert told.status == "warn"
    assert told.detail.startswith(
        "NVIDIA GeForce RTX 4090; not used, models run on the processor: PyTorch "
    )
    assert "with CUDA" in told.hint


def test_no_gpu_is_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    none = doctor.gpu(machine())
    assert none == Check("gpu", "ok", "none: models run on the processor")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "none that CUDA_VISIBLE_DEVICES shows" in doctor.gpu(machine()).detail


def test_a_library_in_use_or_damaged_is_told(home: Path) -> None:
    here = settings()
    assert doctor.library(here).detail.startswith("none yet")
    with Library.open():
        assert doctor.library(here).status == "warn"
    assert doctor.library(here).detail == "0 corpora, 0 documents"
    (here.library / "library.sqlite").write_bytes(b"this is no database" * 100)
    damaged = doctor.library(here)
    assert damaged.status == "fail"
    assert damaged.hint


def test_offline_no_hub_is_asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VADEMECUM_OFFLINE", "1")
    check = doctor.hub(settings())
    assert check.status == "ok"
    assert "VADEMECUM_OFFLINE" in check.detail


def test_the_model_that_auto_stands_for_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VADEMECUM_MODEL", "tiny")
    assert doctor.model(settings()) == Check("model", "ok", "tiny: set by VADEMECUM_MODEL")
    monkeypatch.setenv("VADEMECUM_MODEL", "tinny")
    check = doctor.model(settings())
    assert check.status == "fail"
    assert "tiny" in check.hint


def test_nf4_on_the_processor_is_really_tried() -> None:
    assert doctor.bitsandbytes() == Check("bitsandbytes", "ok", "NF4 works on the CPU")


def test_what_embeds_is_named_with_the_reason(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foresee = "vademecum.model.embedder.foresee"
    with monkeypatch.context() as here:
        here.setattr(foresee, lambda _: ("int8 on the processor", "it can"))
        told = Check("embedder", "ok", "int8 on the processor: it can")
        assert doctor.embedder(settings()) == told
        here.setattr(foresee, lambda _: ("float32", "onnx cannot be imported"))
        check = doctor.embedder(settings())
        assert (check.status, check.hint) == ("warn", "pip install onnxruntime onnx: it is faster")
    monkeypatch.setenv("VADEMECUM_DEVICE", "tpu")
    assert doctor.embedder(settings()).status == "fail"
