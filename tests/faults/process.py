"""A server in a process of its own, that a test may kill."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ACCOUNT = "111122223333"
SIGNED_BY = (
    f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/us-east-1/{{service}}/aws4_request, SignedHeaders=host, "
    f"Signature={'0' * 64}"
)


class Client:
    """A connection that speaks AWS JSON as plainly as can be."""

    def __init__(self, port: int) -> None:
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def sqs(self, operation: str, **members: Any) -> dict[str, Any]:
        status, body = self.post(f"AmazonSQS.{operation}", json.dumps(members).encode())
        if status != 200:
            raise RuntimeError(f"{status} {body!r}")
        answer: dict[str, Any] = json.loads(body or b"{}")
        return answer

    def ask(self, service: str, target: str, **members: Any) -> dict[str, Any]:
        """The same for any service that speaks it."""
        signed = {"Authorization": SIGNED_BY.format(service=service)}
        status, body = self.post(target, json.dumps(members).encode(), **signed)
        if status != 200:
            raise RuntimeError(f"{status} {body!r}")
        answer: dict[str, Any] = json.loads(body or b"{}")
        return answer

    def post(self, target: str, body: bytes, **headers: str) -> tuple[int, bytes]:
        fields = {
            "X-Amz-Target": target,
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Date": "20260101T000000Z",
            "Authorization": SIGNED_BY.format(service="sqs"),
        }
        self.http.request("POST", "/", body, fields | headers)
        response = self.http.getresponse()
        return response.status, response.read()


class Process:
    """`pileus up` on a data directory."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "pileus.cli", "up", "--port", str(self.port), "--data", str(self.folder)]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self.process = subprocess.Popen([*command, *self.options], stdout=log, stderr=log)
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert self.process.poll() is None, "the server did not start"
                assert time.monotonic() < end, "the server did not listen"
                time.sleep(0.01)

    def client(self) -> Client:
        return Client(self.port)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
