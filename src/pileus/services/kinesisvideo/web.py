"""What the service answers beside its model: PutMedia."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pileus.kernel import Call
from pileus.kernel.edge import Answer, Fields
from pileus.kernel.errors import Fault
from pileus.kernel.identity import ANONYMOUS

from . import kinesisvideo
from .putting import put_media

if TYPE_CHECKING:
    from pileus.gateway.message import Request
    from pileus.models import Operation


class Web:
    """What Kinesis Video Streams sees of HTTP."""

    decides = False

    def admit(self, operation: Operation, request: Request) -> None:
        """Operations come as those of other services do."""

    def beside(self, call: Call, request: Request, labels: dict[str, str]) -> Answer:
        """Media that are put."""
        if call.principal is ANONYMOUS:
            raise Fault("MissingAuthenticationTokenException", "Missing Authentication Token", status=403)
        return put_media(call.at(operation="PutMedia"), request)

    def dress(self, call: Call, request: Request, labels: dict[str, str], fields: Fields) -> None:
        """Pages of other origins are told nothing."""


kinesisvideo.edge = Web()
