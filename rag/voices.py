"""Who does what, whichever way it is put: "X is reversed by Y" is "Y reverses X".

A passive that names by whom is turned round word by word, the doer first and its verb behind it, so
that it can be laid beside an active clause. English.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from vademecum.rag.words import without_ending

_WITHIN = (
    r"(?:after|among|as|at|before|between|during|for|from|in|into|of|on|over|per|since|through"
    r"|to|under|until|upon|via|with|within|without)"
)
PASSIVE = re.compile(
    r"\A(?P<what>.+?)\s(?:is|are|was|were|be|been|being)\s(?:(?:also|always|first|not|often|only"
    rf"|then|\w+ly)\s)*(?P<done>(?!(?:{_WITHIN}|an?|the)\s)\w+)"
    rf"(?P<how>(?:\s\w+ly|\s(?:{_WITHIN}|each|every)\s[^,;:]{{1,80}}?)?)\sby\s(?P<who>[^,;:.()]+?)"
    rf"(?P<rest>(?:\s(?:{_WITHIN}|and|because|if|that|unless|when|where|which|while|who)\s|[,;:.()])"
    r".*)?\Z",
    re.DOTALL,
)
# Stems of forms that one verb has, and that share none.
FORMS = {
    without_ending(form): without_ending(verb)
    for verb, *forms in map(
        str.split,
        (
            "bear borne bore", "bind bound", "bring brought", "build built", "buy bought",
            "choose chosen chose", "draw drawn drew", "hold held", "keep kept", "lead led",
            "lend lent", "meet met", "pay paid", "sell sold", "send sent", "take taken took",
            "teach taught", "underwrite underwritten underwrote", "win won",
            "withdraw withdrawn withdrew", "withhold withheld", "write written wrote",
        ),
    )
    for form in forms
}  # fmt: skip


class Active(NamedTuple):
    """A passive turned round: who does it, the verb as it stands there, and all the rest."""

    who: str
    done: str
    rest: str


def active(clause: str) -> Active | None:
    """What a passive clause says its doer does; None where it is none or names no doer."""
    found = PASSIVE.match(clause.rstrip())
    if found is None:
        return None
    rest = (found["what"], found["how"], found["rest"] or "")
    return Active(found["who"], found["done"], " ".join(filter(None, map(str.strip, rest))))
