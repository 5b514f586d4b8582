"""Step 4: the model writes; what it writes comes out as it comes.

Small models run in circles. A guard stops the model as soon as it repeats a whole sentence or
cycles over the same few words, so that nobody waits for text that would be dropped anyway; and
when it has written sentences enough.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Literal

from vademecum.model.interface import (
    Finished,
    FinishReason,
    GenerationOptions,
    LanguageModel,
    Message,
    Phase,
)
from vademecum.rag.answer import AnswerDelta, ThinkingDelta
from vademecum.rag.cite import strip_markers
from vademecum.rag.frame import frames
from vademecum.rag.sentences import sentences_of
from vademecum.rag.told import reports

# Greedy, so that the same question gets the same answer: these models copy from their sources and
# gain nothing from chance. 2 to 5 sentences take 60 to 200 tokens.
PLAIN = GenerationOptions(max_tokens=256, temperature=0.0, top_p=1.0)
# What DeepSeek's model card asks for: 0.5 to 0.7 and 0.95, or R1 repeats itself without end.
REASONING = GenerationOptions(max_tokens=2_048, temperature=0.6, top_p=0.95)
THINKING = 0.75  # of the tokens at most, so that an answer always follows

# A small model that is asked for 2 to 4 sentences may copy its source to the end: this is enough.
# It begins with the title and the aim, which tell no result: they are not counted.
MOST_SENTENCES = 6
ENDS = frozenset(".!?。！？\n")
CLOSES = frozenset(".!?。！？")
UNSETTLED = 3  # sentences at the end of a text that more text may still change
LEAST_SENTENCE = 20  # characters; shorter ones ("Yes.") may well come twice
CYCLES = 4  # so many times the same stretch in a row is a loop
LONGEST_CYCLE = 160  # characters


@dataclass(slots=True)
class Draft:
    """What the model wrote, unchecked. `first_token_s` counts from the start of writing."""

    thinking: str = ""
    answer: str = ""
    reason: FinishReason | Literal["loop", "enough"] = "stop"
    first_token_s: float = 0.0
    decode_tok_s: float = 0.0
    # Where in the answer each token ended, and the attention that the watched texts received.
    attention: list[tuple[int, tuple[float, ...]]] = field(default_factory=list)


def default_options(model: LanguageModel) -> GenerationOptions:
    """How to sample from a model of this kind, limited to a quarter of a short context."""
    wanted = REASONING if model.reasons else PLAIN
    fits = max(1, min(wanted.max_tokens, model.context_length // (2 if model.reasons else 4)))
    thinking = int(fits * THINKING) if model.reasons else None
    return replace(wanted, max_tokens=fits, max_thinking_tokens=thinking)


def write(
    model: LanguageModel,
    messages: Sequence[Message],
    options: GenerationOptions,
    cancel: threading.Event | None = None,
) -> Generator[ThinkingDelta | AnswerDelta, None, Draft]:
    """Yield the deltas; return the draft. Closing this generator stops the model."""
    draft = Draft()
    pieces: dict[Phase, list[str]] = {"thinking": [], "answer": []}
    guards = {"thinking": LoopGuard(whole=False), "answer": LoopGuard(whole=True)}
    started = perf_counter()
    count, first, last, written = 0, started, started, 0
    run = model.stream(messages, options, cancel=cancel)
    try:
        for event in run:
            if isinstance(event, Finished):
                draft.reason = event.reason
                draft.decode_tok_s = event.stats.decode_tok_s
                break
            last = perf_counter()
            count += 1
            first = last if count == 1 else first
            if not event.text:
                continue
            pieces[event.phase].append(event.text)
            written += len(event.text) * (event.phase == "answer")
            if event.attention and event.phase == "answer":
                draft.attention.append((written, event.attention))
            thinking = event.phase == "thinking"
            yield ThinkingDelta(event.text) if thinking else AnswerDelta(event.text)
            if guards[event.phase].add(event.text):
                draft.reason = "loop"
                break
            if not model.reasons and guards["answer"].sentences > MOST_SENTENCES:
                draft.reason = "enough"
                break
    finally:
        if isinstance(run, Generator):  # an engine's stream is one: closing it ends its work
            run.close()
    draft.thinking, draft.answer = "".join(pieces["thinking"]), "".join(pieces["answer"])
    draft.first_token_s = first - started
    if not draft.decode_tok_s and last > first:
        draft.decode_tok_s = (count - 1) / (last - first)
    return draft


class LoopGuard:
    """Watches text grow and says when it has begun to repeat itself."""

    def __init__(self, *, whole: bool) -> None:
        """With `whole`, a whole sentence that comes again counts, too."""
        self.sentences = 0  # begun so far, as far as looked at: those that tell something
        self._whole = whole
        self._text = ""
        self._checked = 0  # length at the last look
        self._ended = False  # a sentence may have ended at the last look
        self._settled = 0  # up to here its sentences are read for good: the rest is read anew
        self._keys: list[str] = []  # of those
        self._telling = 0  # how many of those tell something

    def add(self, text: str) -> bool:
        """Take more text; True if it repeats itself now."""
        self._text += text
        ends = not ENDS.isdisjoint(text)
        if len(self._text) - self._checked < 8 and not ends:
            return False
        self._checked = len(self._text)
        # Sentences are read where one may end, and once more where the next has begun.
        look, self._ended = ends or self._ended, ends
        return cycles(self._text[-LONGEST_CYCLE * CYCLES :]) or (
            self._whole and look and self._repeats_sentence()
        )

    def _repeats_sentence(self) -> bool:
        """Whether the last finished sentence was written before, apart from its markers."""
        rest = self._text[self._settled :]
        spans = sentences_of(rest)
        plain = [strip_markers(rest[start:end]).strip() for start, end in spans]
        found = [sentence_key(sentence) for sentence in plain]
        keys = [*self._keys, *(key for key in found if key)]
        telling = [tells(rest[start:end]) for start, end in spans]
        self.sentences = self._telling + sum(telling)
        if len(spans) > UNSETTLED:
            self._keys += [key for key in found[:-UNSETTLED] if key]
            self._telling += sum(telling[:-UNSETTLED])
            self._settled += spans[-UNSETTLED][0]
        last = next((sentence for sentence in reversed(plain) if sentence), "")
        if len(keys) < 2 or last[-1:] not in CLOSES:
            return False
        return len(keys[-1]) >= LEAST_SENTENCE and keys[-1] in keys[:-1]


def tells(sentence: str) -> bool:
    """Whether a sentence tells something of its own: no title of a source, no aim."""
    said = sentence_key(strip_markers(sentence))
    return bool(said) and not frames(sentence) and reports(sentence)


def sentence_key(sentence: str) -> str:
    """What two sentences must share to count as the same: letters and digits."""
    return "".join(ch for ch in sentence.casefold() if ch.isalnum())


def cycles(text: str) -> bool:
    """Whether the text ends in the same stretch several times over."""
    tail = text[-LONGEST_CYCLE * CYCLES :]
    for length in range(1, len(tail) // CYCLES + 1):
        if length < len(tail) and tail[-1 - length] != tail[-1]:
            continue  # most lengths, at the price of one comparison
        times = CYCLES if length > 3 else 4 * CYCLES  # "10000", "..." and "ha ha" are no loops
        stretch = tail[-length:]
        # Rules and indents may repeat: only what holds a letter or a digit counts.
        if tail.endswith(stretch * times) and any(ch.isalnum() for ch in stretch):
            return True
    return False
