"""The engine: one model in memory, answering one request at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Literal, get_args

import torch

from vademecum.errors import ContextTooLong, ModelError, UsageError, VademecumError
from vademecum.model import hardware, placement, presets, weights
from vademecum.model.cache import PagedCache
from vademecum.model.chat import Chat
from vademecum.model.deadline import Deadline
from vademecum.model.decoder import Decoder
from vademecum.model.drafting import LONGEST
from vademecum.model.generate import generate
from vademecum.model.gpu import first_line
from vademecum.model.interface import (
    Finished,
    FinishReason,
    Generation,
    GenerationOptions,
    Message,
    Stats,
    Token,
)
from vademecum.model.kernels import PAGE, KvKind
from vademecum.model.line import Line
from vademecum.model.loading import captured_step, network, require_memory, room_for_cache
from vademecum.model.placement import DeviceKind
from vademecum.model.sparsity import ON_GPU, Sparsity
from vademecum.model.weights import Quantization
from vademecum.progress import Progress, Silent

log = logging.getLogger(__name__)

AttentionKind = Literal["dense", "sparse"]

WAITING = 4  # requests that may wait for the one that runs
KEPT_CONTEXTS = 2  # the cache has room for so many of the longest prompts and answers


class Engine:
    """A `LanguageModel` that runs here.

    Several threads may ask at once: one request runs, a few wait, the next is refused with
    EngineBusy. Closing a stream early frees its place.
    """

    def __init__(
        self,
        decoder: Decoder,
        chat: Chat,
        *,
        name: str,
        eos_ids: Sequence[int],
        context: int,
        quantization: Quantization,
        cache_bytes: int | None = None,
        mapped: int = 0,
        device_reason: str = "given",
        fallback: str = "",
        progress: Progress | None = None,
    ) -> None:
        """`cache_bytes` limits the KV cache; by default, half of the memory that is free once the
        `mapped` bytes of the weights are read, on a GPU what reading a prompt leaves of it.
        `fallback` says that a GPU is here that the model does not run on, and why.

        The cache holds two contexts if they fit: one for the request that runs, one for the
        beginnings of earlier ones. Raises RuntimeError where a GPU has room for too short a one.
        """
        self.name = name
        self.quantization: str = quantization
        self.fallback = fallback
        self._chat = chat
        self._eos = frozenset(eos_ids)
        config = decoder.config
        self._page_bytes = PagedCache.bytes_per_page(
            config.layers, config.kv_heads, config.head_dim, decoder.kv, decoder.dtype
        )
        longest = context
        if cache_bytes is None:
            longest, cache_bytes = room_for_cache(decoder, context, self._page_bytes, mapped)
        pages = KEPT_CONTEXTS * -(-longest // PAGE)
        if cache_bytes is not None:
            pages = max(1, min(pages, cache_bytes // self._page_bytes))
        self.context_length = min(longest, pages * PAGE)
        self._shortened = self.context_length < context
        cache = decoder.new_cache(pages * PAGE)
        self._loaded: tuple[Decoder, PagedCache] | None = (decoder, cache)
        self._device_reason = device_reason
        self._captured, self._writing = captured_step(
            decoder, cache, self.context_length, progress or Silent()
        )
        self._threads = torch.get_num_threads()
        self._line = Line(name, WAITING)

    @classmethod
    def load(
        cls,
        preset: str,
        *,
        quantization: Quantization = "nf4",
        attention: AttentionKind = "sparse",
        kv: KvKind | None = None,
        device: DeviceKind = "auto",
        sparsity: Sparsity | None = None,
        context: int | None = None,
        cache_bytes: int | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Engine:
        """Load a model by name, fetching it if need be.

        `context` is the longest prompt and answer in tokens: by default what the model was
        trained for, at most what its positions allow. `kv` is how keys and values are kept: "int8"
        by default, "k8v4" with values in 4 bit, "plain" as computed (the default in f32).
        `device` "auto" is what VADEMECUM_DEVICE says, or else a GPU where one can be used;
        where there is one that is not used, `progress` and `fallback` say so, with the reason.
        `threads` is for whatever PyTorch does in this thread, in those that have not used it yet,
        and in those that begin to read an answer: by default PyTorch's own choice
        (OMP_NUM_THREADS), within the cores this process may use.
        Raises ModelNotFound, ModelUnsupported, AssetUnavailable, UsageError, and ModelError where
        "cuda" was asked for and loading onto the GPU fails, or the processor is fallen back to and
        has too little memory.
        """
        if attention not in ("dense", "sparse"):
            raise UsageError(f"unknown attention {attention!r}", "use dense or sparse")
        kv = kv or ("plain" if quantization == "f32" else "int8")
        if kv not in get_args(KvKind):
            raise UsageError(f"unknown kv {kv!r}", f"use one of: {', '.join(get_args(KvKind))}")
        limits = {"context": context, "threads": threads, "cache_bytes": cache_bytes}
        for what, value in limits.items():
            if value is not None and value < 1:
                raise UsageError(f"{what} is {value}", "use 1 or more, or leave it out")
        chosen = presets.preset(preset)
        torch.set_num_threads(threads or min(torch.get_num_threads(), hardware.cores()))
        place = placement.device_for(device, quantization, kv, chosen)

        @hardware.memory_trouble()
        def made(where: torch.device, reason: str, fallback: str = "") -> Engine:
            loaded = weights.load(chosen, quantization, device=where, progress=progress or Silent())
            fitting = sparsity or (ON_GPU if where.type == "cuda" else Sparsity())
            decoder, chat = network(
                loaded,
                chosen,
                quantization,
                kv,
                sparsity=fitting if attention == "sparse" else None,
                chunk=fitting.chunk,
                device=where,
                progress=progress or Silent(),
            )
            return cls(
                decoder,
                chat,
                name=chosen.name,
                eos_ids=loaded.eos_ids,
                context=min(context or chosen.context, loaded.config.max_positions),
                quantization=quantization,
                cache_bytes=cache_bytes,
                mapped=loaded.mapped,
                device_reason=reason,
                fallback=fallback,
                progress=progress,
            )

        if place.device.type == "cuda":
            try:
                return made(place.device, place.reason)
            except VademecumError:
                raise
            except Exception as error:
                log.info("loading onto the GPU failed", exc_info=error)
                trouble = f"loading onto the GPU failed: {first_line(error).rstrip('.')}"
            placement.release()
            if placement.wanted(device) == "cuda":
                raise ModelError(trouble, "use the device cpu, or free memory of the GPU")
            place = placement.left(trouble)
        if place.missed is None:
            return made(place.device, place.reason)
        fallback = f"on the processor: {place.missed}"
        require_memory(chosen, place.missed.why)
        (progress or Silent()).note(f"the model runs {fallback}")
        log.warning("the model runs %s", fallback)
        return made(place.device, place.reason, fallback)

    @property
    def attention(self) -> str:
        """How long sequences are read while decoding."""
        return "sparse" if self._open()[0].sparsity else "dense"

    @property
    def reasons(self) -> bool:
        """Whether the model thinks before it answers (an R1)."""
        return self._chat.reasons

    @property
    def waiting(self) -> int:
        """Requests that wait for the one that runs."""
        return self._line.waiting

    def count_tokens(self, text: str) -> int:
        """How many tokens a text takes in a prompt."""
        return self._chat.count(text)

    def stream(
        self,
        messages: Sequence[Message],
        options: GenerationOptions | None = None,
        *,
        cancel: threading.Event | None = None,
    ) -> Iterator[Token | Finished]:
        """Answer a conversation, a token at a time.

        Read it to its end or close it: from its first event on, it keeps the engine from others
        until then, whatever its timeout, which is looked at as it is read.

        Raises UsageError, ContextTooLong or EngineBusy before the first event.
        """
        options = options or GenerationOptions()
        watched = self._chat.locate(messages, options.watch) if options.watch else ()
        return self.stream_ids(self._chat.encode(messages), options, cancel=cancel, watched=watched)

    def stream_ids(
        self,
        prompt: Sequence[int],
        options: GenerationOptions | None = None,
        *,
        cancel: threading.Event | None = None,
        watched: Sequence[range] = (),
    ) -> Iterator[Token | Finished]:
        """Continue a prompt of token ids; as `stream` otherwise.

        `watched` are ranges of it; they stand for `options.watch`, which needs messages.
        """
        options = options or GenerationOptions()
        self._check(prompt, options)
        if any(span and not 0 <= span[0] <= span[-1] < len(prompt) for span in watched):
            raise UsageError("a watched range is not in the prompt", "watch texts that it holds")
        return self._stream(prompt, options, Deadline.of(options, cancel), watched)

    def generate(
        self,
        messages: Sequence[Message],
        options: GenerationOptions | None = None,
        *,
        cancel: threading.Event | None = None,
    ) -> Generation:
        """The whole answer at once."""
        parts: dict[str, list[str]] = {"thinking": [], "answer": []}
        reason: FinishReason = "stop"
        stats = Stats()
        for event in self.stream(messages, options, cancel=cancel):
            if isinstance(event, Token):
                parts[event.phase].append(event.text)
            else:
                reason, stats = event.reason, event.stats
        return Generation("".join(parts["answer"]), "".join(parts["thinking"]), reason, stats)

    def report(self) -> dict[str, Any]:
        """Which path each operation takes on this machine, and why."""
        decoder, cache = self._open()
        sparsity = decoder.sparsity
        separate = [n for n, layer in enumerate(decoder.layers) if layer.key_bias is not None]
        return {
            "model": self.name,
            "quantization": self.quantization,
            "device": _name(decoder.device),
            "device_reason": self._device_reason,
            "capability": _capability(decoder.device),
            "threads": torch.get_num_threads(),
            "dtype": str(decoder.dtype).removeprefix("torch."),
            "reading": decoder.reading,
            "products": decoder.paths(),
            "writing": self._writing,
            "drafts": self._drafts(decoder),
            "kernels": {"set": decoder.kernels.name, "reason": decoder.kernels.reason},
            "attention": {
                "kind": self.attention,
                "sparse_layers": len(decoder.sparse_layers),
                "from_tokens": sparsity.threshold if sparsity else None,
                "pages_read": int(decoder.pages_read),
                "pages_skipped": int(decoder.pages_skipped),
            },
            "cache": {
                "tokens": self.context_length,
                "kind": decoder.kv,
                "page": PAGE,
                "bytes_per_token": self._page_bytes / PAGE,
                "reserved_bytes": cache.pages * self._page_bytes,
                "kept_tokens": cache.kept_tokens,
                "key_bias_apart_in_layers": separate,
                "limited_by": "memory" if self._shortened else "context",
            },
            "prefill_chunk": decoder.chunk,
            "prefill_at_once": decoder.at_once,
        }

    def close(self) -> None:
        """Let go of weights and cache; a request that runs keeps them until it ends."""
        on_gpu = self._captured is not None
        self._loaded = self._captured = None
        if on_gpu:
            placement.release()

    def _open(self) -> tuple[Decoder, PagedCache]:
        if self._loaded is None:
            raise ModelError("the engine is closed", "load the model again")
        return self._loaded

    def _drafts(self, decoder: Decoder) -> str:
        if self._captured is not None:
            most = max(self._captured.shapes.drafts, default=0)
            return f"up to {most} tokens, rounded otherwise than one"
        if decoder.draft_obstacle:
            return f"none: {decoder.draft_obstacle}"
        return f"up to {LONGEST} tokens, each computed as if alone"

    def _check(self, prompt: Sequence[int], options: GenerationOptions) -> None:
        decoder, _ = self._open()
        if not prompt:
            raise UsageError("the prompt is empty", "ask a question")
        if not 0 <= min(prompt) <= max(prompt) < decoder.config.vocab_size:
            raise UsageError("the prompt holds a token that the model does not know")
        wanted = len(prompt) + options.max_tokens
        if wanted > self.context_length:
            limit = "this machine's memory" if self._shortened else f"the context of {self.name}"
            raise ContextTooLong(
                f"{len(prompt)} tokens of prompt and {options.max_tokens} of answer do not fit "
                f"{limit} ({self.context_length} tokens)",
                "ask for a shorter answer, or give fewer or shorter sources",
            )

    def _stream(
        self,
        prompt: Sequence[int],
        options: GenerationOptions,
        deadline: Deadline,
        watched: Sequence[range],
    ) -> Iterator[Token | Finished]:
        with self._line.place(deadline) as reason:
            if reason:
                yield Finished(reason, Stats(prompt_tokens=len(prompt)))
                return
            if torch.get_num_threads() != self._threads:  # it used PyTorch before the engine came
                torch.set_num_threads(self._threads)
            captured = self._captured  # before: `close` takes it away last
            decoder, cache = self._open()
            written = generate(
                decoder,
                cache,
                self._chat,
                prompt,
                options,
                eos=self._eos,
                deadline=deadline,
                watched=watched,
                captured=captured,
            )
            on_gpu = decoder.device.type == "cuda"
            with hardware.memory_trouble():
                yield from placement.on_device(written, decoder.device) if on_gpu else written


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _capability(device: torch.device) -> str:
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        return f"sm_{major}{minor}"
    return str(torch.backends.cpu.get_cpu_capability())
