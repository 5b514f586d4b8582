"""Telling a reasoning model's thinking from its answer, as the text streams."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from vademecum.model.interface import Phase

OPEN = "<think>"
CLOSE = "</think>"
_TAG = CLOSE.encode()


def open_thinking(prompt: str) -> str:
    """The prompt, ended by an open `<think>` if it is not already.

    DeepSeek advises this for R1, which sometimes skips its thinking otherwise. Some of its
    templates end the prompt so and some do not.
    """
    return prompt if prompt.rstrip().endswith(OPEN) else prompt + OPEN + "\n"


class ThinkingSplitter:
    """Feeds on text, gives it back in phases.

    A reasoning model thinks until it writes `</think>`: if it never does, all is thinking. A
    leading `<think>` belongs to neither phase, whether or not the prompt held one already.
    Another model only answers, and its text passes through as it is.
    """

    def __init__(self, reasons: bool) -> None:
        self.phase: Phase = "thinking" if reasons else "answer"
        self._passing = not reasons
        self._at_start = True  # of a phase: blanks are dropped there
        self._may_open = True
        self._held = ""

    def feed(self, text: str) -> list[tuple[Phase, str]]:
        """The pieces that are certain now; what may be part of a tag is held back."""
        if self._passing:
            return [("answer", text)] if text else []
        self._held += text
        pieces: list[tuple[Phase, str]] = []
        if self.phase == "thinking":
            self._drop_opening()
            thought, tag, rest = self._held.partition(CLOSE)
            if tag:
                self._held = rest
                self._emit(pieces, thought.rstrip())
                self.phase, self._at_start = "answer", True
            elif not self._may_open:
                certain = len(thought) - partial_suffix(thought, CLOSE)
                certain = len(thought[:certain].rstrip())  # blanks before a closing tag are dropped
                self._held = thought[certain:]
                self._emit(pieces, thought[:certain])
        if self.phase == "answer":
            self._emit(pieces, self._held)
            self._held = ""
        return pieces

    def flush(self) -> list[tuple[Phase, str]]:
        """What was held back, now that nothing follows."""
        pieces: list[tuple[Phase, str]] = []
        self._emit(pieces, self._held)
        self._held = ""
        return pieces

    def _drop_opening(self) -> None:
        """Decide whether the text begins with `<think>`, once enough of it is there."""
        if not self._may_open:
            return
        head = self._held.lstrip()
        if head.startswith(OPEN):
            self._held, self._may_open = head[len(OPEN) :], False
        elif not OPEN.startswith(head):
            self._may_open = False

    def _emit(self, pieces: list[tuple[Phase, str]], text: str) -> None:
        if self._at_start:
            text = text.lstrip()
        if text:
            self._at_start = False
            pieces.append((self.phase, text))


class ThinkingBudget:
    """Holds a model that reasons to a least and a most of thinking, counted in tokens.

    Before its least neither a token of its own nor the letters of other tokens may close it: it
    follows the text of the thinking so far, so `advance` it by each token that may not end it.
    """

    def __init__(
        self,
        least: int,
        most: int | None,
        closing: Sequence[int],
        endings: Collection[int],
        bytes_of: Callable[[int], bytes],
    ) -> None:
        """`closing` are the tokens that end the thinking, `endings` those that end the text, and
        the first token of a closing tag: neither may be sampled before the least is reached.
        `bytes_of` gives the text of a token in UTF-8."""
        self._least = least
        self._most = most
        self._closing = list(closing)
        self._endings = endings
        self._bytes_of = bytes_of
        self._last = b""  # what a closing tag may have begun in

    def forced(self, thought: int) -> list[int]:
        """What must be written now, after `thought` tokens of thinking that has not ended."""
        over = self._most is not None and thought >= self._most
        return list(self._closing) if over else []

    def may_end(self, thought: int) -> bool:
        """Whether the thinking may end now, so that any token is allowed."""
        return thought >= self._least

    def allows(self, token: int) -> bool:
        """Whether the model may think this token although the thinking may not end."""
        return token not in self._endings and _TAG not in self._last + self._bytes_of(token)

    def advance(self, token: int) -> None:
        """This token came."""
        self._last = (self._last + self._bytes_of(token))[1 - len(_TAG) :]


class StopStrings:
    """Ends the text before the first of some strings, even where tokens cut them apart."""

    def __init__(self, stop: tuple[str, ...]) -> None:
        self._stop = stop
        self._held = ""

    def feed(self, text: str) -> tuple[str, bool]:
        """The text that is certain now, and whether a stop string was met; it is never shown."""
        if not self._stop:
            return text, False
        self._held += text
        found = [at for at in (self._held.find(stop) for stop in self._stop) if at >= 0]
        if found:
            text, self._held = self._held[: min(found)], ""
            return text, True
        certain = len(self._held) - max(partial_suffix(self._held, stop) for stop in self._stop)
        text, self._held = self._held[:certain], self._held[certain:]
        return text, False

    def flush(self) -> str:
        """What was held back, now that nothing follows."""
        text, self._held = self._held, ""
        return text


def partial_suffix(text: str, tag: str) -> int:
    """How many characters at the end of `text` may begin `tag`, short of all of it."""
    for size in range(min(len(tag) - 1, len(text)), 0, -1):
        if tag.startswith(text[-size:]):
            return size
    return 0
