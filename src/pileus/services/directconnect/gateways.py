"""Direct Connect gateways: one for all Regions, with virtual interfaces on one side and VPCs' gateways on the other."""

from __future__ import annotations

from typing import Any, ClassVar

from pileus.kernel import Call, Record
from pileus.kernel.names import uuid4
from pileus.kernel.resource_type import resource_type
from pileus.kernel.tags import as_list, as_map

from . import absent, directconnect, refused
from .connections import paged
from .states import DAY, GONE, Life, enter, living

Members = dict[str, Any]


@living
@resource_type(
    directconnect,
    "directConnectGatewayId",
    create="CreateDirectConnectGateway",
    read="DescribeDirectConnectGateways",
    delete="DeleteDirectConnectGateway",
)
class Gateway(
    Record,
    arn="arn:{partition}:directconnect::{account}:dx-gateway/{gateway_id}",
    cfn="AWS::DirectConnect::DirectConnectGateway",
    scope="account",
):
    """A Direct Connect gateway."""

    life: ClassVar[Life] = {
        "pending": ("available", 1.0),
        "deleting": ("deleted", 1.0),
        "deleted": (GONE, DAY),
    }
    gateway_id: str
    name: str
    asn: int
    state: str = "pending"
    since: float = 0.0
    tags: dict[str, str] = {}


@directconnect.operation
def create_direct_connect_gateway(
    call: Call, direct_connect_gateway_name: str, tags: list[Members] = [], amazon_side_asn: int = 64512
) -> Members:
    """Make a gateway."""
    if not (64512 <= amazon_side_asn <= 65534 or 4200000000 <= amazon_side_asn <= 4294967294):
        raise refused(f"ASN {amazon_side_asn} is not a private ASN")
    made = Gateway(uuid4(), direct_connect_gateway_name, amazon_side_asn, tags=as_map(tags, "key", "value"))
    enter(call, made, "pending")
    return {"directConnectGateway": shown(call, made)}


def shown(call: Call, one: Gateway) -> Members:
    return {
        "directConnectGatewayId": one.gateway_id,
        "directConnectGatewayName": one.name,
        "amazonSideAsn": one.asn,
        "ownerAccount": call.account,
        "directConnectGatewayState": one.state,
        "tags": as_list(one.tags, "key", "value"),
    }


@directconnect.operation
def describe_direct_connect_gateways(
    call: Call, direct_connect_gateway_id: str = "", max_results: int = 0, next_token: str = ""
) -> Members:
    """The account's gateways."""
    found = [shown(call, one) for one in Gateway.scan(call) if direct_connect_gateway_id in ("", one.gateway_id)]
    return paged(call, "directConnectGateways", found, max_results, next_token)


def gateway(call: Call, gateway_id: str) -> Gateway:
    found = Gateway.get(call, gateway_id)
    if found is None or found.state in ("deleting", "deleted"):
        raise absent("Direct Connect Gateway", gateway_id)
    return found


@directconnect.operation
def update_direct_connect_gateway(
    call: Call, direct_connect_gateway_id: str, new_direct_connect_gateway_name: str
) -> Members:
    """Rename a gateway."""
    one = gateway(call, direct_connect_gateway_id)
    one.name = new_direct_connect_gateway_name
    one.put(call)
    return {"directConnectGateway": shown(call, one)}
