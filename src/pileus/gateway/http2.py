"""HTTP/2 on one connection (RFC 9113): h2 reads and frames, every stream is one exchange, many at a time.

Left out: server push, priorities, CONNECT, and WebSockets over HTTP/2 (RFC 8441).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from math import inf
from typing import TYPE_CHECKING, cast

from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from .exchange import Exchange, Refusal, dispose, log, measured, plain
from .gate import Gate
from .head import Fields, bodiless, check_host, check_size, content_length, field_lines, sorted_out, status_line
from .message import NO_HEADERS, Headers, Request, Response

if TYPE_CHECKING:
    from .http import Limits, Server

SLICE = 64 * 1024
"""Bytes that a stream may send before another gets its turn."""
RESETS = 100
"""Requests that a client may take back before it must let as many be answered (CVE-2023-44487)."""

DEFAULT_WINDOW = 65_535


class Http2(asyncio.Protocol):
    """One connection and its streams."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.wire = H2Connection(
            H2Configuration(client_side=False, header_encoding=None, validate_outbound_headers=False)
        )
        self.stirred = True
        self._transport: asyncio.Transport | None = None
        self._scheme = "http"
        self._client = ""
        self._streams: dict[int, Stream] = {}
        self._ready: dict[Stream, None] = {}
        """Streams that may have bytes to send and room in their windows, in the order of their turns."""
        self.gate = Gate()
        self._batching = False
        """A flush is sure to follow."""
        self._leaving = False
        self._resets = 0
        self._served = 0

    # The transport's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if transport.get_extra_info("sslcontext") is not None:
            self._scheme = "https"
        peer = transport.get_extra_info("peername")
        self._client = peer[0] if isinstance(peer, tuple) else ""
        self.server.joined(self)
        limits = self.server.limits
        self.wire.local_settings = _settings(limits)
        self.wire.decoder.max_header_list_size = 4 * limits.head_bytes  # beyond our own limit a 431 is still polite
        self.wire.initiate_connection()
        # A body that nobody reads holds up its own stream and no other.
        self.wire.increment_flow_control_window(max(1, limits.streams * limits.unread_bytes - DEFAULT_WINDOW))
        self.flush()

    def data_received(self, data: bytes) -> None:
        if self.wire.state_machine.state is ConnectionState.CLOSED:
            return
        self.stirred = True
        try:
            events = self.wire.receive_data(data)
        except ProtocolError as error:
            log.debug("an HTTP/2 client broke the protocol: %s", error)
            self.leave()
            return
        self._batching = True
        self._handle(events)
        self._pump()
        self._batching = False
        self.flush()

    def eof_received(self) -> None:
        return None

    def connection_lost(self, exception: Exception | None) -> None:
        self.server.left(self)
        self._transport = None
        self._drop_all()

    def pause_writing(self) -> None:
        """Stop reading too: what a client sends may call for answers (PING), and those would pile up."""
        self.gate.close()
        self.stirred = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self.gate.open()
        self.stirred = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        self._pump()
        self.flush()

    # Events

    def _handle(self, events: list[Event]) -> None:
        # h2 has read all frames before we see the first event. What ends streams comes first, lest they be answered.
        ended = {event.stream_id: event for event in events if isinstance(event, StreamReset)}
        for number in ended:
            self._taken_back(number)
        if self._resets > RESETS + self._served:
            self.wire.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            self.leave()
            return
        if any(isinstance(event, ConnectionTerminated) for event in events):
            self.wire.state_machine.state = ConnectionState.SERVER_OPEN  # h2 would send nothing more
        for event in events:
            if isinstance(event, RequestReceived):
                if event.stream_id not in ended:
                    self._open(event)
            elif isinstance(event, DataReceived):
                self._receive(event)
            elif isinstance(event, TrailersReceived):
                if event.stream_id in self._streams:
                    self._streams[event.stream_id].trailers = Headers(_decoded(event.headers))
            elif isinstance(event, StreamEnded):
                if event.stream_id in self._streams:
                    stream = self._streams[event.stream_id]
                    stream.exchange.finish(stream.trailers)
            elif isinstance(event, ConnectionTerminated):
                self._client_leaves(event)
            elif isinstance(event, WindowUpdated | RemoteSettingsChanged):
                self._ready.update(dict.fromkeys(stream for stream in self._streams.values() if stream.pending))

    def _open(self, event: RequestReceived) -> None:
        if self._leaving:
            self.reset(event.stream_id, ErrorCodes.REFUSED_STREAM)
            return
        request = _request(event.headers, self._scheme, self._client)
        length = 0 if event.stream_ended is not None else _declared(request.headers)
        stream = Stream(self, event.stream_id, request, length)
        self._streams[event.stream_id] = stream
        try:
            _check(request, self.server.limits)
        except Refusal as refusal:
            stream.exchange.reply(refusal.response)
        else:
            stream.exchange.begin()

    def _receive(self, event: DataReceived) -> None:
        stream = self._streams.get(event.stream_id)
        length = event.flow_controlled_length
        if stream is not None and stream.exchange.stream is not None:
            length -= len(event.data)  # the rest, but for padding, is acknowledged as it is read
        if length:
            self.wire.acknowledge_received_data(length, event.stream_id)
        if stream is not None:
            stream.exchange.receive(event.data)

    def _taken_back(self, number: int) -> None:
        stream = self._streams.pop(number, None)
        if stream is not None:
            self._drop(stream)
        self._resets += 1

    def _drop(self, stream: Stream) -> None:
        self._ready.pop(stream, None)
        stream.vanish()

    def _drop_all(self) -> None:
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            self._drop(stream)

    def _client_leaves(self, event: ConnectionTerminated) -> None:
        """GOAWAY says that no new requests will come; those under way are answered (RFC 9113, 6.8)."""
        self._leaving = True
        if event.error_code != ErrorCodes.NO_ERROR or not self._streams:
            self.leave()

    # Sending

    def ready(self, stream: Stream) -> None:
        """A stream has bytes to send."""
        self._ready[stream] = None
        if not self._batching:
            self._pump()
            self.flush()

    def _pump(self) -> None:
        """Send what the windows and the client's pace allow, a slice of each stream in turn."""
        while self._ready and not self.gate.shut and self._transport is not None:
            stream = next(iter(self._ready))
            del self._ready[stream]
            if stream.send_slice():
                self._ready[stream] = None
                self.write_out()

    def reset(self, number: int, error: ErrorCodes) -> None:
        try:
            self.wire.reset_stream(number, error)
        except ProtocolError:
            return  # it is closed already
        self.flush()

    def closed(self, stream: Stream) -> None:
        """The stream has sent its response."""
        self._served += 1
        if self._streams.pop(stream.number, None) is not None and not stream.exchange.complete:
            self.reset(stream.number, ErrorCodes.NO_ERROR)  # RFC 9113, 8.1: the rest of the request is not needed
        if self._leaving and not self._streams:
            self.leave()

    def taken(self, count: int, number: int) -> None:
        """Let the client send as many bytes more, on the connection and, if it is still open, on the stream."""
        if self.wire.state_machine.state is not ConnectionState.CLOSED:
            self.wire.acknowledge_received_data(count, number)
            self.flush()

    def flush(self) -> None:
        if not self._batching:
            self.write_out()

    def write_out(self) -> None:
        data = self.wire.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    # The end

    @property
    def patience(self) -> float:
        limits = self.server.limits
        if self.gate.shut or any(stream.starved for stream in self._streams.values()):
            return limits.body_seconds
        return inf if self._streams else limits.idle_seconds

    def expire(self) -> None:
        self.stirred = True
        if self.gate.shut or self._transport is None or self._transport.is_closing():
            self.abort()
        elif not self._streams:
            self.shut()
        for stream in list(self._streams.values()):
            if stream.starved:
                stream.expire()

    def shut(self) -> None:
        """Announce the end, and close when all streams are answered."""
        if not self._leaving:
            # Not through h2, which would let no stream finish after that.
            farewell = GoAwayFrame(0, last_stream_id=self.wire.highest_inbound_stream_id)
            if self._transport is not None:
                self._transport.write(farewell.serialize())
        self._leaving = True
        if not self._streams and self._transport is not None:
            self._transport.close()

    def leave(self) -> None:
        """Close at once; what is under way is lost."""
        self._leaving = True
        self.write_out()
        self._drop_all()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Stream:
    """One stream: the channel of its exchange, and what is still to be sent of its response."""

    def __init__(self, connection: Http2, number: int, request: Request, length: int | None) -> None:
        self.number = number
        self.exchange = Exchange(connection.server, self, request, length)
        self.trailers = NO_HEADERS
        self.pending = memoryview(b"")
        self._connection = connection
        self._last = False
        """Nothing follows what is pending."""
        self._pouring: asyncio.Task[None] | None = None
        self._sent = Gate()
        self._gone = False

    @property
    def starved(self) -> bool:
        """The client is who must act: to send more of its request, or to take more of the response."""
        if self.pending:
            return True
        exchange = self.exchange
        return not exchange.complete and not exchange.answered and exchange.unread == 0

    # The exchange's channel

    def proceed(self) -> None:
        self._connection.wire.send_headers(self.number, [(":status", "100")])
        self._connection.flush()

    def taken(self, count: int) -> None:
        self._connection.taken(count, self.number)

    def respond(self, exchange: Exchange, response: Response) -> None:
        if self._gone or exchange is not self.exchange:
            dispose(response)
            return
        own, fields = sorted_out(response)
        bare = bodiless(exchange.request.method, response.status)
        length = content_length(response, own, bare)
        date = own["date"] if "date" in own else self._connection.server.date.now()
        head = _response_fields(response.status, fields, length, date)
        body = response.body
        if isinstance(body, bytes) or bare:
            rest = b"" if bare or not isinstance(body, bytes) else body
            self._begin(head, end=not rest)
            if bare:
                dispose(response)
            if rest:
                self._put(rest, last=True)
        else:
            self._begin(head, end=False)
            self._pouring = asyncio.get_running_loop().create_task(self._pour(body, length))

    def _begin(self, head: list[tuple[bytes, bytes]], end: bool) -> None:
        self._connection.wire.send_headers(self.number, head, end_stream=end)
        self._connection.flush()
        if end:
            self._connection.closed(self)

    def _put(self, data: bytes, last: bool) -> None:
        self.pending = memoryview(data)
        self._last = last
        self._connection.ready(self)

    def send_slice(self) -> bool:
        """Send some of what is pending; whether more could follow at once."""
        wire = self._connection.wire
        budget = SLICE
        while self.pending and budget > 0:
            room = min(wire.local_flow_control_window(self.number), wire.max_outbound_frame_size, budget)
            if room <= 0:
                return False
            piece, self.pending = self.pending[:room], self.pending[room:]
            budget -= len(piece)
            wire.send_data(self.number, piece, end_stream=self._last and not self.pending)
        if self.pending:
            return True
        if self._last:
            self._connection.closed(self)
        else:
            self._sent.open()
        return False

    async def _pour(self, body: AsyncIterator[bytes], length: int | None) -> None:
        """Send a body as it is made, no faster than the client takes it."""
        try:
            async with aclosing(measured(body, length)) as pieces:
                async for piece in pieces:
                    self._sent.close()
                    self._put(piece, last=False)
                    await self._sent.passed()
                    await self._connection.gate.passed()
        except Exception:
            self._broken_off()
            return
        self._pouring = None
        if not self._gone:
            self._connection.wire.end_stream(self.number)
            self._connection.flush()
            self.exchange.drop_body()
            self._connection.closed(self)

    def _broken_off(self) -> None:
        """Reset the stream in mid-response: nothing else tells the client that the body is not whole."""
        if not self._gone:
            request = self.exchange.request
            log.exception("the response to %s %s broke off", request.method, request.path)
            self._connection.reset(self.number, ErrorCodes.INTERNAL_ERROR)
            self._connection.closed(self)

    # The end

    def vanish(self) -> None:
        self._gone = True
        self.pending = memoryview(b"")
        if self._pouring is not None:
            self._pouring.cancel()
        self.exchange.vanish(ConnectionResetError("the client has gone"))
        self.exchange.drop_body()

    def expire(self) -> None:
        if self.exchange.answered:
            self._connection.reset(self.number, ErrorCodes.CANCEL)
            self._connection.closed(self)
            self.vanish()
        else:
            exchange = self.exchange
            self.exchange = Exchange(self._connection.server, self, exchange.request, exchange.length)  # ours to answer
            exchange.vanish(ConnectionAbortedError("the rest of the request did not come"))
            self.exchange.reply(plain(408, "The request took too long"))


def _settings(limits: Limits) -> Settings:
    return Settings(
        client=False,
        initial_values={
            SettingCodes.MAX_CONCURRENT_STREAMS: limits.streams,
            SettingCodes.MAX_HEADER_LIST_SIZE: limits.head_bytes,
            SettingCodes.INITIAL_WINDOW_SIZE: limits.unread_bytes,
        },
    )


def _decoded(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1").strip(" \t")) for name, value in raw]


def _request(raw: Iterable[tuple[bytes, bytes]], scheme: str, client: str) -> Request:
    """The request of a header block; h2 has seen to it that the pseudo-fields are there, once, and come first."""
    fields = _decoded(raw)
    pseudo = {name: value for name, value in fields if name.startswith(":")}
    plain_fields = [field for field in fields if not field[0].startswith(":")]
    if ":authority" in pseudo:
        plain_fields = [("host", pseudo[":authority"])] + [field for field in plain_fields if field[0] != "host"]
    return Request(
        pseudo[":method"],
        pseudo.get(":path", ""),
        Headers(plain_fields),
        scheme=scheme,
        client=client,
        http_version="2",
    )


def _declared(headers: Headers) -> int | None:
    length = headers.get("content-length")
    return int(length) if length else None


def _check(request: Request, limits: Limits) -> None:
    """What HTTP/1.1 requests are held to."""
    if len(request.target) > limits.target_bytes:
        raise Refusal(414, "The request target is too long")
    if not request.path.startswith("/") and request.path != "*":
        raise Refusal(400, "The request target is not a path")
    check_size(request.headers.fields, limits)
    check_host(request.headers, required=True)


def _response_fields(status: int, fields: Fields, length: int | None, date: str) -> list[tuple[bytes, bytes]]:
    told = [(name.lower(), value) for name, value in fields]
    if length is not None and status != 204:
        told.append(("content-length", str(length)))
    told.append(("date", date))
    status_line(status)
    field_lines(told)
    head = [(b":status", b"%d" % status)]
    return head + [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told]
