"""What Storage Lens counts of requests: by buckets and days (see `services/s3control/lens`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pileus.kernel import Call

from .buckets import Bucket
from .request_metrics import Tally, measured
from .rules import DAY

if TYPE_CHECKING:
    from pileus.gateway.message import Request, Response
    from pileus.gateway.requestlog import Entry

KIND = "storagelens"
KEPT = 2 * DAY
ACTIVITY = (
    "AllRequests",
    "GetRequests",
    "PutRequests",
    "HeadRequests",
    "DeleteRequests",
    "ListRequests",
    "PostRequests",
    "SelectRequests",
    "BytesDownloaded",
    "BytesUploaded",
    "4xxErrors",
    "5xxErrors",
)
STATUSES = {
    200: "200OKStatusCount",
    206: "206PartialContentStatusCount",
    400: "400BadRequestErrorCount",
    403: "403ForbiddenErrorCount",
    404: "404NotFoundErrorCount",
    500: "500InternalServerErrorCount",
    503: "503ServiceUnavailableErrorCount",
}


def count(call: Call, bucket: Bucket, request: Request, response: Response, entry: Entry) -> None:
    """Add a request to the day's tally; the first one of a day drops those that nobody will ask for any more."""
    tally = tallied(call, bucket, call.now)
    if not tally.values:
        for old in list(Tally.scan(call, bucket.room, KIND, before=(tally.minute - KEPT,))):
            old.delete(call)
    found = measured(call, request, response, entry)
    if call.operation == "SelectObjectContent":
        found.append(("SelectRequests", 1.0))
    if response.status in STATUSES:
        found.append((STATUSES[response.status], 1.0))
    for name, value in found:
        tally.add(name, value)
    tally.put(call)


def tallied(call: Call, bucket: Bucket, at: float) -> Tally:
    """What was asked on the day of some time."""
    day = at // DAY * DAY
    return Tally.get(call, bucket.room, KIND, day) or Tally(bucket.room, KIND, day)
