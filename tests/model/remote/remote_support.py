"""A server on the loopback that speaks whatever accent, and misbehaves as it is told."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from vademecum.errors import VademecumError
from vademecum.model.interface import Finished, GenerationOptions, Message, Token
from vademecum.model.remote import RemoteModel

Connect = Callable[..., RemoteModel]

QUESTION = [Message("user", "Why?")]
KEY = "sk-very-secret-0123456789"
DONE = "data: [DONE]\n\n"
PATIENCE_S = 20.0  # for what happens at once unless it never happens


def delta(finish: str | None = None, **parts: Any) -> str:
    """One event of a stream."""
    choice = {"index": 0, "delta": parts, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]}, ensure_ascii=False)}\n\n"


def usage(prompt: int, completion: int, **more: Any) -> str:
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, **more}
    return f"data: {json.dumps({'choices': [], 'usage': counts})}\n\n"


def said(*texts: str) -> list[str]:
    """A plain answer in so many pieces."""
    return [*(delta(content=text) for text in texts), delta("stop"), DONE]


@dataclass
class Served:
    """One server: what it answers at which path, and what it was asked."""

    url: str = ""
    models: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "plain"}])
    stream: Sequence[str | bytes] = ()
    status: dict[str, tuple[int, str]] = field(default_factory=dict)  # path: refusal
    refuses: str = ""  # a field of the request that is not allowed
    answers: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    silent_after: bool = False  # says nothing more, and keeps the connection
    silent_before: bool = False  # does not even begin
    drips: str = ""  # a path whose answer comes a blank at a time and never ends
    dies: bool = False  # breaks off in the middle of a chunked body
    asked: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)  # the client hung up

    def bodies(self) -> list[dict[str, Any]]:
        return [body for path, body, _ in self.asked if path == "/v1/chat/completions"]


def handler(served: Served) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with suppress(ConnectionError):  # of a client that leaves an answer unread
                super().handle()

        def do_GET(self) -> None:
            self.answer({})

        def do_POST(self) -> None:
            self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def answer(self, body: dict[str, Any]) -> None:
            served.asked.append((self.path, body, self.headers.get("Authorization", "")))
            if self.path in served.status:
                self.send(*served.status[self.path])
            elif self.path == served.drips:
                self.drip()
            elif self.path == "/v1/models":
                self.send(200, json.dumps({"object": "list", "data": served.models}))
            elif self.path == "/v1/chat/completions":
                if served.refuses and served.refuses in body:
                    self.send(422, json.dumps({"detail": f"unexpected {served.refuses}"}))
                else:
                    self.write_stream()
            elif self.path in served.answers:
                found = served.answers[self.path](body)
                self.send(200 if found is not None else 400, json.dumps(found))
            else:
                self.send(404, json.dumps({"detail": "Not Found"}))

        def write_stream(self) -> None:
            self.close_connection = True
            if served.silent_before:
                self.wait()
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            with suppress(ConnectionError):  # the client may have heard enough
                for piece in served.stream:
                    data = piece.encode() if isinstance(piece, str) else piece
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
                if not served.silent_after and not served.dies:
                    self.wfile.write(b"0\r\n\r\n")
            if served.silent_after:
                self.wait()

        def drip(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            with suppress(ConnectionError):
                while True:
                    self.wfile.write(b" ")
                    time.sleep(0.02)
            served.left.set()

        def wait(self) -> None:
            self.connection.settimeout(PATIENCE_S)
            with suppress(ConnectionError):  # so it is told where unread data was left behind
                assert self.connection.recv(1) == b""
            served.left.set()

        def send(self, status: int, text: str) -> None:
            self.send_response(status)
            for name, value in served.headers.items():
                self.send_header(name, value)
            data = text.encode()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    return Handler


@contextmanager
def serving() -> Iterator[Served]:
    served = Served()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(served))
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(model: RemoteModel, **options: Any) -> tuple[str, str, Finished]:
    """Thinking, answer, and how it ended."""
    events = list(model.stream(QUESTION, GenerationOptions(**options)))
    last = events[-1]
    assert isinstance(last, Finished)
    tokens = [event for event in events[:-1] if isinstance(event, Token)]
    assert len(tokens) == len(events) - 1
    assert {token.id for token in tokens} <= {-1}
    text = {
        phase: "".join(token.text for token in tokens if token.phase == phase)
        for phase in ("thinking", "answer")
    }
    return text["thinking"], text["answer"], last


@contextmanager
def closed_port() -> Iterator[int]:
    """A port where nobody listens, and nobody else can meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def check(error: VademecumError) -> None:
    """Fit for people: one line, a hint, no key."""
    for text in (error.message, error.hint):
        assert text
        assert "\n" not in text
        assert KEY not in text
