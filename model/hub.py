"""The model hub (Hugging Face, or a mirror that HF_ENDPOINT names): ask it, fetch from it."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from vademecum.assets import DISK_ERRORS, disk_trouble
from vademecum.errors import AssetUnavailable, HashMismatch, OutOfSpace
from vademecum.progress import Progress
from vademecum.settings import TRUE, Settings

DEFAULT_ENDPOINT = "https://huggingface.co"
WANTED = (
    "*.safetensors",
    "*.safetensors.index.json",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
)
OFFLINE_SWITCHES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
POLL_S = 0.5


def endpoint() -> str:
    """The hub's address."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or DEFAULT_ENDPOINT


def host() -> str:
    """The hub's name, for people."""
    try:
        return urlsplit(endpoint()).hostname or endpoint()
    except ValueError:
        return endpoint()


def forbidden(settings: Settings) -> str:
    """The switch that forbids asking a hub, or nothing."""
    if settings.offline:
        return "VADEMECUM_OFFLINE"
    on = (name for name in OFFLINE_SWITCHES if os.environ.get(name, "").lower() in TRUE)
    return next(on, "")


def trouble(hub_id: str, settings: Settings, *, limit_s: float = 3.0) -> str:
    """Why `hub_id` cannot be had from the hub now, in a few words; empty if it can.

    Answers within `limit_s` seconds, whatever the network does.
    """
    if switch := forbidden(settings):
        return f"{switch} forbids asking a hub"
    import httpx  # here, so that an engine whose weights are here starts without it

    found = [f"{host()} did not answer within {limit_s:g} s"]

    def ask() -> None:
        url = f"{endpoint()}/api/models/{hub_id}"
        try:
            answer = httpx.get(url, timeout=limit_s, follow_redirects=True)
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            found[0] = f"{host()} cannot be reached"
        else:
            found[0] = "" if answer.is_success else f"{host()} answered {answer.status_code}"

    # A time-out does not bound the look-up of a name, so another thread asks; it dies with us.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(limit_s)
    return found[0]


def download(hub_id: str, folder: Path, settings: Settings, progress: Progress) -> str:
    """Fetch config, tokenizer and safetensors of `hub_id` into `folder`; goes on where it stopped.

    Returns the revision. Raises AssetUnavailable, OutOfSpace, HashMismatch.
    """
    if switch := forbidden(settings):
        raise AssetUnavailable(
            f"{hub_id} is not on this machine, and {switch} forbids fetching it",
            f"unset {switch}, or name a model that is here (`vademecum models`)",
        )
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    # Which HTTP library it uses has changed more than once; its own error derives from that one's.
    transport_error = cast(
        type[Exception], next(c for c in HfHubHTTPError.__mro__ if c.__name__ == "HTTPError")
    )
    with disk_trouble(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        info = HfApi(endpoint=endpoint()).model_info(hub_id, files_metadata=True, timeout=10)
        files = [
            file
            for file in info.siblings or ()
            if any(fnmatch.fnmatchcase(file.rfilename, pattern) for pattern in WANTED)
        ]
        total = sum(file.size or 0 for file in files)
        _require_space(hub_id, folder, total)
        with _no_bars(), _watched(f"fetching {hub_id}", folder, total, progress):
            snapshot_download(
                hub_id,
                revision=info.sha,
                local_dir=folder,
                allow_patterns=[file.rfilename for file in files],
                endpoint=endpoint(),
            )
    except (transport_error, HFValidationError, OSError) as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            with disk_trouble(folder):
                raise
        raise AssetUnavailable(
            f"{hub_id} could not be fetched from {host()}: {_first_line(error)}",
            "check the network, or set HF_ENDPOINT to a mirror; `vademecum models` lists models "
            "that a package registry carries. What arrived is kept",
        ) from error
    for file in files:
        pinned = file.lfs.sha256 if file.lfs else None
        path = folder / file.rfilename
        with path.open("rb") as stream:
            if pinned and hashlib.file_digest(stream, "sha256").hexdigest() != pinned:
                path.unlink()
                raise HashMismatch(
                    f"{file.rfilename} of {hub_id} arrived damaged; it was not kept",
                    "run the command again: only this file is fetched again",
                )
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    return str(info.sha)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _require_space(hub_id: str, folder: Path, total: int) -> None:
    have = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    if free < total - have:
        raise OutOfSpace(
            f"{hub_id} needs {(total - have) / 1e9:.1f} GB of disk; {free / 1e9:.1f} GB are free",
            "free some space, or point VADEMECUM_HOME at a larger disk",
        )


@contextmanager
def _watched(task: str, folder: Path, total: int, progress: Progress) -> Iterator[None]:
    """Report the bytes that appear under `folder`."""
    done = threading.Event()

    def watch() -> None:
        shown = 0
        while not done.wait(POLL_S):
            here = 0
            for place, _, names in os.walk(folder):
                for name in names:
                    try:
                        here += Path(place, name).stat().st_size
                    except FileNotFoundError:  # renamed while we look
                        continue
            if min(here, total) > shown:
                progress.advance(min(here, total) - shown)
                shown = min(here, total)

    progress.start(task, total, "B")
    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()
        progress.finish()


@contextmanager
def _no_bars() -> Iterator[None]:
    """Keep the hub library's own progress bars off stderr."""
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    were_off = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not were_off:
            enable_progress_bars()
