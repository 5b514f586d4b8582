"""Whether a rare word of a sentence is a word of the source, or only nearly one.

A model that copies may lose its way within a long word: "trimethoprim-sulfamethxis" for
"trimethoprim-sulfamethoxazole", "pembrolumab" for "pembrolizumab". Such a word is none of the
source. The same word in another form is: "thrombi" for "thrombus", "leukopenia" for "leucopenia",
"progression free" for "progression-free". Prefixes make another word, which is no slip
("postoperative" for "preoperative"). For languages in letters.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from functools import lru_cache

from vademecum.rag.words import HAN, WORD

SHORTEST = 6  # letters of a word that is looked at
ROOT_LETTERS = 4  # letters that two forms of a word share at least
# Endings of one word, inflected or derived: of English, of its Latin and Greek, of German.
WRITTEN_ENDINGS = """s es d ed r er ers or ors st est ing ings e y ies ied ier iest ify ifies
    ified ifying ily ion ions ional ation ations ational ition itions ication ications ative
    ate ated ates ating ator ators atory ssion ssions ssive t ts ted ting ter ters te ten tte
    tten n en ens em ern al als ally ial ially ical ically ic ics ity ities ility ive ives
    ively ivity iveness ous ously ious iously ousness iousness osity ness nesses ism isms ist
    ists istic istics istical istry ise ised ises ising isation isations iser isers ment ments
    able ably ible ibly ability abilities ibility ance ances ence ences ent ents ant ants ency
    encies ancy ancies ery ory ary aries ories ful less ship ships hood ward wards like wise
    age ages ar ars an ans ian ians ean eans iac iacs a ae i is us um ia iae ias on ons os
    osa osum oses osis otic otics ote otes sis ses tic tics sia sies axis actic actics x ces
    ices ix ex oma omas omata omatous oid oids ium itis itic itides ite ites aemia aemias aemic
    ergic ogy ogies ogic ogical ogically ogist ogists ology ologies ological ologically ologist
    ologists graphy graphies graph graphs graphic graphical gram grams scopy scopies scopic
    scope scopes scopist scopists ectomy ectomies ectomised otomy otomies ostomy ostomies
    therapy therapies therapeutic otherapy eutic eutics path paths pathy pathies pathic ung
    ungen lich liche lichen licher liches ig ige igen iger iges isch ische ischen ischer isches
    heit heiten keit keiten nis nisse ly"""
# Beginnings that make another word of one, which is then not misspelt.
BEGINNINGS = frozenset(
    """a ab ad an ana ante anti auto be bi bio co con contra counter de di dia dis dys e ec em en
    endo epi er eu ex exo extra ge hemi hetero homo hyper hypo il im in infra inter intra iso juxta
    macro mal mega mero meta micro mid mis mono multi neo neuro non normo oligo omni out over pan
    para per peri poly post pre pro pseudo re retro self semi sub super supra sym syn tachy brady
    tele tetra trans tri ultra un under uni up ver zer""".split()
) | {""}  # fmt: skip
# One word, whichever side of the sea or of a printed page it is from: "sulphate", "leukocyte",
# "haemorrhage", "tumour", "centre"; "rn" is what a scanner makes of "m".
SPELLINGS = tuple(
    (re.compile(one), other)
    for one, other in (
        (r"['’]s?$|[-'’\u00ad]", ""),
        (r"ae|oe", "e"),
        (r"ph", "f"),
        (r"rh", "r"),
        (r"k", "c"),
        (r"z", "s"),
        (r"our", "or"),
        (r"(?<=[bcdgpt])re(?=s?$)", "er"),
        (r"rn", "m"),
        (r"([a-z])\1", r"\1"),
    )
)
SPELT_ALIKE = 0.8  # of the letters of two words, in order
# The same, where the beginning is another ("aberrations", "alterations") and for German, which
# makes one word of two ("Kündigungsfrist", "Kündigungsrecht").
NEARLY_ONE = 0.9
BEGUN = 8  # letters in common with which a word begins, and then goes wrong


class Spelled:
    """The words of a source, by their spelling."""

    def __init__(self, text: str) -> None:
        self._words = {folded(word): word.lower() for word in words_of(text)}
        self._begin: dict[str, list[str]] = {}
        for word in sorted(self._words):
            self._begin.setdefault(word[:ROOT_LETTERS], []).append(word)
        self._text = " ".join(folded(word) for word in words_of(text))

    def holds(self, word: str) -> bool:
        """Whether the source has the word in some form or spelling, in one or in several parts."""
        plain = folded(word)
        if plain in self._words or any(
            same_word(plain, other) for other in self._begin.get(plain[:ROOT_LETTERS], ())
        ):
            return True
        apart = " ?".join(plain)
        return re.search(rf"\b{apart}\b", self._text) is not None

    def nearly(self, word: str, *, german: bool = False) -> str:
        """A word of the source that a word nearly is, "" if there is none or if it is one."""
        plain = folded(word)
        if len(plain) < SHORTEST or self.holds(word):
            return ""
        return next(
            (
                written
                for other, written in self._words.items()
                if slip(plain, other, german=german)
            ),
            "",
        )


def words_of(text: str) -> list[str]:
    """The words of a text, and those in letters that hyphens join, each for itself."""
    found = WORD.findall(HAN.sub(" ", text))
    return [part for word in found for part in word.split("-") if part]


@lru_cache(maxsize=65_536)
def folded(word: str) -> str:
    """A word in the one spelling that its spellings share."""
    apart = unicodedata.normalize("NFKD", word.lower())
    plain = "".join(letter for letter in apart if not unicodedata.combining(letter))
    for one, other in SPELLINGS:
        plain = one.sub(other, plain)
    return plain


ENDINGS = {"", *(folded(ending) for ending in WRITTEN_ENDINGS.split())}


def same_word(one: str, other: str) -> bool:
    """Whether two words, folded, are forms of one: what they do not share are endings."""
    shared = _shared(one, other)
    return any(
        one[at:] in ENDINGS and other[at:] in ENDINGS for at in range(shared, ROOT_LETTERS - 1, -1)
    )


def slip(word: str, other: str, *, german: bool = False) -> bool:
    """Whether one word, folded, is another one spelt wrongly."""
    if len(other) < SHORTEST or word[0] != other[0] or word in other or other in word:
        return False
    if _other_beginning(word, other):
        return False
    shared = _shared(word, other)
    if not german and shared >= BEGUN and word[shared:] not in ENDINGS:
        return True
    alike = SequenceMatcher(None, word, other, autojunk=False).ratio()
    return alike >= (NEARLY_ONE if german or word[1] != other[1] else SPELT_ALIKE)


def _other_beginning(word: str, other: str) -> bool:
    """Whether two words differ in what they begin with alone: "intra-" and "inter-"."""
    same = _shared(word[::-1], other[::-1])
    return any(
        word[: len(word) - at] in BEGINNINGS and other[: len(other) - at] in BEGINNINGS
        for at in range(same, ROOT_LETTERS - 1, -1)
    )


def _shared(one: str, other: str) -> int:
    """With how many letters both words begin."""
    return next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
