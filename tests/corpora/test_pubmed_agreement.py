"""Our reader says what Biopython's Entrez parser and pubmed_parser say, on 2,000 real records.

Every field that two of them share is compared, and every difference that is left is explained
where it is taken out: by `letters` and `told` (how they write text), and in the fields below.
"""

from __future__ import annotations

import gzip
import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from vademecum.assets import SAMPLE_PUBMED, fetch
from vademecum.corpora.document import Document
from vademecum.corpora.readers.pubmed import LINK_KINDS, PubmedReader
from vademecum.settings import Settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

RECORDS = 2_000
HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE PubmedArticleSet PUBLIC '
    '"-//NLM//DTD PubMedArticle, 1st January 2019//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_190101.dtd">\n<PubmedArticleSet>\n'
)
MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>")


@pytest.fixture(scope="module")
def records(assets_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tenth record of a baseline file."""
    source = fetch(SAMPLE_PUBMED, settings=Settings(home=assets_home, offline=False))
    path = tmp_path_factory.mktemp("records") / "records.xml.gz"
    with gzip.open(source) as whole, gzip.open(path, "wb", compresslevel=1) as part:
        part.write(HEAD.encode())
        taken = 0
        for number, (_, element) in enumerate(etree.iterparse(whole, tag="PubmedArticle")):
            if number % 10 == 0:
                part.write(etree.tostring(element, encoding="utf-8", with_tail=False))
                taken += 1
            element.clear()
            if taken == RECORDS:
                break
        part.write(b"</PubmedArticleSet>")
    return path


@pytest.fixture(scope="module")
def ours(records: Path) -> list[Document]:
    found = [item for item in PubmedReader().read(records) if isinstance(item, Document)]
    assert len(found) == RECORDS
    return found


def letters(text: str) -> str:
    """Without white space, which means nothing in XML, and the caret that marks an exponent."""
    return re.sub(r"[\s^]+", "", text)


def told(text: object) -> str:
    """Biopython's text as ours: it leaves tags and escapes in it."""
    return letters(html.unescape(MARKUP.sub("", str(text))))


class Differences:
    """What is not the same, by field."""

    def __init__(self) -> None:
        self.found: dict[str, list[tuple[str, object, object]]] = {}

    def compare(self, field: str, document: Document, ours: object, theirs: object) -> None:
        if ours != theirs:
            self.found.setdefault(field, []).append((document.doc_id, ours, theirs))


def paragraphs(document: Document) -> str:
    """The abstract; "" where we take the title or another abstract for it."""
    return letters(document.text) if document.kind == "abstract" else ""


# Biopython


def biopython(path: Path) -> Iterator[Any]:
    entrez = pytest.importorskip("Bio.Entrez")
    with gzip.open(path) as file:
        yield from entrez.read(file, escape=True)["PubmedArticle"]


def attribute(element: Any, name: str) -> str:
    return str(getattr(element, "attributes", {}).get(name, ""))


def bio_author(author: Any) -> str:
    if "LastName" not in author:
        return told(author.get("CollectiveName", ""))
    given = author.get("ForeName") or author.get("Initials") or ""
    return told(author["LastName"] + given + author.get("Suffix", ""))


def bio_abstract(article: Any) -> tuple[str, list[str]]:
    """Text and labels. A label with nothing behind it ("LEVEL OF EVIDENCE: 4") is text to us."""
    text, labels = "", []
    for part in article.get("Abstract", {}).get("AbstractText", []):
        label, content = attribute(part, "Label").rstrip(":"), told(part)
        if label.upper() in {"UNLABELLED", "UNLABELED"}:
            label = ""  # says that there is none
        if label and content:
            labels.append(label)
        text += f"{letters(label)}:{content}" if label and content else letters(label) + content
    return text, labels


def test_biopython_says_the_same(records: Path, ours: list[Document]) -> None:
    differences = Differences()
    for mine, record in zip(ours, biopython(records), strict=True):
        citation, data = record["MedlineCitation"], record["PubmedData"]
        article = citation["Article"]
        text, labels = bio_abstract(article)
        types = [str(name) for name in article["PublicationTypeList"]]
        ids = {attribute(item, "IdType"): str(item) for item in data["ArticleIdList"]}
        issue = article["Journal"]["JournalIssue"]["PubDate"]
        year = issue.get("Year") or re.findall(r"\d{4}", issue.get("MedlineDate", ""))[0]
        authors = [
            bio_author(author)
            for author in article.get("AuthorList", [])
            if attribute(author, "ValidYN") != "N"  # misspelt, replaced by an erratum
        ]
        mesh = [
            (
                html.unescape(heading["DescriptorName"]),
                attribute(heading["DescriptorName"], "UI"),
                tuple(html.unescape(name) for name in heading["QualifierName"]),
                any(
                    attribute(part, "MajorTopicYN") == "Y"
                    for part in (heading["DescriptorName"], *heading["QualifierName"])
                ),
            )
            for heading in citation.get("MeshHeadingList", [])
        ]
        links = [
            (
                LINK_KINDS[attribute(link, "RefType")],
                str(link["PMID"]) if "PMID" in link else None,
                told(link["RefSource"]),
            )
            for link in citation.get("CommentsCorrectionsList", [])
            if attribute(link, "RefType") in LINK_KINDS  # "Cites" is no link of ours
        ]
        # Each keyword once, and none that is empty.
        keywords = dict.fromkeys(told(word) for some in citation["KeywordList"] for word in some)
        keywords.pop("", None)
        # Where there is no title, the one in the language of the article is ours.
        title = told(article["ArticleTitle"]) or told(article.get("VernacularTitle", ""))
        revised = citation.get("DateRevised", {})
        for field, here, there in (
            ("pmid", mine.doc_id, f"pmid:{citation['PMID']}"),
            ("version", mine.version, attribute(citation["PMID"], "Version")),
            ("title", letters(mine.title), title),
            ("abstract", paragraphs(mine), text),
            ("labels", [section.label for section in mine.sections], labels),
            ("journal", letters(mine.journal), told(article["Journal"]["Title"])),
            ("language", mine.language, str(article["Language"][0])),
            ("types", list(mine.publication_types), types),
            ("authors", [letters(name) for name in mine.authors], authors),
            ("mesh", [(m.name, m.ui, m.qualifiers, m.major) for m in mine.mesh], mesh),
            ("keywords", [letters(word) for word in mine.keywords], list(keywords)),
            ("links", [(e.kind, e.pmid, letters(e.citation)) for e in mine.links], links),
            ("doi", mine.doi, ids.get("doi", "")),
            # "PMC6134338.4": the number of a version is not part of the id.
            ("pmcid", mine.pmcid, ids.get("pmc", "").partition(".")[0]),
            ("year", mine.date[:4], year),
            ("revised", mine.revised, "-".join(map(str, revised.values()))),
        ):
            differences.compare(field, mine, here, there)
    assert differences.found == {}


# pubmed_parser


def without_colons(document: Document) -> str:
    """Our abstract as pubmed_parser writes it: labels on lines of their own, without a colon;
    none where there is but one part."""
    if document.kind != "abstract":
        return ""
    text, at = "", 0
    for section in document.sections:
        text += document.text[at : section.start].rstrip(": ")
        at = section.start
    if len(document.sections) == 1 and "\n\n" not in document.text:
        text = ""
    return letters(text + document.text[at:])


def nested(path: Path) -> set[str]:
    """Records with markup inside markup ("<i>C<sub>x</sub></i>") or formulas in title or abstract:
    pubmed_parser reads one level and leaves the rest out."""
    found = set()
    with gzip.open(path) as file:
        for record in etree.parse(file).iterfind("PubmedArticle/MedlineCitation"):
            if record.find("Article/ArticleTitle/*/*") is not None or (
                record.find("Article/Abstract/AbstractText/*/*") is not None
            ):
                found.add(f"pmid:{record.findtext('PMID')}")
    return found


def is_left_of(part: str, whole: str) -> bool:
    """Whether `part` is `whole` with some of it left out."""
    rest = iter(whole)
    return all(letter in rest for letter in part)


def test_pubmed_parser_says_the_same(records: Path, ours: list[Document]) -> None:
    pubmed_parser = pytest.importorskip("pubmed_parser")
    parsed = pubmed_parser.parse_medline_xml(
        str(records), year_info_only=False, author_list=True, parse_downto_mesh_subterms=True
    )
    differences = Differences()
    incomplete = nested(records)
    assert len(incomplete) < RECORDS / 100
    for mine, other in zip(ours, parsed, strict=True):
        title, text = letters(mine.title), without_colons(mine)
        other_title = letters(other["title"] or other["vernacular_title"])
        other_text = letters(other["abstract"])
        if mine.doc_id in incomplete:
            assert is_left_of(other_title, title)
            assert is_left_of(other_text, text)
            title, text = other_title, other_text
        authors = [
            letters(author["lastname"] + (author["forename"] or author["initials"]))
            for author in other["authors"]
        ]
        # It reads no collective names and no suffixes ("Jr", "3rd"): compared as beginnings.
        names = [letters(name) for name in mine.authors]
        same = len(names) == len(authors) and all(map(str.startswith, names, authors))
        mesh = re.split(r"; (?=D\d)", other["mesh_terms"]) if other["mesh_terms"] else []
        types = re.split(r"; (?=D\d)", other["publication_types"])
        for field, here, there in (
            ("pmid", mine.doc_id, f"pmid:{other['pmid']}"),
            ("title", title, other_title),
            ("abstract", text, other_text),
            ("journal", letters(mine.journal), letters(other["journal"])),
            ("language", mine.language, other["languages"].split(";")[0]),
            ("authors", same, True),
            ("types", list(mine.publication_types), [name.split(":", 1)[1] for name in types]),
            ("mesh", [f"{m.ui}:{m.name}" for m in mine.mesh], [m.split(" / ")[0] for m in mesh]),
            (
                "qualifiers",
                [list(m.qualifiers) for m in mine.mesh],
                [[q.split(":", 1)[1].rstrip("*") for q in m.split(" / ")[1:]] for m in mesh],
            ),
            ("keywords", letters("; ".join(mine.keywords)), letters(other["keywords"])),
        ):
            differences.compare(field, mine, here, there)
        # It takes the date of the issue alone; ours is more exact where the electronic one agrees.
        differences.compare("date", mine, mine.date.startswith(other["pubdate"]), True)
        # It takes the last ELocationID, also one that is no DOI.
        if other["doi"]:
            differences.compare("doi", mine, mine.doi, other["doi"])
        # It looks for a PMCID where files had it until 2016.
        if other["pmc"]:
            differences.compare("pmcid", mine, mine.pmcid, other["pmc"])
    assert differences.found == {}
