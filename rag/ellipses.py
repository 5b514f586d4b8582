"""What a passage leaves out because it has just said it.

"The red line is faster than the blue line but less frequent" compares the two twice, "without one"
behind "with a permit" speaks of a permit, and "on the fourth" behind "on the second day" of a day.
So they are read for a sentence that is held against them. English.
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
# "A is as good as B | but | causes fewer falls".
AS_AS = re.compile(
    r"(?P<one>[^,;]*?) (?:is|are|was|were|[a-z]+(?:ed|s))(?: [^,;]{1,40}?)? as [\w ]{1,40}? as"
    r" (?P<other>[^,;]*?),?"
    r" (?:but|and|though|yet) (?:(?:it|they|he|she) )?"
    r"(?P<more>[^,.;]*\b(?:more|less|fewer|better|worse|\w{3,}er)\b(?:(?!\bthan\b)[^,.;])*)(?P<end>[.!]?)\s*\Z",
    re.IGNORECASE,
)
ONE = re.compile(
    r"\bwith(?:out)? (?:an?|the) (?P<noun>[a-z][\w-]+)\b[^.]{0,200}?\bwith(?:out)? one\b",
    re.IGNORECASE,
)


_ORDINAL = r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)"
ORDINAL = re.compile(
    rf"\b{_ORDINAL} (?P<noun>[A-Za-z]{{3,}})\b[^.;]{{0,120}}?\bthe {_ORDINAL}"
    r"(?=[.,;]|\s(?:and|or)\b|\Z)",
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
    part = ORDINAL.sub(lambda m: f"{m.group()} {m['noun']}", part)
    if match := AS_AS.match(part):
        yield f"{part[: match.end('other')]}."
        yield f"{match['one']} {match['more']} than {match['other']}{match['end']}"
        return
    match = COMPARED.match(part)
    if match is None:
        yield part
        return
    for how in (match["how"], match["more"]):
        yield f"{match['one']} {how} than {match['other']}{match['end']}"
