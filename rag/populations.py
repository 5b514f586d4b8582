"""Of whom a sentence speaks: sex, age, species, from closed sets of words.

"Patients" are anybody, but no animals. A sentence on women, against a source that speaks of men
alone, has left the source; against a source that says nothing of sex, it goes beyond it.
"""

from __future__ import annotations

import re
from typing import Literal

Stance = Literal["held", "missing", "opposed"]

# What a sentence must say to speak of a population, and what else lets a source stand for it.
NAMED = {
    "female": r"\b(?:wom[ae]n|females?|girls?)\b|女性|女童|女孩|妇女|女患",
    "male": r"\b(?:men|males?|boys?)\b|男性|男童|男孩|男患",
    "pregnant": r"\b(?:pregnan\w+|gravid\w*)\b|妊娠|怀孕|孕妇|孕期",
    "infant": r"\b(?:infants?|neonat\w+|newborns?|bab(?:y|ies))\b|婴儿|新生儿|婴幼儿",
    "child": r"\b(?:child(?:ren)?|boys?|girls?|toddlers?)\b|儿童|患儿|小儿|男童|女童|男孩|女孩",
    "adolescent": r"\b(?:adolescents?|teenagers?)\b|青少年",
    "adult": r"\badults?\b|成人|成年(?!前)",
    "old": r"\b(?:elderly|older (?:adults|people|persons|patients|women|men)|geriatric)\b"
    r"|老年|老人",
    "mouse": r"\b(?:mouse|mice)\b|小鼠",
    "rat": r"\brats?\b|大鼠",
    "rabbit": r"\brabbits?\b|家?兔",
    "dog": r"\b(?:dogs?|canines?)\b|犬",
    "pig": r"\b(?:pigs?|porcine|swine)\b|猪",
    "animal": r"\banimals?\b|动物",
    "human": r"\bhumans?\b|人类|人体",
    "patient": r"\b(?:patients?|people|persons)\b|患者|病人",
    "in vitro": r"\bin[ -]vitro\b|体外",
}
ALSO = {
    "female": r"\b(?:mothers?|pregnan\w+|postmenopaus\w+|ladies)\b|孕|产妇|绝经",
    "male": r"\b(?:man|fathers?|paternal|gentlemen)\b|男",
    "pregnant": r"\b(?:gestation\w*|antenatal|prenatal|trimester)\b|产前|孕",
    "infant": r"\b(?:preterm|bab\w+|perinatal|birth)\b|早产",
    "child": r"\b(?:p(?:a?e)diatric\w*|childhood|infants?|adolescents?|school\w*)\b|儿|青少年",
    "adolescent": r"\b(?:adolescen\w+|teen\w*|youths?|young|students?)\b|青年",
    "adult": r"\b(?:adulthood|men|women|elderly|aged|older)\b|老年|老人|岁以上",
    "old": r"\b(?:old(?:er|est)?|aged|ageing|aging|seniors?|years)\b|岁",
    "mouse": r"\bmurine\b|鼠",
    "rat": r"\bmurine\b|鼠",
    "dog": r"\bcanine\b",
    "patient": r"\b(?:adults?|adulthood|(?:wo)?m[ae]n|children|infants|subjects?|individuals"
    r"|volunteers|participants|humans?|cases?|clinical\w*|hospital\w*|residents|surviv\w+|aged|smokers|users"
    r"|mothers|students|workers|nurses|donors|population|cohort|who)\b|人|成人|儿童|女性|男性",
    "animal": r"\b(?:rats?|mouse|mice|murine|rabbits?|dogs?|pigs?|sheep|monkeys?)\b|鼠|兔|犬|猴|猪",
    "human": r"\b(?:patients?|participants?|volunteers?|subjects|m[ae]n|women|people|persons?"
    r"|children|adults?|infants?)\b|患者|病人|人群|志愿者|受试者",
    "in vitro": r"\b(?:cells?|cultur\w+)\b|细胞|培养",
}
_ANIMALS = {"mouse", "rat", "rabbit", "dog", "pig", "animal"}
OPPOSITES: dict[str, set[str]] = {
    "female": {"male"},
    "male": {"female", "pregnant"},
    "pregnant": {"male"},
    "infant": {"adult", "old", "adolescent"},
    "child": {"adult", "old"},
    "adolescent": {"infant", "old"},
    "adult": {"child", "infant", "adolescent"},
    "old": {"child", "infant", "adolescent"},
    "human": _ANIMALS | {"in vitro"},
    "patient": _ANIMALS | {"in vitro"},
    **{animal: {"human"} | _ANIMALS - {"animal", animal} for animal in _ANIMALS - {"animal"}},
    "animal": {"human"},
    "in vitro": set(),
}
NAMED_IN = {who: re.compile(pattern, re.I) for who, pattern in NAMED.items()}
HELD_BY = {who: re.compile(f"{p}|{ALSO.get(who, p)}", re.I) for who, p in NAMED.items()}


def populations(sentence: str) -> set[str]:
    """Those of whom a sentence speaks by name."""
    return {who for who, pattern in NAMED_IN.items() if pattern.search(sentence)}


def stance(sentence: str, source: str) -> Stance:
    """How a source stands to the populations of a sentence: it speaks of each ("held"), or does not
    speak of one ("missing"), or speaks of the opposite one instead ("opposed")."""
    missing = {who for who in populations(sentence) if not HELD_BY[who].search(source)}
    if not missing:
        return "held"
    opposed = any(
        (NAMED_IN[other].search(source) or (other == "human" and HELD_BY[other].search(source)))
        for who in missing
        for other in OPPOSITES[who]
    )
    if opposed:
        return "opposed"
    return "missing" if missing - {"patient"} else "held"
