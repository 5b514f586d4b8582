"""In which language a person is spoken to: that of the question, as far as we speak it.

The passages and the model's answer may be in any language; this is about our own words around them.
Chinese is known by its characters, German by the small words and endings that English has not.
"""

from __future__ import annotations

from typing import Literal

from vademecum.rag.words import WORD, language_of

Spoken = Literal["en", "zh", "de"]

GERMAN = frozenset(
    """der das dem den des ein eine einem einen einer eines ist sind sei waren wird werden wurde
    wurden kann können soll sollen sollte muss müssen darf haben hatte nicht kein keine keinen
    und oder mit ohne bei beim zu zum zur für auf aus im vom nach über unter durch gegen zwischen
    wie wer wem wen wann wo warum wieso weshalb wofür womit welche welchem welchen welcher welches
    gibt es sich noch nur auch als wenn dass ich wir sie""".split()
)
ENGLISH = frozenset(
    """the a an is are does do did can could should would will has have had of in to for with on by
    from and or not what which who when where why how that this it there at as be than into its
    your my i we they""".split()
)
# Words of both: they tell only where nothing else does.
EITHER = frozenset("die was war hat bis am man so hier".split())
ENDINGS = ("ung", "ungen", "keit", "keiten", "heit", "schaft", "lich", "liche", "lichen", "ieren")
LEAST = 8  # letters of a word whose ending tells


def spoken(question: str) -> Spoken:
    """The language to answer a person in; English for any that is not spoken here."""
    if language_of(question) == "zh":
        return "zh"
    words = [word.lower() for word in WORD.findall(question)]
    german = sum(
        word in GERMAN or (len(word) >= LEAST and word.endswith(ENDINGS)) for word in words
    )
    english = sum(word in ENGLISH for word in words)
    if german == english:
        return "de" if not english and any(word in EITHER for word in words) else "en"
    return "de" if german > english else "en"
