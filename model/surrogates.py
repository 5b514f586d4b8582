"""Halves of UTF-16's long characters: JSON and file names let them in, UTF-8 holds none alone."""

from __future__ import annotations


def joined(text: str) -> str:
    """The text in whole characters: halves that meet are one, a half alone is replaced."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
