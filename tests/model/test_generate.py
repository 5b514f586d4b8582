"""The loop ends for the right reason, shows what it should, and gives back what it borrowed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from vademecum.errors import ContextTooLong
from vademecum.model.cache import PagedCache, Sequence
from vademecum.model.chat import Chat
from vademecum.model.deadline import Deadline
from vademecum.model.engine import Engine
from vademecum.model.generate import Writer, generate
from vademecum.model.interface import Finished, GenerationOptions, Token
from vademecum.model.sparsity import CHUNK

VOCAB, EOS = 262, 257


@dataclass
class Script:
    """Stands in for a decoder: after each step, one token is certain."""

    tokens: list[int]
    on_step: Callable[[int], None] = lambda step: None
    pages_read: int = 0
    pages_skipped: int = 0
    halves_head: bool = False
    draft_obstacle: str | None = None
    at_once: int = CHUNK
    chunks: list[int] = field(default_factory=list)
    fed: list[int] = field(default_factory=list)

    def _next(self) -> Tensor:
        logits = torch.zeros(VOCAB)
        logits[self.tokens[len(self.fed)]] = 100.0
        return logits

    def prefill(self, ids: Tensor, cache: PagedCache, sequence: Sequence) -> Tensor:
        self.chunks.append(len(ids))
        sequence.length += len(ids)
        return self._next()

    def decode(self, ids: Tensor, cache: PagedCache, sequence: Sequence) -> Tensor:
        self.fed.append(int(ids))
        self.on_step(len(self.fed))
        return self._next()[None]

    def keep(self, tokens: int, cache: PagedCache, sequence: Sequence) -> None:
        sequence.length += tokens


@pytest.fixture
def cache() -> PagedCache:
    return PagedCache(layers=1, kv_heads=1, head_dim=2, pages=64, kind="plain", dtype=torch.float32)


@pytest.fixture
def play(
    chat_of: Callable[..., Chat], cache: PagedCache
) -> Callable[..., Iterator[Token | Finished]]:
    """`play(script, options, reasons=False, prompt=[1, 2, 3], cancel=None)`."""

    def start(
        script: Script,
        options: GenerationOptions,
        *,
        reasons: bool = False,
        prompt: list[int] | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[Token | Finished]:
        return generate(
            script,  # type: ignore[arg-type]
            cache,
            chat_of(reasons=reasons),
            prompt or [1, 2, 3],
            options,
            eos=frozenset({EOS}),
            deadline=Deadline.of(options, cancel),
        )

    return start


def ids_of(chat: Chat, text: str) -> list[int]:
    ids: list[int] = chat.tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def told(events: Iterator[Token | Finished]) -> tuple[str, str, Finished]:
    """(thinking, answer, last event)."""
    *tokens, last = events
    assert isinstance(last, Finished)
    texts = {"thinking": "", "answer": ""}
    for token in tokens:
        assert isinstance(token, Token)
        texts[token.phase] += token.text
    return texts["thinking"], texts["answer"], last


GREEDY = GenerationOptions(temperature=0, max_tokens=100)


def test_it_stops_at_the_end_of_the_answer(chat_of: Callable[..., Chat], play, cache) -> None:
    script = Script([*ids_of(chat_of(), "Naïve 😀."), EOS, 1])
    _, answer, last = told(play(script, GREEDY))
    assert (answer, last.reason) == ("Naïve 😀.", "stop")
    assert last.stats.prompt_tokens == 3
    assert last.stats.completion_tokens == len(script.tokens) - 1
    assert cache.free_tokens == 64 * 32


def test_every_token_has_an_event(chat_of: Callable[..., Chat], play) -> None:
    ids = ids_of(chat_of(), "é😀")
    events = list(play(Script([*ids, EOS]), GREEDY))
    assert [event.id for event in events[:-1]] == ids
    assert [event.text for event in events[:-1]] == ["", "é", "", "", "", "😀"]


def test_it_ends_at_its_length_without_half_a_character(chat_of: Callable[..., Chat], play) -> None:
    ids = ids_of(chat_of(), "ab😀")
    _, answer, last = told(play(Script(ids), GenerationOptions(temperature=0, max_tokens=4)))
    assert (answer, last.reason) == ("ab", "length")
    assert last.stats.completion_tokens == 4


def test_no_step_is_computed_for_a_token_nobody_sees(chat_of: Callable[..., Chat], play) -> None:
    script = Script(ids_of(chat_of(), "abc"))
    told(play(script, GenerationOptions(temperature=0, max_tokens=3)))
    assert len(script.fed) == 2


def test_a_stop_string_is_not_shown(chat_of: Callable[..., Chat], play) -> None:
    script = Script([*ids_of(chat_of(), "One.\n\nQ: two")])
    options = GenerationOptions(temperature=0, max_tokens=100, stop=("\n\nQ:",))
    _, answer, last = told(play(script, options))
    assert (answer, last.reason) == ("One.", "stop")


def test_what_was_held_back_for_a_stop_is_shown_in_the_end(
    chat_of: Callable[..., Chat], play
) -> None:
    script = Script([*ids_of(chat_of(), "One.\n\nQ"), EOS])
    options = GenerationOptions(temperature=0, max_tokens=100, stop=("\n\nQ:",))
    assert told(play(script, options))[1] == "One.\n\nQ"


def test_thinking_is_told_apart_and_may_mention_a_stop(chat_of: Callable[..., Chat], play) -> None:
    chat = chat_of()
    script = Script([*ids_of(chat, "Q: hm\n</think>\n\nSo. Q: x"), EOS])
    options = GenerationOptions(temperature=0, max_tokens=100, stop=("Q:",))
    thinking, answer, last = told(play(script, options, reasons=True))
    assert (thinking, answer, last.reason) == ("Q: hm", "So. ", "stop")
    assert last.stats.thinking_tokens == len(ids_of(chat, "Q: hm\n</think>"))


def test_thinking_that_never_ends_is_no_answer(chat_of: Callable[..., Chat], play) -> None:
    script = Script([*ids_of(chat_of(), "hm </thin"), EOS])
    assert told(play(script, GREEDY, reasons=True))[:2] == ("hm </thin", "")


def test_too_much_thinking_is_closed(chat_of: Callable[..., Chat], play) -> None:
    chat = chat_of()
    closing = list(chat.closing)
    script = Script([*ids_of(chat, "a" * 90), *ids_of(chat, "b" * 40)])
    options = GenerationOptions(temperature=0, max_tokens=20, max_thinking_tokens=5, draft=False)
    thinking, answer, last = told(play(script, options, reasons=True))
    assert thinking == "aaaaa"
    assert script.fed[5 : 5 + len(closing) - 2] == closing[:-2]  # the blank lines are the model's
    assert answer.startswith("a")
    assert last.stats.thinking_tokens == 5 + len(closing) - 2


def test_thinking_that_ends_in_time_is_left_alone(chat_of: Callable[..., Chat], play) -> None:
    chat = chat_of()
    script = Script([*ids_of(chat, "hm</think>So."), EOS])
    options = GenerationOptions(temperature=0, max_tokens=50, max_thinking_tokens=40)
    assert told(play(script, options, reasons=True))[:2] == ("hm", "So.")


def test_thinking_cannot_be_closed_before_its_floor(chat_of: Callable[..., Chat], play) -> None:
    chat = chat_of()
    tag = chat.closing_tag
    script = Script([tag] * 30)
    options = GenerationOptions(temperature=0, max_tokens=8, min_thinking_tokens=4, draft=False)
    *_, last = play(script, options, reasons=True)
    assert isinstance(last, Finished)
    assert tag not in script.fed[:4]
    assert script.fed[4] == tag
    assert last.stats.thinking_tokens == 5


def test_a_text_does_not_end_before_its_thinking_may(play) -> None:
    script = Script([EOS] * 30)
    options = GenerationOptions(temperature=0, max_tokens=8, min_thinking_tokens=4, draft=False)
    *_, last = told(play(script, options, reasons=True))
    assert last.reason == "stop"
    assert last.stats.completion_tokens == 5
    assert EOS not in script.fed


def test_the_floor_is_not_passed_by_spelling_the_tag(chat_of: Callable[..., Chat], play) -> None:
    chat = chat_of()
    spelled = [token for letter in "hm</think>So" for token in ids_of(chat, letter)]
    script = Script([*spelled, *[0] * 20])

    def played(least: int) -> tuple[str, str, int]:
        script.fed.clear()
        options = GenerationOptions(
            temperature=0, max_tokens=20, min_thinking_tokens=least, draft=False
        )
        thinking, answer, last = told(play(script, options, reasons=True))
        return thinking[:9], answer[:2], last.stats.thinking_tokens

    assert played(20) == ("hm</think", "", 20)
    assert played(10) == ("hm</think", "", 20)
    assert played(9) == ("hm", "So", 10)


def test_cancelling_ends_it_within_a_token(chat_of: Callable[..., Chat], play, cache) -> None:
    cancel = threading.Event()
    script = Script(
        ids_of(chat_of(), "abcdefgh"), on_step=lambda step: cancel.set() if step == 3 else None
    )
    _, answer, last = told(play(script, GREEDY, cancel=cancel))
    assert (answer, last.reason) == ("abcd", "cancelled")
    assert len(script.fed) == 3
    assert cache.free_tokens == 64 * 32


def test_cancelled_before_it_begins(play) -> None:
    cancel = threading.Event()
    cancel.set()
    script = Script([1])
    _, _, last = told(play(script, GREEDY, cancel=cancel))
    assert (last.reason, script.chunks, last.stats.completion_tokens) == ("cancelled", [], 0)


def test_a_prompt_that_was_given_up_tells_how_long_it_was_read(
    play, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]

    def tick() -> float:
        clock[0] += 1.0
        return clock[0]

    monkeypatch.setattr("vademecum.model.generate.time", SimpleNamespace(perf_counter=tick))
    monkeypatch.setattr("vademecum.model.deadline.time", SimpleNamespace(monotonic=tick))
    script = Script([1])
    options = GenerationOptions(temperature=0, max_tokens=8, timeout_s=2.5)
    _, _, last = told(play(script, options, prompt=[5] * (3 * CHUNK)))
    assert (last.reason, script.chunks) == ("timeout", [CHUNK])
    assert last.stats.prefill_s == 3  # so often the clock was read since it began


def test_a_timeout_ends_it(
    chat_of: Callable[..., Chat], play, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("vademecum.model.deadline.time.monotonic", lambda: clock[0])

    def tick(step: int) -> None:
        clock[0] += 1.0

    script = Script(ids_of(chat_of(), "abcdefgh"), on_step=tick)
    options = GenerationOptions(temperature=0, max_tokens=100, timeout_s=2.5)
    _, answer, last = told(play(script, options))
    assert (answer, last.reason) == ("abcd", "timeout")


def test_the_time_until_the_first_token_is_told_apart_from_that_of_the_others(
    chat_of: Callable[..., Chat], play, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]

    def passes(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr("vademecum.model.generate.time.perf_counter", lambda: clock[0])
    script = Script(ids_of(chat_of(), "abcd"), on_step=lambda step: passes(1))
    read = script.prefill

    def prefill(*given: Any) -> Tensor:
        passes(20)
        return read(*given)

    monkeypatch.setattr(script, "prefill", prefill)
    options = GenerationOptions(temperature=0, max_tokens=4)
    events = []
    for event in play(script, options, prompt=[5] * (CHUNK + 1)):
        events.append(event)
        passes(100)  # whoever reads takes his time
    last = events[-1]
    assert isinstance(last, Finished)
    assert (last.stats.prefill_s, last.stats.decode_s) == (40, 3)


def test_the_times_are_those_of_a_clock_on_the_wall(engine_of: Callable[..., Engine]) -> None:
    engine = engine_of(eos=())
    began = time.perf_counter()
    *_, last = engine.stream_ids([1, 2, 3], GenerationOptions(max_tokens=2))
    passed = time.perf_counter() - began
    assert isinstance(last, Finished)
    assert min(last.stats.prefill_s, last.stats.decode_s) > 0
    assert last.stats.prefill_s + last.stats.decode_s < passed


def test_a_long_prompt_comes_in_chunks(play) -> None:
    script = Script([EOS])
    told(play(script, GREEDY, prompt=[5] * (2 * CHUNK + 1)))
    assert script.chunks == [CHUNK, CHUNK, 1]
    script = Script([EOS], at_once=2 * CHUNK)
    told(play(script, GREEDY, prompt=[6] * (2 * CHUNK + 1)))
    assert script.chunks == [2 * CHUNK, 1]


def test_what_does_not_fit_is_refused_before_anything_is_read(play, cache) -> None:
    script = Script([EOS])
    with pytest.raises(ContextTooLong):
        next(play(script, GREEDY, prompt=[5] * (64 * 32 - 99)))
    assert script.chunks == []
    assert cache.free_tokens == 64 * 32


def test_closing_early_gives_the_pages_back(chat_of: Callable[..., Chat], play, cache) -> None:
    events = play(Script(ids_of(chat_of(), "abcdef")), GREEDY)
    next(events)
    assert cache.free_tokens < 64 * 32
    events.close()
    assert cache.free_tokens == 64 * 32


def test_a_stop_in_the_last_bytes_is_found_in_the_end(chat_of: Callable[..., Chat]) -> None:
    chat = chat_of(reasons=True)
    writer = Writer(chat, GenerationOptions(stop=("!",)))
    events = []
    for token in ids_of(chat, "a</think>b!"):
        writer.count(token)
        events += writer.write(token)
    assert writer.stopped
    assert [(event.phase, event.text) for event in events if event.text] == [
        ("thinking", "a"),
        ("answer", "b"),
    ]
    assert writer.flush() == []
