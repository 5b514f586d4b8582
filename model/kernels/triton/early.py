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


def early(device: torch.device) -> dict[str, Any]:
    """Launch options, and the constant `EARLY` that tells a kernel of them."""
    return {"EARLY": True, "launch_pdl": True} if hopper(device) else {"EARLY": False}


def hopper(device: torch.device) -> bool:
    """Whether this is a Hopper GPU, or one after it."""
    return device.type == "cuda" and _capability(device.index or 0) >= HOPPER


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
