"""Sequences of pages for the tests of the GPU's kernels, on a GPU or in Triton's interpreter.

Importing it skips what imports it where there is neither: TRITON_INTERPRET=1 asks for the second,
and CUDA_EMULATED=1 besides for the kernels in CUDA C++ (`emulated_cuda`), where Triton's give way
to them.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import emulated_cuda
import pytest
import torch
from torch import Tensor

from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import PAGE, QuantizedPages
from vademecum.model.linear import QuantizedLinear

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
EMULATED = os.environ.get("CUDA_EMULATED") == "1"
if not torch.cuda.is_available() and not INTERPRETED:
    pytest.skip("neither a GPU nor TRITON_INTERPRET=1", allow_module_level=True)
pytest.importorskip("triton")

from vademecum.model.kernels.triton.nf4 import SCALE, PackedNF4, levels  # noqa: E402

# The interpreter computes with NumPy, which warns of infinities that are meant, and of Triton's own
# conversions.
quiet = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
if EMULATED:
    emulated_cuda.install()
DEVICE = torch.device("cpu" if INTERPRETED else "cuda")
gpu_only = pytest.mark.skipif(INTERPRETED, reason="takes minutes where it is interpreted")
cuda_only = pytest.mark.skipif(INTERPRETED and not EMULATED, reason="CUDA C++: CUDA_EMULATED=1")
THETA = 10_000.0


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


@dataclass
class Case:
    """A sequence in a poisoned store, with scattered pages and room for more."""

    store: QuantizedPages
    table: Tensor
    tail: tuple[Tensor, Tensor]
    start: Tensor  # of the first row: the tail holds it too
    query: Tensor  # [rows, heads, dim]

    @property
    def complete(self) -> int:
        return int(self.start) // PAGE

    @property
    def own(self) -> Tensor:
        return self.table[: self.complete]


def case(
    bits: int, kv: int, group: int, dim: int, pages: int, filled: int, rows: int = 1, seed: int = 0
) -> Case:
    store = QuantizedPages.empty(kv, pages + 5, dim, bits)
    store = QuantizedPages(*(tensor.to(DEVICE) for tensor in store.tensors()))
    for tensor in store.tensors():
        tensor.fill_(float("nan") if tensor.is_floating_point() else 99)
    table = torch.randperm(pages + 5, generator=torch.Generator().manual_seed(3)).to(DEVICE)
    store.seal(
        table[:pages],
        random(kv, pages, PAGE, dim, seed=1 + seed),
        random(kv, pages, PAGE, dim, seed=2 + seed),
    )
    tail = tuple(torch.full((kv, PAGE, dim), math.nan, device=DEVICE) for _ in range(2))
    written = filled + rows - 1
    tail[0][:, :written] = random(kv, written, dim, seed=4)
    tail[1][:, :written] = random(kv, written, dim, seed=5)
    start = torch.tensor([pages * PAGE + filled - 1], dtype=torch.int32, device=DEVICE)
    query = random(rows, kv * group, dim, seed=6 + seed).bfloat16()
    return Case(store, table, (tail[0], tail[1]), start, query)


def bias_of(kv: int, dim: int, size: float) -> KeyBias:
    value = random(kv, dim, seed=7)
    value *= size / value.norm(dim=1, keepdim=True)
    return KeyBias(value, THETA ** (-torch.arange(0, dim, 2, device=DEVICE) / dim))


def rotation(positions: int, dim: int) -> tuple[Tensor, Tensor]:
    angle = torch.arange(positions)[:, None] * THETA ** (-torch.arange(0, dim, 2) / dim)
    cos, sin = angle.cos().float(), angle.sin().float()
    return torch.cat((cos, cos), -1).to(DEVICE), torch.cat((-sin, sin), -1).to(DEVICE)


def random_quantized(out: int, inner: int) -> QuantizedLinear:
    codes = torch.randint(0, 256, (out, inner // 2), dtype=torch.uint8, device=DEVICE)
    return QuantizedLinear(codes, 0.1 + 0.05 * torch.rand(out, inner // 64, device=DEVICE))


def exact(weight: PackedNF4) -> Tensor:
    """`[out, in]`, float32: what the packed weight stands for, its levels those of the kernel."""
    plain = weight.unpacked()
    level = levels().float().to(DEVICE) / SCALE
    codes = torch.stack((plain.packed >> 4, plain.packed & 15), dim=2).flatten(1)
    return level[codes.long()] * plain.absmax.repeat_interleave(64, dim=1)


def relative(found: Tensor, wanted: Tensor) -> float:
    found, wanted = found.double().cpu(), wanted.double().cpu()
    return float((found - wanted).norm() / wanted.norm())
