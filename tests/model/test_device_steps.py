"""What a GPU writes is what would be written a token at a time, whatever is begun ahead.

The device is a small model on the CPU here, behind the methods of `CapturedStep`. It may be as fast
as can be, and have computed before the host looks; or slow, and compute only what is waited for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import cast

import device_support
import pytest
import torch
from device_support import Device, draw
from torch import Tensor

from vademecum.errors import ModelError
from vademecum.model.cache import PagedCache, Sequence
from vademecum.model.chat import Chat
from vademecum.model.config import ModelConfig
from vademecum.model.deadline import Deadline
from vademecum.model.decoder import ROWS, Decoder
from vademecum.model.device_steps import DRAFTS, DeviceSteps
from vademecum.model.drafting import NgramDrafter
from vademecum.model.generate import generate
from vademecum.model.interface import Finished, GenerationOptions, Token
from vademecum.model.shapes import Shapes
from vademecum.model.watch import Watch

GREEDY = GenerationOptions(temperature=0)
PROMPT = [7, 8, 9, 10, 11, 12] * 12  # 72 tokens
EOS = 257


@pytest.fixture
def decoder(llama: ModelConfig, decoder_of: Callable[..., Decoder]) -> Decoder:
    """Its tokens are the same to the bit, alone or with others."""
    config = replace(llama, intermediate=128)
    return decoder_of(config, dtype=torch.bfloat16, quantized=True)


@pytest.fixture(params=[False, True], ids=["fast", "slow"])
def slow(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def answering(
    decoder: Decoder,
    cache: PagedCache,
    chat: Chat,
    options: GenerationOptions,
    device: Device | None,
    *,
    watched: tuple[range, ...] = (),
    eos: int = EOS,
    cancel: threading.Event | None = None,
) -> Generator[Token | Finished]:
    return generate(
        decoder, cache, chat, PROMPT, options, eos=frozenset({eos}),
        deadline=Deadline.of(options, cancel), watched=watched,
        captured=device,  # type: ignore[arg-type]
    )  # fmt: skip


def answer(
    decoder: Decoder,
    chat: Chat,
    options: GenerationOptions,
    *,
    device: str | None,
    watched: tuple[range, ...] = (),
    eos: int = EOS,
) -> tuple[list[Token], Finished]:
    """The events of an answer on the CPU, or on a device that is "fast" or "slow"."""
    cache = decoder.new_cache(256)
    step = Device(decoder, cache, slow=device == "slow") if device else None
    *tokens, last = answering(decoder, cache, chat, options, step, watched=watched, eos=eos)
    assert isinstance(last, Finished)
    assert cache.free_tokens == 256
    return cast("list[Token]", tokens), last


def ids(tokens: list[Token]) -> list[int]:
    return [token.id for token in tokens]


def opened(
    decoder: Decoder, capacity: int, prompt: list[int] = PROMPT
) -> tuple[PagedCache, Sequence, Tensor]:
    """A sequence whose prompt is read, and the logits behind it."""
    cache = decoder.new_cache(capacity)
    sequence = cache.open(prompt, capacity)
    return cache, sequence, decoder.prefill(torch.tensor(prompt), cache, sequence)


def alone(decoder: Decoder, options: GenerationOptions, first: int, count: int) -> list[int]:
    """What follows `first` when every token is computed, and drawn, by itself."""
    cache, sequence, _ = opened(decoder, 160)
    written = [first]
    for _ in range(count):
        logits = decoder.decode(torch.tensor(written[-1:]), cache, sequence)[0]
        decoder.keep(1, cache, sequence)
        written.append(draw(logits, options, sequence.length))
    return written


def steps_of(
    device: Device, sequence: Sequence, options: GenerationOptions, *, draft: bool,
    watch: Watch | None = None,
) -> DeviceSteps:  # fmt: skip
    drafter = NgramDrafter(sequence.prompt, DRAFTS) if draft else None
    return DeviceSteps(device, sequence, options, drafter, watch)  # type: ignore[arg-type]


def drawn(steps: DeviceSteps, *, final: bool = True) -> int:
    """The next token, from the device."""
    drawer = steps.drawer()
    assert drawer is not None
    return drawer(final=final)


@pytest.mark.parametrize("draft", [False, True])
@pytest.mark.parametrize("device", ["fast", "slow"])
def test_an_answer_is_that_of_the_cpu(
    decoder: Decoder, chat_of: Callable[..., Chat], device: str, draft: bool
) -> None:
    options = replace(GREEDY, max_tokens=88, draft=draft)  # to the last place of a page
    ours, finished = answer(decoder, chat_of(), options, device=device)
    theirs, expected = answer(decoder, chat_of(), options, device=None)
    assert ids(ours) == ids(theirs)
    assert finished.reason == expected.reason == "length"
    assert finished.stats.completion_tokens == 88
    assert (finished.stats.accepted > 10) == draft
    assert finished.stats.drafted >= finished.stats.accepted


@pytest.mark.parametrize("draft", [False, True])
@pytest.mark.parametrize("temperature", [0.0, 0.3, 1.0])
def test_what_is_drawn_is_what_would_be_drawn_alone(
    decoder: Decoder, slow: bool, draft: bool, temperature: float
) -> None:
    options = GenerationOptions(temperature=temperature, top_p=0.9, seed=3)
    cache, sequence, _ = opened(decoder, 160)
    steps = steps_of(Device(decoder, cache, slow=slow), sequence, options, draft=draft)
    assert steps.drawer() is None  # nothing was computed yet
    written = [7]
    for _ in range(80):
        steps.after(written[-1])
        written.append(drawn(steps))
    assert written == alone(decoder, options, 7, 80)


@pytest.mark.parametrize("draft", [False, True])
def test_logits_are_those_of_the_token_that_was_asked_for(
    decoder: Decoder, slow: bool, draft: bool
) -> None:
    """Also those that were computed before anybody asked."""
    cache, sequence, _ = opened(decoder, 160)
    steps = steps_of(Device(decoder, cache, slow=slow), sequence, GREEDY, draft=draft)
    theirs, other, _ = opened(decoder, 160)
    token = 7
    for _ in range(40):
        wanted = decoder.decode(torch.tensor([token]), theirs, other)[0]
        decoder.keep(1, theirs, other)
        assert torch.equal(steps.after(token), wanted)
        token = drawn(steps)


@pytest.mark.parametrize("draft", [False, True])
def test_a_draw_that_may_be_refused_leaves_the_logits(
    decoder: Decoder, slow: bool, draft: bool
) -> None:
    """And whichever token is taken instead, what follows is what follows that."""
    options = GenerationOptions(temperature=1.0, seed=3)
    cache, sequence, _ = opened(decoder, 160)
    steps = steps_of(Device(decoder, cache, slow=slow), sequence, options, draft=draft)
    theirs, other, _ = opened(decoder, 160)
    token = 7
    for n in range(60):
        wanted = decoder.decode(torch.tensor([token]), theirs, other)[0]
        decoder.keep(1, theirs, other)
        given = steps.after(token)
        token = drawn(steps, final=n % 4 == 0)
        assert token == draw(wanted, options, other.length)
        if n % 4:
            assert torch.equal(given, wanted)
        if n % 4 == 3:  # refused
            token = int(given.argmin())


@pytest.mark.parametrize(("draft", "watched"), [(False, False), (False, True), (True, True)])
def test_what_is_constrained_is_what_a_cpu_writes(
    decoder: Decoder, chat_of: Callable[..., Chat], slow: bool, draft: bool, watched: bool
) -> None:
    spans = (range(10, 50),) if watched else ()
    options = replace(GREEDY, max_tokens=70, sources=2, draft=draft)
    device = "slow" if slow else "fast"
    ours, _ = answer(decoder, chat_of(), options, device=device, watched=spans)
    theirs, _ = answer(decoder, chat_of(), options, device=None, watched=spans)
    assert ids(ours) == ids(theirs)


@pytest.mark.parametrize("draft", [False, True])
@pytest.mark.parametrize(("eager", "thought"), [(True, range(10, 14)), (False, range(25, 29))])
def test_thinking_is_held_to_its_limits(
    llama: ModelConfig,
    tensors_of: Callable[[ModelConfig], dict[str, Tensor]],
    decoder_of: Callable[..., Decoder],
    chat_of: Callable[..., Chat],
    slow: bool,
    draft: bool,
    eager: bool,
    thought: range,
) -> None:
    """The host refuses below the least, and forces what closes: a model would close its thinking
    all the time, or never, whatever is rounded how."""
    chat = chat_of(reasons=True)
    tensors = tensors_of(config := replace(llama, intermediate=128))
    embedding = tensors["model.embed_tokens.weight"]  # of the head, too
    embedding += 0.5  # what all have in common, and some tokens more of it, or nothing
    embedding[chat.closing_tag] = 2 if eager else 0
    embedding[EOS] = 0
    decoder = decoder_of(config, dtype=torch.bfloat16, quantized=True, tensors=tensors)
    options = replace(
        GREEDY, max_tokens=60, min_thinking_tokens=10, max_thinking_tokens=25, draft=draft
    )
    device = "slow" if slow else "fast"
    ours, finished = answer(decoder, chat, options, device=device)
    theirs, expected = answer(decoder, chat, options, device=None)
    assert ids(ours) == ids(theirs)
    assert finished.stats.thinking_tokens == expected.stats.thinking_tokens
    assert finished.stats.thinking_tokens in thought
    assert finished.stats.completion_tokens == 60


@pytest.mark.parametrize("draft", [False, True])
def test_watched_texts_receive_what_they_receive_on_the_cpu(
    decoder: Decoder, chat_of: Callable[..., Chat], slow: bool, draft: bool
) -> None:
    options = replace(GREEDY, max_tokens=50, draft=draft)
    watched = (range(10, 50), range(60, 72))  # the latter where the answer goes on
    device = "slow" if slow else "fast"
    ours, finished = answer(decoder, chat_of(), options, device=device, watched=watched)
    theirs, expected = answer(decoder, chat_of(), options, device=None, watched=watched)
    assert ids(ours) == ids(theirs)
    assert ours[0].attention == ()
    for mine, other in zip(ours[1:], theirs[1:], strict=True):
        assert mine.attention == pytest.approx(other.attention, abs=1e-5)
    assert finished.stats.attention == pytest.approx(expected.stats.attention, abs=1e-5)
    assert (finished.stats.accepted > 0) == draft


@pytest.mark.parametrize("most_rows", [1, 4, ROWS])
@pytest.mark.parametrize("threshold", [None, 0, 100, 129])
def test_an_answer_takes_no_graph_that_was_not_made_beforehand(
    decoder: Decoder, chat_of: Callable[..., Chat], threshold: int | None, most_rows: int
) -> None:
    """Its sources are watched, as an assistant's are, and it copies from them."""
    shapes = Shapes(pages=8, threshold=threshold, most_rows=most_rows)
    made = set(shapes.of_answers())
    cache = decoder.new_cache(256)
    device = Device(decoder, cache, most_rows=most_rows)
    options = replace(GREEDY, max_tokens=150)
    watched = (range(10, 50),)
    *_, last = answering(decoder, cache, chat_of(), options, device, watched=watched)
    assert isinstance(last, Finished)
    assert last.stats.attention
    assert {shapes.of(*step, watched=True) for step in device.ran} <= made
    assert {rows for _, rows in device.ran} <= {1, *(1 + n for n in shapes.drafts)}
    assert (last.stats.drafted > 0) == (most_rows > 1)


def test_unwatched_texts_have_no_share(decoder: Decoder) -> None:
    cache, sequence, _ = opened(decoder, 160)
    steps = steps_of(Device(decoder, cache), sequence, GREEDY, draft=False)
    steps.after(7)
    assert steps.shares() is None
    watched = steps_of(
        Device(decoder, cache), sequence, GREEDY, draft=False, watch=Watch([range(9)], 5, 4)
    )
    assert watched.shares() is None  # nothing was computed yet


def test_the_device_goes_on_before_the_host_has_its_token(decoder: Decoder) -> None:
    cache, sequence, _ = opened(decoder, 160)
    device = Device(decoder, cache, slow=True)
    steps = steps_of(device, sequence, GREEDY, draft=False)
    steps.after(7)
    written = 1
    for _ in range(20):
        begun = device.steps
        token = drawn(steps)
        # Two are under way: what the token is drawn from, and what follows it.
        assert device.steps == begun + 1
        steps.after(token)
        written += 1
        assert device.steps == begun + 1  # nothing more: it was begun
    assert device.fed == [[7]]  # it reads what it draws
    assert device.length == len(PROMPT) + written


def test_a_draft_is_begun_before_anybody_asks_for_it(decoder: Decoder) -> None:
    cache, sequence, _ = opened(decoder, 160)
    device = Device(decoder, cache)
    steps = steps_of(device, sequence, GREEDY, draft=True)
    steps.after(7)
    token = 7
    for _ in range(20):
        token = drawn(steps)
        begun = device.steps
        steps.after(token)
        assert device.steps == begun


def test_what_the_host_chooses_is_computed_when_it_was_chosen(decoder: Decoder) -> None:
    cache, sequence, _ = opened(decoder, 160)
    device = Device(decoder, cache)
    steps = steps_of(device, sequence, GREEDY, draft=False)
    for n, token in enumerate([7, 300, 5, 7], 1):
        steps.after(token)
        assert device.fed[-1] == [token]
        assert device.steps == n
        assert device.length == len(PROMPT) + n


def test_the_host_may_choose_otherwise_after_what_the_device_drew(
    decoder: Decoder, slow: bool
) -> None:
    """Constraints come and go within an answer: in thinking, for instance."""
    cache, sequence, _ = opened(decoder, 160)
    steps = steps_of(Device(decoder, cache, slow=slow), sequence, GREEDY, draft=False)
    theirs, other, _ = opened(decoder, 160)
    token, chosen = 7, [300, 5, 200]
    for n in range(50):
        logits = steps.after(token)
        wanted = decoder.decode(torch.tensor([token]), theirs, other)[0]
        decoder.keep(1, theirs, other)
        assert torch.equal(logits, wanted)
        token = chosen[n % 3] if n % 7 < 3 else drawn(steps)
        assert n % 7 < 3 or token == int(wanted.argmax())


def test_of_a_draft_what_was_right_is_kept(decoder: Decoder, slow: bool) -> None:
    prompt = [*range(32), *range(32)]
    cache, sequence, _ = opened(decoder, 128, prompt)
    device = Device(decoder, cache, slow=slow)
    steps = steps_of(device, sequence, GREEDY, draft=True)
    for token in (0, 1, 2, 3, 4, 5, 99, 20, 21, 22):
        steps.after(token)
    assert device.fed == [[0, 1, 2, 3, 4], [*range(5, 14)], [99], [20], [21, 22, 23, 24, 25]]
    assert device.kept == [64 + 5, 64 + 6]  # all of the first, of the second its own token
    assert (steps.drafted, steps.accepted) == (4 + 8 + 4, 4 + 0 + 1)
    steps.settle()
    assert sequence.length == 64 + 10


def test_a_draft_has_no_more_rows_than_the_device_draws_for(decoder: Decoder) -> None:
    prompt = [*range(32), *range(32)]
    cache, sequence, _ = opened(decoder, 128, prompt)
    device = Device(decoder, cache, most_rows=4)
    steps = steps_of(device, sequence, GREEDY, draft=True)
    for token in range(20):
        steps.after(token)
    assert {len(tokens) - 1 for tokens in device.fed} == {2}  # 3 is no length of a draft
    assert steps.accepted > 10


@pytest.mark.parametrize("draft", [False, True])
@pytest.mark.parametrize("capacity", [96, 128])
def test_nothing_is_computed_behind_the_end(decoder: Decoder, capacity: int, draft: bool) -> None:
    """`Device` refuses it; the last token is drawn and read by nobody."""
    cache, sequence, _ = opened(decoder, capacity)
    device = Device(decoder, cache)
    steps = steps_of(device, sequence, GREEDY, draft=draft)
    written = [7]
    while len(PROMPT) + len(written) < capacity:
        steps.after(written[-1])
        written.append(drawn(steps))
    assert written == alone(decoder, GREEDY, 7, len(written) - 1)
    assert device.length <= capacity
    steps.settle()
    assert sequence.length == capacity - 1  # nobody read the last token


@pytest.mark.parametrize("draft", [False, True])
def test_what_nobody_asked_for_is_forgotten(decoder: Decoder, slow: bool, draft: bool) -> None:
    """The step behind a token that ends the answer, and its draft."""
    cache, sequence, _ = opened(decoder, 160)
    device = Device(decoder, cache, slow=slow)
    steps = steps_of(device, sequence, GREEDY, draft=draft)
    token, read, begun = 7, 0, 0
    while read < 20 or device.steps == begun or (draft and len(device.fed[-1]) == 1):
        steps.after(token)
        read, begun = read + 1, device.steps
        token = drawn(steps)
    steps.settle()
    assert sequence.length == len(PROMPT) + read
    asked_for = device.fed[:-1] if draft else device.fed
    assert steps.drafted == sum(len(tokens) - 1 for tokens in asked_for)
    assert steps.drawer() is None


def test_an_answer_of_one_token_computes_nothing(
    decoder: Decoder, chat_of: Callable[..., Chat]
) -> None:
    cache = decoder.new_cache(256)
    device = Device(decoder, cache)
    options = replace(GREEDY, max_tokens=1, draft=True)
    token, finished = answering(decoder, cache, chat_of(), options, device)
    assert isinstance(token, Token)
    assert isinstance(finished, Finished)
    assert (device.steps, finished.stats.drafted, finished.stats.completion_tokens) == (0, 0, 1)


@pytest.mark.parametrize("draft", [False, True])
def test_an_answer_that_ends_early_leaves_the_next_as_it_would_be(
    decoder: Decoder, chat_of: Callable[..., Chat], slow: bool, draft: bool
) -> None:
    options = replace(GREEDY, max_tokens=60, draft=draft)
    expected, _ = answer(decoder, chat_of(), options, device=None)
    cache = decoder.new_cache(256)
    device = Device(decoder, cache, slow=slow)

    cancel = threading.Event()
    told: list[Token | Finished] = []
    for event in answering(decoder, cache, chat_of(), options, device, cancel=cancel):
        told.append(event)
        if len(told) == 5:
            cancel.set()
    assert isinstance(told[-1], Finished)
    assert told[-1].reason == "cancelled"
    assert len(told) == 6
    device.finish()  # a device does what it was asked before it reads the next prompt

    left = answering(decoder, cache, chat_of(), options, device)
    for _ in range(7):
        next(left)
    left.close()
    device.finish()
    assert cache.free_tokens == 256

    *again, last = answering(decoder, cache, chat_of(), options, device)
    assert ids(cast("list[Token]", again)) == ids(expected)
    assert isinstance(last, Finished)
    device.finish()
    assert cache.free_tokens == 256


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("draft", [False, True])
def test_logits_that_are_no_numbers_end_one_answer_and_no_more(
    decoder: Decoder, chat_of: Callable[..., Chat], slow: bool, draft: bool, constrained: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    options = replace(GREEDY, max_tokens=20, draft=draft, sources=2 if constrained else None)
    expected, _ = answer(decoder, chat_of(), options, device=None)
    cache, drawn = decoder.new_cache(256), draw
    device = Device(decoder, cache, slow=slow)

    def drawing(logits: Tensor, options: GenerationOptions, position: int) -> int:
        return -1 if position > len(PROMPT) + 5 else drawn(logits, options, position)

    with monkeypatch.context() as patch:
        patch.setattr(device_support, "draw", drawing)
        events = answering(decoder, cache, chat_of(), options, device)
        told: list[int] = []
        with pytest.raises(ModelError, match="computed no numbers"):
            told += (event.id for event in events if isinstance(event, Token))
    assert len(told) < 10
    device.finish()
    assert cache.free_tokens == 256
    *again, _ = answering(decoder, cache, chat_of(), options, device)
    assert ids(cast("list[Token]", again)) == ids(expected)


@pytest.mark.parametrize("draft", [False, True])
def test_the_end_is_told_where_a_cpu_tells_it(
    decoder: Decoder, chat_of: Callable[..., Chat], slow: bool, draft: bool
) -> None:
    options = GenerationOptions(temperature=0, max_tokens=60, draft=draft)
    device = "slow" if slow else "fast"
    whole, _ = answer(decoder, chat_of(), options, device=None)
    eos = ids(whole)[20]
    ours, finished = answer(decoder, chat_of(), options, device=device, eos=eos)
    assert ids(ours) == ids(whole)[: ids(whole).index(eos)]
    assert finished.reason == "stop"
