"""The MD5 that NLM puts beside each of its files, as `NAME.md5`."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

# "MD5(pubmed26n1334.xml.gz)= 3cf5..." as NLM writes it, or "3cf5...  name" as md5sum does.
MD5 = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{32}(?![0-9a-fA-F])")


def md5_named(text: str) -> str:
    """The checksum that such a file names, "" if none."""
    found = MD5.search(text)
    return found[0].lower() if found else ""


def md5_of(path: Path) -> str:
    """Of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def beside(path: Path) -> Path:
    """Where the checksum of a file would lie."""
    return path.with_name(path.name + ".md5")


def md5_problem(path: Path) -> str:
    """Why a file is not what the `.md5` beside it names; "" if it is, or there is none.

    Raises OSError.
    """
    place = beside(path)
    if not place.is_file():
        return ""
    with place.open("rb") as file:
        wanted = md5_named(file.read(4096).decode("utf-8", "replace"))
    if not wanted:
        return f"{place.name} beside it names no MD5; download it again or remove it"
    found = md5_of(path)
    if found == wanted:
        return ""
    return (
        f"its MD5 is {found}, not {wanted} as {place.name} says: it is damaged or not complete; "
        "download it again"
    )
