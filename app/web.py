"""The page: ask a library in a browser and read the passage behind every sentence.

What is laid out here is done elsewhere: `web_talk` leads a conversation, `web_stream` runs a
question; `web_render`, `web_answer` and `web_sources` turn what comes into HTML; `web_server`
keeps the door.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import astuple
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # gradio reads it when it is imported

import gradio as gr

from vademecum.app.web_examples import MOST, examples
from vademecum.app.web_kept import Conversation, Given, Keep
from vademecum.app.web_launch import Served, launching
from vademecum.app.web_line import Line
from vademecum.app.web_render import header_html, welcome_html
from vademecum.app.web_server import Streams, bypass_proxy, free_port, inside_a_loop
from vademecum.app.web_sources import EMPTY_PANEL
from vademecum.app.web_stream import Asked
from vademecum.app.web_tab import Tab
from vademecum.app.web_talk import Shown, Talk, filter_label

AT_ONCE = 4  # questions under way; one engine takes them in turn
WAITING = 32  # more, before one is turned away
# What a tab tells of itself (web_tab.py), filled in by the browser as an event is sent.
LOADED, NOW = "window.vademecumTab.loaded()", "window.vademecumTab.now()"


def build(assistant: Asked, corpus: str) -> gr.Blocks:
    """The page over `assistant`, opened at `corpus`. Raises CorpusNotFound.

    Look and behaviour (theme, `web.css`, `web.js`) are given to `launch`: use `serve`.
    """
    talk = Talk(assistant, Line(AT_ONCE, WAITING))
    return inside_a_loop(lambda: _compose(talk, Keep(), assistant, corpus))


def _compose(talk: Talk, keep: Keep, assistant: Asked, corpus: str) -> gr.Blocks:
    info = assistant.library.corpus(corpus)
    names = [each.name for each in assistant.library.corpora()]

    with gr.Blocks(
        title="Vademecum", analytics_enabled=False, fill_width=True, fill_height=True
    ) as page:
        told = gr.Textbox(visible=False)  # by the tab, of itself
        with gr.Row(elem_id="vd-top"):
            header = _html(header_html(info), "vd-header-slot")
            chosen = gr.Dropdown(
                choices=names,
                value=corpus,
                label="Corpus",
                show_label=False,
                container=False,
                visible=len(names) > 1,
                filterable=False,
                elem_id="vd-corpus",
                scale=0,
                min_width=100,
            )
            new = gr.Button("New conversation", size="sm", scale=0, elem_id="vd-new")
        with gr.Row(elem_id="vd-main"):
            with gr.Column(elem_id="vd-left", scale=3, min_width=300):
                with gr.Column(elem_id="vd-scroll"):
                    with gr.Column(elem_id="vd-start") as start:
                        welcome = _html(_welcome(assistant, corpus), "vd-welcome-slot")
                        offered = [
                            gr.Button(size="sm", elem_classes="vd-example", **each)
                            for each in _offers(assistant, corpus)
                        ]
                    past = _html("", "vd-past")
                    live = _html("", "vd-live")
                with gr.Column(elem_id="vd-composer"):
                    notice = _html("", "vd-notice-slot")
                    with gr.Row(elem_id="vd-ask-row"):
                        question = gr.Textbox(
                            label="Question",
                            show_label=False,
                            placeholder="Ask your library",
                            lines=1,
                            max_lines=6,
                            autofocus=True,
                            container=False,
                            elem_id="vd-question-box",
                            scale=1,
                        )
                        ask = gr.Button(
                            "Ask", variant="primary", elem_id="vd-ask", scale=0, min_width=84
                        )
                        stop = gr.Button(
                            "Stop", visible=False, elem_id="vd-stop", scale=0, min_width=84
                        )
                    with (
                        gr.Accordion("Filters", open=False, elem_id="vd-filters") as filters,
                        gr.Row(elem_id="vd-filter-row"),
                    ):
                        # Not gr.Number: it shows, and sends, 0 for an empty field.
                        year_from, year_to = (
                            gr.Textbox(label=label, placeholder="any", max_length=4, min_width=90)
                            for label in ("From year", "To year")
                        )
                        sound = gr.Checkbox(False, label="Leave out retracted work", min_width=200)
            with gr.Column(elem_id="vd-right", scale=2, min_width=300):
                panel = _html(EMPTY_PANEL, "vd-panel")

        narrowing = [year_from, year_to, sound]
        slots = {
            "question": question,
            "notice": notice,
            "past": past,
            "live": live,
            "panel": panel,
            "start": start,
            "ask": ask,
            "stop": stop,
            "corpus": chosen,
            "year_from": year_from,
            "year_to": year_to,
            "sound": sound,
            "filters": filters,
        }

        def held_by(tab: Tab, request: gr.Request) -> Conversation:
            return keep.of(tab.ticket, request.session_hash or "", tab.before)

        def loaded(told: str | None, request: gr.Request) -> Iterator[dict[Any, Any]]:
            tab = Tab.read(told)
            for shown in talk.resume(held_by(tab, request), tab):
                yield _updates(shown, slots)

        def answered(
            asked: str | None,
            name: str,
            first: str | None,
            last: str | None,
            leave_out_retracted: bool,
            told: str | None,
            request: gr.Request,
        ) -> Iterator[dict[Any, Any]]:
            tab = Tab.read(told)
            given = Given(name, first or "", last or "", leave_out_retracted)
            for shown in talk.ask(asked, given, held_by(tab, request), tab.turns):
                yield _updates(shown, slots)

        def stopped(told: str | None, request: gr.Request) -> None:
            talk.stop(held_by(Tab.read(told), request))

        def cleared(told: str | None, request: gr.Request) -> dict[Any, Any]:
            return _updates(talk.reset(held_by(Tab.read(told), request)), slots)

        def left(request: gr.Request) -> None:
            keep.leave(request.session_hash or "")
            # Gradio would remember what the page showed.
            page.state_holder.session_data.pop(request.session_hash or "", None)

        # Nothing waits in Gradio's own queue: see `Line`.
        private: dict[str, Any] = {
            "api_visibility": "private",
            "show_progress": "hidden",
            "concurrency_limit": None,
        }
        given = [question, chosen, year_from, year_to, sound, told]
        outputs = list(slots.values())
        asking: dict[str, Any] = {
            "fn": answered,
            "inputs": given,
            "outputs": outputs,
            "js": f"(...given) => [...given.slice(0, -1), {NOW}]",
            **private,
        }
        gr.on([question.submit, ask.click], **asking)
        for example in offered:
            # The text goes through the box, as if it had been typed.
            filled = example.click(lambda text: text, example, question, queue=False, **private)
            filled.then(**asking)
        named: dict[str, Any] = {"inputs": told, "js": f"() => [{NOW}]", **private}
        stop.click(stopped, outputs=None, queue=False, **named)
        new.click(cleared, outputs=outputs, queue=False, **named)
        page.load(
            loaded,
            told,
            outputs,
            js=f"() => [{LOADED}]",
            **private,
        )
        chosen.change(
            lambda name: [
                header_html(assistant.library.corpus(name)),
                _welcome(assistant, name),
                *(gr.Button(**each) for each in _offers(assistant, name)),
            ],
            chosen,
            [header, welcome, *offered],
            queue=False,
            **private,
        )
        gr.on(
            [each.input for each in narrowing],
            lambda *given: gr.Accordion(label=filter_label(*given)),
            narrowing,
            filters,
            queue=False,
            **private,
        )
        page.unload(left)
        page.queue(api_open=False)
    return page


def serve(
    assistant: Asked,
    corpus: str,
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    block: bool = True,
    ready: Callable[[], object] = lambda: None,
) -> Served:
    """Serve the page; with `block`, until interrupted. Port 0 takes any free one.

    `ready` is called once it can be opened. Raises CorpusNotFound, and UsageError if the address
    cannot be had.
    """
    talk = Talk(assistant, Line(AT_ONCE, WAITING))
    keep, streams = Keep(), Streams()
    page = inside_a_loop(lambda: _compose(talk, keep, assistant, corpus))
    bypass_proxy(host)
    address = {"server_name": host, "server_port": free_port(host, port)}
    inside_a_loop(lambda: page.launch(**address, **launching(host, keep, streams)))
    served = Served(page, talk, streams)
    ready()
    if block:
        try:
            threading.Event().wait()
        finally:
            served.close()
    return served


def _welcome(assistant: Asked, corpus: str) -> str:
    return welcome_html(
        assistant.library.corpus(corpus),
        assistant.model.name if assistant.model else None,
        assistant.model_reason,
        offers=bool(examples(assistant.library, corpus)),
    )


def _offers(assistant: Asked, corpus: str) -> list[dict[str, Any]]:
    """The buttons with questions to begin with: what each says, and whether it is there."""
    found = examples(assistant.library, corpus)
    return [{"value": text, "visible": True} for text in found] + [
        {"value": "", "visible": False} for _ in range(MOST - len(found))
    ]


def _html(value: str, name: str) -> gr.HTML:
    return gr.HTML(value, elem_id=name, js_on_load=None, apply_default_css=False)


def _updates(shown: Shown, slots: dict[str, Any]) -> dict[Any, Any]:
    """What changed, as Gradio takes it; what is None stays as it is."""
    texts = {
        "question": shown.question,
        "notice": shown.notice,
        "past": shown.past,
        "live": shown.live,
        "panel": shown.panel,
    }
    updates: dict[Any, Any] = {slots[k]: v for k, v in texts.items() if v is not None}
    if shown.given is not None:
        corpus, *narrowed = astuple(shown.given)
        updates[slots["corpus"]] = corpus
        for name, value in zip(("year_from", "year_to", "sound"), narrowed, strict=True):
            updates[slots[name]] = value
        updates[slots["filters"]] = gr.Accordion(label=filter_label(*narrowed))
    if shown.start is not None:
        updates[slots["start"]] = gr.Column(visible=shown.start)
    if shown.running is not None:
        updates[slots["ask"]] = gr.Button(visible=not shown.running)
        updates[slots["stop"]] = gr.Button(visible=shown.running)
    return updates or {slots["start"]: gr.skip()}  # for Gradio, something must be told
