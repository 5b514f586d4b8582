"""A server on the loopback that serves what a test gives it, and misbehaves as it is told."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

Fault = Callable[[BaseHTTPRequestHandler, bytes], None]


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    range: str
    fields: dict[str, str]


@dataclass
class Site:
    """Files by path; `faults` are taken one a request: what to do instead of answering well."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    faults: list[Fault | None] = field(default_factory=list)
    answers: dict[str, Callable[[dict[str, str]], bytes]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)


def cut_after(count: int) -> Fault:
    """Promise everything, send so many bytes, hang up."""

    def fault(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("ETag", '"one"')
        handler.end_headers()
        handler.wfile.write(body[:count])
        handler.close_connection = True

    return fault


def claims(length: int) -> Fault:
    """Say another length than what is sent."""

    def fault(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return fault


def without_length(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Send all of it, and do not say how much it is."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True


def status(code: int, **headers: str) -> Fault:
    """Answer with a status alone."""

    def fault(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return fault


def hang_up(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """No answer at all."""
    handler.close_connection = True


@contextmanager
def serving() -> Iterator[Site]:
    """A site for the time of a test."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self.answer({})

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            raw = self.rfile.read(length).decode()
            self.answer({key: values[0] for key, values in parse_qs(raw).items()})

        def answer(self, fields: dict[str, str]) -> None:
            path = urlsplit(self.path).path
            site.asked.append(Asked(self.command, path, self.headers.get("Range", ""), fields))
            body = site.files.get(path)
            if path in site.answers:
                body = site.answers[path](fields)
            fault = site.faults.pop(0) if site.faults else None
            if fault is not None:
                fault(self, body or b"")
                return
            if body is None:
                status(404)(self, b"")
                return
            tag = site.etags.get(path, '"one"')
            start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if start and self.headers.get("If-Range") == tag:
                at = int(start[1])
                if at >= len(body):
                    status(416)(self, b"")
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {at}-{len(body) - 1}/{len(body)}")
                body = body[at:]
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", tag)
            for name, value in site.headers.get(path, {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: object) -> None:
            """A client that hung up is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
