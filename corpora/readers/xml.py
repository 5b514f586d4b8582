"""XML from outside: how it is parsed, and what kind it is."""

from __future__ import annotations

from contextlib import suppress

from lxml import etree

from vademecum.corpora.readers.pubmed_records import SAFE

__all__ = ["SAFE", "root_name"]


def root_name(beginning: bytes) -> str:
    """The root element of XML that begins like this, without its namespace; "" if none comes."""
    parser = etree.XMLPullParser(events=("start",), **SAFE)
    with suppress(etree.XMLSyntaxError):
        parser.feed(beginning)
    for _, element in parser.read_events():
        if isinstance(element, etree._Element) and isinstance(element.tag, str):
            return element.tag.rpartition("}")[2]
    return ""
