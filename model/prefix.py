"""Which pages hold which beginning of a prompt: an exact index over blocks of tokens.

A block is known by the page where the block before it begins and by its own token ids, so a chain
of them stands for one exact prefix (SGLang's radix cache, arXiv:2312.07104, with whole blocks for
edges). Nothing is hashed to a number that could collide. Here a block is named by its first page;
whether it has more is the cache's business.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

Key = tuple[int, tuple[int, ...]]

ROOT = -1


class PrefixIndex:
    """Pages that hold a prefix, those in use apart from those that may be given up."""

    def __init__(self) -> None:
        self._pages: dict[Key, int] = {}
        self._keys: dict[int, Key] = {}
        self._users: dict[int, int] = {}
        self._idle: OrderedDict[int, None] = OrderedDict()  # the longest unused first

    def __len__(self) -> int:
        """How many pages are known."""
        return len(self._keys)

    @property
    def idle(self) -> int:
        """How many pages nobody uses."""
        return len(self._idle)

    def take(self, blocks: Sequence[tuple[int, ...]]) -> list[int]:
        """The pages of the longest known prefix of `blocks`; they stay until given `back`."""
        found: list[int] = []
        before = ROOT
        for block in blocks:
            page = self._pages.get((before, block))
            if page is None:
                break
            found.append(page)
            before = page
        for page in found:
            self._users[page] = self._users.get(page, 0) + 1
            self._idle.pop(page, None)
        return found

    def back(self, pages: Sequence[int]) -> None:
        """Give back pages that `take` gave, or that were just added.

        The last page of a prefix ages before the pages it stands on.
        """
        for page in reversed(pages):
            self._users[page] -= 1
            if self._users[page] == 0:
                del self._users[page]
                self._idle[page] = None

    def add(self, taken: Sequence[int], blocks: Sequence[tuple[int, ...]], fresh: list[int]) -> int:
        """Learn that `fresh` pages hold `blocks`, after the pages `taken`, and keep them in use.

        Returns how many were learned: if the prefix has become known meanwhile, none from there
        on, for a page stands in one place only.
        """
        before = taken[-1] if taken else ROOT
        for n, (block, page) in enumerate(zip(blocks, fresh, strict=True)):
            if (before, block) in self._pages:
                return n
            self._pages[before, block] = page
            self._keys[page] = (before, block)
            self._users[page] = 1
            before = page
        return len(fresh)

    def give_up(self, count: int) -> list[int]:
        """Forget the `count` pages that were not used for the longest time, and return them."""
        pages = []
        for _ in range(min(count, len(self._idle))):
            page, _ = self._idle.popitem(last=False)
            del self._pages[self._keys.pop(page)]
            pages.append(page)
        return pages
