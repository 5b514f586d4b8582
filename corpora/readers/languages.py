"""Languages as PubMed writes them: ISO 639-2, the bibliographic code where there are two."""

from __future__ import annotations

CODES = {
    "ar": "ara",
    "bg": "bul",
    "cs": "cze",
    "da": "dan",
    "de": "ger",
    "el": "gre",
    "en": "eng",
    "es": "spa",
    "et": "est",
    "fa": "per",
    "fi": "fin",
    "fr": "fre",
    "he": "heb",
    "hr": "hrv",
    "hu": "hun",
    "id": "ind",
    "it": "ita",
    "ja": "jpn",
    "ko": "kor",
    "lt": "lit",
    "lv": "lav",
    "nl": "dut",
    "no": "nor",
    "pl": "pol",
    "pt": "por",
    "ro": "rum",
    "ru": "rus",
    "sk": "slo",
    "sl": "slv",
    "sr": "srp",
    "sv": "swe",
    "th": "tha",
    "tr": "tur",
    "uk": "ukr",
    "vi": "vie",
    "zh": "chi",
}
SAME = {"deu": "ger", "fra": "fre", "zho": "chi", "nld": "dut", "ces": "cze", "nob": "nor"}


def language_code(tag: str) -> str:
    """The code of a language tag ("en", "EN-us", "zho"); "" for one not known here."""
    code = tag.strip().lower().replace("_", "-").partition("-")[0]
    if code in CODES:
        return CODES[code]
    code = SAME.get(code, code)
    return code if code in CODES.values() else ""
