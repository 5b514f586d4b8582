"""Full text in JATS, as PubMed Central, PLOS and many publishers give it.

Format: the Journal Article Tag Suite, ANSI/NISO Z39.96, https://jats.nlm.nih.gov, and its
forerunner, NLM's Journal Publishing DTD.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from lxml import etree

from vademecum.corpora.document import Document, Link, LinkKind, Record, Rejection
from vademecum.corpora.readers.building import TextBuilder
from vademecum.corpora.readers.dates import iso_date
from vademecum.corpora.readers.languages import language_code
from vademecum.corpora.readers.licences import licence_name
from vademecum.corpora.readers.markup import MATHML, detach, flatten, normalise
from vademecum.corpora.readers.stream import printable, whole
from vademecum.corpora.readers.tables import table_text
from vademecum.corpora.readers.xml import SAFE, root_name
from vademecum.errors import DocumentRejected

MAX_BYTES = 64 << 20  # of XML; the longest articles, with their tables, have a few MB

XLINK = "{http://www.w3.org/1999/xlink}"
XML = "{http://www.w3.org/XML/1998/namespace}"
JATS = re.compile(r"\{https?://(?:jats|dtd)\.nlm\.nih\.gov/[^}]*\}")
ROOTS = frozenset({"article", "pmc-articleset", "OAI-PMH"})

# Blocks that may stand inside a paragraph, and end it.
FLOATS = frozenset({"fig", "table-wrap", "boxed-text", "supplementary-material"})
GROUPS = frozenset(
    {"fig-group", "table-wrap-group", "disp-formula-group", "statement", "app", "array-wrap"}
)
LISTS = frozenset({"list", "def-list"})
BLOCKS = FLOATS | GROUPS | LISTS | {"disp-quote", "verse-group", "disp-formula", "p", "sec"}

# What says nothing a reader would cite.
SILENT = ("object-id", "graphic", "inline-graphic", "media", "permissions", "sec-meta", "fn-type")

ARTICLE_TYPES = {
    "research-article": "Journal Article",
    "brief-report": "Journal Article",
    "rapid-communication": "Journal Article",
    "review-article": "Review",
    "systematic-review": "Systematic Review",
    "meta-analysis": "Meta-Analysis",
    "case-report": "Case Reports",
    "editorial": "Editorial",
    "letter": "Letter",
    "article-commentary": "Comment",
    "discussion": "Comment",
    "reply": "Comment",
    "news": "News",
    "correction": "Published Erratum",
    "retraction": "Retraction Notice",
    "expression-of-concern": "Expression of Concern",
}
LINK_KINDS: dict[str, LinkKind] = {
    "retracted-article": "retraction_of",
    "retraction-forward": "retraction_in",
    "corrected-article": "erratum_for",
    "correction-forward": "erratum_in",
    "object-of-concern": "concern_for",
    "concern-forward": "concern_in",
    "expression-of-concern-forward": "concern_in",
    "commentary-article": "comment_on",
    "commentary": "comment_in",
    "updated-article": "update_of",
    "update": "update_in",
    "republished-article": "republished_from",
}
PMCID = re.compile(r"(?:PMC)?(\d+)(?:\.\d+)?", re.IGNORECASE)
DOI = re.compile(r"10\.\d{4,9}/\S+")
TEX = re.compile(r"\\begin\{document\}(.*?)\\end\{document\}", re.DOTALL)


class JatsReader:
    """Reads one article, or a set of them as PubMed Central's services answer."""

    suffixes = (".xml", ".xml.gz", ".nxml", ".nxml.gz")

    def claims(self, beginning: bytes) -> bool:
        """Whether the root element is JATS's."""
        return root_name(beginning) in ROOTS

    def read(self, path: Path) -> Iterator[Record]:
        """Yield each article as a document of kind "full_text" ("abstract" where it has no
        body); articles without a title and a text are yielded as rejections.

        Raises DocumentRejected if the file is larger than `MAX_BYTES`, malformed, or no JATS.
        """
        name = printable(path.name)
        data = whole(path, MAX_BYTES, hint="split the set of articles into files of one article")
        try:
            root = etree.fromstring(data, etree.XMLParser(**SAFE))
        except (etree.XMLSyntaxError, ValueError) as error:
            raise DocumentRejected(
                f"{name}: malformed XML: {normalise(str(error))[:200]}",
                hint="download the file again",
            ) from error
        _plain_names(root)
        articles = [root] if root.tag == "article" else list(root.iter("article"))
        if not articles:
            raise DocumentRejected(
                f"{name}: not an article in JATS, its root element is <{root.tag[:100]}>",
                hint="JATS files have the root <article>, or hold several of them",
            )
        for number, article in enumerate(articles, 1):
            file_id = hashlib.sha256(data).hexdigest()[:32]
            if len(articles) > 1:
                file_id += f"-{number}"
            yield _article(article, f"{name}, article {number}", name, file_id)


def _plain_names(root: etree._Element) -> None:
    """Drop JATS's own namespace; MathML and others keep theirs."""
    for element in root.iter():
        if isinstance(element.tag, str) and element.tag.startswith("{"):
            element.tag = JATS.sub("", element.tag)


def _article(article: etree._Element, where: str, origin: str, file_id: str) -> Record:
    meta = article.find("front/article-meta")
    if meta is None:
        meta = article.find("front-stub")
    if meta is None:
        return Rejection(where, "no article-meta")
    _mend(article)
    title = _title(meta)
    doi, pmcid, pmid = _id(meta, "doi"), _pmcid(meta), _id(meta, "pmid")
    builder = TextBuilder()
    _abstracts(meta, builder)
    abstract = builder.length
    for body in article.iterfind("body"):
        _blocks(body, builder, 1)
    for part in article.iterfind("back/app-group/app"):
        _section(part, builder, 1)
    for part in article.iterfind("floats-group"):
        _blocks(part, builder, 1)
    text, sections = builder.build()
    if not text and not title:
        return Rejection(where, "neither a title nor a text")
    kind = article.get("article-type", "")
    links = _links(meta)
    if pmcid:
        doc_id, url = f"pmcid:{pmcid}", f"https://pmc.ncbi.nlm.nih.gov/articles/{pmcid}/"
    elif doi:
        doc_id, url = f"doi:{doi.lower()}", f"https://doi.org/{doi}"
    else:
        doc_id, url = f"file:{file_id}", ""
    return Document(
        doc_id=doc_id,
        title=title or "[No title available]",
        text=text or title,
        kind="full_text" if len(text) > abstract else "abstract" if text else "title",
        sections=sections,
        authors=_authors(meta),
        journal=_journal(article),
        date=_date(meta),
        url=url,
        doi=doi,
        pmcid=pmcid,
        pmid=pmid if pmid.isascii() and pmid.isdecimal() else "",
        language=language_code(article.get(f"{XML}lang", "")),
        publication_types=(ARTICLE_TYPES[kind],) if kind in ARTICLE_TYPES else (),
        keywords=_keywords(meta),
        links=links,
        retracted=any(link.kind == "retraction_in" for link in links),
        licence=_licence(meta),
        origin=origin,
    )


# front


def _title(meta: etree._Element) -> str:
    title = flatten(meta.find("title-group/article-title"))
    subtitle = flatten(meta.find("title-group/subtitle"))
    if not title or not subtitle:
        return title or subtitle
    return f"{title} {subtitle}" if title[-1] in ":?!.–—" else f"{title}: {subtitle}"


def _id(meta: etree._Element, kind: str) -> str:
    for element in meta.iterfind("article-id"):
        if element.get("pub-id-type") == kind and (value := flatten(element)):
            return value
    return ""


def _pmcid(meta: etree._Element) -> str:
    found = PMCID.fullmatch(_id(meta, "pmc") or _id(meta, "pmcid"))
    return f"PMC{found[1]}" if found else ""


def _journal(article: etree._Element) -> str:
    for place in ("journal-title-group/journal-title", "journal-title"):
        if name := flatten(article.find(f"front/journal-meta/{place}")):
            return name
    return ""


def _authors(meta: etree._Element) -> tuple[str, ...]:
    names = []
    for contributor in meta.iterfind("contrib-group/contrib"):
        if contributor.get("contrib-type", "author") != "author":
            continue
        name = contributor.find(".//name")
        if name is not None:
            parts = ("surname", "given-names", "suffix")
            names.append(" ".join(filter(None, (flatten(name.find(part)) for part in parts))))
        else:
            group = contributor.find("collab")
            names.append(flatten(group if group is not None else contributor.find("string-name")))
    return tuple(dict.fromkeys(filter(None, names)))


def _date(meta: etree._Element) -> str:
    """When it was first published, as exact as that is told; never when it was deposited."""
    dates = []
    for element in meta.iterfind("pub-date"):
        kind = element.get("pub-type") or element.get("date-type") or "pub"
        if kind in {"epub", "ppub", "epub-ppub", "epreprint", "pub", "collection"}:
            date = iso_date(*(element.findtext(part) or "" for part in ("year", "month", "day")))
            dates.append((kind == "collection", date))
    # A year alone ("2020") comes after a day of it ("2020-03-01"), a collection after all.
    exact = sorted((late, date.ljust(10, "~"), date) for late, date in dates if date)
    return exact[0][2] if exact else ""


def _keywords(meta: etree._Element) -> tuple[str, ...]:
    words = (flatten(word) for word in meta.iterfind("kwd-group//kwd"))
    return tuple(dict.fromkeys(filter(None, words)))


def _licence(meta: etree._Element) -> str:
    licence = meta.find("permissions/license")
    if licence is None:
        return licence_name(flatten(meta.find("permissions/copyright-statement")))
    addresses = [licence.get(f"{XLINK}href", "")]
    for element in licence.iter():
        addresses.append(element.get(f"{XLINK}href", ""))
        if isinstance(element.tag, str) and element.tag.endswith("license_ref"):
            addresses.append(flatten(element))
    for address in addresses:
        if "creativecommons.org" in address:
            return licence_name(address)
    return licence_name(flatten(licence)) or licence_name(addresses[0])


def _links(meta: etree._Element) -> tuple[Link, ...]:
    links: list[Link] = []
    for element in meta.iterfind("related-article"):
        kind = LINK_KINDS.get(element.get("related-article-type", ""))
        if kind is None:
            continue
        address = element.get(f"{XLINK}href", "")
        doi = DOI.search(address)
        pmid = address if element.get("ext-link-type") == "pubmed" and address.isdecimal() else None
        citation = f"doi:{doi[0]}" if doi else flatten(element) or address
        links.append(Link(kind, pmid, citation))
    return tuple(links)


# text


def _mend(article: etree._Element) -> None:
    """Change the tree so that `flatten` says what a reader of the page sees."""
    math = f"{MATHML}math"
    gone: list[etree._Element] = []
    for element in article.iter("tex-math"):
        parent = element.getparent()
        others = islice(parent if parent is not None else (), 9)
        if parent is not None and parent.tag == "alternatives" and math in (o.tag for o in others):
            gone.append(element)  # the same formula again
        elif found := TEX.search(element.text or ""):
            element.text = found[1].strip().strip("$").strip()
    for element in article.iter("sup"):
        # "reduced by 50<sup>12</sup>", where 12 is a reference, is not 50 to the power of 12.
        marks = element.findall("xref[@ref-type='bibr']")
        if marks and not (element.text or "").strip(" ,-–;[]()"):
            gone.append(element)
    gone += [
        xref
        for xref in article.iter("xref")
        if xref.get("ref-type") == "bibr" and len(xref) == 1 and xref[0].tag == "sup"
    ]
    for element in article.iter("break", "hr"):
        element.tail = f" {element.tail or ''}"
    for cell in article.iter("td", "th"):
        for child in cell:
            child.tail = f"{child.tail or ''} " if child.tag in {"p", "list"} else child.tail
    for element in article.iter(*SILENT):
        parent = element.getparent()
        if parent is not None and parent.tag != "article-meta":
            gone.append(element)
    detach(article, gone)


def _abstracts(meta: etree._Element, builder: TextBuilder) -> None:
    """The abstract, then those for other readers (a summary for authors, for patients)."""
    abstracts = meta.findall("abstract")
    kept = [a for a in abstracts if a.get("abstract-type") not in {"graphical", "toc", "teaser"}]
    for abstract in sorted(kept, key=lambda element: element.get("abstract-type") is not None):
        title = abstract.find("title")
        kind = (abstract.get("abstract-type") or "abstract").replace("-", " ").capitalize()
        builder.heading(1, flatten(title) or kind)
        _blocks(abstract, builder, 2)
    builder.leave(1)


def _section(section: etree._Element, builder: TextBuilder, level: int) -> None:
    label, title = flatten(section.find("label")), flatten(section.find("title"))
    builder.heading(level, " ".join(filter(None, (label, title))))
    _blocks(section, builder, level + 1)
    builder.leave(level)


def _blocks(parent: etree._Element, builder: TextBuilder, level: int) -> None:
    """The paragraphs of a section, then its figures and tables, then the sections in it."""
    floats: list[etree._Element] = []
    for child in parent:
        if child.tag == "sec":
            _floats(floats, builder, level)
            _section(child, builder, level)
        elif child.tag not in {"title", "label", "subtitle", "ref-list"}:
            _block(child, builder, level, floats)
    _floats(floats, builder, level)


def _block(
    element: etree._Element, builder: TextBuilder, level: int, floats: list[etree._Element]
) -> None:
    if element.tag in FLOATS:
        floats.append(element)
    elif element.tag in GROUPS:
        caption = element.find("caption")
        _paragraph(
            caption if caption is not None else element.find("title"), builder, level, floats
        )
        for child in element:
            if child.tag not in {"caption", "title"}:
                _block(child, builder, level, floats)
    elif element.tag in LISTS:
        builder.paragraph(_list(element))
    elif element.tag == "sec":
        _section(element, builder, level)
    else:
        _paragraph(element, builder, level, floats)


def _paragraph(
    element: etree._Element | None,
    builder: TextBuilder,
    level: int,
    floats: list[etree._Element],
) -> None:
    """A paragraph's text, ended by each block in it and gone on with behind it."""
    if element is None:
        return
    run = etree.Element("p")
    run.text = element.text
    for child in list(element):
        if child.tag in BLOCKS:
            builder.paragraph(flatten(run))
            tail, child.tail = child.tail, None
            _block(child, builder, level, floats)
            run = etree.Element("p")
            run.text = tail
        else:
            run.append(child)
    builder.paragraph(flatten(run))


def _list(element: etree._Element) -> str:
    """A line for each item."""
    lines = []
    for item in element.iterchildren("list-item", "def-item"):
        parts = [flatten(part) for part in item if part.tag not in LISTS]
        colon = ": " if item.tag == "def-item" else " "
        lines.append(f"- {colon.join(filter(None, parts))}")
        lines += [
            f"  {line}" for inner in item.iterchildren(*LISTS) for line in _list(inner).split("\n")
        ]
    return "\n".join(line for line in lines if line.strip(" -"))


def _floats(floats: list[etree._Element], builder: TextBuilder, level: int) -> None:
    """Each figure and table as a section of its own."""
    held, floats[:] = list(floats), []
    for element in held:
        caption = element.find("caption")
        title = flatten(caption.find("title")) if caption is not None else ""
        label = flatten(element.find("label")).rstrip(".:")
        if element.tag == "boxed-text":
            own = flatten(element.find("title")) or flatten(element.find("sec/title")) or title
            builder.heading(level, " ".join(filter(None, (label, own))) or "Box")
            _blocks(element, builder, level + 1)
            builder.leave(level)
            continue
        lines = [title]
        if caption is not None:
            lines += [flatten(part) for part in caption.iterchildren("p")]
        elif element.tag == "supplementary-material":
            lines.append(flatten(element))
        for table in element.iter("table"):
            lines.append(table_text(table))
        for foot in element.iter("table-wrap-foot"):
            lines += [flatten(part) for part in foot]
        text = "\n".join(filter(None, lines))
        if text:
            named = {"fig": "Figure", "table-wrap": "Table"}.get(str(element.tag), "Supplement")
            builder.heading(level, label or named)
            builder.paragraph(text)
            builder.leave(level)
