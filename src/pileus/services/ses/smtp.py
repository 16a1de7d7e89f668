"""SMTP: `pileus up --listen ses=2525,ses/tls=4650` takes mail there, with STARTTLS on the one and TLS on the other.

Whoever logs in sends, as through SendRawEmail, and gets SES's own replies ("Amazon SES SMTP issues", Developer Guide).
Whoever does not is a mail server of the world that brings mail for a domain which the cloud receives for. So one port
plays both `email-smtp` and `inbound-smtp`. Needs the extra `mail`.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any

from pileus.kernel import Fault, Unfinished, names
from pileus.kernel.cloud import Cloud
from pileus.kernel.store import StoreFailed

from . import arrivals, identities, letters, ses, smtp_credentials
from .arrivals import Envelope, Refusal
from .smtp_credentials import Sender

MOST_RECIPIENTS = 50
TLS_FIRST = "530 Must issue a STARTTLS command first"
LOGIN_FIRST = "530 Authentication required"
BUSY = "451 Temporary service failure"


class Door:
    """What aiosmtpd asks at each command of a conversation. A conversation's state is in its session and envelope."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> Any:
        from aiosmtpd.smtp import AuthResult

        key, password = (part.decode("utf-8", "replace") for part in (given.login, given.password))
        if found := smtp_credentials.sender(self.cloud, key, password):
            return AuthResult(success=True, auth_data=found, message="235 Authentication successful.")
        return AuthResult(success=False, handled=False, message="535 Authentication Credentials Invalid")

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        address = bare(address)
        if session.authenticated and "@" not in address:
            return "501 Invalid MAIL FROM address provided"
        envelope.mail_from = address or "<>"  # what is empty counts as not said
        return "250 Ok"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        address = bare(address)
        if len(envelope.rcpt_tos) == MOST_RECIPIENTS:
            return "452 Too many recipients"
        if not session.authenticated:
            if not identities.homes(self.cloud.system, address):
                return LOGIN_FIRST
            try:
                arrivals.takers(self.cloud.call("ses"), address, came(session, envelope))
            except Refusal as refusal:
                return str(refusal)
        envelope.rcpt_tos.append(address)
        return "250 Ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        try:
            with self.cloud.store.attempt():
                name = self.send(session, envelope) if session.authenticated else self.receive(session, envelope)
            await committed(self.cloud)
        except Fault as fault:
            return refused(fault)
        except StoreFailed:
            return BUSY
        return f"250 Ok {name}"

    def send(self, session: Any, envelope: Any) -> str:
        """Send as who has logged in. The letter's id."""
        sender: Sender = session.auth_data
        call = self.cloud.call(
            "ses",
            "SendRawEmail",
            account=sender.principal.account,
            region=sender.region,
            principal=sender.principal,
        ).at(source_ip=session.peer[0], user_agent="SMTP", secure=bool(session.ssl), id="")
        request = {"RawMessage": {"Data": envelope.content}, "Source": envelope.mail_from}
        request["Destinations"] = envelope.rcpt_tos
        found: str = self.cloud.perform(call, "SendRawEmail", request)["MessageId"]
        return found

    def receive(self, session: Any, envelope: Any) -> str:
        call = self.cloud.call("ses")
        return arrivals.arrive(call, came(session, envelope), envelope.content)


def bare(address: str) -> str:
    return address.strip().removeprefix("<").removesuffix(">")


def came(session: Any, envelope: Any) -> Envelope:
    """How a letter comes that nobody has logged in for."""
    sender, helo = bare(envelope.mail_from or ""), session.host_name or "unknown"
    return Envelope(sender, envelope.rcpt_tos, session.peer[0], helo, bool(session.ssl))


def refused(fault: Fault) -> str:
    """SES's reply for an error of the API."""
    if fault.code.startswith(("Throttling", "LimitExceeded", "TooMany")):
        return f"454 Throttling failure: {fault.message}"
    if fault.code.startswith("AccessDenied"):
        return f"554 Access denied: {fault.message}"
    if fault.code == "MessageRejected" and "bytes long" in fault.message:
        return "552 5.3.4 Message is too long."
    if fault.code == "MessageRejected":
        return f"554 Message rejected: {fault.message}"
    return f"554 Transaction failed: {fault.message}"


async def committed(cloud: Cloud) -> None:
    """Wait until what was written is safe; StoreFailed where it is lost."""
    safe: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def told(error: BaseException | None) -> None:
        if safe.done():
            return
        if error is None:
            safe.set_result(None)
        else:
            safe.set_exception(error)

    cloud.store.after_commit(told)
    await safe


# Listening


class Listener:
    """A port, and who is connected to it."""

    def __init__(self, server: asyncio.Server, connected: set[Any]) -> None:
        self._server = server
        self._connected = connected

    @property
    def port(self) -> int:
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        self._server.close()
        for one in list(self._connected):
            if one.transport:
                one.transport.abort()


def protocol(cloud: Cloud, context: ssl.SSLContext | None, connected: set[Any]) -> Callable[[], asyncio.Protocol]:
    """What makes the protocol of a connection. `context` is for STARTTLS; without one, TLS was there before."""
    try:
        from aiosmtpd.smtp import SMTP, Session
    except ImportError:
        raise Unfinished("SMTP needs aiosmtpd: pip install 'pileus[mail]'.") from None
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    door = Door(cloud)

    class Conversation(SMTP):
        AuthLoginUsernameChallenge = "Username:"
        AuthLoginPasswordChallenge = "Password:"

        def _create_session(self) -> Session:
            session = super()._create_session()
            session.ssl = session.ssl or ({} if context else {"implicit": True})
            return session

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            connected.add(self)
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            connected.discard(self)
            super().connection_lost(error)

        async def smtp_AUTH(self, arg: str) -> None:
            if context and not self._tls_protocol:
                await self.push(TLS_FIRST)
            else:
                await super().smtp_AUTH(arg)

    return lambda: Conversation(
        door,
        data_size_limit=letters.LARGEST,
        hostname="email-smtp.amazonaws.com",
        ident=f"ESMTP SimpleEmailService-{names.token(10, names.UPPER)}",
        tls_context=context,
        auth_require_tls=context is not None,
        authenticator=door.authenticate,
        enable_SMTPUTF8=True,
        loop=asyncio.get_running_loop(),
    )


async def open_port(cloud: Cloud, host: str, port: int, *, implicit: bool) -> Listener:
    assert cloud.tls
    context, connected = cloud.tls(), set[Any]()
    made = protocol(cloud, None if implicit else context, connected)
    loop = asyncio.get_running_loop()
    return Listener(await loop.create_server(made, host, port, ssl=context if implicit else None), connected)


@ses.listener
async def listen(cloud: Cloud, host: str, port: int) -> Listener:
    """Take mail on a port, with STARTTLS."""
    return await open_port(cloud, host, port, implicit=False)


@ses.listener(name="tls")
async def listen_tls(cloud: Cloud, host: str, port: int) -> Listener:
    """Take mail on a port that speaks TLS from the beginning."""
    return await open_port(cloud, host, port, implicit=True)
