"""The fixed words around an answer, in the language of its question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vademecum.app.console import plural
from vademecum.rag.answer import Status
from vademecum.rag.words import Language, language_of


@dataclass(frozen=True, slots=True)
class Labels:
    """What stands beside a sentence, above a quotation, and above the passages.

    `marks` are for a terminal, where colour alone tells some readers nothing; `names` and `tips`,
    which say it at length, for the page. `sources` says what the passages are to the answer.
    """

    marks: Mapping[str, str]
    names: Mapping[str, str]
    tips: Mapping[str, str]
    sources: Mapping[Status, str]
    passages: str
    nearest: str
    quoted: str
    overstated: str
    why: str
    note: str


ENGLISH = Labels(
    marks={
        "supported": "",
        "partial": "(partly supported)",
        "overstated": "(OVERSTATED)",
        "unsupported": "(NOT SUPPORTED by the sources)",
        "uncited": "(no source)",
    },
    names={
        "partial": "partly supported",
        "overstated": "overstated",
        "retracted": "retracted source",
        "unsupported": "not supported",
        "uncited": "no source",
    },
    tips={
        "partial": "The cited passage bears this out only in part. Read it before relying on this.",
        "overstated": "This sentence says more than its passage does.",
        "retracted": "This rests on work that was retracted. Do not rely on it.",
        "unsupported": "No passage that was found says this. Do not rely on it without checking.",
        "uncited": "A question, a heading or a remark: it was held against no passage.",
    },
    sources={
        "answered": "Sources",
        "not_in_library": "Nearest passages, not used",
        "not_written": "Nearest passages",
        "stopped": "Passages found",
    },
    passages="Sources",
    nearest="Nearest passages",
    quoted="Quoted word for word, the sentence nearest to the question:",
    overstated="Overstated: ",
    why="Why: ",
    note="Note: ",
)
CHINESE = Labels(
    marks={
        "supported": "",
        "partial": "（部分得到支持）",
        "overstated": "（表述过度）",
        "unsupported": "（未得到资料支持）",
        "uncited": "（无来源）",
    },
    names={
        "partial": "部分得到支持",
        "overstated": "表述过度",
        "retracted": "来源已撤稿",
        "unsupported": "未得到支持",
        "uncited": "无来源",
    },
    tips={
        "partial": "所引段落只部分支持这句话，采用前请先阅读该段落。",
        "overstated": "这句话说得比所引段落更多。",
        "retracted": "这句话依据的文献已被撤稿，请勿采用。",
        "unsupported": "找到的段落都没有这样说，未经核实请勿采用。",
        "uncited": "问句、标题或说明，未与任何段落核对。",
    },
    sources={
        "answered": "来源",
        "not_in_library": "最相近的段落（未使用）",
        "not_written": "最相近的段落",
        "stopped": "找到的段落",
    },
    passages="来源",
    nearest="最相近的段落",
    quoted="与问题最相近的句子，原文照录：",
    overstated="表述过度：",
    why="原因：",
    note="注：",
)
LABELS: dict[Language, Labels] = {"en": ENGLISH, "zh": CHINESE}


def labels_for(question: str) -> Labels:
    """The words for an answer to a question."""
    return LABELS[language_of(question)]


def sources_counted(question: str, number: int) -> str:
    """How many sources stand below an answer."""
    return f"{number}个来源" if language_of(question) == "zh" else plural(number, "source")


def sentences_supported(question: str, good: int, claims: int) -> str:
    """How much of an answer stands on its sources, in one line."""
    if language_of(question) == "zh":
        if good == claims:
            return f"全部{claims}句均得到段落支持" if claims > 1 else "得到段落支持"
        return f"{claims}句中有{good}句得到段落支持"
    if good == claims:
        whole = {1: "Supported", 2: "Both sentences supported"}
        return f"{whole.get(claims, f'All {claims} sentences supported')} by a passage"
    return f"{good} of {plural(claims, 'sentence')} supported by a passage"
