"""Spot instances: prices, requests, and interruptions with two minutes' notice."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta

import pytest


def request(ec2, ami, **more):
    specification = {"ImageId": ami, "InstanceType": "t3.micro"}
    return ec2.request_spot_instances(LaunchSpecification=specification, **more)["SpotInstanceRequests"][0]


def found(ec2, one):
    ids = [one["SpotInstanceRequestId"]]
    return ec2.describe_spot_instance_requests(SpotInstanceRequestIds=ids)["SpotInstanceRequests"][0]


def price(ec2, kind="t3.micro", zone="us-east-1a", **more):
    history = ec2.describe_spot_price_history(
        InstanceTypes=[kind], ProductDescriptions=["Linux/UNIX"], AvailabilityZone=zone, **more
    )
    return history["SpotPriceHistory"]


def test_prices_are_the_same_for_everybody_and_below_those_on_demand(ec2, clock):
    now = price(ec2)[0]
    past = price(ec2, StartTime=now["Timestamp"] - timedelta(days=3))
    assert past[0] == now and len(past) > 5
    assert [one["Timestamp"] for one in past] == sorted((one["Timestamp"] for one in past), reverse=True)
    assert all(0.0015 < float(one["SpotPrice"]) < 0.0104 for one in past)
    assert len({one["SpotPrice"] for one in past}) > 1
    pages = ec2.get_paginator("describe_spot_price_history").paginate(
        InstanceTypes=["m5.large"], PaginationConfig={"PageSize": 3}
    )
    zones = {one["AvailabilityZone"] for page in pages for one in page["SpotPriceHistory"]}
    assert len(zones) > 2


def test_a_request_is_fulfilled_and_closed_when_its_instance_ends(ec2, ami, clock):
    one = request(ec2, ami)
    assert (one["State"], one["Status"]["Code"], one["SpotPrice"]) == ("open", "pending-evaluation", "0.010400")
    clock.advance(2)
    ec2.get_waiter("spot_instance_request_fulfilled").wait(SpotInstanceRequestIds=[one["SpotInstanceRequestId"]])
    one = found(ec2, one)
    [instance] = ec2.describe_instances(InstanceIds=[one["InstanceId"]])["Reservations"][0]["Instances"]
    assert instance["InstanceLifecycle"] == "spot"
    assert instance["SpotInstanceRequestId"] == one["SpotInstanceRequestId"]
    clock.advance(3)
    ec2.terminate_instances(InstanceIds=[one["InstanceId"]])
    clock.advance(3)
    assert (found(ec2, one)["State"], found(ec2, one)["Status"]["Code"]) == ("closed", "instance-terminated-by-user")


def test_a_persistent_request_wants_another_instance(ec2, ami, clock):
    one = request(ec2, ami, Type="persistent")
    clock.advance(4)
    first = found(ec2, one)["InstanceId"]
    ec2.terminate_instances(InstanceIds=[first])
    clock.advance(5)
    assert found(ec2, one)["State"] == "active" and found(ec2, one)["InstanceId"] != first
    [cancelled] = ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=[one["SpotInstanceRequestId"]])[
        "CancelledSpotInstanceRequests"
    ]
    assert cancelled["State"] == "cancelled"
    assert found(ec2, one)["Status"]["Code"] == "request-canceled-and-instance-running"


def test_what_is_offered_too_little_for_waits(ec2, ami, run, refused):
    with refused("SpotMaxPriceTooLow"):
        run(InstanceMarketOptions={"MarketType": "spot", "SpotOptions": {"MaxPrice": "0.0001"}})
    assert ec2.describe_instances()["Reservations"] == []
    one = request(ec2, ami, SpotPrice="0.0001")
    assert found(ec2, one)["State"] == "open"
    with refused("InvalidParameterCombination"):
        request(ec2, ami, InstanceInterruptionBehavior="stop")
    with refused("InvalidAMIID.NotFound"):
        request(ec2, "ami-0123456789abcdef0")


@pytest.fixture
def warnings(aws):
    sqs, events = aws.client("sqs"), aws.client("events")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    events.put_rule(Name="r", EventPattern='{"detail-type": ["EC2 Spot Instance Interruption Warning"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": arn, "InputPath": "$.detail"}])
    return lambda: [json.loads(one["Body"]) for one in sqs.receive_message(QueueUrl=queue).get("Messages", [])]


def test_an_interruption_comes_two_minutes_after_its_notice(ec2, run, described, clock, warnings):
    one = run(InstanceMarketOptions={"MarketType": "spot"})
    clock.advance(5)
    ec2.create_tags(Resources=[one["InstanceId"]], Tags=[{"Key": "pileus:interrupt", "Value": "now"}])
    clock.advance(1)
    assert warnings() == [{"instance-id": one["InstanceId"], "instance-action": "terminate"}]
    clock.advance(110)
    assert described(one)["State"]["Name"] == "running"
    clock.advance(20)
    gone = described(one)
    assert gone["State"]["Name"] == "terminated"
    assert gone["StateReason"]["Code"] == "Server.SpotInstanceTermination"
    request = ec2.describe_spot_instance_requests()["SpotInstanceRequests"][0]
    assert (request["State"], request["Status"]["Code"]) == ("closed", "instance-terminated-no-capacity")


def test_an_instance_that_is_stopped_by_an_interruption_comes_back(ec2, run, described, clock):
    options = {"SpotInstanceType": "persistent", "InstanceInterruptionBehavior": "stop"}
    one = run(InstanceMarketOptions={"MarketType": "spot", "SpotOptions": options})
    clock.advance(5)
    ec2.create_tags(Resources=[one["SpotInstanceRequestId"]], Tags=[{"Key": "pileus:interrupt", "Value": ""}])
    clock.advance(130)
    assert described(one)["State"]["Name"] == "stopped"
    assert ec2.describe_spot_instance_requests()["SpotInstanceRequests"][0]["State"] == "disabled"
    clock.advance(3700)
    assert described(one)["State"]["Name"] == "running"


def test_an_instance_of_a_one_time_request_cannot_be_stopped(ec2, run, clock, refused):
    one = run(InstanceMarketOptions={"MarketType": "spot"})
    clock.advance(5)
    with refused("UnsupportedOperation", "one-time Spot Instance request"):
        ec2.stop_instances(InstanceIds=[one["InstanceId"]])


def test_a_rising_price_interrupts(ec2, run, described, clock):
    now = float(price(ec2)[0]["SpotPrice"])
    options = {"MaxPrice": f"{now:.6f}"}  # what it costs now, and not a cent more
    run(
        InstanceMarketOptions={"MarketType": "spot", "SpotOptions": options},
        Placement={"AvailabilityZone": "us-east-1a"},
    )
    clock.advance(5)
    for _ in range(600):
        clock.advance(4 * 3600)
        if float(price(ec2)[0]["SpotPrice"]) > now:
            break
    clock.advance(2 * 3600)  # it is looked at now and then, and two minutes are left after that
    states = ec2.describe_spot_instance_requests()["SpotInstanceRequests"][0]
    assert states["Status"]["Code"] == "instance-terminated-by-price"


def test_a_datafeed_tells_each_hour_what_spot_instances_cost(aws, ec2, run, clock, refused):
    bucket, s3 = f"feed-{aws.id}", aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    with refused("InaccessibleStorageLocation", "ACL"):
        ec2.create_spot_datafeed_subscription(Bucket=bucket)
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    with refused("InvalidSpotDatafeed.NotFound"):
        ec2.describe_spot_datafeed_subscription()
    feed = ec2.create_spot_datafeed_subscription(Bucket=bucket, Prefix="spot")["SpotDatafeedSubscription"]
    assert (feed["State"], feed["OwnerId"]) == ("Active", aws.id)
    one = run(InstanceMarketOptions={"MarketType": "spot"})["InstanceId"]
    clock.advance(2 * 3600)
    ec2.terminate_instances(InstanceIds=[one])
    clock.advance(3 * 3600)
    files = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert len(files) == 3 and all(name.startswith(f"spot/{aws.id}.") for name in files)
    lines = []
    for name in files:
        head, fields, *told = gzip.decompress(s3.get_object(Bucket=bucket, Key=name)["Body"].read()).splitlines()
        assert head == b"#Version: 1.0" and fields.startswith(b"#Fields: Timestamp UsageType")
        lines += [line.decode().split("\t") for line in told]
    assert {line[1] for line in lines} == {"SpotUsage:t3.micro"} and {line[3] for line in lines} == {one}
    ec2.delete_spot_datafeed_subscription()
    with refused("InvalidSpotDatafeed.NotFound"):
        ec2.describe_spot_datafeed_subscription()
