"""Tokens computed ahead tell what they would tell alone; how many, past drafts decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from vademecum.model.cache import PagedCache, Sequence
from vademecum.model.config import ModelConfig
from vademecum.model.decoder import Decoder
from vademecum.model.drafting import NgramDrafter
from vademecum.model.steps import Steps
from vademecum.model.watch import Watch


@dataclass
class Counter:
    """Stands in for a decoder: counts the tokens that come together."""

    together: list[int] = field(default_factory=list)

    def decode(self, ids: Tensor, cache: PagedCache, sequence: Sequence) -> Tensor:
        self.together.append(len(ids))
        return torch.zeros(len(ids), 1)

    def keep(self, tokens: int, cache: PagedCache, sequence: Sequence) -> None:
        sequence.length += tokens


def test_drafts_are_as_long_as_those_before_them_were_right() -> None:
    cache = PagedCache(layers=1, kv_heads=1, head_dim=2, pages=4, kind="plain", dtype=torch.float32)
    prompt = list(range(32)) * 2
    sequence = cache.open(prompt, 128)
    sequence.length = 64
    decoder = Counter()
    steps = Steps(decoder, cache, sequence, NgramDrafter(prompt), None)  # type: ignore[arg-type]
    for token in (0, 1, 2, 3, 4, 5, 99, 20, 21):
        steps.after(token)
    # 1 to 4 were right; of 6 to 13 none was; after 99 and 20 nothing is known; 22 to 25 may follow.
    assert decoder.together == [1 + 4, 1 + 8, 1, 1, 1 + 4]
    assert (steps.drafted, steps.accepted) == (16, 4)


def test_tokens_of_a_draft_tell_the_attention_that_they_tell_alone(
    llama: ModelConfig, decoder_of: Callable[..., Decoder]
) -> None:
    decoder = decoder_of(replace(llama, intermediate=128), dtype=torch.bfloat16, quantized=True)
    prompt = [7, 8, 9, 10, 11, 12] * 12
    told = []
    for drafter in (NgramDrafter(prompt), None):
        cache = decoder.new_cache(96)
        sequence = cache.open(prompt, 96)
        decoder.prefill(torch.tensor(prompt), cache, sequence)
        # Some of it stands in the page that the answer goes on in, which has more with every token.
        watch = Watch([range(10, 50), range(60, 72)], pages=3, layers=llama.layers)
        steps = Steps(decoder, cache, sequence, drafter, watch)
        shares = []
        for token in prompt[:20]:
            steps.after(token)
            shares.append(steps.shares())
        assert steps.accepted == (4 + 6 + 6 if drafter else 0)
        told.append(torch.stack([share for share in shares if share is not None]))
    assert told[0].shape == (20, 2)
    torch.testing.assert_close(*told, atol=1e-5, rtol=0)
