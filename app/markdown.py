"""Markdown as a terminal shows it: its words, without the marks that lay them out."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token


def plain(text: str, file: str) -> str:
    """A passage of a Markdown file without its marks; of any other file as it stands."""
    if not file.lower().endswith(".md"):
        return text
    found = [_words(token) for token in _parser().parse(text)]
    return "\n".join(words for words in found if words.strip()) or text


def _words(token: Token) -> str:
    """What a block holds itself; blocks inside it come after it."""
    if token.type == "inline":
        return "".join(_inline(child) for child in token.children or ())
    return token.content  # of code and HTML; other blocks hold none


def _inline(token: Token) -> str:
    return " " if token.type in ("softbreak", "hardbreak") else token.content


@cache
def _parser() -> MarkdownIt:
    # Here, because few commands need it.
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable(["table", "strikethrough"])
