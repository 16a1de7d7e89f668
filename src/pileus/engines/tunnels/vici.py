"""How one speaks to strongSwan: its own protocol (README of its plugin vici), over a socket.

Messages are sections of values, lists and further sections; here they are dicts of strings, lists and dicts.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

REQUEST, RESPONSE, UNKNOWN, REGISTER, _UNREGISTER, CONFIRM, NO_EVENT, EVENT = range(8)
SECTION, END, VALUE, LIST, ITEM, LIST_END = range(1, 7)

Message = dict[str, Any]


class Refused(Exception):
    """strongSwan does not do what it was asked for."""


def packed(message: Message) -> bytes:
    return b"".join(_elements(message))


def _elements(message: Message) -> Iterator[bytes]:
    for name, value in message.items():
        if isinstance(value, dict):
            yield bytes((SECTION,)) + _name(name) + packed(value) + bytes((END,))
        elif isinstance(value, list | tuple):
            items = b"".join(bytes((ITEM,)) + _text(item) for item in value)
            yield bytes((LIST,)) + _name(name) + items + bytes((LIST_END,))
        else:
            yield bytes((VALUE,)) + _name(name) + _text(value)


def _name(name: str) -> bytes:
    return bytes((len(name),)) + name.encode()


def _text(value: object) -> bytes:
    text = str(value).encode()
    return struct.pack(">H", len(text)) + text


def unpacked(data: bytes) -> Message:
    """A message. The last section that was begun is the one that values go to."""
    sections: list[Message] = [{}]
    listed: list[str] = []
    at = 0

    def take(length: int) -> bytes:
        nonlocal at
        at += length
        return data[at - length : at]

    while at < len(data):
        kind = take(1)[0]
        if kind in (SECTION, VALUE, LIST):
            name = take(take(1)[0]).decode()
        if kind == SECTION:
            sections.append(sections[-1].setdefault(name, {}))
        elif kind == END:
            sections.pop()
        elif kind == LIST:
            listed = sections[-1][name] = []
        elif kind in (VALUE, ITEM):
            text = take(struct.unpack(">H", take(2))[0]).decode(errors="replace")
            if kind == ITEM:
                listed.append(text)
            else:
                sections[-1][name] = text
    return sections[0]


class Conversation:
    """One connection: commands one after another, and events as they come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def begun(cls, path: Path) -> Conversation:
        return cls(*await asyncio.open_unix_connection(path))

    async def ask(self, command: str, message: Message | None = None, streamed: str = "") -> list[Message]:
        """Have a command carried out: the answers that it streams by an event, or its one answer."""
        if streamed:
            await self._register(streamed)
        self._send(REQUEST, command, packed(message or {}))
        events = []
        while True:
            kind, data = await self._next()
            if kind == EVENT:
                events.append(unpacked(data[1 + data[0] :]))
                continue
            if kind != RESPONSE:
                raise Refused(f"strongSwan knows no {command}")
            answer = unpacked(data)
            if answer.get("success") == "no":
                raise Refused(f"{command}: {answer.get('errmsg')}")
            return events if streamed else [answer]

    async def heard(self, *names: str) -> AsyncIterator[str]:
        """The names of these events as they come, for as long as strongSwan runs; and first none, when it listens."""
        for name in names:
            await self._register(name)
        yield ""
        while True:
            try:
                kind, data = await self._next()
            except asyncio.IncompleteReadError:
                return
            if kind == EVENT:
                yield data[1 : 1 + data[0]].decode()

    async def _register(self, event: str) -> None:
        self._send(REGISTER, event)
        while (await self._next())[0] not in (CONFIRM, NO_EVENT):
            pass

    def _send(self, kind: int, name: str, data: bytes = b"") -> None:
        body = bytes((kind,)) + _name(name) + data
        self._writer.write(struct.pack(">I", len(body)) + body)

    async def _next(self) -> tuple[int, bytes]:
        size = struct.unpack(">I", await self._reader.readexactly(4))[0]
        body = await self._reader.readexactly(size)
        return body[0], body[1:]

    def close(self) -> None:
        self._writer.close()
