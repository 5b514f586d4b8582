"""What the PubMed reader makes of one record."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from pubmed_support import article_set, citation, read_one, read_text, record

from vademecum.corpora.document import Deletion, Link, MeshHeading, Rejection
from vademecum.corpora.readers.dates import iso_date, medline_date
from vademecum.corpora.readers.markup import flatten, normalise
from vademecum.corpora.readers.pubmed import _paragraphs

MATH = 'xmlns:mml="http://www.w3.org/1998/Math/MathML"'


def test_a_plain_record(tmp_path: Path) -> None:
    document = read_one(tmp_path)
    assert document.doc_id == "pmid:11"
    assert document.title == "Rest after exercise."
    assert document.text == "Rest helped."
    assert document.kind == "abstract"
    assert document.sections == ()
    assert document.journal == "Journal of tests"
    assert document.date == "2020-05"
    assert document.url == "https://pubmed.ncbi.nlm.nih.gov/11/"
    assert document.version == "1"
    assert document.origin == "pubmed.xml"
    assert not document.retracted


def test_structured_abstract_has_labels_and_exact_sections(tmp_path: Path) -> None:
    abstract = """<Abstract>
      <AbstractText Label="AIM" NlmCategory="OBJECTIVE">To  rest
          more.</AbstractText>
      <AbstractText Label="RESULTS:" NlmCategory="RESULTS">It <i>helped</i>.</AbstractText>
      <AbstractText Label="UNLABELLED">Funded by none.</AbstractText>
      <AbstractText Label="SUMMARY"/>
      <AbstractText Label="LEVEL OF EVIDENCE: 4"/>
      <CopyrightInformation>(c) nobody</CopyrightInformation></Abstract>"""
    document = read_one(tmp_path, citation(abstract=abstract))
    assert document.text == (
        "AIM: To rest more.\n\nRESULTS: It helped.\n\nFunded by none.\n\nLEVEL OF EVIDENCE: 4"
    )
    spans = [(s.label, document.text[s.start : s.end]) for s in document.sections]
    assert spans == [("AIM", "To rest more."), ("RESULTS", "It helped.")]


@given(
    st.lists(
        st.tuples(st.text("AB: é", max_size=6), st.text("ab \n\t中é\u0301<&\u2009", max_size=12)),
        max_size=5,
    )
)
def test_sections_always_span_their_content(parts: list[tuple[str, str]]) -> None:
    abstract = etree.Element("Abstract")
    for label, content in parts:
        etree.SubElement(abstract, "AbstractText", Label=label).text = content
    text, sections = _paragraphs(abstract)
    for section in sections:
        assert text[section.start : section.end] in {normalise(content) for _, content in parts}
        assert text[: section.start].endswith(f"{section.label}: ")
    for _, content in parts:
        assert normalise(content) in text


def test_no_abstract_keeps_the_title(tmp_path: Path) -> None:
    for abstract in ("", "<Abstract><AbstractText/></Abstract>"):
        document = read_one(tmp_path, citation(abstract=abstract))
        assert (document.kind, document.text) == ("title", "Rest after exercise.")


def test_other_abstracts_only_stand_in(tmp_path: Path) -> None:
    others = """<OtherAbstract Type="Publisher" Language="ger"><AbstractText>Ruhe half.
      </AbstractText></OtherAbstract><OtherAbstract Type="PIP" Language="eng"><AbstractText>Rest
      did help.</AbstractText></OtherAbstract>"""
    assert read_one(tmp_path, citation(more=others)).text == "Rest helped."
    assert read_one(tmp_path, citation(abstract="", more=others)).text == "Rest did help."


def test_title_falls_back_to_the_vernacular_one(tmp_path: Path) -> None:
    own = "<VernacularTitle>Ruhe nach dem Sport.</VernacularTitle>"
    for title in ("<ArticleTitle/>", "<ArticleTitle>[Not Available].</ArticleTitle>"):
        document = read_one(tmp_path, citation(title=title, article=own))
        assert document.title == "Ruhe nach dem Sport."
    untitled = read_one(tmp_path, citation(title="<ArticleTitle/>"))
    assert (untitled.title, untitled.text) == ("[No title available]", "Rest helped.")


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain &lt; 0.05 &amp; more", "plain < 0.05 & more"),
        ("<i>E. coli</i> in  CO<sub>2</sub>", "E. coli in CO2"),
        ("a <b>bold <i>and</i> nested</b> word", "a bold and nested word"),
        ("Ca<sup>2+</sup>, CD4<sup>+</sup>, 30 kg/m<sup>2</sup>", "Ca2+, CD4+, 30 kg/m2"),
        ("p = 5 × 10<sup>-8</sup>.", "p = 5 × 10^-8."),
        ("May 31<sup>st</sup>", "May 31st"),
        ("5\u2009mg\u00a0daily\n\t now", "5 mg daily now"),
        ("a<!-- note --> b<?pi x?> c", "a b c"),
        (
            (
                f"(<mml:math {MATH}> <mml:msup><mml:mi>R</mml:mi> <mml:mn>2</mml:mn></mml:msup>"
                "<mml:mo>=</mml:mo> <mml:mn>0.9</mml:mn></mml:math> )"
            ),
            "(R2 = 0.9 )",
        ),
        (
            (
                f"<mml:math {MATH}><mml:mfrac><mml:mi>a</mml:mi><mml:mrow><mml:mi>b</mml:mi>"
                "<mml:mo>+</mml:mo><mml:mn>1</mml:mn></mml:mrow></mml:mfrac>"
                "<mml:msqrt><mml:mn>3</mml:mn></mml:msqrt></mml:math>"
            ),
            "a/(b+1)√3",
        ),
        (
            (
                f"<mml:math {MATH}><mml:msup><mml:mn>10</mml:mn><mml:mn>6</mml:mn></mml:msup>"
                "<mml:mspace/><mml:mtext>cells each</mml:mtext></mml:math>"
            ),
            "10^6 cells each",
        ),
    ],
)
def test_inline_markup_is_flattened(markup: str, text: str) -> None:
    assert flatten(etree.fromstring(f"<AbstractText>{markup}</AbstractText>")) == text


def test_authors(tmp_path: Path) -> None:
    authors = """<AuthorList>
      <Author ValidYN="Y"><LastName>García</LastName><ForeName>Ana María</ForeName>
        <Initials>AM</Initials></Author>
      <Author ValidYN="N"><LastName>Grcia</LastName><Initials>AM</Initials></Author>
      <Author><LastName>Doe</LastName><Initials>J</Initials><Suffix>Jr</Suffix></Author>
      <Author><CollectiveName>The Rest Study Group</CollectiveName></Author>
      </AuthorList>"""
    document = read_one(tmp_path, citation(article=authors))
    assert document.authors == ("García Ana María", "Doe J Jr", "The Rest Study Group")


def test_mesh_types_language_and_keywords(tmp_path: Path) -> None:
    article = """<Language>chi</Language><PublicationTypeList>
      <PublicationType UI="D016428">Journal Article</PublicationType>
      <PublicationType UI="D016454">Review</PublicationType></PublicationTypeList>"""
    more = """<MeshHeadingList>
      <MeshHeading><DescriptorName UI="D012146" MajorTopicYN="Y">Rest</DescriptorName></MeshHeading>
      <MeshHeading><DescriptorName UI="D015444" MajorTopicYN="N">Exercise</DescriptorName>
        <QualifierName UI="Q000502" MajorTopicYN="N">physiology</QualifierName>
        <QualifierName UI="Q000523" MajorTopicYN="Y">psychology</QualifierName></MeshHeading>
      <MeshHeading><DescriptorName UI="D006801" MajorTopicYN="N">Humans</DescriptorName>
      </MeshHeading></MeshHeadingList>
      <KeywordList Owner="NOTNLM"><Keyword MajorTopicYN="N">rest</Keyword>
        <Keyword MajorTopicYN="N"> <i>VO</i><sub>2</sub> max</Keyword></KeywordList>
      <KeywordList Owner="NLM"><Keyword MajorTopicYN="N">rest</Keyword></KeywordList>"""
    document = read_one(tmp_path, citation(article=article, more=more))
    assert document.language == "chi"
    assert document.publication_types == ("Journal Article", "Review")
    assert document.mesh == (
        MeshHeading("Rest", "D012146", True),
        MeshHeading("Exercise", "D015444", True, ("physiology", "psychology")),
        MeshHeading("Humans", "D006801", False),
    )
    assert document.keywords == ("rest", "VO2 max")


REFERENCES = """<ReferenceList><Reference><Citation>Other.</Citation><ArticleIdList>
  <ArticleId IdType="pubmed">99</ArticleId><ArticleId IdType="doi">10.1/other</ArticleId>
  <ArticleId IdType="pmc">PMC99</ArticleId></ArticleIdList></Reference></ReferenceList>"""


def test_ids_are_the_articles_own_not_its_references(tmp_path: Path) -> None:
    own = """<ArticleIdList><ArticleId IdType="pubmed">11</ArticleId>
      <ArticleId IdType="doi">10.1/own</ArticleId><ArticleId IdType="pmc">PMC7</ArticleId>
      </ArticleIdList>"""
    location = '<ELocationID EIdType="doi" ValidYN="Y">10.1/location</ELocationID>'
    document = read_one(tmp_path, citation(article=location), own + REFERENCES)
    assert (document.doc_id, document.doi, document.pmcid) == ("pmid:11", "10.1/own", "PMC7")
    without = read_one(tmp_path, citation(), REFERENCES)
    assert (without.doi, without.pmcid) == ("", "")
    assert read_one(tmp_path, citation(article=location), REFERENCES).doi == "10.1/location"


def corrections(*entries: tuple[str, str]) -> str:
    body = "".join(
        f'<CommentsCorrections RefType="{kind}"><RefSource>{source}</RefSource>'
        f'<PMID Version="1">{number}</PMID></CommentsCorrections>'
        for number, (kind, source) in enumerate(entries, 70)
    )
    return f"<CommentsCorrectionsList>{body}</CommentsCorrectionsList>"


def test_links_between_records(tmp_path: Path) -> None:
    entries = [
        ("Cites", "A"),
        ("ErratumIn", "B"),
        ("ExpressionOfConcernFor", "C"),
        ("UpdateOf", "D"),
        ("RepublishedFrom", "E"),
        ("CommentOn", "F"),
        ("RetractionOf", "G"),
    ]
    document = read_one(tmp_path, citation(more=corrections(*entries)))
    assert document.links == (
        Link("erratum_in", "71", "B"),
        Link("concern_for", "72", "C"),
        Link("update_of", "73", "D"),
        Link("republished_from", "74", "E"),
        Link("comment_on", "75", "F"),
        Link("retraction_of", "76", "G"),
    )
    assert not document.retracted


def test_a_link_without_pmid(tmp_path: Path) -> None:
    more = """<CommentsCorrectionsList><CommentsCorrections RefType="ErratumIn">
      <RefSource>J Tests. 2021</RefSource></CommentsCorrections></CommentsCorrectionsList>"""
    assert read_one(tmp_path, citation(more=more)).links == (
        Link("erratum_in", None, "J Tests. 2021"),
    )


def types(ui: str, name: str) -> str:
    entry = f'<PublicationType UI="{ui}">{name}</PublicationType>'
    return f"<PublicationTypeList>{entry}</PublicationTypeList>"


def test_retracted_by_type_or_by_link(tmp_path: Path) -> None:
    by_type = citation(article=types("D016441", "Retracted Publication"))
    by_link = citation(more=corrections(("RetractionIn", "J Tests")))
    assert read_one(tmp_path, by_type).retracted
    assert read_one(tmp_path, by_link).retracted


@pytest.mark.parametrize("name", ["Retraction of Publication", "Retraction Notice"])
def test_a_notice_is_not_itself_retracted(tmp_path: Path, name: str) -> None:
    body = citation(article=types("D016440", name), more=corrections(("RetractionOf", "J Tests")))
    notice = read_one(tmp_path, body)
    assert not notice.retracted
    assert notice.publication_types == (name,)
    assert notice.links[0].kind == "retraction_of"


@pytest.mark.parametrize(
    ("issue", "electronic", "date"),
    [
        ("<Year>2000</Year><Month>Feb</Month><Day>24</Day>", "", "2000-02-24"),
        ("<Year>2000</Year><Month>2</Month><Day>4</Day>", "", "2000-02-04"),
        ("<Year>2000</Year><Season>Spring</Season>", "", "2000"),
        ("<Year>2000</Year><Month>Feb</Month><Day>31</Day>", "", "2000-02"),
        ("<Year>2000</Year><Month>13</Month>", "", "2000"),
        ("<MedlineDate>1998 Dec-1999 Jan</MedlineDate>", "", "1998-12"),
        ("", "<Year>2019</Year><Month>12</Month><Day>30</Day>", "2019-12-30"),
        ("<Year>2020</Year>", "<Year>2020</Year><Month>03</Month><Day>02</Day>", "2020-03-02"),
        ("<Year>2020</Year>", "<Year>2019</Year><Month>12</Month><Day>30</Day>", "2020"),
        ("", "", ""),
    ],
)
def test_date_is_the_issues_as_exact_as_known(
    tmp_path: Path, issue: str, electronic: str, date: str
) -> None:
    article = f'<ArticleDate DateType="Electronic">{electronic}</ArticleDate>'
    body = citation(issue=f"<PubDate>{issue}</PubDate>", article=article)
    assert read_one(tmp_path, body).date == date


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("1980 Apr 15-30", "1980-04-15"),
        ("1978 Aug 28-Sep 1", "1978-08-28"),
        ("1976 Nov-1977 May", "1976-11"),
        ("1983 3rd Quarter", "1983"),
        ("1990-1991", "1990"),
        ("1975-1976 Fall-Winter", "1975"),
        ("Summer 1984", "1984"),
        ("2000 Jun 31", "2000-06"),
        ("undated", ""),
    ],
)
def test_medline_dates(text: str, date: str) -> None:
    assert medline_date(text) == date


def test_digits_without_end_cost_the_date_alone(tmp_path: Path) -> None:
    """Python converts no more than 4,300 of them: all records of the file behind them were lost."""
    many = "9" * 5000
    issue = f"<PubDate><Year>2020</Year><Month>{many}</Month><Day>{many}</Day></PubDate>"
    revised = f"<DateRevised><Year>{many}</Year><Month>1</Month><Day>1</Day></DateRevised>"
    document = read_one(tmp_path, citation(issue=issue, more=revised))
    assert (document.date, document.revised) == ("2020", "")


@given(st.text(max_size=6), st.text(max_size=10), st.text(max_size=4))
def test_dates_never_invent_or_fail(year: str, month: str, day: str) -> None:
    date = iso_date(year, month, day)
    assert date == "" or (date[:4] == year.strip() and len(date) in {4, 7, 10})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (citation(pmid=""), "no PMID"),
        (citation(pmid="<PMID>12a</PMID>"), "'12a'"),
        (citation(title="", abstract=""), "neither a title nor an abstract"),
        ('<MedlineCitation><PMID Version="1">12</PMID></MedlineCitation>', "no Article"),
        ("", "no MedlineCitation"),
    ],
)
def test_a_bad_record_is_rejected_and_reading_goes_on(
    tmp_path: Path, body: str, reason: str
) -> None:
    rejected, good = read_text(tmp_path, article_set(record(body), record()))
    assert isinstance(rejected, Rejection)
    assert rejected.where == "pubmed.xml, record 1"
    assert reason in rejected.reason
    assert not isinstance(good, Rejection | Deletion)


def test_books_are_rejected_with_the_reason(tmp_path: Path) -> None:
    book = "<PubmedBookArticle><BookDocument><PMID>5</PMID></BookDocument></PubmedBookArticle>"
    rejected, good = read_text(tmp_path, article_set(book, record()))
    assert isinstance(rejected, Rejection)
    assert "book" in rejected.reason
    assert not isinstance(good, Rejection | Deletion)


def test_deletions(tmp_path: Path) -> None:
    deleted = """<DeleteCitation><PMID Version="1">5</PMID><PMID Version="2">6</PMID>
      <PMID Version="1">x</PMID></DeleteCitation>"""
    *_, five, six, wrong = read_text(tmp_path, article_set(record(), deleted))
    assert (five, six) == (Deletion("pmid:5"), Deletion("pmid:6"))
    assert isinstance(wrong, Rejection)
