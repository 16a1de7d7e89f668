"""The outbox: mail, text messages and pushes that the cloud would have sent into the world.

`/_pileus/mail` lists letters, the latest first; `?to=`, `?account=` and `?limit=` narrow it. `/_pileus/mail/ID` is one
letter as it was sent (RFC 5322). `/_pileus/sms` and `/_pileus/push` list the others. DELETE empties a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pileus import durations
from pileus.gateway.message import Request, Response
from pileus.kernel.outbox import Delivery, Sent

from .answers import Refused, parameter

if TYPE_CHECKING:
    from .control import Control

MOST = 1000


def listed(control: Control, request: Request, kind: str) -> dict[str, Any]:
    to, account = parameter(request, "to"), parameter(request, "account")
    limit = parameter(request, "limit")
    most = min(int(limit), MOST) if limit.isdecimal() else MOST
    found: list[dict[str, Any]] = []
    for sent in Sent.scan(control.server.cloud.system, kind, reverse=True):
        if len(found) == most:
            break
        if (not to or to in sent.to) and account in ("", sent.account):
            found.append(described(sent))
    return {kind: found}


def described(sent: Sent) -> dict[str, Any]:
    about = {"id": sent.id, "at": durations.iso(sent.at), "account": sent.account, "region": sent.region}
    return about | {"from": sent.sender, "to": sent.to, "subject": sent.subject, "text": sent.text} | sent.more


def cleared(control: Control, kind: str) -> dict[str, Any]:
    cloud = control.server.cloud
    with cloud.store.attempt():
        if kind == "mail":
            Delivery.delete_all(cloud.system)
        return {"deleted": Sent.delete_all(cloud.system, kind)}


def mail(control: Control, request: Request) -> dict[str, Any]:
    return listed(control, request, "mail")


def sms(control: Control, request: Request) -> dict[str, Any]:
    return listed(control, request, "sms")


def push(control: Control, request: Request) -> dict[str, Any]:
    return listed(control, request, "push")


def clear_mail(control: Control, request: Request) -> dict[str, Any]:
    return cleared(control, "mail")


def clear_sms(control: Control, request: Request) -> dict[str, Any]:
    return cleared(control, "sms")


def clear_push(control: Control, request: Request) -> dict[str, Any]:
    return cleared(control, "push")


def one_mail(control: Control, request: Request, identity: str) -> Response:
    """A letter as it was sent."""
    for sent in Sent.scan(control.server.cloud.system, "mail", reverse=True):
        if sent.id == identity:
            return Response(200, [("content-type", "message/rfc822")], sent.raw)
    raise Refused(404, f"There is no letter {identity}.")
