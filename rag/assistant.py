"""One question, from the first step to the last."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from vademecum.corpora.document import CorpusInfo, Filters
from vademecum.errors import UsageError
from vademecum.model.interface import GenerationOptions, LanguageModel, Message, TextEmbedder
from vademecum.progress import Progress, Silent
from vademecum.rag import abstain, extractive
from vademecum.rag.answer import (
    Answer,
    AnswerDelta,
    Completed,
    Event,
    Retrieved,
    Source,
    Turn,
)
from vademecum.rag.assemble import assemble, choose_sources
from vademecum.rag.attended import with_attention
from vademecum.rag.check import Checked, check
from vademecum.rag.cite import strip_markers
from vademecum.rag.complete import Made, Run, complete
from vademecum.rag.generate import Draft, default_options, write
from vademecum.rag.retrieve import Found, search
from vademecum.rag.spoken import Spoken, spoken
from vademecum.rag.tongues import apart, beside
from vademecum.rag.understand import understand
from vademecum.rag.words import language_of
from vademecum.rag.writer import choose_writer, load_writer

if TYPE_CHECKING:
    from vademecum.corpora.library import Library

CANDIDATES = 16  # passages considered for the prompt


class Assistant:
    """Answers questions from a library; safe to share between threads if its parts are."""

    def __init__(
        self,
        library: Library,
        embedder: TextEmbedder,
        model: LanguageModel | None,
        *,
        corpus: str | None = None,
        prompt_tokens: int | None = None,
        model_reason: str = "",
    ) -> None:
        """`model` None quotes instead of writing. `corpus` is asked where a call names none.

        `prompt_tokens` is the most that a prompt may take, within the model's context (default:
        1,200, or 3,000 for a model that reasons): more is read by better-informed answers and
        waited for longer.
        """
        self.library = library
        self.embedder = embedder
        self.model = model
        self.model_reason = model_reason
        self._corpus = corpus
        self._prompt_tokens = prompt_tokens
        self._owned = ExitStack()

    @classmethod
    def open(
        cls,
        corpus: str,
        *,
        model: str = "auto",
        library: Library | Path | None = None,
        quantization: Literal["nf4", "int8", "bf16", "f32"] = "nf4",
        attention: Literal["dense", "sparse"] = "sparse",
        kv: Literal["int8", "k8v4", "plain"] | None = None,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        prompt_tokens: int | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Open a library, its embedder and a model, and answer from one corpus.

        `model` is a preset, "auto" for what `model.choose` takes (one that is here and answers in
        time, or else the best, which is fetched), "none" to quote instead of writing, or the
        address of a server (`RemoteModel`; "http://127.0.0.1:8000#name" picks one of its models);
        `model_reason` says how it was chosen. `kv` is how the model keeps keys and values, as in
        `Engine.load`: "k8v4" takes less memory for the same `prompt_tokens`. `device` says where
        it and the embedder run: "auto" is a GPU where one can be used. What is opened here,
        `close` closes; a `Library` handed in stays open. Raises CorpusNotFound, or ModelNotFound,
        before anything is loaded.
        """
        from vademecum.corpora.library import Library
        from vademecum.model.embedder import Embedder

        shown = progress or Silent()
        with ExitStack() as owned:
            if isinstance(library, Library):
                shelf = library
            else:
                shelf = owned.enter_context(Library.open(library, progress=shown))
            info = shelf.corpus(corpus)
            name, reason = choose_writer(model, device, quantization)
            if model == "auto":
                shown.note(reason)  # before it is fetched: its owner may want another
            embedder = Embedder.load(info.embedder, device=device, progress=shown)
            writer = None
            if name:
                writer = load_writer(name, quantization, attention, kv, device, owned, shown)
            assistant = cls(
                shelf,
                embedder,
                writer,
                corpus=corpus,
                prompt_tokens=prompt_tokens,
                model_reason=reason,
            )
            assistant._owned = owned.pop_all()
        return assistant

    def close(self) -> None:
        """Close what `open` opened."""
        self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(
        self,
        question: str,
        *,
        corpus: str | None = None,
        history: Sequence[Turn] = (),
        filters: Filters | None = None,
        options: GenerationOptions | None = None,
        seed: int = 0,
        cancel: threading.Event | None = None,
    ) -> Answer:
        """The checked answer to a question; arguments and errors as for `stream`."""
        *_, last = self.stream(
            question,
            corpus=corpus,
            history=history,
            filters=filters,
            options=options,
            seed=seed,
            cancel=cancel,
        )
        assert isinstance(last, Completed)  # what `stream` promises
        return last.answer

    def stream(
        self,
        question: str,
        *,
        corpus: str | None = None,
        history: Sequence[Turn] = (),
        filters: Filters | None = None,
        options: GenerationOptions | None = None,
        seed: int = 0,
        cancel: threading.Event | None = None,
    ) -> Iterator[Event]:
        """Answer a question, event by event: first Retrieved, last Completed.

        Without `options` the model is sampled as suits it, with `seed`. Setting `cancel` ends
        the writing: what stands by then is checked and Completed follows at once. Closing the
        iterator stops everything and yields nothing more. Raises UsageError for an empty
        question at once; CorpusNotFound, ContextTooLong and EngineBusy as they come up.
        """
        query = understand(question, history)
        name = corpus or self._corpus
        if name is None:
            raise UsageError("no corpus was named", "pass corpus=..., or open one")
        if self.model is not None and options is None:
            options = replace(default_options(self.model), seed=seed)
        run = Run(
            query, name, filters or Filters(), options, cancel or threading.Event(), perf_counter()
        )
        return self._answer(run)

    def _answer(self, run: Run) -> Generator[Event, None, None]:
        info = self._info(run.corpus)
        found = search(
            self.library, self.embedder, run.corpus, run.query.standalone, CANDIDATES, run.filters
        )
        searched_in = language_of(run.query.standalone)
        found, withheld = abstain.choose(run.query.standalone, found, searched_in, self.embedder)
        sources, messages = self._assemble(run, found)
        retrieve_s = perf_counter() - run.started
        yield Retrieved(sources, retrieve_s)

        draft, checked = Draft(), Checked("", ())
        if not withheld:
            if self.model is None:
                checked = extractive.extract(
                    run.query.standalone, run.query.language, sources, self.embedder
                )
                if checked.text:
                    yield AnswerDelta(checked.text)
            elif run.options is not None and not run.cancel.is_set():
                options = replace(
                    run.options,
                    sources=len(sources),
                    watch=tuple(source.text for source in sources),
                )
                draft = yield from write(self.model, messages, options, run.cancel)
                checked = check(
                    draft.answer,
                    sources,
                    self.embedder,
                    question=run.query.standalone,
                    broken_off=draft.reason != "stop",
                )
                checked = replace(
                    checked,
                    sentences=with_attention(checked.sentences, draft.answer, draft.attention),
                )
            withheld = abstain.after(checked.sentences, run.query.standalone, sources)
            if withheld and (
                draft.reason == "cancelled" or (withheld == "silent" and run.cancel.is_set())
            ):
                withheld = "cancelled"  # what was cut short says nothing of the model
            elif withheld == "silent" and strip_markers(draft.answer).strip():
                withheld = "echoed"
            elif withheld and self.model is None:
                withheld = "unquoted"
        languages = None
        others: tuple[str, ...] = ()
        if withheld in abstain.APART:
            texts = [(one.passage.text, one.document.language) for one in found]
            if languages := apart(run.query.question, texts):
                withheld = abstain.APART[withheld]
                others = self._others(run.corpus)
            elif withheld in ("irrelevant", "unnamed"):
                languages = beside(run.query.question, texts)
        made = Made(sources, retrieve_s, draft, checked, withheld, languages, others)
        yield Completed(complete(run, info, made, self.model, self.embedder))

    def _info(self, corpus: str) -> CorpusInfo:
        info = self.library.corpus(corpus)
        if info.embedder != self.embedder.name:
            raise UsageError(
                f"corpus {corpus!r} was embedded with {info.embedder}, not {self.embedder.name}",
                f"open an assistant for it: Assistant.open({corpus!r})",
            )
        return info

    def _others(self, asked: str) -> tuple[str, ...]:
        """The corpora of the library that hold something, beside the one that was asked."""
        corpora = self.library.corpora()
        return tuple(one.name for one in corpora if one.documents and one.name != asked)

    def _assemble(
        self, run: Run, found: Sequence[Found]
    ) -> tuple[tuple[Source, ...], tuple[Message, ...]]:
        if self.model is None or run.options is None:
            most = extractive.MOST_SOURCES
            room = extractive.MOST_CHARACTERS
            return choose_sources(found, room, lambda source: len(source.text), most), ()
        # A German answer can be checked against German sources alone.
        german = spoken(run.query.question) == "de" and any(one.german for one in found[:1])
        language: Spoken = "de" if german else run.query.language
        prompt = assemble(
            found,
            run.query.standalone,
            language,
            self.model,
            answer_tokens=run.options.max_tokens,
            prompt_tokens=self._prompt_tokens,
        )
        return prompt.sources, prompt.messages
