"""What the tests of the page look at HTML with."""

from __future__ import annotations

from lxml import html as lxml_html


def tree(markup: str) -> lxml_html.HtmlElement:
    return lxml_html.fragment_fromstring(markup, create_parent="div")


def texts(markup: str, xpath: str) -> list[str]:
    return [str(each.text_content()) for each in tree(markup).xpath(xpath)]


def marked(markup: str) -> str:
    return "".join(texts(markup, "//mark"))


def assert_inert(markup: str) -> None:
    """No script, no image, no handler, no address but http(s)."""
    for element in tree(markup).iter():
        assert element.tag not in {"script", "img", "iframe", "object", "svg", "style", "b"}
        for name, value in element.attrib.items():
            assert not name.startswith("on"), name
            if name in {"href", "src", "action"}:
                assert value.startswith(("http://", "https://"))
