"""Why a GPU that is here cannot be used, whatever the model, and what a person can do about it.

Imports no kernel: what they need may be missing.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import re
import shutil
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from vademecum.model import hardware

log = logging.getLogger(__name__)

LEAST_CAPABILITY = (8, 9)  # Ada: RTX 4090


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why the GPU is not used, and a hint; `there` is False where there is none."""

    why: str
    hint: str
    there: bool = True

    def __str__(self) -> str:
        return f"{self.why}; {self.hint}" if self.hint else self.why


def obstacle() -> Obstacle | None:
    """What keeps every model from the current GPU; None if nothing does. Raises RuntimeError where
    the GPU fails when it is asked."""
    if not torch.cuda.is_available():
        return unseen()
    major, minor = torch.cuda.get_device_capability()
    if (major, minor) < LEAST_CAPABILITY:
        least = ".".join(map(str, LEAST_CAPABILITY))
        why = f"the GPU's compute capability is {major}.{minor}, below {least}"
        return Obstacle(why, "VADEMECUM_DEVICE=cpu leaves this unsaid" + another())
    for module in ("triton", "cuda.bindings"):
        if not _importable(module):
            return Obstacle(
                f"the module {module} is not installed",
                "PyTorch's build with CUDA for Linux brings it: install that anew",
            )
    return unbuildable()


def unseen() -> Obstacle:
    """Why PyTorch sees no GPU."""
    if hardware.card() is None:
        return Obstacle("PyTorch sees no NVIDIA GPU", "", there=False)
    if torch.version.cuda is None:
        return Obstacle(
            f"PyTorch {torch.__version__} was built without CUDA",
            "install its build with CUDA, as pytorch.org tells",
        )
    said = "PyTorch sees no NVIDIA GPU"
    init: Any = torch.cuda.init  # its types are missing
    try:
        init()
    except (RuntimeError, AssertionError) as error:
        code = re.search(r"Error \d+: .*", str(error))
        # What follows the first sentence is advice, with addresses.
        said = code.group() if code else first_line(error).partition(". ")[0]
    hint = "`nvidia-smi` tells whether the driver sees it; CUDA_VISIBLE_DEVICES may hide it"
    if "driver" in said:
        hint = "update the NVIDIA driver, or install a PyTorch that was built for it"
    return Obstacle(said, hint)


def failing(error: Exception) -> Obstacle:
    """A GPU that answers with an error when it is looked at."""
    said = first_line(error).removeprefix("CUDA error: ")
    return Obstacle(
        f"CUDA says {said!r}", "`nvidia-smi` tells what else uses the GPU: close that" + another()
    )


def another() -> str:
    """How another GPU is taken, where there are several: the end of a hint."""
    count = torch.cuda.device_count()
    return f", or take another of the {count} GPUs: CUDA_VISIBLE_DEVICES=N" if count > 1 else ""


def unbuildable() -> Obstacle | None:
    """What is missing to build what Triton launches kernels with; None where it is built already.

    That is C with Python's headers: in Triton 3.9 one module, in 3.6 besides it one for each
    signature of a kernel. All are kept in Triton's cache, so that a compiler is needed at the first
    start, and with 3.6 again by kernels of another signature: then loading fails, and is told.
    """
    named = os.environ.get("CC")  # looked for as in triton/runtime/build.py
    found = any(map(shutil.which, ("gcc", "clang") if named is None else (named,)))
    scheme = sysconfig.get_default_scheme().replace("posix_local", "posix_prefix")
    header = Path(sysconfig.get_paths(scheme=scheme)["include"], "Python.h")
    if (found and header.exists()) or _built():
        return None
    if not found:
        told = "gcc, clang" if named is None else f"CC is {named!r}"
        return Obstacle(
            f"Triton finds no C compiler ({told})",
            "install gcc, or name a compiler: CC=PATH",
        )
    return Obstacle(
        f"Triton needs Python's headers, and there is no {header}",
        "install them: python3-dev, or python3-devel",
    )


def first_line(error: Exception) -> str:
    """What happened: drivers and compilers write long."""
    return (str(error).splitlines() or [type(error).__name__])[0]


@cache
def _built() -> bool:
    """Whether Triton can launch, by what it built earlier or is told to build with."""
    try:
        return importlib.import_module("triton.runtime.driver").driver.active is not None
    except Exception as error:  # of compilers, linkers, drivers
        log.info("Triton cannot launch", exc_info=error)
        return False


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of what it lies in
        return False
