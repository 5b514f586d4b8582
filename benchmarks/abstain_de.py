"""Which German questions are put to the model, and which are said not to be in the library?

    python benchmarks/abstain_de.py [FOLDER]

Asked of short German texts of our own (`german/texts.txt`): contracts, rules, guidelines. "in": the
text that answers is in the corpus; "out": it was taken out. "near": no text answers, but most speak
of what is asked about. The measure was chosen by the first half of `german/questions.tsv`, and
nothing by the second. "elsewhere": no text is about it. Texts and questions of another FOLDER
are asked the same way. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any

from abstain_zh import Without, _fill

from vademecum.corpora.document import Document
from vademecum.corpora.library import Library
from vademecum.model.embedder import Embedder
from vademecum.rag import abstain
from vademecum.rag.assistant import CANDIDATES
from vademecum.rag.retrieve import search
from vademecum.rag.words import language_of

GERMAN = Path(__file__).parent / "german"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else GERMAN
    texts = dict(texts_in(folder / "texts.txt"))
    parts = [part.splitlines() for part in (folder / "questions.tsv").read_text().split("\n\n")]
    embedder = Embedder.load()
    passed: defaultdict[str, list[bool]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as where, Library.open(Path(where)) as library:
        _fill(library, "german", texts.values(), embedder)

        def ask(name: str, question: str, gone: Collection[str] = ()) -> None:
            shelf: Any = Without(library, set(gone))
            found = search(shelf, embedder, "german", question, CANDIDATES)
            _, withheld = abstain.choose(question, found, language_of(question), embedder)
            passes = withheld is None
            passed[name].append(passes)
            if passes != name.endswith("in"):
                print(f"{name:15}{question}")

        for n, part in enumerate(parts, 1):
            for question, tab, name in (line.partition("\t") for line in part):
                if name:
                    ask(f"{n}, in", question)
                    ask(f"{n}, out", question, [texts[name].doc_id])
                else:
                    ask(f"{n}, near" if tab else "elsewhere", question)
    result = {name: [len(of), round(100 * sum(of) / len(of), 1)] for name, of in passed.items()}
    for name, (count, share) in sorted(result.items()):
        print(f"{name:15}{count:6}{share:7.1f} %")
    print(json.dumps({"least": abstain.RELEVANT_GERMAN, "passed": result}))


def texts_in(path: Path) -> list[tuple[str, Document]]:
    """The texts, by their titles."""
    parts = [part.removeprefix("# ").split("\n", 1) for part in path.read_text().split("\n\n")]
    return [
        (title, Document(f"file:{n}", title, text.strip(), "full_text", language="ger"))
        for n, (title, text) in enumerate(parts)
    ]


if __name__ == "__main__":
    main()
