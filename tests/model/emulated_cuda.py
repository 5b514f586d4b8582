"""The kernels in CUDA C++ on a CPU, compiled by its C++ compiler: what no GPU is needed to test.

A kernel's source stays as it is but for what C++ has not: instructions of PTX become functions
(`emulated/cuda.h`), and memory that is shared becomes that of the block that runs. Threads of a
block take turns (`emulated/threads.cpp`): they wait for each other where the kernel says so, and in
which order they go on differs from launch to launch, so that a barrier that is missing shows as a
wrong result. What a GPU alone can tell are faults of what runs at once, and time.
"""

from __future__ import annotations

import ctypes
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import Tensor

from vademecum.model.kernels.triton import nvrtc

RUNTIME = Path(__file__).parent / "emulated"
LIBRARIES = RUNTIME.parents[2] / ".pytest_cache" / "emulated_cuda"  # are kept
COMPILER = shutil.which("g++")
FLAGS = (
    "-std=c++17",
    "-O1",
    "-march=native",
    "-fPIC",
    "-fno-strict-aliasing",
    "-ffp-contract=off",
    "-w",
)
ORDERS = 3  # in which threads go on, in turn
# What instructions are called in emulated/cuda.h, by how they begin.
INSTRUCTIONS = {
    "cp.async.cg.shared.global": "copy16",
    "cp.async.commit_group": "commit",
    "cp.async.wait_group": "wait_group",
    "cp.async.wait_all": "wait_all",
    "st.relaxed.gpu.global.v4.f32": "store4",
    "ld.relaxed.gpu.global.v4.u32": "load4",
    "griddepcontrol.": "nothing",
    "cvt.rn.bf16.f32": "round_bf16",
    "cvt.rn.f16x2.f32": "round_halves",
    "{.reg .f16 l, h; mov.b32 {l, h}, %1; cvt.f32.f16 %0, l;}": "low_half",
    "{.reg .f16 l, h; mov.b32 {l, h}, %1; cvt.f32.f16 %0, h;}": "high_half",
    "mul.rn.f16x2": "multiply_halves",
    "sub.f16x2 %0, %0, %1": "subtract_halves",
    "cvt.rna.tf32.f32": "round_tf32",
    "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32": "multiply_bf16",
    "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32": "multiply_f16",
    "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32": "multiply_tf32",
}
ASM = re.compile(r"\basm\s*(?:volatile\s*)?\(")
DYNAMIC = re.compile(r"extern\s+__shared__\s+(?:__align__\(\d+\)\s+)?(\w+)\s+(\w+)\[\];")
SPIN = re.compile(r"(while \(.*\)) \{\}")
LAUNCH = """
extern char __start_of_block[] __attribute__((weak, visibility("hidden")));
extern char __stop_of_block[] __attribute__((weak, visibility("hidden")));
extern "C" size_t emulated_named() { return __stop_of_block - __start_of_block; }
extern "C" const char* emulated_launch(void** given, const unsigned* grid, unsigned threads,
                                       size_t bytes, unsigned running, unsigned number) {
    auto call = [](void** given) { emulated_call(KERNEL, given); };
    return emulated_run(
        {call, given, grid, threads, bytes, __start_of_block, emulated_named(), running, number});
}
"""


def translated(source: str) -> str:
    """A kernel's source, or a header's, as C++. Raises ValueError for an instruction that has no
    name in `INSTRUCTIONS`."""
    parts, at = [], 0
    while found := ASM.search(source, at):
        end = _closing(source, found.end())
        parts += [source[at : found.start()], _call(source[found.end() : end])]
        at = end + 1
    plain = "".join([*parts, source[at:]])
    plain = DYNAMIC.sub(r"\1* \2 = (\1*)emulated_memory();", plain)
    return SPIN.sub(r"\1 { emulated_pause(); }", plain)


def _call(instruction: str) -> str:
    """What stands between the brackets of an `asm` statement, as a call."""
    template, *operands = _split(instruction, ":")
    text = "".join(re.findall(r'"([^"]*)"', template))
    name = next((name for begin, name in INSTRUCTIONS.items() if text.startswith(begin)), None)
    if name is None:
        raise ValueError(f"an instruction that is not emulated: {text}")
    values = [
        re.sub(r'^\s*"[^"]*"\s*\((.*)\)\s*$', r"\1", operand, flags=re.DOTALL)
        for some in operands[:2]
        for operand in _split(some, ",")
        if operand.strip()
    ]
    return f"ptx_{name}({', '.join(values)})"


def _split(text: str, mark: str) -> list[str]:
    """At marks outside brackets and strings."""
    parts, depth, quoted = [""], 0, False
    for letter in text:
        quoted ^= letter == '"'
        depth += 0 if quoted else (letter in "([{") - (letter in ")]}")
        if letter == mark and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _closing(text: str, at: int) -> int:
    """Where the bracket that was opened before `at` is closed."""
    depth, quoted = 1, False
    for place in range(at, len(text)):
        quoted ^= text[place] == '"'
        depth += 0 if quoted else (text[place] == "(") - (text[place] == ")")
        if depth == 0:
            return place
    raise ValueError("a bracket that is never closed")


@dataclass(frozen=True, slots=True)
class Card:
    """What a GPU is said to be; shared memory in bytes, of a block and of a processor."""

    processors: int
    of_block: int
    of_processor: int
    hopper: bool


HOPPER = Card(132, 232_448, 233_472, hopper=True)
ADA = Card(128, 101_376, 102_400, hopper=False)  # an RTX 4090


class EmulatedKernel:
    """In place of `nvrtc.Kernel`. Raises RuntimeError for what the kernel may not do."""

    card = HOPPER
    launches = 0  # of all: in which order threads go on

    def __init__(
        self, path: Path, name: str, definitions: tuple[tuple[str, int | str], ...],
        device: int, *, together: bool, early: bool, shared: int,
    ) -> None:  # fmt: skip
        library = _library(path, name, definitions)
        self._launch = library.emulated_launch
        self._launch.restype = ctypes.c_char_p
        self._name, self._together, self._shared = name, together, shared
        self._taken = shared + int(library.emulated_named())
        self._blocks = int(dict(definitions).get("BLOCKS", 1))  # for which its registers are enough

    def blocks_per_processor(self, threads: int) -> int:
        """Each takes a KB besides."""
        return min(self._blocks, self.card.of_processor // (self._taken + 1_024))

    def __call__(
        self, blocks: tuple[int, int, int], threads: int, *arguments: Tensor | int | None
    ) -> None:
        if self._taken > self.card.of_block:
            most = self.card.of_block
            raise RuntimeError(f"{self._name}: {self._taken} bytes of shared memory of {most}")
        arrays = {n: a for n, a in enumerate(arguments) if isinstance(a, Tensor)}
        places = {n: _given(array) for n, array in arrays.items()}
        values = [
            ctypes.c_int(a) if isinstance(a, int) else ctypes.c_void_p(places.get(n, 0))
            for n, a in enumerate(arguments)
        ]
        given = (ctypes.c_void_p * len(values))(*[ctypes.addressof(value) for value in values])
        # Blocks begin in their order. Who may wait for those before runs beside them.
        running = blocks[0] * blocks[1] * blocks[2] if self._together else 4
        EmulatedKernel.launches += 1
        wrong = self._launch(
            given, (ctypes.c_uint * 3)(*blocks), threads, ctypes.c_size_t(self._shared), running,
            EmulatedKernel.launches,
        )  # fmt: skip
        for n, array in arrays.items():
            _take(array, places[n])
        _runtime().emulated_taken_back()
        if wrong is not None:
            raise RuntimeError(f"{self._name}: {wrong.decode()}")


def _bytes(array: Tensor) -> int:
    """From its first element to its last."""
    if array.numel() == 0:
        return 0
    last = sum(
        (size - 1) * stride for size, stride in zip(array.shape, array.stride(), strict=True)
    )
    return (last + 1) * array.element_size()


def _given(array: Tensor) -> int:
    """Where a copy of it lies, behind which nothing may be touched."""
    place: int = _runtime().emulated_given(ctypes.c_size_t(_bytes(array)))
    assert array.data_ptr() % 16 == 0, "the copy lies better than what is copied"
    ctypes.memmove(place, array.data_ptr(), _bytes(array))
    return place


def _take(array: Tensor, place: int) -> None:
    """What a kernel has written; of what is given twice, one copy may be as it was."""
    size, at = _bytes(array), array.data_ptr()
    if ctypes.string_at(place, size) != ctypes.string_at(at, size):
        ctypes.memmove(at, place, size)


def install() -> None:
    """From now on kernels in CUDA C++ run here, as they would be launched on `EmulatedKernel.card`:
    for a process whose tests are all of such kernels."""
    from vademecum.model.kernels.triton import attention, nf4, scores

    def properties(_: object) -> SimpleNamespace:
        card = EmulatedKernel.card
        return SimpleNamespace(
            multi_processor_count=card.processors, shared_memory_per_block_optin=card.of_block
        )

    nvrtc.Kernel = EmulatedKernel
    torch.cuda.get_device_properties = properties
    for module in (attention, scores):
        module.runs_on = lambda _: True
    attention.hopper = lambda _: EmulatedKernel.card.hopper
    nf4.as_hopper = lambda _: EmulatedKernel.card.hopper


@cache
def _library(path: Path, name: str, definitions: tuple[tuple[str, int | str], ...]) -> ctypes.CDLL:
    _runtime()
    given = [f"-D{key}={value}" for key, value in (*definitions, ("KERNEL", name))]
    given.append("-fsanitize=thread")  # whose functions are those of emulated/memory.cpp
    source = f'#include "cuda.h"\n{translated(path.read_text("utf-8"))}{LAUNCH}'
    headers = {file.name: translated(file.read_text("utf-8")) for file in nvrtc.HERE.glob("*.cuh")}
    return ctypes.CDLL(str(_compiled(source, headers, given)))


@cache
def _runtime() -> ctypes.CDLL:
    parts = {name: (RUNTIME / name).read_text("utf-8") for name in ("memory.cpp", "runtime.h")}
    source = (RUNTIME / "threads.cpp").read_text("utf-8")
    library = _compiled(f'#include "memory.cpp"\n{source}', parts, ["-O3", "-fvisibility=hidden"])
    runtime = ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    runtime.emulated_given.restype = ctypes.c_size_t
    return runtime


def _compiled(source: str, headers: dict[str, str], options: Sequence[str]) -> Path:
    """The library; one that was made of just this is taken."""
    headers = headers | {"cuda.h": (RUNTIME / "cuda.h").read_text("utf-8")}
    whole = hashlib.sha256(repr((source, sorted(headers.items()), options, FLAGS)).encode())
    LIBRARIES.mkdir(parents=True, exist_ok=True)
    made = LIBRARIES / f"{whole.hexdigest()[:24]}.so"
    if made.exists():
        return made
    with tempfile.TemporaryDirectory(dir=LIBRARIES) as work:
        for file, text in {**headers, "source.cpp": source}.items():
            (Path(work) / file).write_text(text, "utf-8")
        for command in (
            [str(COMPILER), *FLAGS, *options, "-c", "source.cpp"],
            [str(COMPILER), "-shared", "source.o", "-o", "made.so"],
        ):
            done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
        (Path(work) / "made.so").replace(made)
    return made
