"""Which questions to small libraries of practical documents are put to the model, and which not?

    python benchmarks/abstain_small.py [-v]

Asked are six libraries of our own (`small_libraries/`): guides, agreements, leaflets, tables,
statutes and rules, English and German together, each file read as a user's is. "seen" is what the
measure was mended by, "held out" was written with it, before, and nothing was chosen by it; "after"
was written when nothing was changed any more; "plain", before everyday words were looked for, asks
as people do at home; "tables", mostly rosters, price lists and logs, is what rows are read by, and
"tables_held_out" was written with it and only counted. "in": a text answers. "out": the same, that
text taken out. "near": no text answers, but one speaks of what is asked about. "elsewhere": what is
asked of the other libraries. `-v` prints what goes wrong. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterator
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
LIBRARIES = ("seen", "held_out", "after", "plain", "tables", "tables_held_out")


def main() -> None:
    embedder = Embedder.load()
    asked = {name: questions_in(FOLDER / f"{name}_questions.tsv") for name in LIBRARIES}
    passed: defaultdict[str, list[bool]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as where, Library.open(Path(where, "library")) as library:

        def ask(name: str, kind: str, question: str, gone: Collection[str] = ()) -> None:
            shelf: Any = Without(library, gone)
            found = search(shelf, embedder, name, question, CANDIDATES)
            _, withheld = abstain.choose(question, found, language_of(question), embedder)
            passes = withheld is None
            spoken = "German" if asked_in(question) == "ger" else "English"
            passed[f"{name}, {spoken}, {kind}"].append(passes)
            if "-v" in sys.argv and passes != (kind == "in"):
                print(f"{name:9}{kind:10}{question}")

        for name in LIBRARIES:
            files = dict(files_in(FOLDER / f"{name}_documents.txt", Path(where)))
            _fill(library, name, [one for rows in files.values() for one in rows], embedder)
            for question, file in asked[name]:
                ask(name, "in" if file else "near", question)
                if file:
                    ask(name, "out", question, {one.doc_id for one in files[file]})
            for other in LIBRARIES:
                for question, _ in asked[other] if other != name else ():
                    ask(name, "elsewhere", question)
    result = {name: [len(of), sum(of)] for name, of in passed.items()}
    for name, (count, through) in result.items():
        print(f"{name:30}{through:4} of {count:3}{100 * through / count:7.1f} %")
    print(json.dumps({"passed": result}))


def questions_in(path: Path) -> list[tuple[str, str]]:
    """The questions, each with the file that answers it, "" if none does."""
    lines = [line.partition("\t") for line in path.read_text().splitlines()]
    return [(question, file) for question, _, file in lines]


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
