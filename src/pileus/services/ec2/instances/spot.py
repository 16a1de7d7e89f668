"""Spot instances: launched while the price is not above what one would pay, and interrupted when it is.

A request that is `persistent` is open again when its instance has ended; one that is `one-time` is closed.
Interruptions come two minutes after their notice: when the price rises above the request's maximum (prices are
deterministic, so one can choose a maximum for it, and move the clock), and at any time when somebody tags the instance,
or its request, with

    pileus:interrupt = terminate, stop or hibernate        (or anything else for the behaviour that was asked for)
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.names import LOWER, token
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import MOMENT, Members
from pileus.services.ec2.faults import bad_value, combination, unsupported
from pileus.services.ec2.kinds import kind
from pileus.services.ec2.tags import after_tagging

from . import launching, prices, states
from .announcing import FULFILLED, INTERRUPTION, REBALANCE, tell
from .instances import RUNNING, STOPPED, TERMINATED, Instance
from .launching import Market
from .specification import DEFAULT_TYPE, tags_for
from .types import instance_type

NOTICE = 120.0
"""Seconds from an interruption's notice to the interruption."""
SECONDS = MOMENT
"""Until a new request is looked at."""
INTERRUPT = "pileus:interrupt"

OPEN, ACTIVE, CLOSED, CANCELLED, FAILED, DISABLED = "open", "active", "closed", "cancelled", "failed", "disabled"

MESSAGES = {
    "pending-evaluation": "Your Spot request has been submitted for review, and is pending evaluation.",
    "not-scheduled-yet": "Your Spot request will not be evaluated until the scheduled date.",
    "fulfilled": "Your spot request is fulfilled.",
    "price-too-low": "Your Spot price is lower than the minimum required Spot request fulfillment price.",
    "capacity-not-available": "There is no Spot capacity available that matches your request.",
    "bad-parameters": "One or more parameters for your Spot request are not valid.",
    "schedule-expired": "Your Spot request has expired because it was not fulfilled before the specified date.",
    "canceled-before-fulfillment": "Your Spot request was canceled before it was fulfilled.",
    "request-canceled-and-instance-running": "Your Spot request is canceled, but your instance is still running.",
    "marked-for-stop": "Your instance is marked for stop because of an interruption.",
    "marked-for-termination": "Your instance is marked for termination because of an interruption.",
    "instance-stopped-by-price": "Your instance was stopped because the Spot price exceeded your maximum price.",
    "instance-stopped-by-user": "Your instance was stopped because you stopped it.",
    "instance-stopped-no-capacity": "Your instance was stopped because there was no longer enough Spot capacity.",
    "instance-terminated-by-price": "Your instance was terminated because the Spot price exceeded your maximum price.",
    "instance-terminated-by-user": "Your Spot instance was terminated by the user.",
    "instance-terminated-no-capacity": "Your instance was terminated because there was no longer enough capacity.",
}


@kind(
    "spot-instances-request",
    "sir",
    missing=("InvalidSpotInstanceRequestID.NotFound", "The spot instance request ID '{}' does not exist"),
)
class SpotRequest(Record, arn="spot-instances-request/{spot_instance_request_id}", indexes={"by_state": ("state",)}):
    """A request for one spot instance."""

    spot_instance_request_id: str
    created: float
    wanted: Members
    """What RunInstances takes."""
    specification: Members
    """The launch specification, as it is shown."""
    max_price: float
    state: str = OPEN
    status: str = "pending-evaluation"
    updated: float = 0.0
    persistent: bool = False
    behaviour: str = "terminate"
    valid_from: float = 0.0
    valid_until: float = 0.0
    launch_group: str = ""
    zone_group: str = ""
    instance_id: str = ""
    zone: str = ""
    fault: Members = {}
    fleet_id: str = ""
    token: str = ""
    tags: dict[str, str] = {}

    def become(self, call: Call, state: str, status: str) -> SpotRequest:
        self.state, self.status, self.updated = state, status, call.now
        return self.put(call)


def new_request_id() -> str:
    return f"sir-{token(8, LOWER)}"


def maximum(call: Call, wanted: Members, given: str) -> float:
    """What one pays at most: what one says, or the price on demand."""
    if not given:
        kind = instance_type(call, wanted.get("InstanceType", DEFAULT_TYPE))
        return round(prices.on_demand(kind, call.region), 6)
    try:
        found = float(given)
    except ValueError:
        raise bad_value("spotPrice", given) from None
    if found <= 0:
        raise bad_value("spotPrice", given)
    return found


# By RunInstances


def launch(
    call: Call, wanted: Members, least: int, most: int, *, fleet_id: str = "", requester_id: str = ""
) -> list[Instance]:
    """Launch spot instances at once, each with a request of its own."""
    options: Members = (wanted.get("InstanceMarketOptions") or {}).get("SpotOptions", {})
    persistent = options.get("SpotInstanceType", "one-time") == "persistent"
    behaviour = checked_behaviour(options.get("InstanceInterruptionBehavior", "terminate"), persistent)
    limit = maximum(call, wanted, options.get("MaxPrice", ""))
    launched = launching.launch(call, wanted, least, most, Market("spot", "", fleet_id, requester_id))
    _check_price(launched[0], limit, call)
    for one in launched:
        request = SpotRequest(
            new_request_id(),
            call.now,
            wanted,
            specification(wanted),
            limit,
            persistent=persistent,
            behaviour=behaviour,
            valid_until=options.get("ValidUntil", 0.0),
            fleet_id=fleet_id,
            tags=tags_for(wanted, "spot-instances-request"),
        )
        fulfilled(call, request, one)
    return launched


def checked_behaviour(behaviour: str, persistent: bool) -> str:
    if behaviour not in ("terminate", "stop", "hibernate"):
        raise bad_value("instanceInterruptionBehavior", behaviour)
    if behaviour != "terminate" and not persistent:
        text = f"Instance interruption behavior '{behaviour}' is only supported for persistent Spot requests."
        raise combination(text)
    return behaviour


def _check_price(one: Instance, limit: float, call: Call) -> None:
    current = prices.price(instance_type(call, one.instance_type), one.availability_zone, call.now)
    if current.dollars > limit:
        text = f"Your Spot request price of {limit:g} is lower than the minimum required Spot request fulfillment price"
        raise Fault("SpotMaxPriceTooLow", f"{text} of {current.dollars:g}.")


SHOWN = (
    "BlockDeviceMappings",
    "EbsOptimized",
    "IamInstanceProfile",
    "ImageId",
    "InstanceType",
    "KeyName",
    "Monitoring",
    "NetworkInterfaces",
    "SubnetId",
    "UserData",
)


def specification(wanted: Members) -> Members:
    """What is launched, as requests show it."""
    shown = {name: wanted[name] for name in SHOWN if name in wanted}
    place = wanted.get("Placement", {})
    shown["Placement"] = {name: place[name] for name in ("AvailabilityZone", "GroupName", "Tenancy") if name in place}
    shown["SecurityGroups"] = [{"GroupId": group_id} for group_id in wanted.get("SecurityGroupIds", ())]
    return shown


def fulfilled(call: Call, request: SpotRequest, one: Instance) -> None:
    """A request has its instance."""
    request.instance_id, request.zone = one.instance_id, one.availability_zone
    request.become(call, ACTIVE, "fulfilled")
    one.spot_request_id, one.market = request.spot_instance_request_id, "spot"
    one.put(call)
    detail = {"spot-instance-request-id": request.spot_instance_request_id, "instance-id": one.instance_id}
    tell(call, FULFILLED, [one.arn(call)], detail)
    _watch_price(call, request, one)


def _watch_price(call: Call, request: SpotRequest, one: Instance) -> None:
    """See to it that the request is looked at when its price is exceeded."""
    found = instance_type(call, one.instance_type)
    if request.max_price < prices.on_demand(found, call.region) and (
        at := prices.next_above(found, one.availability_zone, call.now, request.max_price)
    ):
        price_exceeded.later(call, request_id=request.spot_instance_request_id, instance_id=one.instance_id, due=at)


# Looked at


@ec2.task
def evaluate(call: Call, request_id: str) -> None:
    """Fulfil an open request, if that is possible now; or say why not, and look again when the price changes."""
    request = SpotRequest.get(call, request_id)
    if request is None or request.state != OPEN:
        return
    if request.valid_until and call.now >= request.valid_until:
        request.become(call, CLOSED, "schedule-expired")
        return
    try:
        with call.store.attempt():
            [one] = launching.launch(call, request.wanted, 1, 1, Market("spot", fleet_id=request.fleet_id))
            _check_price(one, request.max_price, call)
            fulfilled(call, request, one)
    except Fault as fault:
        _not_now(call, request, fault)


def _not_now(call: Call, request: SpotRequest, fault: Fault) -> None:
    status = {"SpotMaxPriceTooLow": "price-too-low"}.get(fault.code)
    if status is None and fault.code in launching.SHORT_OF_ROOM:
        status = "capacity-not-available"
    if status is None:
        request.fault = {"Code": fault.code, "Message": fault.message}
        request.become(call, FAILED, "bad-parameters")
        return
    request.become(call, OPEN, status)
    evaluate.later(call, request_id=request.spot_instance_request_id, delay=prices.HOUR)


# Interrupted


@ec2.task
def price_exceeded(call: Call, request_id: str, instance_id: str) -> None:
    request, one = SpotRequest.get(call, request_id), Instance.get(call, instance_id)
    if request and one and request.instance_id == instance_id and one.state == RUNNING:
        interrupt(call, request, one, "price")


@after_tagging(SpotRequest, Instance)
def asked_to_interrupt(call: Call, tagged: Any, tags: dict[str, str]) -> None:
    """Somebody wants to see an interruption."""
    if INTERRUPT not in tags:
        return
    request = tagged if isinstance(tagged, SpotRequest) else SpotRequest.get(call, tagged.spot_request_id)
    one = Instance.get(call, request.instance_id) if request else None
    if request and one and one.state == RUNNING:
        wish = tags[INTERRUPT]
        interrupt(call, request, one, "capacity", wish if wish in ("terminate", "stop", "hibernate") else "")


def interrupt(call: Call, request: SpotRequest, one: Instance, why: str, behaviour: str = "") -> None:
    """Give notice that an instance is going to be interrupted."""
    action = behaviour or request.behaviour
    one.interruption = {"action": action, "time": call.now + NOTICE, "why": why}
    one.put(call)
    request.become(call, ACTIVE, "marked-for-termination" if action == "terminate" else "marked-for-stop")
    tell(call, REBALANCE, [one.arn(call)], {"instance-id": one.instance_id})
    detail = {"instance-id": one.instance_id, "instance-action": action}
    tell(call, INTERRUPTION, [one.arn(call)], detail)
    carry_out.later(call, instance_id=one.instance_id, turn=one.turn, delay=0.0 if action == "hibernate" else NOTICE)


@ec2.task
def carry_out(call: Call, instance_id: str, turn: int) -> None:
    """The two minutes are over."""
    one = Instance.get(call, instance_id)
    if one is None or one.turn != turn or not one.interruption:
        return
    if one.interruption["action"] == "terminate":
        states.terminate(call, one, states.SPOT_END)
    else:
        states.stop(call, one, states.SPOT_STOP, hibernate=one.interruption["action"] == "hibernate")


# What becomes of requests


def check_stop(call: Call, one: Instance) -> None:
    """Raise what EC2 says of a spot instance that cannot be stopped."""
    request = SpotRequest.get(call, one.spot_request_id) if one.spot_request_id else None
    if request and not request.persistent:
        text = (
            f"You can't stop the Spot Instance '{one.instance_id}' because it is associated with a one-time Spot"
            " Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests."
        )
        raise unsupported(text)


@states.follows
def after(call: Call, one: Instance, state: str) -> None:
    """What a change of its instance's state means for a request."""
    request = SpotRequest.get(call, one.spot_request_id) if one.spot_request_id else None
    if request is None or request.instance_id != one.instance_id:
        return
    why = one.interruption.get("why", "")
    cause = {"price": "by-price", "capacity": "no-capacity"}.get(why, "by-user")
    if state == STOPPED and request.state == ACTIVE:
        request.become(call, DISABLED, f"instance-stopped-{cause}")
        if why:
            return_when_possible.later(call, instance_id=one.instance_id, turn=one.turn, delay=prices.HOUR)
    elif state == RUNNING and request.state == DISABLED:
        request.become(call, ACTIVE, "fulfilled")
    elif state == TERMINATED:
        _instance_gone(call, request, f"instance-terminated-{cause}")


def _instance_gone(call: Call, request: SpotRequest, status: str) -> None:
    if request.state == CANCELLED:
        request.become(call, CANCELLED, status)
    elif request.persistent:
        request.instance_id = ""
        request.become(call, OPEN, status)
        evaluate.later(call, request_id=request.spot_instance_request_id, delay=SECONDS)
    else:
        request.become(call, CLOSED, status)


@ec2.task
def return_when_possible(call: Call, instance_id: str, turn: int) -> None:
    """Start an instance again that was stopped by an interruption, once the price lets it."""
    one = Instance.get(call, instance_id)
    request = SpotRequest.get(call, one.spot_request_id) if one else None
    if one is None or request is None or one.turn != turn or request.state != DISABLED:
        return
    current = prices.price(instance_type(call, one.instance_type), one.availability_zone, call.now)
    if current.dollars > request.max_price:
        return_when_possible.later(call, instance_id=instance_id, turn=turn, delay=prices.HOUR)
        return
    one.interruption = {}
    states.start(call, one)
