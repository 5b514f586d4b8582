"""Rotary position embedding (RoFormer, arXiv:2104.09864) and the ways its context is stretched.

A pair of a head's dimensions turns by its own frequency with every token. A scaling slows pairs
down, so that more tokens fit in the turns the model has seen. Names and defaults of the settings
are those of `rope_scaling` in a `config.json`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vademecum.errors import ModelUnsupported

if TYPE_CHECKING:
    from vademecum.model.config import ModelConfig


def rope_frequencies(config: ModelConfig) -> Tensor:
    """Radians a token of each rotated pair: float32 `[head_dim / 2]`.

    Raises ModelUnsupported for a scaling that is not one of `SCALINGS`, or that lacks a setting.
    """
    exponent = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
    frequency = 1.0 / config.rope_theta**exponent
    scaling = config.rope_scaling or {}
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if kind not in SCALINGS:
        raise ModelUnsupported(
            f"rotary scaling {kind!r} is not supported", f"supported: {', '.join(sorted(SCALINGS))}"
        )
    return SCALINGS[kind](frequency, scaling, config)


def rope_magnitude(config: ModelConfig) -> float:
    """By what cosine and sine are multiplied: 1 but for YaRN, which sharpens attention with it.

    YaRN's temperature (arXiv:2309.00071, section 3.4) is `0.1 ln(factor) + 1`; `mscale` over
    `mscale_all_dim` is DeepSeek's form of it, and `attention_factor` replaces it.

    `attn_factor` multiplies it, as vLLM and llama.cpp have it. DeepSeek-R1-0528-Qwen3-8B sets it
    to 1 / 1.1386, which takes the temperature away again; transformers leaves that setting out.
    """
    scaling = config.rope_scaling or {}
    if scaling.get("rope_type", scaling.get("type")) != "yarn":
        return 1.0
    if (given := scaling.get("attention_factor")) is not None:
        return float(given)
    stretch = math.log(max(1.0, _factor(scaling, config)))
    over, under = scaling.get("mscale"), scaling.get("mscale_all_dim")
    if over and under:
        magnitude = (0.1 * float(over) * stretch + 1) / (0.1 * float(under) * stretch + 1)
    else:
        magnitude = 0.1 * stretch + 1
    return magnitude * float(scaling.get("attn_factor") or 1.0)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn queries or keys by their positions, halves of a head paired as Llama does.

    `x [tokens, heads, dim]`; `sin` has the sign of each half in it.
    """
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, dims=-1), sin)


def angles(
    frequencies: Tensor, magnitude: float, positions: int, first: int = 0
) -> tuple[Tensor, Tensor]:
    """Cosine and signed sine for `rotate`, times `magnitude`: float32 `[positions, dim]`, from the
    position `first` on."""
    position = torch.arange(
        first, first + positions, dtype=torch.float32, device=frequencies.device
    )
    angle = position[:, None] * frequencies
    cos, sin = angle.cos() * magnitude, angle.sin() * magnitude
    return torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)


def _default(frequency: Tensor, scaling: dict[str, Any], config: ModelConfig) -> Tensor:
    return frequency


def _linear(frequency: Tensor, scaling: dict[str, Any], config: ModelConfig) -> Tensor:
    """Every pair slower by `factor` (position interpolation, arXiv:2306.15595)."""
    return frequency / float(_setting(scaling, "factor"))


def _dynamic(frequency: Tensor, scaling: dict[str, Any], config: ModelConfig) -> Tensor:
    """NTK-aware scaling that sets in beyond `max_position_embeddings`, which we never go beyond.

    Past it the frequencies would change with every token, and keys in the cache be of another
    base than the query that meets them. Up to it they are those of the unscaled model.
    """
    return frequency


def _llama3(frequency: Tensor, scaling: dict[str, Any], config: ModelConfig) -> Tensor:
    """Slow pairs slower by `factor`, fast ones as they are (`apply_scaling` of Llama 3.1)."""
    factor = float(_setting(scaling, "factor"))
    low = float(_setting(scaling, "low_freq_factor"))
    high = float(_setting(scaling, "high_freq_factor"))
    turns = _trained_for(scaling, config) * frequency / (2 * math.pi)
    blend = ((turns - low) / (high - low)).clamp(0, 1)
    return (1 - blend) * frequency / factor + blend * frequency


def _yarn(frequency: Tensor, scaling: dict[str, Any], config: ModelConfig) -> Tensor:
    """Blended over a range of dimensions, not of turns (NTK by parts, arXiv:2309.00071)."""
    context = _trained_for(scaling, config)

    def pair_that_turns(times: float) -> float:
        wavelengths = math.log(context / (2 * math.pi * times))
        return config.head_dim * wavelengths / (2 * math.log(config.rope_theta))

    first = pair_that_turns(float(scaling.get("beta_fast") or 32))
    last = pair_that_turns(float(scaling.get("beta_slow") or 1))
    if scaling.get("truncate", True):
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, config.head_dim - 1)
    pairs = torch.arange(len(frequency), dtype=torch.float32)
    slow = ((pairs - first) / ((last - first) or 0.001)).clamp(0, 1)
    return slow * frequency / _factor(scaling, config) + (1 - slow) * frequency


SCALINGS: dict[str, Callable[[Tensor, dict[str, Any], ModelConfig], Tensor]] = {
    "default": _default,
    "linear": _linear,
    "dynamic": _dynamic,
    "llama3": _llama3,
    "yarn": _yarn,
}


def _setting(scaling: dict[str, Any], name: str) -> Any:
    """A setting that has no default."""
    if name not in scaling:
        raise ModelUnsupported(
            f"its rotary scaling has no {name!r}", "complete rope_scaling in its config.json"
        )
    return scaling[name]


def _trained_for(scaling: dict[str, Any], config: ModelConfig) -> float:
    """The context, in tokens, before it was stretched."""
    return float(scaling.get("original_max_position_embeddings") or config.max_positions)


def _factor(scaling: dict[str, Any], config: ModelConfig) -> float:
    """YaRN's factor; `null` stands for the ratio of the contexts."""
    given = _setting(scaling, "factor")
    return float(given or config.max_positions / _trained_for(scaling, config))
