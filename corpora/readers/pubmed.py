"""PubMed's XML: baseline and update files, and what its export buttons save.

Format: NLM's PubMed DTD, https://dtd.nlm.nih.gov/ncbi/pubmed/doc/out/190101/index.html; files up
to 2016 have the root `MedlineCitationSet` with bare `MedlineCitation` records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from vademecum.corpora.document import (
    Deletion,
    Document,
    Link,
    LinkKind,
    MeshHeading,
    Record,
    Rejection,
    Section,
)
from vademecum.corpora.readers.dates import date_of, whole_date
from vademecum.corpora.readers.markup import flatten, normalise
from vademecum.corpora.readers.pubmed_records import records
from vademecum.corpora.readers.stream import printable

RETRACTED_UI = "D016441"  # "Retracted Publication"

# CommentsCorrections/@RefType. A partial retraction leaves the work standing, as an erratum does;
# "RetractedandRepublished" leads to the corrected version.
LINK_KINDS: dict[str, LinkKind] = {
    "RetractionIn": "retraction_in",
    "RetractionOf": "retraction_of",
    "PartialRetractionIn": "erratum_in",
    "PartialRetractionOf": "erratum_for",
    "ErratumIn": "erratum_in",
    "ErratumFor": "erratum_for",
    "ExpressionOfConcernIn": "concern_in",
    "ExpressionOfConcernFor": "concern_for",
    "UpdateIn": "update_in",
    "UpdateOf": "update_of",
    "RepublishedIn": "republished_in",
    "RepublishedFrom": "republished_from",
    "CorrectedandRepublishedIn": "republished_in",
    "CorrectedandRepublishedFrom": "republished_from",
    "RetractedandRepublishedIn": "republished_in",
    "RetractedandRepublishedFrom": "republished_from",
    "CommentIn": "comment_in",
    "CommentOn": "comment_on",
}

PMID_DIGITS = 18  # of 8 today; Python refuses to convert thousands
NUMBERS = frozenset({"doi", "pmc"})  # ArticleId/@IdType
PMCID = re.compile(r"PMC\d+")
NO_TITLE = re.compile(r"\[?not available\]?\.?", re.IGNORECASE)
UNLABELLED = frozenset({"", "UNLABELLED", "UNLABELED"})


class PubmedReader:
    """Reads PubMed XML as a stream: memory does not grow with the file."""

    suffixes = (".xml", ".xml.gz")

    def read(self, path: Path) -> Iterator[Record]:
        """Yield articles as documents and each PMID of a `DeleteCitation` as a deletion.

        Records without a usable PMID or without any text, and books, are yielded as
        rejections. Raises DocumentRejected (truncated or malformed file, another kind of XML)
        after yielding what comes before the damage.
        """
        name = printable(path.name)
        for number, element in enumerate(records(path), 1):
            where = f"{name}, record {number}"
            if element.tag == "DeleteCitation":
                for pmid in element.findall("PMID"):
                    yield _deletion(pmid, where, name)
            elif element.tag == "PubmedBookArticle":
                yield Rejection(where, "a book record; only journal articles are read")
            else:
                yield _article(element, where, name)


def _deletion(pmid: etree._Element, where: str, origin: str) -> Deletion | Rejection:
    number = flatten(pmid)
    if not _is_pmid(number):
        return Rejection(where, f"DeleteCitation names {number!r}, which is not a PMID")
    return Deletion(f"pmid:{int(number)}", pmid.get("Version", ""), origin)


def _is_pmid(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= PMID_DIGITS and int(text) > 0


Children = dict[str, etree._Element]  # the first of each name


def _children(element: etree._Element) -> Children:
    """One pass over an element is several times faster than a `find` for each name."""
    return {child.tag: child for child in element.iterchildren(reversed=True)}


def _every(children: Children, name: str) -> list[etree._Element]:
    """All children of a name, for those of which there may be several."""
    first = children.get(name)
    return [] if first is None else [first, *first.itersiblings(name)]


def _child(element: etree._Element | None, name: str) -> etree._Element | None:
    """The first child of a name: cheaper than `_children` where one or two are asked for."""
    return None if element is None else next(element.iterchildren(name), None)


def _article(element: etree._Element, where: str, origin: str) -> Document | Rejection:
    around: Children = {}
    citation: etree._Element | None = element
    if element.tag != "MedlineCitation":
        around = _children(element)
        citation = around.get("MedlineCitation")
    if citation is None:
        return Rejection(where, "no MedlineCitation")
    inside = _children(citation)
    # A direct child: PMIDs also occur inside references and corrections.
    pmid_element = inside.get("PMID")
    pmid = flatten(pmid_element)
    if pmid_element is None or not _is_pmid(pmid):
        return Rejection(where, f"PMID {pmid!r} is not a number" if pmid else "no PMID")
    pmid = str(int(pmid))
    if "Article" not in inside:
        return Rejection(where, f"PMID {pmid} has no Article")
    article = _children(inside["Article"])

    title = _title(article)
    text, sections = _abstract(inside, article)
    if not text and not title:
        return Rejection(where, f"PMID {pmid} has neither a title nor an abstract")
    links = _links(inside)
    types = list(article.get("PublicationTypeList", ()))
    type_names = tuple(map(flatten, types))
    journal, date = _journal(article, inside)
    ids = _ids(around)
    language = article.get("Language")
    return Document(
        doc_id=f"pmid:{pmid}",
        title=title or "[No title available]",
        text=text or title,
        kind="abstract" if text else "title",
        sections=sections,
        authors=_authors(article),
        journal=journal,
        date=date,
        url=f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/",
        doi=_doi(article, ids),
        pmcid=_pmcid(inside, ids),
        language="" if language is None else (language.text or "").strip(),
        publication_types=type_names,
        mesh=_mesh(inside),
        keywords=_keywords(inside),
        links=links,
        retracted="Retracted Publication" in type_names
        or RETRACTED_UI in [name.get("UI") for name in types]
        or "retraction_in" in [link.kind for link in links],
        version=pmid_element.get("Version", ""),
        origin=origin,
        revised=whole_date(inside.get("DateRevised")),
    )


def _title(article: Children) -> str:
    title = flatten(article.get("ArticleTitle"))
    if len(title) < 20 and (not title or NO_TITLE.fullmatch(title)):
        return flatten(article.get("VernacularTitle"))
    return title


def _abstract(citation: Children, article: Children) -> tuple[str, tuple[Section, ...]]:
    """The abstract and its labelled sections; another abstract (a translation, a plain-language
    one) only where there is no main one, in English if there is a choice."""
    main = article.get("Abstract")
    text, sections = _paragraphs(main) if main is not None else ("", ())
    if text:
        return text, sections
    others = _every(citation, "OtherAbstract")
    for other in sorted(others, key=lambda abstract: abstract.get("Language") != "eng"):
        text, sections = _paragraphs(other)
        if text:
            return text, sections
    return "", ()


def _paragraphs(abstract: etree._Element) -> tuple[str, tuple[Section, ...]]:
    """Join paragraphs by blank lines, each as "LABEL: content"; sections span the content."""
    paragraphs: list[str] = []
    sections: list[Section] = []
    at = 0
    for part in abstract.findall("AbstractText"):
        content = flatten(part)
        label = part.get("Label", "")
        if label:
            label = normalise(label).rstrip(":")
            if label.upper() in UNLABELLED:
                label = ""
        if not content:
            if ":" not in label:
                continue
            # The label is the statement: <AbstractText Label="LEVEL OF EVIDENCE: 4"/>.
            content, label = label, ""
        start = at + (len(label) + 2 if label else 0)
        if label:
            sections.append(Section(label, start, start + len(content)))
            content = f"{label}: {content}"
        paragraphs.append(content)
        at += len(content) + 2
    return "\n\n".join(paragraphs), tuple(sections)


def _authors(article: Children) -> tuple[str, ...]:
    """ "Family Given" ("Family Initials" if that is all), or the name of a group. Misspelt names
    that an erratum replaced (ValidYN="N") are left out."""
    authors = list(article.get("AuthorList", ()))
    valid = [author for author in authors if author.get("ValidYN") != "N"]
    return tuple([name for author in valid or authors if (name := _author(author))])


def _author(author: etree._Element) -> str:
    family = given = initials = suffix = group = ""
    for part in author:
        name = part.tag
        if name == "LastName":
            family = flatten(part)
        elif name == "ForeName":
            given = flatten(part)
        elif name == "Initials":
            initials = part.text or ""
        elif name == "Suffix":
            suffix = flatten(part).lstrip(", ")
        elif name == "CollectiveName":
            group = flatten(part)
        elif name == "AffiliationInfo":
            break  # after the names; most of an author's text
    if not family:
        return group
    given = given or normalise(initials)
    whole = f"{family} {given}" if given else family
    return f"{whole} {suffix}" if suffix else whole


def _journal(article: Children, citation: Children) -> tuple[str, str]:
    """The journal's name, and the date of its issue or of the article."""
    title = abbreviation = issued = None
    for part in article.get("Journal", ()):
        name = part.tag
        if name == "JournalIssue":
            issued = _child(part, "PubDate")
        elif name == "Title":
            title = part
        elif name == "ISOAbbreviation":
            abbreviation = part
    named = (
        flatten(title)
        or flatten(abbreviation)
        or flatten(_child(citation.get("MedlineJournalInfo"), "MedlineTA"))
    )
    return named, date_of(issued, article.get("ArticleDate"))


def _ids(around: Children) -> dict[str, str]:
    """The article's own ids by their type; those of its references lie in other lists."""
    found: dict[str, str] = {}
    ids = _child(around.get("PubmedData"), "ArticleIdList")
    for element in () if ids is None else ids:
        kind = element.get("IdType", "")
        if kind in NUMBERS and not found.get(kind):
            found[kind] = flatten(element)
    return found


def _doi(article: Children, ids: dict[str, str]) -> str:
    if doi := ids.get("doi"):
        return doi
    for element in _every(article, "ELocationID"):
        if element.get("EIdType") == "doi" and element.get("ValidYN") != "N":
            return flatten(element)
    return ""


def _pmcid(citation: Children, ids: dict[str, str]) -> str:
    # Files with bare citations keep it here: "PMC123456 [Available on 03/01/16]".
    for number in (ids.get("pmc", ""), *map(flatten, _every(citation, "OtherID"))):
        if found := PMCID.match(number):
            return found[0]
    return ""


def _mesh(citation: Children) -> tuple[MeshHeading, ...]:
    """A descriptor, then its qualifiers. An old record is mostly this, so one pass reads it."""
    found: list[MeshHeading] = []
    headings = citation.get("MeshHeadingList")
    if headings is None:
        return ()
    name: str | None = None
    ui = ""
    major = False
    qualifiers: tuple[str, ...] = ()
    for part in headings.iter("DescriptorName", "QualifierName"):
        if part.tag == "QualifierName":
            qualifiers += (flatten(part),)
            major = major or part.get("MajorTopicYN") == "Y"
            continue
        if name is not None:
            found.append(tuple.__new__(MeshHeading, (name, ui, major, qualifiers)))
            qualifiers = ()
        name = flatten(part)
        ui = part.get("UI", "")
        major = part.get("MajorTopicYN") == "Y"
    if name is not None:
        found.append(tuple.__new__(MeshHeading, (name, ui, major, qualifiers)))
    return tuple(found)


def _keywords(citation: Children) -> tuple[str, ...]:
    words = [flatten(word) for words in _every(citation, "KeywordList") for word in words]
    return tuple(dict.fromkeys(filter(None, words)))


def _links(citation: Children) -> tuple[Link, ...]:
    links: list[Link] = []
    for element in citation.get("CommentsCorrectionsList", ()):
        kind = LINK_KINDS.get(element.get("RefType", ""))
        if kind is None:
            continue  # "Cites" and the like say nothing about the record's standing
        pmid = flatten(element.find("PMID"))
        number = str(int(pmid)) if _is_pmid(pmid) else None
        links.append(Link(kind, number, flatten(element.find("RefSource"))))
    return tuple(links)
