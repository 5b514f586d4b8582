"""What passes between the engine and whoever asks it: messages in, events out."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Role = Literal["system", "user", "assistant"]
Phase = Literal["thinking", "answer"]
FinishReason = Literal["stop", "length", "cancelled", "timeout"]

LEAST_TEMPERATURE = 1e-5  # but for 0: logits divided by less would not fit a float32
SEEDS = range(-(2**63), 2**64)  # what PyTorch takes


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How to sample one answer. `temperature=0` is greedy. Raises ValueError on nonsense.

    `sources` is how many sources the answer may cite: the numbers of others cannot be sampled.
    The limits on thinking are for models that reason: after `max_thinking_tokens` the thinking is
    closed, and before `min_thinking_tokens` the model cannot close it. `draft` lets the engine
    guess ahead from what stands in the prompt, where that changes the speed only: with weights that
    are not quantised nothing is drafted (`Engine.report()["drafts"]`).
    `watch` are texts of the prompt, sources say: every token tells how much attention they got.
    A `RemoteModel` holds to neither `sources` nor the limits on thinking, and watches nothing.
    """

    max_tokens: int = 1024
    temperature: float = 0.6
    top_p: float = 0.95
    top_k: int = 0  # 0: no limit
    seed: int = 0
    stop: tuple[str, ...] = ()
    timeout_s: float | None = None
    sources: int | None = None  # None: citations are not constrained
    max_thinking_tokens: int | None = None
    min_thinking_tokens: int = 0
    draft: bool = True
    watch: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        whole = ("max_tokens", "top_k", "seed", "min_thinking_tokens")
        for name in (*whole, "sources", "max_thinking_tokens"):
            value = getattr(self, name)
            fits = isinstance(value, int) or (value is None and name not in whole)
            if not fits:
                raise ValueError(f"{name} must be a whole number")
        for name in ("temperature", "top_p", "timeout_s"):
            value = getattr(self, name)
            if not isinstance(value, int | float) and not (value is None and name == "timeout_s"):
                raise ValueError(f"{name} must be a number")
        for name in ("stop", "watch"):
            texts = getattr(self, name)
            if not isinstance(texts, tuple) or not all(isinstance(text, str) for text in texts):
                raise ValueError(f"{name} must be a tuple of texts")
        if self.max_tokens < 1:
            raise ValueError("max_tokens must be at least 1")
        if self.temperature != 0 and not LEAST_TEMPERATURE <= self.temperature < math.inf:
            raise ValueError(f"temperature must be 0, or finite and at least {LEAST_TEMPERATURE}")
        if self.seed not in SEEDS:
            raise ValueError("seed must fit 64 bits")
        if not 0 < self.top_p <= 1:
            raise ValueError("top_p must be in (0, 1]")
        if self.top_k < 0:
            raise ValueError("top_k must not be negative")
        if self.timeout_s is not None and not self.timeout_s > 0:  # NaN is no time either
            raise ValueError("timeout_s must be positive")
        if any(not text for text in self.stop):
            raise ValueError("a stop string must not be empty")
        if self.sources is not None and self.sources < 0:
            raise ValueError("sources must not be negative")
        if self.min_thinking_tokens < 0:
            raise ValueError("min_thinking_tokens must not be negative")
        if self.max_thinking_tokens is not None:
            if self.max_thinking_tokens < 0:
                raise ValueError("max_thinking_tokens must not be negative")
            if self.max_thinking_tokens < self.min_thinking_tokens:
                raise ValueError("max_thinking_tokens must not be below min_thinking_tokens")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of output. `text` may be empty while bytes of a character are still missing.

    `attention` has the share, in [0, 1], of the attention that each watched text of the prompt got
    while the token was computed, averaged over layers and heads. It is empty where nothing is
    watched, for the first token, which the prompt's own pass computes, and from remote models.
    """

    text: str
    id: int
    phase: Phase
    attention: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Stats:
    """What one generation cost. Times in seconds.

    `attention` is the mean of the answer's tokens' (the thinking left out); `prompt_reused` counts
    tokens of the prompt that an earlier one had left in the cache.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    thinking_tokens: int = 0
    prefill_s: float = 0.0
    decode_s: float = 0.0
    prompt_reused: int = 0
    drafted: int = 0  # tokens guessed from the prompt, and how many of them were right
    accepted: int = 0
    attention: tuple[float, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def decode_tok_s(self) -> float:
        """Decoded tokens a second, the first excluded: it belongs to the prefill."""
        steps = self.completion_tokens - 1
        return steps / self.decode_s if steps > 0 and self.decode_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of every stream."""

    reason: FinishReason
    stats: Stats


@dataclass(frozen=True, slots=True)
class Generation:
    """A whole answer: what `stream` yielded, joined."""

    text: str
    thinking: str
    reason: FinishReason
    stats: Stats


class LanguageModel(Protocol):
    """What `rag` needs of an engine: ours, a remote server's, or a scripted one in tests."""

    @property
    def name(self) -> str: ...

    @property
    def quantization(self) -> str: ...

    @property
    def attention(self) -> str: ...

    @property
    def context_length(self) -> int: ...

    @property
    def reasons(self) -> bool:
        """Whether the model thinks before it answers (an R1)."""
        ...

    def count_tokens(self, text: str) -> int: ...

    def stream(
        self,
        messages: Sequence[Message],
        options: GenerationOptions | None = None,
        *,
        cancel: threading.Event | None = None,
    ) -> Iterator[Token | Finished]: ...


class TokenCounter(Protocol):
    """What cuts texts to the size of an embedder needs to know of it."""

    @property
    def max_tokens(self) -> int: ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...


class TextEmbedder(TokenCounter, Protocol):
    """What `rag` and `ingest` need of an embedder."""

    @property
    def name(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def embed_passages(self, texts: Sequence[str]) -> Any:
        """float32 `[texts, dim]`, rows of norm 1, in the order given."""
        ...

    def embed_query(self, text: str) -> Any:
        """float32 `[dim]`, norm 1."""
        ...
