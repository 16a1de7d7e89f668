"""PutAuditEvents ("CloudTrail Lake integrations event schema", User Guide)."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.services.cloudtrail import ingesting, stores
from pileus.services.cloudtrail.channels import Channel
from pileus.services.cloudtrail.stores import AUDIT, ENABLED
from pileus.services.cloudtrail.wording import iso

from . import cloudtrail_data

Members = dict[str, Any]

NEEDED = ("version", "userIdentity", "eventSource", "eventName", "eventTime", "UID")
KNOWN = {
    *NEEDED, "userAgent", "requestParameters", "responseElements", "errorCode", "errorMessage", "recipientAccountId",
    "sourceIPAddress", "additionalEventData",
}  # fmt: skip
LARGEST = 256 * 1024


@cloudtrail_data.owner
def owner(call: Call, request: Members) -> str:
    """The account whose channel a request names."""
    arn = str(request.get("channelArn", ""))
    return arn.split(":")[4] if arn.count(":") >= 5 else ""


def of_arn(call: Call, channel_arn: str) -> Channel:
    parts = channel_arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "cloudtrail" or not parts[5].startswith("channel/"):
        raise Fault("InvalidChannelARN", "The specified channel ARN is not a valid channel ARN.")
    found = Channel.get(call, parts[5].removeprefix("channel/")) if parts[3] == call.region else None
    if found is None:
        raise Fault("ChannelNotFound", "The channel could not be found.")
    return found


@cloudtrail_data.operation(on=of_arn)
def put_audit_events(call: Call, channel: Channel, audit_events: list[Members], external_id: str = "") -> Members:
    """Put events; what is not as it should be is told, and the others are put."""
    identifiers = [event["id"] for event in audit_events]
    if len({*identifiers}) < len(identifiers):
        raise Fault("DuplicatedAuditEventId", "Two or more entries in the request have the same event ID.")
    good: list[Members] = []
    done: list[Members] = []
    failed: list[Members] = []
    for event in audit_events:
        try:
            data = read(event)
        except ValueError as error:
            code, _, words = str(error).partition(": ")
            failed.append({"id": event["id"], "errorCode": code, "errorMessage": words})
            continue
        number = names.uuid4()
        done.append({"id": event["id"], "eventID": number})
        metadata = {"ingestionTime": iso(call.now), "channelARN": channel.arn(call)}
        metadata |= {"externalId": external_id} if external_id else {}
        good.append(
            {"eventID": number, "eventTime": data["eventTime"], "eventCategory": AUDIT, "metadata": metadata}
            | {"eventData": data}
        )
    keep(call, channel, good, failed)
    return {"successful": done, "failed": failed}


def read(event: Members) -> Members:
    """What an event says; ValueError, with a code and words, where it is none."""
    text = event["eventData"]
    if len(text) > LARGEST:
        raise ValueError("FieldTooLong: The event data is too large.")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    if event.get("eventDataChecksum", digest) != digest:
        raise ValueError("InvalidChecksum: The checksum is not that of the event data.")
    try:
        data = json.loads(text)
    except ValueError:
        raise ValueError("InvalidData: The event data is not valid JSON.") from None
    absent = [name for name in NEEDED if not isinstance(data, dict) or not data.get(name)]
    if absent:
        raise ValueError(f"FieldNotFound: The field {absent[0]} is missing.")
    if unknown := data.keys() - KNOWN:
        raise ValueError(f"InvalidData: The field {min(unknown)} is not known.")
    if not isinstance(data["userIdentity"], dict) or not {"type", "principalId"} <= data["userIdentity"].keys():
        raise ValueError("InvalidUserIdentity: userIdentity needs type and principalId.")
    if not ingesting.instant(data):
        raise ValueError("InvalidEventTime: eventTime is not a time.")
    data.setdefault("recipientAccountId", "")
    return dict(data)


def keep(call: Call, channel: Channel, several: list[Members], failed: list[Members]) -> None:
    there = call.at(service="cloudtrail")
    for one in channel.destinations:
        store = stores.by_id(there, one["Location"])
        if store.status == ENABLED:
            account = [event | {"eventData": settled(call, event["eventData"])} for event in several]
            ingesting.keep(there, store, account)
            ingesting.expire(there, store)
    last = several[-1]["eventID"] if several else None
    channel.status = {
        **channel.status,
        "LatestIngestionAttemptTime": call.now,
        **({"LatestIngestionSuccessTime": call.now, "LatestIngestionSuccessEventID": last} if last else {}),
        **({"LatestIngestionAttemptEventID": last} if last else {}),
    }
    channel.status.pop("LatestIngestionErrorCode", None)
    if failed:
        channel.status["LatestIngestionErrorCode"] = failed[-1]["errorCode"]
    channel.put(there)


def settled(call: Call, data: Members) -> Members:
    """An event says itself whose it is, or it is the channel owner's."""
    return data | {"recipientAccountId": data["recipientAccountId"] or call.account}
