from __future__ import annotations

from vademecum.rag.extractive import extract


def test_quotes_are_verbatim_and_cited(source_of, embedder) -> None:
    sources = [
        source_of(1, "Cats sleep. Aspirin reduced stroke in older women. Dogs bark."),
        source_of(2, "Conclusions: Aspirin reduced stroke in men."),
        source_of(3, "Unrelated text about soil."),
    ]
    checked = extract("Does aspirin reduce stroke?", "en", sources, embedder)
    assert checked.text == (
        "Aspirin reduced stroke in older women. Conclusions: Aspirin reduced stroke in men."
    )
    assert [s.citations for s in checked.sentences] == [(1,), (2,)]
    for sentence in checked.sentences:
        assert checked.text[sentence.start : sentence.end] == sentence.text
        assert sentence.text in sources[sentence.citations[0] - 1].text


def test_at_most_four_and_none_twice(source_of, embedder) -> None:
    text = " ".join(f"Aspirin reduced stroke in group {name}." for name in "abcdefgh")
    sources = [source_of(1, text), source_of(2, text)]
    checked = extract("Does aspirin reduce stroke?", "en", sources, embedder)
    assert 1 <= len(checked.sentences) <= 4
    assert len({s.text for s in checked.sentences}) == len(checked.sentences)


def test_nothing_fitting_gives_nothing(source_of, embedder) -> None:
    assert extract("Does aspirin help?", "en", [source_of(1, "Soil is wet.")], embedder).text == ""
    assert extract("Does aspirin help?", "en", [], embedder).sentences == ()


def test_retracted_work_is_not_quoted(source_of, embedder) -> None:
    source = source_of(1, "Aspirin reduced stroke.", retracted=True)
    assert extract("Does aspirin reduce stroke?", "en", [source], embedder).text == ""


def test_chinese_quotes_stand_without_gaps(source_of, embedder) -> None:
    source = source_of(1, "二甲双胍增加出血。二甲双胍降低血糖。")
    checked = extract("二甲双胍？", "zh", [source], embedder)
    assert checked.text == source.text
