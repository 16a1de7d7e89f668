"""The server that a command means, reached over its HTTP API."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from pileus.settings import PORT, default_data

from . import runfile
from .trouble import Trouble

EVERYWHERE = ("0.0.0.0", "::", "")


class Remote:
    """A cloud at an address; `home` is the data directory where commands look for its log."""

    def __init__(self, endpoint: str, home: Path) -> None:
        self.endpoint = endpoint
        self.home = home
        url = urlsplit(endpoint)
        self.host = url.hostname or "localhost"
        self.port = url.port or 80

    def get(self, path: str) -> Any:
        return self.ask("GET", path)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.ask("POST", path, body)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the cloud's own API answers; Trouble where there is none, or where it refuses."""
        try:
            connection = http.client.HTTPConnection(self.host, self.port)
            connection.request(method, f"/_pileus/{path}", body=json.dumps(body) if body else None)
            response = connection.getresponse()
            content = response.read()
        except (ConnectionError, http.client.HTTPException, OSError) as error:
            raise self._missing(error) from None
        try:
            answer = json.loads(content)
        except ValueError:
            raise Trouble(f"What answers at {self.endpoint} is no Pileus.", "Say --port for another one.") from None
        if response.status >= 400:
            raise Trouble(answer["error"] if isinstance(answer, dict) and "error" in answer else str(answer))
        return answer

    def _missing(self, error: Exception) -> Trouble:
        if isinstance(error, ConnectionRefusedError):
            return Trouble(f"No Pileus runs at {self.endpoint}.", "Start one with  pileus up -d", code=3)
        return Trouble(f"{self.endpoint} does not answer: {error}.", code=3)

    def answers(self) -> bool:
        """Whether anything listens there."""
        try:
            socket.create_connection((self.host, self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def lines(self, path: str) -> Iterator[str]:
        """The lines of an answer that goes on."""
        try:
            connection = http.client.HTTPConnection(self.host, self.port)
            connection.request("GET", f"/_pileus/{path}")
            for line in connection.getresponse():
                yield line.decode().rstrip("\n")
        except (ConnectionError, http.client.HTTPException, OSError) as error:
            raise self._missing(error) from None


def find(host: str | None = None, port: int | None = None, data: Path | None = None) -> Remote:
    """The server at a port; or else the one on that data directory; or else the one at the usual port."""
    home = (data or default_data()).expanduser().absolute()
    where = "localhost" if not host or host in (*EVERYWHERE, "127.0.0.1") else host
    if port:
        return Remote(f"http://{where}:{port}", home)
    if running := runfile.read(home):
        return Remote(running.endpoint, home)
    if data:
        raise Trouble(f"No Pileus runs on {home}.", f"Start one with  pileus up -d --data {data}", code=3)
    return Remote(f"http://{where}:{PORT}", home)


def environment(remote: Remote, account: str | None, region: str | None) -> dict[str, str]:
    """The variables by which AWS's tools and SDKs find a cloud."""
    return {
        "AWS_ENDPOINT_URL": remote.endpoint,
        "AWS_ACCESS_KEY_ID": account or "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": region or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
    }


def part(name: str) -> str:
    """A name as a part of a path."""
    return quote(name, safe="")
