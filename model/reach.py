"""How far away a server is, and whether questions and sources may be sent there."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterable
from typing import Literal

from vademecum.errors import UsageError
from vademecum.settings import TRUE, settings

ALLOW_VARIABLE = "VADEMECUM_ALLOW_REMOTE"

Reach = Literal["loopback", "private", "public"]


def reach_of(host: str) -> Reach:
    """How far away a host is; one whose name is not known counts as public."""
    if host == "localhost" or host.endswith(".localhost"):
        return "loopback"
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return "public"
    return farthest(found)


def farthest(addresses: Iterable[str]) -> Reach:
    """How far away the farthest of some addresses is."""
    parsed = [ipaddress.ip_address(one) for one in addresses]
    plain = [getattr(one, "ipv4_mapped", None) or one for one in parsed]
    if all(one.is_loopback for one in plain):
        return "loopback"
    # Link-local ones are no network that somebody set up; clouds keep secrets there.
    near = all(one.is_loopback or (one.is_private and not one.is_link_local) for one in plain)
    return "private" if near else "public"


def permit(reach: Reach, shown: str, allow_remote: bool | None) -> None:
    """Raise UsageError where nothing may be sent."""
    if reach != "loopback" and settings().offline:
        raise UsageError(
            f"VADEMECUM_OFFLINE forbids asking {shown}", "unset it, or use a server on this machine"
        )
    if allow_remote is None:
        allow_remote = os.environ.get(ALLOW_VARIABLE, "").lower() in TRUE
    if reach == "public" and not allow_remote:
        raise UsageError(
            f"{shown} is not on this machine or its private network: questions and the text of "
            "sources would be sent there",
            f"if that is meant, set {ALLOW_VARIABLE}=1 (in Python: allow_remote=True)",
        )
