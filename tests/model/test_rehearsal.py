"""What a GPU reads to be ready: once, shown, and without a trace."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from vademecum.model.cache import PagedCache
from vademecum.model.config import ModelConfig
from vademecum.model.decoder import Decoder
from vademecum.model.interface import GenerationOptions
from vademecum.model.rehearsal import rehearse
from vademecum.model.sampling import Sampler
from vademecum.progress import Silent


class Told(Silent):
    def __init__(self) -> None:
        self.of: list[int | None] = []
        self.done = 0
        self.over = False

    def start(self, task: str, total: int | None, unit: str) -> None:
        self.of.append(total)

    def advance(self, amount: int) -> None:
        self.done += amount

    def finish(self) -> None:
        self.over = True


class Reader:
    """Reads as the decoder does, and asks for prompts of some lengths besides."""

    def __init__(self, decoder: Decoder) -> None:
        self.read_lengths: list[tuple[int, int]] = []
        self.looked = False
        self._decoder = decoder

    def lengths(self, most: int) -> list[int]:
        return [n for n in (9, 16, 128) if n <= most]

    def look_far_back(self, cache: PagedCache) -> None:
        self.looked = True

    def read(self, ids: torch.Tensor, cache: PagedCache, sequence: object) -> torch.Tensor:
        self.read_lengths.append((sequence.length, ids.shape[0]))  # type: ignore[attr-defined]
        return torch.zeros(1, self._decoder.config.hidden)


class Seen(TorchDispatchMode):
    """Notes PyTorch's operations, and what kinds of tensors they are given: to each its kernels."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: set[object] = set()

    def __torch_dispatch__(
        self, func: object, types: object, args: tuple[object, ...] = (), kwargs: object = None
    ) -> object:
        kinds = tuple(
            (given.dtype, given.dim()) if isinstance(given, torch.Tensor) else type(given)
            for given in args
        )
        self.operations.add((str(func), kinds))
        return func(*args, **(kwargs or {}))  # type: ignore[operator, call-overload, dict-item]


@pytest.fixture
def decoder(decoder_of: Callable[..., Decoder], llama: ModelConfig) -> Decoder:
    return decoder_of(llama, kv="int8")


@pytest.mark.parametrize("pages", [1, 2, 40])
def test_nothing_is_kept(decoder: Decoder, pages: int) -> None:
    cache, told = decoder.new_cache(pages * 32), Told()
    rehearse(decoder, cache, told)
    assert cache.free_tokens == pages * 32
    assert cache.kept_tokens == 0
    assert told.of == [1]
    assert told.done == 1
    assert told.over


def test_what_reads_on_a_gpu_says_what_else_is_to_be_read(decoder: Decoder) -> None:
    decoder._reader = reader = Reader(decoder)  # type: ignore[assignment]
    cache, told = decoder.new_cache(1_024), Told()
    rehearse(decoder, cache, told)
    assert reader.read_lengths == [(0, 512), (512, 1), (0, 9), (0, 16), (0, 128)]
    assert reader.looked
    assert told.of == [told.done] == [4]
    assert cache.free_tokens == 1_024


def test_memory_that_does_not_suffice_is_told_and_given_back(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    cache, told = decoder.new_cache(1_024), Told()
    monkeypatch.setattr(decoder, "prefill", failing)
    with pytest.raises(torch.OutOfMemoryError):
        rehearse(decoder, cache, told)
    assert cache.free_tokens == 1_024
    assert told.over


@pytest.mark.parametrize(
    "options",
    [
        GenerationOptions(),
        GenerationOptions(temperature=0),
        GenerationOptions(top_p=1.0),
        GenerationOptions(top_k=5, temperature=2.0),
        GenerationOptions(top_k=5, top_p=1.0),
    ],
)
@pytest.mark.parametrize("refused", [0, 1, 3])
def test_a_prompts_first_token_is_drawn_by_what_has_run_before(
    decoder: Decoder, options: GenerationOptions, refused: int
) -> None:
    with Seen() as before:
        rehearse(decoder, decoder.new_cache(1_024), Silent())
    logits = 4 * torch.randn(decoder.config.vocab_size)
    allowed = iter([False] * refused + [True])
    with Seen() as now:
        Sampler(options).sample(logits, lambda _: next(allowed))
    assert now.operations <= before.operations
    assert now.operations
