"""What goes wrong at a server that is asked, in words for a person."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field

import httpx

from vademecum.errors import ContextTooLong, EngineBusy, ModelError, ModelNotFound

KEY_VARIABLE = "VADEMECUM_REMOTE_KEY"
HOW = "start it, or check the address; it should look like http://127.0.0.1:8000/v1"
LONGEST_MESSAGE = 200  # characters of a server's own words in an error

_TOO_LONG = re.compile(
    r"context[ _](?:length|size|window)|exceed_context|n_ctx|(?:prompt|input)\b.{0,60}\btoo long"
    r"|maximum allowed length",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class RemoteErrors:
    """The errors of one server, `shown` as its address."""

    shown: str
    key: str = field(repr=False)

    def refused(self, status: int, body: str, after: str, model: str | None) -> ModelError:
        """That of an answer other than 2xx; `model` is the one that was asked, if one was."""
        said = self.quote(_message(body))
        if status in (401, 403):
            return ModelError(
                f"{self.shown} refuses the key ({status})"
                if self.key
                else f"{self.shown} wants a key ({status})",
                f"set {KEY_VARIABLE} to a key that the server accepts",
            )
        if model is not None and (
            status == 413 or (status not in (404, 429, 503) and _TOO_LONG.search(body))
        ):
            return ContextTooLong(
                f"prompt and answer do not fit the context of {model}: {said}",
                "ask for a shorter answer, give fewer or shorter sources, or tell the real "
                "context_length",
            )
        if status in (429, 503):
            wait = f"in {after} s" if after.isdigit() else "in a moment"
            return EngineBusy(f"{self.shown} is busy ({status}): {said}", f"try again {wait}")
        if 300 <= status < 400:
            return ModelError(f"{self.shown} sends us elsewhere ({status})", HOW)
        return ModelError(f"{self.shown} answered {status}: {said}", "see the server's log")

    def not_found(self, body: str, model: str, known: Collection[str]) -> ModelError:
        """That of an answer 404, where the server has the `known` models."""
        if known and model not in known:
            listed = ", ".join(self.quote(one) for one in known)
            return ModelNotFound(f"{self.shown} serves no {model!r}", f"known: {listed}")
        return ModelError(f"{self.shown} answered 404: {self.quote(_message(body))}", HOW)

    def broken(self, error: httpx.HTTPError) -> ModelError:
        """That of a connection which failed."""
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return ModelError(
                f"the certificate of {self.shown} is not trusted",
                "name a file with the certificates that you trust in SSL_CERT_FILE",
            )
        if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
            return ModelError(f"no server answers at {self.shown}", HOW)
        if isinstance(error, httpx.TimeoutException):
            return ModelError(
                f"{self.shown} was silent for too long", "see its log, or give it a longer timeout"
            )
        return ModelError(
            f"{self.shown} broke the connection off ({type(error).__name__})",
            "see the server's log, and ask again",
        )

    def quote(self, text: str) -> str:
        """A server's words: on one line, without the key or control characters, cut short."""
        if self.key:
            text = text.replace(self.key, "***")
        text = " ".join("".join(ch if ch.isprintable() else " " for ch in text).split())
        short = len(text) <= LONGEST_MESSAGE
        return text if short else text[:LONGEST_MESSAGE] + "..."


def _message(body: str) -> str:
    """The words in an error's body: OpenAI's `error.message`, or what others have in its place."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return body
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(name):
            found = found[name]
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
