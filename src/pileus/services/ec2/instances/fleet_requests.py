"""EC2 fleets: created, described, modified, deleted."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.kernel.names import uuid4
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, answer, bad_token, described, iso
from pileus.services.ec2.faults import bad_value, combination
from pileus.services.ec2.kinds import named
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import fleets
from .fleets import ACTIVE, OVER, Ec2Fleet, Fleet, FleetMember, FleetNote

KINDS = ("instant", "request", "maintain")
CHEAPEST = "lowestPrice"
"""How EC2 tells the strategy that it is asked for as `lowest-price`."""
ON_DEMAND_OPTIONS: Members = {"AllocationStrategy": CHEAPEST}
SPOT_OPTIONS: Members = ON_DEMAND_OPTIONS | {"InstanceInterruptionBehavior": "terminate", "InstancePoolsToUseCount": 1}

FILTERS = Filters(
    {
        "activity-status": "ActivityStatus",
        "excess-capacity-termination-policy": "ExcessCapacityTerminationPolicy",
        "fleet-state": "FleetState",
        "replace-unhealthy-instances": "ReplaceUnhealthyInstances",
        "type": "Type",
    },
    tags=lambda shown: {tag["Key"]: tag["Value"] for tag in shown["Tags"]},
)


@ec2.operation
def create_fleet(
    call: Call,
    launch_template_configs: list[Members],
    target_capacity_specification: Members,
    type: str = "maintain",  # noqa: A002
    spot_options: Members = {},
    on_demand_options: Members = {},
    excess_capacity_termination_policy: str = "termination",
    terminate_instances_with_expiration: bool = False,
    replace_unhealthy_instances: bool = False,
    valid_from: float = 0.0,
    valid_until: float = 0.0,
    context: str = "",
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Ask for capacity: at once and once (instant), once (request), or for good (maintain)."""
    if made := made_before(call, client_token):
        return _answer(call, named(call, Ec2Fleet, made))
    if type not in KINDS:
        raise bad_value("Type", type)
    tags = specified(tag_specifications, "fleet", "instance", "volume", "network-interface", "spot-instances-request")
    total, on_demand, spot = targets(target_capacity_specification)
    spots, demands = SPOT_OPTIONS | told(spot_options), ON_DEMAND_OPTIONS | told(on_demand_options)
    if spots["AllocationStrategy"] != CHEAPEST:
        del spots["InstancePoolsToUseCount"]
    one = Ec2Fleet(
        fleet_id=f"fleet-{uuid4()}",
        created=call.now,
        type=type,
        request={
            "TargetCapacitySpecification": target_capacity_specification,
            "SpotOptions": spots,
            "OnDemandOptions": demands,
            "ReplaceUnhealthyInstances": replace_unhealthy_instances,
            "Context": context or None,
        },
        configs=launch_template_configs,
        target=total,
        on_demand=on_demand,
        spot=spot,
        unit=target_capacity_specification.get("TargetCapacityUnitType", "units"),
        spot_strategy=spots["AllocationStrategy"],
        on_demand_strategy=demands["AllocationStrategy"],
        pools_to_use=spots.get("InstancePoolsToUseCount", 1),
        behaviour=spots["InstanceInterruptionBehavior"],
        least_spot=spots.get("MinTargetCapacity", 0),
        least_on_demand=demands.get("MinTargetCapacity", 0),
        excess_ends=excess_capacity_termination_policy == "termination",
        ends_with_expiration=terminate_instances_with_expiration,
        valid_from=valid_from,
        valid_until=valid_until,
        token=client_token,
        tags=tags,
    )
    _check(call, one)
    fleets.pools(call, one)
    if type == "instant":
        _instant(call, one)
    else:
        fleets.begin(call, one)
    remember(call, client_token, one.fleet_id)
    return _answer(call, one)


def told(options: Members) -> Members:
    """Options as EC2 tells them."""
    cheapest = options.get("AllocationStrategy") == "lowest-price"
    return options | ({"AllocationStrategy": CHEAPEST} if cheapest else {})


def targets(specification: Members) -> tuple[int, int, int]:
    """How much is wanted in all, on demand, and on the spot market; what is not said is the default's."""
    total = specification["TotalTargetCapacity"]
    on_demand = specification.get("OnDemandTargetCapacity")
    spot = specification.get("SpotTargetCapacity")
    kind = specification.get("DefaultTargetCapacityType", "on-demand")
    if (on_demand or 0) + (spot or 0) > total:
        text = "The sum of SpotTargetCapacity and OnDemandTargetCapacity must not be greater than TotalTargetCapacity."
        raise combination(text)
    rest = total - (on_demand or 0) - (spot or 0)
    on_demand, spot = (on_demand or 0) + (rest if kind != "spot" else 0), (spot or 0) + (rest if kind == "spot" else 0)
    return total, on_demand, spot


def _check(call: Call, one: Fleet) -> None:
    if one.target < 0 or one.target > 10_000:
        raise bad_value("TotalTargetCapacity", one.target)
    if (one.least_spot or one.least_on_demand) and one.type != "instant":
        raise combination("MinTargetCapacity is supported only for fleets of type instant.")
    if one.valid_until and one.valid_until <= max(call.now, one.valid_from):
        raise bad_value("ValidUntil", iso(one.valid_until))


def _instant(call: Call, one: Fleet) -> None:
    """Launch now or never. Less than the least that is wanted is nothing."""
    one.state = ACTIVE
    try:
        with call.store.attempt():
            fleets.fill_now(call, one)
            there = fleets.fulfilled(call, one)
            if there.spot < one.least_spot or there.on_demand < one.least_on_demand:
                raise Fault("InsufficientInstanceCapacity", "The minimum target capacity is not available.")
    except Fault as fault:
        one.errors = [*one.errors, {"ErrorCode": fault.code, "ErrorMessage": fault.message}]
        one.put(call)


def _answer(call: Call, one: Fleet) -> Members:
    if one.type != "instant":
        return {"FleetId": one.fleet_id}
    return {"FleetId": one.fleet_id, "Errors": one.errors, "Instances": _launched(call, one)}


def _launched(call: Call, one: Fleet) -> list[Members]:
    """What an instant fleet has launched, by pools."""
    groups: dict[tuple[str, str, str], Members] = {}
    for member in FleetMember.scan(call, one.fleet_id):
        key = member.lifecycle, member.instance_type, str(member.shown)
        group = {"LaunchTemplateAndOverrides": member.shown, "Lifecycle": member.lifecycle, "InstanceIds": []}
        group |= {"InstanceType": member.instance_type}
        groups.setdefault(key, group)["InstanceIds"].append(member.instance_id)
    return [*groups.values()]


@ec2.operation
def describe_fleets(
    call: Call,
    fleet_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Fleets; instant ones only if they are named."""
    if fleet_ids:
        found = described(call, Ec2Fleet, Filters({}), "Fleets", shown, fleet_ids)
        return {"Fleets": FILTERS.select(found["Fleets"], filters)}
    test = FILTERS.test(filters)
    page = Ec2Fleet.page(
        call,
        limit=max_results or 100,
        token=next_token,
        where=lambda one: one.type != "instant" and test(shown(call, one)),
        invalid=bad_token(),
    )
    return answer("Fleets", [shown(call, one) for one in page.items], page.token)


def shown(call: Call, one: Fleet) -> Members:
    there = fleets.fulfilled(call, one)
    told = {
        "FleetId": one.fleet_id,
        "FleetState": one.state,
        "ActivityStatus": fleets.activity(call, one),
        "CreateTime": one.created,
        "ClientToken": one.token or None,
        "ExcessCapacityTerminationPolicy": "termination" if one.excess_ends else "no-termination",
        "FulfilledCapacity": there.total,
        "FulfilledOnDemandCapacity": there.on_demand,
        "LaunchTemplateConfigs": one.configs,
        "TerminateInstancesWithExpiration": one.ends_with_expiration,
        "Type": one.type,
        "ValidFrom": one.valid_from or None,
        "ValidUntil": one.valid_until or None,
        "Errors": one.errors if one.type == "instant" else None,
        "Instances": _launched(call, one) if one.type == "instant" else None,
        "Tags": shown_tags(one.tags),
    }
    return {name: value for name, value in (one.request | told).items() if value is not None}


@ec2.operation
def describe_fleet_instances(
    call: Call, fleet_id: str, filters: list[dict[str, Any]] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """The instances of a fleet."""
    named(call, Ec2Fleet, fleet_id)
    test = Filters({"instance-type": "instance_type"}, tags=None).test(filters)
    page = FleetMember.page(
        call, fleet_id, limit=max_results or 1000, token=next_token, where=test, invalid=bad_token()
    )
    return answer("ActiveInstances", [*map(active, page.items)], page.token) | {"FleetId": fleet_id}


def active(member: FleetMember) -> Members:
    view = {"InstanceId": member.instance_id, "InstanceType": member.instance_type, "InstanceHealth": "healthy"}
    return view | ({"SpotInstanceRequestId": member.spot_request_id} if member.spot_request_id else {})


@ec2.operation
def describe_fleet_history(
    call: Call,
    fleet_id: str,
    start_time: float,
    event_type: str = "",
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """What happened to a fleet since then."""
    named(call, Ec2Fleet, fleet_id)
    names = {"instance-change": "instanceChange", "fleet-change": "fleetRequestChange", "service-error": "error"}
    back = {wire: name for name, wire in names.items()}
    shown = history(call, fleet_id, start_time, names.get(event_type, ""), max_results, next_token)
    records = [one | {"EventType": back.get(one["EventType"], one["EventType"])} for one in shown["HistoryRecords"]]
    return shown | {"FleetId": fleet_id, "HistoryRecords": records}


def history(
    call: Call, fleet_id: str, start_time: float, event_type: str, max_results: int, next_token: str
) -> Members:
    page = FleetNote.page(
        call,
        fleet_id,
        since=(start_time,),
        limit=max_results or 1000,
        token=next_token,
        where=lambda one: not event_type or one.type == event_type,
        invalid=bad_token(),
    )
    shown = answer("HistoryRecords", [*map(_event, page.items)], page.token)
    return shown | {"StartTime": start_time, "LastEvaluatedTime": call.now}


def _event(one: FleetNote) -> Members:
    told = {"EventSubType": one.sub_type, "EventDescription": one.text, "InstanceId": one.instance_id}
    information = {name: value for name, value in told.items() if value}
    return {"EventType": one.type, "Timestamp": one.at, "EventInformation": information}


@ec2.operation
def modify_fleet(
    call: Call,
    fleet_id: str,
    target_capacity_specification: Members = {},
    launch_template_configs: list[Members] = [],
    excess_capacity_termination_policy: str = "",
    context: str = "",
) -> Members:
    """Change what a fleet that keeps its capacity is to have."""
    one = named(call, Ec2Fleet, fleet_id)
    if one.type != "maintain" or one.state in OVER:
        text = f"The fleet '{fleet_id}' is of type {one.type} and in the state {one.state}; it cannot be modified."
        raise Fault("InvalidFleetState", text)
    if launch_template_configs:
        one.configs = launch_template_configs
        fleets.pools(call, one)
    if excess_capacity_termination_policy:
        one.excess_ends = excess_capacity_termination_policy == "termination"
    if context:
        one.request = one.request | {"Context": context}
    if target_capacity_specification:
        before = one.request["TargetCapacitySpecification"]
        kind = before.get("DefaultTargetCapacityType")
        base = {"DefaultTargetCapacityType": kind} if kind else {}
        one.request = one.request | {"TargetCapacitySpecification": base | target_capacity_specification}
        one.target, one.on_demand, one.spot = targets(base | target_capacity_specification)
    one.put(call)
    fleets.resize(call, one)
    return {"Return": True}


@ec2.operation
def delete_fleets(call: Call, fleet_ids: list[str], terminate_instances: bool) -> Members:
    """Delete fleets; instances of instant ones end with them."""
    done, failed = [], []
    for fleet_id in dict.fromkeys(fleet_ids):
        one = Ec2Fleet.get(call, fleet_id)
        if one is None:
            code, text = "fleetIdDoesNotExist", f"The fleet ID '{fleet_id}' does not exist"
        elif one.type == "instant" and not terminate_instances:
            code, text = "fleetNotInDeletableState", "An instant fleet is deleted together with its instances."
        else:
            before = one.state
            if one.state not in OVER or (one.state == fleets.DELETED_RUNNING and terminate_instances):
                fleets.end(call, one, terminate_instances)
            states = {"CurrentFleetState": one.state, "PreviousFleetState": before}
            done.append({"FleetId": fleet_id} | states)
            continue
        failed.append({"FleetId": fleet_id, "Error": {"Code": code, "Message": text}})
    return {"SuccessfulFleetDeletions": done, "UnsuccessfulFleetDeletions": failed}
