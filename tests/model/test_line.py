"""One at a time, in the order of coming, and nobody keeps a place that he left."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from vademecum.errors import EngineBusy
from vademecum.model.deadline import Deadline
from vademecum.model.line import Line

FOREVER = Deadline(float("inf"), None)
PATIENCE_S = 20.0  # for what happens at once unless it never happens


def wait_for(count: Callable[[], int], wanted: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while count() < wanted:
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.001)


def soon() -> Deadline:
    return Deadline(time.monotonic() + PATIENCE_S, None)


def test_the_first_is_served_at_once_and_the_next_after_him() -> None:
    line = Line("it", waiting=1)
    with line.place(FOREVER) as reason:
        assert reason is None
        assert line.waiting == 0
    with line.place(FOREVER) as reason:
        assert reason is None


def test_first_come_first_served_and_one_at_a_time() -> None:
    line = Line("it", waiting=20)
    served: list[int] = []
    running = 0

    def client(number: int) -> None:
        nonlocal running
        with line.place(FOREVER):
            running += 1
            assert running == 1
            served.append(number)
            time.sleep(0.001)
            running -= 1

    threads = []
    with line.place(FOREVER):
        for number in range(20):
            threads.append(threading.Thread(target=client, args=(number,)))
            threads[-1].start()
            wait_for(lambda: line.waiting, number + 1)
    for thread in threads:
        thread.join(10)
    assert served == list(range(20))
    assert line.waiting == 0


def test_one_too_many_is_refused_and_takes_no_place() -> None:
    line = Line("it", waiting=0)
    with line.place(FOREVER):
        with pytest.raises(EngineBusy, match="it is answering"), line.place(FOREVER):
            pass
        assert line.waiting == 0


def test_who_is_cancelled_or_late_leaves_and_the_next_moves_up() -> None:
    line = Line("it", waiting=3)
    cancel = threading.Event()
    reasons: dict[str, object] = {}

    def client(name: str, deadline: Deadline) -> None:
        with line.place(deadline) as reason:
            reasons[name] = reason

    with line.place(FOREVER):
        threads = [
            threading.Thread(target=client, args=given)
            for given in (
                ("cancelled", Deadline(float("inf"), cancel)),
                ("late", Deadline(time.monotonic() + 0.05, None)),
                ("patient", FOREVER),
            )
        ]
        for number, thread in enumerate(threads):
            thread.start()
            wait_for(lambda: line.waiting + len(reasons), number + 1)
        cancel.set()
        threads[0].join(5)
        threads[1].join(5)
        assert reasons == {"cancelled": "cancelled", "late": "timeout"}
        assert line.waiting == 1
    threads[2].join(5)
    assert reasons["patient"] is None


def test_who_gave_up_holds_up_nobody_even_if_he_lingers() -> None:
    line = Line("it", waiting=1)
    served = threading.Event()

    def client() -> None:
        with line.place(FOREVER):
            served.set()

    late = Deadline(time.monotonic(), None)
    with contextlib.ExitStack() as first, line.place(late) as reason:
        assert reason == "timeout"
        assert first.enter_context(line.place(FOREVER)) is None
        thread = threading.Thread(target=client)
        thread.start()
        wait_for(lambda: line.waiting, 1)
        first.close()
        assert served.wait(5)
        thread.join(5)


def test_a_stream_that_is_closed_or_forgotten_frees_its_place() -> None:
    line = Line("it", waiting=0)

    def stream() -> Iterator[str]:
        with line.place(FOREVER):
            yield "first"
            yield "second"

    for end in (lambda held: held.close(), lambda held: None):
        held = stream()
        assert next(held) == "first"
        with pytest.raises(EngineBusy):
            next(stream())
        end(held)
        del held
        gc.collect()
        assert list(stream()) == ["first", "second"]


CLIENTS, STREAMS = 4, 50


def test_forgotten_streams_never_leave_others_waiting() -> None:
    """Streams in reference cycles end where the collector happens to run: in any thread."""
    line = Line("it", waiting=CLIENTS * STREAMS)  # whoever were refused would keep his stream

    class Holder:
        def __init__(self) -> None:
            self.me = self
            self.stream = self.run()

        def run(self) -> Iterator[None]:
            with line.place(FOREVER):
                yield

    def client() -> None:
        for _ in range(STREAMS):
            next(Holder().stream)

    collecting = gc.get_threshold()
    gc.freeze()  # what others left need not be looked at each time
    gc.set_threshold(5)  # nearly every allocation collects
    try:
        threads = [threading.Thread(target=client, daemon=True) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + PATIENCE_S
        while any(thread.is_alive() for thread in threads) and time.monotonic() < until:
            gc.collect()  # for when all of them wait for what only the collector can free
            time.sleep(0.0005)
    finally:
        gc.set_threshold(*collecting)
        gc.unfreeze()
    assert not any(thread.is_alive() for thread in threads)
    gc.collect()
    with line.place(soon()) as reason:
        assert reason is None


def test_an_error_frees_the_place() -> None:
    line = Line("it", waiting=0)
    with pytest.raises(ZeroDivisionError), line.place(FOREVER):
        raise ZeroDivisionError
    with line.place(FOREVER) as reason:
        assert reason is None


def test_many_impatient_clients_leave_an_empty_line() -> None:
    line = Line("it", waiting=8)
    together = 0
    most = 0

    def client(number: int) -> None:
        nonlocal together, most
        for turn in range(30):
            patience = 0.0005 * ((number + turn) % 5)
            try:
                with line.place(Deadline(time.monotonic() + patience, None)) as reason:
                    if reason is None:
                        together += 1
                        most = max(most, together)
                        time.sleep(0.0003)
                        together -= 1
            except EngineBusy:
                continue

    threads = [threading.Thread(target=client, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == 1
    assert line.waiting == 0
    with line.place(soon()) as reason:
        assert reason is None
