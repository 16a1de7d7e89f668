"""What became of text messages: delivery status logs, and a report of each day's usage in a bucket.

Developer Guide, "Viewing CloudWatch metrics and logs for SMS deliveries" and "Subscribing to daily SMS usage reports".
Carriers and prices are not told: there are none.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import logging
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault, Record, identity

from . import sns, status

if TYPE_CHECKING:
    from .topics import Topic

DAY = 86_400
DIRECT = "DirectPublishToPhoneNumber"
"""What a topic's name would be in the name of the log group."""
ACCEPTED, OPTED_OUT = "Message has been accepted by phone carrier", "Phone number is opted out"
PLAIN, LONG_PLAIN = 160, 153
UNICODE, LONG_UNICODE = 70, 67
"""Characters of a message, and of each of its parts where it has several."""
GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€"
)
"""The alphabet of GSM 03.38; every other character makes a message a Unicode one."""
COLUMNS = (
    "PublishTimeUTC", "MessageId", "DestinationPhoneNumber", "MessageType", "DeliveryStatus", "PriceInUSD",
    "PartNumber", "TotalParts",
)  # fmt: skip

log = logging.getLogger("pileus.sns")


class Sent(Record, key=("day", "at", "id"), table="sns.SmsSent"):
    """A text message of a day that is to be reported."""

    day: int
    at: float
    id: str
    number: str
    kind: str
    response: str
    parts: int


def parts(text: str) -> int:
    """How many messages carry a text."""
    whole, part = (PLAIN, LONG_PLAIN) if GSM.issuperset(text) else (UNICODE, LONG_UNICODE)
    return 1 if len(text) <= whole else ceil(len(text) / part)


def note(
    call: Call, settings: dict[str, str], message: str, number: str, text: str, kind: str, topic: Topic | None, *,
    out: bool,
) -> None:  # fmt: skip
    """Take note of a message that was sent, or was not because its number wants none."""
    response, count = OPTED_OUT if out else ACCEPTED, parts(text)
    if settings.get("UsageReportS3Bucket"):
        day = int(call.now // DAY)
        if Sent.first(call, day) is None:
            report_usage.later(call, day=day, due=float((day + 1) * DAY))
        Sent(day, call.now, message, number.lstrip("+"), kind, response, count).put(call)
    role = settings.get("DeliveryStatusIAMRole")
    rate = int(settings.get("DeliveryStatusSuccessSamplingRate", "0"))
    if not role or (not out and int(message[:8], 16) % 100 >= rate):
        return
    told = {
        "notification": {"messageId": message, "timestamp": status.at(call.now)},
        "delivery": {
            "numberOfMessageParts": count,
            "destination": number,
            "priceInUSD": 0.0,
            "smsType": kind,
            "providerResponse": response,
            "dwellTimeMs": 0,
        },
        "status": "FAILURE" if out else "SUCCESS",
    }
    group = f"sns/{call.region}/{call.account}/{topic.name if topic else DIRECT}{'/Failure' if out else ''}"
    status.write.later(call, role=role, group=group, event=json.dumps(told), at=int(call.now * 1000))


@sns.task(retries=2)
async def report_usage(call: Call, day: int) -> None:
    """Write the report of a day that is over."""
    from .texting import attributes_of

    with call.transaction():
        rows = list(Sent.scan(call, day))
        bucket = attributes_of(call).get("UsageReportS3Bucket")
    if bucket and rows:
        at = datetime.fromtimestamp(day * DAY, UTC)
        key = f"SMSUsageReports/{call.region}/{at:%Y/%m/%d}/001.csv.gz"
        ours = identity.service("sns.amazonaws.com", source_account=call.account)
        try:
            await call.aws("s3", principal=ours).put_object(bucket=bucket, key=key, body=written(rows))
        except Fault as fault:
            log.warning("the SMS usage report was not taken by %s: %s", bucket, fault)
    with call.transaction():
        Sent.delete_all(call, day)


def written(rows: list[Sent]) -> bytes:
    text = io.StringIO()
    table: Any = csv.writer(text)
    table.writerow(COLUMNS)
    for one in rows:
        at = datetime.fromtimestamp(one.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for part in range(1, one.parts + 1):
            table.writerow([at, one.id, one.number, one.kind, one.response, "0.00000", part, one.parts])
    return gzip.compress(text.getvalue().encode(), mtime=0)
