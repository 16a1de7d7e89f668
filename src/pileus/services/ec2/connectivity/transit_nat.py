"""Translation at attachments of transit gateways: what comes in from some addresses goes on as if from others.

Address by address, block by block, without state; what is sent to the other addresses is led back (NAT gateway rules).
"""

from __future__ import annotations

from ipaddress import IPv4Network

from pileus.kernel import Call, Fault, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value, combination
from pileus.services.ec2.kinds import BY_RECORD
from pileus.services.ec2.network import cidrs

from .transit_attachments import VPC, Attachment, of_kind, rewire
from .transit_attachments import parts as attachment_parts

MOST = 50
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
BARRED = ("224.0.0.0/4", "169.254.0.0/16")


class NatConfiguration(Record, table="ec2.TransitGatewayNat"):
    """What an attachment translates, kept with the gateway's owner."""

    attachment: str
    enabled: bool = False
    routes: bool = True
    """Whether tables learn the other addresses."""
    rules: dict[str, tuple[str, str]] = {}
    """The blocks, and what stands for them, by the rules' numbers."""


def translated(call: Call, attachment: str) -> list[tuple[str, str]]:
    """The blocks that an attachment translates at present, and what stands for them; the first rules come first."""
    found = NatConfiguration.get(call, attachment)
    return [found.rules[number] for number in sorted(found.rules, key=int)] if found and found.enabled else []


def told(call: Call, attachment: str) -> list[str]:
    """The blocks that tables learn for it."""
    found = NatConfiguration.get(call, attachment)
    return [shown for _, shown in translated(call, attachment)] if found and found.routes else []


@attachment_parts.ends_with
def attachment_gone(call: Call, attachment: Attachment) -> None:
    NatConfiguration(attachment.transit_gateway_attachment_id).delete(call)


def _own(call: Call, what: str) -> Attachment:
    """An attachment of a VPC to a gateway of the account's."""
    one = of_kind(call, what, (VPC,))
    if one.gateway_owner != call.account:
        raise BY_RECORD[Attachment].absent(what)
    return one


@ec2.operation
def get_transit_gateway_attachment_nat_configuration(call: Call, transit_gateway_attachment_id: str) -> Members:
    """What an attachment translates."""
    _own(call, transit_gateway_attachment_id)
    found = NatConfiguration.get(call, transit_gateway_attachment_id)
    return shown(found or NatConfiguration(transit_gateway_attachment_id))


@ec2.operation
def modify_transit_gateway_attachment_nat_configuration(
    call: Call,
    transit_gateway_attachment_id: str,
    nat_gateway_support: str = "",
    nat_system_route_support: str = "",
    nat_gateway_rules: list[Members] = [],
    reset_nat_gateway_rules: bool = False,
) -> Members:
    """Say anew what an attachment translates, and whether it does."""
    one = _own(call, transit_gateway_attachment_id)
    what = transit_gateway_attachment_id
    if not one.usable:
        raise Fault("IncorrectState", f"{what} is in invalid state")
    if nat_gateway_rules and reset_nat_gateway_rules:
        raise combination("NatGatewayRules and ResetNatGatewayRules cannot be specified together.")
    if nat_system_route_support == "disable":
        text = "The transit gateway always installs routes for VPC attachments."
        raise bad_value("NatSystemRouteSupport", nat_system_route_support, text)
    found = NatConfiguration.get(call, what) or NatConfiguration(what)
    if nat_gateway_rules or reset_nat_gateway_rules:
        found.rules = _rules(nat_gateway_rules)
    if nat_gateway_support:
        found.enabled = nat_gateway_support == "enable"
    if found.enabled and not found.rules:
        raise Fault("InvalidParameterValue", "NAT gateway support needs at least one NAT gateway rule.")
    found.put(call)
    rewire(call, one.transit_gateway_id)
    return shown(found)


def _rules(asked: list[Members]) -> dict[str, tuple[str, str]]:
    if len(asked) > MOST:
        raise Fault("InvalidParameterValue", f"The maximum number of NAT gateway rules is {MOST}.")
    rules: dict[str, tuple[str, str]] = {}
    for rule in asked:
        number = rule.get("RuleNumber", 0)
        if not 1 <= number <= 32766 or str(number) in rules:
            raise bad_value("RuleNumber", number)
        source = cidrs.ipv4(rule.get("MatchSourceCidr", ""), "MatchSourceCidr")
        if cidrs.overlaps(source, BARRED):
            raise bad_value("MatchSourceCidr", source)
        other = cidrs.ipv4(rule.get("NatCidr", ""), "NatCidr")
        if other.prefixlen != source.prefixlen or not cidrs.within(other, PRIVATE):
            raise bad_value("NatCidr", other)
        _check_apart(rules, source, other)
        rules[str(number)] = str(source), str(other)
    return rules


def _check_apart(rules: dict[str, tuple[str, str]], source: IPv4Network, other: IPv4Network) -> None:
    for place, (name, network) in enumerate((("MatchSourceCidr", source), ("NatCidr", other))):
        if cidrs.overlaps(network, [pair[place] for pair in rules.values()]):
            raise bad_value(name, network, "It overlaps with that of another rule.")


def shown(found: NatConfiguration) -> Members:
    state = "activated" if found.enabled else "deactivated"
    return {
        "TransitGatewayAttachmentId": found.attachment,
        "NatGatewaySupport": "enabled" if found.enabled else "disabled",
        "NatSystemRouteSupport": "enable" if found.routes else "disable",
        "NatGatewayRules": [
            {"RuleNumber": int(number), "MatchSourceCidr": source, "NatCidr": other, "State": state}
            for number, (source, other) in sorted(found.rules.items(), key=lambda item: int(item[0]))
        ],
    }
