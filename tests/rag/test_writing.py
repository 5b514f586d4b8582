from __future__ import annotations

import threading
from time import process_time

import pytest

from vademecum.model.interface import GenerationOptions, Message
from vademecum.rag.answer import AnswerDelta, ThinkingDelta
from vademecum.rag.generate import LoopGuard, cycles, default_options, write

ASK = [Message("user", "why?")]
OPTIONS = GenerationOptions(max_tokens=64)


def run(model, cancel=None):
    """The deltas and the draft of a whole run."""
    deltas = []
    writing = write(model, ASK, OPTIONS, cancel)
    while True:
        try:
            deltas.append(next(writing))
        except StopIteration as stop:
            return deltas, stop.value


def test_deltas_add_up_to_the_draft(model_of) -> None:
    deltas, draft = run(model_of("Aspirin helps [1].", thinking="Let me see."))
    assert "".join(d.text for d in deltas if isinstance(d, ThinkingDelta)) == "Let me see."
    assert "".join(d.text for d in deltas if isinstance(d, AnswerDelta)) == "Aspirin helps [1]."
    assert (draft.thinking, draft.answer) == ("Let me see.", "Aspirin helps [1].")
    assert draft.reason == "stop"
    assert draft.decode_tok_s == 20.0  # 4 steps in 0.2 s, as the engine reports
    assert draft.first_token_s > 0


def test_a_model_that_repeats_a_sentence_is_stopped(model_of) -> None:
    model = model_of("Aspirin reduced stroke in women [1]. " * 200)
    _, draft = run(model)
    assert draft.reason == "loop"
    assert len(draft.answer) < 120
    assert model.running == 0


def test_a_model_that_cycles_without_sentences_is_stopped(model_of) -> None:
    model = model_of("Risk rises and " + "again and " * 2_000)
    _, draft = run(model)
    assert draft.reason == "loop"
    assert model.written < 60


def test_a_small_model_is_stopped_when_it_has_written_enough(model_of) -> None:
    text = "".join(f"Group {name} fared better than before. " for name in "abcdefghijklmnop")
    _, draft = run(model_of(text))
    assert draft.reason == "enough"
    assert "Group f fared" in draft.answer
    assert "Group h" not in draft.answer
    assert run(model_of(text, reasons=True))[1].answer == text


def test_the_title_and_the_aim_that_a_model_copies_first_are_not_counted(model_of) -> None:
    frame = "Source 1\nTitle: Groups and how they fared.\nYear: 2021\n"
    aim = "The aim of this study was to examine how they fared. "
    text = "".join(f"Group {name} fared better than before. " for name in "abcdefghijklmnop")
    _, draft = run(model_of(f"{frame}Text: {aim}{text}"))
    assert draft.reason == "enough"
    assert "Group f fared better than before." in draft.answer
    assert "Group h" not in draft.answer


def test_thinking_may_come_back_to_a_sentence_but_not_cycle(model_of) -> None:
    again = "Wait, the trial was small. It had few women in it. Wait, the trial was small. "
    assert run(model_of("Yes.", thinking=again))[1].reason == "stop"
    assert run(model_of("Yes.", thinking="Hmm, let me think. " * 99))[1].reason == "loop"


@pytest.mark.parametrize(
    "text",
    [
        "10000000 and 0.0000001 ...... -------- 1.0, 1.5, 2.0",
        "Yes. Yes. It helps women. It helps men.",
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |",
        "风险增加。风险不变。死亡减少。",
    ],
)
def test_ordinary_text_is_no_loop(text: str) -> None:
    guard = LoopGuard(whole=True)
    assert not any(guard.add(character) for character in text)


def test_a_long_answer_is_watched_at_the_price_of_a_short_one() -> None:
    def seconds(sentences: int) -> float:
        words = [f"{w} " for n in range(sentences) for w in f"Group {n} was well [1].".split()]
        guard, start = LoopGuard(whole=True), process_time()
        assert not any(guard.add(word) for word in words)
        assert guard.sentences == sentences
        return process_time() - start

    # Read anew from its beginning each time, the text would take 100 times as long.
    assert seconds(1_000) < 40 * min(seconds(100) for _ in range(3))


@pytest.mark.parametrize("filler", [0, 1, 2, 7])
def test_a_sentence_that_comes_again_much_later_is_told(filler: int) -> None:
    others = "".join(f"Then group {n} was seen [1]. " for n in range(filler))
    guard = LoopGuard(whole=True)
    assert not any(guard.add(ch) for ch in f"Aspirin reduced stroke. [1] {others}")
    assert any(guard.add(ch) for ch in "Aspirin reduced stroke.")


def test_cycles() -> None:
    assert cycles("so " + "the same thing " * 4)
    assert cycles("哈" * 16)
    assert not cycles("the same thing " * 3)
    assert not cycles("=" * 300)


def test_cancelling_is_the_engines_to_report(model_of) -> None:
    cancel = threading.Event()
    cancel.set()
    deltas, draft = run(model_of("Aspirin helps."), cancel)
    assert (deltas, draft.reason, draft.answer) == ([], "cancelled", "")


def test_closing_early_stops_the_model(model_of) -> None:
    model = model_of("Aspirin helps. " * 50)
    writing = write(model, ASK, OPTIONS)
    next(writing)
    assert model.running == 1
    writing.close()
    assert model.running == 0


def test_small_models_are_greedy_and_r1_is_not(model_of) -> None:
    plain, reasoning = default_options(model_of()), default_options(model_of(reasons=True))
    assert (plain.temperature, plain.max_tokens) == (0.0, 256)
    assert (reasoning.temperature, reasoning.top_p, reasoning.max_tokens) == (0.6, 0.95, 2_048)


def test_a_short_context_leaves_room_for_the_prompt(model_of) -> None:
    assert default_options(model_of(context_length=512)).max_tokens == 128
    assert default_options(model_of(context_length=2_048, reasons=True)).max_tokens == 1_024
