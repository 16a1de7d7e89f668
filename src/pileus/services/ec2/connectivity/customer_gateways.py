"""Customer gateways: what AWS is told of the device at the customer's end of a VPN connection."""

from __future__ import annotations

from ipaddress import ip_address
from typing import ClassVar

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value, missing
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.network.life import Life
from pileus.services.ec2.tags import shown_tags, specified

from .lives import BRIEFLY, GONE, REMEMBERED, enter
from .lives import Life as States

MOST = 50
"""Customer gateways in a Region ("Site-to-Site VPN quotas")."""
TWO_BYTES = 65535


@kind(
    "customer-gateway",
    "cgw",
    missing=("InvalidCustomerGatewayID.NotFound", "The customerGateway ID '{}' does not exist"),
)
class CustomerGateway(Record, arn="customer-gateway/{customer_gateway_id}", cfn="AWS::EC2::CustomerGateway"):
    """A customer's device."""

    life: ClassVar[States] = {
        "pending": ("available", BRIEFLY / 2),
        "deleted": (GONE, REMEMBERED),
    }
    customer_gateway_id: str
    ip_address: str
    bgp_asn: int
    type: str
    device_name: str = ""
    certificate_arn: str = ""
    state: str = "pending"
    since: float = 0.0
    tags: dict[str, str] = {}


uses = Life[CustomerGateway]()
"""What hangs on one."""

FILTERS = Filters(
    {
        "bgp-asn": "bgp_asn",
        "customer-gateway-id": "customer_gateway_id",
        "ip-address": "ip_address",
        "state": "state",
        "type": "type",
    }
)


@ec2.operation
def create_customer_gateway(
    call: Call,
    type: str,  # noqa: A002 (the member's name)
    bgp_asn: int = 0,
    public_ip: str = "",
    certificate_arn: str = "",
    tag_specifications: list[Members] = [],
    device_name: str = "",
    ip_address: str = "",
    bgp_asn_extended: int = 0,
) -> Members:
    """Tell of a device. The same device told of again is the same customer gateway."""
    if bgp_asn and bgp_asn_extended:
        raise Fault("InvalidParameterCombination", "You cannot specify both BgpAsn and BgpAsnExtended.")
    address = checked_address(ip_address or public_ip)
    if not address and not certificate_arn:
        raise missing("IpAddress", "CertificateArn")
    asn = bgp_asn or bgp_asn_extended or 65000
    if not 1 <= asn <= 4294967295:
        raise bad_value("bgpAsn", asn)
    alive = [one for one in CustomerGateway.scan(call) if one.state != "deleted"]
    for one in alive:
        same = (one.ip_address, one.bgp_asn, one.device_name, one.certificate_arn)
        if same == (address, asn, device_name, certificate_arn):
            return {"CustomerGateway": shown(call, one)}
    if len(alive) >= MOST:
        raise Fault("CustomerGatewayLimitExceeded", "The maximum number of customer gateways has been reached.")
    made = CustomerGateway(
        customer_gateway_id=new_id(CustomerGateway),
        ip_address=address,
        bgp_asn=asn,
        type=type,
        device_name=device_name,
        certificate_arn=certificate_arn,
        tags=specified(tag_specifications, "customer-gateway"),
    )
    enter(call, made, "pending")
    return {"CustomerGateway": shown(call, made)}


def checked_address(text: str) -> str:
    if not text:
        return ""
    try:
        return str(ip_address(text))
    except ValueError:
        raise bad_value("ipAddress", text, "This is not a valid IP address.") from None


@ec2.operation
def describe_customer_gateways(
    call: Call, customer_gateway_ids: list[str] = [], filters: list[Members] = []
) -> Members:
    """The customer gateways of the account."""
    return described(call, CustomerGateway, FILTERS, "CustomerGateways", shown, customer_gateway_ids, filters)


def shown(call: Call, one: CustomerGateway) -> Members:
    return {
        "CustomerGatewayId": one.customer_gateway_id,
        "State": one.state,
        "Type": one.type,
        "IpAddress": one.ip_address or None,
        "BgpAsn": str(one.bgp_asn) if one.bgp_asn <= TWO_BYTES else None,
        "BgpAsnExtended": str(one.bgp_asn) if one.bgp_asn > TWO_BYTES else None,
        "DeviceName": one.device_name or None,
        "CertificateArn": one.certificate_arn or None,
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def delete_customer_gateway(call: Call, customer_gateway_id: str) -> None:
    """Forget a device to which no VPN connection leads."""
    one = named(call, CustomerGateway, customer_gateway_id)
    if uses.held(call, one):
        raise Fault("IncorrectState", "The customer gateway is in use.")
    if one.state != "deleted":
        enter(call, one, "deleted")
