"""Attention of a step's rows over 8-bit pages and the page being filled, on a GPU.

    out[h] = softmax_t(q_h . (k_t + bias_t) / sqrt(dim)) v,  t over the selected pages and the tail

The meaning is `naive.attention`. Programs share the pages of a KV head, each with a softmax of its
own (FlashAttention, arXiv:2205.14135), and one more program reads the tail; a second kernel joins
the parts, in their order: the same input always gives the same bits.

The query heads of a KV head stand together in a product of tensor cores, twice: the second eight
of its sixteen rows, which would otherwise be empty, hold what rounding to float16 took from the
first. For heads of 64 and 128 this is CUDA C++, where the codes are operands as they lie in memory
(`attention.cu`; `held.cu` where the pages of a block are few and known beforehand); for others, and
where nothing but an interpreter is at hand, Triton, which rounds decoded keys to float16.

Weights are float16, too, times the scales of values. So that no small one is lost beside a large
one whose value is nearly zero (an attention sink), exponentials are taken over what brings the
largest product to 2^15: the largest score plus the logarithm of the largest scale, less LIFTED.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from vademecum.model.kernels.pages import QuantizedPages
from vademecum.model.kernels.triton.early import early, hopper, wait_for_previous
from vademecum.model.kernels.triton.nvrtc import kernel, runs_on
from vademecum.model.kernels.triton.scores import COMPILED, GROUP, BiasTables, Selection

CHANNELS = 32  # joined by one program
PROGRAMS = 264  # of the Triton kernels, which take so many pages at a time:
PAGES = 4
SOURCE = Path(__file__).with_suffix(".cu")
HELD = SOURCE.with_name("held.cu")
THREADS = 256  # of a block of it, of which each warp reads a page at a time
MOST_HELD = 12  # pages of a block of held.cu: two of them run on a Hopper's processor
RUNNING = 2  # blocks of a processor at once, at most
LEAST_PAGES = 4  # of a block, where there are as many; fewer make more parts, which join slower
LEAST_CHOSEN = 5  # the same of chosen pages with a key bias
MOST_SPLITS = 127  # with the tail as many parts as join.cu takes
JOINING = 128  # threads of a block of join.cu
LIFTED = tl.constexpr(15 * math.log(2))


class Cut(NamedTuple):
    """Which kernel reads a row's pages, and how they are dealt out: among `splits` blocks for a KV
    head, each of which holds `held` of them at once, or where that is 0 reads some after others."""

    kernel: str
    splits: int
    held: int = 0


class _Given(NamedTuple):
    """What `attention` is given to read."""

    query: Tensor
    store: QuantizedPages
    table: Tensor
    selection: Selection | None
    tail: tuple[Tensor, Tensor]
    start: Tensor
    bias: BiasTables | None


def attention(
    query: Tensor,
    store: QuantizedPages,
    table: Tensor,
    selection: Selection | None,
    tail: tuple[Tensor, Tensor],
    start: Tensor,
    bias: BiasTables | None,
    mass: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """`query [rows, heads, dim]` bf16 to the same, rows at the positions `start, start + 1, ...`.

    `table` int64 `[capacity]` and `start` int32 `[1]` as for `select`; without a selection every
    complete page is read. `tail` float32 `[kv_heads, 32, dim]`, keys and values: row `r` reads its
    slots up to its own, `start % 32 + r`. To `mass` (float32 `[rows, kv_heads, capacity + 1]`) is
    added what share of the attention each page received: of the heads of a KV head, divided by the
    number of all heads. The tail is the page after the last. `out` may be float32.
    """
    rows, heads, dim = query.shape
    kv_heads, capacity = store.key_mean.shape[0], table.shape[0]
    if heads // kv_heads > GROUP:
        raise ValueError(f"{heads // kv_heads} query heads on a KV head, at most {GROUP} are read")
    out = torch.empty_like(query) if out is None else out
    compiled = runs_on(query.device) and dim in COMPILED
    read = _compiled if compiled else _in_triton
    shares = torch.empty(rows, heads, 0 if mass is None else capacity + 1, device=query.device)
    given = _Given(query, store, table, selection, tail, start, bias)
    weight = read(given, shares, out)
    if mass is not None:
        add_mass(mass, shares, weight, selection, start, heads // kv_heads)
    return out


def add_mass(
    mass: Tensor, shares: Tensor, weight: Tensor, selection: Selection | None, start: Tensor,
    group: int,
) -> None:  # fmt: skip
    """Add to `mass` what the pages received: `shares` float32 `[rows, heads, capacity + 1]` are the
    logarithms of what the pages read sum to, the tail last; `weight` float32 `[rows, heads, parts,
    2]` what each part has taken off its scores and the sum of its exponentials then."""
    rows, kv_heads, places = mass.shape
    mass_kernel[(triton.cdiv(places, 128), kv_heads, rows)](
        shares, weight, *_listed(selection, start), start, mass, places - 1, weight.shape[2],
        GROUP_HEADS=group, KV_HEADS=kv_heads,
        PARTS=triton.next_power_of_2(weight.shape[2]), SELECTED=selection is not None,
        num_warps=4, **early(mass.device),
    )  # fmt: skip


def _compiled(given: _Given, shares: Tensor, out: Tensor) -> Tensor:
    """By attention.cu, or held.cu; gives what `add_mass` calls `weight`."""
    query, store, table, selection, tail, start, bias = given
    rows, heads, dim = query.shape
    kv_heads, capacity, device = store.key_mean.shape[0], table.shape[0], query.device
    if query.dtype != torch.bfloat16:
        raise ValueError(f"queries are {query.dtype}, not bfloat16")
    most = capacity if selection is None else selection.most
    _, splits, held = cut(store, rows, capacity, most, biased=bias is not None)
    part = torch.empty(rows, heads, splits + 1, dim, device=device)
    weight = torch.empty(rows, heads, splits + 1, 2, device=device)
    key_codes, key_mean, key_scale, _, *values = store.tensors()
    read = (
        query, key_codes, key_mean, key_scale, *values, table,
        *((None, None) if selection is None else (selection.pages, selection.count)), *tail, start,
    )  # fmt: skip
    left = (part, weight, shares, store.key_mean.shape[1], capacity)
    room = 0 if selection is None else selection.pages.stride(1)
    constants: tuple[tuple[str, int], ...] = (
        ("DIM", dim),
        ("GROUP_HEADS", heads // kv_heads),
        ("KV_HEADS", kv_heads),
        ("VALUE_BITS", store.value_bits),
        ("SELECTED", int(selection is not None)),
        ("BIASED", int(bias is not None)),
        ("COUNTED", int(shares.numel() > 0)),
    )
    index, blocks = device.index or 0, (splits + 1, kv_heads, rows)
    page = page_bytes(dim, store.value_bits, biased=bias is not None)
    if held:
        constants += (("PAGE_BYTES", page), ("BYTES", held_bytes(dim, page, 1)))
        shared = held_bytes(dim, page, held)
        kernel(HELD, "attend_held", constants, index, shared=shared)(
            blocks, THREADS, *read, *left, room, held
        )
    else:
        group, fits = heads // kv_heads, _about(device).shared_memory_per_block_optin
        stages = 2 if shared_bytes(dim, page, group, 2) <= fits else 1
        shared = shared_bytes(dim, page, group, stages)
        constants += (("KNOWN", int(most is not None)), ("STAGES", stages), ("BYTES", shared))
        kernel(SOURCE, "attend", constants, index, shared=shared)(
            blocks, THREADS, *read,
            *((None, None, None) if bias is None else (bias.operand, bias.within, bias.turns)),
            *left, room,
        )  # fmt: skip
    join(part, weight, out)
    return weight


def join(part: Tensor, weight: Tensor, out: Tensor) -> None:
    """The softmax over all parts, 128 at most, into `out [rows, heads, dim]`: `part` float32
    `[rows, heads, parts, dim]`, `weight` as for `add_mass`."""
    rows, heads, parts, dim = part.shape
    kernel(SOURCE.with_name("join.cu"), "join", (("DIM", dim),), part.device.index or 0)(
        (heads, rows, dim // 32), JOINING,
        part, weight, out, heads, parts, int(out.dtype == torch.float32),
    )  # fmt: skip


def cut(store: QuantizedPages, rows: int, capacity: int, most: int | None, *, biased: bool) -> Cut:
    """How the pages of `rows` rows are read, on a GPU; `most` is how many of the `capacity` a row
    reads at most, None where that is chosen within the step.

    Pages are held where they are few and known, and no key bias is added to them; on Hopper and
    after it, where blocks begin early: measured on Hopper alone.
    """
    kv_heads, _, dim = store.key_mean.shape
    device = store.key_mean.device
    if obstacle(dim):
        return Cut("Triton", _triton_splits(kv_heads, rows, capacity))
    about = _about(device)
    page, processors = page_bytes(dim, store.value_bits, biased=False), about.multi_processor_count
    if most is not None and not biased and hopper(device):
        for running in range(1, RUNNING + 1):
            splits = _splits(running * processors, kv_heads, rows, capacity)
            pages = -(-most // splits)
            room = about.shared_memory_per_block_optin // running
            if pages <= MOST_HELD and held_bytes(dim, page, pages) <= room:
                return Cut(HELD.name, splits, max(1, pages))
    splits = _splits(processors, kv_heads, rows, capacity)
    if biased and most is not None and most < capacity:
        splits = min(splits, max(1, -(-most // LEAST_CHOSEN)))
    return Cut(SOURCE.name, splits)


def obstacle(dim: int) -> str | None:
    """Why pages are read by Triton and not by CUDA C++; None if they are not."""
    if dim in COMPILED:
        return None
    return f"heads have {dim} channels, and CUDA C++ is for {' and '.join(map(str, COMPILED))}"


def _about(device: torch.device) -> Any:
    """A GPU's properties; their types lack what they have."""
    return torch.cuda.get_device_properties(device)


def _splits(blocks: int, kv_heads: int, rows: int, capacity: int) -> int:
    """Among how many of so many blocks the pages of a KV head are dealt out for a row."""
    each = max(1, blocks // (kv_heads * rows) - 1, 8 if rows > 1 else 1)
    return min(each, MOST_SPLITS, max(1, -(-capacity // LEAST_PAGES)))


def _triton_splits(kv_heads: int, rows: int, capacity: int) -> int:
    """The same of the Triton kernel."""
    return max(1, min(-(-capacity // PAGES), PROGRAMS // (rows * kv_heads), MOST_SPLITS))


def page_bytes(dim: int, value_bits: int, *, biased: bool) -> int:
    """`Page` in page.cuh."""
    return 36 * dim + 128 + 4 * dim * value_bits + (4 * dim if biased else 0)


def tail_bytes(dim: int) -> int:
    """`Tail` in tail.cuh."""
    return 288 * dim + 1536 + 1024 * (THREADS // 32)


def shared_bytes(dim: int, page: int, group: int, stages: int) -> int:
    """What a block of attention.cu takes of shared memory, `Shared` there; a page takes `page`."""
    warps = THREADS // 32
    sums = (4 * group + 1) * dim
    return max(stages * warps * page, warps * sums, tail_bytes(dim)) + 64 * warps + 32 * dim


def held_bytes(dim: int, page: int, held: int) -> int:
    """The same for held.cu, where a block reads `held` pages, and looks at whole fours of them."""
    return max(-(-held // 4) * 4 * page, tail_bytes(dim)) + 96 * (THREADS // 32) + 16 * dim


def _in_triton(given: _Given, shares: Tensor, out: Tensor) -> Tensor:
    """For heads of other sizes."""
    query, store, table, selection, tail, start, bias = given
    rows, heads, dim = query.shape
    kv_heads, capacity, device = store.key_mean.shape[0], table.shape[0], query.device
    splits = _triton_splits(kv_heads, rows, capacity)
    part = torch.empty(rows, heads, splits + 1, dim, device=device)
    weight = torch.empty(rows, heads, splits + 1, 2, device=device)
    attention_kernel[(splits + 1, kv_heads, rows)](
        query, *store.tensors(), table, *_listed(selection, start), *tail, start,
        *((query, query) if bias is None else (bias.within, bias.turns)), part, weight, shares,
        store.key_mean.shape[1], capacity, splits, dim**-0.5,
        GROUP_HEADS=heads // kv_heads, KV_HEADS=kv_heads, DIM=dim, GROUP=GROUP,
        PAGES=PAGES if bias is None else 1, VALUE_BITS=store.value_bits,
        SELECTED=selection is not None, BIASED=bias is not None, COUNTED=shares.numel() > 0,
        num_warps=4, num_stages=1, **early(device),
    )  # fmt: skip
    channels = min(CHANNELS, dim)
    join_kernel[(heads, rows, dim // channels)](
        part, weight, out, splits + 1, DIM=dim, CHANNELS=channels,
        PARTS=triton.next_power_of_2(splits + 1), num_warps=4, **early(device),
    )  # fmt: skip
    return weight


def _listed(selection: Selection | None, unused: Tensor) -> tuple[Tensor, Tensor, int]:
    """Pages, their number, and the room for those of a KV head; what is unused is not read."""
    if selection is None:
        return unused, unused, 0
    return selection.pages, selection.count, selection.pages.stride(1)


@triton.jit
def _rounded(x, rest):
    """`x [16, n]` of two halves that are alike, in float16; the second is what rounding took."""
    near = x.to(tl.float16).to(tl.float32)
    return tl.where(rest[:, None], x - near, near).to(tl.float16)


@triton.jit
def _halves(x, GROUP: tl.constexpr):
    """The sum of the halves of `[16, n]`, in both of them."""
    one = tl.sum(tl.reshape(x, (2, GROUP, x.shape[1])), axis=0)
    both = tl.broadcast_to(one[None, :, :], (2, GROUP, x.shape[1]))
    return tl.reshape(both, (2 * GROUP, x.shape[1]))


@triton.jit
def _turned_bias(q, crossed, within, turns, page, dim, slot, kv, DIM: tl.constexpr):
    """`q . R(32 page + t) b` for the slots t of a page: `[16, 32]`.

    As `R(-32 page) q . R(t) b`, and as good as in float32: the bias may be a hundred times as large
    as the keys.
    """
    cos = tl.load(turns + page * DIM + dim % (DIM // 2))
    sin = tl.load(turns + page * DIM + DIM // 2 + dim % (DIM // 2))
    turned = q * cos[None, :] + crossed * sin[None, :]
    table = tl.load(within + (kv * DIM + dim)[:, None] * 32 + slot[None, :])
    return tl.dot(turned, table, input_precision="tf32x3")


@triton.jit
def _page(n, limit, selected, SELECTED: tl.constexpr):
    """The number in the sequence of the `n`-th page that is read; past the last, that of the last.

    None is left behind `limit`: what is read there is left out of the sums."""
    page = tl.minimum(n, limit - 1)
    if SELECTED:
        page = tl.load(selected + page)
    return page


@triton.jit
def attention_kernel(
    query, key_codes, key_mean, key_scale, key_spread, value_codes, value_scale, value_low,
    table, selected, count, room, tail_keys, tail_values, start, within, turns, part, weight,
    shares, store_pages, capacity, splits, scaling,
    GROUP_HEADS: tl.constexpr, KV_HEADS: tl.constexpr, DIM: tl.constexpr, GROUP: tl.constexpr,
    PAGES: tl.constexpr, VALUE_BITS: tl.constexpr, SELECTED: tl.constexpr, BIASED: tl.constexpr,
    COUNTED: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """One of `splits` shares of a KV head's pages, for one row; after the last, the tail."""
    split, kv, row = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    tokens: tl.constexpr = PAGES * 32
    begun = tl.load(start)
    complete = begun // 32
    wait_for_previous(EARLY)
    reads = complete
    if SELECTED:
        reads = tl.load(count + row)
    each = tl.cdiv(reads, splits)
    first, last = split * each, tl.minimum(split * each + each, reads)

    line, dim, slot = tl.arange(0, 2 * GROUP), tl.arange(0, DIM), tl.arange(0, 32)
    some, token = tl.arange(0, PAGES), tl.arange(0, tokens)
    head, rest = line % GROUP, line >= GROUP
    h = row * (GROUP_HEADS * KV_HEADS) + kv * GROUP_HEADS + head
    there, stored = head < GROUP_HEADS, line < GROUP_HEADS
    q = tl.load(query + h[:, None] * DIM + dim[None, :], mask=there[:, None], other=0.0)
    q = q.to(tl.float32) * scaling
    q16 = _rounded(q, rest)
    crossed = q
    if BIASED:
        across = h[:, None] * DIM + ((dim + DIM // 2) % DIM)[None, :]
        crossed = tl.load(query + across, mask=there[:, None], other=0.0).to(tl.float32) * scaling
        crossed = tl.where(dim[None, :] < DIM // 2, crossed, -crossed)

    top = tl.full([2 * GROUP], float("-inf"), dtype=tl.float32)
    total = tl.zeros([2 * GROUP], dtype=tl.float32)
    floors = tl.zeros([2 * GROUP], dtype=tl.float32)  # of 4-bit values
    sums = tl.zeros([2 * GROUP, DIM], dtype=tl.float32)
    chosen = selected + (row * KV_HEADS + kv) * room
    store = kv.to(tl.int64) * store_pages
    for n in range(first, last, PAGES):
        # Where pages lie is looked up twice: a row of keys must be seen to lie in one piece.
        at = store + tl.load(table + _page(n + some, last, chosen, SELECTED))
        at_token = store + tl.load(table + _page(n + token // 32, last, chosen, SELECTED))
        channel = at[None, :] * DIM + dim[:, None]
        mean = tl.load(key_mean + channel).to(tl.float32)
        scale = tl.load(key_scale + channel).to(tl.float32)
        codes = tl.load(
            key_codes + at[None, :, None] * (DIM * 32) + dim[:, None, None] * 32
            + slot[None, None, :]
        )  # fmt: skip
        unit = tl.load(value_scale + at_token * 32 + token % 32).to(tl.float32)
        if VALUE_BITS == 8:
            row_of = at_token * (32 * DIM) + (token % 32) * DIM
            values = tl.load(value_codes + row_of[:, None] + dim[None, :]).to(tl.float16)
        else:
            # The high halves of the bytes are the second half of the channels.
            row_of = at_token * (16 * DIM) + (token % 32) * (DIM // 2)
            packed = tl.load(value_codes + row_of[:, None] + (dim % (DIM // 2))[None, :])
            shift = tl.where(dim < DIM // 2, 0, 4)[None, :]
            values = ((packed.to(tl.int32) >> shift) & 15).to(tl.float16)

        keys = codes.to(tl.float32) * scale[:, :, None] + mean[:, :, None]
        keys = tl.reshape(keys.to(tl.float16), (DIM, tokens))
        scores = _halves(tl.dot(q16, keys), GROUP)
        if BIASED:
            page = _page(n, last, chosen, SELECTED)
            scores += _turned_bias(q, crossed, within, turns, page, dim, slot, kv, DIM)
        real = n + token // 32 < last
        scores = tl.where(real[None, :], scores, float("-inf"))
        largest = tl.log(tl.max(tl.where(real, unit, 0.0), axis=0)) - LIFTED
        peak = tl.maximum(top, tl.max(scores, axis=1) + largest)
        shrink = tl.exp(top - peak)
        weights = tl.exp(scores - peak[:, None])
        total = total * shrink + tl.sum(weights, axis=1)
        top = peak
        if COUNTED:
            here = tl.sum(tl.reshape(weights, (2 * GROUP, PAGES, 32)), axis=2)
            at_share = shares + h[:, None] * (capacity + 1) + n + some[None, :]
            read = stored[:, None] & (n + some < last)[None, :]
            tl.store(at_share, peak[:, None] + tl.log(here), mask=read)
        if VALUE_BITS == 4:
            low = tl.load(value_low + at_token * 32 + token % 32).to(tl.float32)
            floors = floors * shrink + tl.sum(weights * low[None, :], axis=1)
        sums = tl.dot(_rounded(weights * unit[None, :], rest), values, acc=sums * shrink[:, None])

    sums = tl.where(rest[:, None], sums, sums + floors[:, None])
    if split == splits:
        written = slot < begun % 32 + row + 1
        at_keys = kv * (32 * DIM) + slot[None, :] * DIM + dim[:, None]
        tail = tl.load(tail_keys + at_keys, mask=written[None, :], other=0.0)
        logits = tl.dot(q, tail, input_precision="tf32x3")
        if BIASED:
            logits += _turned_bias(q, crossed, within, turns, complete, dim, slot, kv, DIM)
        logits = tl.where(written[None, :], logits, float("-inf"))
        peak = tl.maximum(top, tl.max(logits, axis=1))
        shrink = tl.exp(top - peak)
        own = tl.exp(logits - peak[:, None])
        mine = tl.sum(own, axis=1)
        total = total * shrink + mine
        top = peak
        if COUNTED:
            tl.store(shares + h * (capacity + 1) + capacity, peak + tl.log(mine), mask=stored)
        at_values = kv * (32 * DIM) + slot[:, None] * DIM + dim[None, :]
        ends = tl.load(tail_values + at_values, mask=written[:, None], other=0.0)
        own = tl.where(rest[:, None], 0.0, own)
        sums = sums * shrink[:, None] + tl.dot(own, ends, input_precision="tf32x3")
    sums = _halves(sums, GROUP)

    place = h * (splits + 1) + split
    tl.store(part + place[:, None] * DIM + dim[None, :], sums, mask=stored[:, None])
    tl.store(weight + place * 2, top, mask=stored)
    tl.store(weight + place * 2 + 1, total, mask=stored)


@triton.jit
def join_kernel(
    part, weight, out, count, DIM: tl.constexpr, CHANNELS: tl.constexpr, PARTS: tl.constexpr,
    EARLY: tl.constexpr,
):  # fmt: skip
    """The softmax over all parts of a query head, for some of its channels."""
    h = tl.program_id(1) * tl.num_programs(0) + tl.program_id(0)
    channel = tl.program_id(2) * CHANNELS + tl.arange(0, CHANNELS)
    n = tl.arange(0, PARTS)
    some, place = n < count, h * count + n
    wait_for_previous(EARLY)
    parts = tl.load(part + place[:, None] * DIM + channel[None, :], mask=some[:, None], other=0.0)
    tops = tl.load(weight + place * 2, mask=some, other=float("-inf"))
    totals = tl.load(weight + place * 2 + 1, mask=some, other=0.0)
    factor = tl.exp(tops - tl.max(tops, axis=0))
    result = tl.sum(parts * factor[:, None], axis=0) / tl.sum(factor * totals, axis=0)
    tl.store(out + h * DIM + channel, result.to(out.dtype.element_ty))


@triton.jit
def mass_kernel(
    shares, weight, selected, count, room, start, mass, capacity, parts,
    GROUP_HEADS: tl.constexpr, KV_HEADS: tl.constexpr, PARTS: tl.constexpr,
    SELECTED: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """What 128 of the pages that a KV head read received, of all its query heads; and the tail."""
    block, kv, row = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    complete = tl.load(start) // 32
    wait_for_previous(EARLY)
    reads = complete
    if SELECTED:
        reads = tl.load(count + row)
    n, split = block * 128 + tl.arange(0, 128), tl.arange(0, PARTS)
    # The tail comes after the last page, and its share lies at the end.
    real = n <= reads
    place = tl.where(n == reads, capacity, n)
    received = tl.zeros([128], dtype=tl.float32)
    for g in range(GROUP_HEADS):
        h = row * (GROUP_HEADS * KV_HEADS) + kv * GROUP_HEADS + g
        at = (h * parts + split) * 2
        tops = tl.load(weight + at, mask=split < parts, other=float("-inf"))
        totals = tl.load(weight + at + 1, mask=split < parts, other=0.0)
        top = tl.max(tops, axis=0)
        whole = top + tl.log(tl.sum(tl.exp(tops - top) * totals, axis=0))
        share = tl.load(shares + h * (capacity + 1) + place, mask=real, other=float("-inf"))
        received += tl.exp(share - whole)
    page = n
    if SELECTED:
        page = tl.load(selected + (row * KV_HEADS + kv) * room + n, mask=n < reads, other=0)
    page = tl.where(n == reads, complete, page)
    at_page = mass + (row * KV_HEADS + kv) * (capacity + 1) + page
    so_far = tl.load(at_page, mask=real, other=0.0)
    tl.store(at_page, so_far + received / (GROUP_HEADS * KV_HEADS), mask=real)
