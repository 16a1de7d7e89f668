"""Where data are put and read: at this cloud, by the address at which it was asked."""

from __future__ import annotations

from pileus.kernel import Call

from . import kinesisvideo
from .streams import Members, Stream


@kinesisvideo.operation(on=Stream.of)
def get_data_endpoint(call: Call, stream: Stream, api_name: str) -> Members:
    """The address for one of the APIs that work on a stream's data; they are told apart by their paths."""
    return {"DataEndpoint": call.endpoint} if api_name else {}
