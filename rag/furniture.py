"""What stands on a page and is no sentence of its text: running heads, page numbers, notices.

Readers leave out what repeats on all pages of a PDF file (`corpora/readers/page.py`); what they
cannot tell stays in passages, and a running head holds the words of most questions about its text.
It is told by plain signs and only where a sentence is quoted: it never counts against a claim.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from vademecum.rag.answer import Source

MOST_WORDS = 12  # of a notice, or beside a page number
TITLE_WORDS = 20  # of a running head
PAGE = re.compile(
    r"(?:\b(?:page|seite|pg\.|S\.)\s*\d{1,4}(?:\s*(?:of|von|/)\s*\d{1,4})?\b"
    r"|\A[-–—]\s*\d{1,4}\s*[-–—](?=\s|\Z)|(?<=\s)[-–—]\s*\d{1,4}\s*[-–—]\Z"
    r"|\A\d{1,4}\s*(?:of|von|/)\s*\d{1,4}\Z"
    r"|第\s*\d+\s*页|共\s*\d+\s*页)",
    re.IGNORECASE,
)
# Who may read it, whose it is, of when; and where an article was printed: "2020;38:112-9".
NOTICE = re.compile(
    r"\b(?:confidential(?:ity)?|(?:internal|official) use only|vertraulich"
    r"|nur für den (?:internen |dienstlichen |internen dienst)?gebrauch|draft\b|entwurf\b"
    r"|(?:last )?(?:updated|revised|printed)(?: on)?:? \d|gedruckt am|stand:? (?:\d|[A-ZÄÖÜ]\w+ \d)"
    r"|version:? \d[\d.]*|rev(?:ision|\.):? ?\d)"
    r"|内部资料|机密|保密文件",
    re.IGNORECASE,
)
# These end with a stop, too.
IMPRINT = re.compile(
    r"\Adownloaded from\b|\b(?:all rights reserved|alle rechte vorbehalten|e?issn:? ?\d{4})\b"
    r"|(?:©|\(c\)|\bcopyright) ?(?:19|20)\d\d|\b(?:19|20)\d\d; ?\d+(?: ?\(\d+\))?: ?\w?\d+"
    r"|版权所有",
    re.IGNORECASE,
)
# A question about just that.
ASKED = re.compile(
    r"\b(?:pages?|seiten?|versions?|revis\w+|stand|dat(?:e|ed|um)|aktuell\w*|current|updated?|valid"
    r"|confidential\w*|vertraulich\w*|copyright|rights|rechte|issn|journal|volume|draft|entwurf)\b"
    r"|页|版本|日期|版权|保密|机密",
    re.IGNORECASE,
)
VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|does|do|did|may|can|could|should|must|shall|will"
    r"|would|not|ist|sind|war|waren|wird|werden|wurden?|hat|haben|hatten?|kann|können|darf|dürfen"
    r"|muss|müssen|soll|sollen|sollten?|nicht|keine?)\b|[是应须可将被]"
)
# A table's row, a list's item, "dose: 5 mg": they may repeat, and be the answer.
ROW = re.compile(r"\||\t|\S {2,}(?!\d+\s*\Z)\S|[:：]|\A(?:[-*+•]|\(?\w{1,3}[.)]\s)")
ENDS = re.compile(r"[.!?。！？;；,，][\"'”’»)\]」』）》】]*\Z")
AT_EDGES = re.compile(r"\A[\W\d_]+|[\W\d_]+\Z")


class Furniture:
    """What of the sources of a question is furniture of their pages."""

    def __init__(self, question: str, sources: Sequence[Source]) -> None:
        self._asked = ASKED.search(question) is not None
        alone = {
            (source.doc_id, source.start + start, _key(source.text[start:end]))
            for source in sources
            for start, end in _alone(source.text)
        }
        self._repeats = Counter((doc_id, key) for doc_id, _, key in alone)

    def holds(self, source: Source, start: int, end: int) -> bool:
        """Whether `source.text[start:end]`, a sentence of a source, is none of its text."""
        words = " ".join(source.text[start:end].split())
        if not self._asked and _notice(words):
            return True
        return self._repeats[source.doc_id, _key(words)] > 1 and _stands_alone(
            source.text, start, end
        )


def _notice(words: str) -> bool:
    """ "Amcor plc, page 3 of 12", "Vertraulich - Stand 2024", "© 2020 ... All rights reserved."."""
    if len(words.split()) > MOST_WORDS or VERB.search(words):
        return False
    if IMPRINT.search(words):
        return True
    return not ENDS.search(words) and bool(PAGE.search(words) or NOTICE.search(words))


def _alone(text: str) -> list[tuple[int, int]]:
    """Where a paragraph of one line stands that has no end of a sentence: it may be a heading, or
    what is printed above each page."""
    found = []
    for match in re.finditer(r"(?:\A|(?<=\n))[^\n]+(?=\n|\Z)", text):
        line = match[0].strip()
        if _key(line) and _stands_alone(text, *match.span()) and not ROW.search(line):
            found.append((match.start(), match.end()))
    return found


def _stands_alone(text: str, start: int, end: int) -> bool:
    line = text[start:end].strip()
    if not line or ENDS.search(line) or len(line.split()) > TITLE_WORDS:
        return False
    before, after = text[:start].rstrip(" \t"), text[end:].lstrip(" \t")
    return (not before or before.endswith("\n\n")) and (not after or after.startswith("\n\n"))


def _key(words: str) -> str:
    """What is the same of a running head on all pages."""
    return " ".join(AT_EDGES.sub("", words).casefold().split())
