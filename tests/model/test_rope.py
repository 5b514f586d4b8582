"""Rotary frequencies are those of transformers, for every kind of scaling."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from vademecum.errors import ModelUnsupported
from vademecum.model.config import ModelConfig
from vademecum.model.rope import SCALINGS, rope_frequencies, rope_magnitude, rotate

LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
# As its config.json has it; 0.878 is 1 / (0.1 ln 4 + 1).
R1_0528 = YARN | {"attn_factor": 0.8782488562869419}

SCALED = [
    {"rope_type": "linear", "factor": 2.5},
    {"rope_type": "dynamic", "factor": 2.0},
    LLAMA3,
    LLAMA3 | {"factor": 32.0, "low_freq_factor": 2.0, "high_freq_factor": 3.0},
    YARN,
    YARN | {"beta_fast": 16, "beta_slow": 2},
    YARN | {"beta_fast": 4.0, "beta_slow": 3.9},
    YARN | {"beta_fast": None, "beta_slow": None, "attention_factor": None},
    YARN | {"truncate": False},
    YARN | {"attention_factor": 0.7},
    YARN | {"mscale": 1.0, "mscale_all_dim": 0.707},
    YARN | {"mscale": 0.707},  # counts only with the other
    YARN | {"factor": None},  # the ratio of the contexts
    YARN | {"factor": 0.5},
    YARN | {"factor": 40.0, "original_max_position_embeddings": 4096},
    {"rope_type": "yarn", "factor": 4.0},
]


@pytest.fixture
def eight_billion(llama: ModelConfig) -> ModelConfig:
    """Positions and heads of R1-Distill-Llama-8B."""
    return replace(llama, head_dim=128, rope_theta=500_000.0, max_positions=131_072)


def reference(config: ModelConfig) -> LlamaConfig:
    scaling = config.rope_scaling or {"rope_type": "default"}
    return LlamaConfig(
        hidden_size=config.heads * config.head_dim,
        num_attention_heads=config.heads,
        head_dim=config.head_dim,
        max_position_embeddings=config.max_positions,
        rope_parameters={"rope_theta": config.rope_theta} | scaling,
    )


@pytest.mark.parametrize("theta", [10_000.0, 500_000.0, 1_000_000.0])
@pytest.mark.parametrize("head_dim", [64, 128])
@pytest.mark.parametrize("scaling", SCALED, ids=str)
def test_scaled_frequencies_are_those_of_transformers(
    scaling: dict[str, Any], head_dim: int, theta: float, eight_billion: ModelConfig
) -> None:
    config = replace(eight_billion, head_dim=head_dim, rope_theta=theta, rope_scaling=dict(scaling))
    expected, magnitude = ROPE_INIT_FUNCTIONS[scaling["rope_type"]](reference(config))
    torch.testing.assert_close(rope_frequencies(config), expected, rtol=1e-6, atol=0)
    assert rope_magnitude(config) == pytest.approx(magnitude, rel=1e-12)


def test_every_scaling_is_compared() -> None:
    assert {scaling["rope_type"] for scaling in SCALED} | {"default"} == set(SCALINGS)


def test_unscaled_frequencies_are_those_of_transformers(eight_billion: ModelConfig) -> None:
    expected, _ = LlamaRotaryEmbedding.compute_default_rope_parameters(reference(eight_billion))
    torch.testing.assert_close(rope_frequencies(eight_billion), expected, rtol=0, atol=0)
    assert rope_magnitude(eight_billion) == 1.0


def test_the_older_spelling_of_the_type_counts(eight_billion: ModelConfig) -> None:
    old = {"type" if key == "rope_type" else key: value for key, value in YARN.items()}
    new, spelt = (replace(eight_billion, rope_scaling=scaling) for scaling in (YARN, old))
    assert torch.equal(rope_frequencies(new), rope_frequencies(spelt))
    assert rope_magnitude(new) == rope_magnitude(spelt) > 1.13


def test_r1_0528_stretches_positions_and_leaves_attention_as_it_was(
    eight_billion: ModelConfig,
) -> None:
    config = replace(eight_billion, rope_theta=1e6, rope_scaling=dict(R1_0528))
    assert rope_magnitude(config) == pytest.approx(1.0, rel=1e-12)
    frequency = rope_frequencies(config)
    unscaled = rope_frequencies(replace(config, rope_scaling=None))
    assert torch.equal(frequency[:8], unscaled[:8])
    torch.testing.assert_close(frequency[-8:], unscaled[-8:] / 4)


def test_what_is_rotated_keeps_its_length_and_turns_by_distance() -> None:
    random = torch.Generator().manual_seed(0)
    query, key = torch.randn((2, 1, 8), generator=random)
    frequency = torch.tensor([1.0, 0.5, 0.1, 0.01])

    def at(x: torch.Tensor, position: int) -> torch.Tensor:
        cos, sin = (position * frequency).cos(), (position * frequency).sin()
        return rotate(x[None], torch.cat((cos, cos)), torch.cat((-sin, sin)))[0]

    torch.testing.assert_close(at(query, 40).norm(), query.norm())
    near, far = (at(query, n + 7) @ at(key, n).T for n in (0, 90))
    torch.testing.assert_close(near, far)
    quarter = math.pi / 2
    turned = rotate(
        torch.tensor([[[1.0, 0.0]]]),
        torch.full((2,), math.cos(quarter)),
        torch.tensor([-math.sin(quarter), math.sin(quarter)]),
    )
    torch.testing.assert_close(turned, torch.tensor([[[0.0, 1.0]]]))


def test_an_unknown_scaling_is_refused(eight_billion: ModelConfig) -> None:
    with pytest.raises(ModelUnsupported, match="longrope") as caught:
        rope_frequencies(replace(eight_billion, rope_scaling={"rope_type": "longrope"}))
    assert "yarn" in caught.value.hint


@pytest.mark.parametrize("kind", ["linear", "llama3", "yarn"])
def test_a_scaling_without_its_settings_is_refused(kind: str, eight_billion: ModelConfig) -> None:
    with pytest.raises(ModelUnsupported, match="factor"):
        rope_frequencies(replace(eight_billion, rope_scaling={"rope_type": kind}))
