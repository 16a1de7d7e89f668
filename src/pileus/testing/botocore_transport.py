"""botocore's requests handed to a cloud in this process, without a socket."""

from __future__ import annotations

import io
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session

from pileus.gateway.body import Whole
from pileus.gateway.message import Headers, Request, Response

if TYPE_CHECKING:
    from .local import LocalCloud

REAL_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".aws.dev")

_clouds: dict[int, LocalCloud] = {}
_lock = threading.Lock()
_original: Callable[..., Any] = URLLib3Session.send


class RealAwsRefused(RuntimeError):
    """A client was about to call the real AWS while a cloud of this process was open."""


@contextmanager
def short_cut(cloud: LocalCloud) -> Iterator[None]:
    """While the block lasts, requests to the cloud's port are handed over, and those to the real AWS refused."""
    port = cloud.server.port
    with _lock:
        _clouds[port] = cloud
        URLLib3Session.send = send
    try:
        yield
    finally:
        with _lock:
            del _clouds[port]
            if not _clouds:
                URLLib3Session.send = _original


def send(session: URLLib3Session, request: Any) -> Any:
    """In place of `URLLib3Session.send`."""
    url = urlsplit(request.url)
    host = url.hostname or ""
    cloud = _clouds.get(url.port or 0)
    if cloud is not None and (host in ("127.0.0.1", "::1", "localhost") or host.endswith(".localhost")):
        return hand_over(cloud, request, url)
    if host.endswith(REAL_AWS):
        raise RealAwsRefused(
            f"{request.method} {host} would have left for the real AWS: "
            "make the client with cloud.client_kwargs(), or set AWS_ENDPOINT_URL."
        )
    return _original(session, request)


def hand_over(cloud: LocalCloud, prepared: Any, url: Any) -> AWSResponse:
    """Answer a botocore request as `send` would."""
    fields = [(name.lower(), text(value)) for name, value in prepared.headers.items()]
    if "host" not in prepared.headers:
        fields.append(("host", url.netloc))
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    body = prepared.body
    if hasattr(body, "read"):
        body = body.read()
    request = Request(prepared.method, target, Headers(fields), text_or_bytes(body), scheme=url.scheme)
    answered: Future[Response] = Future()

    def answer() -> None:
        try:
            cloud.server.door.accept(request)
            if request.streamed:
                request.stream = Whole(request.body)
            cloud.server.door.answer(request, answered.set_result)
        except BaseException as error:
            answered.set_exception(error)

    cloud.soon(answer)
    response = answered.result()
    headers = dict(response.headers)
    return AWSResponse(prepared.url, response.status, headers, Raw(cloud, response.body, headers))


class Raw(io.RawIOBase):
    """What botocore expects of urllib3's response."""

    def __init__(self, cloud: LocalCloud, body: bytes | AsyncIterator[bytes], headers: dict[str, str]) -> None:
        self.headers = headers
        self._chunks = iter([body]) if isinstance(body, bytes) else drawn(cloud, body)
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, **_: Any) -> bytes:
        if size is None or size < 0:
            data, self._left = self._left + b"".join(self._chunks), b""
            return data
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._left = chunk
        data, self._left = self._left[:size], self._left[size:]
        return data

    def stream(self, amt: int | None = None, **_: Any) -> Iterator[bytes]:
        if self._left:
            yield self.read(len(self._left))
        for chunk in self._chunks:
            if chunk:
                yield chunk


def drawn(cloud: LocalCloud, body: AsyncIterator[bytes]) -> Iterator[bytes]:
    """The pieces of a streamed answer, each drawn on the cloud's thread."""

    async def following() -> bytes | None:
        return await anext(body, None)

    while (chunk := cloud.run(following())) is not None:
        yield chunk


def text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def text_or_bytes(body: Any) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else bytes(body)
