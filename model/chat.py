"""Messages to tokens, by the model's own template, and tokens back to text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from vademecum.errors import ModelUnsupported, UsageError
from vademecum.model.constraints import token_bytes
from vademecum.model.interface import Message
from vademecum.model.reasoning import CLOSE, OPEN, open_thinking
from vademecum.model.surrogates import joined

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
WORD_JOINER = "\N{WORD JOINER}"


class Chat:
    """The tokenizer and chat template of one model.

    `template` is the Jinja source that comes with the model; it runs in a sandbox.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        template: str,
        *,
        bos_id: int | None,
        eos_ids: Sequence[int],
        reasons: bool,
    ) -> None:
        self.tokenizer = tokenizer
        self.reasons = reasons
        self._tokens = {
            "bos_token": self._text_of(bos_id),
            "eos_token": self._text_of(eos_ids[0] if eos_ids else None),
        }
        self._control = sorted(
            (token.content for token in tokenizer.get_added_tokens_decoder().values()),
            key=len,
            reverse=True,
        )
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation]
        )
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda form: (
            datetime.now().astimezone().strftime(form)
        )
        try:
            self._template = environment.from_string(template)
        except Exception as error:  # one nested too deep is a RecursionError
            raise ModelUnsupported(
                f"the model's chat template cannot be read: {error}", "fetch the model again"
            ) from error

    @classmethod
    def load(
        cls,
        tokenizer_json: Path,
        template: str,
        *,
        bos_id: int | None,
        eos_ids: Sequence[int],
        reasons: bool,
    ) -> Chat:
        """Read `tokenizer.json`. Raises ModelUnsupported if it cannot be read."""
        try:
            tokenizer = Tokenizer.from_file(str(tokenizer_json))
        except Exception as error:  # the library raises no class of its own
            raise ModelUnsupported(
                f"{tokenizer_json} is no tokenizer: {error}",
                "save it again with `transformers`, or fetch the model again",
            ) from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(tokenizer, template, bos_id=bos_id, eos_ids=eos_ids, reasons=reasons)

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt as text, ready for the model's turn; raises UsageError for no messages.

        Control tokens that stand in a text lose their meaning: they are broken by an invisible
        word joiner, so that no document can speak as the system, nor an answer that quoted one.
        An assistant's `<think>` and `</think>` stay: templates cut its thinking out by them.
        """
        if not messages:
            raise UsageError("there is no message to answer", "ask a question")
        turns = [
            {
                "role": message.role,
                "content": self.defuse(
                    message.content, but=(OPEN, CLOSE) if message.role == "assistant" else ()
                ),
            }
            for message in messages
        ]
        try:
            prompt = self._template.render(
                messages=turns, add_generation_prompt=True, **self._tokens
            )
        except jinja2.TemplateError as error:
            raise UsageError(
                f"the model's chat template refuses these messages: {error}",
                "let user and assistant take turns, the user first",
            ) from error
        except Exception as error:  # what the model's authors wrote may do anything
            raise ModelUnsupported(
                f"the model's chat template fails: {error}", "mend its chat_template.jinja"
            ) from error
        return open_thinking(prompt) if self.reasons else prompt

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The prompt as tokens."""
        ids: list[int] = self.tokenizer.encode(self.render(messages), add_special_tokens=False).ids
        return ids

    def locate(self, messages: Sequence[Message], texts: Sequence[str]) -> list[range]:
        """Which tokens of the prompt hold each of some texts, looked for one after the other.

        A text that is not there, or not behind the one before, is held by none.
        """
        prompt = self.render(messages)
        offsets = self.tokenizer.encode(prompt, add_special_tokens=False).offsets
        found, behind = [], 0
        for text in map(self.defuse, texts):
            start = prompt.find(text, behind)
            if start < 0 or not text:
                found.append(range(0))
                continue
            behind = start + len(text)
            inside = [n for n, (a, b) in enumerate(offsets) if a < behind and b > start]
            found.append(range(inside[0], inside[-1] + 1) if inside else range(0))
        return found

    def count(self, text: str) -> int:
        """How many tokens a text takes in a prompt."""
        return len(self.tokenizer.encode(self.defuse(text), add_special_tokens=False).ids)

    def defuse(self, text: str, but: Sequence[str] = ()) -> str:
        """The text in whole characters, with every control token broken after its first one."""
        text = joined(text)
        for token in self._control:
            if token in text and token not in but:
                text = text.replace(token, token[0] + WORD_JOINER + token[1:])
        return text

    @cached_property
    def closing(self) -> tuple[int, ...]:
        """The tokens that end a reasoning model's thinking, as R1 writes them."""
        text = f"\n{CLOSE}\n\n"
        return tuple(self.tokenizer.encode(text, add_special_tokens=False).ids)

    @cached_property
    def closing_tag(self) -> int:
        """The token that closes the thinking, or begins to."""
        first: int = self.tokenizer.encode(CLOSE, add_special_tokens=False).ids[0]
        return first

    @cached_property
    def bytes_of(self) -> Callable[[int], bytes]:
        """The text of a token in UTF-8."""
        return token_bytes(self.tokenizer)

    def detokenizer(self) -> Detokenizer:
        """A fresh one, for one answer."""
        return Detokenizer(self.tokenizer)

    def _text_of(self, token: int | None) -> str:
        text: str | None = None if token is None else self.tokenizer.id_to_token(token)
        return text or ""


class Detokenizer:
    """Tokens to text, one at a time.

    A character whose bytes are spread over several tokens appears with the last of them. Control
    tokens are silent, but for `<think>` and `</think>`.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._tags = {tokenizer.token_to_id(tag): tag for tag in (OPEN, CLOSE)}
        self._tags.pop(None, None)
        self._shown: list[int] = []  # the last tokens whose text is out: they decide on blanks
        self._pending: list[int] = []

    def feed(self, token: int) -> str:
        """The text that this token completes, often its own, sometimes none."""
        tag = self._tags.get(token)
        if tag is not None:
            text = self.flush() + tag
            self._shown = []
            return text
        self._pending.append(token)
        text = self._text()
        if not text or text.endswith(REPLACEMENT):
            return ""
        self._shown, self._pending = self._pending, []
        return text

    def flush(self) -> str:
        """What is pending at the end, without the beginning of a character that never came."""
        text = self._text().rstrip(REPLACEMENT)
        self._shown, self._pending = self._pending, []
        return text

    def _text(self) -> str:
        if not self._pending:
            return ""
        before: str = self._tokenizer.decode(self._shown)
        both: str = self._tokenizer.decode(self._shown + self._pending)
        return both[len(before) :]


class _Generation(Extension):
    """`{% generation %}`, by which templates tell transformers what to train on: its body stays."""

    tags = {"generation"}  # noqa: RUF012 - as jinja2 declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """The nodes between the tags."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _refuse(reason: Any) -> NoReturn:
    """What templates call to reject a conversation."""
    raise jinja2.TemplateError(str(reason))
