"""Multi-region endpoints: letters that name one leave by turns from the Region it was made in and from another one.

Identities and configuration sets have to be there in both Regions.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, names, regions
from pileus.services.ses.faults import wrong

from . import sesv2
from .tagging import with_tags


class Endpoint(
    Record,
    arn="arn:{partition}:ses:{region}:{account}:multi-region-endpoint/{name}",
    cfn="AWS::SES::MultiRegionEndpoint",
    indexes={"by_id": ("id",)},
    table="sesv2.MultiRegionEndpoint",
):
    name: str
    id: str
    secondary: str
    created: float
    tags: dict[str, str] = {}
    turn: int = 0
    """How many letters have left by it."""

    def regions(self, call: Call) -> list[str]:
        return [call.region, self.secondary]

    def times(self) -> dict[str, float]:
        return {"CreatedTimestamp": self.created, "LastUpdatedTimestamp": self.created}


def existing(call: Call, endpoint_name: str) -> Endpoint:
    found = Endpoint.get(call, endpoint_name)
    if found is None:
        raise Fault("NotFoundException", f"Multi-region endpoint <{endpoint_name}> does not exist.")
    return found


@sesv2.operation
def create_multi_region_endpoint(
    call: Call, endpoint_name: str, details: dict[str, Any], tags: list[dict[str, str]] = []
) -> dict[str, Any]:
    routes = details["RoutesDetails"]
    if len(routes) != 1:
        raise wrong(call, "RoutesDetails must contain exactly one route.")
    secondary = routes[0]["Region"]
    if secondary == call.region or secondary not in regions.partitions()[call.partition].regions:
        raise wrong(call, f"{secondary} cannot be the secondary Region of an endpoint in {call.region}.")
    if Endpoint.get(call, endpoint_name):
        raise Fault("AlreadyExistsException", f"Multi-region endpoint <{endpoint_name}> already exists.")
    number = f"{names.token(6, names.LOWER)}.{names.token(3, names.LOWER)}"
    made = Endpoint(endpoint_name, number, secondary, call.now, with_tags({}, tags)).put(call)
    return {"Status": "READY", "EndpointId": made.id}


@sesv2.operation(on=existing)
def get_multi_region_endpoint(call: Call, found: Endpoint) -> dict[str, Any]:
    routes = [{"Region": region} for region in found.regions(call)]
    told = {"EndpointName": found.name, "EndpointId": found.id, "Routes": routes, "Status": "READY"}
    return told | found.times()


@sesv2.operation
def list_multi_region_endpoints(call: Call, next_token: str = "", page_size: int = 100) -> dict[str, Any]:
    page = Endpoint.page(call, limit=page_size, token=next_token, invalid=wrong(call, "Invalid NextToken"))
    told = [
        {"EndpointName": one.name, "Status": "READY", "EndpointId": one.id, "Regions": one.regions(call), **one.times()}
        for one in page.items
    ]
    return {"MultiRegionEndpoints": told, "NextToken": page.token}


@sesv2.operation(on=existing)
def delete_multi_region_endpoint(call: Call, found: Endpoint) -> dict[str, Any]:
    found.delete(call)
    return {"Status": "DELETING"}


def route(call: Call, endpoint_id: str) -> Call:
    """The Region from which the next letter of an endpoint leaves; the call's own, where it names none."""
    if not endpoint_id:
        return call
    found = Endpoint.first(call, endpoint_id, index="by_id")
    if found is None:
        raise wrong(call, f"Multi-region endpoint with id <{endpoint_id}> does not exist.")
    found.turn += 1
    found.put(call)
    return call.at(region=found.regions(call)[found.turn % 2])
