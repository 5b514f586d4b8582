"""What `rag` itself says to a person, in the languages that it speaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from vademecum.rag.answer import CorpusRef, Status
from vademecum.rag.spoken import Spoken
from vademecum.rag.tongues import Apart

Reason = Literal[
    "empty",
    "irrelevant",
    "unnamed",
    "apart",
    "declined",
    "silent",
    "echoed",
    "unsupported",
    "borrowed",
    "unquoted",
    "unchecked",
    "cancelled",
]
Ending = Literal["length", "timeout", "cancelled", "loop", "copying"]

STATUS: dict[Reason, Status] = {
    "empty": "not_in_library",
    "irrelevant": "not_in_library",
    "unnamed": "not_in_library",
    "apart": "other_language",
    "declined": "not_written",
    "silent": "not_written",
    "echoed": "not_written",
    "unsupported": "not_written",
    "borrowed": "not_written",
    "unquoted": "not_written",
    "unchecked": "other_language",
    "cancelled": "stopped",
}
REASONS: dict[Reason, dict[Spoken, str]] = {
    "empty": {
        "en": "the search found nothing",
        "zh": "没有检索到任何内容",
        "de": "die Suche hat nichts gefunden",
    },
    "irrelevant": {
        "en": "nothing close enough to the question was found",
        "zh": "没有找到与问题足够相关的内容",
        "de": "es wurde nichts gefunden, das der Frage nahe genug ist",
    },
    "unnamed": {
        "en": "nothing by the name in the question was found (it may have another one)",
        "zh": "没有找到问题中的名称（可能另有名称）",
        "de": "nichts wurde gefunden, das so heißt wie in der Frage (es kann anders heißen)",
    },
    "apart": {
        "en": "the search does not reach from one language to another",
        "zh": "检索不能跨语言进行",
        "de": "die Suche reicht nicht von einer Sprache in die andere",
    },
    "declined": {
        "en": "the model said that it found no answer in them",
        "zh": "模型称在其中没有找到答案",
        "de": "das Modell hat nach eigener Angabe darin keine Antwort gefunden",
    },
    "silent": {
        "en": "the model wrote nothing",
        "zh": "模型没有写出任何内容",
        "de": "das Modell hat nichts geschrieben",
    },
    "echoed": {
        "en": "the model only repeated its instructions and the labels of the passages",
        "zh": "模型只重复了提示语和段落的标签",
        "de": "das Modell hat nur seine Anweisungen und die Überschriften der Stellen wiederholt",
    },
    "unsupported": {
        "en": "what the model wrote goes beyond them, and is not shown",
        "zh": "模型所写的内容没有得到段落支持，故不显示",
        "de": "was das Modell geschrieben hat, geht über sie hinaus und wird nicht gezeigt",
    },
    "borrowed": {
        "en": "the model stated what the question asks as if it were known, but no passage has"
        " it in these words; that is not shown",
        "zh": "模型把问题中的说法当作事实写了出来，而没有段落用这些词这样说，故不显示",
        "de": "das Modell hat als Tatsache hingestellt, wonach gefragt ist, doch keine Stelle sagt"
        " es mit diesen Worten; das wird nicht gezeigt",
    },
    "unquoted": {
        "en": "no sentence of them is close enough to the question to be quoted",
        "zh": "其中没有与问题足够相近、可以引用的句子",
        "de": "kein Satz von ihnen ist der Frage nahe genug, um angeführt zu werden",
    },
    "unchecked": {
        "en": "an answer in one language cannot be checked against passages in another",
        "zh": "回答与段落语言不同，无法核对",
        "de": "eine Antwort in der einen Sprache lässt sich nicht mit Stellen in der anderen"
        " vergleichen",
    },
    "cancelled": {
        "en": "stopped before an answer was written",
        "zh": "在写出答案之前已停止",
        "de": "abgebrochen, bevor eine Antwort geschrieben war",
    },
}

# Why an answer that is shown ends where it does.
ENDINGS: dict[Ending, dict[Spoken, str]] = {
    "length": {
        "en": "cut at the token limit",
        "zh": "已达到长度上限",
        "de": "an der Längengrenze abgeschnitten",
    },
    "timeout": {
        "en": "cut at the time limit",
        "zh": "已达到时间上限",
        "de": "an der Zeitgrenze abgeschnitten",
    },
    "cancelled": {
        "en": "stopped before it was complete",
        "zh": "在完成之前已停止",
        "de": "abgebrochen, bevor sie vollständig war",
    },
    "copying": {
        "en": "stopped while it copied a passage, before the sentence nearest to the question",
        "zh": "模型抄录段落，在写到与问题最相近的句子之前已停止",
        "de": "abgebrochen beim Abschreiben einer Stelle, vor dem der Frage ähnlichsten Satz",
    },
    "loop": {
        "en": "stopped where the model began to repeat itself",
        "zh": "模型开始重复，已停止",
        "de": "abgebrochen, wo das Modell begann, sich zu wiederholen",
    },
}


# As they stand behind "is in", "是" and "ist".
LANGUAGES: dict[str, dict[Spoken, str]] = {
    "eng": {"en": "English", "zh": "英文", "de": "auf Englisch"},
    "ger": {"en": "German", "zh": "德文", "de": "auf Deutsch"},
    "chi": {"en": "Chinese", "zh": "中文", "de": "auf Chinesisch"},
    "fre": {"en": "French", "zh": "法文", "de": "auf Französisch"},
    "spa": {"en": "Spanish", "zh": "西班牙文", "de": "auf Spanisch"},
    "ita": {"en": "Italian", "zh": "意大利文", "de": "auf Italienisch"},
    "por": {"en": "Portuguese", "zh": "葡萄牙文", "de": "auf Portugiesisch"},
    "dut": {"en": "Dutch", "zh": "荷兰文", "de": "auf Niederländisch"},
    "jpn": {"en": "Japanese", "zh": "日文", "de": "auf Japanisch"},
    "kor": {"en": "Korean", "zh": "韩文", "de": "auf Koreanisch"},
}
ANOTHER: dict[Spoken, str] = {
    "en": "another language",
    "zh": "另一种语言",
    "de": "in einer anderen Sprache",
}
THEIRS: dict[Spoken, str] = {"en": "their language", "zh": "资料的语言", "de": "in ihrer Sprache"}


def in_languages(apart: Apart, words: str, language: Spoken) -> str:
    """`words` with the languages of a question and of the texts found filled in: `asked`, `held`,
    and `ask` for the one to ask in."""
    asked, held = (LANGUAGES.get(code, ANOTHER)[language] for code in (apart.asked, apart.held))
    ask = LANGUAGES.get(apart.held, THEIRS)[language]
    return words.format(asked=asked, held=held, ask=ask)


def notice(
    corpus: CorpusRef,
    reason: Reason,
    language: Spoken,
    *,
    filtered: bool = False,
    apart: Apart | None = None,
    others: Sequence[str] = (),
) -> str:
    """What a person reads instead of an answer; `filtered` if not all of the corpus was searched,
    `apart` where question and texts, or some of them, are in two languages, `others` the corpora
    beside it.

    Only where the search found nothing that bears on the question is it said of the library.
    """
    why = REASONS[reason][language]
    if apart and STATUS[reason] == "other_language":
        said = in_languages(apart, OTHER_LANGUAGE[language], language)
        return said.format(why=why, name=corpus.name) + _not_searched(others, language)
    if STATUS[reason] == "not_written":
        return UNWRITTEN["quoting" if reason == "unquoted" else "writing"][language].format(why)
    if STATUS[reason] == "stopped":
        return f"{why}。" if language == "zh" else f"{why[0].upper()}{why[1:]}."
    some = in_languages(apart, SOME_APART[language], language) if apart else ""
    return _not_found(corpus, why, language, filtered=filtered) + some


def _not_found(corpus: CorpusRef, why: str, language: Spoken, *, filtered: bool) -> str:
    """That the library does not hold it, with what was searched."""
    if language == "zh":
        newest = f"，最新 {corpus.newest}" if corpus.newest else ""
        within = "按所设的筛选条件，" if filtered else ""
        return f"不在库中：{within}在“{corpus.name}”库（{corpus.documents} 篇{newest}）中{why}。"
    if language == "de":
        newest = f", neuestes {corpus.newest}" if corpus.newest else ""
        within = ", innerhalb der Filter" if filtered else ""
        count = f"{corpus.documents:,} Dokument".replace(",", ".")
        count += "" if corpus.documents == 1 else "e"
        return f"Nicht in dieser Bibliothek: {why}, in „{corpus.name}“ ({count}{newest}){within}."
    newest = f", newest {corpus.newest}" if corpus.newest else ""
    within = ", within the filters" if filtered else ""
    count = f"{corpus.documents:,} document" + ("" if corpus.documents == 1 else "s")
    return f'Not in this library: {why} in "{corpus.name}" ({count}{newest}){within}.'


def _not_searched(others: Sequence[str], language: Spoken) -> str:
    """That corpora beside the one that was asked may hold texts in the language of the question."""
    if not others:
        return ""
    quote = "„{}“" if language == "de" else "“{}”"
    between = "、" if language == "zh" else ", "
    named = between.join(quote.format(name) for name in others[:MOST_NAMED])
    more = f"{between}…" if len(others) > MOST_NAMED else ""
    return NOT_SEARCHED[language].format(named + more)


# What is said where question and texts are in two languages: nothing of what the library holds.
OTHER_LANGUAGE: dict[Spoken, str] = {
    "en": "The question is in {asked}, most texts found in “{{name}}” are in {held}: {{why}}."
    " They may have the answer all the same; to have it from them, ask in {ask}.",
    "zh": "问题是{asked}，而在“{{name}}”库中找到的资料多为{held}：{{why}}。其中仍可能有答案；"
    "要从中得到回答，请用{ask}提问。",
    "de": "Die Frage ist {asked}, die meisten in „{{name}}“ gefundenen Texte sind {held}: {{why}}."
    " Die Antwort kann trotzdem darin sein; um sie daraus zu bekommen, bitte {ask} fragen.",
}
# And where only some of the texts are in another language, behind what is said of the library.
SOME_APART: dict[Spoken, str] = {
    "en": " Some texts found are in {held}, and the search does not reach from one language to"
    " another: to have an answer from them, ask in {ask}.",
    "zh": "找到的资料中有些是{held}，而检索不能跨语言进行；要从中得到回答，请用{ask}提问。",
    "de": " Einige gefundene Texte sind {held}, und die Suche reicht nicht von einer Sprache in die"
    " andere: um sie zu befragen, bitte {ask} fragen.",
}
NOT_SEARCHED: dict[Spoken, str] = {
    "en": " Other corpora ({}) were not searched: there may be texts in the language of the"
    " question.",
    "zh": "其他库（{}）未被检索，其中可能有与问题语言相同的资料。",
    "de": " Andere Korpora ({}) wurden nicht durchsucht: dort kann es Texte in der Sprache der"
    " Frage geben.",
}
MOST_NAMED = 5
# What is said where passages were found and no sentence that holds came of them.
UNWRITTEN: dict[Literal["writing", "quoting"], dict[Spoken, str]] = {
    "writing": {
        "en": "The model wrote no sentence that the passages support: {}. The nearest passages are"
        " below, and may answer the question all the same.",
        "zh": "模型没有写出得到段落支持的句子：{}。最相近的段落列在下面，其中仍可能有答案。",
        "de": "Das Modell hat keinen Satz geschrieben, den die Stellen belegen: {}. Die ähnlichsten"
        " Stellen stehen darunter; die Antwort kann trotzdem darin sein.",
    },
    "quoting": {
        "en": "Nothing is quoted: {}. The nearest passages are below, and may answer the question"
        " all the same.",
        "zh": "没有引用任何句子：{}。最相近的段落列在下面，其中仍可能有答案。",
        "de": "Nichts wird angeführt: {}. Die ähnlichsten Stellen stehen darunter; die Antwort kann"
        " trotzdem darin sein.",
    },
}


def overstated(claimed: str, reported: str, language: Spoken) -> str:
    """Why a sentence says more than its source."""
    return OVERSTATED[language].format(claimed, reported)


def stronger(word: str, language: Spoken) -> str:
    """Why a sentence says more than its source, where a word of it is too strong."""
    return STRONGER[language].format(word)


def restricted(case: str, language: Spoken) -> str:
    """Why a sentence says more than its source, which says so of one case only."""
    return RESTRICTED[language].format(case)


OVERSTATED: dict[Spoken, str] = {
    "en": "it claims an effect (“{}”), where the passage reports a connection only (“{}”)",
    "zh": "它断言有效果（“{}”），而段落只报告了关联（“{}”）",
    "de": "er behauptet eine Wirkung („{}“), wo die Stelle nur einen Zusammenhang berichtet („{}“)",
}
STRONGER: dict[Spoken, str] = {
    "en": "“{}” says more than the passage says of this",
    "zh": "“{}”比段落对此的说法更强",
    "de": "„{}“ sagt mehr, als die Stelle davon sagt",
}
RESTRICTED: dict[Spoken, str] = {
    "en": "the passage says so “{}”",
    "zh": "段落只说“{}”",
    "de": "die Stelle sagt es „{}“",
}
