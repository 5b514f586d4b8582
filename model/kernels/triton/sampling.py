"""The next token, drawn where the logits are: nothing waits for the host.

    candidates: the `top_k` highest logits; of those the shortest head, by probability at the
                temperature, whose share reaches `top_p`
    token = argmax over the candidates of logit / temperature + Gumbel noise

A draw from their softmax (Gumbel's trick). Temperature 0 takes the highest logit, of equal ones the
lowest token. The meaning is that of `model.sampling.Sampler` but for its random stream: here the
noise of a token is a hash of the seed, the position and the token. Tokens whose logits, over the
temperature, differ by less than 2^-16 are candidates together; one further than 64 below the
highest is none. Of logits that are no numbers nothing is drawn: the token is -1.
"""

from __future__ import annotations

import struct
from pathlib import Path

import torch
from torch import Tensor

from vademecum.model.interface import GenerationOptions
from vademecum.model.kernels.triton.nvrtc import kernel

SOURCE = Path(__file__).with_name("sample.cu")
THREADS = 256  # of a block
# Tokens that a block may look at, whole rounds of its threads: the high part of a weight is at most
# 2^20, so that those of 4,096 come to what 32 bits do not hold.
SHARE = 4_096 - THREADS
STATE_BYTES = 8 * (2 + 4 * 2_048 + 1)  # `State` of a row


def blocks_of(processors: int, rows: int, vocab: int) -> int:
    """Of each row; as many as there are processors together, or what `SHARE` takes."""
    return max(processors // rows, -(-vocab // SHARE))


class DeviceSampler:
    """Draws a token for each of up to `rows` rows of logits; `options` may change between draws."""

    def __init__(self, rows: int, device: torch.device) -> None:
        self._state = torch.zeros(rows, STATE_BYTES, dtype=torch.uint8, device=device)
        self._options = torch.zeros(20, dtype=torch.uint8, device=device)
        self._blocks = torch.cuda.get_device_properties(device).multi_processor_count
        self._run = kernel(SOURCE, "sample", (), device.index or 0, together=True, early=False)

    def rows_at_once(self, vocab: int) -> int:
        """How many rows a launch can draw for: its blocks meet, so that all must run at once."""
        room = self._blocks * self._run.blocks_per_processor(THREADS)
        return room // -(-vocab // SHARE)

    def set(self, options: GenerationOptions) -> None:
        """Takes effect with the next draw."""
        seed = options.seed % 2**64
        packed = struct.pack(
            "<ffiII", options.temperature, options.top_p, min(options.top_k, 2**31 - 1),
            seed % 2**32, seed // 2**32,
        )  # fmt: skip
        self._options.copy_(torch.frombuffer(bytearray(packed), dtype=torch.uint8))

    def sample(
        self, logits: Tensor, tokens: Tensor, start: Tensor, sealed: Tensor, *, advance: bool
    ) -> None:
        """Draw from float32 `logits [rows, vocab]` into int64 `tokens [rows]`.

        Row `r` has the position `start + r`. With `advance`, `start` then counts one token more,
        and `sealed` the pages before the one that it lies in (both int32 `[1]`).
        """
        rows, vocab = logits.shape
        self._run(
            (blocks_of(self._blocks, rows, vocab), rows, 1), THREADS,
            logits, self._options, self._state, tokens, start, sealed, vocab, int(advance),
        )  # fmt: skip
