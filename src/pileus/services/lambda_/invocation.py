"""One run of a handler, and what became of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from pileus.kernel import names


class Outcome:
    """What became of an invocation."""

    __slots__ = ("duration", "error", "init", "log", "payload", "version")

    def __init__(self, payload: bytes, error: str = "", log: str = "") -> None:
        self.payload = payload
        self.error = error
        """`Unhandled` where the function failed."""
        self.log = log
        self.version = ""
        self.init = self.duration = 0.0
        """Milliseconds that the environment took to start for it, and that the handler took."""

    @classmethod
    def failure(cls, kind: str, message: str, request_id: str = "") -> Outcome:
        told = {"errorType": kind, "errorMessage": message}
        return cls(json.dumps(told, separators=(",", ":")).encode(), "Unhandled")


class Invocation:
    """One run of the handler."""

    __slots__ = (
        "arn",
        "began",
        "client_context",
        "deadline",
        "id",
        "on_head",
        "on_piece",
        "outcome",
        "payload",
        "streamed",
        "tenant",
        "trace",
    )

    def __init__(
        self,
        payload: bytes,
        arn: str,
        *,
        client_context: str = "",
        trace: str = "",
        request_id: str = "",
        tenant: str = "",
    ) -> None:
        self.id = request_id or names.uuid4()
        self.payload = payload
        self.arn = arn
        self.client_context = client_context
        self.trace = trace
        self.tenant = tenant
        self.began = 0.0
        self.deadline = 0.0
        self.streamed = False
        self.on_piece: Callable[[bytes], None] | None = None
        """Where a response goes as it comes, if somebody wants it so."""
        self.on_head: Callable[[dict[str, str]], None] | None = None
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def head(self) -> list[tuple[str, str]]:
        fields = [
            ("Lambda-Runtime-Aws-Request-Id", self.id),
            ("Lambda-Runtime-Deadline-Ms", str(int(self.deadline * 1000))),
            ("Lambda-Runtime-Invoked-Function-Arn", self.arn),
            ("Lambda-Runtime-Trace-Id", self.trace),
        ]
        if self.tenant:
            fields.append(("Lambda-Runtime-Aws-Tenant-Id", self.tenant))
        if self.client_context:
            fields.append(("Lambda-Runtime-Client-Context", self.client_context))
        return fields
