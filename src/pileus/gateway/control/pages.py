"""Pages of services: what one shows at `/_pileus/SERVICE/…`, such as a certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pileus.gateway.message import Request, Response
from pileus.kernel.cloud import services
from pileus.kernel.edge import Answer
from pileus.kernel.errors import Fault

from .answers import Refused

if TYPE_CHECKING:
    from .control import Control


def find(control: Control, request: Request) -> Any:
    """What the page of that path shows, or None where no service has one there."""
    parts = request.path.split("/")[2:]
    if len(parts) < 2 or request.method not in ("GET", "HEAD") or parts[0] not in services():
        return None
    cloud = control.server.cloud
    for path, function in cloud.service(parts[0]).pages.items():
        pieces = path.split("/")
        if len(pieces) == len(parts) - 1 and all(a in ("{}", b) for a, b in zip(pieces, parts[1:], strict=True)):
            call = cloud.call(parts[0], endpoint=f"{request.scheme}://{request.host}" if request.host else "")
            given = [part for piece, part in zip(pieces, parts[1:], strict=True) if piece == "{}"]
            return shown(function, call, given)
    return None


def shown(function: Any, call: Any, given: list[str]) -> Any:
    try:
        result = function(call, *given)
    except Fault as fault:
        raise Refused(fault.status or 400, fault.message) from None
    return Response(*result) if isinstance(result, Answer) else result
