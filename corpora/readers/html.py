"""Web pages saved as files: the text of the page without the furniture of the site."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lxml import etree

from vademecum.corpora.document import Document, Record
from vademecum.corpora.readers.building import TextBuilder
from vademecum.corpora.readers.languages import language_code
from vademecum.corpora.readers.licences import licence_name
from vademecum.corpora.readers.markup import detach, flatten, normalise
from vademecum.corpora.readers.stream import printable, whole
from vademecum.corpora.readers.tables import table_text
from vademecum.corpora.readers.text import decode
from vademecum.corpora.readers.titles import as_title, title_from
from vademecum.errors import DocumentRejected

MAX_BYTES = 32 << 20
MAX_DEPTH = 200  # of elements; real pages have 30
MAX_TAGS = 3_000_000  # parsed, each takes up to 370 bytes; a page of so many is some other data
MAIN_SHARE = 0.5  # <main> or <article> is taken for the page if it holds this much of the text

HEADINGS = {f"h{level}": level for level in range(1, 7)}
LISTS = frozenset({"ul", "ol", "dl", "menu", "dir"})
BLOCKS = (
    frozenset(
        "address article aside blockquote body br center dd details div dt fieldset figcaption "
        "figure footer form header hgroup hr html legend li main p pre section summary table "
        "tbody td tfoot th thead tr".split()
    )
    | LISTS
    | frozenset(HEADINGS)
)
FURNITURE = frozenset(
    "annotation area audio base button canvas datalist embed head iframe img input link map meta "
    "nav noframes noscript object script select source style svg template textarea title track "
    "video".split()
)
ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "complementary", "menu"})
OWN_HEADER = frozenset({"article", "main", "section"})  # <header> and <footer> in these are text

CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
XML_CHARSET = re.compile(rb"^\s*<\?xml[^>]{0,200}encoding\s*=\s*[\"']([\w.:-]{2,40})")
DECLARATION = re.compile(r"^\s*<\?xml[^>]*>")
# What a tree may hold after parsing and yet takes from nobody ("&#1;").
UNFIT = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\ud800-\\udfff\\ufffe\\uffff]")
DATE = re.compile(r"\d{4}(?:[-/]\d{1,2}(?:[-/]\d{1,2})?)?")
DOI = re.compile(r"10\.\d{4,9}/\S+")


class HtmlReader:
    """Reads .html, .htm and .xhtml: one page, one document, its headings as sections."""

    suffixes = (".html", ".htm", ".xhtml")

    def read(self, path: Path) -> Iterator[Record]:
        """Yield the page as one document of kind "full_text".

        Raises DocumentRejected if the file is larger than `MAX_BYTES`, is no text, has more
        than `MAX_TAGS`, is nested deeper than `MAX_DEPTH`, or has no text in it.
        """
        name = printable(path.name)
        data = whole(path, MAX_BYTES, hint="split the page, or save it as text")
        root = parse(decode_html(data, name), name)
        facts = _facts(root)
        heading = flatten(root.find(".//h1"))
        builder = TextBuilder()
        write(_main(root), builder)
        text, sections = builder.build()
        if not text.strip():
            raise DocumentRejected(
                f"{name}: no text in the page",
                hint="if scripts write its text, print it to PDF in a browser and read that",
            )
        title = as_title(facts.get("title") or heading) or title_from(text)
        doi = DOI.search(facts.get("doi", ""))
        pmid = facts.get("pmid", "")
        yield Document(
            doc_id=f"file:{hashlib.sha256(data).hexdigest()[:32]}",
            title=title or printable(path.stem),
            text=text,
            kind="full_text",
            sections=sections,
            authors=tuple(filter(None, facts.get("authors", "").split("\n"))),
            journal=facts.get("journal", ""),
            date=_date(facts.get("date", "")),
            url=facts.get("url", ""),
            doi=doi[0] if doi else "",
            pmid=pmid if pmid.isascii() and pmid.isdecimal() else "",
            language=language_code(facts.get("language", "")),
            licence=licence_name(facts.get("licence", "")),
            origin=name,
        )


def decode_html(data: bytes, name: str) -> str:
    """The text of a page: by its byte order mark, UTF-8, the encoding it states, or by guess."""
    stated = CHARSET.search(data[:4096]) or XML_CHARSET.search(data[:400])
    if stated and not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            encoding = stated[1].decode().lower()
            # What browsers do: pages that say one of these are written in the larger one.
            encoding = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252"}.get(
                encoding, encoding
            )
            with suppress(LookupError, ValueError):  # no such encoding
                data = data.decode(encoding, "replace").encode()
    return decode(data, name)


def parse(text: str, name: str) -> etree._Element:
    """The tree of a page, without comments; raises DocumentRejected, naming the file `name`."""
    if text.count("<") > MAX_TAGS:
        raise DocumentRejected(
            f"{name}: more than {MAX_TAGS:,} tags", hint="split it, or save it as text"
        )
    parser = etree.HTMLParser(
        no_network=True, remove_comments=True, remove_pis=True, huge_tree=False
    )
    try:
        root = etree.fromstring(UNFIT.sub("", DECLARATION.sub("", text)), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DocumentRejected(
            f"{name}: it cannot be read as HTML: {normalise(str(error))[:200]}",
            hint="save the page again, or print it to PDF",
        ) from error
    if root is None:
        raise DocumentRejected(f"{name}: no text in the page", hint="leave it out")
    depth = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if element.text and UNFIT.search(element.text):
            element.text = UNFIT.sub("", element.text)
        if element.tail and UNFIT.search(element.tail):
            element.tail = UNFIT.sub("", element.tail)
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise DocumentRejected(
                f"{name}: elements nested deeper than {MAX_DEPTH}",
                hint="save the page again, or print it to PDF",
            )
    return root


def _facts(root: etree._Element) -> dict[str, str]:
    """What the head of the page says of it, in the vocabularies that journals and sites use."""
    said: dict[str, list[str]] = {}
    for meta in root.iter("meta"):
        key = (meta.get("name") or meta.get("property") or "").strip().lower()
        value = normalise(meta.get("content") or "")
        if key and value:
            said.setdefault(key, []).append(value)

    def first(*keys: str) -> str:
        return next((said[key][0] for key in keys if key in said), "")

    links = {
        rel: link.get("href", "")
        for link in root.iter("link", "a")
        for rel in (link.get("rel") or "").lower().split()
        if rel in {"canonical", "license"}
    }
    authors = said.get("citation_author") or said.get("dc.creator") or said.get("author") or []
    url = links.get("canonical") or first("og:url")
    return {
        "title": first("citation_title", "dc.title", "og:title") or flatten(root.find(".//title")),
        "authors": "\n".join(dict.fromkeys(authors)),
        "journal": first("citation_journal_title", "og:site_name"),
        "date": first(
            "citation_publication_date",
            "citation_date",
            "article:published_time",
            "dc.date",
            "date",
        ),
        "url": url if url.startswith(("http://", "https://")) else "",
        "doi": first("citation_doi", "dc.identifier"),
        "pmid": first("citation_pmid"),
        "language": root.get("lang") or first("citation_language", "dc.language"),
        "licence": links.get("license") or first("dc.rights", "dcterms.license"),
    }


def _date(text: str) -> str:
    found = DATE.match(text)
    if not found:
        return ""
    return "-".join(part.zfill(2) for part in re.split("[-/]", found[0]))


def _main(root: etree._Element) -> etree._Element:
    """The element that holds the page's own text."""
    body = root.find(".//body")
    if body is None:
        body = root
    drop_furniture(body)
    whole_length = len(flatten(body))
    for path in (".//main", ".//*[@role='main']", ".//article"):
        found = body.findall(path)
        if len(found) == 1 and len(flatten(found[0])) > MAIN_SHARE * whole_length:
            return found[0]
    return body


def drop_furniture(root: etree._Element) -> None:
    """Take menus, forms, scripts and pictures out of a page."""
    # As a list: the elements are renamed while they are gone through.
    detach(root, [each for each in root.iterdescendants() if _is_furniture(each)])


def _is_furniture(element: etree._Element) -> bool:
    tag = str(element.tag)
    if tag in FURNITURE or element.get("role") in ROLES:
        return True
    if "hidden" in element.attrib or element.get("aria-hidden") == "true":
        return True
    if tag in {"header", "footer"}:
        return all(parent.tag not in OWN_HEADER for parent in element.iterancestors())
    return False


def write(root: etree._Element, builder: TextBuilder, below: int = 0) -> None:
    """Add the blocks of a tree to a text; `below` is added to the level of each heading.

    The tree is used up.
    """
    holders: set[etree._Element] = set()  # elements with a block somewhere in them
    for block in root.iter(*BLOCKS):
        for parent in block.iterancestors():
            if parent in holders:
                break
            holders.add(parent)
    _Writer(builder, holders, below).write(root)


class _Writer:
    """Goes through a tree once, collecting inline text until a block ends it."""

    def __init__(self, builder: TextBuilder, holders: set[etree._Element], below: int) -> None:
        self._builder = builder
        self._holders = holders
        self._below = below
        self._run = etree.Element("p")
        self._last: etree._Element | None = None  # element of the run
        self._texts: list[str] = []  # what stands behind it

    def write(self, root: etree._Element) -> None:
        self._block(root)
        self._flush()

    def _flush(self) -> None:
        self._join()
        self._builder.paragraph(flatten(self._run))
        self._run, self._last = etree.Element("p"), None

    def _join(self) -> None:
        if self._texts:
            text = "".join(self._texts)
            self._texts.clear()
            if self._last is not None:
                self._last.tail = text
            else:
                self._run.text = text

    def _inside(self, element: etree._Element) -> None:
        self._texts.append(element.text or "")
        breaks = 0
        for child in list(element):
            tail, child.tail = child.tail, None
            if child.tag == "br":
                breaks += 1
                if breaks == 2:  # how old pages end a paragraph
                    self._flush()
                self._texts.append(" ")
            elif child.tag in BLOCKS or child in self._holders:
                self._block(child) if child.tag in BLOCKS else self._inside(child)
            else:
                self._join()
                self._run.append(child)
                self._last = child
            self._texts.append(tail or "")
            if child.tag != "br" or (tail and tail.strip()):
                breaks = 0

    def _block(self, element: etree._Element) -> None:
        self._flush()
        tag = str(element.tag)
        if tag in HEADINGS:
            self._builder.heading(HEADINGS[tag] + self._below, _line(element))
        elif tag == "pre":
            self._builder.paragraph("".join(_strings(element)).strip("\n").rstrip())
        elif tag in LISTS and self._is_plain(element):
            self._builder.paragraph(_list(element))
        elif tag == "table" and self._is_data(element):
            self._builder.paragraph(_line(element.find("caption")))
            self._builder.paragraph(table_text(element))
        else:
            self._inside(element)
        self._flush()

    def _is_plain(self, element: etree._Element) -> bool:
        """A list of items, not of pieces of a page."""
        return next(element.iter("table", "pre", *HEADINGS), None) is None

    def _is_data(self, table: etree._Element) -> bool:
        """A table of values, not one that lays out a page."""
        inner = table.iterdescendants("table", *LISTS, *HEADINGS)
        rows = (sum(cell.tag in {"td", "th"} for cell in row) for row in table.iter("tr"))
        return next(inner, None) is None and max(rows, default=0) > 1


def _line(element: etree._Element | None) -> str:
    """The text of an element in one line, blocks and line breaks in it as spaces."""
    if element is None:
        return ""
    for inner in element.iterdescendants(*BLOCKS):
        inner.tail = f" {inner.tail or ''}"
    return flatten(element)


def _strings(element: etree._Element) -> Iterator[str]:
    for child in element.iter():
        if child.tag == "br":
            yield "\n"
        elif isinstance(child.tag, str) and child.text:
            yield child.text
        if child is not element and child.tail:
            yield child.tail


def _list(element: etree._Element) -> str:
    """A line for each item; of a list of terms, each with what it means."""
    lines: list[str] = []
    for item in element:
        inner = [_list(child) for child in item.iterchildren(*LISTS)]
        detach(item, list(item.iterchildren(*LISTS)))
        text = _line(item)
        if item.tag == "dd" and lines:
            lines[-1] += f": {text}" if text else ""
        elif text:
            lines.append(f"- {text}")
        lines += [f"  {line}" for part in inner for line in part.split("\n") if line]
        if item.tail and item.tail.strip():
            lines.append(f"- {normalise(item.tail)}")
    return "\n".join(lines)
