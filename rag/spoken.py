"""In which language a person is spoken to: that of the question, as far as we speak it.

The passages and the model's answer may be in any language; this is about our own words around them.
Chinese is known by its characters, German by small words, verbs and endings that are hardly found
in other languages. A German question taken for English does less harm than the reverse: what tells
nothing for certain is spoken to in English.
"""

from __future__ import annotations

import re
from typing import Literal

from vademecum.rag.words import WORD, language_of

Spoken = Literal["en", "zh", "de"]

GERMAN = frozenset(
    """ein eine einem einen einer eines ist sind waren wird werden wurde wurden kann können soll
    sollen sollte muss müssen darf dürfen haben hatte nicht kein keine keinen und oder mit ohne
    beim zum zur für auf aus vom nach über unter durch gegen zwischen wie wer wem wann warum wieso
    weshalb wofür womit wodurch woran wovon welche welchem welchen welcher welches gibt sich noch
    auch wenn dass ich wir sie
    hilft helfen wirkt wirken senkt senken schadet schaden schützt schützen verursacht verursachen
    verhindert verhindern verbessert verbessern lindert lindern steigert erhöht erhöhen heilt macht
    führt führen braucht nützt nutzt dauert besteht bewirkt beeinflusst gehört enthält entsteht
    lässt bedeutet heißt""".split()
)
# Words that another language has too, names, and what is often typed for an abbreviation (als, im):
# they tell only beside another German word, or umlauts.
UNSURE = frozenset(
    """am als an bei bis das dem den der des die es hat hier im in man nur sei so von war was wen
    wo zu""".split()
)
# Those of them that are no English words: three different ones tell, where no other language does.
NO_ENGLISH = frozenset("als am bei das dem den der des es im sei von wen wo zu".split())
ENOUGH = 3
OTHERS = frozenset(
    # English.
    """the a is are does do did can could should would has have had of to for with on by
    from and or not what which who when where why how that this it there at as be than into its
    your my i we they"""
    # French, Spanish, Portuguese, Italian.
    """ le la les un une et est sont dans pour avec que quel quelle quels quelles comment pourquoi
    el los las una del qué cómo cuál cuáles para por con como são está os uma dos quais qual
    é il lo gli della delle di che per sono quali perché"""
    # Dutch, Swedish, Danish, Norwegian.
    """ de het een van zijn voor bij wat hoe waarom att och är för det på hur vad og er til hvad
    hvordan""".split()
)
UMLAUT = re.compile("[äöüß]")
NOUN = re.compile(r"\w{3,}(?:ungen|keit(?:en)?|heit(?:en)?|schaft(?:en)?)|[A-ZÄÖÜ]\S{2,}ung")
ADJECTIVE_OR_VERB = re.compile(r"[a-zäöüß]{4,}(?:liche?n?|ieren)")
# Not German though it ends so.
NAMES = frozenset(
    "Bandung Hartung Hirschsprung Hornung Jantung Kaohsiung Madelung Samsung Taichung".split()
)


def spoken(question: str) -> Spoken:
    """The language to answer a person in; English for any that is not spoken here."""
    if language_of(question) == "zh":
        return "zh"
    # What is all in capitals is an abbreviation: IM, IST, the A of a vitamin.
    words = [word for word in WORD.findall(question) if not word.isupper()]
    small = [word.lower() for word in words]
    german = sum(word in GERMAN for word in small) + sum(map(_ends_german, words))
    unsure = {word for word in small if word in UNSURE}
    umlauts = [word for word in words if UMLAUT.search(word.lower())]
    others = sum(word in OTHERS for word in small) + len(re.findall("[¿¡]", question))
    # One word with an umlaut and a capital may be a name: "Was Sjögren syndrome treated?"
    with_umlaut = any(word[0].islower() for word in umlauts) or (umlauts and len(unsure) > 1)
    if german or with_umlaut or (len(unsure & NO_ENGLISH) >= ENOUGH and not others):
        german += len(unsure)
    return "de" if german > others else "en"


def _ends_german(word: str) -> bool:
    word = re.split("[-'’]", word)[-1]  # of "COVID-19-Impfung", and of "Renal-Anal-Lung"
    found = NOUN.fullmatch(word) or ADJECTIVE_OR_VERB.fullmatch(word)
    return found is not None and word not in NAMES
