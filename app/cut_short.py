"""An answer that ends where its model wrote on: that it does is said with it."""

from __future__ import annotations

from dataclasses import replace

from vademecum.app.languages import labels_for
from vademecum.rag.answer import Answer
from vademecum.rag.cite import strip_markers

COMPARED = 20  # letters and digits at the end of what was written


def with_its_end(found: Answer, written: str) -> Answer:
    """The answer, with a reason for its end where it has none and `written`, all that the model
    wrote, ends otherwise: a small one that copies a passage is stopped after some sentences, which
    may be before it comes to what was asked."""
    if found.abstained or found.reason:
        return found
    if _letters(found.answer).endswith(_letters(written)[-COMPARED:]):
        return found
    return replace(found, reason=labels_for(found.question).cut_short)


def _letters(text: str) -> str:
    """What two texts have in common that differ in marks and layout alone."""
    return "".join(filter(str.isalnum, strip_markers(text)))
