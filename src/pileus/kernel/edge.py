"""What a service sees of HTTP besides its operations: for those few that browsers and plain HTTP clients talk to.

What comes in beside the service's operations may be unsigned; whether its operations may be, `decides` says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from pileus.gateway.message import Request
    from pileus.models import Operation

    from .call import Call

Fields = list[tuple[str, str]]


class Answer(NamedTuple):
    """An HTTP response that no operation's output describes. An operation may return one too."""

    status: int
    fields: Fields
    body: bytes | AsyncIterator[bytes] = b""


class Socket(Protocol):
    """A WebSocket, as a service has it: first accepted, then both sides speak until one of them is gone."""

    async def accept(self) -> None: ...

    async def receive(self) -> str | bytes:
        """The next message; raises when there will be none."""

    async def send(self, message: str | bytes) -> None: ...


class Edge(Protocol):
    """All that the door asks of it. `Service.edge` holds it."""

    decides: bool
    """Whether operations may come unsigned, and the service decides itself what those may do."""

    def admit(self, operation: Operation, request: Request) -> None:
        """Refuse a request by what only its octets tell, such as a digest; a streamed body is not there yet."""

    def beside(self, call: Call, request: Request, labels: dict[str, str]) -> Answer | Coroutine[Any, Any, Answer]:
        """Answer what is routed to the service and is none of its operations. A body, if there is one, is streamed."""

    def dress(self, call: Call, request: Request, labels: dict[str, str], fields: Fields) -> None:
        """Add to the header fields of a response, result or refusal, that a page of another origin asked for."""


class Result(dict[str, Any]):
    """What an operation returns whose HTTP status is not the one of the model, such as 206 for a part, or that tells
    more in header fields than the model has."""

    def __init__(self, members: dict[str, Any], status: int, fields: Fields | None = None) -> None:
        super().__init__(members)
        self.status = status
        self.fields = fields or []
