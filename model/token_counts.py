"""How many tokens a text takes, as a server counts them: each in its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from vademecum.model.completions import estimate_tokens, is_count
from vademecum.model.defuse import defuse

REMEMBERED = 4096  # texts whose length in tokens is known

Ask = Callable[[str, Mapping[str, Any]], Mapping[str, Any] | None]


class TokenCounts:
    """Those of one model. The first way that the server answers is kept."""

    def __init__(self, model: str, ask: Ask) -> None:
        """`ask` posts an object to a path beside `/v1`, and gives the object that comes back, None
        if none does."""
        self._model, self._ask = model, ask
        self._way: _Way | None = None
        self.path: str | None = None
        """Where the server counts; "estimate" if it does not, None before anything was counted."""
        self._counted = lru_cache(maxsize=REMEMBERED)(self._count)

    def of(self, text: str) -> int:
        """The server's count, or `estimate_tokens` if it has none."""
        return self._counted(text) if text else 0

    def _count(self, text: str) -> int:
        if self.path is None:
            answers = ((way, self._by(way, text)) for way in _WAYS)
            self._way, count = next((found for found in answers if found[1]), (None, None))
            self.path = self._way.path if self._way else "estimate"
        else:
            count = self._by(self._way, text) if self._way else None
        return count or estimate_tokens(text)

    def _by(self, way: _Way, text: str) -> int | None:
        """None if the server does not count in this way; no text that is asked for is empty."""
        found = self._ask(way.path, way.asking(self._model, defuse(text)))
        count = way.read(found) if found else None
        return count if is_count(count) and count > 0 else None


class _Way(NamedTuple):
    """One way in which servers count tokens."""

    path: str
    asking: Callable[[str, str], dict[str, Any]]  # of the model and the text
    read: Callable[[Mapping[str, Any]], Any]


def _length(found: Mapping[str, Any]) -> int | None:
    tokens = found.get("tokens")
    return len(tokens) if isinstance(tokens, list) else None


_WAYS = (
    # vLLM and SGLang. llama.cpp answers it, too, with no tokens: it looks for `content`.
    _Way(
        "/tokenize",
        lambda model, text: {"model": model, "prompt": text, "add_special_tokens": False},
        lambda found: found.get("count"),
    ),
    _Way("/tokenize", lambda _, text: {"content": text}, _length),
    # llama-cpp-python
    _Way(
        "/extras/tokenize/count",
        lambda _, text: {"input": text},
        lambda found: found.get("count"),
    ),
)
