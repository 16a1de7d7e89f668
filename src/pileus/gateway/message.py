"""HTTP requests and responses as the rooms of the gateway hand them on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Protocol


class Headers:
    """Header fields in their order; names are lower case, values are text (latin-1), surrounding space removed."""

    __slots__ = ("fields", "first")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self.fields = fields if type(fields) is list else list(fields)
        self.first: dict[str, str] = dict(reversed(self.fields))
        """The first value of each name."""

    def get(self, name: str, default: str = "") -> str:
        """The first field of that (lower-case) name."""
        return self.first.get(name, default)

    def all(self, name: str) -> list[str]:
        return [value for field, value in self.fields if field == name]

    def __contains__(self, name: str) -> bool:
        return name in self.first

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.fields)


class Body(Protocol):
    """A request body that is read as it arrives."""

    @property
    def trailers(self) -> Headers:
        """Trailing fields of a chunked body, there once the iteration has ended."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...


NO_HEADERS = Headers()


class Request:
    """One request: the target as the client wrote it, nothing decoded or normalised."""

    __slots__ = (
        "body",
        "client",
        "gone",
        "headers",
        "host",
        "http_version",
        "method",
        "on_gone",
        "passage",
        "path",
        "query",
        "route",
        "scheme",
        "signed",
        "stream",
        "streamed",
        "trailers",
    )

    def __init__(
        self,
        method: str,
        target: str,
        headers: Headers,
        body: bytes = b"",
        *,
        scheme: str = "http",
        client: str = "127.0.0.1",
        http_version: str = "1.1",
    ) -> None:
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.headers = headers
        self.host = headers.first.get("host", "")
        """Host and port as the client wrote them, or an empty text."""
        self.passage: Any = None
        """The endpoint of a private network by which it came."""
        self.body = body
        self.streamed = False
        """Set by `Application.accept` to have the body as `stream`, as it arrives."""
        self.stream: Body | None = None
        """Set instead of `body` when the body is passed on as it arrives."""
        self.trailers = NO_HEADERS
        """Trailing fields of a buffered body."""
        self.signed: Any = None
        """What it says of its own signature, once that has been read."""
        self.route: Any = None
        """Where it goes, once the application has looked at its head."""
        self.gone = False
        """The client has closed its side: nobody may be waiting for the answer."""
        self.on_gone: Callable[[], object] | None = None
        """Called once if the client goes while the reply is outstanding; after that there need be no reply."""
        self.scheme = scheme
        self.client = client
        self.http_version = http_version

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


class Response:
    """One response. The listener adds Content-Length or chunking, Date and Connection."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, status: int, headers: list[tuple[str, str]] | None = None, body: bytes | AsyncIterator[bytes] = b""
    ) -> None:
        self.status = status
        self.headers = headers if headers is not None else []
        self.body = body
