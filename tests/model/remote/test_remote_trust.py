"""Nothing leaves the private network unless it was allowed, and the key goes to no log."""

from __future__ import annotations

import pytest
from remote_support import (
    KEY,
    Connect,
    Served,
    ask,
    check,
    closed_port,
    said,
)

from vademecum.errors import (
    UsageError,
)
from vademecum.model import remote_server
from vademecum.model.remote import RemoteModel


@pytest.mark.parametrize(
    "url",
    [
        "https://8.8.8.8/v1",
        "http://[2001:4860:4860::8888]:8000",
        "http://169.254.10.1",
        "http://[fe80::1]:8000",
    ],
)
def test_nothing_leaves_the_private_network_unless_allowed(url: str) -> None:
    with pytest.raises(UsageError, match="not on this machine") as caught:
        RemoteModel(url, api_key=KEY)
    assert "VADEMECUM_ALLOW_REMOTE" in caught.value.hint
    check(caught.value)


def test_a_name_that_moves_out_of_the_private_network_is_not_followed(
    served: Served, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = connect()
    asked = len(served.asked)
    model.close()
    model._server._client = model._server.connect()  # as once its idle connections are gone
    monkeypatch.setattr(remote_server, "farthest", lambda _: "public")
    for ask_it in (lambda: ask(model), lambda: model.count_tokens("four"), connect):
        with pytest.raises(UsageError, match="not on this machine"):
            ask_it()
    assert len(served.asked) == asked


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_it_may_be_allowed(monkeypatch: pytest.MonkeyPatch, served: Served, by: str) -> None:
    """Then a proxy of the environment is used, as anything sent far away would."""
    if by == "environment":
        monkeypatch.setenv("VADEMECUM_ALLOW_REMOTE", "1")
    proxy_of = served.url
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, proxy_of)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    served.status["http://8.8.8.8/v1/models"] = (200, '{"data": [{"id": "far"}]}')
    allow = True if by == "argument" else None
    model = RemoteModel("http://8.8.8.8", allow_remote=allow)
    assert model.name == "far"
    model.close()


def test_offline_means_this_machine_only(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> None:
    monkeypatch.setenv("VADEMECUM_OFFLINE", "1")
    assert connect().name == "plain"
    with pytest.raises(UsageError, match="VADEMECUM_OFFLINE"):
        RemoteModel("http://10.0.0.1", allow_remote=True)


def test_no_proxy_stands_between_us_and_this_machine(
    monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    with closed_port() as port:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        assert connect().name == "plain"


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000", "ftp://127.0.0.1", "http://", f"http://me:{KEY}@127.0.0.1"]
)
def test_an_address_is_checked_and_a_password_in_it_not_repeated(url: str) -> None:
    with pytest.raises(UsageError, match="address") as caught:
        RemoteModel(url)
    check(caught.value)


def test_the_key_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, served: Served, connect: Connect
) -> None:
    monkeypatch.setenv("VADEMECUM_REMOTE_KEY", f" {KEY}\n")
    connect()
    assert served.asked[0][2] == f"Bearer {KEY}"


def test_a_key_that_no_header_can_hold_is_not_repeated(connect: Connect) -> None:
    with pytest.raises(UsageError, match="key") as caught:
        connect(api_key=f"{KEY}\nX: y")
    check(caught.value)


def test_the_key_is_in_no_log(
    served: Served, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    served.stream = said("Yes.")
    with caplog.at_level("DEBUG"):
        ask(connect(api_key=KEY))
    assert caplog.records
    assert KEY not in caplog.text
