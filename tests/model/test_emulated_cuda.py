"""What emulates CUDA C++ finds the faults that it is there to find: without a GPU or Triton."""

from __future__ import annotations

from pathlib import Path

import emulated_cuda
import pytest
import torch
from emulated_cuda import ORDERS, Card, EmulatedKernel
from torch import Tensor

if emulated_cuda.COMPILER is None:
    pytest.skip("no g++", allow_module_level=True)

THREADS = 64
BEGIN = """
typedef unsigned int u32;
typedef unsigned char u8;
extern "C" __global__ void __launch_bounds__(64) planted(float* out, const float* x, u32* word) {
    extern __shared__ __align__(128) u8 memory[];
    __shared__ float named[64];
    float* shared = reinterpret_cast<float*>(memory);
    const int n = threadIdx.x;
"""


class Planted:
    """A kernel of one or two warps a block, each of 64 floats of shared memory besides."""

    def __init__(self, path: Path, body: str, *, together: bool = False) -> None:
        path.write_text(f"{BEGIN}{body}}}\n", "utf-8")
        self._run = EmulatedKernel(
            path, "planted", (), 0, together=together, early=False, shared=4 * THREADS
        )

    def __call__(self, blocks: int = 1, threads: int = THREADS) -> Tensor:
        out = torch.full((blocks * THREADS,), torch.nan)
        word = torch.zeros(1, dtype=torch.int32)
        self._run((blocks, 1, 1), threads, out, torch.arange(1.0, 1 + THREADS), word)
        return out

    def in_every_order(self) -> list[list[float]]:
        return [self().tolist() for _ in range(ORDERS)]


REVERSED = [[float(THREADS - n) for n in range(THREADS)]] * ORDERS
TURN = "named[n] = x[n]; {} out[n] = named[63 - n];"


def test_threads_read_what_others_wrote_before_a_barrier(tmp_path: Path) -> None:
    assert Planted(tmp_path / "a.cu", TURN.format("__syncthreads();")).in_every_order() == REVERSED


@pytest.mark.parametrize("instead", ["", "__syncwarp();"])
def test_a_barrier_that_is_missing_is_told(tmp_path: Path, instead: str) -> None:
    planted = Planted(tmp_path / "a.cu", TURN.format(instead))
    for _ in range(ORDERS):
        with pytest.raises(RuntimeError, match="of named memory, which thread"):
            planted()


def test_within_a_warp_its_own_barrier_is_enough(tmp_path: Path) -> None:
    turn = "shared[n] = x[n]; {} out[n] = shared[n ^ 31];"
    expected = [float(1 + (n ^ 31)) for n in range(THREADS)]
    found = Planted(tmp_path / "a.cu", turn.format("__syncwarp();")).in_every_order()
    assert found == [expected] * ORDERS
    for instead in ("", "__ballot_sync(~0u, 1);"):  # which orders no memory
        with pytest.raises(RuntimeError, match="of shared memory, which thread"):
            Planted(tmp_path / "b.cu", turn.format(instead))()


def test_numbers_are_added_to_by_many(tmp_path: Path) -> None:
    body = "if (n == 0) named[0] = 0; __syncthreads(); {} __syncthreads(); out[n] = named[0];"
    found = Planted(tmp_path / "a.cu", body.format("atomicAdd(named, x[n]);")).in_every_order()
    assert found == [[32.0 * 65] * THREADS] * ORDERS
    for wrong in ("named[0] += x[n];", "atomicAdd(named, x[n]); out[n] = named[0];"):
        with pytest.raises(RuntimeError, match="byte 0 of named memory"):
            Planted(tmp_path / "b.cu", body.format(wrong))()


def test_of_many_that_read_one_who_writes_is_told(tmp_path: Path) -> None:
    body = (
        "if (n < 32) named[n] = 1; __syncthreads(); out[n] = named[7]; if (n == {}) named[7] = 2;"
    )
    for n in (0, 31, 32, 63):
        with pytest.raises(RuntimeError, match="byte 28 of named"):
            Planted(tmp_path / f"{n}.cu", body.format(n))()


def test_lanes_add_up_what_they_have(tmp_path: Path) -> None:
    body = """
        float sum = x[n];
        for (int d = 16; d; d >>= 1) sum += __shfl_xor_sync(0xFFFFFFFFu, sum, d);
        out[n] = sum + __popc(__ballot_sync(0xFFFFFFFFu, n % 2));
    """
    found = Planted(tmp_path / "a.cu", body)()
    assert found.tolist() == [32 * 33 / 2 + 16] * 32 + [32 * 97 / 2 + 16] * 32


COPY = """
    if (n < 16)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
                     ::"r"((u32)__cvta_generic_to_shared(memory + 16 * n + {})), "l"(x + 4 * n));
    asm volatile("cp.async.commit_group;" ::: "memory");
    {}
    __syncthreads();
    out[n] = shared[n];
"""


@pytest.mark.parametrize(
    ("wait", "there"),
    [
        ('asm volatile("cp.async.wait_all;" ::: "memory");', True),
        ('asm volatile("cp.async.wait_group %0;" ::"n"(0) : "memory");', True),
        ('asm volatile("cp.async.wait_group %0;" ::"n"(1) : "memory");', False),
        ("", False),
    ],
)
def test_what_was_copied_is_there_once_it_was_waited_for(
    tmp_path: Path, wait: str, there: bool
) -> None:
    planted = Planted(tmp_path / "a.cu", COPY.format(0, wait))
    if there:
        assert planted.in_every_order() == [[float(n) for n in range(1, 1 + THREADS)]] * ORDERS
    else:
        assert planted().isnan().all()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (COPY.format(16, ""), "copies to byte 256 of 256"),
        (COPY.format(8, ""), "no multiple of 16"),
        ("shared[n + 1] = x[n];", "writes behind its shared memory"),
        ("out[n + 1] = 1;", "0 bytes behind the end of array 0"),
        ("out[n] = x[n + 4];", "behind the end of array 1"),
        ("out[n] = word[100 - n];", "bytes behind the end of array 2"),
        ("*(float*)(0) = 1;", "no memory"),
        ("if (n < 5) __syncwarp(); else __ballot_sync(~0u, 1);", "others for"),
        ("if (n == 3) return; __syncwarp();", "have ended|ends while"),
        ("while (*(volatile u32*)word < 1) {}", "waits for what no block does"),
    ],
)
def test_what_no_block_may_do_is_told(tmp_path: Path, body: str, said: str) -> None:
    planted = Planted(tmp_path / "a.cu", body)
    for _ in range(ORDERS):
        with pytest.raises(RuntimeError, match=said):
            planted()


MEET = """
    __syncthreads();
    if (n == 0) {
        atomicAdd(word, 1);
        while (*(volatile u32*)word < gridDim.x) {}
    }
    __syncthreads();
    out[blockIdx.x * 64 + n] = *word;
"""


def test_only_blocks_that_run_together_may_all_wait_for_each_other(tmp_path: Path) -> None:
    met = Planted(tmp_path / "a.cu", MEET, together=True)
    assert all(met(9).eq(9).all() for _ in range(ORDERS))
    with pytest.raises(RuntimeError, match="waits for what no block does"):
        Planted(tmp_path / "a.cu", MEET)(9)


def test_a_block_may_wait_for_those_before_it(tmp_path: Path) -> None:
    body = """
        if (n == 0) {
            while (*(volatile u32*)word < blockIdx.x) {}
            atomicAdd(word, 1);
        }
        __syncthreads();
        out[blockIdx.x * 64 + n] = blockIdx.x;
    """
    planted = Planted(tmp_path / "a.cu", body)
    for _ in range(ORDERS):
        assert planted(9).view(9, THREADS)[:, 0].tolist() == list(range(9))


def test_a_block_has_no_more_shared_memory_than_its_card_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = Planted(tmp_path / "a.cu", TURN.format("__syncthreads();"))  # 256 bytes each
    monkeypatch.setattr(EmulatedKernel, "card", Card(1, 512, 1_024, hopper=True))
    planted()
    monkeypatch.setattr(EmulatedKernel, "card", Card(1, 511, 1_024, hopper=True))
    with pytest.raises(RuntimeError, match="512 bytes of shared memory of 511"):
        planted()


def test_an_instruction_that_is_not_emulated_is_named() -> None:
    with pytest.raises(ValueError, match="wgmma"):
        emulated_cuda.translated('asm volatile("wgmma.fence.sync.aligned;" ::: "memory");')
