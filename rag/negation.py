"""Whether a text says no: "did not", "lacks", "should be avoided", "argue against", "kein", "禁用".

What refuses denies no verb, and says no all the same; what denies a refusal says yes ("is not
contraindicated"). Cue words, in English, German and Chinese.
"""

from __future__ import annotations

import re

NEGATION = re.compile(
    r"\b(?:no|not|non|never|nothing|nobody|without(?= \w)|neither|nor|none|cannot"
    r"|lack(?:s|ed|ing)?|absen(?:t|ce)|fail(?:s|ed|ure to)?|unable|insignificant|hardly|scarcely"
    r"|\w+n't"
    r"|(?:little|scant) (?:evidence|support|benefit|effect|reason|need)"
    r"|nicht|nichts|niemand(?:e[mns])?|nirgend\w*|kein(?:e[mnrs]?|es(?:wegs|falls))?|kaum"
    r"|ohne(?= \w)|weder|nie(?:mals)?|fehl(?:t|te|en|ten)"
    r"|mangel(?:t|te|s)?)\b|不|没有?|未|无|非|缺乏",
    re.IGNORECASE,
)
# "May not be kept without consent": with it it may.
NOT_WITHOUT = re.compile(
    r"\b(?:may|must|shall|should|can) ?not\b[^.;,]{0,60}?\bwithout(?= \w)"
    r"|\b(?:darf|dürfen|kann|können|soll\w*)\b[^.;,]{0,60}?\bnicht ohne(?= \w)",
    re.IGNORECASE,
)
# "not only", "no less than", "no doubt", "whether or not", "with or without" deny nothing.
NO_DENIAL = re.compile(
    rf"{NOT_WITHOUT.pattern}|"
    r"\b(?:not only|no less|no (?:more|fewer|later) than|no doubt|whether or not|with or without"
    r"|than without|not least|not (?:more|less|fewer|later|earlier|older|younger|longer) than"
    r"(?= (?:\d|an?\b|one\b|two\b|three\b|four\b|five\b|six\b))"
    r"|nicht nur|nicht zuletzt|nicht (?:mehr|weniger|später) als"
    r"|mit oder ohne|als ohne|ob oder ob nicht)\b"
    r"|不仅|不但|不断|不同|不良|不全|不适|(?<!证据)不足|无论|非常|未来",
    re.IGNORECASE,
)
# "Avoid" is a refusal of what is advised; what a treatment avoids it prevents.
REFUSAL = re.compile(
    r"\b(?:contra-?indicated|contra-?indications? (?:to|for)[^.;]{0,60}? (?:include[sd]?|are|is)"
    r"|is an? (?:\w+ )?contra-?indication"
    r"|discourag(?:ed?|es)|prohibit\w*|forbidden|withh[eo]ld\w*|inadvisable"
    r"|inappropriate|unnecessary|unsuitable|unjustified|unwarranted|unsupported|unproven|disproved"
    r"|(?:refrain|abstain)(?:s|ed|ing)? from"
    r"|(?:should|must|to) (?:\w+ )?be (?:\w+ly )?avoided|(?:should|must) avoid|(?:is|are) (?:best "
    r"|to be )?avoided|(?<![\w,] )avoid"
    r"|(?:recommend|advis|argu|speak|spoke|warn|caution|decid|suggest)\w* (?:\w+ )?against"
    r"|evidence against|(?:insufficient|inadequate)(?: \w+)? (?:evidence|data|proof|support)"
    r"|(?:evidence|data)(?: \w+){0,8} (?:is|are|was|were) (?:\w+ )?(?:insufficient|inadequate)"
    r"|(?<!\bwas )(?<!\bwere )(?<!\bbeen )(?<!\bbe )(?<!\bis )den(?:y|ies|ied|ying)"
    r"(?= (?!(?:the|an?|his|her|its|their|all|access|entry|leave)\b)\w)"
    r"|kontraindizier\w+|verboten|untersagt|(?:zu )?vermeiden|vermieden|ab(?:ge|zu)raten"
    r"|verzichte\w*|unterbleiben|unzureichend\w*|unzulässig\w*|unnötig\w*|ungeeignet\w*"
    r"|unwirksam\w*)\b|禁用|禁忌|禁止|忌用|避免|不足",
    re.IGNORECASE,
)
REFUSAL_DENIED = re.compile(
    rf"\b(?:not|never|no longer|no|nicht|kein(?:e[mnrs]?)?)\s+(?:[\w-]+\s+){{0,2}}?"
    rf"(?:{REFUSAL.pattern})|(?:不[必用需应]?|非)(?:禁用|禁忌|禁止|避免)",
    re.IGNORECASE,
)

# They say of whom: "without diabetes", "never smokers", "among those receiving no oxygen".
OF_WHOM = re.compile(
    r"\b(?:without|with no|ohne) (?!(?:\w+ )?(?:effects?|benefits?|change|difference|wirkung|nutzen"
    r"|einfluss|unterschied)\b)[\w-]+|\bnever[- ]smok\w+|\bnon-\w+"
    r"|\b(?:receiving|taking|given|having|using) no [\w-]+"
    r"|\b(?:among|in|for) (?:\w+ ){1,2}(?:not (?:receiving|taking|given|having|using|on)"
    r"|who (?:\w+ )?(?:not?|never))\b",
    re.IGNORECASE,
)


def negated(text: str) -> bool:
    """Whether the text denies or refuses something."""
    text = REFUSAL_DENIED.sub(" ", NO_DENIAL.sub(" ", text))
    return NEGATION.search(text) is not None or REFUSAL.search(text) is not None


def with_for_not_without(text: str) -> str:
    """A text with "only with" for "not without"."""
    return NOT_WITHOUT.sub(lambda match: _only_with(match.group()), text)


def _only_with(denied: str) -> str:
    said = NEGATION.sub(" ", denied.rpartition(" ")[0])
    return f"{' '.join(said.split())} only with"


def denials(text: str) -> int:
    """How often the text denies or refuses, a denied refusal counting twice."""
    text = NO_DENIAL.sub(" ", text)
    return len(NEGATION.findall(text)) + len(REFUSAL.findall(text))
