"""The keys with which identity providers elsewhere sign tokens, fetched from where their customers say (OpenID Connect
Discovery 1.0), and kept for a while.

A provider's TLS certificate is trusted if the machine trusts it, or if it, or an authority in the chain that the
provider sends, has one of the thumbprints that were registered. Without TLS only this machine itself is asked.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl

KEPT = 300.0
FRESH = 10.0
"""Real seconds: for how long keys are kept, and for how long nobody asks again for one that was not among them."""
PATIENCE = 5.0

Json = dict[str, Any]


class Unreachable(Exception):
    """There is nobody at the provider's address, or nobody who could be trusted."""


class Unusable(Exception):
    """What is at the provider's address is no description of a provider, or no set of keys."""


class Fetched(NamedTuple):
    at: float
    keys: list[Json]


class KeySets:
    """Keys by issuer. Memory, and no more."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, tuple[str, ...]], Fetched] = {}

    async def key(self, issuer: str, thumbprints: tuple[str, ...], key_id: str | None) -> Json | None:
        """The key (RFC 7517) of that id of an issuer; one without an id where there is but one."""
        held = self._held.get((issuer, thumbprints))
        age = time.monotonic() - held.at if held else KEPT
        if held and age < KEPT and ((found := chosen(held.keys, key_id)) or age < FRESH):
            return found
        keys = await fetched(issuer, thumbprints)
        if len(self._held) >= 1024:
            self._held.clear()
        self._held[issuer, thumbprints] = Fetched(time.monotonic(), keys)
        return chosen(keys, key_id)


def chosen(keys: list[Json], key_id: str | None) -> Json | None:
    if key_id is None:
        return keys[0] if len(keys) == 1 else None
    return next((key for key in keys if key.get("kid") == key_id), None)


async def fetched(issuer: str, thumbprints: tuple[str, ...]) -> list[Json]:
    """The keys of an issuer, by way of its own description of itself."""
    about = await document(f"{issuer.rstrip('/')}/.well-known/openid-configuration", thumbprints)
    if str(about.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
        raise Unusable("the description is another issuer's")
    place = str(about.get("jwks_uri", ""))
    if issuer.startswith("https:") and not place.startswith("https:"):
        raise Unusable("an issuer with TLS has its keys elsewhere, without")
    keys = (await document(place, thumbprints)).get("keys")
    if not isinstance(keys, list):
        raise Unusable("there are no keys")
    return [key for key in keys if isinstance(key, dict) and key.get("use", "sig") == "sig"]


async def document(url: str, thumbprints: tuple[str, ...]) -> Json:
    try:
        found = json.loads(await body(url, thumbprints))
    except (ValueError, RecursionError) as error:
        raise Unusable(f"{url} is no JSON") from error
    if not isinstance(found, dict):
        raise Unusable(f"{url} is no JSON object")
    return found


async def body(url: str, thumbprints: tuple[str, ...]) -> bytes:
    """What is at an address."""
    from . import web

    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or (parts.scheme == "http" and not is_here(host)):
        raise Unusable(f"{url} is no address of a provider")
    trust = None
    if parts.scheme == "https" and thumbprints:
        trust = await asyncio.to_thread(trusting, host, parts.port or 443, thumbprints)
    try:
        answer = await web.request("GET", url, seconds=PATIENCE, trust=trust)
    except web.Unreachable as error:
        raise Unreachable(str(error)) from error
    if answer.status != 200:
        raise Unreachable(f"{url} answers {answer.status}")
    return answer.body


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def trusting(host: str, port: int, thumbprints: tuple[str, ...]) -> ssl.SSLContext | None:
    """Whom to trust at an address: an authority that was registered by its thumbprint; None for the usual ones.

    That the provider sends a certificate with the thumbprint does not make it trusted: the connection is then made
    again, with this certificate as the only one to which the provider's own must lead.
    """
    import ssl

    known = {thumbprint.lower() for thumbprint in thumbprints}
    try:
        certificates = sent(host, port)
    except OSError as error:
        raise Unreachable(f"{host}: {error}") from error
    for certificate in certificates:
        if hashlib.sha1(certificate).hexdigest() in known:
            anchor = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            anchor.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            anchor.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(certificate))
            return anchor
    return None


def sent(host: str, port: int) -> list[bytes]:
    """The certificates that are sent at an address, its own first, none of them trusted yet."""
    import socket
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        if hasattr(connection, "get_unverified_chain"):  # Python 3.13
            return list(connection.get_unverified_chain())
        chain = connection._sslobj.get_unverified_chain() or []  # type: ignore[attr-defined]
        return [one.public_bytes(2) for one in chain]  # 2 is _ssl.ENCODING_DER
