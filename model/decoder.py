"""One decoder for the Llama, Qwen2 and Qwen3 families.

    x = embedding(ids)
    for each layer:
        x += out(attention(rope(qkv(norm(x)))))        # Qwen3: rope(norm(q)), rope(norm(k))
        x += down(silu(gate(norm(x))) * up(norm(x)))
    logits = head(norm(x of the last token))

Tensors have no batch dimension: one sequence is run at a time, `[tokens, hidden]`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from torch import Tensor

from vademecum.model.cache import PagedCache, Sequence
from vademecum.model.config import ModelConfig
from vademecum.model.head import HalvedInt8
from vademecum.model.kernels import PAGE, KernelSet, KvKind
from vademecum.model.layer import Layer, NamedTensors, layer_of
from vademecum.model.linear import Packed, Plain, Weight, rows_alike
from vademecum.model.paged_attention import Attention, attention_of_answer, attention_of_prompt
from vademecum.model.rope import angles, rope_frequencies, rope_magnitude, rotate
from vademecum.model.rows import Rows
from vademecum.model.sparsity import CHUNK, Sparsity

if TYPE_CHECKING:
    from vademecum.model.kernels.triton.reading import Reader

ROWS = 9  # tokens computed at once while an answer is written: one and its draft


class Decoder:
    """Runs tokens through a model, into and out of a paged cache.

    `tensors` carry their Hugging Face names ("model.layers.0.self_attn.q_proj.weight"); `dtype`
    is that of activations. With `sparsity`, long sequences are read by chosen pages only.
    `chunk` is how many tokens of a prompt are read at a time where `sparsity` does not say it.
    `packed` holds products that are ready, by the names of what they fuse
    ("model.layers.0.self_attn.q_proj+k_proj+v_proj", "lm_head"): their tensors are not read.
    """

    def __init__(
        self,
        config: ModelConfig,
        tensors: Mapping[str, Weight],
        *,
        kernels: KernelSet,
        dtype: torch.dtype,
        kv: KvKind = "plain",
        sparsity: Sparsity | None = None,
        packed: Mapping[str, Packed] | None = None,
        chunk: int = CHUNK,
    ) -> None:
        self.config = config
        self.kernels = kernels
        self.dtype = dtype
        self.kv: KvKind = kv
        self.sparsity = sparsity
        self.chunk = sparsity.chunk if sparsity else chunk
        self.at_once = self.chunk  # tokens of a prompt that go through a layer together
        self.sparse_layers = sparsity.sparse_layers(config.layers) if sparsity else range(0)
        self.magnitude = rope_magnitude(config)
        read = NamedTensors(tensors, dtype, packed or {})
        self.embedding = read.plain("model.embed_tokens.weight")
        self.device = self.embedding.device
        self.frequencies = rope_frequencies(config).to(self.device)
        self.layers = [
            layer_of(read, f"model.layers.{n}.", config, self.frequencies, self.magnitude)
            for n in range(config.layers)
        ]
        self.norm = read.plain("model.norm.weight")
        self.head = read.head(tied=config.tie_embeddings)
        # The CPU's kernels read and give float32; rounding a vocabulary's logits takes time.
        self._head_input = dtype if isinstance(self.head, Plain) else torch.float32
        # Counted where the pages are read, so that it cannot claim what did not happen.
        self.pages_counted = torch.zeros(2, dtype=torch.int64, device=self.device)
        self._cos, self._sin = torch.empty(0), torch.empty(0)
        self._last_rows = torch.empty(0)  # what the head read last
        self._rows = None if Rows.obstacle(self) else Rows(self, ROWS)
        self._reader, self.reading = _reader(self)
        # Why a token is computed otherwise with a draft behind it than alone; None if it is not.
        self.draft_obstacle = self._draft_obstacle()

    def new_cache(self, tokens: int) -> PagedCache:
        """A cache that holds `tokens` tokens of this model."""
        return PagedCache(
            layers=self.config.layers,
            kv_heads=self.config.kv_heads,
            head_dim=self.config.head_dim,
            pages=-(-tokens // PAGE),
            kind=self.kv,
            dtype=self.dtype,
            step=self.chunk,
            device=self.device,
        )

    @torch.inference_mode()
    def prefill(self, ids: Tensor, cache: PagedCache, sequence: Sequence) -> Tensor:
        """Append `ids` (int64 `[tokens]`) to a sequence; logits after the last, float32 `[vocab]`.

        A prompt may come in several such chunks, of which each but the last is a multiple of 32
        tokens: whether it does makes no difference to what is stored. With `at_once` above `chunk`,
        several may come together.
        """
        start = sequence.length
        if start % PAGE:
            raise ValueError(f"a prompt cannot go on after {start} tokens: not whole pages")
        if self._reader is not None:
            normed = self._reader.read(self._checked(ids, sequence), cache, sequence)
            sequence.length += ids.shape[0]
            return self._head(normed)[0]
        asked: list[Tensor] = []
        attention = attention_of_prompt(self, ids.shape[0], cache, sequence, asked)
        hidden = self._forward(ids, sequence, attention)
        if self.sparsity and self.sparsity.deferred:
            sequence.asked = torch.stack(asked)
        sequence.length += ids.shape[0]
        return self.logits(hidden[-1:])[0]

    @torch.inference_mode()
    def decode(self, ids: Tensor, cache: PagedCache, sequence: Sequence) -> Tensor:
        """Logits after each of `ids` (int64 `[tokens]`), float32 `[tokens, vocab]`.

        The tokens stay candidates until `keep` is called. They must fit into the page being
        filled. Each row is computed as if it had come alone, to the bit unless `draft_obstacle`
        says why not.
        """
        start = sequence.length
        filled = start % PAGE
        if filled + ids.shape[0] > PAGE:
            raise ValueError(f"{ids.shape[0]} tokens do not fit a page that holds {filled}")
        if sequence.mass is not None:
            sequence.mass.zero_()
        if self._rows is not None and ids.shape[0] <= ROWS:
            cos, sin = self._rotation(start, ids.shape[0])
            normed = self._rows.forward(
                self._checked(ids, sequence), cos, sin, cache.stores, sequence
            )
            return self._head(normed)
        asking: list[Tensor] = []
        attention = attention_of_answer(self, cache, sequence, asking)
        hidden = self._forward(ids, sequence, attention)
        if self.sparsity and self.sparsity.deferred:
            sequence.asking = torch.stack(asking)
        return self.logits(hidden)

    @torch.inference_mode()
    def keep(self, tokens: int, cache: PagedCache, sequence: Sequence) -> None:
        """Make the first `tokens` tokens of the last `decode` part of the sequence."""
        sequence.length += tokens
        if sequence.asking is not None:
            sequence.asked = sequence.asking[:, tokens - 1]
        if sequence.length % PAGE == 0:
            at = sequence.table[sequence.length // PAGE - 1 : sequence.length // PAGE]
            for store, (keys, values) in zip(cache.stores, sequence.tails, strict=True):
                store.seal(at, keys[:, None], values[:, None])

    def logits(self, hidden: Tensor) -> Tensor:
        """`[tokens, hidden]` -> float32 `[tokens, vocab]`."""
        normed = F.rms_norm(hidden, (self.config.hidden,), self.norm, self.config.rms_eps)
        return self._head(normed)

    def _head(self, normed: Tensor) -> Tensor:
        self._last_rows = normed.to(self._head_input)
        return self.head(self._last_rows).float()

    @property
    def halves_head(self) -> bool:
        """Whether the smallest logits are less exact than the largest: see `whole_logits`."""
        return isinstance(self.head, HalvedInt8)

    @torch.inference_mode()
    def whole_logits(self, row: int) -> Tensor:
        """The logits of one row of those that were computed last, all as exact as the largest:
        float32 `[vocab]`."""
        assert isinstance(self.head, HalvedInt8)
        return self.head.whole(self._last_rows[row][None])[0]

    def chooses(self, n: int, start: int, tokens: int) -> bool:
        """Whether a layer reads chosen pages only for a chunk of a prompt.

        A chunk that is not full ends the prompt: there the question stands, and it is short.
        """
        sparsity = self.sparsity
        far = sparsity is not None and start >= sparsity.threshold and tokens == self.chunk
        return far and n in self.sparse_layers

    def _forward(self, ids: Tensor, sequence: Sequence, attention: Attention) -> Tensor:
        config = self.config
        tokens = ids.shape[0]
        cos, sin = self._rotation(sequence.length, tokens)
        x = self.embedding[self._checked(ids, sequence).to(self.device)]
        for n, layer in enumerate(self.layers):
            normed = F.rms_norm(x, (config.hidden,), layer.attention_norm, config.rms_eps)
            qkv = layer.qkv(normed).view(tokens, -1, config.head_dim)
            rotated = rotate(_normed_heads(qkv, layer, config), cos, sin)
            query, key = rotated[:, : config.heads], rotated[:, config.heads :]
            value = qkv[:, config.heads + config.kv_heads :]
            x = x + layer.out(attention(n, query, key, value).reshape(tokens, -1))

            normed = F.rms_norm(x, (config.hidden,), layer.mlp_norm, config.rms_eps)
            gate, up = layer.gate_up(normed).chunk(2, dim=-1)
            x = x + layer.down(F.silu(gate) * up)
        return x

    def _checked(self, ids: Tensor, sequence: Sequence) -> Tensor:
        end = sequence.length + ids.shape[0]
        if end > sequence.capacity:
            raise ValueError(f"{end} tokens in a sequence of {sequence.capacity}")
        return ids

    def _rotation(self, start: int, tokens: int) -> tuple[Tensor, Tensor]:
        """Cosine and signed sine for `rotate`: `[tokens, 1, head_dim]`."""
        end = start + tokens
        if self._cos.shape[0] < end:
            cos, sin = angles(self.frequencies, self.magnitude, max(1024, 2 * end))
            self._cos, self._sin = cos[:, None].to(self.dtype), sin[:, None].to(self.dtype)
        return self._cos[start:end], self._sin[start:end]

    @property
    def writing(self) -> str:
        """How the tokens of an answer are computed, and why."""
        if self._rows is not None:
            return f"compiled between the products, up to {ROWS} tokens at once"
        return f"as prompts are read: {Rows.obstacle(self)}"

    def _draft_obstacle(self) -> str | None:
        products = [p for la in self.layers for p in (la.qkv, la.out, la.gate_up, la.down)]
        for product in (*products, self.head):
            if not rows_alike(product):
                return f"{product.path} rounds several tokens otherwise than one"
        return None

    @property
    def reader(self) -> Reader | None:
        """What reads prompts on a GPU; None where the decoder itself does."""
        return self._reader

    @property
    def pages_read(self) -> int:
        """Pages that were read by heads that could choose, since the decoder was made."""
        return int(self.pages_counted[0])

    @property
    def pages_skipped(self) -> int:
        """Pages that they left out."""
        return int(self.pages_counted[1])

    def paths(self) -> dict[str, dict[str, int]]:
        """How each kind of product is computed, and in how many layers."""
        kinds = ("qkv", "out", "gate_up", "down")
        found = {kind: Counter(getattr(la, kind).path for la in self.layers) for kind in kinds}
        return {kind: dict(paths) for kind, paths in found.items()} | {"head": {self.head.path: 1}}


def _normed_heads(qkv: Tensor, layer: Layer, config: ModelConfig) -> Tensor:
    """Queries and keys, `[tokens, heads + kv_heads, head_dim]`, each head normalised for Qwen3."""
    both = qkv[:, : config.heads + config.kv_heads]
    if layer.query_norm is None or layer.key_norm is None:
        return both
    query, key = both[:, : config.heads], both[:, config.heads :]
    dims = (config.head_dim,)
    return torch.cat(
        (
            F.rms_norm(query, dims, layer.query_norm, config.rms_eps),
            F.rms_norm(key, dims, layer.key_norm, config.rms_eps),
        ),
        dim=1,
    )


def _reader(decoder: Decoder) -> tuple[Reader | None, str]:
    """What reads prompts on a GPU, or None where the decoder itself does; and how that goes, for a
    person."""
    itself = f"{decoder.chunk} tokens at a time"
    if decoder.device.type != "cuda":
        return None, itself
    from vademecum.model.kernels.triton.reading import Reader

    if obstacle := Reader.obstacle(decoder):
        return None, f"{itself}: {obstacle}"
    return Reader(decoder), Reader.PATH
