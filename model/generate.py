"""The loop: prefill in chunks, then sample, tell and decode, a token at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from vademecum.model.cache import PagedCache
from vademecum.model.chat import Chat
from vademecum.model.constraints import CitationConstraint
from vademecum.model.deadline import Deadline
from vademecum.model.decoder import Decoder
from vademecum.model.drafting import NgramDrafter
from vademecum.model.interface import (
    Finished,
    FinishReason,
    GenerationOptions,
    Phase,
    Stats,
    Token,
)
from vademecum.model.reasoning import StopStrings, ThinkingBudget, ThinkingSplitter
from vademecum.model.sampling import Sampler
from vademecum.model.steps import Steps
from vademecum.model.watch import Watch

if TYPE_CHECKING:
    from vademecum.model.captured import CapturedStep
    from vademecum.model.device_steps import DeviceSteps


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


class Draw(Protocol):
    """Gives a sample where the logits are. Where it is `final`, nobody refuses it, and what follows
    may be begun; else the logits stay."""

    def __call__(self, *, final: bool) -> int: ...


class Chooser:
    """The next token: what must come, or else a sample among what may come."""

    def __init__(
        self,
        chat: Chat,
        options: GenerationOptions,
        eos: frozenset[int],
        whole: Callable[[], Tensor] | None,
    ) -> None:
        """`whole` as in `Sampler.sample`."""
        self._sampler = Sampler(options)
        self._whole = whole
        self._forced: list[int] = []
        self._budget: ThinkingBudget | None = None
        if chat.reasons and (
            options.min_thinking_tokens or options.max_thinking_tokens is not None
        ):
            self._budget = ThinkingBudget(
                options.min_thinking_tokens,
                options.max_thinking_tokens,
                chat.closing,
                {chat.closing_tag, *eos},
                chat.bytes_of,
            )
        self._citations: CitationConstraint | None = None
        if options.sources is not None:
            self._citations = CitationConstraint(options.sources, chat.bytes_of)

    def choose(self, logits: Tensor, phase: Phase, thought: int, draw: Draw | None = None) -> int:
        """The token after `thought` tokens of thinking, given float32 `[vocab]`.

        `draw` gives a sample from them; None: it is drawn here.
        """
        if phase == "answer":
            self._forced = []
            if self._citations is None:
                return self._free(logits, draw)
            token = self._held(logits, self._citations.allows, draw)
            self._citations.advance(token)
            return token
        if self._budget is None:
            return self._free(logits, draw)
        self._forced = self._forced or self._budget.forced(thought)
        if self._forced:
            return self._forced.pop(0)
        if self._budget.may_end(thought):
            return self._free(logits, draw)
        token = self._held(logits, self._budget.allows, draw)
        self._budget.advance(token)
        return token

    def _free(self, logits: Tensor, draw: Draw | None) -> int:
        return draw(final=True) if draw else self._sampler.sample(logits, None, self._whole)

    def _held(self, logits: Tensor, allows: Callable[[int], bool], draw: Draw | None) -> int:
        """A token that is allowed. What `draw` gives is kept if it is, else another is drawn here:
        with probabilities p, allowed together with P, a token's is p + (1 - P) p / P = p / P, as of
        one drawn among those that are allowed. Few are refused, and reading logits takes long."""
        if draw and allows(token := draw(final=False)):
            return token
        return self._sampler.sample(logits, allows, self._whole)


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
    captured: CapturedStep | None = None,
) -> Generator[Token | Finished]:
    """Continue a prompt until it stops; the last event is `Finished`.

    `watched` are ranges of the prompt whose attention every token tells. `captured` writes, if it
    is given, on the device that the decoder and the cache are on.

    Raises ContextTooLong if prompt and answer do not fit the cache. Closing the iterator gives
    its pages back.
    """
    sequence = cache.open(prompt, len(prompt) + options.max_tokens)
    try:
        reused = sequence.length
        watch = Watch(watched, sequence.table.shape[0], decoder.config.layers) if watched else None
        steps: Steps | DeviceSteps
        if captured is None:
            drafts = options.draft and not decoder.draft_obstacle
            drafter = NgramDrafter(prompt) if drafts else None
            steps = Steps(decoder, cache, sequence, drafter, watch)
        else:
            from vademecum.model.device_steps import DRAFTS, DeviceSteps

            drafter = NgramDrafter(prompt, DRAFTS) if options.draft else None
            steps = DeviceSteps(captured, sequence, options, drafter, watch)
        writer = Writer(chat, options)
        whole = steps.whole if isinstance(steps, Steps) and decoder.halves_head else None
        chooser = Chooser(chat, options, eos, whole)
        read, skipped = int(decoder.pages_read), int(decoder.pages_skipped)
        times = [0.0, 0.0]  # until the first token, and for the others
        attention: tuple[float, ...] = ()
        reason: FinishReason | None = None

        # 1. Read the prompt, in chunks.
        began = time.perf_counter()
        ids = torch.tensor(prompt, dtype=torch.int64)
        while sequence.length < len(prompt) and not (reason := deadline.reached()):
            start = sequence.length
            # The same chunks, whatever was reused.
            end = start - start % decoder.at_once + decoder.at_once
            logits = decoder.prefill(ids[start:end], cache, sequence)
        if reason:
            times[0] = time.perf_counter() - began

        # 2. Choose a token, tell it, compute what may follow.
        while not reason:
            phase = writer.phase
            token = chooser.choose(logits, phase, writer.thinking, steps.drawer())
            writer.count(token)
            times[writer.tokens > 1] += time.perf_counter() - began
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
            began = time.perf_counter()
            if not reason:
                logits = steps.after(token)
                if (shares := steps.shares()) is not None and watch:
                    attention = tuple(shares.tolist())
                    if writer.phase == "answer":
                        watch.count(shares)

        # 3. Tell what was held back, and what it cost.
        steps.settle()
        yield from writer.flush()
        yield Finished(
            reason,
            Stats(
                prompt_tokens=len(prompt),
                completion_tokens=writer.tokens,
                thinking_tokens=writer.thinking,
                prefill_s=times[0],
                decode_s=times[1],
                prompt_reused=reused,
                drafted=steps.drafted,
                accepted=steps.accepted,
                attention=watch.mean() if watch else (),
                extra={
                    "pages_read": int(decoder.pages_read) - read,
                    "pages_skipped": int(decoder.pages_skipped) - skipped,
                },
            ),
        )
    finally:
        cache.close(sequence)
