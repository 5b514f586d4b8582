"""Text for a server whose own control tokens are not known."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vademecum.model.chat import WORD_JOINER
from vademecum.model.surrogates import joined

# Control tokens of the usual templates. A server reads them in a document's text, too.
_CONTROL = re.compile(
    r"<[|｜][^<>\n]{1,40}[|｜]>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</?think>"
)


def defuse(text: str, but: Sequence[str] = ()) -> str:
    """The text with control tokens broken by an invisible word joiner, as `Chat.defuse` does.

    So no document can speak as the system. The server's own tokens are not known: these are the
    forms that are in use.
    """

    def broken(found: re.Match[str]) -> str:
        return found[0] if found[0] in but else found[0][0] + WORD_JOINER + found[0][1:]

    return _CONTROL.sub(broken, joined(text))
