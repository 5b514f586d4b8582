"""`vademecum serve` ends in order, whoever stops it."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace
from typing import Any

import pytest

from vademecum.app import rooms, web


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_what_is_under_way_comes_to_its_end_before_the_server_does(
    how: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[str] = []

    def serve(*_: Any, **__: Any) -> None:
        try:
            os.kill(os.getpid(), how)
            signal.pause()
        finally:
            ended.append("in order")

    monkeypatch.setattr(web, "serve", serve)
    assistant = SimpleNamespace(library=SimpleNamespace(serving=lambda _: None))
    before = signal.getsignal(signal.SIGTERM)
    # A shell that starts the tests in the background lets them ignore Ctrl-C.
    ctrl_c = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        rooms.serve(assistant, "sample", "127.0.0.1", 0)  # type: ignore[arg-type]
    finally:
        signal.signal(signal.SIGINT, ctrl_c)
    assert ended == ["in order"]
    assert capsys.readouterr().err.endswith("stopped\n")
    assert signal.getsignal(signal.SIGTERM) is before
