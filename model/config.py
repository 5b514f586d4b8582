"""The shape of a model of the Llama, Qwen2 and Qwen3 families."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Family = Literal["llama", "qwen2", "qwen3"]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The shape of a model, as its `config.json` gives it."""

    family: Family
    vocab_size: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    rms_eps: float
    rope_theta: float
    rope_scaling: dict[str, Any] | None
    tie_embeddings: bool
    attention_bias: bool
    max_positions: int

    @property
    def qk_norm(self) -> bool:
        """Whether each query and key head is normalised before it is rotated."""
        return self.family == "qwen3"
