"""How often is a real sentence marked as overstated that should, or should not, be?

    python benchmarks/overstatement.py [FILE] [--abstracts N]

Copied: every sentence of an abstract against its own abstract, where none may be marked. Effects:
every sentence that reports an association with more or less of something, rewritten as an effect
("was associated with lower mortality": "lowers mortality"). Not all of those are overstated: trials
and aims are among them. Without a file, the sample's. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from vademecum.assets import SAMPLE_PUBMED, fetch
from vademecum.corpora.document import Document
from vademecum.corpora.readers.pubmed import PubmedReader
from vademecum.rag.effects import effects
from vademecum.rag.overstatement import overstatement
from vademecum.rag.sentences import sentences_of

ASSOCIATED = re.compile(
    r"\b(?:is|are|was|were) (?:\w+ly )*associated with (?:an? )?(?:\w+ly )*"
    r"(?P<how>lower|reduced|decreased|higher|increased|greater|improved|worse|poorer)\b"
)
MADE_EFFECTS = {
    "lower": "lowers", "reduced": "reduces", "decreased": "decreases", "higher": "increases",
    "increased": "increases", "greater": "increases", "improved": "improves", "worse": "worsens",
    "poorer": "worsens",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--abstracts", type=int, help="no more than so many")
    options = parser.parse_args()
    path = options.file or fetch(SAMPLE_PUBMED)
    counts = {"abstracts": 0, "copied": 0, "claiming": 0, "effects": 0}
    marked = {"copied": 0, "effects": 0}
    for parts in islice(_abstracts(path), options.abstracts):
        counts["abstracts"] += 1
        counts["copied"] += len(parts)
        counts["claiming"] += sum(any(e.sure and not e.hedged for e in effects(p)) for p in parts)
        marked["copied"] += _marked(parts, parts)
        made = _as_effects(parts)
        counts["effects"] += len(made)
        marked["effects"] += _marked(made, parts)
    print(f"{counts['abstracts']:,} abstracts; {counts['claiming']:,} sentences claim an effect")
    print(f"{'':8} {'sentences':>10} {'overstated':>11}")
    for kind, count in marked.items():
        print(f"{kind:8} {counts[kind]:>10,} {count:>11,} {count / max(1, counts[kind]):>7.1%}")
    result = {"benchmark": "overstatement", "file": path.name, "sentences": counts}
    print(json.dumps(result | {"overstated": marked}))


def _abstracts(path: Path) -> Iterator[list[str]]:
    """The title and the sentences of each abstract."""
    for each in PubmedReader().read(path):
        if isinstance(each, Document) and each.kind == "abstract":
            spans = sentences_of(each.text)
            yield [each.title, *(each.text[start:end] for start, end in spans)]


def _marked(sentences: Sequence[str], parts: Sequence[str]) -> int:
    return sum(overstatement(sentence, parts) is not None for sentence in sentences)


def _as_effects(sentences: Sequence[str]) -> list[str]:
    return [
        ASSOCIATED.sub(lambda match: MADE_EFFECTS[match["how"]], sentence, count=1)
        for sentence in sentences
        if ASSOCIATED.search(sentence)
    ]


if __name__ == "__main__":
    main()
