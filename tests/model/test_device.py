"""A model's weights are laid out for a GPU without loss: checked where they are, on the CPU too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from vademecum.model.config import ModelConfig
from vademecum.model.decoder import Decoder, _reader
from vademecum.model.kernels import choose
from vademecum.model.linear import QuantizedLinear, Weight

pytest.importorskip("triton")

from vademecum.model import device
from vademecum.model.kernels.triton import attention

CPU = torch.device("cpu")


@pytest.mark.parametrize("tied", [False, True])
def test_what_is_placed_is_what_was_quantised(
    qwen2: ModelConfig, tensors_of: Callable[[ModelConfig], dict[str, Tensor]], tied: bool
) -> None:
    config = replace(qwen2, intermediate=192, tie_embeddings=tied)
    weights: dict[str, Weight] = dict(tensors_of(config))
    for name, tensor in weights.items():
        if name.endswith("_proj.weight") and isinstance(tensor, Tensor):
            weights[name] = QuantizedLinear.quantize(tensor)
    plain, products = device.place(config, weights, CPU)

    assert len(products) == 4 * config.layers + 1
    assert not any("_proj.weight" in name or "lm_head" in name for name in plain)
    prefix = "model.layers.1."
    for fused, names in {
        "self_attn.q_proj+k_proj+v_proj": ("q_proj", "k_proj", "v_proj"),
        "mlp.gate_proj+up_proj": ("gate_proj", "up_proj"),
        "mlp.down_proj": ("down_proj",),
    }.items():
        room = fused.split(".")[0]
        parts = [weights[f"{prefix}{room}.{name}.weight"] for name in names]
        product = products[prefix + fused]
        assert isinstance(product, device.DeviceNF4)
        whole = QuantizedLinear.stack([part for part in parts if isinstance(part, QuantizedLinear)])
        assert product.shape == whole.shape
        found = product.weight.unpacked()
        assert torch.equal(found.packed, whole.packed)
        torch.testing.assert_close(found.absmax, whole.absmax, rtol=4e-3, atol=0)
    head = products["lm_head"]
    assert isinstance(head, device.DeviceInt8)
    given = weights["model.embed_tokens.weight" if tied else "lm_head.weight"]
    assert isinstance(given, Tensor)
    near = head.codes.float() * head.scale.float()[:, None]
    assert (near - given).abs().max() <= 0.51 * head.scale.float().max()

    decoder = Decoder(
        config, plain, kernels=choose(CPU, "int8"), dtype=torch.bfloat16, kv="int8", packed=products
    )
    assert set(decoder.paths()["gate_up"]) == {device.DeviceNF4.path}
    assert decoder.paths()["head"] == {device.DeviceInt8.path: 1}


def test_what_falls_back_on_a_gpu_is_told_with_its_reason() -> None:
    plain = SimpleNamespace(
        device=torch.device("cuda"), chunk=2_048, kernels=SimpleNamespace(name="naive")
    )
    reader, told = _reader(plain)  # type: ignore[arg-type]
    assert reader is None
    assert told == "2048 tokens at a time: the kernels are those of naive"
    assert attention.obstacle(64) is None
    assert attention.obstacle(128) is None
    assert attention.obstacle(32) == "heads have 32 channels, and CUDA C++ is for 64 and 128"
    assert "int8" not in device.DeviceNF4.path  # that is how a `Reader` multiplies


def test_weights_that_are_not_quantised_stay_plain(
    llama: ModelConfig, tensors_of: Callable[[ModelConfig], dict[str, Tensor]]
) -> None:
    tensors = tensors_of(llama)
    plain, products = device.place(llama, tensors, CPU)
    assert products == {}
    assert plain.keys() == tensors.keys()
