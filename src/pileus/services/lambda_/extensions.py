"""Extensions: programs beside the runtime that are told of invocations, and of the end.

Developer Guide, "Using the Lambda Extensions API to create extensions".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pileus.kernel import names

from .runtime_api import OK, Reply

if TYPE_CHECKING:
    from .environment import Environment, Invocation

EVENTS = {"INVOKE", "SHUTDOWN"}


class Extension:
    def __init__(self, name: str, events: set[str]) -> None:
        self.name = name
        self.id = names.uuid4()
        self.events = events
        self.next: Reply | None = None
        self.pending: list[dict[str, Any]] = []


class Extensions:
    """The extensions of an environment."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._registered: dict[str, Extension] = {}
        self.expected: set[str] = set()
        """The programs in /opt/extensions: each must register."""

    @property
    def waiting(self) -> bool:
        """Whether all of them have nothing to do."""
        names = {extension.name for extension in self._registered.values()}
        return self.expected <= names and all(each.next for each in self._registered.values())

    def handle(self, path: str, headers: dict[str, str], body: bytes, reply: Reply) -> None:
        if path == "register":
            self._register(headers, body, reply)
            return
        extension = self._registered.get(headers.get("lambda-extension-identifier", ""))
        if extension is None:
            told = {"errorType": "Extension.UnknownExtensionIdentifier", "errorMessage": "Unknown extension identifier"}
            reply(403, json.dumps(told).encode())
        elif path == "event/next":
            extension.next = reply
            if extension.pending:
                self._tell(extension, extension.pending.pop(0))
            else:
                self._environment.extension_asked()
        elif path in ("init/error", "exit/error"):
            reply(202, OK)
            self._environment.kill()
        else:
            reply(404)

    def _register(self, headers: dict[str, str], body: bytes, reply: Reply) -> None:
        name = headers.get("lambda-extension-name", "")
        events = set(json.loads(body or b"{}").get("events", ()))
        if not name or not events <= EVENTS:
            told = {"errorType": "Extension.InvalidEventType", "errorMessage": "Invalid event type"}
            reply(400, json.dumps(told).encode())
            return
        extension = Extension(name, events)
        self._registered[extension.id] = extension
        told = {
            "functionName": self._environment.function,
            "functionVersion": self._environment.label,
            "handler": self._environment.handler,
        }
        reply(200, json.dumps(told).encode(), [("Lambda-Extension-Identifier", extension.id)])

    def invoked(self, invocation: Invocation) -> None:
        """Tell those that want to know of an invocation."""
        if not self._registered:
            return
        event = {
            "eventType": "INVOKE",
            "deadlineMs": int(invocation.deadline * 1000),
            "requestId": invocation.id,
            "invokedFunctionArn": invocation.arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": invocation.trace},
        }
        for extension in self._registered.values():
            if "INVOKE" in extension.events:
                self._tell(extension, event)

    def _tell(self, extension: Extension, event: dict[str, Any]) -> None:
        if extension.next is None:
            extension.pending.append(event)
            return
        reply, extension.next = extension.next, None
        reply(200, json.dumps(event).encode(), [("Lambda-Extension-Event-Identifier", names.uuid4())])
