"""How the page is launched, quietly, with its own look, every door of Gradio closed but one; and
how it ends.

`web` imports Gradio first, and tells it before that to be silent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from vademecum.app.web_kept import MOST, Keep
from vademecum.app.web_server import Guard, Streams, is_loopback
from vademecum.app.web_stream import GRACE_S
from vademecum.app.web_talk import Talk

ENDING_S = GRACE_S + 1.0  # how long a page that ends waits until all are told the last word
HERE = Path(__file__).parent
FONTS = ("Inter", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
MONOSPACE = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


@dataclass(frozen=True, slots=True)
class Served:
    """A page that is served."""

    page: gr.Blocks
    talk: Talk
    streams: Streams

    @property
    def address(self) -> str:
        """Where it is, "http://127.0.0.1:7860/"."""
        return str(self.page.local_url)

    def close(self) -> None:
        """End it, in a few seconds. An answer under way ends with what is written by then, checked
        and told as stopped: Gradio would cut it off, and wait five seconds for it all the same."""
        self.talk.close()
        self.streams.ended(ENDING_S)
        self.page.close(verbose=False)


def launching(host: str, keep: Keep, streams: Streams) -> dict[str, Any]:
    """How Gradio is launched: quietly, for this page alone, with every door closed but one.

    As long as it serves, what has to go of `keep` goes, and `streams` counts who follows.
    """

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        with keep.tidied():
            yield

    return {
        "share": False,
        "inbrowser": False,
        "quiet": True,
        "show_error": False,
        "prevent_thread_lock": True,
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "pwa": False,
        "mcp_server": False,
        "num_workers": 0,
        "max_threads": 2 * MOST,  # each page that follows an answer holds one
        "state_session_capacity": MOST,  # Gradio remembers what each page showed, too
        "max_file_size": 1,  # nothing is uploaded here
        "theme": _theme(),
        "css": (HERE / "web.css").read_text("utf-8"),
        "head": "".join(
            f"<script>{(HERE / name).read_text('utf-8')}</script>"
            for name in ("web_tab.js", "web.js")
        )
        + f"<style media='print'>{(HERE / 'web_print.css').read_text('utf-8')}</style>",
        "app_kwargs": {
            "middleware": [Middleware(Guard, loopback_only=is_loopback(host), streams=streams)],
            "lifespan": lifespan,
        },
    }


def _theme() -> gr.Theme:
    # Names only: a font object would be fetched from elsewhere.
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="gray",
        radius_size="md",
        font=list(FONTS),
        font_mono=list(MONOSPACE),
    )
