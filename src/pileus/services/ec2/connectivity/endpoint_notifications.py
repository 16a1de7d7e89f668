"""Notifications of endpoints: an SNS topic learns when one connects, or is accepted, rejected or deleted."""

from __future__ import annotations

import json
import logging

from pileus.kernel import Call, Fault, Record, identity
from pileus.kernel.errors import Unfinished
from pileus.kernel.filters import Filters
from pileus.kernel.names import hex_id
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import combination, missing
from pileus.services.ec2.kinds import kind, named
from pileus.services.ec2.tokens import made_before, remember

from .endpoint_configurations import EndpointService
from .endpoints import VpcEndpoint

log = logging.getLogger("pileus.ec2.endpoints")

EVENTS = ("Accept", "Connect", "Delete", "Reject")


@kind(
    "vpc-endpoint-connection-notification",
    "vpce-nfn",
    missing=("InvalidConnectionNotification", "The ConnectionNotification Id '{}' does not exist"),
)
class ConnectionNotification(Record, cfn="AWS::EC2::VPCEndpointConnectionNotification"):
    """A topic that is told of a service's endpoints, or of one endpoint."""

    connection_notification_id: str
    topic: str
    events: list[str]
    service_id: str = ""
    vpc_endpoint_id: str = ""


FILTERS = Filters(
    {
        "connection-notification-arn": "topic",
        "connection-notification-id": "connection_notification_id",
        "connection-notification-state": lambda one: "Enabled",
        "connection-notification-type": lambda one: "Topic",
        "service-id": lambda one: one.service_id or None,
        "vpc-endpoint-id": lambda one: one.vpc_endpoint_id or None,
    },
    tags=None,
)


@ec2.operation
def create_vpc_endpoint_connection_notification(
    call: Call,
    connection_notification_arn: str,
    connection_events: list[str],
    service_id: str = "",
    vpc_endpoint_id: str = "",
    client_token: str = "",
) -> Members:
    """Tell a topic of what happens to the endpoints of a service, or to one endpoint."""
    if before := made_before(call, client_token):
        return {"ConnectionNotification": shown(call, named(call, ConnectionNotification, before))}
    if bool(service_id) == bool(vpc_endpoint_id):
        if service_id:
            raise combination("You cannot specify both ServiceId and VpcEndpointId.")
        raise missing("ServiceId", "VpcEndpointId")
    if service_id:
        named(call, EndpointService, service_id)
    else:
        named(call, VpcEndpoint, vpc_endpoint_id)
    made = ConnectionNotification(
        connection_notification_id=hex_id("vpce-nfn"),
        topic=_topic(connection_notification_arn),
        events=checked(connection_events),
        service_id=service_id,
        vpc_endpoint_id=vpc_endpoint_id,
    ).put(call)
    remember(call, client_token, made.connection_notification_id)
    return {"ConnectionNotification": shown(call, made), "ClientToken": client_token or None}


def _topic(arn: str) -> str:
    if ":sns:" not in arn:
        raise Fault("InvalidParameter", f"Invalid connection notification ARN: {arn}")
    return arn


def checked(events: list[str]) -> list[str]:
    for one in events:
        if one not in EVENTS:
            raise Fault("InvalidParameter", f"Invalid connection event: {one}")
    return [*dict.fromkeys(events)]


@ec2.operation
def describe_vpc_endpoint_connection_notifications(
    call: Call,
    connection_notification_id: str = "",
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The topics that are told."""
    ids = [connection_notification_id] if connection_notification_id else []
    member = "ConnectionNotificationSet"
    return described(call, ConnectionNotification, FILTERS, member, shown, ids, filters, max_results, next_token)


def shown(call: Call, one: ConnectionNotification) -> Members:
    return {
        "ConnectionNotificationId": one.connection_notification_id,
        "ServiceId": one.service_id or None,
        "VpcEndpointId": one.vpc_endpoint_id or None,
        "ConnectionNotificationType": "Topic",
        "ConnectionNotificationArn": one.topic,
        "ConnectionEvents": one.events,
        "ConnectionNotificationState": "Enabled",
    }


@ec2.operation
def modify_vpc_endpoint_connection_notification(
    call: Call,
    connection_notification_id: str,
    connection_notification_arn: str = "",
    connection_events: list[str] = [],
) -> Members:
    """Tell another topic, or of other events."""
    one = named(call, ConnectionNotification, connection_notification_id)
    one.topic = _topic(connection_notification_arn) if connection_notification_arn else one.topic
    one.events = checked(connection_events) or one.events
    one.put(call)
    return {"ReturnValue": True}


@ec2.operation
def delete_vpc_endpoint_connection_notifications(call: Call, connection_notification_ids: list[str]) -> Members:
    """Tell nobody any more."""
    failed: list[Members] = []
    for what in connection_notification_ids:
        if one := ConnectionNotification.get(call, what):
            one.delete(call)
        else:
            text = f"The ConnectionNotification Id '{what}' does not exist"
            failed.append({"ResourceId": what, "Error": {"Code": "InvalidConnectionNotification", "Message": text}})
    return {"Unsuccessful": failed}


# Telling


def announce(call: Call, event: str, endpoint: VpcEndpoint) -> None:
    """Something has happened to an endpoint: tell those who want to know, at its service (where the call looks) and at
    its own account."""
    for there in (call, call.at(endpoint.owner)):
        for one in ConnectionNotification.scan(there):
            mine = (
                endpoint.service_id == one.service_id
                if one.service_id
                else endpoint.vpc_endpoint_id == one.vpc_endpoint_id
            )
            if event in one.events and mine:
                told = {
                    "AccountId": endpoint.owner,
                    "ServiceId": endpoint.service_id,
                    "VpcEndpointId": endpoint.vpc_endpoint_id,
                    "Event": event,
                    "Timestamp": int(call.now),
                }
                endpoint_told.later(there, topic=one.topic, message=json.dumps(told))
        if call.account == endpoint.owner:
            return


@ec2.task(retries=3)
def endpoint_told(call: Call, topic: str, message: str) -> None:
    """Publish one notification."""
    try:
        sns = call.aws("sns", principal=identity.service("vpce.amazonaws.com"))
        sns.publish(topic_arn=topic, message=message, subject="VPC endpoint notification")
    except Unfinished:
        log.warning("a notification of an endpoint found no SNS: %s", topic)
