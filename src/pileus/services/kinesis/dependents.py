"""What hangs on a stream besides its consumers: queues and channels, in what is the same of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pileus.kernel import Call, Fault
from pileus.kernel.record import Page

from . import faults
from .streams import Members, Stream

if TYPE_CHECKING:
    from .channels import Channel
    from .queues import Queue

D = TypeVar("D", "Channel", "Queue")

MOST_LISTED = 100


def page(call: Call, kind: type[D], stream_filter: list[Members], max_results: int, next_token: str) -> Page[D]:
    """Those of the account in this Region, or of the one stream that is named."""
    if len(stream_filter) > 1:
        raise faults.validation("StreamFilter must contain exactly one entry.")
    wanted: list[str] = []
    created = None
    if stream_filter:
        wanted, created = [stream_filter[0]["StreamARN"].split("/")[1]], stream_filter[0].get("StreamCreationTimestamp")
    return kind.page(
        call,
        *wanted,
        limit=min(max_results, MOST_LISTED),
        token=next_token,
        where=lambda one: created is None or int(one.stream_created) == int(created),
        invalid=Fault("ExpiredNextTokenException", "The pagination token passed to the operation is expired."),
        **({"index": "by_stream"} if wanted else {}),
    )


def check_none(call: Call, stream: Stream, what: str) -> None:
    """Refuse what cannot be done to a stream on which anything hangs."""
    from .channels import Channel  # which are listed by this
    from .queues import Queue

    for kind, several in ((Queue, "queues"), (Channel, "channels")):
        if kind.first(call, stream.name, index="by_stream"):
            message = f"Stream {stream.name} under account {call.account} cannot be {what} because it has {several}."
            raise Fault("ResourceInUseException", message)
