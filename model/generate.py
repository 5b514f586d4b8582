"""The loop: prefill in chunks, then sample, tell and decode, a token at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from vademecum.model.cache import PagedCache
from vademecum.model.chat import Chat
from vademecum.model.deadline import Deadline
from vademecum.model.decoder import Decoder
from vademecum.model.evidence import Watch
from vademecum.model.interface import (
    Finished,
    FinishReason,
    GenerationOptions,
    Phase,
    Stats,
    Token,
)
from vademecum.model.reasoning import StopStrings, ThinkingSplitter
from vademecum.model.sampling import Sampler


class Writer:
    """Turns sampled tokens into events: text completed, phases told apart, stops held back.

    Stop strings end the answer; thinking may mention them.
    """

    def __init__(self, chat: Chat, options: GenerationOptions) -> None:
        self.tokens = 0
        self.thinking = 0
        self.stopped = False
        self._detokenizer = chat.detokenizer()
        self._splitter = ThinkingSplitter(chat.reasons)
        self._stops = StopStrings(options.stop)
        self._last = -1

    @property
    def phase(self) -> Phase:
        """What is being written."""
        return self._splitter.phase

    def count(self, token: int) -> None:
        """A token was sampled."""
        self._last = token
        self.tokens += 1
        self.thinking += self._splitter.phase == "thinking"

    def write(self, token: int) -> list[Token]:
        """The events of one token, at least one; two where it ends the thinking."""
        events = self._events(self._splitter.feed(self._detokenizer.feed(token)))
        return events or [Token("", token, self._splitter.phase)]

    def flush(self) -> list[Token]:
        """What was held back, now that nothing follows."""
        if self.stopped:
            return []
        pieces = self._splitter.feed(self._detokenizer.flush()) + self._splitter.flush()
        events = self._events(pieces)
        rest = "" if self.stopped else self._stops.flush()
        return [*events, Token(rest, self._last, "answer")] if rest else events

    def _events(self, pieces: Sequence[tuple[Phase, str]]) -> list[Token]:
        events = []
        for phase, text in pieces:
            if phase == "thinking":
                events.append(Token(text, self._last, "thinking"))
                continue
            shown, self.stopped = self._stops.feed(text)
            if shown:
                events.append(Token(shown, self._last, "answer"))
            if self.stopped:
                break
        return events


def generate(
    decoder: Decoder,
    cache: PagedCache,
    chat: Chat,
    prompt: Sequence[int],
    options: GenerationOptions,
    *,
    eos: frozenset[int],
    deadline: Deadline,
    watched: Sequence[range] = (),
) -> Iterator[Token | Finished]:
    """Continue a prompt until it stops; the last event is `Finished`.

    `watched` are ranges of the prompt whose attention every token tells.

    Raises ContextTooLong if prompt and answer do not fit the cache. Closing the iterator gives
    its pages back.
    """
    sequence = cache.open(prompt, len(prompt) + options.max_tokens)
    reused = sequence.length
    watch = Watch(watched, sequence.table.shape[0], decoder.config.layers) if watched else None
    writer = Writer(chat, options)
    sampler = Sampler(options)
    read, skipped = int(decoder.pages_read), int(decoder.pages_skipped)
    prefill_s = decode_s = 0.0
    reason: FinishReason | None = None
    try:
        # 1. Read the prompt, in chunks.
        began = time.perf_counter()
        ids = torch.tensor(prompt, dtype=torch.int64)
        while sequence.length < len(prompt) and not (reason := deadline.reached()):
            start = sequence.length
            # The same chunks, whatever was reused.
            end = start - start % decoder.chunk + decoder.chunk
            logits = decoder.prefill(ids[start:end], cache, sequence)
        prefill_s = time.perf_counter() - began

        # 2. Sample, tell, decode.
        step = torch.empty(1, dtype=torch.int64)
        attention: tuple[float, ...] = ()
        if watch:
            sequence.mass = watch.new_mass(1)
        while not reason:
            began = time.perf_counter()
            token = sampler.sample(logits)
            first = writer.tokens == 0
            writer.count(token)
            spent = time.perf_counter() - began
            prefill_s, decode_s = (
                (prefill_s + spent, decode_s) if first else (prefill_s, decode_s + spent)
            )
            if token in eos:
                reason = "stop"
                break
            for event in writer.write(token):
                yield replace(event, attention=attention) if attention else event
            if writer.stopped:
                reason = "stop"
            elif writer.tokens == options.max_tokens:
                reason = "length"
            else:
                reason = deadline.reached()
            if not reason:
                began = time.perf_counter()
                step[0] = token
                logits = decoder.decode(step, cache, sequence)[0]
                decoder.keep(1, cache, sequence)
                if watch and sequence.mass is not None:
                    shares = watch.shares(sequence.mass[0])
                    attention = tuple(shares.tolist())
                    if writer.phase == "answer":
                        watch.count(shares)
                decode_s += time.perf_counter() - began

        # 3. Tell what was held back, and what it cost.
        yield from writer.flush()
        yield Finished(
            reason,
            Stats(
                prompt_tokens=len(prompt),
                completion_tokens=writer.tokens,
                thinking_tokens=writer.thinking,
                prefill_s=prefill_s,
                decode_s=decode_s,
                prompt_reused=reused,
                attention=watch.mean() if watch else (),
                extra={
                    "pages_read": int(decoder.pages_read) - read,
                    "pages_skipped": int(decoder.pages_skipped) - skipped,
                },
            ),
        )
    finally:
        cache.close(sequence)
