"""The int8 form of a sentence embedder: one ONNX graph, made once from its float32 weights.

The layers are BERT's (Devlin et al. 2019), from word embeddings to the pooled vector. A batch is
one text, so nothing is padded and no mask is needed. Products by weights are in int8: the weights
with one scale for each output, what they are multiplied by with one scale for each text, found on
the way (dynamic quantisation). A few inputs of a layer are ten times larger than the rest, and one
scale for all would leave those few levels; so inputs are divided by factors, and weights multiplied
by them (SmoothQuant, Xiao et al. 2022). Embeddings are kept in float16; attention, norms and sums
are in float32.

What was made is compared with float32 before it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from vademecum.model.embedder_float import load
from vademecum.model.embedder_int8 import (
    GRAPH,
    STAMP,
    TOKENIZER,
    Int8Encoder,
    facts_of,
    sha256_of,
)
from vademecum.model.embedder_probes import CALIBRATION, PROBES
from vademecum.model.encoder import Kind, Vectors
from vademecum.model.folders import alone, whole
from vademecum.model.layout import write_json
from vademecum.progress import Progress

OPSET, IR = 20, 9  # the first with Gelu
CONTRIB = "com.microsoft"  # operators of ONNX Runtime's own
FIRST_POSITION = {"bert": 0, "roberta": 2, "xlm-roberta": 2}  # families, and where they count from
LEVELS = 127
SMOOTHING = 0.7  # SmoothQuant's alpha: the share of the trouble that weights take over
LEAST_COSINE = 0.99  # to float32, of every probe
# By what names models keep their prompts, in the order in which sentence-transformers looks.
PROMPTS: Mapping[Kind, tuple[str, ...]] = {
    "query": ("query",),
    "passage": ("document", "passage", "corpus"),
}

Weights = Mapping[str, npt.NDArray[np.float32]]


def make(folder: Path, place: Path, stamp: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Fill `place` from the sentence-transformers folder; the facts of its stamp.

    They tell `unfit`, and nothing else is kept, where the embedder has no int8 form or it is too
    far from float32. Raises OutOfSpace, and ModelUnsupported if the folder holds no embedder.
    """
    with alone(place, place.name, progress):
        facts = facts_of(place, stamp)  # another process may have made it meanwhile
        if facts is not None:
            return facts
        with whole(place) as fresh:
            model = load(folder, "cpu", "float32")
            facts = {**stamp, **_filled(fresh, model)}
            write_json(fresh / STAMP, facts)
    return facts


def obstacle(model: Any) -> str | None:
    """Why a `SentenceTransformer` cannot be written as a graph here; None if it can."""
    modules = [type(module).__name__ for module in model]
    if modules[:2] != ["Transformer", "Pooling"] or set(modules[2:]) - {"Normalize"}:
        return f"it is made of {', '.join(modules)}"
    config, pooling = model[0].auto_model.config, model[1]
    if config.model_type not in FIRST_POSITION:
        return f"it is of the family {config.model_type}"
    if config.hidden_act != "gelu":
        return f"its activation is {config.hidden_act}"
    if getattr(config, "position_embedding_type", None) not in {None, "absolute"}:
        return "its positions are relative"
    if pooling.pooling_mode not in {"mean", "cls"} or not pooling.include_prompt:
        return f"it pools by {pooling.pooling_mode}"
    return None


def _filled(fresh: Path, model: Any) -> dict[str, Any]:
    """Write graph and tokenizer of `model`; what its stamp is to say."""
    if why := obstacle(model):
        return {"unfit": f"no int8 form is known: {why}"}
    onnx.save(_graph(model), fresh / GRAPH)
    (fresh / TOKENIZER).write_text(model.tokenizer.backend_tokenizer.to_str(), "utf-8")
    facts = {
        "dim": int(model.get_embedding_dimension()),
        "max_tokens": int(model.max_seq_length),
        "prompts": {kind: _prompt(model, names) for kind, names in PROMPTS.items()},
        "sha256": sha256_of(fresh),
    }
    cosine = _worst_cosine(model, Int8Encoder(fresh, facts, threads=1))
    if not cosine >= LEAST_COSINE:
        (fresh / GRAPH).unlink()
        return {"unfit": f"in int8 its vectors would be too far from float32 (cosine {cosine:.3f})"}
    return facts | {"worst_cosine": round(cosine, 5)}


def _prompt(model: Any, names: tuple[str, ...]) -> str:
    named = [name for name in (*names, model.default_prompt_name) if name in model.prompts]
    return str(model.prompts[named[0]]) if named else ""


def _worst_cosine(model: Any, encoder: Int8Encoder) -> float:
    """The least of any probe, as a passage and as a query."""
    expected = {
        "passage": model.encode_document(PROBES, show_progress_bar=False),
        "query": model.encode_query(PROBES, show_progress_bar=False),
    }
    kinds: tuple[Kind, ...] = ("passage", "query")
    return min(
        float((_unit(encoder.encode(PROBES, kind)) * _unit(expected[kind])).sum(axis=1).min())
        for kind in kinds
    )


def _unit(rows: Any) -> Vectors:
    values = np.asarray(rows, np.float32)
    unit: Vectors = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return unit


def _largest_inputs(model: Any) -> dict[str, npt.NDArray[np.float32]]:
    """By layer name, the largest magnitude `[in]` of each input of a product, over texts."""
    import torch

    largest: dict[str, npt.NDArray[np.float32]] = {}

    def note(name: str) -> Any:
        def hook(_: Any, inputs: tuple[Any, ...]) -> None:
            seen = inputs[0].detach().abs().flatten(0, -2).amax(dim=0).numpy()
            largest[name] = np.maximum(largest.get(name, 0), seen)

        return hook

    hooks = [
        module.register_forward_pre_hook(note(name))
        for name, module in model[0].auto_model.named_modules()
        if isinstance(module, torch.nn.Linear) and name.startswith("encoder.")
    ]
    try:
        for text in CALIBRATION:  # one by one: padding would be noted too
            model.encode_document([text], show_progress_bar=False)
    finally:
        for hook in hooks:
            hook.remove()
    return largest


def _graph(model: Any) -> onnx.ModelProto:
    """`ids` int64 `[1, tokens]` to `vector` float32 `[1, dim]`, of any norm."""
    encoder, pooling = model[0].auto_model, model[1].pooling_mode
    config = encoder.config
    weights: Weights = {n: t.detach().float().numpy() for n, t in encoder.state_dict().items()}
    largest = _largest_inputs(model)
    graph = _Graph()

    def norm(x: str, name: str) -> str:
        gain, shift = (f"{name}.{part}" for part in ("weight", "bias"))
        kept = graph.keep(gain, weights[gain]), graph.keep(shift, weights[shift])
        return graph.node("LayerNormalization", x, *kept, epsilon=config.layer_norm_eps)

    def linear(x: str, *names: str) -> str:
        """`x` by the weights of these names, side by side, and their biases."""
        weight = np.concatenate([weights[f"{name}.weight"] for name in names])
        bias = np.concatenate([weights[f"{name}.bias"] for name in names])
        return graph.int8_product(x, names[0], weight, bias, largest[names[0]])

    words = graph.keep("words", weights["embeddings.word_embeddings.weight"].astype(np.float16))
    places = weights["embeddings.position_embeddings.weight"][FIRST_POSITION[config.model_type] :]
    first_type = weights["embeddings.token_type_embeddings.weight"][0]  # that of every token
    graph.keep("places", places + first_type)
    zero, one = (graph.keep(str(n), np.array([n], np.int64)) for n in (0, 1))
    length = graph.node("Shape", "ids", start=1, end=2)
    place = graph.node("Slice", "places", zero, length, zero)
    word = graph.node("Cast", graph.node("Gather", words, "ids"), to=TensorProto.FLOAT)
    x = norm(graph.node("Add", word, place), "embeddings.LayerNorm")

    thirds = graph.keep("thirds", np.array([config.hidden_size] * 3, np.int64))
    for layer in range(config.num_hidden_layers):
        at = f"encoder.layer.{layer}"
        read = [f"{at}.attention.self.{part}" for part in ("query", "key", "value")]
        query, key, value = graph.nodes("Split", 3, linear(x, *read), thirds, axis=-1)
        attended = graph.node(
            "MultiHeadAttention",
            *(query, key, value),
            domain=CONTRIB,
            num_heads=config.num_attention_heads,
        )
        attended = linear(attended, f"{at}.attention.output.dense")
        x = norm(graph.node("Add", x, attended), f"{at}.attention.output.LayerNorm")
        inner = graph.node("Gelu", linear(x, f"{at}.intermediate.dense"))
        inner = linear(inner, f"{at}.output.dense")
        x = norm(graph.node("Add", x, inner), f"{at}.output.LayerNorm")
    if pooling == "mean":
        graph.node("ReduceMean", x, one, keepdims=0, output="vector")
    else:
        first = graph.keep("first", np.array(0, np.int64))
        graph.node("Gather", x, first, axis=1, output="vector")
    return graph.model(config.hidden_size)


class _Graph:
    """Nodes and tensors, added one by one."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._tensors: list[onnx.TensorProto] = []

    def keep(self, name: str, values: npt.NDArray[Any]) -> str:
        """A constant tensor; its name."""
        self._tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """An operator of one output; the name of that."""
        outputs = [output or f"{kind}-{len(self._nodes)}"]
        self._nodes.append(helper.make_node(kind, list(inputs), outputs, **attributes))
        return outputs[0]

    def nodes(self, kind: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """An operator of several outputs; their names."""
        outputs = [f"{kind}-{len(self._nodes)}-{n}" for n in range(count)]
        self._nodes.append(helper.make_node(kind, list(inputs), outputs, **attributes))
        return outputs

    def int8_product(
        self,
        x: str,
        name: str,
        weight: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32],
        largest: npt.NDArray[np.float32],
    ) -> str:
        """`x @ weight.T + bias` for `weight [out, in]`, whose inputs are at most `largest [in]`."""
        factors = _smoothing(largest, np.abs(weight).max(axis=0))
        weight = weight * factors
        scale = np.maximum(np.abs(weight).max(axis=1) / LEVELS, 1e-12).astype(np.float32)
        codes = np.rint(weight / scale[:, None]).astype(np.int8)
        return self.node(
            "DynamicQuantizeMatMul",
            self.node("Mul", x, self.keep(f"{name}.smoothing", 1 / factors)),
            self.keep(f"{name}.codes", codes.T),
            self.keep(f"{name}.scale", scale),
            self.keep(f"{name}.zero", np.zeros(len(scale), np.int8)),
            self.keep(f"{name}.bias", bias),
            domain=CONTRIB,
        )

    def model(self, dim: int) -> onnx.ModelProto:
        """The whole."""
        ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])
        vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, dim])
        graph = helper.make_graph(self._nodes, "embedder", [ids], [vector], self._tensors)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR)


def _smoothing(
    inputs: npt.NDArray[np.float32], weights: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """SmoothQuant's factors `[in]` from the largest magnitudes of inputs and of weights `[in]`.

    An input that was small in every text seen may be large in another: it counts as no smaller than
    half of them are.
    """
    inputs = np.maximum(inputs, max(float(np.median(inputs)), 1e-5))
    factors = inputs**SMOOTHING / np.maximum(weights, 1e-5) ** (1 - SMOOTHING)
    return factors.astype(np.float32)
