"""What the benchmarks share: the text they read, and what tells where they ran."""

from __future__ import annotations

import gzip
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vademecum import __version__
from vademecum.app.bench import prose
from vademecum.model import hardware, layout, weights
from vademecum.model.chat import Chat
from vademecum.model.presets import preset

BLANKS = re.compile(r"\s+")


def text_of(file: Path | None, words: int = 60_000) -> str:
    """A file's text (`.gz` too), its white space as single blanks; without a file, prose of words
    that stand in no order. Real text is fairer: engines that guess or skip live by its order."""
    if file is None:
        return prose(words, seed=1)
    raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return BLANKS.sub(" ", raw.decode("utf-8")).strip()


def chat_of(name: str) -> Chat:
    """The tokenizer and template of a preset, without its weights."""
    chosen = preset(name)
    folder = weights.prepare(chosen)
    ends, begin = layout.special_ids(folder)
    return Chat.load(
        folder / "tokenizer.json",
        layout.read_chat_template(folder),
        bos_id=begin,
        eos_ids=ends,
        reasons=chosen.reasons,
    )


def tokens_of(chat: Chat, text: str, count: int) -> list[int]:
    """The first `count` tokens of a text; ends the program if it has fewer."""
    # No tokenizer makes tokens of more than 8 characters on average; cut, it is done sooner.
    ids: list[int] = chat.tokenizer.encode(text[: 8 * count], add_special_tokens=False).ids
    if len(ids) < count:
        raise SystemExit(f"error: the text has {len(ids):,} tokens, {count:,} are needed")
    return ids[:count]


def surroundings(*packages: str) -> dict[str, Any]:
    """Versions and machine, as every benchmark tells them."""
    return {
        "versions": {"vademecum": __version__} | {name: version(name) for name in packages},
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": hardware.cores(),
        "memory_available": hardware.memory_available(),
    }


def whole_numbers(text: str) -> list[int]:
    """`256,2048` -> [256, 2048], ascending."""
    return sorted(int(part) for part in text.split(","))


def _processor() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
