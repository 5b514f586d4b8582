from __future__ import annotations

from pathlib import Path

import pytest

from vademecum.corpora.document import Document, Passage
from vademecum.corpora.readers import reader_for
from vademecum.rag.answer import Quotation, Sentence, Source, Support
from vademecum.rag.assemble import source_of
from vademecum.rag.assistant import Assistant
from vademecum.rag.cited_sections import located
from vademecum.rag.retrieve import Found

CONTRACT = """LABORATORY SERVICES AGREEMENT

This Agreement is made by and between Hohenstein Hospital and Amsel Laboratories.

1. Services. The Laboratory measures the INR of patients.

2. Term. This Agreement begins on 1 April 2023.

3. Termination
3.1 Notice. Either party may terminate with three months of notice.
3.2 Cause. The Hospital may terminate at once where the Laboratory loses its accreditation.

4. Fees. The Hospital pays 4 euros for each sample.

5. Law. The laws of Austria apply.
"""
STATUTE = """Satzung des Registers

§ 1 Zweck
Das Register dient der Forschung.

§ 2 Einwilligung
Daten dürfen nur mit Einwilligung gespeichert werden.

§ 3 Aufbewahrung
Die Daten werden zehn Jahre aufbewahrt.

§ 4 Zugang
Herstellern wird kein Zugang gewährt.
"""


def read(folder: Path, name: str, text: str) -> Document:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    [document] = reader_for(path).read(path)
    assert isinstance(document, Document)
    return document


def whole(document: Document, start: int = 0, end: int | None = None) -> Source:
    stop = len(document.text) if end is None else end
    passage = Passage(document.doc_id, 0, start, stop, document.text[start:stop])
    return source_of(Found(passage, document, 1.0, 0.9, 0.9, {}), 1, start, stop)


def said(text: str, support: Support = "supported", *cited: int) -> Sentence:
    return Sentence(text, 0, len(text), cited or (1,), support, 0.9)


@pytest.mark.parametrize(
    ("name", "text", "claims", "sections"),
    [
        ("contract.txt", CONTRACT, ["The Agreement begins on 1 April 2023."], ["2 Term"]),
        (
            "contract.txt",
            CONTRACT,
            [
                "The Hospital pays 4 euros for each sample.",
                "Either party may terminate with three months of notice.",
            ],
            ["3 Termination > 3.1 Notice", "4 Fees"],
        ),
        ("satzung.txt", STATUTE, ["Die Daten werden zehn Jahre aufbewahrt."], ["§ 3 Aufbewahrung"]),
        ("satzung.txt", STATUTE, ["Bananen sind gelb."], []),
    ],
)
def test_a_source_names_the_sections_of_the_sentences_it_is_cited_for(
    tmp_path: Path, name: str, text: str, claims: list[str], sections: list[str]
) -> None:
    document = read(tmp_path, name, text)
    [source] = located([whole(document)], [said(claim) for claim in claims], ())
    assert list(source.cited_sections) == sections
    assert source.place == "; ".join(sections)


def test_what_is_quoted_has_its_section_and_what_is_only_near_has_none(tmp_path: Path) -> None:
    document = read(tmp_path, "satzung.txt", STATUTE)
    at = document.text.index("Herstellern")
    quote = Quotation(1, document.text[at : at + 37], at, at + 37)
    near = said("Die Daten werden nie aufbewahrt.", "unsupported")
    [source] = located([whole(document)], [near], [quote])
    assert source.place == "§ 4 Zugang"
    other = said("Herstellern wird kein Zugang gewährt.", "supported", 2)
    assert located([whole(document)], [near, other], ())[0].cited_sections == ()


def test_what_stands_in_one_section_and_an_abstract_stay_as_they_are(tmp_path: Path) -> None:
    document = read(tmp_path, "satzung.txt", STATUTE)
    start = document.text.index("Die Daten")
    [source] = located([whole(document, start, start + 39)], [said("Die Daten werden")], ())
    assert (source.sections, source.cited_sections) == ((), ())
    assert source.place == source.section == "§ 3 Aufbewahrung"


def test_the_answer_has_them(tmp_path: Path, shelf_of, embedder, model_of) -> None:
    document = read(tmp_path, "contract.txt", CONTRACT)
    model = model_of("The Hospital pays 4 euros for each sample.")
    answer = Assistant(shelf_of(document), embedder, model).ask(
        "What does the Hospital pay for each sample?", corpus="test"
    )
    [source] = answer.sources
    assert source.place == "4 Fees"
    [told] = [one for one in answer.to_dict()["sources"][0]["sections"] if one["label"] == "4 Fees"]
    assert document.text[told["start"] : told["end"]].endswith("4 euros for each sample.")
