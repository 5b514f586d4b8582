"""Options that several commands share, and what their texts mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from vademecum.corpora.document import Filters
from vademecum.errors import UsageError

Quantization = Literal["nf4", "int8", "bf16", "f32"]
Attention = Literal["dense", "sparse"]
Device = Literal["auto", "cpu", "cuda"]
Kv = Literal["int8", "k8v4", "plain"]

Corpus = Annotated[
    str | None,
    typer.Option(
        "--corpus", "-c", metavar="NAME", help="Which corpus; may be left out if only one exists."
    ),
]
FirstCorpus = Annotated[
    str | None,
    typer.Option(
        "--corpus",
        "-c",
        metavar="NAME",
        help="Which corpus to begin with: the largest, if none is named. Another can be chosen.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Model = Annotated[
    str,
    typer.Option(
        metavar="PRESET",
        help="A name from `vademecum models`, `auto` (the best that runs well here), `none` "
        "(copy sentences from the sources), or the address of a server: http://127.0.0.1:8000.",
    ),
]
QuantizationOption = Annotated[
    Quantization, typer.Option("--quantization", help="How the weights are held in memory.")
]
AttentionOption = Annotated[
    Attention,
    typer.Option(
        "--attention",
        help="How attention over a long prompt is computed: `sparse` reads the pages that matter.",
    ),
]
DeviceOption = Annotated[
    Device,
    typer.Option(
        "--device",
        help="Where the model runs: the processor (`cpu`), an NVIDIA GPU (`cuda`), or `auto`, "
        "a GPU where one can be used.",
    ),
]
KvOption = Annotated[
    Kv | None,
    typer.Option(
        "--kv",
        help="How keys and values are kept: `int8` (as without it, but in f32), `k8v4` (values in "
        "4 bit: longer texts in the same memory), `plain`.",
    ),
]
Seed = Annotated[
    int,
    typer.Option(min=0, max=2**63 - 1, help="Equal seeds give equal answers on one machine."),
]
Thinking = Annotated[
    bool, typer.Option("--show-thinking", help="Show the model's reasoning before its answer.")
]
Year = Annotated[
    str | None,
    typer.Option(
        metavar="YEARS", help="Published in 2015, since 2015-, until -2020, or 2015-2020."
    ),
]
Mesh = Annotated[
    list[str] | None,
    typer.Option(
        metavar="HEADING", help="Only works with this MeSH heading; repeat for all of several."
    ),
]
Type = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="TYPE",
        help='Only this publication type, as PubMed writes it ("Randomized Controlled Trial"); '
        "repeat for any of several.",
    ),
]
ExcludeRetracted = Annotated[
    bool, typer.Option("--exclude-retracted", help="Leave retracted works out.")
]

_YEARS = re.compile(r"(?P<only>\d{4})|(?P<start>\d{4})?-(?P<end>\d{4})?")


def years(text: str | None) -> tuple[int | None, int | None]:
    """`2015` -> (2015, 2015), `2015-` -> (2015, None), `-2020`, `2015-2020`.

    Raises UsageError on anything else.
    """
    if text is None:
        return None, None
    found = _YEARS.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        raise UsageError(
            f"--year {text!r} is no range of years", hint="write 2015, 2015-, -2020 or 2015-2020"
        )
    start, end = (int(part) if part else None for part in (found["start"], found["end"]))
    if found["only"]:
        return int(found["only"]), int(found["only"])
    if start is not None and end is not None and start > end:
        raise UsageError(f"--year {text!r} ends before it begins", hint=f"write {end}-{start}")
    return start, end


def filters(
    year: str | None,
    mesh: list[str] | None,
    types: list[str] | None,
    exclude_retracted: bool,
) -> Filters:
    """What the filter options of a command mean together."""
    year_from, year_to = years(year)
    return Filters(
        year_from=year_from,
        year_to=year_to,
        mesh=tuple(mesh or ()),
        publication_types=tuple(types or ()),
        exclude_retracted=exclude_retracted,
    )


def text_of(arguments: Sequence[str], what: str) -> str:
    """A question or query, typed in quotes or as words, that is text and not empty.

    Raises UsageError; also where more follows what was quoted, as a corpus without `--corpus`.
    """
    first, *others = arguments
    if others and len(first.split()) > 1:
        raise UsageError(
            f"{' '.join(others)!r} follows the {what}, which ends with its quotes",
            hint=f"one {what} at a time, all of it in quotes; a corpus is named by --corpus NAME",
        )
    words = " ".join(arguments).strip()
    try:
        words.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"the {what} is not UTF-8 text", hint="set the terminal to UTF-8, or type it again"
        ) from error
    if not words:
        raise UsageError(f"the {what} is empty", hint=f'write the {what} in quotes: "..."')
    return words
