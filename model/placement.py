"""Whether a model can run on a GPU here. Imports no kernel: what they need may be missing."""

from __future__ import annotations

import gc
import importlib.util

import torch

LEAST_CAPABILITY = (8, 9)  # Ada: RTX 4090


def obstacle(quantization: str, kv: str, weights_bytes: int) -> str | None:
    """Why a model cannot run on a GPU here; None if it can."""
    if not torch.cuda.is_available():
        return "PyTorch sees no NVIDIA GPU"
    if quantization != "nf4" or kv == "plain":
        return f"weights in {quantization} with {kv} pages are for the CPU"
    major, minor = torch.cuda.get_device_capability()
    if (major, minor) < LEAST_CAPABILITY:
        return f"the GPU's compute capability is {major}.{minor}, below 8.9"
    for module in ("triton", "cuda.bindings"):
        if not _importable(module):
            return f"the module {module} is not installed"
    free = free_bytes()
    if weights_bytes > free:
        return f"the GPU has {free / 1e9:.1f} GB free; the weights take {weights_bytes / 1e9:.1f}"
    return None


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of what it lies in
        return False


def free_bytes() -> int:
    """Memory of the GPU that nothing uses, what PyTorch keeps for later among it."""
    release()
    return torch.cuda.mem_get_info()[0]


def release() -> None:
    """Give back GPU memory that nothing uses any more."""
    gc.collect()  # a captured step and its decoder know each other
    torch.cuda.empty_cache()
