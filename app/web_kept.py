"""The conversations of the page, one for each tab, so that a tab that is loaded again has its own.

A tab makes up a ticket of 256 random bits, keeps it in its sessionStorage and sends it with every
question; what belongs to it is here, in memory. Why so, where the texts may be clinical:

- in a browser's own storage the texts would lie on its disk, for the next who sits down there;
- a cookie is one for all tabs, and is sent to every other server of the same machine, too;
- sessionStorage is one tab's own and goes with it, and nobody guesses what it holds.

Nothing here is written to disk. A conversation ends with the server, with "New conversation", and
an hour after its tab was closed: a closed tab that its browser opens again has the same ticket, and
a phone throws tabs away that it means to load again. A tab may go unseen (its machine slept, say);
what nobody used for a week ends, too.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from vademecum.app.web_stream import Run
from vademecum.rag.answer import Turn

KEPT_S = 3600.0  # after the tab was closed
UNUSED_S = 7 * 24 * 3600.0  # after its last use, where nobody saw it closed
TIDY_S = 60.0  # how often it is looked what has to go
MOST = 100  # conversations
LARGEST = 50_000_000  # characters, of all of them together
LARGEST_ONE = 10_000_000  # of one, whose oldest turns go then
TICKET = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Given:
    """What stands around a question when it is asked: the corpus, and the filters as typed."""

    corpus: str
    year_from: str = ""
    year_to: str = ""
    leave_out_retracted: bool = False


@dataclass(eq=False)
class Exchange:
    """A question that is being answered, and how many pages look on."""

    question: str
    turn: int
    run: Run
    watched: int = 0
    ended: bool = False  # and it is among the turns


@dataclass(eq=False)
class Conversation:
    """The exchanges of one tab."""

    turns: list[str] = field(default_factory=list)  # finished, as HTML
    panels: list[str] = field(default_factory=list)  # the sources of each, as HTML
    history: list[Turn] = field(default_factory=list)  # asked, for follow-up questions
    asked: int = 0
    given: Given | None = None  # with the last question
    lost: bool = False  # whether there were turns before it that are not known any more
    shortened: bool = False  # whether its oldest turns went with its last question
    now: Exchange | None = None
    dropped: bool = False  # and nobody can come back to it
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, turn: str, panel: str) -> None:
        """One more turn and its sources; the oldest go where it is too much. To be locked."""
        self.turns.append(turn)
        self.panels.append(panel)
        while self.size > LARGEST_ONE and len(self.turns) > 1:
            self.turns.pop(0)
            self.panels.pop(0)
            self.history = self.history[-len(self.turns) :]
            self.shortened = True

    def copied(self) -> Conversation:
        """What was said so far, to go on from on its own."""
        with self.lock:
            return Conversation(
                list(self.turns), list(self.panels), list(self.history), self.asked, self.given
            )

    def clear(self) -> Exchange | None:
        """Forget all; what was being answered is given back, to be stopped."""
        with self.lock:
            under_way, self.now = self.now, None
            self.turns, self.panels, self.history = [], [], []
            self.asked, self.given, self.lost, self.shortened = 0, None, False, False
        return under_way

    @property
    def size(self) -> int:
        """Characters, about."""
        said = sum(len(turn.question) + len(turn.answer) for turn in self.history)
        return sum(map(len, self.turns)) + sum(map(len, self.panels)) + said


@dataclass
class _Kept:
    conversation: Conversation
    visitor: str  # the page that has it now
    used: float
    left: bool = False


class Keep:
    """Conversations by their tickets."""

    def __init__(
        self,
        *,
        most: int = MOST,
        largest: int = LARGEST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._largest, self._clock = most, largest, clock
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def of(self, ticket: str, visitor: str, before: str = "") -> Conversation:
        """The conversation of a ticket; a new one, if there is none yet.

        `visitor` is the page that asks. A tab that its browser made of another one, or brought back
        after a crash, names that one's ticket as `before`: it goes on from what was said there, on
        its own where the other is still open.
        """
        with self._lock:
            self._expire()
            if not TICKET.fullmatch(ticket):
                return Conversation()  # nobody could ask for it again
            if ticket not in self._kept:
                self._kept[ticket] = _Kept(self._from(before), visitor, 0.0)
            kept = self._kept[ticket]
            kept.visitor, kept.used, kept.left = visitor, self._clock(), False
            self._make_room(besides=ticket)
            return kept.conversation

    def leave(self, visitor: str) -> None:
        """A page is closed: what it had waits for the tab to be loaded again."""
        with self._lock:
            for kept in self._kept.values():
                if kept.visitor == visitor:
                    kept.used, kept.left = self._clock(), True
            self._expire()

    def tidy(self) -> None:
        """Let go of what has been here too long, or is too much."""
        with self._lock:
            self._expire()
            self._make_room()

    @contextmanager
    def tidied(self, every_s: float = TIDY_S) -> Iterator[None]:
        """While this is open, what has to go does so by itself."""
        over = threading.Event()

        def tidy() -> None:
            while not over.wait(every_s):
                self.tidy()

        threading.Thread(target=tidy, name="tidy", daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def _from(self, before: str) -> Conversation:
        earlier = self._kept.get(before)
        if earlier is None:
            return Conversation()
        if earlier.left:
            return self._kept.pop(before).conversation
        return earlier.conversation.copied()

    def _expire(self) -> None:
        now = self._clock()
        for ticket, kept in list(self._kept.items()):
            if now - kept.used > (KEPT_S if kept.left else UNUSED_S):
                self._drop(ticket)

    def _make_room(self, besides: str = "") -> None:
        """Let go of the longest unused of what is too much, last of all where an answer is under
        way."""
        total = sum(kept.conversation.size for kept in self._kept.values())

        def worth(kept: _Kept) -> tuple[bool, bool, float]:
            return kept.conversation.now is not None, not kept.left, kept.used

        in_order = sorted(self._kept.items(), key=lambda each: worth(each[1]))
        for ticket, kept in in_order:
            if ticket == besides:
                continue
            if len(self._kept) <= self._most and total <= self._largest:
                return
            total -= kept.conversation.size
            self._drop(ticket)

    def _drop(self, ticket: str) -> None:
        conversation = self._kept.pop(ticket).conversation
        conversation.dropped = True
        under_way = conversation.clear()
        if under_way is not None:
            under_way.run.stop(grace_s=0)
