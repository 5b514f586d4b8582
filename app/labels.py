"""The fixed words around an answer, in the language of its question.

Each language is one table: `english.py`, `german.py`, `chinese.py`. What belongs to the page or the
command line and not to a question (the box, the filters, errors) is English.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vademecum.corpora.document import Kind
from vademecum.rag.answer import Status, Support

Counted = tuple[str, str]  # for one, and for any other number, which stands for the {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The words of one language; what stands in braces is filled in."""

    tag: str  # of the language, as HTML names it
    comma: bool  # whether 1.5 is written 1,5

    # A sentence. `marks` are for a terminal, where colour alone tells some readers nothing;
    # `names` and `tips`, which say it at length, for the page.
    marks: Mapping[Support, str]
    names: Mapping[str, str]
    tips: Mapping[str, str]
    # Of a sentence that no passage bears, with the passages nearest to it: its mark, and the word
    # before their numbers. They are there to compare, and must not be taken for its support.
    unsupported_near: str
    compare: str
    cite: str
    cite_retracted: str

    # An answer
    asked: str
    heads: Mapping[Status, str]  # over one that is none
    overstated: str
    why: str
    note: str
    cut_short: str  # why an answer ends where it does
    quoted: str
    quote: str  # marks of quotation
    supported_one: str
    supported_not: str  # in full, of one sentence
    supported_both: str
    supported_all: str
    supported_some: str
    copy: str
    copied: str
    not_copied: str

    # Passages
    sources: Mapping[Status, str]  # what they are to the answer
    passages: str
    nearest: str
    counted_sources: Counted
    none_match: str
    asked_for: str
    kinds: Mapping[Kind, str]
    levels: Mapping[str, str]
    retracted: str
    untitled: str
    page: str
    also: str
    attention: str
    attention_tip: str
    licence: str
    et_al: str
    gone: str
    changed: str
    part: str
    original: str
    opens: str
    in_context: str
    close: str
    back: str

    # Of a question and its conversation, by the box of the page
    waits: Counted  # for those that come before it
    still_answering: str
    too_many: str
    too_long: str  # characters: how many may be, and are
    forgotten: str
    shortened: str
    began_anew: str
    unreachable: str

    # While it is written
    searching: str
    found: str
    reading: str
    writing: str
    thinking_over: str
    thinking: str
    thought: str
    thought_for: str
    thought_until: str
    stopping: str
    stopped: str
    unchecked: str
    nothing_yet: str
    went_wrong: str
    ask_again: str

    # Where it is from
    model: str
    library: str
    time: str
    no_model: str
    wrote: str
    corpus: str
    listed: str  # between the parts of a list
    counted_documents: Counted
    counted_passages: Counted
    counted_words: Counted
    snapshot: str
    newest: str
    found_in: str
    first_word: str
    speed: str
    total: str
    after_loading: str

    # Search results
    nothing: str
    score: str
    all_weak: str
    all_apart: str  # as `in_languages` fills it in
    some_weak: str
    results: str
    scores: str  # what they tell

    def figure(self, shown: str) -> str:
        """A number as it is written here: 1,234.5 as 1.234,5."""
        return shown.translate(SWAPPED) if self.comma else shown

    def counted(self, forms: Counted, count: int) -> str:
        """`count` of something: 1 document, 1,204 documents."""
        return forms[count != 1].format(self.figure(f"{count:,}"))

    def level(self, evidence_level: str) -> str:
        """A level of evidence; one that is not known here as it stands."""
        return self.levels.get(evidence_level, evidence_level)

    def supported(self, good: int, claims: int) -> str:
        """How much of an answer stands on its passages, in one line."""
        if good < claims == 1:
            return self.supported_not
        if good < claims:
            return self.supported_some.format(good=good, claims=claims)
        whole = {1: self.supported_one, 2: self.supported_both}
        return whole.get(claims, self.supported_all.format(claims))


SWAPPED = str.maketrans(".,", ",.")
