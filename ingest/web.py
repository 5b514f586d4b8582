"""Files from the network: resumed where they were cut, never longer or shorter than they should be.

`VADEMECUM_OFFLINE=1` forbids all of it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from vademecum import __version__
from vademecum.assets import disk_trouble
from vademecum.errors import OutOfSpace, SourceUnavailable, UsageError
from vademecum.progress import Progress, Silent
from vademecum.settings import Settings
from vademecum.settings import settings as current_settings

TRIES = 5  # without a byte in between
TRIES_IN_ALL = 100
LONGEST_WAIT_S = 60.0
TIMEOUT = httpx.Timeout(60.0, connect=15.0)
MOST_TEXT = 32 << 20
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})


class Cut(Exception):
    """The connection broke, or the server is busy: worth another try."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class NotThere(SourceUnavailable):
    """The server answers, and has nothing at that address."""


class Web:
    """A client that tries again. `wait` sleeps (tests do not)."""

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        progress: Progress | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings or current_settings()
        self.progress = progress or Silent()
        self.wait = wait
        self._client: httpx.Client | None = None

    def __enter__(self) -> Web:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def text(self, url: str, *, data: Mapping[str, str] | None = None) -> str:
        """What an address answers, as text; `data` is posted. Raises SourceUnavailable."""
        for attempt in range(TRIES):
            try:
                with self._answer(url, data=data) as answer:
                    _check(answer)
                    body = bytearray()
                    for block in answer.iter_bytes():
                        body += block
                        if len(body) > MOST_TEXT:
                            raise SourceUnavailable(
                                f"{_named(url)} answers more than {MOST_TEXT >> 20} MB",
                                "check the address",
                            )
                    return body.decode("utf-8", "replace")
            except Cut as cut:
                self._pause(attempt, cut, url, last=attempt + 1 == TRIES)
        raise AssertionError("unreachable")

    def download(self, url: str, target: Path, *, most: int | None = None) -> httpx.Headers:
        """Fetch `url` to `target`, going on from what an earlier call left; the answer's headers.

        `most` is the largest size in bytes that is taken. Raises SourceUnavailable, OutOfSpace.
        """
        part = target.with_name(target.name + ".part")
        with disk_trouble(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
        idle = 0
        for _ in range(TRIES_IN_ALL):
            before = _size(part)
            try:
                headers = self._take(url, part, most)
            except Cut as cut:
                idle = 0 if _size(part) > before else idle + 1
                self._pause(idle, cut, url, last=idle >= TRIES)
                continue
            with disk_trouble(target.parent):
                part.replace(target)
                _tag(part).unlink(missing_ok=True)
            return headers
        raise SourceUnavailable(
            f"{_named(url)} was cut {TRIES_IN_ALL} times", "try again later: what arrived is kept"
        )

    def _take(self, url: str, part: Path, most: int | None) -> httpx.Headers:
        """One request for what is missing of `part`."""
        have, tag = _size(part), _read_tag(part)
        asked = {"Range": f"bytes={have}-", "If-Range": tag} if have and tag else {}
        with self._answer(url, headers={"Accept-Encoding": "identity", **asked}) as answer:
            if answer.status_code == 416:  # what we have is not of this file
                _discard(part)
                raise Cut("the file on the server has changed", 0.0)
            _check(answer)
            start, total = _extent(answer)
            if start not in (0, have):
                _discard(part)
                raise Cut("another part was sent than was asked for", 0.0)
            if most is not None and (total or 0) > most:
                raise SourceUnavailable(
                    f"{_named(url)} is {(total or 0) / 1e6:,.0f} MB, more than the "
                    f"{most / 1e6:,.0f} MB that are taken",
                    "fetch it yourself, and name the file",
                )
            _require_space(part.parent, (total or 0) - start)
            with disk_trouble(part.parent), part.open("ab" if start else "wb") as file:
                if not start:
                    _write_tag(part, answer.headers)
                held = start
                self.progress.start(f"fetching {_last(url)}", total, "B")
                self.progress.advance(start)
                try:
                    for block in _blocks(answer):
                        file.write(block)
                        held += len(block)
                        self.progress.advance(len(block))
                        if most is not None and held > most:
                            break
                finally:
                    self.progress.finish()
                    file.flush()
                    os.fsync(file.fileno())
            if most is not None and held > most:
                _discard(part)
                raise SourceUnavailable(
                    f"{_named(url)} is larger than the {most / 1e6:,.0f} MB that are taken",
                    "fetch it yourself, and name the file",
                )
            if total is not None and held != total:
                raise Cut(f"{held:,} bytes came of {total:,}")
            return answer.headers

    @contextmanager
    def _answer(self, url: str, **request: Any) -> Iterator[httpx.Response]:
        """An answer to read from; what goes wrong on the way is a Cut."""
        require_online(_named(url), self.settings)
        data = request.pop("data", None)
        try:
            client = self._opened()
            method = "GET" if data is None else "POST"
            with client.stream(method, url, data=data, **request) as answer:
                if url.startswith("https:") and answer.url.scheme != "https":
                    raise SourceUnavailable(
                        f"{_named(url)} leads to an address without https", "check the address"
                    )
                yield answer
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise UsageError(f"{url!r} is not an address: {error}", "use https://...") from error
        except httpx.TooManyRedirects as error:
            raise SourceUnavailable(f"{_named(url)} leads in a circle", "check it") from error
        except httpx.HTTPError as error:
            raise Cut(str(error) or type(error).__name__) from error

    def _opened(self) -> httpx.Client:
        if self._client is None:
            self._client = httpx.Client(
                timeout=TIMEOUT,
                follow_redirects=True,
                max_redirects=5,
                headers={"User-Agent": f"vademecum/{__version__}"},
            )
        return self._client

    def _pause(self, attempt: int, cut: Cut, url: str, *, last: bool) -> None:
        if last:
            raise SourceUnavailable(
                f"{_named(url)} cannot be fetched: {cut}",
                "check the network and run the same command again: what arrived is kept",
            ) from cut
        pause = 2.0**attempt if cut.wait_s is None else cut.wait_s
        self.wait(min(pause, LONGEST_WAIT_S))


def require_online(what: str, settings: Settings) -> None:
    """Raise SourceUnavailable if `VADEMECUM_OFFLINE` forbids the network."""
    if settings.offline:
        raise SourceUnavailable(
            f"VADEMECUM_OFFLINE forbids fetching {what}",
            "unset VADEMECUM_OFFLINE, or name files that are on this machine",
        )


def _check(answer: httpx.Response) -> None:
    if answer.status_code in BUSY:
        after = answer.headers.get("Retry-After", "")
        wait = float(after) if after.isascii() and after.isdecimal() else None
        raise Cut(f"the server answers {answer.status_code}", wait)
    if answer.status_code not in (200, 206):
        kind = NotThere if answer.status_code in (404, 410) else SourceUnavailable
        raise kind(
            f"{_named(str(answer.url))} cannot be fetched: the server answers "
            f"{answer.status_code} {answer.reason_phrase}".rstrip(),
            "check the address, and whether it asks for a login",
        )


def _blocks(answer: httpx.Response) -> Iterator[bytes]:
    """The bytes as they were sent; what was compressed on the way all the same is unpacked."""
    if answer.headers.get("Content-Encoding", "identity").lower() == "identity":
        return answer.iter_raw()
    return answer.iter_bytes()


def _extent(answer: httpx.Response) -> tuple[int, int | None]:
    """Where the sent part begins, and how long the whole is, as far as the server says."""
    if answer.status_code == 206:
        unit, _, rest = answer.headers.get("Content-Range", "").partition(" ")
        span, _, whole = rest.partition("/")
        start = span.partition("-")[0]
        if unit == "bytes" and start.isdecimal():
            return int(start), int(whole) if whole.isdecimal() else None
        return -1, None
    length = answer.headers.get("Content-Length", "")
    encoded = answer.headers.get("Content-Encoding", "identity").lower() != "identity"
    return 0, int(length) if length.isdecimal() and not encoded else None


def _named(url: str) -> str:
    """An address for people: without what stands behind the question mark (keys)."""
    return url.partition("?")[0]


def _last(url: str) -> str:
    return _named(url).rstrip("/").rpartition("/")[2]


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _tag(part: Path) -> Path:
    return part.with_name(part.name + ".tag")


def _read_tag(part: Path) -> str:
    """By what the server knows the file that `part` is of."""
    try:
        found = json.loads(_tag(part).read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    return found if isinstance(found, str) else ""


def _write_tag(part: Path, headers: httpx.Headers) -> None:
    etag = headers.get("ETag", "")
    known = etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")
    _tag(part).write_text(json.dumps(known), "utf-8")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag(part).unlink(missing_ok=True)


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OutOfSpace(
            f"{needed / 1e9:.1f} GB are to be fetched; {free / 1e9:.1f} GB are free in {folder}",
            "free some space, or point VADEMECUM_HOME at a larger disk",
        )
