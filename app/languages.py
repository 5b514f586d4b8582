"""Which table of words an answer is shown with."""

from __future__ import annotations

from vademecum.app.chinese import CHINESE
from vademecum.app.english import ENGLISH
from vademecum.app.german import GERMAN
from vademecum.app.labels import Labels
from vademecum.rag.spoken import Spoken, spoken

LABELS: dict[Spoken, Labels] = {"en": ENGLISH, "zh": CHINESE, "de": GERMAN}


def labels_for(question: str) -> Labels:
    """The words for an answer to a question; English where its language is not spoken here."""
    return LABELS[spoken(question)]
