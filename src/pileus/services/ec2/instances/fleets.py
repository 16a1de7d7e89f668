"""Fleets: so much capacity, of several types in several places, on demand and on the spot market; and kept, if wanted.

EC2 fleets and spot fleets are the same thing here; `fleet_requests` and `spot_fleets` are their two APIs. Left out:
capacity reservations that are used first, rebalancing when a spot instance is at risk, and load balancers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from pileus.kernel import Call, Fault, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.kinds import kind

from . import fleet_pools, launching, spot, states
from .fleet_pools import Pool
from .instances import TERMINATED, Instance
from .launching import Market

SECONDS = 1.0
AGAIN = 60.0
"""Seconds until a fleet tries again that could not launch everything."""

SUBMITTED, ACTIVE, DELETED, FAILED = "submitted", "active", "deleted", "failed"
DELETED_RUNNING, DELETED_TERMINATING = "deleted_running", "deleted_terminating"
OVER = (DELETED, FAILED, DELETED_RUNNING, DELETED_TERMINATING)
MESSAGE = "The fleet ID '{}' does not exist"


class Fleet(Record, arn="fleet/{fleet_id}", cfn="AWS::EC2::EC2Fleet", kw_only=True):
    """What is wanted, of either kind of fleet."""

    fleet_id: str
    created: float
    type: str
    request: Members
    """As it was asked for, and is shown."""
    configs: list[Members] = []
    """Launch templates with overrides."""
    specifications: list[Members] = []
    """Launch specifications, of spot fleets alone."""
    state: str = SUBMITTED
    target: int = 0
    on_demand: int = 0
    spot: int = 0
    unit: str = "units"
    spot_strategy: str = "lowestPrice"
    on_demand_strategy: str = "lowestPrice"
    pools_to_use: int = 1
    behaviour: str = "terminate"
    max_price: str = ""
    least_spot: int = 0
    least_on_demand: int = 0
    excess_ends: bool = True
    ends_with_expiration: bool = False
    valid_from: float = 0.0
    valid_until: float = 0.0
    errors: list[Members] = []
    token: str = ""
    tags: dict[str, str] = {}

    @property
    def is_spot_fleet(self) -> bool:
        return self.fleet_id.startswith("sfr-")


@kind("fleet", "fleet", missing=("InvalidFleetId.NotFound", MESSAGE), malformed="InvalidFleetId.Malformed")
class Ec2Fleet(Fleet, arn="fleet/{fleet_id}", cfn="AWS::EC2::EC2Fleet", kw_only=True):
    """An EC2 fleet."""


@kind(
    "spot-fleet-request",
    "sfr",
    missing=("InvalidSpotFleetRequestId.NotFound", "The spot fleet request ID '{}' does not exist"),
    malformed="InvalidSpotFleetRequestId.Malformed",
    member="SpotFleetRequestId",
)
class SpotFleet(Fleet, arn="spot-fleet-request/{fleet_id}", cfn="AWS::EC2::SpotFleet", kw_only=True):
    """A spot fleet."""


class FleetMember(Record, key=("fleet_id", "instance_id")):
    """An instance of a fleet."""

    fleet_id: str
    instance_id: str
    instance_type: str
    lifecycle: str
    weight: float
    at: float
    spot_request_id: str = ""
    shown: Members = {}


class FleetNote(Record, key=("fleet_id", "at", "number")):
    """Something that happened to a fleet."""

    fleet_id: str
    at: float
    number: int
    type: str
    sub_type: str
    text: str
    instance_id: str = ""


def fleet(call: Call, fleet_id: str) -> Fleet | None:
    return (SpotFleet if fleet_id.startswith("sfr-") else Ec2Fleet).get(call, fleet_id)


def note(call: Call, fleet_id: str, type: str, sub_type: str, text: str = "", instance_id: str = "") -> None:  # noqa: A002
    last = FleetNote.first(call, fleet_id, call.now, reverse=True)
    FleetNote(fleet_id, call.now, last.number + 1 if last else 0, type, sub_type, text, instance_id).put(call)


class Fulfilled(NamedTuple):
    """How much capacity a fleet has."""

    spot: float
    on_demand: float

    @property
    def total(self) -> float:
        return self.spot + self.on_demand


def fulfilled(call: Call, one: Fleet) -> Fulfilled:
    amounts = {"spot": 0.0, "on-demand": 0.0}
    for member in FleetMember.scan(call, one.fleet_id):
        amounts[member.lifecycle] += member.weight
    return Fulfilled(amounts["spot"], amounts["on-demand"])


def pools(call: Call, one: Fleet) -> list[Pool]:
    found = fleet_pools.of_templates(call, one.configs, one.unit)
    return found + fleet_pools.of_specifications(call, one.specifications, one.unit)


# Filled


def begin(call: Call, one: Fleet) -> None:
    """A fleet that is asked for begins, now or when it is to."""
    one.put(call)
    note(call, one.fleet_id, "fleetRequestChange", SUBMITTED)
    fill.later(call, fleet_id=one.fleet_id, due=max(one.valid_from, call.now + SECONDS))
    if one.valid_until:
        expire.later(call, fleet_id=one.fleet_id, due=one.valid_until)


@ec2.task
def fill(call: Call, fleet_id: str) -> None:
    """Launch what a fleet lacks; come again where that was not possible."""
    one = fleet(call, fleet_id)
    if one is None or one.state in OVER:
        return
    if one.state == SUBMITTED:
        one.state = ACTIVE
        note(call, one.fleet_id, "fleetRequestChange", ACTIVE)
    lacked = fill_now(call, one)
    if lacked and one.type != "instant":
        fill.later(call, fleet_id=fleet_id, delay=AGAIN)


def fill_now(call: Call, one: Fleet) -> bool:
    """Launch what a fleet lacks; whether it still lacks something."""
    there = fulfilled(call, one)
    one.errors = []
    all_pools = pools(call, one)
    lacked = 0.0
    for market, wanted in (("on-demand", one.on_demand - there.on_demand), ("spot", one.spot - there.spot)):
        if wanted > 0:
            lacked += _fill_market(call, one, all_pools, market, wanted)
    one.put(call)
    return lacked > 0


def _fill_market(call: Call, one: Fleet, all_pools: list[Pool], market: str, wanted: float) -> float:
    """Launch capacity on one market; how much was not to be had."""
    strategy = one.spot_strategy if market == "spot" else one.on_demand_strategy
    order = fleet_pools.ordered(call, all_pools, market, strategy)
    while wanted > 0 and order:
        number = fleet_pools.spread(strategy, len(order), one.pools_to_use) if market == "spot" else 1
        for pool, share in zip(order[:number], _shares(wanted, number), strict=True):
            if share <= 0:
                continue
            got = _launch(call, one, pool, market, math.ceil(share / pool.weight)) * pool.weight
            wanted -= got
            if got < share:
                order = [other for other in order if other is not pool]
    return max(0.0, wanted)


def _shares(wanted: float, number: int) -> list[float]:
    """What each of several pools is to give, in whole units."""
    each, more = divmod(math.ceil(wanted), number)
    return [each + (1 if place < more else 0) for place in range(number)]


def _launch(call: Call, one: Fleet, pool: Pool, market: str, count: int) -> int:
    """Launch instances of a pool; how many there were."""
    try:
        with call.store.attempt():
            launched = _launched(call, one, pool, market, count)
    except Fault as fault:
        error = {"ErrorCode": fault.code, "ErrorMessage": fault.message, "Lifecycle": market}
        one.errors = [*one.errors, error | {"LaunchTemplateAndOverrides": pool.shown}]
        note(call, one.fleet_id, "error", "launchSpecUnusable", f"{fault.code}: {fault.message}")
        return 0
    for instance in launched:
        name = "aws:ec2spot:fleet-request-id" if one.is_spot_fleet else "aws:ec2:fleet-id"
        instance.tags[name] = one.fleet_id
        instance.put(call)
        FleetMember(
            one.fleet_id,
            instance.instance_id,
            instance.instance_type,
            market,
            pool.weight,
            call.now,
            instance.spot_request_id,
            pool.shown,
        ).put(call)
        note(call, one.fleet_id, "instanceChange", "launched", _about(instance), instance.instance_id)
    return len(launched)


def _launched(call: Call, one: Fleet, pool: Pool, market: str, count: int) -> list[Instance]:
    if market == "on-demand":
        return launching.launch(call, pool.wanted, 1, count, Market(fleet_id=one.fleet_id))
    options = {"MaxPrice": pool.max_price or one.max_price}
    if one.behaviour != "terminate":
        options |= {"InstanceInterruptionBehavior": one.behaviour, "SpotInstanceType": "persistent"}
    wanted = pool.wanted | {"InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": options}}
    return spot.launch(call, wanted, 1, count, fleet_id=one.fleet_id)


def _about(instance: Instance) -> str:
    return f'{{"instanceType":"{instance.instance_type}","image":"{instance.image_id}"}}'


# Kept, changed, ended


@states.follows
def member_ended(call: Call, instance: Instance, state: str) -> None:
    """A fleet that keeps its capacity launches another instance for one that has ended."""
    if state != TERMINATED or not instance.fleet_id:
        return
    if member := FleetMember.get(call, instance.fleet_id, instance.instance_id):
        member.delete(call)
        note(call, instance.fleet_id, "instanceChange", "terminated", _about(instance), instance.instance_id)
    one = fleet(call, instance.fleet_id)
    if one is None:
        return
    if one.state == DELETED_TERMINATING and not FleetMember.first(call, one.fleet_id):
        become(call, one, DELETED)
    elif one.state == ACTIVE and one.type == "maintain":
        fill.later(call, fleet_id=one.fleet_id, delay=SECONDS)


def resize(call: Call, one: Fleet) -> None:
    """A fleet's targets have changed: launch what it lacks, end what it has too much."""
    there = fulfilled(call, one)
    if one.excess_ends:
        for market, excess in (("spot", there.spot - one.spot), ("on-demand", there.on_demand - one.on_demand)):
            for member in _surplus(call, one, market, excess):
                if instance := Instance.get(call, member.instance_id):
                    member.delete(call)
                    states.terminate(call, instance)
    fill.later(call, fleet_id=one.fleet_id, delay=SECONDS)


def _surplus(call: Call, one: Fleet, market: str, excess: float) -> Iterator[FleetMember]:
    """The newest instances of a market that a fleet can do without."""
    members = [member for member in FleetMember.scan(call, one.fleet_id) if member.lifecycle == market]
    for member in sorted(members, key=lambda member: member.at, reverse=True):
        if member.weight <= excess:
            excess -= member.weight
            yield member


def end(call: Call, one: Fleet, terminate: bool) -> None:
    """A fleet is wanted no more; its instances end with it, or go on."""
    members = [*FleetMember.scan(call, one.fleet_id)]
    if not members:
        become(call, one, DELETED)
        return
    become(call, one, DELETED_TERMINATING if terminate else DELETED_RUNNING)
    if terminate:
        for member in members:
            if instance := Instance.get(call, member.instance_id):
                states.terminate(call, instance)


def become(call: Call, one: Fleet, state: str) -> None:
    one.state = state
    one.put(call)
    note(
        call, one.fleet_id, "fleetRequestChange", state.replace("deleted", "cancelled") if one.is_spot_fleet else state
    )
    if state == DELETED:
        forget_fleet.later(call, fleet_id=one.fleet_id, delay=48 * 3600.0)


@ec2.task
def expire(call: Call, fleet_id: str) -> None:
    """The time of a fleet is over."""
    one = fleet(call, fleet_id)
    if one and one.state not in OVER:
        note(call, one.fleet_id, "fleetRequestChange", "expired")
        end(call, one, one.ends_with_expiration)


@ec2.task
def forget_fleet(call: Call, fleet_id: str) -> None:
    """A fleet that is over is described for two days."""
    if one := fleet(call, fleet_id):
        FleetNote.delete_all(call, fleet_id)
        one.delete(call)


def activity(call: Call, one: Fleet) -> str:
    if one.errors:
        return "error"
    if one.state == DELETED_TERMINATING:
        return "pending_termination"
    there = fulfilled(call, one)
    if there.total > one.target and one.excess_ends:
        return "pending_termination"
    return "fulfilled" if there.total >= one.target else "pending_fulfillment"
