"""One process of strongSwan's: what it is configured with, and what it says of its keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .plans import Negotiated, State, Suite, Tunnel
from .vici import Message

NAME = "tunnel"
"""Of the one connection of each process."""
PLUGINS = (
    "kernel-libipsec kernel-netlink socket-default random nonce openssl aes sha1 sha2 hmac gcm gmp curve25519 kdf "
    "pem pkcs1 pkcs8 x509 pubkey constraints vici"
)
THREADS = 16
"""Its own default. Six are too few: those of its plugins never end, and none is left for what it is asked."""
PROBE = 10
"""Seconds between questions whether the other end is alive."""
AUTHENTICATED = ("gcm", "ccm", "chacha")
"""What ciphers that need no integrity besides are called by."""


LOGGING = ("filelog {", "stderr {", "default = -1", "ike = 1", "cfg = 1", "flush_line = yes", "}", "}")


def settings(socket: Path, logged: bool = False) -> str:
    """Its strongswan.conf. Nothing of the system's own is read."""
    lines = (
        "charon-systemd {",
        f"load = {PLUGINS}",
        f"threads = {THREADS}",
        "install_routes = no",
        "install_virtual_ip = no",
        "retransmit_tries = 3",
        "retransmit_timeout = 2.0",
        "plugins {",
        "vici {",
        f"socket = unix://{socket}",
        "}",
        "kernel-libipsec {",
        "load = yes",
        "}",
        "}",
        *(LOGGING if logged else ()),
        "journal {",
        "default = -1",
        "}",
        "}",
        "",
    )
    return "\n".join(lines)


def connection(tunnel: Tunnel) -> Message:
    """What is said of the tunnel (swanctl.conf, section `connections`)."""
    spread = tunnel.margin * tunnel.fuzz // 100
    child = {
        "esp_proposals": [*proposals(tunnel.esp, "")],
        "local_ts": [tunnel.ours],
        "remote_ts": [tunnel.theirs],
        "life_time": f"{tunnel.esp.lifetime}s",
        "rekey_time": f"{tunnel.esp.lifetime - tunnel.margin}s",
        "rand_time": f"{spread}s",
        "replay_window": tunnel.window,
        "dpd_action": tunnel.then,
    }
    asked: Message = {
        "version": tunnel.versions[0] if len(tunnel.versions) == 1 else 0,
        "local_addrs": [tunnel.address],
        "remote_addrs": [tunnel.peer or "%any"],
        "proposals": [*proposals(tunnel.ike, "prf")],
        "encap": "yes",
        "mobike": "no",
        "unique": "replace",
        "rekey_time": f"{tunnel.ike.lifetime - tunnel.margin}s",
        "over_time": f"{tunnel.margin}s",
        "rand_time": f"{spread}s",
        **ends(tunnel),
        "children": {NAME: child},
    }
    if tunnel.patience:
        asked |= {"dpd_delay": f"{PROBE}s", "dpd_timeout": f"{tunnel.patience}s"}
    return {NAME: asked}


def proposals(suite: Suite, prf: str) -> Iterator[str]:
    """What may be negotiated. Ciphers that authenticate stand apart from those that need integrity besides."""
    whole = [one for one in suite.encryption if any(word in one for word in AUTHENTICATED)]
    bare = [one for one in suite.encryption if one not in whole]
    if bare:
        yield "-".join((*bare, *suite.integrity, *suite.groups))
    if whole:
        functions = [f"{prf}{one}" for one in suite.integrity] if prf else []
        yield "-".join((*whole, *functions, *suite.groups))


def ends(tunnel: Tunnel) -> Message:
    """How the ends prove who they are."""
    if (one := tunnel.certificate) is None:
        return {"local": {"auth": "psk", "id": tunnel.identity}, "remote": {"auth": "psk"}}
    other = {"auth": "pubkey", "id": f"asn1dn:#{one.subject}", "cacerts": [*one.authorities]}
    return {"local": {"auth": "pubkey", "certs": [one.own]}, "remote": other}


def credentials(tunnel: Tunnel) -> tuple[str, Message]:
    """What proves our end: the command that loads it, and its message."""
    if one := tunnel.certificate:
        return "load-key", {"type": "any", "data": one.key}
    return "load-shared", {"id": NAME, "type": "IKE", "data": tunnel.secret, "owners": []}


def state(associations: list[Message]) -> State:
    """What there is, of the answers to `list-sas`."""
    for told in associations:
        found = told.get(NAME, {})
        for child in found.get("child-sas", {}).values():
            if child.get("state") in ("INSTALLED", "REKEYING", "REKEYED"):
                return State(True, int(found["version"]), _agreed(found), _agreed(child))
    return State()


def _agreed(told: Message) -> Negotiated:
    integrity = told.get("integ-alg") or told.get("prf-alg", "")
    return Negotiated(told.get("encr-alg", ""), int(told.get("encr-keysize", 0)), integrity, told.get("dh-group", ""))


def moved(associations: list[Message]) -> tuple[int, int]:
    """How many bytes have come in and gone out by the keys that there are."""
    children = [child for told in associations for child in told.get(NAME, {}).get("child-sas", {}).values()]
    return sum(int(one.get("bytes-in", 0)) for one in children), sum(int(one.get("bytes-out", 0)) for one in children)


def said(line: str) -> str:
    """What a line of its log says, without the thread that says so; empty if nothing: `04[IKE] …`."""
    head, _, rest = line.strip().partition("] ")
    return rest if head.endswith(("[IKE", "[CFG")) else ""
