"""What the HTTP listener costs: a hello-world POST through it, beside the least that asyncio and httptools can do.

`python -m benchmarks.http`. Server and clients are two processes; the clients are raw sockets that send one request,
wait for its whole response, and send the next. CPU is the server's own, user and system, for each request.

Two floors: `constant` parses and writes the same bytes each time; `minimal` gives its application what the listener
gives (method, target, decoded fields, body) and frames what it returns (status, fields, date, length), and that is all:
no limits, no deadlines, no order, no streams.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, cast

import httptools

from pileus.gateway.head import Dateline
from pileus.gateway.http import Server
from pileus.gateway.message import Headers, Request, Response

BODY = b'{"QueueUrl":"http://localhost:4566/000000000000/hello","MessageBody":"%s"}' % (b"x" * 190)
REQUEST = (
    b"POST / HTTP/1.1\r\nHost: localhost:4566\r\nAccept-Encoding: identity\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n"
    b"Content-Type: application/x-amz-json-1.0\r\nUser-Agent: Boto3/1.40.0 md/Botocore#1.40.0 lang/python#3.11\r\n"
    b"X-Amz-Date: 20260101T000000Z\r\n"
    b"Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, "
    b"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=%s\r\n"
    b"amz-sdk-invocation-id: 5e5c6a0a-5f0e-4a53-9a0b-1c6f0b1b7a52\r\namz-sdk-request: attempt=1\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (b"0" * 64, len(BODY), BODY)
)
ANSWER = b'{"MessageId":"219f8380-5770-4cc2-8c3e-5c715e145f5e","MD5OfMessageBody":"0c1a3b6a9f3f9a6f9a1f6f0b5a3c9d1e"}'


class Hello:
    """The least that an application can do."""

    def accept(self, request: Request) -> Response | None:
        return None

    def answer(self, request: Request, reply: Callable[[Response], None]) -> None:
        reply(Response(200, [("x-amzn-RequestId", "none"), ("content-type", "application/x-amz-json-1.0")], ANSWER))

    def upgrade(self, request: Request, socket: object) -> None:
        return None


class Constant(asyncio.Protocol):
    """Parse, gather fields and body, and write what was written before."""

    RESPONSE = (
        b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: none\r\ncontent-type: application/x-amz-json-1.0\r\n"
        b"content-length: %d\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n%b" % (len(ANSWER), ANSWER)
    )

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.fields: list[tuple[bytes, bytes]] = []
        self.body = b""

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.fields = []
        self.body = b""
        self.transport.write(self.RESPONSE)


class Minimal(Constant):
    """Hand over a request, and frame a response."""

    application = Hello()
    date = Dateline()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.decode().lower(), value.decode("latin-1")))  # type: ignore[arg-type]

    def on_message_complete(self) -> None:
        method, target = self.parser.get_method().decode(), self.url.decode("latin-1")
        request = Request(method, target, Headers(self.fields), self.body)  # type: ignore[arg-type]
        self.fields = []
        self.body = b""
        self.application.answer(request, self.reply)

    def reply(self, response: Response) -> None:
        body = response.body
        assert isinstance(body, bytes)
        lines = "".join([f"{name}: {value}\r\n" for name, value in response.headers])
        framing = f"content-length: {len(body)}\r\ndate: {self.date.now()}\r\n\r\n"
        self.transport.write(f"HTTP/1.1 {response.status} OK\r\n{lines}{framing}".encode("latin-1") + body)


FLOORS = {"constant": Constant, "minimal": Minimal}


async def serve(kind: str) -> None:
    """Serve until standard input ends; then tell the CPU seconds used."""
    loop = asyncio.get_running_loop()
    if kind in FLOORS:
        floor = await loop.create_server(FLOORS[kind], "127.0.0.1", 0)
        port = floor.sockets[0].getsockname()[1]
    else:
        port = (await Server.start(Hello(), port=0, certificates=certificates(kind))).port
    print(port, flush=True)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024, flush=True)


def certificates(kind: str) -> Any:
    if kind != "tls":
        return None
    from pileus.gateway.tls import Certificates

    return Certificates(Path(tempfile.mkdtemp()))


class Client(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, tally: list[int]) -> None:
        self.tally = tally
        self.length = 0
        self.received = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.length and b"\r\n\r\n" in self.received:
            self.length = self.received.index(b"\r\n\r\n") + 4 + len(ANSWER)
        if len(self.received) == self.length:
            self.tally[0] += 1
            self.received = b""
            self.transport.write(REQUEST)


async def keep_asking(port: int, connections: int, seconds: float, ssl: Any) -> int:
    loop = asyncio.get_running_loop()
    tally = [0]
    for _ in range(connections):
        await loop.create_connection(lambda: Client(tally), "127.0.0.1", port, ssl=ssl)
    await asyncio.sleep(0.3)
    before = tally[0]
    await asyncio.sleep(seconds)
    return tally[0] - before


async def keep_connecting(port: int, connections: int, seconds: float) -> int:
    """A new connection for each request."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    tally = 0

    async def one() -> None:
        nonlocal tally
        while loop.time() < end:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(REQUEST)
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(len(ANSWER))
            writer.transport.abort()
            tally += 1

    await asyncio.gather(*[one() for _ in range(connections)])
    return tally


def run(loop: str, main: Any) -> Any:
    if loop == "asyncio":
        return asyncio.run(main)
    import uvloop

    return uvloop.run(main)


def measure(kind: str, loop: str, load: str, seconds: float, connections: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.http", "--serve", kind, "--loop", loop]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        orders, reports = cast("TextIO", server.stdin), cast("TextIO", server.stdout)

        def used() -> list[float]:
            print(file=orders, flush=True)
            return [float(figure) for figure in reports.readline().split()]

        port = int(reports.readline())
        before = used()
        ask = [sys.executable, "-m", "benchmarks.http", "--ask", str(port), "--load", load, "--seconds", str(seconds)]
        ask += ["--connections", str(connections)] + (["--tls"] if kind == "tls" else [])
        answered = json.loads(subprocess.run(ask, check=True, stdout=subprocess.PIPE, text=True).stdout)
        after = used()
        orders.close()
        server.wait()
    # The warm-up's requests are in the CPU time too: scale by the time it takes.
    share = seconds / (seconds + 0.3) if load == "ask" else 1
    return {
        "rate": answered / seconds,
        "cpu": (after[0] - before[0]) * share / max(answered, 1) * 1e6,
        "memory": after[1],
    }


ROWS = [
    ("constant", "constant", "uvloop", "ask"),
    ("minimal", "minimal", "uvloop", "ask"),
    ("the listener", "listener", "uvloop", "ask"),
    ("the listener, TLS", "tls", "uvloop", "ask"),
    ("minimal", "minimal", "asyncio", "ask"),
    ("the listener", "listener", "asyncio", "ask"),
    ("minimal, one request each", "minimal", "uvloop", "connect"),
    ("the listener, one request each", "listener", "uvloop", "connect"),
]


def table(seconds: float, connections: int, rounds: int) -> None:
    print(f"{connections} connections, the best of {rounds} rounds of {seconds:g} s\n")
    print(f"{'server':<34}{'loop':<10}{'requests/s':>11}{'CPU µs each':>13}{'MB':>6}{'of minimal':>12}")
    results = {}
    for _, kind, loop, load in ROWS:
        measured = [measure(kind, loop, load, seconds, connections) for _ in range(rounds)]
        results[kind, loop, load] = max(measured, key=lambda result: result["rate"])
    for title, kind, loop, load in ROWS:
        result = results[kind, loop, load]
        share = f"{result['rate'] / results['minimal', loop, load]['rate']:.0%}"
        print(f"{title:<34}{loop:<10}{result['rate']:>11,.0f}{result['cpu']:>13.1f}{result['memory']:>6.0f}{share:>12}")


def trusting_all() -> Any:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=3)
    arguments.add_argument("--connections", type=int, default=16)
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--serve", help=argparse.SUPPRESS)
    arguments.add_argument("--loop", default="uvloop", help=argparse.SUPPRESS)
    arguments.add_argument("--ask", type=int, help=argparse.SUPPRESS)
    arguments.add_argument("--load", default="ask", help=argparse.SUPPRESS)
    arguments.add_argument("--tls", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.serve:
        run(given.loop, serve(given.serve))
    elif given.ask and given.load == "ask":
        context = trusting_all() if given.tls else None
        print(run("uvloop", keep_asking(given.ask, given.connections, given.seconds, context)))
    elif given.ask:
        print(run("uvloop", keep_connecting(given.ask, given.connections, given.seconds)))
    else:
        table(given.seconds, given.connections, given.rounds)


if __name__ == "__main__":
    main()
