"""Full text in JATS."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree
from reader_support import check, damaged, read_all, read_one, spans, survives

from vademecum.corpora.document import Document, Link, Rejection
from vademecum.corpora.readers import reader_for
from vademecum.corpora.readers.jats import JatsReader
from vademecum.corpora.readers.languages import language_code
from vademecum.corpora.readers.licences import licence_name
from vademecum.errors import DocumentRejected

CC_BY = "http://creativecommons.org/licenses/by/4.0/"
META = f"""
<article-id pub-id-type="pmc">PMC77</article-id>
<article-id pub-id-type="pmid">123</article-id>
<article-id pub-id-type="doi">10.1000/Rest.1</article-id>
<title-group><article-title>Rest after <italic>exercise</italic></article-title></title-group>
<contrib-group>
  <contrib contrib-type="author"><name><surname>Ito</surname><given-names>Aya</given-names></name>
  </contrib>
  <contrib contrib-type="author"><collab>The Rest Group</collab></contrib>
  <contrib contrib-type="editor"><name><surname>Not</surname></name></contrib>
</contrib-group>
<pub-date pub-type="collection"><year>2020</year></pub-date>
<pub-date pub-type="epub"><day>7</day><month>3</month><year>2021</year></pub-date>
<pub-date pub-type="pmc-release"><year>2019</year></pub-date>
<permissions><license xlink:href="{CC_BY}"><license-p>Open.</license-p></license></permissions>
<kwd-group><kwd>rest</kwd><kwd>running</kwd><kwd>rest</kwd></kwd-group>
"""


def article(body: str = "", meta: str = META, more: str = "", attributes: str = "") -> str:
    return f"""<?xml version="1.0"?>
<!DOCTYPE article PUBLIC "-//NLM//DTD JATS v1.0//EN" "http://127.0.0.1:9/jats.dtd">
<article xmlns:xlink="http://www.w3.org/1999/xlink" xml:lang="EN" {attributes}>
<front><journal-meta><journal-title-group><journal-title>Journal of tests</journal-title>
</journal-title-group></journal-meta><article-meta>{meta}</article-meta></front>
{f"<body>{body}</body>" if body else ""}{more}</article>"""


def read(folder: Path, text: str) -> Document:
    return read_one(JatsReader(), folder / "a.nxml", text)


def body_text(folder: Path, body: str) -> str:
    return read(folder, article(body)).text


def test_ids_licence_and_facts_are_recorded(tmp_path: Path) -> None:
    text = article("<p>All.</p>", attributes='article-type="review-article"')
    document = read(tmp_path, text)
    assert document.doc_id == "pmcid:PMC77"
    assert (document.pmcid, document.pmid, document.doi) == ("PMC77", "123", "10.1000/Rest.1")
    assert document.licence == "CC BY 4.0"
    assert document.title == "Rest after exercise"
    assert document.authors == ("Ito Aya", "The Rest Group")
    assert document.journal == "Journal of tests"
    assert document.date == "2021-03-07"
    assert document.language == "eng"
    assert document.keywords == ("rest", "running")
    assert document.publication_types == ("Review",)
    assert document.evidence_level == "review"
    assert document.kind == "full_text"
    assert document.url == "https://pmc.ncbi.nlm.nih.gov/articles/PMC77/"


def test_without_a_pmcid_the_doi_names_it_and_without_that_the_bytes(tmp_path: Path) -> None:
    doi = '<article-id pub-id-type="doi">10.1/A</article-id>'
    title = "<title-group><article-title>T</article-title></title-group>"
    named = read(tmp_path, article("<p>x</p>", meta=doi + title))
    assert (named.doc_id, named.url) == ("doi:10.1/a", "https://doi.org/10.1/A")
    pmid = '<article-id pub-id-type="pmid">5</article-id>'
    unnamed = read(tmp_path, article("<p>x</p>", meta=pmid + title))
    assert unnamed.doc_id.startswith("file:")  # pmid:5 is PubMed's record, another document
    assert unnamed.pmid == "5"


def test_sections_are_labelled_by_their_path(tmp_path: Path) -> None:
    abstract = "<abstract><title>Abstract</title><p>In short.</p></abstract>"
    body = """<p>Before.</p><sec><label>1.</label><title>Methods:</title><p>We ran.</p>
      <sec><title>People</title><p>Ten.</p><p>All fit.</p></sec></sec><sec><p>Untitled.</p></sec>"""
    document = read(tmp_path, article(body, meta=META + abstract))
    assert spans(document) == [
        ("Abstract", "In short."),
        ("", "Before."),
        ("1. Methods", "We ran."),
        ("1. Methods > People", "Ten.\n\nAll fit."),
        ("", "Untitled."),
    ]
    assert document.text.startswith("Abstract\nIn short.\n\nBefore.\n\n1. Methods:\nWe ran.\n\nPeo")


def test_figures_and_tables_come_as_text_after_the_paragraphs_of_their_section(
    tmp_path: Path,
) -> None:
    body = """<sec><title>Results</title><p>See<fig><label>Figure 1.</label><caption>
      <title>Pulse.</title><p>It fell.</p></caption><graphic/></fig> below.</p>
      <table-wrap><label>Table 1</label><caption><p>Doses</p></caption><table>
      <tr><th colspan="2">Group</th><th>mg</th></tr>
      <tr><td>A<break/>B</td><td><p>x</p><p>y</p></td><td>5</td></tr><tr><td/></tr></table>
      <table-wrap-foot><fn><p>Daily.</p></fn></table-wrap-foot></table-wrap>
      <p>Then more.</p></sec>"""
    document = read(tmp_path, article(body))
    assert spans(document) == [
        ("Results", "See\n\nbelow.\n\nThen more."),
        ("Results > Figure 1", "Pulse.\nIt fell."),
        ("Results > Table 1", "Doses\nGroup |  | mg\nA B | x y | 5\nDaily."),
    ]


def test_lists_and_formulas(tmp_path: Path) -> None:
    math = '<mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML"><mml:mi>x</mml:mi></mml:math>'
    tex = r"<tex-math>\documentclass{a}\begin{document}$$y^2$$\end{document}</tex-math>"
    body = f"""<p>Of<list><list-item><p>one</p><list><list-item><p>two</p></list-item></list>
      </list-item></list></p><def-list><def-item><term>BMI</term><def><p>mass</p></def></def-item>
      </def-list><p>a <alternatives>{math}{tex}</alternatives> b <tex-math>{tex[10:-11]}</tex-math>
      </p>"""
    assert body_text(tmp_path, body) == "Of\n\n- one\n  - two\n\n- BMI: mass\n\na x b y^2"


def test_a_raised_reference_is_no_exponent(tmp_path: Path) -> None:
    mark = '<xref ref-type="bibr" rid="r">12</xref>'
    body = f"""<p>Fell by 50<sup>{mark},{mark}</sup>, at 10<sup>-3</sup>; see [{mark}] and 7
      <xref ref-type="bibr"><sup>3</sup></xref>.</p>"""
    assert body_text(tmp_path, body) == "Fell by 50, at 10^-3; see [12] and 7 ."


def test_standing_is_read_from_related_articles(tmp_path: Path) -> None:
    link = '<related-article related-article-type="{}" ext-link-type="{}" xlink:href="{}"/>'
    notice = article(
        "<p>Withdrawn.</p>", META + link.format("retracted-article", "doi", "10.5555/x")
    )
    document = read(tmp_path, notice)
    assert document.links == (Link("retraction_of", None, "doi:10.5555/x"),)
    assert not document.retracted
    gone = article("<p>Work.</p>", META + link.format("retraction-forward", "pubmed", "99"))
    document = read(tmp_path, gone)
    assert document.links == (Link("retraction_in", "99", "99"),)
    assert document.retracted


def test_an_article_without_a_body_is_its_abstract_or_its_title(tmp_path: Path) -> None:
    assert read(tmp_path, article(meta=META)).kind == "title"
    abstract = "<abstract><p>In short.</p></abstract>"
    document = read(tmp_path, article(meta=META + abstract))
    assert (document.kind, document.text) == ("abstract", "Abstract\nIn short.")


def test_a_set_of_articles_and_a_namespace(tmp_path: Path) -> None:
    one = article("<p>One.</p>").partition("?>")[2].partition(">")[2]
    two = one.replace("PMC77", "PMC78").replace("One.", "Two.")
    empty = "<article><front><article-meta/></front></article>"
    ns = "https://jats.nlm.nih.gov/ns/archiving/1.3/"
    text = f"<pmc-articleset xmlns='{ns}'>{one}{two}{empty}<article/></pmc-articleset>"
    records = read_all(JatsReader(), tmp_path / "set.xml", text.encode())
    documents = [record for record in records if isinstance(record, Document)]
    assert [d.text for d in documents] == ["One.", "Two."]
    rejections = [record for record in records if isinstance(record, Rejection)]
    assert [r.where for r in rejections] == ["set.xml, article 3", "set.xml, article 4"]


@pytest.mark.parametrize("name", ["a.xml", "a.xml.gz", "a.nxml"])
def test_xml_is_told_from_pubmed_s_by_its_root(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    data = article("<p>Full.</p>").encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    [document] = reader_for(path).read(path)
    assert isinstance(document, Document)
    assert document.text == "Full."
    assert not JatsReader().claims(b"<PubmedArticleSet>")
    assert not JatsReader().claims(b"")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (CC_BY, "CC BY 4.0"),
        ("https://creativecommons.org/licenses/by-nc-nd/3.0/igo/", "CC BY-NC-ND 3.0"),
        ("see creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0"),
        ("http://creativecommons.org/publicdomain/mark/1.0/", "public domain"),
        ("under the Creative Commons Attribution License, which permits", "CC BY"),
        ("Creative Commons Attribution-NonCommercial 4.0 International License", "CC BY-NC 4.0"),
        ("the Creative Commons Public Domain Declaration", "public domain"),
        ("© The authors", "© The authors"),
        ("x " * 200, "x " * 99 + "x…"),
        ("", ""),
    ],
)
def test_licences_have_short_names(text: str, name: str) -> None:
    assert licence_name(text) == name


def test_languages() -> None:
    tags = ("EN", "en-GB", "zho", "de_AT", "eng", "xx", "")
    assert [language_code(tag) for tag in tags] == ["eng", "eng", "chi", "ger", "eng", "", ""]


BOMB = (
    "<!DOCTYPE article [<!ENTITY a 'lol'>"
    + "".join(
        f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]><article><front><article-meta/></front><body><p>&i;</p></body></article>"
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<article",
        "<article><front>",
        "no xml",
        "<other/>",
        "<article>" + "<sec>" * 10_000,
        "<article xmlns='&#0;'/>",
        BOMB,
        "<!DOCTYPE article [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><article>&x;</article>",
    ],
)
def test_what_is_no_sound_article_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    survives(JatsReader(), tmp_path / "bad.nxml", text.encode())


def test_nothing_outside_the_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    entity = f"<!DOCTYPE article [<!ENTITY x SYSTEM '{(tmp_path / 'secret').as_uri()}'>]>"
    text = entity + article("<p>Say &x;</p>").partition(".dtd")[2][2:]
    assert "secret" not in read(tmp_path, text).text


def test_size_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vademecum.corpora.readers.jats.MAX_BYTES", 1 << 20)
    bomb = tmp_path / "bomb.xml.gz"
    bomb.write_bytes(gzip.compress(b"<article>" + b" " * (4 << 20)))
    with pytest.raises(DocumentRejected, match="larger than 1 MB"):
        list(JatsReader().read(bomb))


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(data=damaged(article("<sec><title>T</title><p>x<sup>2</sup><fig/></p></sec>").encode()))
def test_damaged_articles_are_read_or_rejected(tmp_path: Path, data: bytes) -> None:
    survives(JatsReader(), tmp_path / "a.xml", data)


def test_real_articles(real_data: Path) -> None:
    paths = sorted((real_data / "jats").iterdir())
    assert len(paths) == 49
    full = licensed = 0
    for path in paths:
        [document] = reader_for(path).read(path)
        assert isinstance(document, Document)
        check(document)
        assert document.doi
        assert document.date
        full += document.kind == "full_text"
        licensed += bool(document.licence)
        labels = {section.label.rpartition(" > ")[2] for section in document.sections}
        for element in etree.parse(path).iterfind("body//table-wrap"):
            named = " ".join("".join(element.find("label").itertext()).split()).rstrip(".:")
            assert named in labels
        for element in etree.parse(path).iterfind("body//fig[caption]"):
            label = element.find("label")
            assert label is None or "".join(label.itertext()).strip().rstrip(".:") in labels
    assert (full, licensed) == (49, 48)
