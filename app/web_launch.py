"""How the page is launched: quietly, with its own look, every door of Gradio closed but one.

`web` imports Gradio first, and tells it before that to be silent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from vademecum.app.web_kept import MOST, Keep
from vademecum.app.web_server import Guard, is_loopback

HERE = Path(__file__).parent
FONTS = ("Inter", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
MONOSPACE = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def launching(host: str, keep: Keep) -> dict[str, Any]:
    """How Gradio is launched: quietly, for this page alone, with every door closed but one.

    As long as it serves, what has to go of `keep` goes.
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
        ),
        "app_kwargs": {
            "middleware": [Middleware(Guard, loopback_only=is_loopback(host))],
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
