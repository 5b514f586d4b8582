"""A server that speaks OpenAI's protocol: its address, the connections to it, what it has."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx

from vademecum.errors import ModelError, UsageError
from vademecum.model.completions import is_count
from vademecum.model.reach import farthest, permit, reach_of
from vademecum.model.remote_errors import HOW, KEY_VARIABLE, RemoteErrors

DEFAULT_CONTEXT = 4096  # tokens; what Ollama takes unless told otherwise
CONNECT_S = 5.0
SHORT_S = 10.0  # for everything but an answer
LONGEST_BODY = 1 << 16  # bytes read of an answer that is an error
LONGEST_LIST = 1 << 24  # and of one that lists models or tokens


class RemoteServer:
    """One server. Safe to share between threads."""

    def __init__(self, base_url: str, api_key: str | None, allow_remote: bool | None) -> None:
        """As for a `RemoteModel`; nothing is asked yet. Raises UsageError."""
        url = _address(base_url)
        self.shown = f"{url.scheme}://{url.netloc.decode()}"
        self._reach = reach = reach_of(url.host)
        self._allow = allow_remote
        permit(reach, self.shown, allow_remote)
        path = url.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
        self.base = f"{self.shown}{path}"
        self._root = self.base.removesuffix("/v1")
        self._key = _key(api_key)
        self._proxied = reach == "public"  # a proxy in the environment is not meant for our own
        self._tls = httpx.create_ssl_context()
        self.errors = RemoteErrors(self.shown, self._key)
        self._client = self.connect()

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    def check_peer(self, event: str, info: Mapping[str, Any]) -> None:
        """Told by httpx of every step: what the name stands for now may be farther than it was."""
        if self._reach == "public" or not event.endswith("connect_tcp.complete"):
            return
        stream = info["return_value"]
        try:
            peer = stream.get_extra_info("socket").getpeername()[0]
        except OSError:  # it is broken already: nothing can be sent
            return
        try:
            permit(farthest([peer]), self.shown, self._allow)
        except UsageError:
            stream.close()
            raise

    def connect(self) -> httpx.Client:
        """Connections of their own, to be closed by the caller."""
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        return httpx.Client(
            headers=headers,
            verify=self._tls,
            trust_env=self._proxied,
            timeout=httpx.Timeout(SHORT_S, connect=CONNECT_S),
        )

    def list_models(self, *, required: bool) -> dict[str, Mapping[str, Any]]:
        """The models by id, in the server's order."""
        try:
            with self._client.stream(
                "GET", f"{self.base}/models", extensions={"trace": self.check_peer}
            ) as response:
                if not response.is_success:
                    if response.status_code not in (404, 405, 501):
                        raise self.failure(response, None)
                    if required:
                        raise ModelError(f"{self.shown} does not list its models", HOW)
                    return {}
                listed = json.loads(_read(response, LONGEST_LIST))
            models = {str(one["id"]): one for one in listed["data"] or ()}
        except httpx.HTTPError as error:
            raise self.errors.broken(error) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            if not required:
                return {}
            raise ModelError(
                f"{self.shown} lists its models in no way that is understood",
                "name a model, or check that the server is OpenAI-compatible",
            ) from error
        # A name is shown as it is: none may hold a terminal's control codes.
        return {name: one for name, one in models.items() if name.isprintable()}

    def context(self, listed: Mapping[str, Any] | None, wanted: int | None) -> tuple[int, str]:
        """How many tokens prompt and answer may take, and who says so."""
        if wanted is not None:
            if wanted < 1:
                raise UsageError("context_length must be at least 1")
            return wanted, "told"
        listed = listed or {}
        meta = listed.get("meta")
        meta = meta if isinstance(meta, Mapping) else {}
        # llama.cpp lists what the model was trained for; what it was started with is in /props.
        props = self.ask("GET", "/props") if meta and not meta.get("n_ctx") else None
        set_up = (props or {}).get("default_generation_settings")
        for where, value in (
            ("max_model_len", listed.get("max_model_len")),
            ("n_ctx", meta.get("n_ctx")),
            ("n_ctx", set_up.get("n_ctx") if isinstance(set_up, Mapping) else None),
            ("n_ctx_train", meta.get("n_ctx_train")),
        ):
            if is_count(value) and value > 0:
                return value, where
        return DEFAULT_CONTEXT, "default"

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON object at a path beside `/v1`; None if there is none."""
        try:
            with self._client.stream(
                method,
                f"{self._root}{path}",
                json=body,
                extensions={"trace": self.check_peer},
            ) as response:
                text = _read(response, LONGEST_LIST) if response.is_success else b"null"
            found = json.loads(text)
        except (httpx.HTTPError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def failure(self, response: httpx.Response, model: str | None) -> ModelError:
        """The error that an answer other than 2xx stands for; `model` is the one that was asked, if
        one was."""
        body = _read(response, LONGEST_BODY)
        after = response.headers.get("retry-after", "")
        return self.error(response.status_code, body.decode(errors="replace"), after, model)

    def error(self, status: int, body: str, after: str, model: str | None) -> ModelError:
        """The error that a status stands for, with the body that came, and when to come back."""
        if status != 404 or model is None:
            return self.errors.refused(status, body, after, model)
        known: Mapping[str, Any] = {}
        with suppress(ModelError):
            known = self.list_models(required=False)
        return self.errors.not_found(body, model, known)


def _read(response: httpx.Response, most: int) -> bytes:
    """What comes of a body in `SHORT_S` seconds; beyond `most` bytes the rest is left, too."""
    until = time.monotonic() + SHORT_S
    pieces, size = [], 0
    for piece in response.iter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > most or time.monotonic() > until:
            break
    return b"".join(pieces)


def _address(base_url: str) -> httpx.URL:
    """The address, checked. It is not repeated in an error: it may hold a password."""
    try:
        url = httpx.URL(base_url.strip())
    except httpx.InvalidURL as error:
        raise UsageError("the server's address cannot be read", HOW) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError("the server's address is not one of http or https", HOW)
    if url.userinfo or url.query or url.fragment:
        raise UsageError(
            "the server's address holds more than host, port and path",
            f"leave out user, password and parameters; a key goes into {KEY_VARIABLE}",
        )
    return url


def _key(api_key: str | None) -> str:
    key = (os.environ.get(KEY_VARIABLE, "") if api_key is None else api_key).strip()
    if not (key.isascii() and key.isprintable()):
        raise UsageError("the key holds characters that no key can hold", f"check {KEY_VARIABLE}")
    return key
