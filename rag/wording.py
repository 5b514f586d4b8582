"""What `rag` itself says to a person, in both languages."""

from __future__ import annotations

from typing import Literal

from vademecum.rag.answer import CorpusRef
from vademecum.rag.words import Language

Reason = Literal[
    "empty", "irrelevant", "declined", "silent", "unsupported", "borrowed", "cancelled"
]
Ending = Literal["length", "timeout", "cancelled", "loop"]

REASONS: dict[Reason, dict[Language, str]] = {
    "empty": {
        "en": "the search found nothing",
        "zh": "没有检索到任何内容",
    },
    "irrelevant": {
        "en": "nothing in the library is close enough to the question",
        "zh": "库中没有与问题足够相关的内容",
    },
    "declined": {
        "en": "the model found no answer in the nearest sources",
        "zh": "模型在最相近的资料中没有找到答案",
    },
    "silent": {
        "en": "the model wrote no answer",
        "zh": "模型没有写出答案",
    },
    "unsupported": {
        "en": "the model's answer was not borne out by the sources, and is not shown",
        "zh": "模型的回答没有得到资料支持，故不显示",
    },
    "borrowed": {
        "en": "the model's answer takes from the question what the sources do not say, and is not"
        " shown",
        "zh": "模型的回答沿用了问题中的说法，而资料并未这样说，故不显示",
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
    "loop": {"en": "stopped where the model began to repeat itself", "zh": "模型开始重复，已停止"},
}


def notice(corpus: CorpusRef, reason: Reason, language: Language) -> str:
    """What a person reads instead of an answer."""
    if language == "zh":
        newest = f"，最新 {corpus.newest}" if corpus.newest else ""
        return (
            f"“{corpus.name}”库（{corpus.documents} 篇{newest}）没有回答这个问题："
            f"{REASONS[reason]['zh']}。"
        )
    newest = f", newest {corpus.newest}" if corpus.newest else ""
    count = f"{corpus.documents:,} document" + ("" if corpus.documents == 1 else "s")
    return (
        f'Not in this library: "{corpus.name}" ({count}{newest}) does not answer this question; '
        f"{REASONS[reason]['en']}."
    )
