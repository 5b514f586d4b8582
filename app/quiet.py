"""Keeps the chatter of libraries off both streams."""

from __future__ import annotations

import logging
import os
import sys
import warnings

# Read by the libraries when they are first imported.
ENVIRONMENT = {
    "ANONYMIZED_TELEMETRY": "False",
    "BITSANDBYTES_NOWELCOME": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


def quieten() -> None:
    """What concerns the user is raised or noted by us; the rest is for `--debug`."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    warnings.simplefilter("ignore")
    # Telemetry that cannot phone home logs errors: below CRITICAL nothing is for the user.
    logging.disable(logging.ERROR)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character shows "?": that is no reason to lose an answer.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def unquieten() -> None:
    """For `--debug`: warnings and logs of every library, on stderr."""
    warnings.simplefilter("default")
    logging.disable(logging.NOTSET)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, force=True)
