"""The stream of an OpenAI-compatible chat completion: bytes to chunks, chunks to events."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeGuard

from vademecum.model.deadline import Deadline
from vademecum.model.interface import FinishReason, Message, Phase, Stats, Token
from vademecum.model.reasoning import CLOSE, OPEN, StopStrings, ThinkingSplitter
from vademecum.model.surrogates import joined

POLL_S = 0.05  # how soon a silent server is left after a cancel
LARGEST_COUNT = 2**31 - 1  # of tokens that a server is believed
SURELY = 3  # a text estimated at so many times the tokens holds more of them than that

_ENDS: dict[str, FinishReason] = {"length": "length", "max_tokens": "length"}


class Writer:
    """Turns chunks into events: phases told apart, stops held back, tokens counted."""

    def __init__(
        self, reasons: bool, told: bool | None, stop: tuple[str, ...], max_tokens: int
    ) -> None:
        self.stopped = False
        self.full = False  # the server goes on beyond the tokens that were asked for
        self.finish: FinishReason | None = None
        self.thought = False  # seen for certain, not only expected
        # Untold and not expected to think, it is watched for an opening tag.
        self._splitter = ThinkingSplitter(reasons) if reasons or told is False else None
        self._guessed = reasons and told is None
        self._by_field = False
        self._head = ""  # of the answer, while it may begin with an opening tag
        self._unsaid: list[str] = []  # content of a model that is only guessed to think
        self._stops = StopStrings(stop)
        self._at_start = False  # of an answer after thinking in a field: blanks are dropped
        self._half = {"thinking": "", "content": ""}  # of a character, its rest in the next chunk
        self._most = max_tokens
        self._usage: Mapping[str, Any] = {}
        self._pieces: dict[Phase, int] = {"thinking": 0, "answer": 0}
        self._thirds = 0  # of the tokens that the text is estimated at
        self._began = self._last = time.perf_counter()
        self._first: float | None = None

    def take(self, chunk: Mapping[str, Any]) -> list[Token]:
        """The events of one chunk, maybe none."""
        if isinstance(chunk.get("usage"), Mapping):
            self._usage = chunk["usage"]
        choice = _choice_of(chunk)
        delta = choice.get("delta") or choice.get("message")
        delta = delta if isinstance(delta, Mapping) else {}
        thinking = delta.get("reasoning_content") or delta.get("reasoning")
        content = delta.get("content")
        thinking = thinking if isinstance(thinking, str) else ""
        content = content if isinstance(content, str) else ""
        if (thinking or content) and self._is_long():
            self.full, self.finish = True, "length"
            return []
        self._thirds += _thirds(thinking) + _thirds(content)
        events: list[Token] = []
        if thinking:
            self._count("thinking")
            events += self._tell(self._begin_by_field())
            thinking = self._whole("thinking", thinking)
            events += [Token(thinking, -1, "thinking")] if thinking else []
        if content:
            content = self._whole("content", content)
            self._count(self._splitter.phase if self._splitter else "answer")
            events += self._tell(self._split(content))
        finish = finish_of(chunk)
        if finish is not None:
            self.finish = _ENDS.get(finish, "stop")
        return events

    def flush(self) -> list[Token]:
        """What was held back, now that nothing follows."""
        if self.stopped:
            return []
        if self._splitter is None:
            self._splitter = ThinkingSplitter(False)
        phase = self._splitter.phase
        events = self._tell(self._splitter.feed(self._head) + self._splitter.flush())
        if self._guessed and phase == "thinking" and self.finish == "stop" and not self.thought:
            # It ended by itself and never closed a thought: the guess was wrong, it has answered.
            events += self._tell([("answer", "".join(self._unsaid).strip())])
        rest = "" if self.stopped else self._stops.flush()
        return [*events, Token(rest, -1, "answer")] if rest else events

    def stats(self, messages: Sequence[Message]) -> Stats:
        """By the server's count; without one, a token a chunk and an estimated prompt."""
        prompt, completion = (_int(self._usage, f"{n}_tokens") for n in ("prompt", "completion"))
        details = self._usage.get("completion_tokens_details")
        thinking = _int(details, "reasoning_tokens") if isinstance(details, Mapping) else None
        if prompt is None:
            prompt_by, prompt = "estimate", sum(estimate_tokens(m.content) for m in messages)
        else:
            prompt_by = "server"
        counted = sum(self._pieces.values())
        first = self._first if self._first is not None else time.perf_counter()
        return Stats(
            prompt_tokens=prompt,
            completion_tokens=counted if completion is None else completion,
            thinking_tokens=thinking or self._pieces["thinking"],
            prefill_s=first - self._began,
            decode_s=max(0.0, self._last - first),
            extra={
                "prompt_tokens_by": prompt_by,
                "completion_tokens_by": "chunks" if completion is None else "server",
                "thinking_tokens_by": "server" if thinking else "chunks",
            },
        )

    def _is_long(self) -> bool:
        """Whether the server surely goes on beyond the tokens that were asked for.

        A piece is a token, but letters of one where something between smooths the stream.
        """
        pieces = sum(self._pieces.values())
        return pieces >= self._most and self._thirds >= 3 * SURELY * self._most

    def _begin_by_field(self) -> list[tuple[Phase, str]]:
        """The server tells thinking apart itself, so content is answer; what was held comes out."""
        if self._by_field:
            return []
        held: list[tuple[Phase, str]] = [("answer", self._head)]
        if self._splitter:
            held = self._splitter.flush()
        self._head, self._splitter = "", ThinkingSplitter(False)
        self._by_field = self.thought = self._at_start = True
        return [(phase, text) for phase, text in held if text]

    def _split(self, text: str) -> list[tuple[Phase, str]]:
        if self._at_start:
            text = text.lstrip()
            self._at_start = not text
        if self._guessed and not self._by_field:
            self._unsaid.append(text)
            self.thought = self.thought or any(
                tag in "".join(self._unsaid[-len(CLOSE) :]) for tag in (OPEN, CLOSE)
            )
        if self._splitter is None:
            self._head += text
            head = self._head.lstrip()
            if len(head) < len(OPEN) and OPEN.startswith(head):
                return []
            self.thought = head.startswith(OPEN)
            self._splitter = ThinkingSplitter(self.thought)
            text, self._head = self._head, ""
        return self._splitter.feed(text)

    def _whole(self, field: str, text: str) -> str:
        """The text in whole characters; a half at its end is held until the other one comes."""
        text = self._half[field] + text
        half = "\ud800" <= text[-1] <= "\udbff"
        self._half[field] = text[-1] if half else ""
        return joined(text[:-1] if half else text)

    def _tell(self, pieces: Sequence[tuple[Phase, str]]) -> list[Token]:
        events: list[Token] = []
        for phase, text in pieces:
            if phase == "answer":
                text, self.stopped = self._stops.feed(text)
            if text:
                events.append(Token(text, -1, phase))
            if self.stopped:
                break
        return events

    def _count(self, phase: Phase) -> None:
        self._last = time.perf_counter()
        self._first = self._last if self._first is None else self._first
        self._pieces[phase] += 1


class Watch:
    """Cuts a request's connection once its deadline is reached, though its reader is blocked.

    A read that times out cannot be resumed, so the reading thread cannot look up in between.
    """

    def __init__(self, deadline: Deadline) -> None:
        self.reason: FinishReason | None = None
        self._deadline = deadline
        self._socket: socket.socket | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def reached(self) -> FinishReason | None:
        """Why to stop now, if there is a reason; once there is one, it stays."""
        self.reason = self.reason or self._deadline.reached()
        return self.reason

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Told by httpx of every step; keeps the socket of the connection, last that of TLS."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")

    def _run(self) -> None:
        while not self._done.wait(POLL_S):
            if self.reached() and self._socket is not None:
                with suppress(OSError):  # it is closed already
                    # Not SSLSocket's own, which takes the TLS layer from under the reader.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
                return


def estimate_tokens(text: str) -> int:
    """Rather too many: a token for three letters or blanks, one for every other character.

    On 1,043 PubMed abstracts that is 1.7 times what Qwen2.5 and SmolLM2 count (median); at most 3
    of them, short and full of symbols, come out too low, by a tenth at worst.
    """
    return -(-_thirds(text) // 3)


def _thirds(text: str) -> int:
    letters = sum(ch.isascii() and (ch.isalpha() or ch.isspace()) for ch in text)
    return letters + 3 * (len(text) - letters)


def events(pieces: Iterator[bytes]) -> Iterator[str]:
    """The data of server-sent events, one a line, however the bytes are cut.

    Not `iter_lines`, which also ends lines at U+2028 and the like, legal inside JSON.
    """
    held = b""
    for piece in pieces:
        *lines, held = (held + piece).split(b"\n")
        for line in lines:
            yield from _data(line)
    yield from _data(held)


def _data(line: bytes) -> Iterator[str]:
    name, _, value = line.decode("utf-8", errors="replace").partition(":")
    value = value.strip()
    if name == "data" and value:
        yield value
    elif name == "error" and value:  # an older llama.cpp's way to fail
        yield json.dumps({"error": value})


def _choice_of(chunk: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = chunk.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else {}


def finish_of(chunk: Mapping[str, Any]) -> str | None:
    finish = _choice_of(chunk).get("finish_reason")
    return finish if isinstance(finish, str) else None


def _int(found: Mapping[str, Any], name: str) -> int | None:
    value = found.get(name)
    return value if is_count(value) else None


def is_count(value: Any) -> TypeGuard[int]:
    """Whether a server's number can be one of tokens."""
    return type(value) is int and 0 <= value <= LARGEST_COUNT
