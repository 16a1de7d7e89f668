"""Extensions: programs beside the runtime that are told of invocations, and of the end.

Developer Guide, "Using the Lambda Extensions API to create extensions". Left out: SIGTERM for the runtime when there
are extensions, and environments that are frozen between invocations: an extension here always runs.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pileus.kernel import names

from .runtime_api import OK, Reply
from .telemetry import Invalid, Subscription

if TYPE_CHECKING:
    from .environment import Environment
from .invocation import Invocation

EVENTS = {"INVOKE", "SHUTDOWN"}
SHUTDOWN_SECONDS = 2.0
"""How long extensions have for their end, as they are told."""
PATIENCE = 5.0
"""How long they have indeed: a machine that is busy is not their fault."""


class Extension:
    def __init__(self, name: str, events: set[str]) -> None:
        self.name = name
        self.id = names.uuid4()
        self.events = events
        self.next: Reply | None = None
        self.pending: list[dict[str, Any]] = []
        self.subscription: Subscription | None = None
        self.told = False
        """Whether it knows that it is to end."""


class Extensions:
    """The extensions of an environment."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._registered: dict[str, Extension] = {}
        self._shut: Callable[[], None] | None = None
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
        elif (extension := self._known(headers, reply)) is None:
            return
        elif path == "event/next":
            self._asked(extension, reply)
        elif path in ("init/error", "exit/error"):
            reply(202, OK)
            kind = headers.get("lambda-extension-function-error-type", "Extension.Failed")
            self._environment.extension_failed(extension.name, kind)
        else:
            reply(404)

    def _known(self, headers: dict[str, str], reply: Reply) -> Extension | None:
        extension = self._registered.get(headers.get("lambda-extension-identifier", ""))
        if extension is None:
            refuse(reply, 403, "Extension.UnknownExtensionIdentifier", "Unknown extension identifier")
        return extension

    def _asked(self, extension: Extension, reply: Reply) -> None:
        extension.next = reply
        if extension.pending:
            self._tell(extension, extension.pending.pop(0))
        elif extension.told:
            self._shut_down_if_done()
        else:
            self._environment.extension_asked()

    def _register(self, headers: dict[str, str], body: bytes, reply: Reply) -> None:
        name = headers.get("lambda-extension-name", "")
        try:
            events = set(json.loads(body or b"{}").get("events", ()))
        except (ValueError, AttributeError):
            refuse(reply, 400, "InvalidRequestFormat", "The request is no JSON document")
            return
        if not name or not events <= EVENTS:
            refuse(reply, 400, "Extension.InvalidEventType", "Invalid event type")
            return
        if self._environment.init_done:
            refuse(reply, 403, "Extension.RegistrationClosed", "Extension registration closed already")
            return
        external = name in self.expected
        if "SHUTDOWN" in events and not external:
            refuse(reply, 400, "Extension.InvalidEventType", "SHUTDOWN event is not supported for internal extensions")
            return
        extension = Extension(name, events)
        self._registered[extension.id] = extension
        record = {"name": name, "state": "Registered", "events": sorted(events)}
        listed = ", ".join(sorted(events))
        self._environment.log.platform(
            "extension", record, f"EXTENSION\tName: {name}\tState: Ready\tEvents: [{listed}]"
        )
        told = {
            "functionName": self._environment.function,
            "functionVersion": self._environment.label,
            "handler": self._environment.handler,
        }
        if "accountId" in headers.get("lambda-extension-accept-feature", ""):
            told["accountId"] = self._environment.account
        reply(200, json.dumps(told).encode(), [("Lambda-Extension-Identifier", extension.id)])

    def subscribe(self, kind: str, headers: dict[str, str], body: bytes, reply: Reply) -> None:
        """An extension wants to be told what is logged (the Telemetry API, and the Logs API before it)."""
        extension = self._known(headers, reply)
        if extension is None:
            return
        if self._environment.init_done:
            refuse(reply, 403, f"{kind}.SubscriptionClosed", f"{kind} API subscription is closed already")
            return
        try:
            subscription = Subscription.of(kind, extension.name, body)
        except Invalid as error:
            refuse(reply, 400, "ValidationError", str(error))
            return
        log = self._environment.log
        if extension.subscription:
            log.listeners.remove(extension.subscription.take)
            extension.subscription.close()
        extension.subscription = subscription
        log.listeners.append(subscription.take)
        record = {"name": extension.name, "state": "Subscribed", "types": sorted(subscription.types)}
        log.platform(f"{kind[0].lower()}{kind[1:]}Subscription", record)
        reply(200, b"OK", [("Content-Type", "text/plain")])

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

    # The end

    def shut_down(self, reason: str, then: Callable[[], None]) -> None:
        """Tell those that want to know of the end, and wait a little for them."""
        subscriptions = [each.subscription for each in self._registered.values() if each.subscription]
        for subscription in subscriptions:
            subscription.flush()
        wanting = [each for each in self._registered.values() if "SHUTDOWN" in each.events]
        if self._shut or not wanting or not self._environment.running:
            then()
            return
        self._shut = then
        deadline = int((time.time() + SHUTDOWN_SECONDS) * 1000)
        event = {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline}
        for extension in wanting:
            extension.told = True
            self._tell(extension, event)
        asyncio.get_running_loop().call_later(PATIENCE, self._over)

    def _shut_down_if_done(self) -> None:
        if all(each.next for each in self._registered.values() if each.told):
            self._over()

    def close(self) -> None:
        for extension in self._registered.values():
            if extension.subscription:
                extension.subscription.close()

    def _over(self) -> None:
        if self._shut:
            then, self._shut = self._shut, None
            then()


def refuse(reply: Reply, status: int, kind: str, message: str) -> None:
    reply(status, json.dumps({"errorType": kind, "errorMessage": message}).encode())
