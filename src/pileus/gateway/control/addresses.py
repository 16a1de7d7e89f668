"""What services answer at addresses of the cloud's own: links in mails, responders."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from pileus.gateway.message import Request, Response
from pileus.kernel.errors import Unfinished

from .answers import Refused

if TYPE_CHECKING:
    from .control import Control


def answer(control: Control, request: Request, service: str, *rest: str) -> Any:
    """What the service of that name says."""
    cloud = control.server.cloud
    try:
        declared = cloud.service(service).address_of
    except Unfinished as unfinished:
        raise Refused(501, unfinished.message) from None
    if declared is None or not fits(declared, rest):
        raise Refused(404, f"{service} has nothing at {request.path}.")
    call = cloud.call(service, endpoint=f"{request.scheme}://{request.host}")
    with cloud.store.attempt():
        return Response(*declared(call, request, *rest))


def fits(declared: Any, parts: tuple[str, ...]) -> bool:
    try:
        inspect.signature(declared).bind(None, None, *parts)
    except TypeError:
        return False
    return True
