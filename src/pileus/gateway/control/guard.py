"""Keeping web pages away: a page in the user's browser may neither change this cloud nor read what is in it.

A page of another site can send simple requests anywhere, but browsers then add an Origin header (Fetch standard,
section 3.1). One whose name was made to point here (DNS rebinding) has an Origin of its own, but cannot hide its Host.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from pileus.gateway.message import Request

from .answers import Refused

LOCAL = ("localhost", "host.docker.internal", "localhost.localstack.cloud")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def check(request: Request, listening: str) -> None:
    """Refuse what a web page of another site sends. `listening` is the host that the server was told to listen on."""
    if listening in LOOPBACK and request.host and not local(name(f"//{request.host}")):
        raise Refused(403, f"{request.host} is no name of this machine.")
    if request.method in ("GET", "HEAD"):
        return
    origin = request.headers.get("origin")
    if origin and not local(name(origin)) and not origin.endswith(f"://{request.host}"):
        raise Refused(403, f"A page of {origin} may not change this cloud.")


def name(url: str) -> str:
    """The host of a URL, in lower case; empty where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def local(host: str) -> bool:
    """Whether a name means this machine wherever it is resolved (RFC 6761, 6.3), or by LocalStack's convention."""
    numeric = host.replace(".", "").isdigit() and host.startswith("127.")
    return host in LOCAL or host == "::1" or numeric or host.endswith(tuple(f".{known}" for known in LOCAL))
