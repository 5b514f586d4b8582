"""Which words of a Chinese question say what it is about, for its coverage by a passage.

Chinese has no spaces: pairs of characters, which the check counts, are half of them of no word
("肝癌的" has 癌的), and most pairs of a question ask ("请问有哪些"), which no answer holds. So a
question is cut into words as the lexical index cuts it, without those that only ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from vademecum.corpora.lexical import segment
from vademecum.rag.words import HAN, WORD

# What asks, or leads up to what is asked. Longer ones first: 多少天 leaves no 天.
ASKS = re.compile(
    "[你您]好|大家好|请问|请教|麻烦|谢谢|我?想(?:要|问|知道|了解)?(?:一下)?(?!象|法)|我?听说|最近"
    "|能不能|能否|可否|可不可以|可以|是不是|是否|有没有|会不会|要不要|需不需要"
    "|什么(?:样的?|时候|情况|情形)?|怎么(?:样的?|办|回事)?|怎样的?|如何|为什么|为何|有何"
    "|哪[些个种里类位儿]|哪几[个种类项]?|第?几(?:[个种类项年岁天月点张次条期倍]|小时)"
    "|多少(?:[个种岁天年倍次]|小时)?|多长时间|多[长久大高]|最[多少长短高低晚早](?:能|可以?)?"
    "|一下|了解|知道|告诉我?|关于|有关|相关|对于|介绍|说明|描述|解释|阐述|简述|详细|具体|简单|分别"
    "|主要|常见|通常|一般|应该|应当|需要|必须|能够|以及|或者|还是|但是|因为|所以|如果|那么"
    "|被?(?:诊断|确诊|检查|查)(?:为|出)(?:患有|了)?|患有|感兴趣|感到|担心|觉得|认为|看法|情况|方面"
    "|[吗呢吧啊呀]"
)
# The characters of those words, and of the small ones, in traditional script: one for one.
SIMPLIFIED = str.maketrans(
    "請煩謝聽說沒會麼為個幾歲點張條時間長瞭關對於紹釋闡簡單應該當須還這們嗎診斷檢確認覺擔興況從並將"
    "讓過著裡後種類樣問錯從與講體詳細給項無誰",
    "请烦谢听说没会么为个几岁点张条时间长了关对于绍释阐简单应该当须还这们吗诊断检确认觉担兴况从并将"
    "让过着里后种类样问错从与讲体详细给项无谁",
)
# Words of one character that say as little; within a word ("功能", "有机") they are kept.
SMALL = frozenset(
    "的了是我你您他她它们这那有在和与及或也都就对把被给从到向为以于上下中里之其并等将由让使得地着过"
    "会能可要不没无谁何算做说讲用人时后前年个种"
)


def asked_words(question: str) -> set[str]:
    """The words that say what is asked, in lower case; of a word and its parts the word alone."""
    for asks in ASKS.finditer(question.translate(SIMPLIFIED)):
        blank = " " * (asks.end() - asks.start())
        question = question[: asks.start()] + blank + question[asks.end() :]
    words: set[str] = set()
    for cut in segment(question).split():
        parts = HAN.findall(cut)
        words.update(part for part in parts if part.translate(SIMPLIFIED) not in SMALL)
        words.update(part.lower() for part in WORD.findall(HAN.sub(" ", cut)))
    return {word for word in words if not any(word != one and word in one for one in words)}


def held(words: Iterable[str], text: str) -> set[str]:
    """Those of the words that stand in a text."""
    text = text.lower()
    return {word for word in words if word in text}
