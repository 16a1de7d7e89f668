"""What Organizations announces in its management account: as events that come from the service and from no call."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, names
from pileus.kernel.identity import service

PRINCIPAL = "organizations.amazonaws.com"
HOME = "us-east-1"
"""The Region in which global services are seen."""


def announce(call: Call, name: str, **details: Any) -> None:
    """Tell EventBridge; the call looks at the management account."""
    detail = {
        "eventVersion": "1.08",
        "userIdentity": {"accountId": call.account, "invokedBy": "AWS Internal"},
        "eventTime": shown(call.now),
        "eventSource": PRINCIPAL,
        "eventName": name,
        "awsRegion": HOME,
        "sourceIPAddress": "AWS Internal",
        "userAgent": "AWS Internal",
        "requestParameters": None,
        "responseElements": None,
        "eventID": names.uuid4(),
        "readOnly": False,
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": call.account,
        "eventCategory": "Management",
        "serviceEventDetails": details,
    }
    entry = {
        "Source": "aws.organizations",
        "DetailType": "AWS Service Event via CloudTrail",
        "Detail": json.dumps(detail),
        "Time": call.now,
    }
    call.at(region=HOME).aws("events", principal=service(PRINCIPAL)).put_events(entries=[entry])


def shown(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
