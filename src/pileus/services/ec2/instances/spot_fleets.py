"""Spot fleets: the older API of fleets."""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.kernel.names import uuid4
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, answer, bad_token, described
from pileus.services.ec2.faults import bad_value, combination, missing
from pileus.services.ec2.kinds import named
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import fleets
from .fleet_requests import active, history
from .fleets import OVER, FleetMember, SpotFleet

STATES = {
    "deleted": "cancelled",
    "deleted_running": "cancelled_running",
    "deleted_terminating": "cancelled_terminating",
}
"""How this API calls the states of fleets."""


@ec2.operation
def request_spot_fleet(call: Call, spot_fleet_request_config: Members) -> Members:
    """Ask for capacity, on the spot market and on demand."""
    config = spot_fleet_request_config
    token = config.get("ClientToken", "")
    if made := made_before(call, token):
        return {"SpotFleetRequestId": made}
    specifications, templates = config.get("LaunchSpecifications", []), config.get("LaunchTemplateConfigs", [])
    if not specifications and not templates:
        raise missing("LaunchSpecifications", "LaunchTemplateConfigs")
    if specifications and templates:
        raise combination("LaunchSpecifications and LaunchTemplateConfigs cannot be specified together.")
    target, on_demand = config["TargetCapacity"], config.get("OnDemandTargetCapacity", 0)
    if not 0 <= on_demand <= target:
        raise bad_value("OnDemandTargetCapacity", on_demand)
    behaviour = config.get("InstanceInterruptionBehavior", "terminate")
    kind = config.get("Type", "maintain")
    if behaviour != "terminate" and kind != "maintain":
        raise combination("Instances can be stopped or hibernated only by fleets of type maintain.")
    one = SpotFleet(
        fleet_id=f"sfr-{uuid4()}",
        created=call.now,
        type=kind,
        request={"AllocationStrategy": "lowestPrice", "Type": kind} | config,
        configs=templates,
        specifications=specifications,
        target=target,
        on_demand=on_demand,
        spot=target - on_demand,
        unit=config.get("TargetCapacityUnitType", "units"),
        spot_strategy=config.get("AllocationStrategy", "lowestPrice"),
        on_demand_strategy=config.get("OnDemandAllocationStrategy", "lowestPrice"),
        pools_to_use=config.get("InstancePoolsToUseCount", 1),
        behaviour=behaviour,
        max_price=config.get("SpotPrice", ""),
        excess_ends=config.get("ExcessCapacityTerminationPolicy", "default") == "default",
        ends_with_expiration=config.get("TerminateInstancesWithExpiration", False),
        valid_from=config.get("ValidFrom", 0.0),
        valid_until=config.get("ValidUntil", 0.0),
        tags=specified(config.get("TagSpecifications", ()), "spot-fleet-request"),
    )
    fleets.pools(call, one)
    fleets.begin(call, one)
    remember(call, token, one.fleet_id)
    return {"SpotFleetRequestId": one.fleet_id}


@ec2.operation
def describe_spot_fleet_requests(
    call: Call, spot_fleet_request_ids: list[str] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    return described(
        call,
        SpotFleet,
        Filters({}),
        "SpotFleetRequestConfigs",
        shown,
        spot_fleet_request_ids,
        (),
        max_results,
        next_token,
    )


def shown(call: Call, one: SpotFleet) -> Members:
    there = fleets.fulfilled(call, one)
    capacity = {"FulfilledCapacity": there.total, "OnDemandFulfilledCapacity": there.on_demand}
    capacity |= {"TargetCapacity": one.target, "OnDemandTargetCapacity": one.on_demand}
    return {
        "SpotFleetRequestId": one.fleet_id,
        "SpotFleetRequestState": state(one),
        "ActivityStatus": fleets.activity(call, one),
        "CreateTime": one.created,
        "SpotFleetRequestConfig": one.request | capacity,
        "Tags": shown_tags(one.tags),
    }


def state(one: SpotFleet) -> str:
    return STATES.get(one.state, one.state)


@ec2.operation
def describe_spot_fleet_instances(
    call: Call, spot_fleet_request_id: str, max_results: int = 0, next_token: str = ""
) -> Members:
    named(call, SpotFleet, spot_fleet_request_id)
    page = FleetMember.page(
        call, spot_fleet_request_id, limit=max_results or 1000, token=next_token, invalid=bad_token()
    )
    shown = answer("ActiveInstances", [*map(active, page.items)], page.token)
    return shown | {"SpotFleetRequestId": spot_fleet_request_id}


@ec2.operation
def describe_spot_fleet_request_history(
    call: Call,
    spot_fleet_request_id: str,
    start_time: float,
    event_type: str = "",
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    named(call, SpotFleet, spot_fleet_request_id)
    shown = history(call, spot_fleet_request_id, start_time, event_type, max_results, next_token)
    return shown | {"SpotFleetRequestId": spot_fleet_request_id}


@ec2.operation
def modify_spot_fleet_request(
    call: Call,
    spot_fleet_request_id: str,
    target_capacity: int | None = None,
    on_demand_target_capacity: int | None = None,
    excess_capacity_termination_policy: str = "",
    launch_template_configs: list[Members] = [],
    context: str = "",
) -> Members:
    """Change how much a fleet is to have."""
    one = named(call, SpotFleet, spot_fleet_request_id)
    if one.type != "maintain" or one.state in OVER:
        raise Fault("InvalidSpotFleetRequestState", f"The Spot Fleet request is {state(one)}; it cannot be modified.")
    if launch_template_configs:
        one.configs = launch_template_configs
        fleets.pools(call, one)
    one.target = one.target if target_capacity is None else target_capacity
    one.on_demand = one.on_demand if on_demand_target_capacity is None else on_demand_target_capacity
    if one.on_demand > one.target:
        raise bad_value("OnDemandTargetCapacity", one.on_demand)
    one.spot = one.target - one.on_demand
    if excess_capacity_termination_policy:
        one.excess_ends = excess_capacity_termination_policy == "default"
    if context:
        one.request = one.request | {"Context": context}
    one.put(call)
    fleets.resize(call, one)
    return {"Return": True}


@ec2.operation
def cancel_spot_fleet_requests(call: Call, spot_fleet_request_ids: list[str], terminate_instances: bool) -> Members:
    """Want fleets no more; their instances end, or go on."""
    done, failed = [], []
    for fleet_id in dict.fromkeys(spot_fleet_request_ids):
        one = SpotFleet.get(call, fleet_id)
        if one is None:
            text = f"The spot fleet request ID '{fleet_id}' does not exist"
            error = {"Code": "fleetRequestIdDoesNotExist", "Message": text}
            failed.append({"SpotFleetRequestId": fleet_id, "Error": error})
            continue
        before = state(one)
        if one.state not in OVER or (one.state == fleets.DELETED_RUNNING and terminate_instances):
            fleets.end(call, one, terminate_instances)
        states = {"CurrentSpotFleetRequestState": state(one), "PreviousSpotFleetRequestState": before}
        done.append({"SpotFleetRequestId": fleet_id} | states)
    return {"SuccessfulFleetRequests": done, "UnsuccessfulFleetRequests": failed}
