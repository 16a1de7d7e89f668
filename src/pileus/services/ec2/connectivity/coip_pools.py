"""Pools of customer-owned addresses: addresses of the premises that stand before those of instances on an Outpost."""

from __future__ import annotations

from ipaddress import IPv4Network

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.kernel.resource import Resource, Row, hex_id
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, selected
from pileus.services.ec2.faults import bad_value, in_use
from pileus.services.ec2.kinds import kind
from pileus.services.ec2.network import cidrs
from pileus.services.ec2.network.address_making import customer_owned
from pileus.services.ec2.network.addresses import Address

from .local_gateway_tables import COIP, LocalGatewayRouteTable, parts

MISSING = ("InvalidPoolID.NotFound", "The customer-owned address pool ID '{}' does not exist")


@kind("coip-pool", "ipv4pool-coip", missing=MISSING)
class CoipPool(Resource, service=ec2):
    """A pool."""

    key = ("PoolId", "CoipPoolId")
    arn = ("PoolArn", "coip-pool/{PoolId}")
    create, list, delete = "CreateCoipPool", "DescribeCoipPools", "DeleteCoipPool"
    missing = MISSING
    tags = "TagSpecifications"
    fields = {"PoolId": hex_id("ipv4pool-coip"), "PoolCidrs": []}
    filters = {
        "coip-pool.local-gateway-route-table-id": "LocalGatewayRouteTableId",
        "coip-pool.pool-id": "PoolId",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        table = LocalGatewayRouteTable.named(call, row["LocalGatewayRouteTableId"])
        if table["Mode"] != COIP:
            text = "The local gateway route table is not in the mode coip."
            raise bad_value("LocalGatewayRouteTableId", row["LocalGatewayRouteTableId"], text)

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        if row["PoolCidrs"]:
            raise in_use(f"The pool {row['PoolId']} has CIDRs and cannot be deleted.")


@parts.holds
def holds_table(call: Call, table: Row) -> bool:
    what = table["LocalGatewayRouteTableId"]
    return any(row["LocalGatewayRouteTableId"] == what for row in CoipPool.family.row.scan(call))


@ec2.operation(on=CoipPool.of("CreateCoipCidr"))
def create_coip_cidr(call: Call, pool: Row, cidr: str) -> Members:
    """Give a pool a range, which no other one has."""
    network = cidrs.ipv4(cidr, "Cidr")
    others = [block for row in CoipPool.family.row.scan(call) for block in row["PoolCidrs"]]
    if network.prefixlen > 26 or cidrs.overlaps(network, others):
        raise bad_value("Cidr", cidr)
    pool["PoolCidrs"] = [*pool["PoolCidrs"], str(network)]
    pool.put(call)
    return {"CoipCidr": _cidr(pool, str(network))}


@ec2.operation(on=CoipPool.of("DeleteCoipCidr"))
def delete_coip_cidr(call: Call, pool: Row, cidr: str) -> Members:
    """Take a range from a pool, of which nobody has an address."""
    if cidr not in pool["PoolCidrs"]:
        raise bad_value("Cidr", cidr, f"The CIDR is not in the pool {pool['PoolId']}.")
    if any(cidrs.within(IPv4Network(one.customer_owned_ip), [cidr]) for one in used(call, pool)):
        raise in_use(f"The CIDR {cidr} has allocated addresses.")
    pool["PoolCidrs"] = [one for one in pool["PoolCidrs"] if one != cidr]
    pool.put(call)
    return {"CoipCidr": _cidr(pool, cidr)}


def _cidr(pool: Row, cidr: str) -> Members:
    return {
        "Cidr": cidr,
        "CoipPoolId": pool["PoolId"],
        "LocalGatewayRouteTableId": pool["LocalGatewayRouteTableId"],
    }


def used(call: Call, pool: Row) -> list[Address]:
    return [one for one in Address.scan(call) if one.customer_owned_pool == pool["PoolId"]]


@customer_owned
def take(call: Call, pool_id: str, wanted: str) -> str:
    """An address of a pool that nobody has."""
    pool = CoipPool.named(call, pool_id)
    taken = {one.customer_owned_ip for one in used(call, pool)}
    free = (str(one) for block in pool["PoolCidrs"] for one in IPv4Network(block).hosts())
    found = next((one for one in free if one not in taken and wanted in ("", one)), "")
    if not found:
        raise Fault("InsufficientAddressCapacity", "Not enough addresses available to fulfill your request.")
    return found


USAGE_FILTERS = Filters(
    {
        "coip-address-usage.allocation-id": "AllocationId",
        "coip-address-usage.aws-account-id": "AwsAccountId",
        "coip-address-usage.aws-service": "AwsService",
        "coip-address-usage.co-ip": "CoIp",
    },
    tags=None,
)


@ec2.operation(on=CoipPool.of("GetCoipPoolUsage"))
def get_coip_pool_usage(
    call: Call, pool: Row, filters: list[Members] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """Who has addresses of a pool."""
    found = [
        {"AllocationId": one.allocation_id, "AwsAccountId": call.account, "CoIp": one.customer_owned_ip}
        for one in used(call, pool)
    ]
    page = selected(call, "CoipAddressUsages", USAGE_FILTERS, found, filters, max_results, next_token)
    return page | {"CoipPoolId": pool["PoolId"], "LocalGatewayRouteTableId": pool["LocalGatewayRouteTableId"]}
