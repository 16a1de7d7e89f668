"""What becomes of letters, and who is told: an identity's topics, and the event destinations of configuration sets.

"Examples of event data that Amazon SES publishes", "Amazon SNS notification contents", Developer Guide.
"""

from __future__ import annotations

import datetime
import json
import logging
from typing import Any

from pileus.kernel import Call, Fault, identity, names, roles
from pileus.kernel.identity import Principal

from . import accounts, feedback, insights, ses, suppression
from .identities import Identity
from .letters import Letter
from .sets import ConfigurationSet

log = logging.getLogger("pileus.ses")

SPELT = {"SEND": "Send", "DELIVERY": "Delivery", "BOUNCE": "Bounce", "COMPLAINT": "Complaint"}
SPELT |= {"REJECT": "Reject", "OPEN": "Open", "CLICK": "Click"}
NAMES = {"SEND": "Email Sent", "DELIVERY": "Email Delivered", "BOUNCE": "Email Bounced"}
NAMES |= {"COMPLAINT": "Email Complaint Received", "REJECT": "Email Rejected", "OPEN": "Email Opened"}
NAMES |= {"CLICK": "Email Clicked"}


UNWANTED = {
    kind: f"Amazon SES did not send the message to this address because {why}."
    for kind, why in {
        "suppressed": "it is on the suppression list for your account",
        "unsubscribed": "the contact has unsubscribed",
    }.items()
}
UNDELIVERED = {"suppressed": "OnAccountSuppressionList", "unsubscribed": "UnsubscribedRecipient"}
"""Why letters are not even sent to some."""


def stamp(at: float) -> str:
    when = datetime.datetime.fromtimestamp(at, datetime.UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def became(
    call: Call,
    letter: Letter,
    whose: Identity,
    set_name: str,
    kind: str,
    addresses: list[str],
    reasons: list[str],
    tenant: str = "",
) -> None:
    """A letter was delivered to these addresses, or bounced, or they complained; `tenant` is whose list they go on."""
    number = f"{int(call.now * 1000):016x}-{names.uuid4()}-000000"
    if kind == "delivery":
        told = {
            "timestamp": stamp(call.now),
            "processingTimeMillis": 0,
            "recipients": addresses,
            "smtpResponse": "250 2.6.0 Message received",
            "reportingMTA": "a8-70.smtp-out.amazonses.com",
        }
        tell(call, letter, whose, set_name, "DELIVERY", {"delivery": told})
    elif kind == "complaint":
        told = {
            "complainedRecipients": [{"emailAddress": one} for one in addresses],
            "timestamp": stamp(call.now),
            "feedbackId": number,
            "complaintSubType": None,
            "complaintFeedbackType": "abuse",
            "userAgent": "Amazon SES Mailbox Simulator",
        }
        accounts.note(call, complaints=len(addresses))
        tell(call, letter, whose, set_name, "COMPLAINT", {"complaint": told})
        if whose.forwarding:
            feedback.forward(call, letter, kind, addresses, told)
    else:
        bounced(call, letter, whose, set_name, kind, addresses, number)
    if kind in ("bounce", "complaint") and kind.upper() in reasons:
        for one in addresses:
            if not one.lower().endswith("simulator.amazonses.com"):
                suppression.suppress(call, one, kind.upper(), letter.id, number, tenant=tenant)


def bounced(
    call: Call, letter: Letter, whose: Identity, set_name: str, kind: str, addresses: list[str], number: str
) -> None:
    listed = kind in UNDELIVERED
    why = UNWANTED[kind] if listed else ""
    told = {
        "feedbackId": number,
        "bounceType": "Permanent",
        "bounceSubType": UNDELIVERED.get(kind, "General"),
        "bouncedRecipients": [
            {
                "emailAddress": one,
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": why if listed else "smtp; 550 5.1.1 user unknown",
            }
            for one in addresses
        ],
        "timestamp": stamp(call.now),
        "reportingMTA": "dns; amazonses.com",
    }
    accounts.note(call, bounces=0 if listed else len(addresses))
    tell(call, letter, whose, set_name, "BOUNCE", {"bounce": told})
    if whose.forwarding:
        feedback.forward(call, letter, "bounce", addresses, told)


def tell(call: Call, letter: Letter, whose: Identity, set_name: str, kind: str, about: dict[str, Any]) -> None:
    mail = described(call, letter, whose)
    spelt = SPELT[kind]
    insights.note(call, letter, whose.name, set_name, kind, about)
    if topic := whose.topics.get(spelt):
        headers = headers_of(letter) if spelt in whose.headers else {}
        document = {"notificationType": spelt, **about, "mail": mail | headers}
        publish.later(call, topic=topic, document=document, source=whose.arn(call))
    if set_name:
        whole = {"eventType": spelt, "mail": with_tags(mail, letter, set_name), **(about or {"send": {}})}
        destine.later(call, set_name=set_name, kind=kind, document=whole)


def described(call: Call, letter: Letter, whose: Identity) -> dict[str, Any]:
    """A letter as notifications tell of it."""
    return {
        "timestamp": stamp(call.now),
        "source": letter.sender,
        "sourceArn": whose.arn(call),
        "sendingAccountId": call.account,
        "messageId": letter.id,
        "destination": letter.to,
    }


def with_tags(mail: dict[str, Any], letter: Letter, set_name: str) -> dict[str, Any]:
    """The same as events tell of it, with its headers and tags."""
    tags = {f"ses:{name}": [value] for name, value in automatic(letter, set_name).items()}
    tags |= {name: [value] for name, value in letter.tags.items()}
    return mail | headers_of(letter) | {"tags": tags}


def automatic(letter: Letter, set_name: str) -> dict[str, str]:
    return {"configuration-set": set_name, "from-domain": letter.sender.partition("@")[2]}


def headers_of(letter: Letter) -> dict[str, Any]:
    common = {name: value for name, value in letter.headers if name in ("From", "To", "Subject", "Date")}
    return {
        "headersTruncated": False,
        "headers": [{"name": name, "value": value} for name, value in letter.headers],
        "commonHeaders": {
            "from": [common.get("From", "")],
            "to": [common["To"]] if "To" in common else [],
            "messageId": letter.id,
            "subject": letter.subject,
        },
    }


def itself(source: str) -> Principal:
    """SES, on behalf of a thing of some account."""
    return identity.service("ses.amazonaws.com", source, source.split(":")[4])


@ses.task
def publish(call: Call, topic: str, document: dict[str, Any], source: str) -> None:
    """Tell a topic. One that does not let SES publish is not told."""
    call.aws("sns", principal=itself(source)).publish(
        topic_arn=topic, message=json.dumps(document), subject="Amazon SES Email Event Notification"
    )


@ses.task
async def destine(call: Call, set_name: str, kind: str, document: dict[str, Any]) -> None:
    """Tell each destination of a configuration set that wants to know of such events."""
    found = ConfigurationSet.get(call, set_name)
    wanted = [
        one
        for one in (found.destinations.values() if found else ())
        if one.get("Enabled") and kind in one["MatchingEventTypes"]
    ]
    for destination in wanted:
        try:
            with call.transaction():
                to_destination(call, set_name, kind, document, destination)
        except Fault as fault:
            log.warning("nobody was told of %s by %s: %s", kind, set_name, fault)  # AWS does not try again


def to_destination(call: Call, set_name: str, kind: str, document: dict[str, Any], destination: dict[str, Any]) -> None:
    arn = call.arn(f"configuration-set/{set_name}", "ses")
    principal = itself(arn)
    if topic := destination.get("SnsDestination"):
        text = json.dumps(document)
        subject = "Amazon SES Email Event Notification"
        call.aws("sns", principal=principal).publish(topic_arn=topic["TopicArn"], message=text, subject=subject)
    elif hose := destination.get("KinesisFirehoseDestination"):
        name = hose["DeliveryStreamArn"].rpartition("/")[2]
        principal = roles.taken_on(call, hose["IamRoleArn"], "ses-events", principal)
        data = json.dumps(document).encode() + b"\n"
        call.aws("firehose", principal=principal).put_record(delivery_stream_name=name, record={"Data": data})
    elif "EventBridgeDestination" in destination:
        entry = {
            "Source": "aws.ses",
            "DetailType": NAMES[kind],
            "Resources": [arn],
            "Time": call.now,
            "Detail": json.dumps(document),
        }
        call.aws("events", principal=principal).put_events(entries=[entry])
    elif metrics := destination.get("CloudWatchDestination"):
        count(call, kind, document, metrics["DimensionConfigurations"])


def count(call: Call, kind: str, document: dict[str, Any], dimensions: list[dict[str, str]]) -> None:
    """A metric of the event's name, with dimensions by the letter's tags or headers."""
    itself = identity.service("cloudwatch.amazonaws.com")  # services need no leave to publish metrics of their own
    tags, headers = document["mail"]["tags"], {one["name"]: one["value"] for one in document["mail"]["headers"]}
    told = []
    for one in dimensions:
        name = one["DimensionName"]
        held = (
            tags.get(name, [None])[0]
            if one["DimensionValueSource"].lower().startswith("message")
            else headers.get(name)
        )
        told.append({"Name": name, "Value": held or one["DefaultDimensionValue"]})
    datum = {"MetricName": SPELT[kind], "Dimensions": told, "Value": 1.0, "Unit": "Count"}
    call.aws("cloudwatch", principal=itself).put_metric_data(namespace="AWS/SES", metric_data=[datum])
