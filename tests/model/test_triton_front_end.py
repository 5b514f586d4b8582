"""Triton accepts the kernels for whatever numbers they are launched with: no GPU is needed.

A whole number that is 1 is a constant to Triton, not a tensor. Compiled is as far as its own
intermediate form.
"""

from __future__ import annotations

import inspect
import os

import pytest

pytest.importorskip("triton")
if os.environ.get("TRITON_INTERPRET") == "1":
    pytest.skip("what is interpreted is not compiled", allow_module_level=True)
os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")  # Triton 3.9 warns where neither is said

from triton._C.libtriton import ir
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia.compiler import CUDABackend
from triton.compiler import ASTSource
from triton.runtime.jit import JITFunction

from vademecum.model.kernels.triton import append, attention, prefill, prompt, scores

HOPPER = 90
PAGES = {
    "key_codes": "*i8", "key_mean": "*bf16", "key_scale": "*bf16", "key_spread": "*u8",
    "value_codes": "*i8", "value_scale": "*bf16", "value_low": "*bf16", "table": "*i64",
}  # fmt: skip
TURNED = {"cosines": "*fp32", "sines": "*fp32", "norms": "*bf16", "qkv": "*bf16"}
TAIL = {"tail_keys": "*fp32", "tail_values": "*fp32"}
STEP = {"start": "*i32", "query": "*bf16"}
BIAS = {"within": "*fp32", "turns": "*fp32"}
# Of each kernel: what its pointers are, its numbers but that of pages, and its constants.
KERNELS: dict[str, tuple[JITFunction, dict[str, str], dict[str, str], dict[str, object]]] = {
    "append": (
        append.append_kernel,
        PAGES | TURNED | TAIL | STEP | {"bias": "*bf16", "sealed": "*i32", "out": "*bf16"},
        {"rows": "i32", "eps": "fp32"},
        {"HEADS": 4, "KV_HEADS": 2, "DIM": 64, "BIASED": True, "NORMED": True,
         "VALUE_BITS": 8, "STEP": 0.0078125, "EARLY": False},
    ),
    "attention": (
        attention.attention_kernel,
        PAGES | TAIL | STEP | BIAS
        | {"selected": "*i32", "count": "*i32", "part": "*fp32", "weight": "*fp32",
           "shares": "*fp32"},
        {"room": "i32", "capacity": "i32", "splits": "i32", "scaling": "fp32"},
        {"GROUP_HEADS": 2, "KV_HEADS": 2, "DIM": 32, "GROUP": 8, "PAGES": 1, "VALUE_BITS": 8,
         "SELECTED": True, "BIASED": True, "COUNTED": True, "EARLY": False},
    ),
    "mass": (
        attention.mass_kernel,
        {"shares": "*fp32", "weight": "*fp32", "selected": "*i32", "count": "*i32",
         "start": "*i32", "mass": "*fp32"},
        {"room": "i32", "capacity": "i32", "parts": "i32"},
        {"GROUP_HEADS": 2, "KV_HEADS": 2, "PARTS": 2, "SELECTED": True, "EARLY": False},
    ),
    "read": (
        prefill.read_kernel,
        PAGES | BIAS | {"which": "*i64", "keys": "*bf16", "values": "*bf16"},
        {"count": "i32", "tokens": "i32"},
        {"DIM": 64, "VALUE_BITS": 4, "BIASED": True},
    ),
    "append of a prompt": (
        prompt.append_kernel,
        PAGES | TURNED | TAIL | BIAS | {"query": "*bf16", "keys": "*bf16", "values": "*bf16"},
        {"tokens": "i32", "start": "i32", "eps": "fp32"},
        {"HEADS": 4, "KV_HEADS": 2, "DIM": 64, "NORMED": True, "BIASED": True, "VALUE_BITS": 8,
         "STEP": 0.0078125},
    ),
    "score": (
        scores.score_kernel,
        PAGES | STEP
        | {"bias_mean": "*fp32", "turns": "*fp32", "weights": "*fp32", "statistics": "*fp32"},
        {"behind": "i32", "capacity": "i32", "blocks": "i32", "scaling": "fp32"},
        {"GROUP_HEADS": 2, "KV_HEADS": 2, "DIM": 32, "BIASED": True, "PAGES": 32, "GROUP": 8,
         "EARLY": False},
    ),
}  # fmt: skip


def front_end(function: JITFunction, signature: dict[str, str], values: dict[str, object]) -> str:
    """Triton's intermediate form of a kernel; what `signature` lacks are constants."""
    names = function.arg_names
    signature = {name: signature.get(name, "constexpr") for name in names}
    constants = {(names.index(name),): value for name, value in values.items()}
    source = ASTSource(function, signature, constants)
    target = GPUTarget("cuda", HOPPER, 32)
    backend = CUDABackend(target)
    options = backend.parse_options({})
    context = ir.context()
    ir.load_dialects(context)
    backend.load_dialects(context)
    given = {
        "target": target, "options": options, "context": context,
        "codegen_fns": backend.get_codegen_implementation(options),
        "module_map": backend.get_module_map(),
    }  # fmt: skip
    wanted = inspect.signature(source.make_ir).parameters  # releases differ in them
    return str(source.make_ir(*[given[name] for name in wanted]))


@pytest.mark.parametrize("every", [False, True], ids=["one page", "every number is 1"])
@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_compiles_for_a_store_of_one_page(name: str, every: bool) -> None:
    function, pointers, numbers, constants = KERNELS[name]
    whole = {n for n, kind in numbers.items() if kind == "i32" and every}
    ones = {n: 1 for n in ("store_pages", *whole) if n in function.arg_names}
    left = {n: kind for n, kind in (pointers | numbers).items() if n not in ones}
    used = {n: kind for n, kind in left.items() if n in function.arg_names}
    assert set(function.arg_names) == {*used, *constants, *ones}
    assert "tt.store" in front_end(function, used, constants | ones)
