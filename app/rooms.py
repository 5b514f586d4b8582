"""Opens the rooms behind the commands. Heavy libraries load here, when a command needs them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vademecum.app.choosing import pick_model
from vademecum.app.console import note
from vademecum.app.options import Attention, Device, Quantization
from vademecum.app.stopping import ended_by_kill
from vademecum.collection import without_collection
from vademecum.corpora.document import CorpusInfo, Filters
from vademecum.errors import Cancelled, NothingToDo, UsageError
from vademecum.progress import Progress
from vademecum.rag.answer import Answer, AnswerDelta, Completed, Event, Turn
from vademecum.rag.writer import ADDRESS
from vademecum.settings import settings

if TYPE_CHECKING:
    from vademecum.corpora.library import Library
    from vademecum.model.interface import TextEmbedder
    from vademecum.rag.assistant import Assistant
    from vademecum.rag.retrieve import Found

SAMPLE = "pubmed-sample"


def open_library(progress: Progress, *, vectors: str | None = None) -> Library:
    """The library of this home. Raises LibraryLocked, LibraryDamaged, OutOfSpace.

    `vectors=""` opens it wherever its vectors are, whatever the settings say.
    """
    from vademecum.corpora.library import Library

    return Library.open(vectors=vectors, progress=progress)


def load_embedder(library: Library, corpus: str, progress: Progress) -> TextEmbedder:
    """The embedder of a corpus; the default one for a corpus to be. Fetched on first use. Where it
    does not run on the GPU that is here, that is told."""
    from vademecum.model.embedder import DEFAULT, Embedder

    names = {info.name: info.embedder for info in library.corpora()}
    embedder = Embedder.load(names.get(corpus, DEFAULT), progress=progress)
    if embedder.fallback:
        progress.note(f"texts are embedded {embedder.fallback}")
    return embedder


def pick_corpus(library: Library, name: str | None, *, naming: str = "--corpus NAME") -> CorpusInfo:
    """The corpus of that name; without a name, the only one there is.

    Raises CorpusNotFound; NothingToDo where there is none, UsageError where there are several to
    choose from, with `naming` as the way to name one.
    """
    if name is not None:
        return _told_if_empty(library, library.corpus(name))
    found = library.corpora()
    if not found:
        raise NothingToDo(
            "the library is empty",
            hint=f"fill it: `vademecum ingest PATHS --corpus NAME`, or for a real sample "
            f"`vademecum ingest {SAMPLE} --corpus {SAMPLE}`",
        )
    if len(found) > 1:
        names = ", ".join(info.name for info in found)
        raise UsageError(
            f"the library holds {len(found)} corpora: {names}", hint=f"name one: {naming}"
        )
    return _told_if_empty(library, found[0])


def _told_if_empty(library: Library, info: CorpusInfo) -> CorpusInfo:
    """The corpus; where it holds nothing, how that can be mended is told."""
    if not info.documents:
        left = next((job.id for job in library.job_log.left(info.name) if job.can_resume), None)
        fill = f"`vademecum ingest PATHS --corpus {info.name}` fills it"
        goes_on = f"job {left} into it was not finished: `vademecum jobs resume {left}` goes on"
        note(f"{info.name} is empty; {goes_on if left else fill}")
    return info


def _largest(library: Library, changing: str) -> str:
    """The name of the largest of several corpora, which is told; "" where there are not several."""
    found = library.corpora()
    if len(found) < 2:
        return ""
    largest = max(found, key=lambda info: info.documents)
    note(f"{largest.name} is open, the largest of {len(found)} corpora; {changing}")
    return largest.name


@contextmanager
def open_assistant(
    corpus: str | None,
    *,
    model: str,
    quantization: Quantization,
    attention: Attention,
    device: Device,
    progress: Progress,
    fetch: bool = False,
    changing: str = "",
) -> Iterator[tuple[Assistant, str]]:
    """An assistant over one corpus, and the name of that corpus; closes both when done.

    What can be wrong with the request is found before any weights are loaded. `fetch` as in
    `pick_model`; `changing` says how another corpus is chosen later, where it can be: then one need
    not be named, and the largest is opened.
    """
    if model not in {"auto", "none"} and not model.startswith(ADDRESS):
        _require_model(model)
    with open_library(progress) as library:
        name = _largest(library, changing) if changing and corpus is None else ""
        name = name or pick_corpus(library, corpus).name
        model, reason = pick_model(model, device=device, quantization=quantization, fetch=fetch)

        with without_collection():
            from vademecum.rag.assistant import Assistant

        with Assistant.open(
            name,
            model=model,
            library=library,
            quantization=quantization,
            attention=attention,
            device=device,
            progress=progress,
        ) as assistant:
            assistant.model_reason = why(assistant, reason or assistant.model_reason)
            yield assistant, name


def why(assistant: Assistant, chosen: str) -> str:
    """Why this model, and where it runs where that is not the GPU that is here."""
    fallback = getattr(assistant.model, "fallback", "")  # a server tells no such thing
    if assistant.model is None or not fallback:
        return chosen
    name = assistant.model.name
    said = chosen if name in chosen else f"model {name} is {chosen}"
    return f"{said} It runs {fallback}" if said.endswith(".") else f"{said}; it runs {fallback}"


def _require_model(name: str) -> None:
    """Raises ModelNotFound; AssetUnavailable for one that is not here and must not be fetched."""
    from vademecum.assets import fetch
    from vademecum.model.presets import STAMP, preset

    wanted, where = preset(name), settings()
    here = (where.models / wanted.key / STAMP).is_file()
    if where.offline and wanted.asset is not None and not here:
        fetch(wanted.asset)  # at once: it is here, too, or it raises


def search(
    library: Library, corpus: str, query: str, k: int, filters: Filters, progress: Progress
) -> tuple[list[Found], list[bool]]:
    """The passages nearest to a query, best first; and of each whether an answer would leave it
    out: all of them where none bears on the query, otherwise those far below the best."""
    from vademecum.rag import abstain
    from vademecum.rag.retrieve import search as retrieve
    from vademecum.rag.words import language_of

    embedder = load_embedder(library, corpus, progress)
    found = retrieve(library, embedder, corpus, query, k, filters)
    chosen, withheld = abstain.choose(query, found, language_of(query), embedder)
    kept = set[str]() if withheld else {one.passage.passage_id for one in chosen}
    return found, [one.passage.passage_id not in kept for one in found]


def answer(
    assistant: Assistant,
    question: str,
    show: Callable[[Event], None],
    *,
    corpus: str,
    seed: int,
    filters: Filters | None = None,
    history: Sequence[Turn] = (),
    cancel: threading.Event | None = None,
) -> Answer:
    """Ask, hand every event to `show`, return the checked answer, which says where it was cut.

    Raises Cancelled if the stream ends without one.
    """
    from vademecum.app.cut_short import with_its_end

    written = ""
    events = assistant.stream(
        question,
        corpus=corpus,
        history=history,
        filters=filters or Filters(),
        seed=seed,
        cancel=cancel,
    )
    for event in events:
        show(event)
        if isinstance(event, AnswerDelta):
            written += event.text
        elif isinstance(event, Completed):
            return with_its_end(event.answer, written)
    raise Cancelled("the answer was stopped")


def serve(assistant: Assistant, corpus: str, host: str, port: int) -> None:
    """The chat page, until Ctrl-C or `kill`. Raises UsageError if the port is taken."""
    from vademecum.app import web
    from vademecum.app.web_server import free_port, is_loopback

    if not is_loopback(host):
        note(f"anybody who can reach {host} can read {corpus} and ask: there is no password")
    port = free_port(host, port)
    shown = "localhost" if host in {"0.0.0.0", "::"} else host
    page = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"
    assistant.library.serving(page)

    def ready() -> None:
        note(f"the page: {page} (Ctrl-C stops)")

    try:
        with ended_by_kill():
            web.serve(assistant, corpus, host=host, port=port, ready=ready)
    except KeyboardInterrupt:
        # How a server is meant to end; anything it was doing is closed on the way out.
        note("stopped")


def pull(name: str, progress: Progress) -> None:
    """Fetch, convert and quantise the weights of a preset, as far as that is not done."""
    from vademecum.model.presets import preset

    wanted = preset(name)

    from vademecum.model.weights import load

    load(wanted, progress=progress)
