"""How often is the opposite of what a passage says taken for supported, and how often the same?

    python benchmarks/opposites.py [--set SET] [--show]

Each case of `opposites/SET.txt` is a passage in the voice of an abstract or a guideline, a right
claim in other words ("+") and one that says the opposite in nearly the same words ("-"): what is
not shown, not supported, advised against, excepted, true at another time, of other people, by
another route, or of the other arm; in English, German and Chinese. Both sets were written at once,
before the rules for them and by the hand that wrote these. The rules were made with a look at
`seen`; of `held_out` only the counts were looked at. `values_seen` and `values_held_out` came later
and likewise: dose, time and figure of another thing in the same passage, and may for must; also
over statutes, contracts and finance. `values_after` was written after the rules, and read once
before any of it was mended. `documents` is whole short ones, where what is wrong of one thing is
right of another: made of what somebody found who tried the product, and looked at since.
`order_seen` and `order_held_out` are of events in another order and of places in a row, written as
the first two were. So are `asserted_seen` and `asserted_held_out`: of what is denied of one outcome
or not known at all, of another party, counterpart verbs, effects that are none, a first word that
answers wrongly ("?" before the question), people left out, and days of the week. In `subjects_seen`
and `subjects_held_out`, written likewise, what is said of one thing is said of another that the
passage names; the two claims may have a question each. `doers_seen` and `doers_held_out` add what
is done by another in a passive, parties with general names, and evidence that there is none.
`joined_seen` and `joined_held_out` are of two sentences run together, of what is only supposed, and
of what is called false; `joined_after` was written after their rules, and read once, as was
`cases_after`, of what holds in one case only and of how many of a thing there are. `kinds_seen` and
`kinds_held_out` are of house rules, rosters, contracts and wards: what "only" limits, conditions,
bounds, comparatives, all but some, who does it to whom, of what a percentage is; written before
their rules; `kinds_after` after the most of them, in two parts, each read once before any was
mended; `minutes_after`, of who did what, what is only wanted, and which figure is whose, likewise.
Copied are the sentences of the passages, each against its own. Prints a table, then one
line of JSON; with `--show` the claims told wrongly.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vademecum.model.embedder import Embedder
from vademecum.rag.answer import Source
from vademecum.rag.check import check
from vademecum.rag.sentences import sentences_of

FOLDER = Path(__file__).parent / "opposites"
SETS = (
    "seen",
    "held_out",
    "values_seen",
    "values_held_out",
    "values_after",
    "documents",
    "order_seen",
    "order_held_out",
    "asserted_seen",
    "asserted_held_out",
    "subjects_seen",
    "subjects_held_out",
    "doers_seen",
    "doers_held_out",
    "joined_seen",
    "joined_held_out",
    "joined_after",
    "cases_after",
    "kinds_seen",
    "kinds_held_out",
    "kinds_after",
    "minutes_after",
)
KINDS = ("wrong", "right", "copied")


@dataclass(frozen=True, slots=True)
class Case:
    """A passage, a claim that it bears out, and one that says the opposite, each with what was
    asked, if anything."""

    family: str
    passage: str
    right: str
    wrong: str
    asked_right: str
    asked_wrong: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=SETS, default="held_out")
    parser.add_argument("--show", action="store_true", help="print the claims told wrongly")
    given = parser.parse_args()
    embedder = Embedder.load()
    tally: dict[str, Counter[str]] = {}
    for case in read(FOLDER / f"{given.set}.txt"):
        counts = tally.setdefault(case.family, Counter())
        source = _source(case.passage)
        claims = [("wrong", case.wrong, case.asked_wrong), ("right", case.right, case.asked_right)]
        for start, end in sentences_of(case.passage):
            claims.append(("copied", case.passage[start:end], case.asked_right))
        for kind, claim, question in claims:
            (sentence,) = check(claim, [source], embedder, question=question).sentences
            supported = sentence.support == "supported"
            counts[kind] += 1
            counts[f"{kind} supported"] += supported
            if given.show and supported == (kind == "wrong"):
                print(f"{kind}, {sentence.support}: {claim}\n    {case.passage}")
    print(f"{'supported':34}{'wrong':>10}{'right':>10}{'copied':>10}")
    whole = sum(tally.values(), Counter[str]())
    for family, counts in (*tally.items(), ("all", whole)):
        shares = "".join(f"{counts[f'{k} supported']:4} of {counts[k]:2}" for k in KINDS)
        print(f"{family:34}{shares}")
    print(json.dumps({"set": given.set, "embedder": embedder.name, "all": whole}))


def read(path: Path) -> Iterator[Case]:
    """The cases of a file, in order."""
    family = ""
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        lines = block.strip().splitlines()
        if lines[0].startswith("## "):
            family = lines[0].removeprefix("## ")
        else:
            passage, *claims = lines
            question, told = "", {}
            for line in claims:
                if line.startswith("? "):
                    question = line.removeprefix("? ")
                else:
                    told[line[0]] = line[2:], question
            (right, asked_right), (wrong, asked_wrong) = told["+"], told["-"]
            yield Case(family, passage, right, wrong, asked_right, asked_wrong)


def _source(text: str) -> Source:
    return Source(1, "", "", "", None, "", "", "abstract", False, "", text, 0, len(text), 0.0)


if __name__ == "__main__":
    main()
