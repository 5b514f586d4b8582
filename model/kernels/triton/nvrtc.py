"""CUDA C++ that is compiled when it is first used, and launched on PyTorch's current stream.

With NVRTC, through the bindings that PyTorch itself depends on: no CUDA toolkit, no C++ compiler
and no header is needed on the user's machine.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

HOPPER = 90
SHARED = 48 << 10  # bytes that a block may have without asking for more
HERE = Path(__file__).parent


def runs_on(device: torch.device) -> bool:
    """Whether kernels in CUDA C++ do."""
    return device.type == "cuda"


def compiled(source: str, definitions: Mapping[str, int | str], capability: int) -> bytes:
    """Machine code for a compute capability (89: RTX 4090, 90: H100, H200).

    A source may include the headers that lie here. Raises RuntimeError with what the compiler said.
    """
    from cuda.bindings import nvrtc

    headers = {path.name.encode(): path.read_bytes() for path in HERE.glob("*.cuh")}
    program = _checked(
        nvrtc.nvrtcCreateProgram(
            source.encode(), b"kernel.cu", len(headers), list(headers.values()), list(headers)
        )
    )
    options = [
        f"--gpu-architecture=sm_{capability}", "--std=c++17", "--use_fast_math",
        *(f"-D{name}={value}" for name, value in definitions.items()),
    ]  # fmt: skip
    (result,) = nvrtc.nvrtcCompileProgram(program, len(options), [o.encode() for o in options])
    if result != nvrtc.nvrtcResult.NVRTC_SUCCESS:
        said = b" " * _checked(nvrtc.nvrtcGetProgramLogSize(program))
        nvrtc.nvrtcGetProgramLog(program, said)
        raise RuntimeError(f"NVRTC: {said.decode(errors='replace')}")
    code: bytes = b" " * _checked(nvrtc.nvrtcGetCUBINSize(program))
    _checked(nvrtc.nvrtcGetCUBIN(program, code))
    _checked(nvrtc.nvrtcDestroyProgram(program))
    return code


class Kernel:
    """One function of a compiled program, on one device."""

    def __init__(
        self, path: Path, name: str, definitions: tuple[tuple[str, int | str], ...],
        device: int, *, together: bool, early: bool, shared: int,
    ) -> None:  # fmt: skip
        """With `together`, all blocks run at once and may wait for each other; with `early`, it
        waits for the kernel before by itself; a block has `shared` bytes of memory besides what
        the program names."""
        from cuda.bindings import driver

        self._function = _checked(
            driver.cuModuleGetFunction(_module(path, definitions, device), name.encode())
        )
        about = driver.CUfunction_attribute
        most = about.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        allowed = _checked(driver.cuFuncGetAttribute(most, self._function))
        named = _checked(
            driver.cuFuncGetAttribute(about.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, self._function)
        )
        # The function is shared by all who ask for these definitions: who needs less takes nothing.
        if shared > min(allowed, SHARED - named):
            _checked(driver.cuFuncSetAttribute(self._function, most, max(shared, allowed)))
        self._shared = shared
        self._device = device
        attribute = driver.CUlaunchAttributeID
        self._attributes = []
        if together:
            at_once = driver.CUlaunchAttribute()
            at_once.id = attribute.CU_LAUNCH_ATTRIBUTE_COOPERATIVE
            at_once.value.cooperative = 1
            self._attributes.append(at_once)
        if early and _capability(device) >= HOPPER:
            # The kernel may begin before the one ahead of it in the stream has ended, and waits
            # for it (griddepcontrol) once it needs its results.
            begin = driver.CUlaunchAttribute()
            begin.id = attribute.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION
            begin.value.programmaticStreamSerializationAllowed = 1
            self._attributes.append(begin)

    def blocks_per_processor(self, threads: int) -> int:
        """How many blocks of `threads` run on a multiprocessor at once."""
        from cuda.bindings import driver

        found: int = _checked(
            driver.cuOccupancyMaxActiveBlocksPerMultiprocessor(
                self._function, threads, self._shared
            )
        )
        return found

    def __call__(
        self, blocks: tuple[int, int, int], threads: int, *arguments: Tensor | int | None
    ) -> None:
        """Launch; tensors are passed as addresses, numbers as `int`, None as a null address."""
        from cuda.bindings import driver

        config = driver.CUlaunchConfig()  # its own: engines share kernels
        config.gridDimX, config.gridDimY, config.gridDimZ = blocks
        config.blockDimX, config.blockDimY, config.blockDimZ = threads, 1, 1
        config.sharedMemBytes = self._shared
        config.hStream = torch.cuda.current_stream(self._device).cuda_stream
        config.attrs, config.numAttrs = self._attributes, len(self._attributes)
        values = tuple(a.data_ptr() if isinstance(a, Tensor) else a or 0 for a in arguments)
        kinds = tuple(ctypes.c_int if isinstance(a, int) else ctypes.c_void_p for a in arguments)
        _checked(driver.cuLaunchKernelEx(config, self._function, (values, kinds), 0))


@cache
def kernel(
    path: Path, name: str, definitions: tuple[tuple[str, int | str], ...], device: int,
    *, together: bool = False, early: bool = True, shared: int = 0,
) -> Kernel:  # fmt: skip
    """Compiled once a process for each device."""
    return Kernel(path, name, definitions, device, together=together, early=early, shared=shared)


@cache
def _module(path: Path, definitions: tuple[tuple[str, int | str], ...], device: int) -> Any:
    """A program compiled for a device and loaded onto it."""
    from cuda.bindings import driver

    torch.cuda.current_stream(device)  # PyTorch makes the context
    source = path.read_text(encoding="utf-8")
    return _checked(
        driver.cuModuleLoadData(compiled(source, dict(definitions), _capability(device)))
    )


def _capability(device: int) -> int:
    major, minor = torch.cuda.get_device_capability(device)
    return 10 * major + minor


def _checked(answer: Sequence[Any]) -> Any:
    """What a driver call gave, without its status; raises RuntimeError if that is an error."""
    status, *rest = answer
    if int(status) != 0:
        raise RuntimeError(f"CUDA: {status.name}")
    return rest[0] if rest else None
