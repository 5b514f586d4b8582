"""What `rag` itself says to a person, in both languages."""

from __future__ import annotations

from typing import Literal

from vademecum.rag.answer import CorpusRef, Status
from vademecum.rag.words import Language

Reason = Literal[
    "empty",
    "irrelevant",
    "declined",
    "silent",
    "echoed",
    "unsupported",
    "borrowed",
    "unquoted",
    "cancelled",
]
Ending = Literal["length", "timeout", "cancelled", "loop", "copying"]

STATUS: dict[Reason, Status] = {
    "empty": "not_in_library",
    "irrelevant": "not_in_library",
    "declined": "not_written",
    "silent": "not_written",
    "echoed": "not_written",
    "unsupported": "not_written",
    "borrowed": "not_written",
    "unquoted": "not_written",
    "cancelled": "stopped",
}
REASONS: dict[Reason, dict[Language, str]] = {
    "empty": {
        "en": "the search found nothing",
        "zh": "没有检索到任何内容",
    },
    "irrelevant": {
        "en": "nothing close enough to the question was found",
        "zh": "没有找到与问题足够相关的内容",
    },
    "declined": {
        "en": "the model said that it found no answer in them",
        "zh": "模型称在其中没有找到答案",
    },
    "silent": {
        "en": "the model wrote nothing",
        "zh": "模型没有写出任何内容",
    },
    "echoed": {
        "en": "the model only repeated its instructions and the labels of the passages",
        "zh": "模型只重复了提示语和段落的标签",
    },
    "unsupported": {
        "en": "what the model wrote goes beyond them, and is not shown",
        "zh": "模型所写的内容没有得到段落支持，故不显示",
    },
    "borrowed": {
        "en": "the model took from the question what they do not say; that is not shown",
        "zh": "模型沿用了问题中的说法，而段落并未这样说，故不显示",
    },
    "unquoted": {
        "en": "no sentence of them is close enough to the question to be quoted",
        "zh": "其中没有与问题足够相近、可以引用的句子",
    },
    "cancelled": {
        "en": "stopped before an answer was written",
        "zh": "在写出答案之前已停止",
    },
}

# Why an answer that is shown ends where it does.
ENDINGS: dict[Ending, dict[Language, str]] = {
    "length": {"en": "cut at the token limit", "zh": "已达到长度上限"},
    "timeout": {"en": "cut at the time limit", "zh": "已达到时间上限"},
    "cancelled": {"en": "stopped before it was complete", "zh": "在完成之前已停止"},
    "copying": {
        "en": "stopped while it copied a passage, before the sentence nearest to the question",
        "zh": "模型抄录段落，在写到与问题最相近的句子之前已停止",
    },
    "loop": {"en": "stopped where the model began to repeat itself", "zh": "模型开始重复，已停止"},
}


def notice(corpus: CorpusRef, reason: Reason, language: Language, *, filtered: bool = False) -> str:
    """What a person reads instead of an answer; `filtered` if not all of the corpus was searched.

    Only where the search found nothing that bears on the question is it said of the library.
    """
    why = REASONS[reason][language]
    if STATUS[reason] == "not_written":
        return UNWRITTEN["quoting" if reason == "unquoted" else "writing"][language].format(why)
    if STATUS[reason] == "stopped":
        return f"{why}。" if language == "zh" else f"{why[0].upper()}{why[1:]}."
    if language == "zh":
        newest = f"，最新 {corpus.newest}" if corpus.newest else ""
        within = "按所设的筛选条件，" if filtered else ""
        return f"不在库中：{within}在“{corpus.name}”库（{corpus.documents} 篇{newest}）中{why}。"
    newest = f", newest {corpus.newest}" if corpus.newest else ""
    within = ", within the filters" if filtered else ""
    count = f"{corpus.documents:,} document" + ("" if corpus.documents == 1 else "s")
    return f'Not in this library: {why} in "{corpus.name}" ({count}{newest}){within}.'


# What is said where passages were found and no sentence that holds came of them.
UNWRITTEN: dict[Literal["writing", "quoting"], dict[Language, str]] = {
    "writing": {
        "en": "The model wrote no sentence that the passages support: {}. The nearest passages are"
        " below, and may answer the question all the same.",
        "zh": "模型没有写出得到段落支持的句子：{}。最相近的段落列在下面，其中仍可能有答案。",
    },
    "quoting": {
        "en": "Nothing is quoted: {}. The nearest passages are below, and may answer the question"
        " all the same.",
        "zh": "没有引用任何句子：{}。最相近的段落列在下面，其中仍可能有答案。",
    },
}


def overstated(claimed: str, reported: str) -> str:
    """Why a sentence says more than its source."""
    return (
        f"it claims an effect (“{claimed}”), where the passage reports a connection only "
        f"(“{reported}”)"
    )


def stronger(word: str) -> str:
    """Why a sentence says more than its source, where a word of it is too strong."""
    return f"“{word}” says more than anything in the passage"
