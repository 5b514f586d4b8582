"""The licence of a text, by its usual short name: "CC BY 4.0"."""

from __future__ import annotations

import re

from vademecum.corpora.readers.markup import normalise

CHARACTERS = 200  # a licence without a short name is kept in its own words, up to so many

URL = re.compile(
    r"creativecommons\.org/(?:licenses/(by(?:-(?:nc|nd|sa))*)|(publicdomain)/(zero|mark))"
    r"(?:/(\d\.\d))?",
    re.IGNORECASE,
)
NAMED = re.compile(r"creative\s+commons\s+(public\s+domain|attribution)\b(.{0,60})", re.I)
VERSION = re.compile(r"\b(\d\.\d)\b")
PARTS = (("non-?\\s?commercial", "NC"), ("share-?\\s?alike", "SA"), ("no-?\\s?deriv", "ND"))


def licence_name(text: str) -> str:
    """The name of the Creative Commons licence that a text or an address states, otherwise the
    text itself, shortened; "" for nothing."""
    text = normalise(text)
    if found := URL.search(text):
        if found[2]:
            name = "CC0" if found[3].lower() == "zero" else "public domain"
            return f"CC0 {found[4]}" if name == "CC0" and found[4] else name
        return " ".join(filter(None, ("CC", found[1].upper(), found[4])))
    if found := NAMED.search(text):
        if found[1].lower() != "attribution":
            return "public domain"
        which = found[2].lower().partition("licen")[0]
        parts = [short for words, short in PARTS if re.search(words, which)]
        version = VERSION.search(found[2])
        return " ".join(filter(None, ("CC", "-".join(["BY", *parts]), version and version[1])))
    if len(text) > CHARACTERS:
        return text[: CHARACTERS - 1].rstrip() + "…"
    return text
