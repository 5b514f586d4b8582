"""What a passage leaves out because it has just said it.

"The red line is faster than the blue line but less frequent" compares the two twice, and "without
one" behind "with a permit" speaks of a permit. So they are read for a sentence that is held against
them. English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

LONGEST = 400  # characters of a sentence that is read
# "A is faster than B | but | less frequent": the second comparison has no "than" of its own.
COMPARED = re.compile(
    r"(?P<one>[^,;]*?\b(?:is|are|was|were)) (?P<how>[^,;]*?) than (?P<other>[^,;]*?),?"
    r" (?:but|and|though|yet) (?P<more>(?:(?:also|even|far|much) )*(?:(?:more|less|fewer) [\w-]+"
    r"|\w{2,}er))(?P<end>[.!]?)\s*\Z",
    re.IGNORECASE,
)
ONE = re.compile(
    r"\bwith(?:out)? (?:an?|the) (?P<noun>[a-z][\w-]+)\b[^.]{0,200}?\bwith(?:out)? one\b",
    re.IGNORECASE,
)


def completed(parts: Sequence[str]) -> list[str]:
    """The sentences of a passage with what they leave out."""
    return [each for part in parts for each in _completed(part)]


@lru_cache(maxsize=4096)
def _completed(part: str) -> tuple[str, ...]:
    return tuple(_read(part)) if len(part) <= LONGEST else (part,)


def _read(part: str) -> Iterator[str]:
    part = ONE.sub(lambda m: f"{m.group().removesuffix('one')}a {m['noun']}", part)
    match = COMPARED.match(part)
    if match is None:
        yield part
        return
    for how in (match["how"], match["more"]):
        yield f"{match['one']} {how} than {match['other']}{match['end']}"
