"""What the machine has, read from files that a test can write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from vademecum.errors import ModelError
from vademecum.model import hardware, weights
from vademecum.model.engine import Engine
from vademecum.settings import Settings


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty /proc, /dev and control group to fill."""
    for name in ("proc", "dev", "cgroup"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(hardware, "DEV", tmp_path / "dev")
    monkeypatch.setattr(hardware, "PROC", tmp_path / "proc")
    monkeypatch.setattr(hardware, "CGROUP", tmp_path / "cgroup")
    return tmp_path


def test_memory_is_what_the_system_has_available(system: Path) -> None:
    (system / "proc/meminfo").write_text("MemTotal: 16000 kB\nMemAvailable:  8000 kB\n")
    assert hardware.memory_available() == 8000 * 1024


def test_memory_is_bounded_by_the_control_group(system: Path) -> None:
    (system / "proc/meminfo").write_text("MemAvailable: 8000000 kB\n")
    (system / "cgroup/memory.max").write_text("1000000\n")
    (system / "cgroup/memory.current").write_text("700000\n")
    (system / "cgroup/memory.stat").write_text("anon 400000\ninactive_file 200000\n")
    assert hardware.memory_available() == 1_000_000 - 700_000 + 200_000
    (system / "cgroup/memory.max").write_text("max\n")
    assert hardware.memory_available() == 8_000_000 * 1024


def test_memory_is_bounded_by_an_old_control_group(system: Path) -> None:
    (system / "proc/meminfo").write_text("MemAvailable: 8000000 kB\n")
    (system / "cgroup/memory").mkdir()
    (system / "cgroup/memory/memory.limit_in_bytes").write_text("900000\n")
    (system / "cgroup/memory/memory.usage_in_bytes").write_text("300000\n")
    assert hardware.memory_available() == 600_000
    (system / "cgroup/memory/memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert hardware.memory_available() == 8_000_000 * 1024


@pytest.mark.parametrize("bounding", ["system.slice", "system.slice/unit.service"])
def test_every_control_group_above_a_process_bounds_it(
    system: Path, monkeypatch: pytest.MonkeyPatch, bounding: str
) -> None:
    monkeypatch.setattr(hardware.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    (system / "proc/meminfo").write_text("MemAvailable: 8000000 kB\n")
    (system / "proc/self").mkdir()
    (system / "proc/self/cgroup").write_text("0::/system.slice/unit.service\n")
    (system / "cgroup/system.slice/unit.service").mkdir(parents=True)
    group = system / "cgroup" / bounding
    (group / "memory.max").write_text("4000000000\n")
    (group / "memory.current").write_text("1000000000\n")
    (group / "cpu.max").write_text("200000 100000\n")
    assert hardware.memory_available() == 3_000_000_000
    assert hardware.cores() == 2
    (system / "cgroup/cpu.max").write_text("100000 100000\n")
    assert hardware.cores() == 1


def test_old_control_groups_have_a_tree_each(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    (system / "proc/self").mkdir()
    (system / "proc/self/cgroup").write_text("4:memory:/a/b\n3:cpu,cpuacct:/a\n1:name=systemd:/\n")
    (system / "cgroup/memory/a").mkdir(parents=True)
    (system / "cgroup/memory/a/memory.limit_in_bytes").write_text("900000\n")
    (system / "cgroup/memory/a/memory.usage_in_bytes").write_text("700000\n")
    (system / "cgroup/memory/a/memory.stat").write_text(
        "inactive_file 0\ntotal_inactive_file 100000\n"
    )
    (system / "cgroup/cpu").mkdir()  # a container sees its group as the root
    (system / "cgroup/cpu/cpu.cfs_quota_us").write_text("300000\n")
    (system / "cgroup/cpu/cpu.cfs_period_us").write_text("100000\n")
    assert hardware.memory_available() == 300_000
    assert hardware.cores() == 3
    (system / "cgroup/cpu/cpu.cfs_quota_us").write_text("-1\n")
    assert hardware.cores() == 8


def test_memory_is_bounded_by_the_limit_of_the_process(system: Path) -> None:
    (system / "proc/meminfo").write_text("MemAvailable: 8000000 kB\n")
    (system / "proc/self").mkdir()
    limits = system / "proc/self/limits"
    limits.write_text("Max address space         4000000000           unlimited            bytes\n")
    (system / "proc/self/statm").write_text("1000 500 0 0 0 0 0\n")
    page = hardware.os.sysconf("SC_PAGE_SIZE")
    assert hardware.memory_available() == 4_000_000_000 - 1000 * page
    limits.write_text("Max address space         unlimited            unlimited            bytes\n")
    assert hardware.memory_available() == 8_000_000 * 1024


def test_cores_are_bounded_by_the_quota(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert hardware.cores() == 8
    (system / "cgroup/cpu.max").write_text("250000 100000\n")
    assert hardware.cores() == 2
    (system / "cgroup/cpu.max").write_text("max 100000\n")
    assert hardware.cores() == 8


@pytest.mark.parametrize("needed", [lambda: bytearray(1 << 60), lambda: torch.empty(1 << 50)])
def test_memory_that_the_system_refuses_is_an_error_for_people(
    needed: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "load", lambda *_, **__: needed())
    with pytest.raises(ModelError, match="too little memory") as caught:
        Engine.load("tiny", device="cpu")
    assert "ulimit" in caught.value.hint


def test_features_are_those_that_matter(system: Path) -> None:
    assert hardware.features() == ()
    (system / "proc/cpuinfo").write_text("processor : 0\nflags\t\t: fpu avx2 avx512f avx512_bf16\n")
    assert hardware.features() == ("avx2", "avx512f", "avx512_bf16")


CARD = "Model: \t\t NVIDIA GeForce RTX 4090\nIRQ:   \t\t 120\n"


def test_a_card_is_known_by_its_driver_where_torch_cannot_use_it(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    where = Settings(home=system, offline=True)
    assert hardware.inspect(where).gpu is None
    told = system / "proc/driver/nvidia/gpus/0000:01:00.0"
    told.mkdir(parents=True)
    (told / "information").write_text(CARD)
    assert hardware.inspect(where).gpu is None  # the host's, which this container was not given
    (system / "dev/nvidia0").touch()
    found = hardware.inspect(where)
    assert (found.gpu, found.gpu_memory) == ("NVIDIA GeForce RTX 4090", 0)
    (told / "information").unlink()
    assert hardware.card() == "an NVIDIA GPU"
    for hiding in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hiding)
        assert hardware.card() is None
        assert hardware.hidden()


def test_a_card_is_known_where_windows_has_its_driver(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(hardware, "WSL_DRIVER", system / "libcuda.so.1")
    (system / "dev/dxg").touch()
    assert hardware.card() is None  # the card of another maker
    (system / "libcuda.so.1").touch()
    assert hardware.card() == "an NVIDIA GPU"


def test_a_gpu_that_fails_when_it_is_looked_at_is_still_here(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> int:
        raise torch.AcceleratorError("CUDA error: out of memory")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", failing)
    found = hardware.inspect(Settings(home=system, offline=True))
    assert (found.gpu, found.gpu_memory) == ("an NVIDIA GPU", 0)


def test_this_machine(tmp_path: Path) -> None:
    """Whatever it is: the parts agree, and a folder that is not there yet has a disk."""
    found = hardware.inspect(Settings(home=tmp_path / "not/yet", offline=True))
    assert found.cores >= 1
    assert found.disk > 0
    assert found.gpu is not None or found.gpu_memory == 0


def test_the_probe_measures_and_leaves_the_threads_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "PROBE_S", 0.01)
    before = torch.get_num_threads()
    assert hardware.probe() > 0
    assert torch.get_num_threads() == before


@dataclass
class Clock:
    """Time that goes on by itself while a product is computed."""

    now: float = 0.0
    computed: float = 0.0
    runs: int = 0

    def perf_counter(self) -> float:
        return self.now

    def thread_time(self) -> float:
        return self.computed


@pytest.fixture
def product(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Clock]:
    """One core, on which every product takes so long: on the wall, and of its thread."""

    def taking(wall: float, *computed: float) -> Clock:
        clock = Clock()

        def linear(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
            clock.now += wall
            clock.computed += computed[clock.runs % len(computed)]
            clock.runs += 1
            return x

        monkeypatch.setattr(hardware, "time", clock)
        monkeypatch.setattr(hardware, "cores", lambda: 1)
        monkeypatch.setattr(torch.nn.functional, "linear", linear)
        return clock

    return taking


GFLOP = 2 * 128 * 1024 * 2048 / 1e9


def test_a_busy_machine_is_no_slower_than_it_is(product: Callable[..., Clock]) -> None:
    """Between two turns of its thread others have the core for eighty times as long."""
    product(0.005, 0.005)
    quiet = hardware.probe()
    busy = product(0.4, 0.007, 0.005)
    assert hardware.probe() == pytest.approx(quiet) == pytest.approx(GFLOP / 0.005)
    assert busy.runs <= 3  # nobody waits long for it


def test_a_system_that_counts_in_ticks_is_measured_on_the_wall(
    product: Callable[..., Clock],
) -> None:
    product(0.005, 0.0, 0.0, 0.015625)
    assert hardware.probe() == pytest.approx(GFLOP / 0.005)
