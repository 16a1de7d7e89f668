"""Policy tables of transit gateways: rules that choose a route table for a packet of a peering."""

from __future__ import annotations

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.resource import Resource, Row, hex_id, now
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, selected
from pileus.services.ec2.kinds import kind, named

from .transit_attachments import Attachment, reference
from .transit_attachments import parts as attachment_parts
from .transit_gateways import available
from .transit_tables import OF_ATTACHMENTS, table

MISSING = (
    "InvalidTransitGatewayPolicyTableId.NotFound",
    "Transit Gateway Policy Table {} was deleted or does not exist.",
)


class PolicyEntry(Record, key=("policy_table", "number"), table="ec2.TransitGatewayPolicyTableEntry"):
    """A rule and the route table that it chooses."""

    policy_table: str
    number: int
    rule: dict[str, object]
    target: str


class PolicyAssociation(
    Record,
    key=("policy_table", "attachment"),
    table="ec2.TransitGatewayPolicyTableAssociation",
    indexes={"by_attachment": ("attachment",)},
):
    """An attachment whose packets a policy table routes."""

    policy_table: str
    attachment: str


@attachment_parts.ends_with
def attachment_gone(call: Call, attachment: Attachment) -> None:
    for one in [*PolicyAssociation.scan(call, attachment.transit_gateway_attachment_id, index="by_attachment")]:
        one.delete(call)


@kind("transit-gateway-policy-table", "tgw-ptb", missing=MISSING)
class PolicyTable(Resource, service=ec2):
    """A policy table."""

    key = "TransitGatewayPolicyTableId"
    create, list = "CreateTransitGatewayPolicyTable", "DescribeTransitGatewayPolicyTables"
    delete = "DeleteTransitGatewayPolicyTable"
    missing = MISSING
    tags = "TagSpecifications"
    states = "State: pending -> available after 1s; deleting -> deleted after 1s; deleted -> gone after 1h"
    fields = {"TransitGatewayPolicyTableId": hex_id("tgw-ptb"), "CreationTime": now}
    filters = {
        "state": "State",
        "transit-gateway-id": "TransitGatewayId",
        "transit-gateway-policy-table-id": "TransitGatewayPolicyTableId",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        available(call, row["TransitGatewayId"])

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        what = row["TransitGatewayPolicyTableId"]
        if PolicyAssociation.first(call, what):
            raise Fault("IncorrectState", f"{what} has associated attachments.")
        PolicyEntry.delete_all(call, what)


@ec2.operation(on=PolicyTable.of("CreateTransitGatewayPolicyTableEntry"))
def create_transit_gateway_policy_table_entry(
    call: Call, row: Row, policy_rule_number: str, target_route_table_id: str, policy_rule: Members = {}
) -> Members:
    """Add a rule."""
    what = row["TransitGatewayPolicyTableId"]
    if PolicyEntry.get(call, what, int(policy_rule_number)):
        text = f"The policy rule {policy_rule_number} already exists in {what}."
        raise Fault("TransitGatewayPolicyTableEntryAlreadyExists", text)
    table(call, target_route_table_id)
    made = PolicyEntry(what, int(policy_rule_number), dict(policy_rule), target_route_table_id).put(call)
    return {"TransitGatewayPolicyTableEntry": _entry(made)}


@ec2.operation(on=PolicyTable.of("ModifyTransitGatewayPolicyTableEntry"))
def modify_transit_gateway_policy_table_entry(
    call: Call, row: Row, policy_rule_number: str, policy_rule: Members = {}, target_route_table_id: str = ""
) -> Members:
    """Change a rule."""
    found = _found(call, row, policy_rule_number)
    found.rule = dict(policy_rule) or found.rule
    if target_route_table_id:
        found.target = table(call, target_route_table_id).transit_gateway_route_table_id
    found.put(call)
    return {"TransitGatewayPolicyTableEntry": _entry(found)}


@ec2.operation(on=PolicyTable.of("DeleteTransitGatewayPolicyTableEntry"))
def delete_transit_gateway_policy_table_entry(call: Call, row: Row, policy_rule_number: str) -> Members:
    """Remove a rule."""
    found = _found(call, row, policy_rule_number)
    found.delete(call)
    return {"TransitGatewayPolicyTableEntry": _entry(found) | {"State": "deleted"}}


def _found(call: Call, row: Row, number: str) -> PolicyEntry:
    what = row["TransitGatewayPolicyTableId"]
    found = PolicyEntry.get(call, what, int(number))
    if found is None:
        text = f"The policy rule {number} does not exist in {what}."
        raise Fault("InvalidTransitGatewayPolicyTableEntry.NotFound", text)
    return found


ENTRY_FILTERS = Filters(
    {
        "policy-rule-number": "PolicyRuleNumber",
        "target-route-table-id": "TargetRouteTableId",
        "policy-rule.source-ip": "PolicyRule.SourceCidrBlock",
        "policy-rule.destination-ip": "PolicyRule.DestinationCidrBlock",
        "policy-rule.source-port": "PolicyRule.SourcePortRange",
        "policy-rule.destination-port": "PolicyRule.DestinationPortRange",
        "policy-rule.protocol": "PolicyRule.Protocol",
        "policy-rule.meta-data.key": "PolicyRule.MetaData.MetaDataKey",
        "policy-rule.meta-data.value": "PolicyRule.MetaData.MetaDataValue",
    },
    tags=None,
)


@ec2.operation(on=PolicyTable.of("GetTransitGatewayPolicyTableEntries"))
def get_transit_gateway_policy_table_entries(
    call: Call, row: Row, filters: list[Members] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """The rules of a table in the order of their numbers."""
    found = [_entry(one) for one in PolicyEntry.scan(call, row["TransitGatewayPolicyTableId"])]
    member = "TransitGatewayPolicyTableEntries"
    return selected(call, member, ENTRY_FILTERS, found, filters, max_results, next_token)


def _entry(one: PolicyEntry) -> Members:
    return {
        "PolicyRuleNumber": str(one.number),
        "PolicyRule": one.rule,
        "TargetRouteTableId": one.target,
        "State": "active",
    }


# Associations


@ec2.operation(on=PolicyTable.of("AssociateTransitGatewayPolicyTable"))
def associate_transit_gateway_policy_table(call: Call, row: Row, transit_gateway_attachment_id: str) -> Members:
    """Let a policy table route what comes by an attachment that routes by no other table."""
    attachment = named(call, Attachment, transit_gateway_attachment_id)
    if attachment.transit_gateway_id != row["TransitGatewayId"]:
        text = f"{transit_gateway_attachment_id} is not attached to {row['TransitGatewayId']}."
        raise Fault("InvalidParameterValue", text)
    if attachment.table:
        text = f"Transit Gateway Attachment {transit_gateway_attachment_id} is already associated to a route table."
        raise Fault("Resource.AlreadyAssociated", text)
    one = PolicyAssociation(row["TransitGatewayPolicyTableId"], transit_gateway_attachment_id).put(call)
    return {"Association": _association(one, attachment, "associating")}


@ec2.operation(on=PolicyTable.of("DisassociateTransitGatewayPolicyTable"))
def disassociate_transit_gateway_policy_table(call: Call, row: Row, transit_gateway_attachment_id: str) -> Members:
    """Let it no longer."""
    what = row["TransitGatewayPolicyTableId"]
    found = PolicyAssociation.get(call, what, transit_gateway_attachment_id)
    if found is None:
        text = f"{transit_gateway_attachment_id} is not associated with {what}."
        raise Fault("InvalidAssociation.NotFound", text)
    found.delete(call)
    attachment = named(call, Attachment, transit_gateway_attachment_id)
    return {"Association": _association(found, attachment, "disassociating")}


@ec2.operation(on=PolicyTable.of("GetTransitGatewayPolicyTableAssociations"))
def get_transit_gateway_policy_table_associations(
    call: Call, row: Row, filters: list[Members] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """The attachments whose packets a policy table routes."""
    found = [
        _association(one, named(call, Attachment, one.attachment), "associated")
        for one in PolicyAssociation.scan(call, row["TransitGatewayPolicyTableId"])
    ]
    return selected(call, "Associations", OF_ATTACHMENTS, found, filters, max_results, next_token)


def _association(one: PolicyAssociation, attachment: Attachment, state: str) -> Members:
    return {"TransitGatewayPolicyTableId": one.policy_table, "State": state} | reference(attachment)
