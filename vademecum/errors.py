"""Every error a caller can act on. Each carries a hint: what to do about it.

VademecumError
├── UsageError                 the request itself is wrong (exit code 2)
├── NothingToDo                the request is right, and there is nothing that it could be done to
├── LibraryError
│   ├── LibraryLocked          another process owns the library folder
│   ├── LibraryClosed          it was closed before, or by another thread meanwhile
│   ├── LibraryDamaged         the store cannot be read, or was written by a newer version
│   ├── CorpusNotFound         no corpus of that name (exit code 2)
│   ├── IndexUnavailable       the server that searches vectors cannot be reached or used
│   └── OutOfSpace             the disk is full or the folder cannot be written
├── DocumentRejected           a file or record cannot be read as a document
│   └── EmptyFile              there is nothing in it that could be lost
├── SourceUnavailable          where documents come from cannot be reached, or must not be
├── ClusterUnavailable         Ray cannot be reached or started, or its workers fail
├── AssetError
│   ├── AssetUnavailable       it cannot be fetched from where it lives
│   └── HashMismatch           what arrived is not what was pinned
├── ModelError
│   ├── ModelNotFound          no preset of that name (exit code 2)
│   ├── ModelUnsupported       this machine or this build cannot run it
│   ├── ContextTooLong         prompt and answer do not fit the context or the memory
│   └── EngineBusy             the engine is already answering and its queue is full
└── Cancelled                  the caller asked to stop
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class VademecumError(Exception):
    """Base of all errors raised on purpose.

    `message` says what happened in one line; `hint` says what to do. `exit_code` is 2 where other
    words in the request would mend it, and 1 where it was understood and could not be done.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(VademecumError):
    """The request is wrong as written: a bad option, an empty question."""

    exit_code = 2


class NothingToDo(VademecumError):
    """No corpus, no job, or none in the state that was asked for: nothing is wrong."""


class LibraryError(VademecumError):
    """Something about the library on disk."""


class LibraryLocked(LibraryError):
    """Another process owns the library folder."""


class LibraryClosed(LibraryError):
    """The library was closed, perhaps by another thread meanwhile."""


class LibraryDamaged(LibraryError):
    """The library cannot be read, or a newer version wrote it."""


class CorpusNotFound(LibraryError):
    """The library holds no corpus of that name."""

    exit_code = 2


class IndexUnavailable(LibraryError):
    """The server that searches vectors cannot be reached, or its client is not installed."""


class OutOfSpace(LibraryError):
    """The disk is full or the folder cannot be written."""


class DocumentRejected(VademecumError):
    """A file or a record cannot be read as a document."""


class EmptyFile(DocumentRejected):
    """A file holds nothing, not even something that cannot be read."""


class SourceUnavailable(VademecumError):
    """Where documents come from cannot be reached, or `VADEMECUM_OFFLINE` forbids it."""


class ClusterUnavailable(VademecumError):
    """The machines that share the work cannot be had, or fail again and again."""


class AssetError(VademecumError):
    """A pinned file (weights, sample data) could not be had."""


class AssetUnavailable(AssetError):
    """The asset cannot be fetched from where it lives."""


class HashMismatch(AssetError):
    """What arrived is not what was pinned; it was not kept."""


class ModelError(VademecumError):
    """Something about the language model."""


class ModelNotFound(ModelError):
    """No preset of that name."""

    exit_code = 2


class ModelUnsupported(ModelError):
    """This machine or this build cannot run the model as asked."""


class ContextTooLong(ModelError):
    """Prompt and answer do not fit the context window or the memory budget."""


class EngineBusy(ModelError):
    """The engine is answering somebody else and its queue is full."""


class Cancelled(VademecumError):
    """The caller asked to stop."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The beginning of a hint: which of the known names was meant, "" where none is near."""
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), folded, n=1)
    return f"did you mean {folded[near[0]]!r}? " if near else ""
