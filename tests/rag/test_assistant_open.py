"""Opening an assistant: which model it takes, from where, and what is told of it."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from vademecum.corpora.library import Library
from vademecum.model.choose import Choice
from vademecum.progress import Silent
from vademecum.rag.assistant import Assistant


class Listening(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.mark.parametrize(
    ("model", "told"), [("auto", ["the best that fits"]), ("small", []), ("none", [])]
)
def test_an_automatic_choice_is_told_before_the_model_is_fetched(
    monkeypatch, tmp_path, embedder, model, told
) -> None:
    class Fetching(Exception):
        pass

    def load(*_args, **_how):
        raise Fetching

    monkeypatch.delenv("VADEMECUM_MODEL", raising=False)
    monkeypatch.setattr(
        "vademecum.model.choose.choose", lambda **_: Choice("small", "the best that fits")
    )
    monkeypatch.setattr("vademecum.model.embedder.Embedder.load", lambda *_, **__: embedder)
    monkeypatch.setattr("vademecum.model.engine.Engine.load", load)
    listening = Listening()
    with Library.open(tmp_path) as library:
        library.create_corpus("test", embedder="words", dim=4, fingerprint="f")
        if model == "none":
            Assistant.open("test", model=model, library=library, progress=listening).close()
        else:
            with pytest.raises(Fetching):
                Assistant.open("test", model=model, library=library, progress=listening)
    assert listening.notes == told


def test_the_device_reaches_the_choice_and_the_engine(monkeypatch, tmp_path, embedder) -> None:
    asked = []

    class Loaded:
        def close(self):
            pass

    def choose(**how):
        asked.append(how)
        return Choice("small", "it fits")

    def load(name, **how):
        asked.append({"name": name} | how)
        return Loaded()

    monkeypatch.delenv("VADEMECUM_MODEL", raising=False)
    monkeypatch.setattr("vademecum.model.choose.choose", choose)
    monkeypatch.setattr("vademecum.model.embedder.Embedder.load", lambda *_, **__: embedder)
    monkeypatch.setattr("vademecum.model.engine.Engine.load", load)
    with Library.open(tmp_path) as library:
        library.create_corpus("test", embedder="words", dim=4, fingerprint="f")
        Assistant.open(
            "test", library=library, device="cpu", quantization="bf16", kv="k8v4"
        ).close()
    chosen, loaded = asked
    assert (chosen["device"], chosen["quantization"]) == ("cpu", "bf16")
    assert (loaded["name"], loaded["device"], loaded["quantization"]) == ("small", "cpu", "bf16")
    assert loaded["kv"] == "k8v4"


def test_a_model_may_be_served_at_an_address(shelf, embedder, monkeypatch) -> None:
    opened, closed = [], []

    class Served:
        def __init__(self, address: str, model: str | None) -> None:
            opened.append((address, model))

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr("vademecum.model.remote.RemoteModel", Served)
    monkeypatch.setattr("vademecum.model.embedder.Embedder.load", lambda name, **_: embedder)
    monkeypatch.setattr(
        "vademecum.corpora.library.Library.open", lambda path, progress: nullcontext(shelf)
    )
    for address in ("http://127.0.0.1:8000", "https://host/v1#r1"):
        with Assistant.open("test", model=address) as assistant:
            assert isinstance(assistant.model, Served)
            assert assistant.model_reason == "served at an address"
    assert opened == [("http://127.0.0.1:8000", None), ("https://host/v1", "r1")]
    assert closed == [True, True]
