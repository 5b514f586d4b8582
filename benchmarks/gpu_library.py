"""The same shapes through transformers and bitsandbytes' NF4: what the GPU kernels are beside.

    python benchmarks/gpu_library.py [--model qwen-7b] [--contexts 4096] [--prefill 32768]

Random weights. Milliseconds a token are the slope between two lengths of greedy `generate`, its
prompt read before; prefill is one forward pass that keeps the last logits.
"""

from __future__ import annotations

import argparse
import time
from statistics import median
from typing import Any

import bitsandbytes
import torch
import transformers
from gpu_models import config_of
from gpu_timing import finish

SHORT, LONG = 8, 24


def library_model(name: str) -> Any:
    """A model whose linear layers are bitsandbytes' NF4."""
    shape = config_of(name)
    kind = transformers.Qwen2Config if shape.family == "qwen2" else transformers.LlamaConfig
    config = kind(
        vocab_size=shape.vocab_size,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=shape.max_positions,
        tie_word_embeddings=False,
    )
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    torch.set_default_dtype(torch.float32)
    for layer in model.model.layers:
        for room in (layer.self_attn, layer.mlp):
            for part, linear in list(room.named_children()):
                if isinstance(linear, torch.nn.Linear):
                    setattr(room, part, _nf4(linear))
    return model.eval()


def _nf4(linear: torch.nn.Linear) -> Any:
    made = bitsandbytes.nn.Linear4bit(
        linear.in_features, linear.out_features, bias=linear.bias is not None,
        compute_dtype=torch.bfloat16, quant_type="nf4", compress_statistics=False, device="meta",
    )  # fmt: skip
    made.weight = bitsandbytes.nn.Params4bit(
        linear.weight.data, requires_grad=False, quant_type="nf4", compress_statistics=False
    )
    made.bias = linear.bias
    made.weight = made.weight.to("cuda")  # quantises
    return made


@torch.inference_mode()
def emit(model: Any, ids: torch.Tensor, tokens: int) -> float:
    torch.cuda.synchronize()
    began = time.perf_counter()
    model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, min_new_tokens=tokens,
        do_sample=False, pad_token_id=0,
    )  # fmt: skip
    torch.cuda.synchronize()
    return time.perf_counter() - began


@torch.inference_mode()
def prefill(model: Any, ids: torch.Tensor) -> float:
    torch.cuda.synchronize()
    began = time.perf_counter()
    model(ids, logits_to_keep=1, use_cache=True)
    torch.cuda.synchronize()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="qwen-7b")
    parser.add_argument("--contexts", default="4096")
    parser.add_argument("--prefill", type=int, default=32_768)
    chosen = parser.parse_args()
    torch.manual_seed(0)
    found: dict[str, Any] = {
        "model": chosen.model,
        "transformers": transformers.__version__, "bitsandbytes": bitsandbytes.__version__,
    }  # fmt: skip
    model = library_model(chosen.model)
    ids = torch.randint(0, 100_000, (1, chosen.prefill), device="cuda")
    for context in map(int, filter(None, chosen.contexts.split(","))):
        emit(model, ids[:, :context], 4)
        few = median(emit(model, ids[:, :context], SHORT) for _ in range(2))
        many = median(emit(model, ids[:, :context], LONG) for _ in range(2))
        found[f"ms_{context}"] = (many - few) / (LONG - SHORT) * 1e3
        print(f"{chosen.model} {context}: {found[f'ms_{context}']:.1f} ms a token", flush=True)
    prefill(model, ids[:, :4096])
    found["prefill_s"] = min(prefill(model, ids) for _ in range(2))
    found["prefill_2048_s"] = min(prefill(model, ids[:, :2048]) for _ in range(2))
    print(f"prefill of {chosen.prefill}: {found['prefill_s']:.3f} s", flush=True)
    finish("gpu_library", found)


if __name__ == "__main__":
    main()
