"""Metering policies of transit gateways: who is said to pay for which traffic. There are no bills here to tell it."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.resource import Resource, Row, hex_id, now
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, selected
from pileus.services.ec2.kinds import kind, named

from .transit_attachments import Attachment
from .transit_gateways import available

MISSING = (
    "InvalidTransitGatewayMeteringPolicyId.NotFound",
    "Transit Gateway Metering Policy {} was deleted or does not exist.",
)
SOURCE = (
    "SourceTransitGatewayAttachmentId",
    "SourceTransitGatewayAttachmentType",
    "SourceCidrBlock",
    "SourcePortRange",
)
DESTINATION = tuple(name.replace("Source", "Destination") for name in SOURCE)


ENTRY_FILTERS = Filters(
    {
        "destination-cidr-block": "MeteringPolicyRule.DestinationCidrBlock",
        "metered-account": "MeteredAccount",
        "policy-rule-number": "PolicyRuleNumber",
        "protocol": "MeteringPolicyRule.Protocol",
        "source-cidr-block": "MeteringPolicyRule.SourceCidrBlock",
        "state": "State",
    },
    tags=None,
)


class MeteringEntry(Record, key=("policy", "number"), table="ec2.TransitGatewayMeteringPolicyEntry"):
    """A rule and who pays."""

    policy: str
    number: int
    rule: dict[str, Any]
    account: str
    updated: float


@kind("transit-gateway-metering-policy", "tgw-mp", missing=MISSING)
class MeteringPolicy(Resource, service=ec2, cfn="AWS::EC2::TransitGatewayMeteringPolicy"):
    """A policy."""

    key = "TransitGatewayMeteringPolicyId"
    create, list = "CreateTransitGatewayMeteringPolicy", "DescribeTransitGatewayMeteringPolicies"
    delete = "DeleteTransitGatewayMeteringPolicy"
    missing = MISSING
    tags = "TagSpecifications"
    states = "State: pending -> available after 1s; deleting -> deleted after 1s; deleted -> gone after 1h"
    fields = {
        "TransitGatewayMeteringPolicyId": hex_id("tgw-mp"),
        "MiddleboxAttachmentIds": [],
        "UpdateEffectiveAt": now,
    }
    filters = {"state": "State", "transit-gateway-id": "TransitGatewayId"}

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        available(call, row["TransitGatewayId"])
        for what in row["MiddleboxAttachmentIds"]:
            named(call, Attachment, what)

    @staticmethod
    def after_delete(call: Call, row: Row) -> None:
        MeteringEntry.delete_all(call, row["TransitGatewayMeteringPolicyId"])


@ec2.operation(on=MeteringPolicy.of("ModifyTransitGatewayMeteringPolicy"))
def modify_transit_gateway_metering_policy(
    call: Call, row: Row, add_middlebox_attachment_ids: list[str] = [], remove_middlebox_attachment_ids: list[str] = []
) -> Members:
    """Say of further attachments that they lead to middleboxes, or no longer."""
    for what in add_middlebox_attachment_ids:
        named(call, Attachment, what)
    merged = dict.fromkeys([*row["MiddleboxAttachmentIds"], *add_middlebox_attachment_ids])
    row["MiddleboxAttachmentIds"] = [what for what in merged if what not in remove_middlebox_attachment_ids]
    row["UpdateEffectiveAt"] = call.now
    row.put(call)
    return MeteringPolicy.family.show(call, row, "create")


@ec2.operation(on=MeteringPolicy.of("CreateTransitGatewayMeteringPolicyEntry"))
def create_transit_gateway_metering_policy_entry(
    call: Call,
    row: Row,
    policy_rule_number: int,
    metered_account: str,
    source_transit_gateway_attachment_id: str = "",
    source_transit_gateway_attachment_type: str = "",
    source_cidr_block: str = "",
    source_port_range: str = "",
    destination_transit_gateway_attachment_id: str = "",
    destination_transit_gateway_attachment_type: str = "",
    destination_cidr_block: str = "",
    destination_port_range: str = "",
    protocol: str = "",
) -> Members:
    """Add a rule."""
    what = row["TransitGatewayMeteringPolicyId"]
    if MeteringEntry.get(call, what, policy_rule_number):
        text = f"The policy rule {policy_rule_number} already exists in {what}."
        raise Fault("TransitGatewayMeteringPolicyEntryAlreadyExists", text)
    source = (
        source_transit_gateway_attachment_id,
        source_transit_gateway_attachment_type,
        source_cidr_block,
        source_port_range,
    )
    destination = (
        destination_transit_gateway_attachment_id,
        destination_transit_gateway_attachment_type,
        destination_cidr_block,
        destination_port_range,
    )
    rule = dict(zip((*SOURCE, *DESTINATION, "Protocol"), (*source, *destination, protocol), strict=True))
    kept = {name: value for name, value in rule.items() if value}
    made = MeteringEntry(what, policy_rule_number, kept, metered_account, call.now).put(call)
    return {"TransitGatewayMeteringPolicyEntry": _shown(made)}


@ec2.operation(on=MeteringPolicy.of("DeleteTransitGatewayMeteringPolicyEntry"))
def delete_transit_gateway_metering_policy_entry(call: Call, row: Row, policy_rule_number: int) -> Members:
    """Remove a rule."""
    found = MeteringEntry.get(call, row["TransitGatewayMeteringPolicyId"], policy_rule_number)
    if found is None:
        text = f"The policy rule {policy_rule_number} does not exist in {row['TransitGatewayMeteringPolicyId']}."
        raise Fault("InvalidTransitGatewayMeteringPolicyEntry.NotFound", text)
    found.delete(call)
    return {"TransitGatewayMeteringPolicyEntry": _shown(found) | {"State": "deleted"}}


@ec2.operation(on=MeteringPolicy.of("GetTransitGatewayMeteringPolicyEntries"))
def get_transit_gateway_metering_policy_entries(
    call: Call, row: Row, filters: list[Members] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """The rules of a policy in the order of their numbers."""
    found = [_shown(one) for one in MeteringEntry.scan(call, row["TransitGatewayMeteringPolicyId"])]
    member = "TransitGatewayMeteringPolicyEntries"
    return selected(call, member, ENTRY_FILTERS, found, filters, max_results, next_token)


def _shown(one: MeteringEntry) -> Members:
    return {
        "PolicyRuleNumber": str(one.number),
        "MeteredAccount": one.account,
        "State": "available",
        "UpdatedAt": one.updated,
        "UpdateEffectiveAt": one.updated,
        "MeteringPolicyRule": one.rule,
    }
