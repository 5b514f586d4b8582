"""Kernels that begin before the one ahead of them in the stream has ended.

Hopper starts a kernel's blocks once every block of the kernel before has said `begin_next` or
ended; `wait` holds them until its results are complete and can be seen (programmatic dependent
launch). What is read before `wait` must not be written by any kernel of the same step.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

HOPPER = 90
HOPPERS_SHARED = 220 << 10  # bytes of shared memory that a block may have


def early(device: torch.device) -> dict[str, Any]:
    """Launch options, and the constant `EARLY` that tells a kernel of them."""
    return {"EARLY": True, "launch_pdl": True} if hopper(device) else {"EARLY": False}


def hopper(device: torch.device) -> bool:
    """Whether this is a Hopper GPU, or one after it."""
    return device.type == "cuda" and _capability(device.index or 0) >= HOPPER


def as_hopper(device: torch.device) -> bool:
    """Whether its shared memory is Hopper's too: an RTX 50 has Hopper's copy engine and begins
    kernels early, but has the memory of an RTX 40."""
    return hopper(device) and _shared(device.index or 0) >= HOPPERS_SHARED


@triton.jit
def wait_for_previous(EARLY: tl.constexpr):
    """Let the next kernel begin, and wait for the one before."""
    if EARLY:
        gdc_launch_dependents()
        gdc_wait()


@cache
def _capability(index: int) -> int:
    major, minor = torch.cuda.get_device_capability(index)
    return 10 * major + minor


@cache
def _shared(index: int) -> int:
    about: Any = torch.cuda.get_device_properties(index)  # its type lacks what it has
    return int(about.shared_memory_per_block_optin)
