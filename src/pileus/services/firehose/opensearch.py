"""OpenSearch: records as documents of an index, by the bulk API of whatever cluster answers at an address.

"Configure destination settings for Amazon OpenSearch Service", Developer Guide. Requests are not signed: a cluster on
this machine knows no principals of the cloud.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, names, web

from .endpoints import Refused
from .processing import Failed, Item
from .streams import Stream

SECONDS = 60.0
FAILED = "AmazonOpenSearchService-failed"
AGAIN = (429, 500, 502, 503, 504)
"""What a cluster says of a document, or of all, that it may take later."""

Rotation = Callable[[datetime], str]
ROTATIONS: dict[str, Rotation] = {
    "NoRotation": lambda at: "",
    "OneHour": lambda at: f"-{at:%Y-%m-%d-%H}",
    "OneDay": lambda at: f"-{at:%Y-%m-%d}",
    "OneWeek": lambda at: f"-{at:%G-w%V}",
    "OneMonth": lambda at: f"-{at:%Y-%m}",
}
"""What is put behind the name of an index, by its period."""


async def send(call: Call, stream: Stream, name: str, items: list[Item], at: float) -> list[Failed]:
    """Index records; those that are no documents, or that the cluster will never take."""
    settings = stream.destination.settings
    index = settings["IndexName"] + ROTATIONS[settings["IndexRotationPeriod"]](datetime.fromtimestamp(at, UTC))
    own_ids = settings.get("DocumentIdOptions", {}).get("DefaultDocumentIdFormat") != "NO_DOCUMENT_ID"
    failed = [no_document(item) for item in items if document(item) is None]
    sent = [item for item in items if document(item) is not None]
    lines = []
    for number, item in enumerate(sent):
        about = {"_index": index} | ({"_id": f"{name}.{number}"} if own_ids else {})
        lines += [json.dumps({"index": about}), document(item)]
    if not sent:
        return failed
    told = await bulk(settings["ClusterEndpoint"], "\n".join([*map(str, lines), ""]).encode())
    answers = [one.get("index", {}) for one in told.get("items", [])]
    if any(one.get("status") in AGAIN for one in answers):
        raise Refused("OS.ServiceException", "The cluster did not take all documents.")
    refused = [(item, one) for item, one in zip(sent, answers, strict=False) if one.get("status", 200) >= 300]
    return failed + [Failed(item.at, item.data, FAILED, str(one["status"]), json.dumps(one)) for item, one in refused]


def document(item: Item) -> str | None:
    """A record as a document in one line; None for what is no JSON object."""
    try:
        found = json.loads(item.data)
    except ValueError:
        return None
    return json.dumps(found, separators=(",", ":")) if isinstance(found, dict) else None


def no_document(item: Item) -> Failed:
    return Failed(item.at, item.data, FAILED, "OS.MalformedData", "One or more records are malformed.")


async def bulk(address: str, body: bytes) -> dict[str, Any]:
    headers = {"Content-Type": "application/x-ndjson", "X-Opaque-Id": names.uuid4()}
    url = f"{address.rstrip('/')}/_bulk"
    try:
        answer = await web.request("POST", url, headers=headers, body=body, seconds=SECONDS)
    except web.Unreachable as error:
        raise Refused("OS.ServiceException", str(error)) from None
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = None
    if answer.status != 200 or not isinstance(told, dict):
        raise Refused("OS.ServiceException", f"the cluster answered {answer.status}")
    return told
