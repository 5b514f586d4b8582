"""A model that another program serves: vLLM, SGLang, llama.cpp, Ollama, LM Studio.

All speak OpenAI's chat completions, each with an accent: how thinking is told apart, whether tokens
are counted, how an error looks. What a user sees is the same as of the engine.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

import httpx

from vademecum.errors import ContextTooLong, ModelError, ModelNotFound, UsageError
from vademecum.model.completions import Watch, Writer, events, finish_of
from vademecum.model.deadline import Deadline
from vademecum.model.defuse import defuse
from vademecum.model.interface import Finished, GenerationOptions, Message, Token
from vademecum.model.reasoning import CLOSE, OPEN
from vademecum.model.remote_server import CONNECT_S, RemoteServer
from vademecum.model.token_counts import TokenCounts

DEFAULT_TIMEOUT = 600.0  # seconds of silence: a long prompt on a slow machine takes minutes

_REASONS = re.compile(
    r"(?<![a-z0-9])(r1|qwq|reasoner|reasoning|thinking|magistral|gpt-oss)(?![a-z0-9])"
)
_GAVE_UP = {"abort", "error"}


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
        self._server = server = RemoteServer(base_url, api_key, allow_remote)
        self._timeout = timeout
        self._usage = True  # until the server refuses to be asked

        with ExitStack() as undo:
            undo.callback(server.close)
            listed = server.list_models(required=model is None)
            if model is None and not listed:
                raise ModelNotFound(
                    f"{server.shown} serves no model", "load one there, or name one"
                )
            self.name = model or next(iter(listed))
            self.context_length, self._context_from = server.context(
                listed.get(self.name), context_length
            )
            undo.pop_all()
        self._told = reasons
        self.reasons = bool(_REASONS.search(self.name.lower())) if reasons is None else reasons
        self._counts = TokenCounts(self.name, partial(server.ask, "POST"))

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
            "server": self._server.shown,
            "context": {"tokens": self.context_length, "from": self._context_from},
            "reasons": {"value": self.reasons, "from": "name" if self._told is None else "told"},
            "tokens_counted_by": self._counts.path,
        }

    def close(self) -> None:
        """Close idle connections."""
        self._server.close()

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
            self._server.check_peer(event, info)
            watch.trace(event, info)

        try:
            # A connection of its own: the watch must hold it before the server says a word.
            with self._server.connect() as client:
                while True:
                    with client.stream(
                        "POST",
                        f"{self._server.base}/chat/completions",
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
                        failure = self._server.failure(response, self.name)
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
                raise self._server.errors.broken(error) from error
            return
        if not ended and not watch.reached():
            raise self._unfinished(body, begun)

    def _parse(self, data: str) -> dict[str, Any]:
        server = self._server
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            chunk = None
        if not isinstance(chunk, dict):
            raise ModelError(
                f"{server.shown} sent what is not a chat completion: {server.errors.quote(data)}",
                "check that the address is that of an OpenAI-compatible server",
            )
        if chunk.get("error"):
            error = chunk["error"]
            code = error.get("code") if isinstance(error, dict) else None
            status = code if isinstance(code, int) else 500
            raise server.error(status, data, "", self.name)
        if finish_of(chunk) in _GAVE_UP:
            raise ModelError(f"{server.shown} gave the answer up", "ask again; see its log")
        if finish_of(chunk) == "content_filter":
            raise ModelError(
                f"{server.shown} withholds the rest of the answer: its content filter",
                "ask in other words, or use another model",
            )
        return chunk

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
            f"{self._server.shown} ended its answer without finishing it", "ask again; see its log"
        )
