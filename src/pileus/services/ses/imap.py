"""The cloud's mailboxes by IMAP: `pileus up --listen ses/imap=1143`, or `ses/imaps=9930` for TLS from the beginning.

Whose mailbox it is says the name that one logs in with: an address, `@` and a domain, an account for all that it has
sent, or `*` for everything. The password may be any, as `/_pileus/mail` asks for none either.
"""

from __future__ import annotations

import asyncio
import ssl

from pileus.engines.imap.boxes import Entry
from pileus.engines.imap.session import Session
from pileus.kernel import outbox
from pileus.kernel.cloud import Cloud
from pileus.kernel.outbox import Delivery, Sent

from . import ses

LONGEST_LINE = 1 << 16


class Mailbox:
    """Letters of the outbox that lie in one mailbox."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self._cloud = cloud
        self._call = cloud.system
        self._name = name

    @property
    def validity(self) -> int:
        numbering = outbox.Numbering.get(self._call, "mail")
        return numbering.begun if numbering else 1

    def entries(self) -> list[Entry]:
        return [self.entry(one) for one in Delivery.scan(self._call, self._name)]

    def entry(self, delivery: Delivery) -> Entry:
        def raw() -> bytes:
            sent = Sent.get(self._call, "mail", delivery.at, delivery.id)
            return sent.raw if sent else b""

        return Entry(delivery.number, delivery.at, frozenset(delivery.flags), raw)

    def flag(self, uid: int, flags: frozenset[str]) -> None:
        with self._cloud.store.attempt():
            if found := Delivery.get(self._call, self._name, uid):
                found.flags = sorted(flags)
                found.put(self._call)

    def remove(self, uids: list[int]) -> None:
        """Remove letters from this mailbox; they stay in others."""
        with self._cloud.store.attempt():
            for uid in uids:
                if found := Delivery.get(self._call, self._name, uid):
                    found.delete(self._call)

    async def changed(self) -> None:
        await self._cloud.waiters.wait((Delivery, self._name))


def opened(cloud: Cloud, user: str, password: str) -> Mailbox | None:
    name = user.strip().lower()
    known = "@" in name or name == outbox.EVERYBODY or (len(name) == 12 and name.isdigit())
    return Mailbox(cloud, name) if known else None


class Listener:
    """A port, and who is connected to it."""

    def __init__(self, cloud: Cloud, context: ssl.SSLContext, *, implicit: bool) -> None:
        self._cloud = cloud
        self._context = None if implicit else context
        self._implicit = context if implicit else None
        self._server: asyncio.Server
        self._running: set[asyncio.Task[None]] = set()

    async def open(self, host: str, port: int) -> Listener:
        self._server = await asyncio.start_server(self._connected, host, port, ssl=self._implicit, limit=LONGEST_LINE)
        return self

    @property
    def port(self) -> int:
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._running.add(task)
        session = Session(reader, writer, lambda user, password: opened(self._cloud, user, password), self._context)
        try:
            await session.run()
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, ValueError):
            pass  # the client is gone, or has said what is no line
        finally:
            self._running.discard(task)
            writer.close()

    async def close(self) -> None:
        self._server.close()
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


async def open_port(cloud: Cloud, host: str, port: int, *, implicit: bool) -> Listener:
    assert cloud.tls
    return await Listener(cloud, cloud.tls(), implicit=implicit).open(host, port)


@ses.listener(name="imap")
async def listen_imap(cloud: Cloud, host: str, port: int) -> Listener:
    """Show mailboxes on a port, with STARTTLS."""
    return await open_port(cloud, host, port, implicit=False)


@ses.listener(name="imaps")
async def listen_imaps(cloud: Cloud, host: str, port: int) -> Listener:
    """Show mailboxes on a port that speaks TLS from the beginning."""
    return await open_port(cloud, host, port, implicit=True)
