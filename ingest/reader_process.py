"""The process that reads and splits while another embeds (`apart.py` starts it).

On stdin come the search path, a `Reading`, then lists of files; on stdout go frames of events, and
an empty one after each list. It ends with its stdin, or when nobody reads what it writes.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
from typing import IO, Any

from vademecum.ingest import frames
from vademecum.ingest.parcels import parcels
from vademecum.ingest.reading import Files, Reading


def main() -> None:
    """Serve until stdin ends."""
    asked, answers = sys.stdin.buffer, _own_stdout()
    try:
        sys.path[:] = _next(asked)
        reading: Reading = _next(asked)
        gc.freeze()  # what was imported stays: not to be looked through again and again
        frames.write(answers, None)  # ready
        while True:
            serve(reading, _next(asked), answers)
    except (EOFError, BrokenPipeError):
        os._exit(0)  # nobody is there: not to be told by a traceback


def serve(reading: Reading, files: Files, answers: IO[bytes]) -> None:
    """Answer one list of files. What was read of one is sent before the next is begun, so that
    the other side knows which one a crash is due to."""
    for file in files:
        for parcel in parcels(reading.read([file])):
            frames.write(answers, parcel, len(parcel))
    frames.write(answers, [])


def _next(pipe: IO[bytes]) -> Any:
    found = frames.read(pipe)
    if found is None:
        raise EOFError
    return pickle.loads(found[0])


def _own_stdout() -> IO[bytes]:
    """Stdout for frames alone: what a reader prints goes to stderr."""
    own = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return own


if __name__ == "__main__":
    main()
