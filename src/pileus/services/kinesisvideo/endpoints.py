"""Where data are put and read: at this cloud, by the address at which it was asked."""

from __future__ import annotations

from pileus.kernel import Call

from . import kinesisvideo
from .streams import Members, Stream


@kinesisvideo.operation(on=Stream.of)
def get_data_endpoint(call: Call, stream: Stream, api_name: str) -> Members:
    """The address for an API that works on a stream's data: one for all of them, whose paths tell them apart."""
    return {"DataEndpoint": call.endpoint}
