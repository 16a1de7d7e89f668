"""A server outside the cloud, which API destinations call."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest


class Api:
    """An HTTP endpoint with an authorization endpoint, that keeps what it is asked."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.text = "{}"
        """What it answers with."""
        self.tokens = 0
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
                path, _, query = self.path.partition("?")
                told = {"method": self.command, "path": path, "query": parse_qs(query), "body": body}
                told["headers"] = {name.lower(): value for name, value in self.headers.items()}
                answer = api.text.encode()
                if path == "/token":
                    api.tokens += 1
                    answer = json.dumps({"access_token": f"token-{api.tokens}", "expires_in": 3600}).encode()
                    self.send_response(200)
                else:
                    api.requests.append(told)
                    self.send_response(api.answers.pop(0) if api.answers else 200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_PUT = do_GET = do_POST

            def log_message(self, *args: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=lambda: self.server.serve_forever(0.05), daemon=True).start()


@pytest.fixture
def api() -> Iterator[Api]:
    running = Api()
    yield running
    running.server.shutdown()
    running.server.server_close()
