"""Are sentences cut where they end? Made-up texts, and how often files are cut otherwise.

    python benchmarks/cuts.py [--show] [FILE ...]

`cuts/seen.txt` and `cuts/held_out.txt` have 64 texts each, English, German and Chinese: dates,
ordinals, abbreviations, initials, items, statutes; `|` stands where a sentence ends, `\\n` for the
end of a line. Both were written at once, before the rules of `rag/sentences.py`; these were made
with a look at the first. A text counts if all its sentences end where they should and nowhere else,
as the library cuts them and as answers do. Of the files: at how many of the library's cuts a
sentence goes on in answers; with `--show` a sample of them. Prints tables, then a line of JSON.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from vademecum.corpora.document import Document
from vademecum.corpora.readers import reader_for
from vademecum.corpora.sentences import split_sentences
from vademecum.rag.sentences import sentences_of

FOLDER = Path(__file__).parent / "cuts"
SETS = ("seen", "held_out")
SHOWN = 40
Cutter = Callable[[str], list[tuple[int, int]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--show", action="store_true", help="print some of what is joined")
    given = parser.parse_args()
    results = {}
    print(f"{'right':22}{'library':>10}{'answers':>10}{'of':>6}")
    for name in SETS:
        for language, cases in sorted(read(FOLDER / f"{name}.txt").items()):
            right = [sum(_right(cut, case) for case in cases) for cut in CUTTERS]
            print(f"{name + ', ' + language:22}{right[0]:10}{right[1]:10}{len(cases):6}")
            results[f"{name} {language}"] = [*right, len(cases)]
    joined: list[str] = []
    cuts = 0
    for text in _texts(given.files):
        cuts += len(split_sentences(text))
        joined += _joined(text)
    if given.files:
        print(f"{len(joined)} of {cuts} sentences of the files go on in the next")
    for one in random.Random(0).sample(joined, min(SHOWN, len(joined))) if given.show else ():
        print("   ", one)
    print(json.dumps({"right": results, "joined": len(joined), "cuts": cuts}))


CUTTERS: tuple[Cutter, Cutter] = (split_sentences, sentences_of)


def read(path: Path) -> dict[str, list[list[str]]]:
    """The texts of a file by language, each as its sentences with what stands between them."""
    found: dict[str, list[list[str]]] = {}
    language = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            language = line.removeprefix("## ")
        else:
            found.setdefault(language, []).append(line.replace(r"\n", "\n").split("|"))
    return found


def _right(cut: Cutter, parts: list[str]) -> bool:
    text = "".join(parts)
    return [text[start:end] for start, end in cut(text)] == [part.strip() for part in parts]


def _texts(files: list[Path]) -> Iterator[str]:
    for file in files:
        for record in reader_for(file).read(file):
            if isinstance(record, Document):
                yield record.text


def _joined(text: str) -> list[str]:
    begins = Counter(start for start, _ in sentences_of(text))
    return [
        f"{text[max(start, end - 60) : end]!r} | {text[following : following + 50]!r}"
        for (start, end), (following, _) in pairwise(split_sentences(text))
        if following not in begins
    ]


if __name__ == "__main__":
    main()
