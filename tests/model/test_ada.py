"""What a GPU runs also compiles for Ada (RTX 4090) and fits its shared memory: on a GPU only.

Ada's code cannot be run elsewhere. What can is how work is cut for it, and that nothing depends on
Hopper's early launches.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

if not torch.cuda.is_available():
    pytest.skip("no GPU", allow_module_level=True)
pytest.importorskip("triton")

import triton
from test_captured import CUDA, GREEDY, SPARSITY, config, pair, triton_kernels
from triton_support import random_quantized, relative

from vademecum.model.captured import CapturedStep
from vademecum.model.decoder import Decoder
from vademecum.model.kernels.pages import QuantizedPages
from vademecum.model.kernels.triton import early, int8, nf4, nvrtc, rotate, scores
from vademecum.model.kernels.triton.sampling import DeviceSampler

Launched = tuple[str, str, dict[str, int | str], int]  # name, source, definitions, shared memory
ADA = 89
SHARED_BYTES = 101_376  # that a block may have
# (out, in) of the R1s; whether gated.
PRODUCTS = {
    "qwen-7b": [
        (4_608, 3_584, False), (3_584, 3_584, False), (18_944, 3_584, True), (3_584, 18_944, False),
    ],
    "qwen-32b": [(7_168, 5_120, False), (27_648, 5_120, True), (5_120, 27_648, False)],
    "llama-8b": [(6_144, 4_096, False), (14_336, 4_096, True), (4_096, 14_336, False)],
    "llama-70b": [
        (10_240, 8_192, False), (8_192, 8_192, False), (28_672, 8_192, True),
        (8_192, 28_672, False),
    ],
}  # fmt: skip
# (heads, KV heads, dim): those of the R1s, Qwen2.5-0.5B, SmolLM2-135M; family and kind of pages.
HEADS = [
    (*shape, *kind)
    for shape in (
        (12, 2, 128), (28, 4, 128), (32, 8, 128), (40, 8, 128), (64, 8, 128),
        (14, 2, 64), (9, 3, 64),
    )
    for kind in (("qwen2", "int8"), ("llama", "k8v4"))
]  # fmt: skip


@contextmanager
def as_on_ada(recorded: list[Launched]) -> Iterator[None]:
    """The GPU tells of an RTX 4090's processors and shared memory, and kernels are launched one
    after the other; those of CUDA C++ go to `recorded`."""

    class Recording(nvrtc.Kernel):
        def __init__(
            self, path: Path, name: str, definitions: Any, *other: Any, **how: Any
        ) -> None:
            super().__init__(path, name, definitions, *other, **how)
            source = path.read_text(encoding="utf-8")
            recorded.append((name, source, dict(definitions), how["shared"]))

    real = torch.cuda.get_device_properties(CUDA)
    told = SimpleNamespace(**{n: getattr(real, n) for n in dir(real) if not n.startswith("_")})
    told.multi_processor_count, told.shared_memory_per_block_optin = 128, SHARED_BYTES
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "get_device_properties", lambda *_: told)
        for module in (nvrtc, early):
            patch.setattr(module, "HOPPER", 1_000)
        patch.setattr(nvrtc, "Kernel", Recording)
        nvrtc.kernel.cache_clear()
        try:
            yield
        finally:
            nvrtc.kernel.cache_clear()


def written(device: Decoder, prompt: int, steps: int, *, watched: bool = False) -> Tensor:
    """Logits of single tokens and of a few at once in turn, after a prompt; `watched`, what
    attention each page receives is counted."""
    torch.manual_seed(1)
    ids = torch.randint(0, device.config.vocab_size, (prompt,))
    cache = device.new_cache(512)
    sequence = cache.open(ids.tolist(), 400)
    for first in range(0, prompt, device.chunk):
        device.prefill(ids[first : first + device.chunk], cache, sequence)
    step = CapturedStep(device, cache, tokens=512)
    if watched:
        sequence.mass = torch.zeros(9, 512 // 32 + 1)
    step.begin(sequence, GREEDY)
    found, at = [], prompt
    for rows in (1, 4) * steps:
        some = min(rows, 32 - at % 32)
        step.feed(torch.randint(0, device.config.vocab_size, (some,)).tolist())
        step.run(some)
        found.append(step.logits[:some].clone())
        if watched:
            mass = step.fetch_mass(some)
            step.fetch(some)()
            # Each layer's attention comes to 1.
            assert mass.sum(1).tolist() == pytest.approx([device.config.layers] * some, rel=1e-2)
        at += some
        if some > 1:
            step.go_to(at)
    return torch.cat(found)


def shared_bytes(code: bytes) -> int:
    """Shared memory that a compiled program names: the sizes of its ELF sections for it."""
    (at,) = struct.unpack_from("<Q", code, 0x28)
    size, count, names = struct.unpack_from("<3H", code, 0x3A)
    sections = [struct.unpack_from("<IIQQQQ", code, at + n * size) for n in range(count)]
    strings = sections[names][4]
    total = 0
    for name, _, _, _, _, length in sections:
        start = strings + name
        if code[start : code.index(b"\0", start)].startswith(b".nv.shared."):
            total += length
    return total


@pytest.fixture(scope="module", params=HEADS, ids=lambda given: "-".join(map(str, given)))
def written_with(request: pytest.FixtureRequest) -> list[Launched]:
    """What tokens of a model with such heads take, having run."""
    heads, kv_heads, dim, family, kind = request.param
    found: list[Launched] = []
    with as_on_ada(found):
        shape = {"heads": heads, "kv_heads": kv_heads, "head_dim": dim, "layers": 4}
        device, _ = pair(config(family, **shape), kind, SPARSITY)
        for watched in (False, True):
            assert written(device, 200, 1, watched=watched).isfinite().all()
    return found


def compile_and_fit(recorded: list[Launched]) -> None:
    """Each program once, with the most memory that a launch of it asks for."""
    most: dict[tuple[str, tuple[tuple[str, int | str], ...]], int] = {}
    for _, source, definitions, shared in recorded:
        program = source, tuple(definitions.items())
        most[program] = max(shared, most.get(program, 0))
    for (source, definitions), shared in most.items():
        taken = shared + shared_bytes(nvrtc.compiled(source, dict(definitions), ADA))
        assert taken <= SHARED_BYTES, (source[:80], definitions, taken)


@pytest.mark.parametrize("kind", ["int8", "k8v4"])
@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_what_is_written_is_the_same(family: str, kind: str) -> None:
    """Where pages are chosen, all of them: what hung on close scores would differ by more."""
    sparsity = replace(SPARSITY, budget=512, long_budget=512)
    device, _ = pair(config(family), kind, sparsity)  # type: ignore[arg-type]
    found = written(device, 150, 20)
    with as_on_ada([]):
        on_ada = written(device, 150, 20)
    errors = sorted(relative(a, b) for a, b in zip(on_ada, found, strict=True))
    assert errors[len(errors) // 2] < 0.01, errors
    assert errors[-1] < 0.1, errors


def test_what_writes_compiles_and_fits(written_with: list[Launched]) -> None:
    assert len({name for name, *_ in written_with}) >= 5
    counting = {
        (name, dict(given)["COUNTED"]) for name, _, given, _ in written_with if "COUNTED" in given
    }
    assert {(name, counted) for name, _ in counting for counted in (0, 1)} == counting
    compile_and_fit(written_with)


@pytest.mark.parametrize("model", PRODUCTS)
def test_products_compile_and_fit(model: str) -> None:
    recorded: list[Launched] = []
    with as_on_ada(recorded):
        for out, inner, gated in PRODUCTS[model]:
            weight = random_quantized(2 * out if gated else out, inner)
            packed = nf4.PackedNF4.of_gate_up(weight) if gated else nf4.PackedNF4.of(weight)
            for rows in (1, 2, 9, 16):
                nf4.product(torch.randn(rows, inner, device=CUDA).bfloat16(), packed)
            rotate.rotate_weight(packed, rotate.weight_scale(packed))
            rotate.rotate(torch.randn(2, inner, device=CUDA).bfloat16())
    names = {name for name, *_ in recorded}
    assert names == {"nf4_product", "scale_weight", "rotate_weight", "rotate_rows"}
    compile_and_fit(recorded)


shared_of: dict[str, int] = {}  # on Ada, by the hash of what Triton compiled for this GPU


def triton_kernels_fit() -> set[str]:
    """The names of those that were compiled for Ada too, of all that this process has compiled."""
    from triton.backends.compiler import GPUTarget

    checked = set()
    for kernel in triton_kernels():
        kinds = map(str, kernel.src.signature.values())
        if kernel.metadata.launch_pdl or any("tensordesc" in kind for kind in kinds):
            continue  # Hopper's
        if kernel.hash not in shared_of:
            given = kernel.metadata
            options = {"num_warps": given.num_warps, "num_stages": given.num_stages}
            made = triton.compile(kernel.src, target=GPUTarget("cuda", ADA, 32), options=options)
            shared_of[kernel.hash] = made.metadata.shared
        assert shared_of[kernel.hash] <= SHARED_BYTES, kernel.src.fn.__name__
        checked.add(kernel.src.fn.__name__)
    return checked


@pytest.mark.usefixtures("written_with")
def test_what_triton_writes_with_compiles_and_fits() -> None:
    checked = triton_kernels_fit()
    assert len(checked) >= 8
    assert "mass_kernel" in checked  # what counts attention


@pytest.mark.parametrize("group", [1, 7, scores.GROUP])
def test_the_choice_among_a_million_tokens_compiles_and_fits(group: int) -> None:
    recorded: list[Launched] = []
    empty = QuantizedPages.empty(1, 1, 64, 8)
    store = QuantizedPages(*(tensor.to(CUDA) for tensor in empty.tensors()))
    query = torch.zeros(1, 1, group, 64, dtype=torch.bfloat16, device=CUDA)
    table = torch.zeros(1_024 * scores.MOST_EACH, dtype=torch.int64, device=CUDA)
    start = torch.zeros(1, dtype=torch.int32, device=CUDA)
    counted = torch.zeros(2, dtype=torch.int64, device=CUDA)
    with as_on_ada(recorded):
        summaries = scores.Summaries.of([store], [None])
        scores.select(query, summaries, table, start, SPARSITY, counted)
    assert [name for name, *_ in recorded] == ["score_pages", "select_pages"]
    compile_and_fit(recorded)


def test_the_head_and_the_sampler_compile_and_fit() -> None:
    recorded: list[Launched] = []
    with as_on_ada(recorded):
        codes = torch.zeros(152_064, 5_120, dtype=torch.int8, device=CUDA)
        for rows in (1, 9):
            x = torch.randn(rows, 5_120, device=CUDA).bfloat16()
            int8.product(x, codes, torch.ones(152_064, device=CUDA).bfloat16())
        DeviceSampler(1, CUDA)
    assert [name for name, *_ in recorded] == ["sample"]
    compile_and_fit(recorded)
    assert {"row_kernel", "rows_kernel"} <= triton_kernels_fit()
