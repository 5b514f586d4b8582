"""What this machine has: cores, memory, a GPU, processor features, and how fast it multiplies."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vademecum.errors import ModelError
from vademecum.settings import Settings
from vademecum.settings import settings as current_settings

PROC = Path("/proc")
DEV = Path("/dev")
WSL_DRIVER = Path("/usr/lib/wsl/lib/libcuda.so.1")  # Windows' own, shown to Linux
CGROUP = Path("/sys/fs/cgroup")
# Instructions that decide how fast a model runs, by the names of /proc/cpuinfo (x86, then ARM).
FEATURES = (
    *("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8"),
    *("asimd", "asimddp", "i8mm", "bf16", "sve"),
)
UNLIMITED = 1 << 60  # control groups write "no limit" as a huge number
PROBE_S = 0.15


@dataclass(frozen=True, slots=True)
class Hardware:
    """Cores and bytes that this process may use; `memory` is None where the system does not say.

    `gpu` is the NVIDIA card that is here; `gpu_memory` is 0 where PyTorch cannot use it, and
    `placement.obstacle` says why.
    """

    cores: int
    memory: int | None
    disk: int
    gpu: str | None
    gpu_memory: int
    features: tuple[str, ...]


def inspect(settings: Settings | None = None) -> Hardware:
    """Look at this machine. Takes about a second if torch is not loaded yet."""
    gpu, gpu_memory = _gpu()
    return Hardware(
        cores=cores(),
        memory=memory_available(),
        disk=disk_free((settings or current_settings()).home),
        gpu=gpu,
        gpu_memory=gpu_memory,
        features=features(),
    )


def cores() -> int:
    """Cores that this process may use: its affinity, and its control group's quota."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    for group in _groups("cpu"):
        # Microseconds of work, and of time: one file in version 2, two in version 1.
        quota = _words(group / "cpu.max") or [
            word
            for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            for word in _words(group / name)
        ]
        if len(quota) == 2 and quota[0].isdigit():
            count = min(count, max(1, round(int(quota[0]) / int(quota[1]))))
    return count


def memory_available() -> int | None:
    """Bytes that can be allocated without swapping, within the limits of the control groups and of
    the process (`ulimit -v`)."""
    found = [
        int(line.split()[1]) * 1024
        for line in _lines(PROC / "meminfo")
        if line.startswith("MemAvailable:")
    ]
    for group in _groups("memory"):
        for limit_file, usage_file in (
            ("memory.max", "memory.current"),  # version 2
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),  # version 1
        ):
            limit, usage = _words(group / limit_file), _words(group / usage_file)
            if limit and usage and limit[0].isdigit() and int(limit[0]) < UNLIMITED:
                # Pages of files count as used, but give way to allocations.
                cached = [
                    int(line.split()[1])
                    for line in _lines(group / "memory.stat")
                    if line.startswith(("inactive_file ", "total_inactive_file "))
                ]
                found.append(max(0, int(limit[0]) - int(usage[0]) + max(cached, default=0)))
    for line in _lines(PROC / "self/limits"):
        if line.startswith("Max address space") and (limit := line.split())[3].isdigit():
            mapped = int((_words(PROC / "self/statm") or ["0"])[0]) * os.sysconf("SC_PAGE_SIZE")
            found.append(max(0, int(limit[3]) - mapped))
    if not found and "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(found, default=None)


@contextmanager
def memory_trouble() -> Iterator[None]:
    """Turn memory that the system refuses, to Python or to torch, into a ModelError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "DefaultCPUAllocator" not in str(error):
            raise
        raise ModelError(
            "this process gets too little memory for the model",
            "take a smaller model or context, close other programs, or raise `ulimit -v`",
        ) from error


def disk_free(folder: Path) -> int:
    """Free bytes where `folder` is, or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def features() -> tuple[str, ...]:
    """Which of FEATURES the processor has; empty where the system does not say."""
    for line in _lines(PROC / "cpuinfo"):
        name, _, value = line.partition(":")
        if name.strip() in {"flags", "Features"}:
            have = set(value.split())
            return tuple(feature for feature in FEATURES if feature in have)
    return ()


def probe() -> float:
    """How fast this machine multiplies bf16 matrices of a layer's size, in GFLOP/s: measured for a
    moment on one core; every core counts as much.

    The best run counts, by the time that its thread computed: on a busy machine the clock on the
    wall runs on while others compute, and made it look up to 80 times slower than it is.
    """
    import torch

    rows, inner, columns = 128, 1024, 2048
    x = torch.ones(rows, inner, dtype=torch.bfloat16)
    weight = torch.ones(columns, inner, dtype=torch.bfloat16)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        torch.nn.functional.linear(x, weight)  # the first call prepares its kernel
        best, end = float("inf"), time.perf_counter() + PROBE_S
        while time.perf_counter() < end or best == float("inf"):
            wall, computed = time.perf_counter(), time.thread_time()
            torch.nn.functional.linear(x, weight)
            wall, computed = time.perf_counter() - wall, time.thread_time() - computed
            # Where the system counts in ticks, a run takes none, or a whole one.
            best = min(best, wall, computed or wall)
    finally:
        torch.set_num_threads(threads)
    return 2 * rows * inner * columns / best / 1e9 * min(threads, cores())


def card() -> str | None:
    """The NVIDIA card that this process was given, as the driver names it, whether PyTorch can use
    it or not; None where there is none, or CUDA_VISIBLE_DEVICES hides all."""
    # A container sees the driver's names of all the host's cards, but devices only if given them.
    given = any(DEV.glob("nvidia[0-9]*")) or ((DEV / "dxg").exists() and WSL_DRIVER.exists())
    if not given or hidden():
        return None
    for file in sorted(PROC.glob("driver/nvidia/gpus/*/information")):
        for line in _lines(file):
            name, _, value = line.partition(":")
            if name == "Model" and value.strip():
                return value.strip()
    return "an NVIDIA GPU"


def hidden() -> bool:
    """Whether somebody has told CUDA to show this process no GPU."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in {"", "-1"}


def _gpu() -> tuple[str | None, int]:
    """Name and memory of the GPU that torch uses, or of one that it cannot."""
    import torch

    try:
        if torch.cuda.is_available():
            properties = torch.cuda.get_device_properties(torch.cuda.current_device())
            return str(properties.name), int(properties.total_memory)
    except RuntimeError:  # it is full, kept by another process, or broken
        return card() or "an NVIDIA GPU", 0
    return card(), 0


def _groups(controller: str) -> Iterator[Path]:
    """The folders of this process's control groups, innermost first: each bounds those inside it.

    A container may see its own group as the root, or its path on a host whose folders it cannot
    see: what is not there bounds nothing.
    """
    for line in [*_lines(PROC / "self/cgroup"), "0::/", f"1:{controller}:/"]:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = CGROUP / controller if controllers else CGROUP  # version 1, or 2
        inner = PurePosixPath(path)
        for group in (inner, *inner.parents):
            yield root / group.relative_to("/")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", errors="replace").splitlines()
    except OSError:  # not this kind of system
        return []


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)[:1]).split()
