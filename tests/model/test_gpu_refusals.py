"""What keeps every model from a GPU, as a person is told it: no GPU is needed."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from vademecum.model import gpu, hardware


@pytest.fixture
def ada(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that is new enough, with all that it needs."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (8, 9))
    monkeypatch.setattr(gpu, "_importable", lambda _: True)
    monkeypatch.setattr(gpu, "unbuildable", lambda: None)


@pytest.mark.usefixtures("ada")
def test_what_keeps_every_model_from_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gpu.obstacle() is None
    with monkeypatch.context() as old:
        old.setattr(torch.cuda, "get_device_capability", lambda: (8, 6))
        old.setattr(torch.cuda, "device_count", lambda: 3)
        assert str(gpu.obstacle()) == (
            "the GPU's compute capability is 8.6, below 8.9; VADEMECUM_DEVICE=cpu leaves this "
            "unsaid, or take another of the 3 GPUs: CUDA_VISIBLE_DEVICES=N"
        )
    with monkeypatch.context() as lacking:
        lacking.setattr(gpu, "_importable", lambda module: module == "triton")
        assert "cuda.bindings is not installed" in str(gpu.obstacle())
    nothing = gpu.Obstacle("no compiler", "install one")
    monkeypatch.setattr(gpu, "unbuildable", lambda: nothing)
    assert gpu.obstacle() == nothing


TOO_OLD = (
    "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU "
    "driver by downloading and installing a new version from the URL: http://www.nvidia.com"
)
MIXED = (
    "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling "
    "NumCudaDevices() that might have already set an error? Error 803: system has unsupported "
    "display driver / cuda driver combination"
)


@pytest.mark.parametrize(
    ("said", "why", "hint"),
    [
        (
            TOO_OLD,
            "The NVIDIA driver on your system is too old (found version 11040)",
            "update the NVIDIA driver",
        ),
        (
            MIXED,
            "Error 803: system has unsupported display driver / cuda driver combination",
            "update the NVIDIA driver",
        ),
        ("No CUDA GPUs are available", "No CUDA GPUs are available", "CUDA_VISIBLE_DEVICES may"),
    ],
)
def test_a_card_that_pytorch_cannot_use_is_told_as_the_driver_tells_it(
    monkeypatch: pytest.MonkeyPatch, said: str, why: str, hint: str
) -> None:
    def failing() -> None:
        raise RuntimeError(said)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(hardware, "card", lambda: "NVIDIA GeForce RTX 4090")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "init", failing)
    found = gpu.obstacle()
    assert found is not None
    assert (found.why, found.there) == (why, True)
    assert hint in found.hint


def test_a_build_of_pytorch_without_cuda_is_told_where_there_is_a_card(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(hardware, "card", lambda: None)
    assert gpu.obstacle() == gpu.Obstacle("PyTorch sees no NVIDIA GPU", "", there=False)
    monkeypatch.setattr(hardware, "card", lambda: "NVIDIA GeForce RTX 4090")
    found = gpu.obstacle()
    assert found is not None
    assert found.there
    assert found.why == f"PyTorch {torch.__version__} was built without CUDA"


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """A machine with Python's headers and without any compiler, until one is named."""

    def add(name: str) -> Path:
        tool = tmp_path / "bin" / name
        tool.write_text("#!/bin/sh\n")
        tool.chmod(0o755)
        return tool

    (tmp_path / "bin").mkdir()
    (tmp_path / "include").mkdir()
    (tmp_path / "include/Python.h").touch()
    monkeypatch.setattr(
        sysconfig, "get_paths", lambda scheme: {"include": str(tmp_path / "include")}
    )
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(gpu, "_built", lambda: False)
    return add


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_a_compiler_is_looked_for_as_triton_does(
    monkeypatch: pytest.MonkeyPatch, tools: Callable[[str], Path], name: str
) -> None:
    assert str(gpu.unbuildable()) == (
        "Triton finds no C compiler (gcc, clang); install gcc, or name a compiler: CC=PATH"
    )
    mine = tools("my-cc")
    monkeypatch.setenv("CC", str(mine))
    assert gpu.unbuildable() is None
    monkeypatch.delenv("CC")
    tools(name)
    assert gpu.unbuildable() is None
    monkeypatch.setenv("CC", "gone-cc")  # goes before those that are there
    assert "no C compiler (CC is 'gone-cc')" in str(gpu.unbuildable())


def test_pythons_headers_are_needed_too(tools: Callable[[str], Path], tmp_path: Path) -> None:
    tools("gcc")
    (tmp_path / "include/Python.h").unlink()
    assert "there is no " + str(tmp_path / "include/Python.h") in str(gpu.unbuildable())


def test_what_triton_built_before_needs_no_compiler(
    monkeypatch: pytest.MonkeyPatch, tools: Callable[[str], Path]
) -> None:
    monkeypatch.setattr(gpu, "_built", lambda: True)
    assert gpu.unbuildable() is None


def test_triton_is_asked_whether_it_can_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unbuilt:
        @property
        def active(self) -> object:
            raise RuntimeError("Failed to find C compiler.")

    for driver, built in ((Unbuilt(), False), (SimpleNamespace(active="cuda"), True)):
        gpu._built.cache_clear()
        module = SimpleNamespace(driver=driver)
        monkeypatch.setitem(sys.modules, "triton", SimpleNamespace())  # type: ignore[arg-type]
        monkeypatch.setitem(sys.modules, "triton.runtime", SimpleNamespace())  # type: ignore[arg-type]
        monkeypatch.setitem(sys.modules, "triton.runtime.driver", module)  # type: ignore[arg-type]
        assert gpu._built() is built
    gpu._built.cache_clear()
