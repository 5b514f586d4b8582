"""What a Chinese clause says of one thing is not said of another that the passage names."""

from __future__ import annotations

import time

import pytest

from vademecum.rag.check import check
from vademecum.rag.subjects_chinese import at_odds

SHOCK = ("感染性休克首选去甲肾上腺素；可加用血管加压素。", "持续休克时给予氢化可的松。")
CONTRACT = ("甲方支付运输费用，乙方负责安装设备。", "丙方在三十日内验收。")
COMPANY = ("董事会聘任总经理，股东大会选举监事。", "年度报告由审计委员会审查。")


@pytest.mark.parametrize(
    ("claim", "parts"),
    [
        ("感染性休克首选血管加压素。", SHOCK),
        ("研究表明感染性休克首选血管加压素。", SHOCK),
        # 甲方 and 乙方 share a character.
        ("甲方负责安装设备。", CONTRACT),
        ("丙方支付运输费用。", CONTRACT),
        # Done by another, in the active and in the passive.
        ("运输费用由乙方支付。", CONTRACT),
        ("总经理由股东大会聘任。", COMPANY),
        ("董事会审查年度报告。", COMPANY),
    ],
)
def test_another_thing_does_it(claim: str, parts: tuple[str, ...]) -> None:
    assert at_odds(claim, parts)


@pytest.mark.parametrize(
    ("claim", "parts"),
    [
        ("感染性休克应首选去甲肾上腺素。", SHOCK),
        ("运输费用由甲方支付。", CONTRACT),
        ("审计委员会审查年度报告。", COMPANY),
        # A thing that the passage does not name: for others to tell.
        ("感染性休克首选多巴胺。", SHOCK),
        # Other words for what is done: for others to tell.
        ("休克可联用血管加压素。", SHOCK),
        # Another name of the same thing.
        (
            "诺维公司支付运输费用。",
            ("诺维公司（以下简称甲方）位于上海。", "甲方支付运输费用。"),
        ),
        ("比索洛尔降低死亡率。", ("比索洛尔是一种受体阻滞剂。", "受体阻滞剂降低死亡率。")),
        # Both of them.
        ("多西环素对莱姆病有效。", ("多西环素用于成人。", "两药均对莱姆病有效。")),
        ("乙方承担诉讼费用。", ("甲方承担诉讼费用，乙方也承担一半。",)),
    ],
)
def test_it_is_said_of_this_one(claim: str, parts: tuple[str, ...]) -> None:
    assert not at_odds(claim, parts)


def test_copies_and_their_clauses_are_never_at_odds() -> None:
    for passage in (SHOCK, CONTRACT, COMPANY):
        for part in passage:
            assert not at_odds(part, passage)
            assert not any(at_odds(clause, passage) for clause in part.split("，"))


def test_a_long_passage_is_read_in_time() -> None:
    long = tuple(f"乙方支付运输费用{n}次，甲方" for n in range(1000))
    start = time.process_time()
    at_odds("甲方支付运输费用。", long)
    assert time.process_time() - start < 10  # minutes, if it were not linear


def test_a_short_answer_says_what_was_asked(source_of, embedder) -> None:
    source = source_of(1, "".join(SHOCK), "指南")
    for drug, support in (("血管加压素", "unsupported"), ("去甲肾上腺素", "supported")):
        question = f"感染性休克首选{drug}吗？"
        (sentence,) = check(f"是的，{drug}[1]。", [source], embedder, question=question).sentences
        assert sentence.support == support
