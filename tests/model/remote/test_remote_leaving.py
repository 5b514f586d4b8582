"""A server is left as soon as nobody wants to hear more, however silent it is."""

from __future__ import annotations

import threading
import time

import pytest
from remote_support import (
    PATIENCE_S,
    QUESTION,
    Connect,
    Served,
    ask,
    delta,
    said,
)

from vademecum.model.interface import Finished, GenerationOptions, Token


@pytest.mark.parametrize("silence", ["before", "after"])
@pytest.mark.parametrize("why", ["cancelled", "timeout"])
def test_a_silent_server_is_left_at_once(
    served: Served, connect: Connect, silence: str, why: str
) -> None:
    served.stream = [delta(content="It")]
    served.silent_before, served.silent_after = silence == "before", silence == "after"
    cancel = threading.Event()

    def lose_interest() -> None:
        while not served.bodies():
            time.sleep(0.01)
        time.sleep(0.2)
        cancel.set()

    model = connect()
    options = GenerationOptions(timeout_s=0.3 if why == "timeout" else None)
    client = threading.Thread(target=lose_interest, daemon=True)
    if why == "cancelled":
        client.start()
    *tokens, last = model.stream(QUESTION, options, cancel=cancel)
    assert isinstance(last, Finished)
    assert last.reason == why
    assert [t.text for t in tokens if isinstance(t, Token)] == (
        ["It"] if silence == "after" else []
    )
    assert served.left.wait(PATIENCE_S)


def test_cancelling_ends_with_the_chunk_that_is_there(served: Served, connect: Connect) -> None:
    served.stream = said("One.", "Two.", "Three.")
    cancel = threading.Event()
    run = connect().stream(QUESTION, cancel=cancel)
    assert isinstance(next(run), Token)
    cancel.set()
    (last,) = run
    assert isinstance(last, Finished)
    assert last.reason == "cancelled"


def test_what_was_cancelled_before_is_not_even_asked(served: Served, connect: Connect) -> None:
    cancel = threading.Event()
    cancel.set()
    (last,) = connect().stream(QUESTION, cancel=cancel)
    assert isinstance(last, Finished)
    assert (last.reason, served.bodies()) == ("cancelled", [])


def test_closing_the_stream_frees_the_server(served: Served, connect: Connect) -> None:
    served.stream, served.silent_after = [delta(content="It")], True
    run = connect().stream(QUESTION)
    next(run)
    run.close()  # type: ignore[attr-defined]
    assert served.left.wait(PATIENCE_S)
    assert not [thread for thread in threading.enumerate() if thread.name == "watch"]


def test_several_may_ask_at_once(served: Served, connect: Connect) -> None:
    served.stream = said("Yes.")
    model, answers = connect(), []
    threads = [threading.Thread(target=lambda: answers.append(ask(model)[1])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["Yes."] * 4
