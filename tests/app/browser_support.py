"""What the tests in a browser share: a tab, and how a person sees what is in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect
from web_support import GUIDE, HOSTILE, ScriptedAssistant, abstention, answer, source, unwritten

from vademecum.rag.answer import Answer

ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()
QUESTION = "Does metformin lower the risk of cancer?"
WIDE = {"width": 1280, "height": 820}
NARROW = {"width": 390, "height": 844}
BOX = "#vd-question-box textarea"
LONG_NAME = "guidelines-of-internal-medicine"
PATIENCE_MS = 30_000  # for what happens at once on a machine that does nothing else
expect.set_options(timeout=PATIENCE_MS)


def script(question: str) -> Answer:
    """What the assistant says to which question."""
    if "World Cup" in question:
        return abstention(question)
    if "gut" in question:
        return unwritten(question)
    if "sepsis" in question:
        cited = source(1, GUIDE, "## Shock ##\n\nShock is sepsis with a lactate above 2 mmol/L.")
        return answer(
            [("Shock is sepsis with a lactate above 2 mmol/L.", (1,), "supported")], sources=[cited]
        )
    if question == HOSTILE.title:
        said = [(HOSTILE.title, (1,), "partial"), (HOSTILE.text, (1,), "unsupported")]
        return answer(
            said,  # type: ignore[arg-type]
            question=question,
            thinking=HOSTILE.text,
            sources=[source(1, HOSTILE, "<img src=x")],
        )
    return answer(question=question)


@dataclass
class Visit:
    """One tab, and everything it complained of or asked other machines for."""

    page: Page
    assistant: ScriptedAssistant
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def open(self, address: str) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self._watch()
        self.page.goto(address)
        expect(self.page.locator(BOX)).to_be_visible()

    def _watch(self) -> None:
        def console(message: object) -> None:
            if getattr(message, "type", "") in {"error", "warning"}:
                self.complaints.append(str(getattr(message, "text", message)))

        def request(asked: object) -> None:
            address = urlsplit(str(getattr(asked, "url", "")))
            local = address.hostname == "127.0.0.1" or address.scheme in {"data", "blob"}
            if not local:
                self.strangers.append(address.geturl())

        self.page.on("console", console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", request)
        self.page.on("websocket", lambda socket: self.strangers.append(socket.url))

    def ask(self, question: str = QUESTION) -> None:
        self.page.fill(BOX, question)
        self.page.press(BOX, "Enter")

    def answered(self, question: str = QUESTION, turns: int = 1) -> None:
        self.ask(question)
        expect(self.page.locator("#vd-past .vd-turn")).to_have_count(turns)
        expect(self.page.locator("#vd-ask")).to_be_visible()

    def chip(self, index: int) -> Locator:
        return self.page.locator("#vd-past .vd-chip").nth(index)


Open = Callable[..., Visit]


def in_view(target: Locator) -> bool:
    """Whether a person sees it: inside the window and not covered or scrolled away."""
    return bool(
        target.evaluate(
            """element => {
              const box = [...element.getClientRects()][0];
              if (!box) return false;
              const x = box.left + Math.min(10, box.width / 2), y = box.top + box.height / 2;
              const seen = document.elementFromPoint(x, y);
              return element === seen || element.contains(seen);
            }"""
        )
    )


def settled_in_view(target: Locator) -> None:
    """Scrolling takes a moment."""
    for _ in range(50):
        if in_view(target):
            return
        target.page.wait_for_timeout(100)
    raise AssertionError("it was not scrolled into view")
