"""Faults that compute-sanitizer must find, for `sanitize.py`: in CUDA C++ and in Triton.

    compute-sanitizer --tool racecheck python benchmarks/sanitize_planted.py race cuda [graph]
    compute-sanitizer python benchmarks/sanitize_planted.py outside triton [graph]

    outside  it writes far behind its output, where nothing is
    behind   it writes one number behind its output, where each tensor has its own allocation
    race     it reads of shared memory what another thread writes, with no barrier between
    copied   the same, of what another thread copies there while it goes on (cp.async; CUDA C++)

They have names of ours, which racecheck is told to look at. With `graph`, what is wrong is launched
by a graph and by nothing else.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch
import triton
import triton.language as tl

from vademecum.model.kernels.triton.nvrtc import kernel

THREADS = 256
# Numbers behind the end; far is outside of all that PyTorch's allocator holds.
BEHIND = {"outside": 600 << 20, "behind": 1}
SOURCE = """
extern "C" __global__ void nf4_product_race(const int* x, int* out, int behind) {
    __shared__ int shared[256];
    shared[threadIdx.x] = x[threadIdx.x];
    out[threadIdx.x] = shared[(threadIdx.x + 64) % 256];  // no barrier between
}
extern "C" __global__ void nf4_product_copied(const int* x, int* out, int behind) {
    __shared__ int shared[256];
    unsigned to = (unsigned)__cvta_generic_to_shared(shared + threadIdx.x);
    const int* from = x + threadIdx.x;
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(to), "l"(from) : "memory");
    asm volatile("cp.async.wait_all;" ::: "memory");  // for its own copy alone
    out[threadIdx.x] = shared[(threadIdx.x + 64) % 256];
}
extern "C" __global__ void nf4_product_outside(const int* x, int* out, int behind) {
    out[threadIdx.x + (size_t)behind] = x[threadIdx.x];
}
extern "C" __global__ void nf4_product_behind(const int* x, int* out, int behind) {
    out[threadIdx.x + behind] = x[threadIdx.x];
}
"""


@triton.jit
def planted_append_kernel(x, out, races: tl.constexpr, behind: tl.constexpr):
    """All warps write a word of shared memory, which the sum takes."""
    at = tl.arange(0, 256)
    value = tl.load(x + at)
    total = tl.sum(value, axis=0)
    if races:
        value = tl.inline_asm_elementwise(
            "{ .reg .u32 a; mov.u32 a, global_smem; "
            "st.shared.u32 [a], $1; ld.shared.u32 $0, [a]; }",
            "=r,r",
            [value],
            dtype=tl.int32,
            is_pure=False,
            pack=1,
        )
    tl.store(out + at + behind, value + total)


def main() -> None:
    fault, how, *graph = sys.argv[1:]
    x = torch.arange(THREADS, dtype=torch.int32, device="cuda")
    out = torch.zeros_like(x)
    path = Path(tempfile.mkdtemp(), "planted.cu")
    path.write_text(SOURCE, "utf-8")
    races, behind = fault == "race", BEHIND.get(fault, 0)
    run = kernel(path, f"nf4_product_{fault}", (), 0, early=False)

    def launch() -> None:
        if how == "cuda":
            run((1, 1, 1), THREADS, x, out, behind)
        else:
            planted_append_kernel[(1,)](x, out, races, behind, num_warps=4)

    if graph:
        if how == "triton":
            made = planted_append_kernel.warmup(x, out, races, behind, num_warps=4, grid=(1,))
            made._init_handles()
        torch.cuda.synchronize()
        captured = torch.cuda.CUDAGraph()
        with torch.cuda.graph(captured):
            launch()
        print("LAUNCHED", flush=True)
        captured.replay()
    else:
        print("LAUNCHED", flush=True)
        launch()
    torch.cuda.synchronize()


if __name__ == "__main__":
    main()
