"""Global endpoints: one address for the buses of two Regions. Events go to the primary one, and to both where they are
replicated. Health checks that fail over are Route 53's, and are not asked here."""

from __future__ import annotations

from typing import Any, Self

from pileus.kernel import Call, Record, arn, names

from . import events, faults

PER_PAGE = 100
Members = dict[str, Any]


class Endpoint(Record, arn="endpoint/{name}", kw_only=True):
    name: str
    id: str
    routing: Members
    replication: str
    buses: list[Members]
    role: str = ""
    description: str = ""
    created: float
    modified: float

    @classmethod
    def by_name(cls, call: Call, name: str) -> Self:
        found = cls.get(call, name)
        if found is None:
            raise faults.missing("Endpoint", name)
        return found

    def answer(self, call: Call) -> Members:
        return {
            "Name": self.name,
            "Arn": self.arn(call),
            "RoutingConfig": self.routing,
            "ReplicationConfig": {"State": self.replication},
            "EventBuses": self.buses,
            "RoleArn": self.role or None,
            "State": "ACTIVE",
        }

    def described(self, call: Call) -> Members:
        return self.answer(call) | {
            "Description": self.description or None,
            "EndpointId": self.id,
            "EndpointUrl": f"https://{self.id}.endpoint.events.amazonaws.com",
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
        }


class Named(Record, scope="account"):
    """Where the endpoint of an id is: it is asked for in either Region."""

    id: str
    name: str
    region: str


def check(call: Call, buses: list[Members], routing: Members) -> None:
    """Two buses of one name, one in this Region and one in the secondary."""
    found = [arn.parse(bus["EventBusArn"]) for bus in buses]
    if len(found) != 2 or len({one.resource for one in found}) > 1:
        raise faults.validation("EventBuses must be two event buses of the same name.")
    secondary = routing["FailoverConfig"]["Secondary"]["Route"]
    if {one.region for one in found} != {call.region, secondary} or secondary == call.region:
        raise faults.validation("EventBuses must be in the primary and in the secondary Region.")


@events.operation
def create_endpoint(
    call: Call,
    name: str,
    routing_config: Members,
    event_buses: list[Members],
    description: str = "",
    replication_config: Members = {},
    role_arn: str = "",
) -> Members:
    if Endpoint.get(call, name):
        raise faults.exists("Endpoint", name)
    check(call, event_buses, routing_config)
    replication = replication_config.get("State", "ENABLED")
    if replication == "ENABLED" and not role_arn:
        raise faults.validation("RoleArn is required when event replication is enabled.")
    identity = f"{names.token(8, names.LOWER)}.{names.token(3, names.LOWER)}"
    endpoint = Endpoint(
        name=name,
        id=identity,
        routing=routing_config,
        replication=replication,
        buses=event_buses,
        role=role_arn,
        description=description,
        created=call.now,
        modified=call.now,
    ).put(call)
    Named(identity, name, call.region).put(call)
    return endpoint.answer(call)


def from_anywhere(call: Call, name: str, home_region: str = "") -> Endpoint:
    """The endpoint of a name in its primary Region, from wherever one asks."""
    return Endpoint.by_name(call.at(region=home_region or call.region), name)


@events.operation(on=from_anywhere)
def describe_endpoint(call: Call, endpoint: Endpoint, home_region: str = "") -> Members:
    return endpoint.described(call.at(region=home_region or call.region))


@events.operation(on=Endpoint.by_name)
def update_endpoint(
    call: Call,
    endpoint: Endpoint,
    description: str | None = None,
    routing_config: Members | None = None,
    replication_config: Members | None = None,
    event_buses: list[Members] | None = None,
    role_arn: str | None = None,
) -> Members:
    endpoint.routing = routing_config or endpoint.routing
    endpoint.buses = event_buses or endpoint.buses
    check(call, endpoint.buses, endpoint.routing)
    if description is not None:
        endpoint.description = description
    if replication_config is not None:
        endpoint.replication = replication_config.get("State", endpoint.replication)
    if role_arn is not None:
        endpoint.role = role_arn
    endpoint.modified = call.now
    endpoint.put(call)
    url = endpoint.described(call)["EndpointUrl"]
    return endpoint.answer(call) | {"EndpointId": endpoint.id, "EndpointUrl": url}


@events.operation
def list_endpoints(
    call: Call, name_prefix: str = "", next_token: str = "", max_results: int = PER_PAGE, home_region: str = ""
) -> Members:
    call = call.at(region=home_region or call.region)
    bounds: Members = {"since": (name_prefix,), "before": (name_prefix + "\U0010ffff",)}
    page = Endpoint.page(call, limit=max_results, token=next_token, **bounds)
    return {"Endpoints": [one.described(call) for one in page.items], "NextToken": page.token}


@events.operation(on=Endpoint.by_name)
def delete_endpoint(call: Call, endpoint: Endpoint) -> Members:
    endpoint.delete(call)
    if found := Named.get(call, endpoint.id):
        found.delete(call)
    return {}


def buses_of(call: Call, endpoint_id: str) -> list[str]:
    """The buses to which an endpoint sends."""
    found = Named.get(call, endpoint_id)
    endpoint = Endpoint.get(call.at(region=found.region), found.name) if found else None
    if found is None or endpoint is None:
        raise faults.missing("Endpoint", endpoint_id)
    primary = [bus["EventBusArn"] for bus in endpoint.buses if arn.parse(bus["EventBusArn"]).region == found.region]
    if endpoint.replication == "ENABLED":
        return [*primary, *(bus["EventBusArn"] for bus in endpoint.buses if bus["EventBusArn"] not in primary)]
    return primary
