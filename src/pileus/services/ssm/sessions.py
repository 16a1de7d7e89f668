"""Sessions: a shell on a node, or one command at a terminal of it, without SSH and without an open port.

Systems Manager User Guide, "AWS Systems Manager Session Manager". Left out: forwarding of ports, resuming, logs of
sessions, preferences, and the time after which an idle session ends.
"""

from __future__ import annotations

import hashlib
from typing import Any

from pileus.kernel import Call, Fault, Record, Unfinished, names

from . import changes, ssm
from .commands import arguments, filled, paged
from .documents import AMAZONS, version_of
from .nodes import node

Members = dict[str, Any]

SHELL = "SSM-SessionManagerRunShell"
INTERACTIVE, NON_INTERACTIVE = "AWS-StartInteractiveCommand", "AWS-StartNonInteractiveCommand"
CONNECTING, CONNECTED, TERMINATED = "Connecting", "Connected", "Terminated"
TOKEN_SECONDS = 60.0
"""How long the token is good that opens the channel."""
KEPT = 30 * 86400.0
MOST_LISTED = 50
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class Session(Record, kw_only=True):
    """A session."""

    id: str
    target: str
    owner: str
    document: str
    reason: str
    command: str
    """What runs at the terminal; empty for a shell."""
    started: float
    digest: bytes
    """Of the token that opens its channel."""
    until: float
    """Until when that is good."""
    status: str = CONNECTING
    ended: float = 0.0


@ssm.operation
def start_session(
    call: Call, target: str, document_name: str = "", reason: str = "", parameters: dict[str, list[str]] = {}
) -> Members:
    """A session, and where its channel is to be opened within a minute."""
    command = wanted(call, document_name or SHELL, parameters)
    if node(call, target) is None:
        raise Fault("TargetNotConnected", f"{target} is not connected.")
    who = call.principal.arn.rpartition("/")[2].rpartition(":")[2]
    token = names.token(64)
    session = Session(
        id=f"{who}-{names.token(26, ALPHABET)}",
        target=target,
        owner=call.principal.arn,
        document=document_name or SHELL,
        reason=reason,
        command=command,
        started=call.now,
        digest=digest(token),
        until=call.now + TOKEN_SECONDS,
    ).put(call)
    place = call.url(f"_pileus/at/ssm/data-channel/{call.account}.{call.region}.{session.id}")
    return {"SessionId": session.id, "TokenValue": token, "StreamUrl": place.replace("http", "ws", 1)}


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def wanted(call: Call, document: str, parameters: dict[str, list[str]]) -> str:
    """The command that a session runs, by its document and parameters; empty for a shell."""
    if document == SHELL:
        return ""
    if document in (INTERACTIVE, NON_INTERACTIVE):
        if not parameters.get("command"):
            raise Fault("ValidationException", "The parameter command is required by the document.", status=400)
        return parameters["command"][0]
    if document.startswith(("AWS-", "SSM-")) or document in AMAZONS:
        raise Unfinished(f"Pileus has no sessions of {document} yet.")
    told, _ = version_of(call, document)
    if told.get("sessionType") not in ("Standard_Stream", "InteractiveCommands", "NonInteractiveCommands"):
        raise Unfinished(f"Pileus has no sessions of type {told.get('sessionType')} yet.")
    properties = filled(told.get("properties") or {}, arguments(told, parameters))
    return str((properties.get("linux") or {}).get("commands") or "")


@ssm.operation
def terminate_session(call: Call, session_id: str) -> Members:
    """End a session, whoever is at it. One that is not there has ended."""
    session = Session.get(call, session_id)
    if session and session.status != TERMINATED:
        terminated(call, session)
        call.wake(("ssm-session", session.id))
    return {"SessionId": session_id}


def terminated(call: Call, session: Session) -> None:
    session.status, session.ended = TERMINATED, call.now
    session.put(call)


def status(call: Call, session: Session) -> str:
    """What a session is: one whose channel nobody holds, or was never opened in time, has ended."""
    if session.status == CONNECTED and ("ssm-session", session.id) not in call.cloud.waiters:
        return TERMINATED
    if session.status == CONNECTING and session.until <= call.now:
        return TERMINATED
    return session.status


@ssm.operation
def describe_sessions(
    call: Call, state: str, max_results: int = MOST_LISTED, next_token: str = "", filters: list[Members] = []
) -> Members:
    """The sessions that go on, or those of thirty days that have ended, the latest first."""
    found = []
    for one in sorted(Session.scan(call), key=lambda one: -one.started):
        over = status(call, one) == TERMINATED
        if over == (state == "History") and one.started + KEPT > call.now and fits(call, one, filters):
            found.append(shown(call, one))
    return paged(call, "Sessions", found, max_results, next_token)


def fits(call: Call, session: Session, filters: list[Members]) -> bool:
    held = {
        "Target": session.target,
        "Owner": session.owner,
        "Status": status(call, session),
        "SessionId": session.id,
        "AccessType": "Standard",
    }
    for one in filters:
        key, value = one["key"], one["value"]
        if key == "InvokedAfter" and not changes.stamp(session.started) > value:
            return False
        if key == "InvokedBefore" and not changes.stamp(session.started) < value:
            return False
        if key in held and held[key] != value:
            return False
    return True


def shown(call: Call, session: Session) -> Members:
    """Session."""
    now = status(call, session)
    return {
        "SessionId": session.id,
        "Target": session.target,
        "Status": now,
        "StartDate": session.started,
        "EndDate": (session.ended or session.until) if now == TERMINATED else None,
        "DocumentName": session.document,
        "Owner": session.owner,
        "Reason": session.reason or None,
        "AccessType": "Standard",
        "OutputUrl": {},
    }
