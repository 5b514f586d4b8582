"""How the page is served: on this machine, closed to everything else."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

from vademecum.errors import UsageError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Made = TypeVar("Made")

# The page needs scripts and styles of its own server and nothing from anywhere else. Gradio
# compiles its templates in the browser, hence 'unsafe-eval'.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-dns-prefetch-control", b"off"),  # a link is looked up when it is followed, not when shown
)
FOLLOWED = "/queue/data"  # where Gradio tells a page what changes


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Streams:
    """How many pages are being told what changes: each has one answer of the server for that."""

    def __init__(self) -> None:
        self._open = 0
        self._changed = threading.Condition()

    @contextmanager
    def one(self) -> Iterator[None]:
        """While this is open, one more is."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def ended(self, within_s: float) -> bool:
        """Wait until all have come to their end, `within_s` at most; whether they have."""
        with self._changed:
            return self._changed.wait_for(lambda: self._open == 0, within_s)

    def _count(self, more: int) -> None:
        with self._changed:
            self._open += more
            self._changed.notify_all()


class Guard:
    """Refuses requests under a foreign host name and adds the headers that keep the page home.

    A page elsewhere can point its own name at 127.0.0.1 and so reach a local server from the
    owner's browser (DNS rebinding); it cannot choose the Host header that this sends.
    """

    def __init__(self, app: App, *, loopback_only: bool, streams: Streams) -> None:
        self._app = app
        self._loopback_only = loopback_only
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._loopback_only and not _names_loopback(scope):
            start = {"type": "http.response.start", "status": 421, "headers": list(HEADERS)}
            await send(start)
            await send({"type": "http.response.body", "body": b"wrong host\n"})
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        following = scope["path"].endswith(FOLLOWED)
        with self._streams.one() if following else nullcontext():
            await self._app(scope, receive, guarded)


def _names_loopback(scope: Scope) -> bool:
    named = next((value for name, value in scope["headers"] if name == b"host"), b"").decode(
        "latin-1"
    )
    host = named[1:].partition("]")[0] if named.startswith("[") else named.partition(":")[0]
    return is_loopback(host)


def free_port(host: str, port: int) -> int:
    """`port` if it can be bound, any free one for 0. Raises UsageError if it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"the page cannot be served on {host}:{port}: {error.strerror or error}",
                "choose another port with --port, or 0 for any free one",
            ) from error
        return int(probe.getsockname()[1])


def bypass_proxy(host: str) -> None:
    """Keep requests to our own server off a configured proxy: Gradio checks itself at start."""
    own = ["127.0.0.1", "localhost", "::1", *([host] if is_loopback(host) else [])]
    for name in ("no_proxy", "NO_PROXY"):
        listed = [entry for entry in os.environ.get(name, "").split(",") if entry]
        os.environ[name] = ",".join(dict.fromkeys([*listed, *own]))


def inside_a_loop(make: Callable[[], Made]) -> Made:
    """What `make` returns, called while an event loop runs.

    Outside of one Gradio opens a new loop for every lock that it makes, and closes none.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:

        async def inside() -> Made:
            return make()

        return asyncio.run(inside())
    return make()
