"""The door of the page: this machine only, nothing fetched from elsewhere, nothing left open."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from web_support import CORPUS, ScriptedAssistant, Shelf

from vademecum.app import web
from vademecum.app.web_kept import TIDY_S, Keep
from vademecum.app.web_server import Streams, bypass_proxy, free_port, is_loopback
from vademecum.errors import CorpusNotFound, UsageError


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    page = web.serve(ScriptedAssistant(), CORPUS, port=0, block=False)
    yield page.address
    page.close()


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, trust_env=False, timeout=30)


def test_the_page_is_served_on_loopback(address: str) -> None:
    assert address.startswith("http://127.0.0.1:")
    assert get(address).status_code == 200


def test_it_is_ready_once_it_answers() -> None:
    port = free_port("127.0.0.1", 0)
    found: list[int] = []

    def ready() -> None:
        found.append(get(f"http://127.0.0.1:{port}").status_code)

    web.serve(ScriptedAssistant(), CORPUS, port=port, block=False, ready=ready).close()
    assert found == [200]


def test_the_page_may_load_nothing_from_elsewhere(address: str) -> None:
    policy = get(address).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert get(address).headers["referrer-policy"] == "no-referrer"


def test_the_page_asks_for_no_font_and_no_analytics(address: str) -> None:
    config = get(f"{address}config").json()
    assert config["analytics_enabled"] is False
    assert config["stylesheets"] == []
    assert config["footer_links"] == []
    assert config["run_history"] is False


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "10.0.0.1", ""])
def test_a_foreign_host_name_is_refused(address: str, host: str) -> None:
    assert get(address, host=host).status_code == 421


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:80"])
def test_loopback_names_are_welcome(address: str, host: str) -> None:
    assert get(address, host=host).status_code == 200


def test_no_function_is_named_in_the_api(address: str) -> None:
    info = get(f"{address}gradio_api/info").json()
    assert info == {"named_endpoints": {}, "unnamed_endpoints": {}}


def test_files_of_this_machine_are_not_served(address: str) -> None:
    assert get(f"{address}gradio_api/file=/etc/hostname").status_code in {403, 404}
    own = os.path.abspath(web.__file__)  # noqa: PTH100
    assert get(f"{address}gradio_api/file={own}").status_code in {403, 404}


def test_nothing_can_be_uploaded(address: str) -> None:
    sent = httpx.post(
        f"{address}gradio_api/upload",
        files={"files": ("big.txt", b"x" * 1_000)},
        trust_env=False,
        timeout=30,
    )
    assert sent.status_code in {400, 413}


def test_a_port_in_use_is_an_error_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="cannot be served") as caught:
            web.serve(ScriptedAssistant(), CORPUS, port=taken.getsockname()[1], block=False)
    assert "--port" in caught.value.hint


def test_a_corpus_that_is_not_there_is_an_error() -> None:
    with pytest.raises(CorpusNotFound):
        web.build(ScriptedAssistant(), "nothing")


def test_port_0_takes_a_free_one() -> None:
    assert free_port("127.0.0.1", 0) > 0


def test_a_page_that_is_closed_waits_for_those_that_follow_an_answer() -> None:
    streams = Streams()
    assert streams.ended(within_s=0)
    with streams.one():
        assert not streams.ended(within_s=0)
    assert streams.ended(within_s=0)


def test_conversations_are_tidied_as_long_as_the_page_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []

    class Watched(Keep):
        @contextmanager
        def tidied(self, every_s: float = TIDY_S) -> Iterator[None]:
            told.append("begins")
            yield
            told.append("ends")

    monkeypatch.setattr(web, "Keep", Watched)
    page = web.serve(ScriptedAssistant(), CORPUS, port=0, block=False)
    assert told == ["begins"]
    page.close()
    assert told == ["begins", "ends"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.168.1.4", False),
        ("localhost.evil.example", False),
    ],
)
def test_what_loopback_is(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_requests_to_ourselves_take_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "corp.example,localhost")
    monkeypatch.setenv("NO_PROXY", "")
    bypass_proxy("127.0.0.1")
    assert os.environ["no_proxy"] == "corp.example,localhost,127.0.0.1,::1"
    assert os.environ["NO_PROXY"] == "127.0.0.1,localhost,::1"


def choices(page: Any) -> list[str]:
    (dropdown,) = [each for each in page.blocks.values() if each.elem_id == "vd-corpus"]
    assert dropdown.visible is (len(dropdown.choices) > 1)
    return [name for name, _ in dropdown.choices]


def test_corpora_can_be_chosen_where_there_are_several() -> None:
    assert choices(web.build(ScriptedAssistant(), CORPUS)) == [CORPUS]
    two = ScriptedAssistant(library=Shelf(names=(CORPUS, "oncology")))
    assert choices(web.build(two, "oncology")) == [CORPUS, "oncology"]
