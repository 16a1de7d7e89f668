"""A session's channel: what is typed goes to a terminal on the node, and what that shows comes back.

The agent opens with a handshake; each message of the client's is acknowledged, and taken once and in its order. On the
node the session is ssm-user's, who may become root (User Guide, "Turn off or turn on ssm-user account administrative
permissions").
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from typing import Any

from pileus.engines.machine import Machine
from pileus.engines.machine.session import Session as Terminal
from pileus.kernel import Call
from pileus.kernel.edge import Socket

from . import ssm
from .channel import ACKNOWLEDGE, CLOSED, INPUT, OUTPUT, Malformed, Message, Payload, unpacked
from .nodes import AGENT, machine
from .sessions import CONNECTED, CONNECTING, TERMINATED, Session, digest, terminated

USER = "ssm-user"
MAKE_USER = (
    f"id {USER} >/dev/null 2>&1 || useradd --create-home --shell /bin/sh {USER}; mkdir -p /etc/sudoers.d; "
    f"echo '{USER} ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/ssm-agent-users; chmod 440 /etc/sudoers.d/ssm-agent-users"
)
SHELL = ["sh", "-c", 'cd /usr/bin; exec "${SHELL:-sh}" -i']
LAST_WORDS = 0.2
"""Seconds for what a terminal still has to show when its program has ended."""
TERMINATE = 2
"""The flag by which a client ends the session."""


@ssm.socket
async def data_channel(call: Call, socket: Socket, kind: str, place: str) -> None:
    """Hold a session's channel until either side ends it."""
    account, region, session_id = (*place.split(".", 2), "", "")[:3]
    there = call.at(account=account, region=region)
    await socket.accept()
    opening = json.loads(await socket.receive())
    session = opened(there, session_id, str(opening.get("TokenValue", "")))
    found = machine(there, session.target) if session else None
    if session is None or found is None:
        return
    channel = Channel(there, socket, session)
    ending = asyncio.ensure_future(there.wait(("ssm-session", session.id)))
    try:
        await channel.handshake()
        await found.run("sh", "-c", MAKE_USER)
        await channel.hold(found, ending)
    finally:
        ending.cancel()
        with there.transaction():
            if (now := Session.get(there, session.id)) and now.status != TERMINATED:
                terminated(there, now)


def opened(call: Call, session_id: str, token: str) -> Session | None:
    """The session that a token opens, once."""
    with call.transaction():
        session = Session.get(call, session_id)
        if session is None or session.status != CONNECTING or session.until <= call.now:
            return None
        if session.digest != digest(token):
            return None
        session.status = CONNECTED
        session.put(call)
        return session


class Channel:
    """The agent's end of a channel."""

    def __init__(self, call: Call, socket: Socket, session: Session) -> None:
        self._call = call
        self._socket = socket
        self._session = session
        self._sent = 0
        self._next = 0
        """The number of the client's message that is taken next."""
        self._early: dict[int, Message] = {}
        self._size = (24, 80)

    async def say(self, kind: Payload, payload: bytes) -> None:
        flags = 1 if self._sent == 0 else 0
        await self._send(Message(OUTPUT, payload, kind, self._sent, flags=flags))
        self._sent += 1

    async def _send(self, message: Message) -> None:
        created = round(self._call.cloud.clock.now() * 1000)
        await self._socket.send(message._replace(created=created, id=uuid.uuid4()).packed())

    async def handshake(self) -> None:
        """Agree on what the session is."""
        action = {"SessionType": "Standard_Stream", "Properties": None}
        asked = {
            "AgentVersion": AGENT,
            "RequestedClientActions": [{"ActionType": "SessionType", "ActionParameters": action}],
        }
        await self.say(Payload.HANDSHAKE_REQUEST, json.dumps(asked).encode())
        while True:
            for message in await self.heard():
                if message.kind == Payload.HANDSHAKE_RESPONSE:
                    done = {"HandshakeTimeToComplete": 0, "CustomerMessage": ""}
                    await self.say(Payload.HANDSHAKE_COMPLETE, json.dumps(done).encode())
                    return
                if message.kind == Payload.SIZE:
                    self._size = sized(message.payload)

    async def heard(self) -> list[Message]:
        """The client's next messages that are in their order; none, if it only acknowledges."""
        data = await self._socket.receive()
        try:
            message = unpacked(data if isinstance(data, bytes) else data.encode())
        except Malformed:
            return []
        if message.type != INPUT:
            return []
        await self._acknowledge(message)
        if message.sequence >= self._next:
            self._early[message.sequence] = message
        ready = []
        while self._next in self._early:
            ready.append(self._early.pop(self._next))
            self._next += 1
        return ready

    async def _acknowledge(self, message: Message) -> None:
        told = {
            "AcknowledgedMessageType": message.type,
            "AcknowledgedMessageId": str(message.id),
            "AcknowledgedMessageSequenceNumber": message.sequence,
            "IsSequentialMessage": True,
        }
        await self._send(Message(ACKNOWLEDGE, json.dumps(told).encode(), flags=3))

    async def hold(self, found: Machine, ending: asyncio.Future[Any]) -> None:
        """Be between the client and a terminal until one of them, or somebody else, has enough."""
        command = self._session.command
        argv = ["sh", "-c", command] if command else SHELL
        async with found.session(argv, USER, self._size) as terminal:
            tasks = {asyncio.ensure_future(self._show(terminal)), asyncio.ensure_future(self._type(terminal))}
            try:
                await asyncio.wait({*tasks, ending, terminal.ended}, return_when=asyncio.FIRST_COMPLETED)
                if terminal.ended.done():  # what it said last may still be on its way
                    await asyncio.wait(tasks, timeout=LAST_WORDS, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        told = {
            "MessageType": CLOSED,
            "MessageId": str(uuid.uuid4()),
            "SessionId": self._session.id,
            "SchemaVersion": 1,
            "Output": "",
        }
        with contextlib.suppress(Exception):  # the client may have gone first
            await self._send(Message(CLOSED, json.dumps(told).encode()))

    async def _show(self, terminal: Terminal) -> None:
        while shown := await terminal.read():
            await self.say(Payload.OUTPUT, shown)

    async def _type(self, terminal: Terminal) -> None:
        while True:
            for message in await self.heard():
                if message.kind == Payload.OUTPUT:
                    terminal.write(message.payload)
                elif message.kind == Payload.SIZE:
                    terminal.resize(*sized(message.payload))
                elif message.kind == Payload.FLAG and int.from_bytes(message.payload[:4], "big") == TERMINATE:
                    return


def sized(payload: bytes) -> tuple[int, int]:
    """Rows and columns."""
    told = json.loads(payload)
    return int(told["rows"]), int(told["cols"])
