"""A model that another program serves: vLLM, SGLang, llama.cpp, Ollama, LM Studio.

All speak OpenAI's chat completions, each with an accent: how thinking is told apart, whether tokens
are counted, how an error looks. What a user sees is the same as of the engine.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from functools import partial
from typing import Any

import httpx

from vademecum.errors import (
    ContextTooLong,
    EngineBusy,
    ModelError,
    ModelNotFound,
    UsageError,
)
from vademecum.model.completions import (
    Watch,
    Writer,
    events,
    finish_of,
    is_count,
)
from vademecum.model.deadline import Deadline
from vademecum.model.defuse import defuse
from vademecum.model.interface import Finished, GenerationOptions, Message, Token
from vademecum.model.reach import farthest, permit, reach_of
from vademecum.model.reasoning import CLOSE, OPEN
from vademecum.model.token_counts import TokenCounts

KEY_VARIABLE = "VADEMECUM_REMOTE_KEY"
DEFAULT_CONTEXT = 4096  # tokens; what Ollama takes unless told otherwise
DEFAULT_TIMEOUT = 600.0  # seconds of silence: a long prompt on a slow machine takes minutes
CONNECT_S = 5.0
SHORT_S = 10.0  # for everything but an answer
LONGEST_MESSAGE = 200  # characters of a server's own words in an error
LONGEST_BODY = 1 << 16  # bytes read of an answer that is an error
LONGEST_LIST = 1 << 24  # and of one that lists models or tokens

_REASONS = re.compile(
    r"(?<![a-z0-9])(r1|qwq|reasoner|reasoning|thinking|magistral|gpt-oss)(?![a-z0-9])"
)
_TOO_LONG = re.compile(
    r"context[ _](?:length|size|window)|exceed_context|n_ctx|(?:prompt|input)\b.{0,60}\btoo long"
    r"|maximum allowed length",
    re.IGNORECASE,
)
_GAVE_UP = {"abort", "error"}
_HOW = "start it, or check the address; it should look like http://127.0.0.1:8000/v1"


class RemoteModel:
    """A `LanguageModel` behind an OpenAI-compatible server.

    Safe to share between threads. Closing a stream early, or cancelling it, closes its connection,
    which is how these servers learn that nobody waits for the rest.
    """

    quantization = "remote"  # the server's business, and it does not say
    attention = "unknown"

    def __init__(
        self,
        base_url: str,
        model: str | None = None,
        *,
        api_key: str | None = None,
        context_length: int | None = None,
        reasons: bool | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        allow_remote: bool | None = None,
    ) -> None:
        """Ask the server what it has.

        `base_url` may lack its `/v1`. `model` is by default the first that the server lists.
        `api_key` is by default VADEMECUM_REMOTE_KEY. `context_length` (tokens) is by default what
        the server says, or else 4,096. `reasons` is by default guessed from the model's name, and
        corrected when it is seen to think. `timeout` is how many seconds the server may be silent.
        `allow_remote` (or VADEMECUM_ALLOW_REMOTE=1) permits an address outside this machine and
        its private network, to which questions and sources are then sent.

        Raises UsageError, ModelError, ModelNotFound, EngineBusy.
        """
        url = _address(base_url)
        self._shown = f"{url.scheme}://{url.netloc.decode()}"
        self._reach = reach = reach_of(url.host)
        self._allow = allow_remote
        permit(reach, self._shown, allow_remote)
        path = url.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
        self._base = f"{self._shown}{path}"
        self._root = self._base.removesuffix("/v1")
        self._key = _key(api_key)
        self._proxied = reach == "public"  # a proxy in the environment is not meant for our own
        self._tls = httpx.create_ssl_context()
        self._timeout = timeout
        self._usage = True  # until the server refuses to be asked
        self._client = self._connect()

        with ExitStack() as undo:
            undo.callback(self._client.close)
            listed = self._list_models(required=model is None)
            if model is None and not listed:
                raise ModelNotFound(f"{self._shown} serves no model", "load one there, or name one")
            self.name = model or next(iter(listed))
            self.context_length, self._context_from = self._context(
                listed.get(self.name), context_length
            )
            undo.pop_all()
        self._told = reasons
        self.reasons = bool(_REASONS.search(self.name.lower())) if reasons is None else reasons
        self._counts = TokenCounts(self.name, partial(self._ask, "POST"))

    def count_tokens(self, text: str) -> int:
        """How many tokens a text takes: the server's count, or `estimate_tokens` if it has none."""
        return self._counts.of(text)

    def stream(
        self,
        messages: Sequence[Message],
        options: GenerationOptions | None = None,
        *,
        cancel: threading.Event | None = None,
    ) -> Iterator[Token | Finished]:
        """Answer a conversation, a piece at a time; ids are -1, for the server does not tell them.

        Raises UsageError for no messages. ContextTooLong, EngineBusy, ModelNotFound and ModelError
        come up as the server answers.
        """
        if not messages:
            raise UsageError("there is no message to answer", "ask a question")
        options = options or GenerationOptions()
        return self._stream(messages, options, Deadline.of(options, cancel))

    def report(self) -> dict[str, Any]:
        """What is known of the server, and how."""
        return {
            "model": self.name,
            "server": self._shown,
            "context": {"tokens": self.context_length, "from": self._context_from},
            "reasons": {"value": self.reasons, "from": "name" if self._told is None else "told"},
            "tokens_counted_by": self._counts.path,
        }

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    # -- asking ---------------------------------------------------------------------------------

    def _stream(
        self, messages: Sequence[Message], options: GenerationOptions, deadline: Deadline
    ) -> Generator[Token | Finished, None, None]:
        writer = Writer(self.reasons, self._told, options.stop, options.max_tokens)
        body = self._body(messages, options)
        with Watch(deadline) as watch:
            reason = watch.reached()
            if not reason:
                with closing(self._chunks(body, watch)) as chunks:
                    for chunk in chunks:
                        yield from writer.take(chunk)
                        reason = watch.reached()
                        if writer.stopped or writer.full or reason:
                            break
                # The watch may have cut the connection: then there was no further chunk.
                reason = reason or watch.reason
        if writer.stopped or writer.finish:
            reason = None
        if self._told is None and writer.thought:
            self.reasons = True
        yield from writer.flush()
        yield Finished(reason or writer.finish or "stop", writer.stats(messages))

    def _body(self, messages: Sequence[Message], options: GenerationOptions) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.name,
            "messages": [
                {
                    "role": message.role,
                    "content": defuse(
                        message.content, but=(OPEN, CLOSE) if message.role == "assistant" else ()
                    ),
                }
                for message in messages
            ],
            "max_tokens": options.max_tokens,
            "temperature": options.temperature,
            "top_p": options.top_p,
            "seed": options.seed,
            "stream": True,
        }
        if options.top_k:
            body["top_k"] = options.top_k  # not OpenAI's, but vLLM, SGLang and llama.cpp know it
        if options.stop and not self.reasons:
            body["stop"] = list(options.stop)  # a server would look for them in the thinking, too
        if self._usage:
            body["stream_options"] = {"include_usage": True}
        return body

    def _chunks(self, body: dict[str, Any], watch: Watch) -> Generator[dict[str, Any], None, None]:
        """The JSON objects of one answer; ends early, without an error, once the watch cuts it."""
        begun = ended = False
        refused: ModelError | None = None

        def trace(event: str, info: Mapping[str, Any]) -> None:
            self._check_peer(event, info)
            watch.trace(event, info)

        try:
            # A connection of its own: the watch must hold it before the server says a word.
            with self._connect() as client:
                while True:
                    with client.stream(
                        "POST",
                        f"{self._base}/chat/completions",
                        json=body,
                        extensions={"trace": trace},
                        timeout=httpx.Timeout(self._timeout, connect=CONNECT_S),
                    ) as response:
                        if response.is_success:
                            self._usage = self._usage and refused is None
                            for data in events(response.iter_bytes()):
                                ended = ended or data == "[DONE]"
                                if data == "[DONE]":
                                    return
                                chunk = self._parse(data)
                                begun = True
                                ended = ended or finish_of(chunk) is not None
                                yield chunk
                            break
                        failure = self._failure(response)
                    # Some servers refuse fields they do not know, in words of their own.
                    if (
                        refused
                        or "stream_options" not in body
                        or isinstance(failure, ContextTooLong)
                        or response.status_code not in (400, 422)
                    ):
                        raise failure
                    refused = failure
                    del body["stream_options"]
        except httpx.HTTPError as error:
            if not ended and not watch.reached():
                raise self._broken(error) from error
            return
        if not ended and not watch.reached():
            raise self._unfinished(body, begun)

    def _parse(self, data: str) -> dict[str, Any]:
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            chunk = None
        if not isinstance(chunk, dict):
            raise ModelError(
                f"{self._shown} sent what is not a chat completion: {self._quote(data)}",
                "check that the address is that of an OpenAI-compatible server",
            )
        if chunk.get("error"):
            error = chunk["error"]
            status = error.get("code") if isinstance(error, dict) else None
            raise self._error(status if isinstance(status, int) else 500, data)
        if finish_of(chunk) in _GAVE_UP:
            raise ModelError(f"{self._shown} gave the answer up", "ask again; see its log")
        if finish_of(chunk) == "content_filter":
            raise ModelError(
                f"{self._shown} withholds the rest of the answer: its content filter",
                "ask in other words, or use another model",
            )
        return chunk

    def _check_peer(self, event: str, info: Mapping[str, Any]) -> None:
        """Told by httpx of every step: what the name stands for now may be farther than it was."""
        if self._reach == "public" or not event.endswith("connect_tcp.complete"):
            return
        stream = info["return_value"]
        try:
            peer = stream.get_extra_info("socket").getpeername()[0]
        except OSError:  # it is broken already: nothing can be sent
            return
        try:
            permit(farthest([peer]), self._shown, self._allow)
        except UsageError:
            stream.close()
            raise

    def _connect(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        return httpx.Client(
            headers=headers,
            verify=self._tls,
            trust_env=self._proxied,
            timeout=httpx.Timeout(SHORT_S, connect=CONNECT_S),
        )

    # -- what the server has --------------------------------------------------------------------

    def _list_models(self, *, required: bool) -> dict[str, Mapping[str, Any]]:
        """The models by id, in the server's order."""
        try:
            with self._client.stream(
                "GET", f"{self._base}/models", extensions={"trace": self._check_peer}
            ) as response:
                if not response.is_success:
                    if response.status_code not in (404, 405, 501):
                        raise self._failure(response)
                    if required:
                        raise ModelError(f"{self._shown} does not list its models", _HOW)
                    return {}
                listed = json.loads(_read(response, LONGEST_LIST))
            models = {str(one["id"]): one for one in listed["data"] or ()}
        except httpx.HTTPError as error:
            raise self._broken(error) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            if not required:
                return {}
            raise ModelError(
                f"{self._shown} lists its models in no way that is understood",
                "name a model, or check that the server is OpenAI-compatible",
            ) from error
        # A name is shown as it is: none may hold a terminal's control codes.
        return {name: one for name, one in models.items() if name.isprintable()}

    def _context(self, listed: Mapping[str, Any] | None, wanted: int | None) -> tuple[int, str]:
        """How many tokens prompt and answer may take, and who says so."""
        if wanted is not None:
            if wanted < 1:
                raise UsageError("context_length must be at least 1")
            return wanted, "told"
        listed = listed or {}
        meta = listed.get("meta")
        meta = meta if isinstance(meta, Mapping) else {}
        # llama.cpp lists what the model was trained for; what it was started with is in /props.
        props = self._ask("GET", "/props") if meta and not meta.get("n_ctx") else None
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

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON object at a path beside `/v1`; None if there is none."""
        try:
            with self._client.stream(
                method,
                f"{self._root}{path}",
                json=body,
                extensions={"trace": self._check_peer},
            ) as response:
                text = _read(response, LONGEST_LIST) if response.is_success else b"null"
            found = json.loads(text)
        except (httpx.HTTPError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    # -- what goes wrong ------------------------------------------------------------------------

    def _failure(self, response: httpx.Response) -> ModelError:
        """The error that an answer other than 2xx stands for."""
        body = _read(response, LONGEST_BODY)
        after = response.headers.get("retry-after", "")
        return self._error(response.status_code, body.decode(errors="replace"), after)

    def _error(self, status: int, body: str, after: str = "") -> ModelError:
        said = self._quote(_message(body))
        if status in (401, 403):
            return ModelError(
                f"{self._shown} refuses the key ({status})"
                if self._key
                else f"{self._shown} wants a key ({status})",
                f"set {KEY_VARIABLE} to a key that the server accepts",
            )
        if status == 413 or (status not in (404, 429, 503) and _TOO_LONG.search(body)):
            return ContextTooLong(
                f"prompt and answer do not fit the context of {self.name}: {said}",
                "ask for a shorter answer, give fewer or shorter sources, or tell the real "
                "context_length",
            )
        if status == 404:
            return self._not_found(said)
        if status in (429, 503):
            wait = f"in {after} s" if after.isdigit() else "in a moment"
            return EngineBusy(f"{self._shown} is busy ({status}): {said}", f"try again {wait}")
        if 300 <= status < 400:
            return ModelError(f"{self._shown} sends us elsewhere ({status})", _HOW)
        return ModelError(f"{self._shown} answered {status}: {said}", "see the server's log")

    def _not_found(self, said: str) -> ModelError:
        known: Mapping[str, Any] = {}
        with suppress(ModelError):
            known = self._list_models(required=False)
        if known and self.name not in known:
            listed = ", ".join(self._quote(one) for one in known)
            return ModelNotFound(f"{self._shown} serves no {self.name!r}", f"known: {listed}")
        return ModelError(f"{self._shown} answered 404: {said}", _HOW)

    def _unfinished(self, body: Mapping[str, Any], begun: bool) -> ModelError:
        # llama-cpp-python begins to stream, finds the prompt too long, and just ends.
        prompt = sum(self.count_tokens(message["content"]) for message in body["messages"])
        if not begun and prompt + 1 > self.context_length:
            return ContextTooLong(
                f"{prompt} tokens of prompt do not fit the context of {self.name} "
                f"({self.context_length} tokens)",
                "give fewer or shorter sources",
            )
        return ModelError(
            f"{self._shown} ended its answer without finishing it", "ask again; see its log"
        )

    def _broken(self, error: httpx.HTTPError) -> ModelError:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return ModelError(
                f"the certificate of {self._shown} is not trusted",
                "name a file with the certificates that you trust in SSL_CERT_FILE",
            )
        if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
            return ModelError(f"no server answers at {self._shown}", _HOW)
        if isinstance(error, httpx.TimeoutException):
            return ModelError(
                f"{self._shown} was silent for too long", "see its log, or give it a longer timeout"
            )
        return ModelError(
            f"{self._shown} broke the connection off ({type(error).__name__})",
            "see the server's log, and ask again",
        )

    def _quote(self, text: str) -> str:
        """A server's words: on one line, without the key or control characters, cut short."""
        if self._key:
            text = text.replace(self._key, "***")
        text = " ".join("".join(ch if ch.isprintable() else " " for ch in text).split())
        short = len(text) <= LONGEST_MESSAGE
        return text if short else text[:LONGEST_MESSAGE] + "..."


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


def _address(base_url: str) -> httpx.URL:
    """The address, checked. It is not repeated in an error: it may hold a password."""
    try:
        url = httpx.URL(base_url.strip())
    except httpx.InvalidURL as error:
        raise UsageError("the server's address cannot be read", _HOW) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError("the server's address is not one of http or https", _HOW)
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
