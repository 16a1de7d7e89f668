"""The spot data feed: what spot instances ran and cost, hour by hour, as files in a bucket.

EC2 User Guide, "Track your Spot Instance costs using the Spot Instance data feed". An account has one; what each Region
writes goes to the same bucket. A file has the lines of an hour, and of a day once nothing has changed for a week. The
feed's account at AWS is let in by the bucket's access control list, as there; it is the subscriber itself that writes.
"""

from __future__ import annotations

import gzip
import secrets
from datetime import UTC, datetime

from pileus.kernel import Call, Fault, Record, identity
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import invalid

from . import prices, states
from .instances import RUNNING, SHUTTING_DOWN, STOPPING, Instance
from .spot import SpotRequest
from .types import table

HOUR, DAY = 3600.0, 86400.0
WEEK = 7 * DAY
FEEDS = "c4c1ede66af53448b93c283ce9448c4ad468c9432aa01d700d3878632f77d2d0"
"""The canonical user of the account that writes feeds at AWS."""
HEADER = (
    "#Version: 1.0\n#Fields: Timestamp UsageType Operation InstanceID MyBidID MyMaxPrice MarketPrice Charge Version\n"
)


class Datafeed(Record):
    """Where an account wants it. It is kept in one Region."""

    name: str
    bucket: str
    prefix: str
    fault: Members = {}


class SpotUse(Record, key=("instance_id", "started")):
    """That a spot instance runs, or ran, and up to when that was told."""

    instance_id: str
    started: float
    instance_type: str
    zone: str
    request_id: str
    maximum: float
    told: float
    ended: float = 0.0


class Feeding(Record):
    """That a Region has something to tell."""

    name: str
    since: float


def _home(call: Call) -> Call:
    return call.at(region="us-east-1")


@ec2.operation
def create_spot_datafeed_subscription(call: Call, bucket: str, prefix: str = "") -> Members:
    """Want the feed in a bucket, whose access control list then lets it in; or in another one than before."""
    s3 = call.aws("s3")
    try:
        acl = s3.get_bucket_acl(bucket=bucket)
        grants = [one for one in acl["Grants"] if one["Grantee"].get("ID") != FEEDS]
        mine = {"Grantee": {"Type": "CanonicalUser", "ID": FEEDS}, "Permission": "FULL_CONTROL"}
        document = {"Owner": acl["Owner"], "Grants": [*grants, mine]}
        s3.put_bucket_acl(bucket=bucket, access_control_policy=document)
    except Fault as fault:
        raise Fault("InaccessibleStorageLocation", f"The bucket {bucket} cannot be used: {fault.message}") from None
    if prefix.startswith("/") or len(prefix) > 255:
        raise invalid(f"Value ({prefix}) for parameter Prefix is invalid.")
    feed = Datafeed("spot", bucket, prefix).put(_home(call))
    for one in [*Instance.scan(call)]:
        if one.market == "spot" and one.state == RUNNING:
            begins(call, one)
    return {"SpotDatafeedSubscription": shown(call, feed)}


@ec2.operation
def describe_spot_datafeed_subscription(call: Call) -> Members:
    return {"SpotDatafeedSubscription": shown(call, _feed(call))}


@ec2.operation
def delete_spot_datafeed_subscription(call: Call) -> None:
    if found := Datafeed.get(_home(call), "spot"):
        found.delete(_home(call))


def _feed(call: Call) -> Datafeed:
    if found := Datafeed.get(_home(call), "spot"):
        return found
    raise Fault("InvalidSpotDatafeed.NotFound", "Spot datafeed subscription does not exist.")


def shown(call: Call, feed: Datafeed) -> Members:
    told: Members = {"Bucket": feed.bucket, "Prefix": feed.prefix, "OwnerId": call.account}
    told |= {"State": "Inactive", "Fault": feed.fault} if feed.fault else {"State": "Active"}
    return told


# What there is to tell


@states.follows
def after(call: Call, one: Instance, state: str) -> None:
    """Spot instances are followed as long as somebody wants to know."""
    if one.market != "spot":
        return
    if state == RUNNING and Datafeed.get(_home(call), "spot"):
        begins(call, one)
    elif state in (STOPPING, SHUTTING_DOWN):
        for use in [*SpotUse.scan(call, one.instance_id)]:
            if not use.ended:
                use.ended = call.now
                use.put(call)


def begins(call: Call, one: Instance) -> None:
    request = SpotRequest.get(call, one.spot_request_id)
    maximum = request.max_price if request else 0.0
    place = one.instance_type, one.availability_zone, one.spot_request_id
    SpotUse(one.instance_id, call.now, *place, maximum, call.now).put(call)
    if Feeding.get(call, "spot") is None:
        feed_written.later(call, due=_next(call.now, HOUR))
    Feeding("spot", call.now).put(call)


def _next(now: float, step: float) -> float:
    return (now // step + 1) * step


@ec2.task
async def feed_written(call: Call) -> None:
    """An hour is over, or a day: write what it had."""
    until = call.now // HOUR * HOUR
    with call.transaction():
        lines, left = _told(call, until)
        feeding, feed = Feeding.get(call, "spot"), Datafeed.get(_home(call), "spot")
        if left and feeding and feed:
            quiet = call.now > feeding.since + WEEK
            feed_written.later(call, due=_next(call.now, DAY if quiet else HOUR))
        elif feeding:
            feeding.delete(call)
    if not lines or not feed:
        return
    at = datetime.fromtimestamp(until - 1, UTC)
    name = f"{call.account}.{at:%Y-%m-%d-%H}.001.{secrets.token_hex(4)}.gz"
    body = gzip.compress((HEADER + "".join(f"{line}\n" for line in lines)).encode(), mtime=0)
    fault: Members = {}
    try:
        principal = identity.root(call.account, partition=call.partition)
        key = f"{feed.prefix.rstrip('/')}/{name}" if feed.prefix else name
        await call.aws("s3", principal=principal).put_object(bucket=feed.bucket, key=key, body=body)
    except Fault as found:
        fault = {"Code": found.code, "Message": found.message}
    with call.transaction():
        if (feed := Datafeed.get(_home(call), "spot")) and feed.fault != fault:
            feed.fault = fault
            feed.put(_home(call))


def _told(call: Call, until: float) -> tuple[list[str], bool]:
    """The lines up to an instant, and whether there is more to tell later."""
    lines: list[str] = []
    uses = [*SpotUse.scan(call)]
    for use in uses:
        end = min(until, use.ended or until)
        while use.told < end:
            step = min(_next(use.told, HOUR), end)
            lines.append(_line(use, step, step - use.told))
            use.told = step
        if use.ended and use.told >= use.ended:
            use.delete(call)
        else:
            use.put(call)
    return lines, any(not use.ended or use.told < use.ended for use in uses)


def _line(use: SpotUse, at: float, seconds: float) -> str:
    kind = table().get(use.instance_type)
    market = prices.price(kind, use.zone, at - 1).dollars if kind else 0.0
    return "\t".join(
        [
            f"{datetime.fromtimestamp(at - 1, UTC):%Y-%m-%d %H:%M:%S UTC}",
            f"SpotUsage:{use.instance_type}",
            "RunInstances:0001",
            use.instance_id,
            use.request_id,
            f"{use.maximum:.3f} USD",
            f"{market:.3f} USD",
            f"{market * seconds / HOUR:.3f} USD",
            "1",
        ]
    )
