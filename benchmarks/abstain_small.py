"""Which questions to small libraries of practical documents are put to the model, and which not?

    python benchmarks/abstain_small.py [-v]

Asked are two libraries of our own (`small_libraries/`): guides, agreements, leaflets, tables,
statutes and rules, English and German together, each file read as a user's is. "seen" is what the
measure was mended by, "held out" was written with it, before, and nothing was chosen by it. "in":
a text answers. "out": the same, that text taken out. "near": no text answers, but one speaks of
what is asked about. `-v` prints what goes wrong. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from abstain_zh import Without, _fill

from vademecum.corpora.document import Document
from vademecum.corpora.library import Library
from vademecum.corpora.readers.registry import reader_for
from vademecum.model.embedder import Embedder
from vademecum.rag import abstain
from vademecum.rag.assistant import CANDIDATES
from vademecum.rag.retrieve import search
from vademecum.rag.tongues import asked_in
from vademecum.rag.words import language_of

FOLDER = Path(__file__).parent / "small_libraries"


def main() -> None:
    embedder = Embedder.load()
    passed: defaultdict[str, list[bool]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as where, Library.open(Path(where, "library")) as library:
        for half in ("seen", "held_out"):
            files = dict(files_in(FOLDER / f"{half}_documents.txt", Path(where)))
            _fill(library, half, [one for rows in files.values() for one in rows], embedder)
            for line in (FOLDER / f"{half}_questions.tsv").read_text().splitlines():
                question, _, name = line.partition("\t")
                own = [one.doc_id for one in files[name]] if name else []
                kinds = {"in": set[str](), "out": set(own)} if name else {"near": set[str]()}
                for kind, gone in kinds.items():
                    shelf: Any = Without(library, gone)
                    found = search(shelf, embedder, half, question, CANDIDATES)
                    _, withheld = abstain.choose(question, found, language_of(question), embedder)
                    passes = withheld is None
                    spoken = "German" if asked_in(question) == "ger" else "English"
                    passed[f"{half}, {spoken}, {kind}"].append(passes)
                    if "-v" in sys.argv and passes != (kind == "in"):
                        best = max(abstain.relevance(one, language_of(question)) for one in found)
                        print(f"{half:9}{kind:5}{best:5.2f}  {question}")
    result = {name: [len(of), sum(of)] for name, of in passed.items()}
    for name, (count, through) in result.items():
        print(f"{name:25}{through:4} of {count:3}{100 * through / count:7.1f} %")
    print(json.dumps({"passed": result}))


def files_in(path: Path, folder: Path) -> Iterator[tuple[str, list[Document]]]:
    """The documents that are read from each file of a library, by its name."""
    for part in path.read_text().split("=== ")[1:]:
        name, text = part.split("\n", 1)
        (folder / name).write_text(text)
        if name.endswith(".toml"):  # tells the columns of the table that comes next
            continue
        read = reader_for(folder / name).read(folder / name)
        yield name, [one for one in read if isinstance(one, Document)]


if __name__ == "__main__":
    main()
