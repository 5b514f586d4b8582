"""Inline markup to plain text: what a title or a paragraph says without its tags."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from lxml import etree

MATHML = "{http://www.w3.org/1998/Math/MathML}"

DETACHED = "detached"

# Exponents: "10<sup>-3</sup>" must not become "10-3", which is another number.
EXPONENT = re.compile(r"[+\-−–]?\d+(?:\.\d+)?")
SPACED_OPERATORS = frozenset("=≠<>≤≥≈≃≅∼~±∓×⋅·→∈∝")


def flatten(element: etree._Element | None) -> str:
    """The text of an element without markup, each run of white space as one space.

    Subscripts and superscripts join their base ("CO2", "kg/m2", "Ca2+"); a numeric superscript
    on a digit is an exponent and keeps a caret ("5 x 10^-8"). MathML becomes a formula in one
    line. None gives "".
    """
    if element is None:
        return ""
    if len(element) == 0:
        text = element.text or ""
        # `normalise`, without a call: half of what is read passes here.
        if text.isprintable() and "  " not in text:
            return text.strip(" ")
        return " ".join(text.split())
    parts: list[str] = []
    _collect(element, parts)
    return normalise("".join(parts))


def normalise(text: str) -> str:
    """Each run of white space (no-break and thin spaces too) as one space, none at the ends."""
    # White space other than " " is not printable: most text is already as it should be.
    if text.isprintable() and "  " not in text:
        return text.strip(" ")
    return " ".join(text.split())


def detach(root: etree._Element, elements: Iterable[etree._Element]) -> None:
    """Take elements out of the tree below `root`; the text behind them stays."""
    for element in elements:
        element.tag = DETACHED
    etree.strip_elements(root, DETACHED, with_tail=False)


def _collect(element: etree._Element, parts: list[str]) -> None:
    if element.text:
        parts.append(element.text)
    for child in element:
        if isinstance(child, etree._Entity):
            # No DTD is loaded, so a named entity arrives unresolved: "&beta;".
            parts.append(html.unescape(child.text or ""))
        elif isinstance(child, etree._Comment | etree._ProcessingInstruction):
            pass  # says nothing
        elif child.tag == f"{MATHML}math":
            parts.append(_formula(child))
        elif child.tag == "sup":
            parts.append(_raised("".join(parts[-1:]), flatten(child)))
        else:
            _collect(child, parts)
        if child.tail:
            parts.append(child.tail)


def _raised(base: str, exponent: str) -> str:
    if base[-1:].isdigit() and EXPONENT.fullmatch(exponent):
        return f"^{exponent}"
    return exponent


def _formula(node: etree._Element) -> str:
    """A MathML element in one line. White space between its elements means nothing."""
    children = [_formula(child) for child in node if isinstance(child.tag, str)]
    name = str(node.tag).removeprefix(MATHML)
    if name == "mo":
        sign = normalise(node.text or "")
        return f" {sign} " if sign in SPACED_OPERATORS else sign
    if name == "mspace":
        return " "
    if not children:
        return normalise(node.text or "") if name != "mtext" else (node.text or "")
    if name in {"msup", "mover"} and len(children) == 2:
        return children[0] + _raised(children[0], children[1])
    if name == "mfrac" and len(children) == 2:
        return "/".join(_grouped(part) for part in children)
    if name == "msqrt":
        return f"√{_grouped(''.join(children))}"
    return "".join(children)


def _grouped(part: str) -> str:
    return part if re.fullmatch(r"[\w.]*", part) else f"({normalise(part)})"
