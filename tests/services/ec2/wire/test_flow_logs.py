"""Flow logs of traffic that there really was."""

from __future__ import annotations

import gzip

import pytest


@pytest.fixture
def clock(wired_cloud):
    wired_cloud.clock.freeze()
    yield wired_cloud.clock
    wired_cloud.clock.resume()


@pytest.fixture
def role(aws):
    account = aws.client("sts").get_caller_identity()["Account"]
    return f"arn:aws:iam::{account}:role/flow-logs"


@pytest.fixture
def pair(vpc, wire):
    """A VPC with two instances, of which the second lets in what goes to port 8080 alone."""
    home = vpc()
    one, two = home.instance(home.subnet(0), "10.0.0.5"), home.instance(home.subnet(1), "10.0.1.6")
    home.open({"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]})
    revoke(home)
    assert wire.soon(one, two, "10.0.1.6")
    return home, one, two


def revoke(home):
    """Members of the default group let each other in: not here."""
    rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": home.group}]}
    home.ec2.revoke_security_group_ingress(GroupId=home.group, IpPermissions=[rule])


def interface(ec2, instance):
    told = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return told["NetworkInterfaces"][0]["NetworkInterfaceId"]


def lines(aws, group, stream):
    logs = aws.client("logs")
    try:
        found = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in found]


def test_a_flow_log_shows_what_was_accepted_and_what_was_rejected(aws, ec2, wire, pair, clock, role):
    home, one, two = pair
    ec2.create_flow_logs(
        ResourceIds=[home.id], ResourceType="VPC", TrafficType="ALL", LogGroupName="flows",
        DeliverLogsPermissionArn=role, MaxAggregationInterval=60,
    )  # fmt: skip
    assert wire.until(lambda: not clock.advance(60) and lines(aws, "flows", f"{interface(ec2, two)}-all"))
    before = len(lines(aws, "flows", f"{interface(ec2, two)}-all"))
    assert wire.connects(one, two, "10.0.1.6", 8080)
    assert not wire.connects(one, two, "10.0.1.6", 81)
    clock.advance(60)
    told = [line.split() for line in lines(aws, "flows", f"{interface(ec2, two)}-all")[before:]]
    assert all(len(line) == 14 and line[0] == "2" and line[2] == interface(ec2, two) for line in told)
    flows = {(line[3], line[4], line[6], line[12]) for line in told}
    assert ("10.0.0.5", "10.0.1.6", "8080", "ACCEPT") in flows
    assert ("10.0.0.5", "10.0.1.6", "81", "REJECT") in flows
    (refused,) = (line for line in told if line[6] == "81")
    assert refused[7:10] == ["6", "1", "60"], "a SYN of TCP"
    sent = {tuple(line.split()[i] for i in (6, 12)) for line in lines(aws, "flows", f"{interface(ec2, one)}-all")}
    assert ("81", "ACCEPT") in sent, "the sender's own group let it out"


def test_a_flow_log_of_rejects_in_a_format_of_ones_own_goes_to_a_bucket(aws, ec2, wire, pair, clock):
    home, one, two = pair
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="flows-here")
    made = ec2.create_flow_logs(
        ResourceIds=[interface(ec2, two)], ResourceType="NetworkInterface", TrafficType="REJECT",
        LogDestinationType="s3", LogDestination="arn:aws:s3:::flows-here/some", MaxAggregationInterval=60,
        LogFormat="${version} ${vpc-id} ${flow-direction} ${dstport} ${tcp-flags} ${action} ${instance-id}",
    )  # fmt: skip
    assert made["Unsuccessful"] == []

    def files():
        return [one["Key"] for one in s3.list_objects_v2(Bucket="flows-here").get("Contents", [])]

    assert wire.until(lambda: not clock.advance(60) and files()), "that there was nothing is told too"
    assert not wire.connects(one, two, "10.0.1.6", 22)
    clock.advance(60)
    name = files()[-1]
    assert name.startswith("some/AWSLogs/") and made["FlowLogIds"][0] in name and name.endswith(".log.gz")
    text = gzip.decompress(s3.get_object(Bucket="flows-here", Key=name)["Body"].read()).decode()
    header, *told = text.splitlines()
    assert header == "version vpc-id flow-direction dstport tcp-flags action instance-id"
    assert told == [f"5 {home.id} ingress 22 2 REJECT {two}"]


def test_an_interface_without_traffic_has_no_data(aws, ec2, wire, pair, clock, role):
    home, one, _ = pair
    ec2.create_flow_logs(
        ResourceIds=[home.id], ResourceType="VPC", TrafficType="ACCEPT", LogGroupName="quiet",
        DeliverLogsPermissionArn=role, MaxAggregationInterval=60,
    )  # fmt: skip
    stream = f"{interface(ec2, one)}-accept"
    assert wire.until(lambda: not clock.advance(60) and lines(aws, "quiet", stream))
    clock.advance(60)
    assert lines(aws, "quiet", stream)[-1].endswith(" NODATA")


def test_a_flow_log_goes_through_a_delivery_stream(aws, ec2, wire, pair, clock, role):
    home, one, two = pair
    s3, firehose, bucket = aws.client("s3"), aws.client("firehose"), f"flows-{aws.id}"
    s3.create_bucket(Bucket=bucket)
    made = firehose.create_delivery_stream(
        DeliveryStreamName="flows",
        ExtendedS3DestinationConfiguration={
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "RoleARN": role,
            "BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 1},
        },
    )
    clock.advance(5)
    made = ec2.create_flow_logs(
        ResourceIds=[home.id], ResourceType="VPC", TrafficType="REJECT", MaxAggregationInterval=60,
        LogDestinationType="kinesis-data-firehose", LogDestination=made["DeliveryStreamARN"],
        LogFormat="${srcaddr} ${dstport} ${action}",
    )  # fmt: skip
    assert made["Unsuccessful"] == []

    def told():
        clock.advance(120)
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return "".join(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys)

    assert wire.until(lambda: not wire.connects(one, two, "10.0.1.6", 22) and "10.0.0.5 22 REJECT" in told())
