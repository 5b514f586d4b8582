"""transformers with bitsandbytes' NF4: `hugging_face.py FOLDER THREADS`.

`BitsAndBytesConfig` wants the package accelerate even where nothing is to be dispatched, so the
layers are replaced here, as transformers does it: every linear one but the output head, in NF4
without double quantisation, computing in bf16. Attention (SDPA) and cache are the defaults.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import bitsandbytes
import torch
import transformers
import wire
from torch import nn


class HuggingFace:
    """One forward a token; a `DynamicCache` that is cropped back to the kept prompt."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._kept: list[int] = []
        self._cache = transformers.DynamicCache(config=model.config)

    def about(self) -> dict[str, Any]:
        return {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "bitsandbytes": bitsandbytes.__version__,
            "threads": torch.get_num_threads(),
            "attention": self._model.config._attn_implementation,
        }

    def read(self, ids: list[int]) -> None:
        self._kept, self._cache = [], transformers.DynamicCache(config=self._model.config)
        self._next(ids)
        self._cache = transformers.DynamicCache(config=self._model.config)

    def keep(self, ids: list[int]) -> None:
        # The last token is left out: the logits after it begin what is written.
        if self._kept != ids[: len(self._kept)]:
            self._kept, self._cache = [], transformers.DynamicCache(config=self._model.config)
        known = max(0, len(self._kept) - 1)
        self._next(ids[known:-1])
        self._kept = ids

    def write(self, count: int) -> Iterator[int]:
        token = self._kept[-1]
        for _ in range(count):
            token = self._next([token])
            yield token
        self._cache.crop(-count)

    @torch.inference_mode()
    def _next(self, ids: list[int]) -> int:
        out = self._model(
            torch.tensor([ids]), past_key_values=self._cache, use_cache=True, logits_to_keep=1
        )
        return int(out.logits[0, -1].argmax())


def quantized(model: nn.Module) -> nn.Module:
    """Every linear layer but the head, in NF4."""
    for name, module in list(model.named_modules()):
        if not isinstance(module, nn.Linear) or name.endswith("lm_head"):
            continue
        layer = bitsandbytes.nn.Linear4bit(
            module.in_features,
            module.out_features,
            bias=module.bias is not None,
            compute_dtype=torch.bfloat16,
            compress_statistics=False,
            quant_type="nf4",
            device="meta",
        )
        layer.weight = bitsandbytes.nn.Params4bit(
            module.weight.data,
            requires_grad=False,
            compress_statistics=False,
            quant_type="nf4",
            module=layer,
        )
        layer.bias = module.bias
        above, _, own = name.rpartition(".")
        setattr(model.get_submodule(above), own, layer.to("cpu"))
    return model


if __name__ == "__main__":
    folder, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    began = time.perf_counter()
    loaded = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    wire.serve(HuggingFace(quantized(loaded).eval()), time.perf_counter() - began)
