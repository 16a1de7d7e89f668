"""The floor to compare with: the least Python that answers SendMessage, durably, to whoever signed it.

An asyncio.Protocol with httptools, the SigV4 signature verified with a cached key, one record stored in SQLite, one
commit for all requests of a tick. `python -m benchmarks.bare FOLDER SECRET` prints its port.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
import uuid
from functools import cache
from pathlib import Path
from typing import Any

import apsw
import httptools


class Floor:
    def __init__(self, folder: Path, secret: str) -> None:
        self.secret = secret
        self.connection = apsw.Connection(str(folder / "bare.db"))
        self.connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL")
        self.connection.execute("CREATE TABLE kv (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID")
        self.execute = self.connection.cursor().execute
        self.sequence = 0
        self.waiting: list[tuple[Any, bytes]] = []

    def store(self, value: bytes, transport: Any, answer: bytes) -> None:
        if not self.waiting:
            self.execute("BEGIN IMMEDIATE")
            asyncio.get_running_loop().call_soon(self.commit)
        self.sequence += 1
        self.execute("INSERT INTO kv VALUES (?, ?)", (b"queue/%016d" % self.sequence, value))
        self.waiting.append((transport, answer))

    def commit(self) -> None:
        self.execute("COMMIT")
        waiting, self.waiting = self.waiting, []
        for transport, answer in waiting:
            transport.write(answer)

    @cache  # noqa: B019
    def key(self, date: str, region: str, service: str) -> bytes:
        key = b"AWS4" + self.secret.encode()
        for part in (date, region, service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key


class Connection(asyncio.Protocol):
    def __init__(self, floor: Floor) -> None:
        self.floor = floor

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.headers: dict[str, str] = {}
        self.body = b""

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        headers, body = self.headers, self.body
        self.headers, self.body = {}, b""
        self.verify(headers, body)
        text = json.loads(body)["MessageBody"]
        answer = json.dumps(
            {"MessageId": str(uuid.uuid4()), "MD5OfMessageBody": hashlib.md5(text.encode()).hexdigest()}
        )
        response = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: %d\r\n\r\n%b"
        self.floor.store(body, self.transport, response % (len(answer), answer.encode()))

    def verify(self, headers: dict[str, str], body: bytes) -> None:
        parts = dict(part.strip().split("=", 1) for part in headers["authorization"].split(" ", 1)[1].split(","))
        _, date, region, service, _ = parts["Credential"].split("/")
        names = parts["SignedHeaders"].split(";")
        lines = "".join([f"{name}:{headers[name]}\n" for name in names])
        canonical = f"POST\n/\n\n{lines}\n{parts['SignedHeaders']}\n{hashlib.sha256(body).hexdigest()}"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{date}/{region}/{service}/aws4_request\n{digest}"
        signature = hmac.digest(self.floor.key(date, region, service), text.encode(), "sha256").hex()
        if not hmac.compare_digest(signature, parts["Signature"]):
            raise PermissionError


async def serve(folder: Path, secret: str) -> None:
    floor = Floor(folder, secret)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(floor), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(Path(sys.argv[1]), sys.argv[2]))
