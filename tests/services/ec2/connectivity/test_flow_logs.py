"""Flow logs as records: what is recorded of what, and where it goes."""

from __future__ import annotations

import pytest

DEFAULT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} "
    "${bytes} ${start} ${end} ${action} ${log-status}"
)


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


BUCKET = {"LogDestinationType": "s3", "LogDestination": "arn:aws:s3:::flows/here"}


def test_a_flow_log_of_a_vpc_has_the_default_format(ec2, vpc):
    made = ec2.create_flow_logs(ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL", **BUCKET)
    assert made["Unsuccessful"] == []
    [log] = ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [vpc]}])["FlowLogs"]
    assert log["FlowLogId"] == made["FlowLogIds"][0] and log["FlowLogStatus"] == "ACTIVE"
    assert log["LogFormat"] == DEFAULT and log["MaxAggregationInterval"] == 600
    ec2.delete_flow_logs(FlowLogIds=[log["FlowLogId"]])
    assert ec2.describe_flow_logs()["FlowLogs"] == []


def test_custom_formats_are_checked(ec2, vpc, refused):
    good = "${vpc-id} ${srcaddr} ${flow-direction}"
    ec2.create_flow_logs(ResourceIds=[vpc], ResourceType="VPC", TrafficType="REJECT", LogFormat=good, **BUCKET)
    assert ec2.describe_flow_logs()["FlowLogs"][0]["LogFormat"] == good
    for bad in ("${nonsense}", "vpc-id", "${vpc-id},${srcaddr}", "${tgw-id}"):
        with refused("InvalidParameter"):
            ec2.create_flow_logs(ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL", LogFormat=bad, **BUCKET)


def test_what_is_not_there_and_what_is_there_already_are_named_in_the_answer(ec2, vpc):
    for _ in "12":
        made = ec2.create_flow_logs(
            ResourceIds=[vpc, "vpc-0123456789abcdef0"], ResourceType="VPC", TrafficType="ALL", **BUCKET
        )
    codes = {one["ResourceId"]: one["Error"]["Code"] for one in made["Unsuccessful"]}
    assert codes == {vpc: "FlowLogAlreadyExists", "vpc-0123456789abcdef0": "InvalidVpcID.NotFound"}
    assert made["FlowLogIds"] == [] and len(ec2.describe_flow_logs()["FlowLogs"]) == 1


def test_a_log_group_needs_a_role_and_a_bucket_takes_none(ec2, vpc, refused):
    asked = {"ResourceIds": [vpc], "ResourceType": "VPC", "TrafficType": "ALL"}
    role = "arn:aws:iam::000000000000:role/flows"
    with refused("InvalidParameter", "DeliverLogsPermissionArn"):
        ec2.create_flow_logs(LogGroupName="flows", **asked)
    with refused("InvalidParameter", "DeliverLogsPermissionArn"):
        ec2.create_flow_logs(DeliverLogsPermissionArn=role, **BUCKET, **asked)
    ec2.create_flow_logs(LogGroupName="flows", DeliverLogsPermissionArn=role, **asked)
    [log] = ec2.describe_flow_logs(Filters=[{"Name": "log-group-name", "Values": ["flows"]}])["FlowLogs"]
    assert log["LogDestination"].endswith(":log-group:flows") and log["DeliverLogsPermissionArn"] == role


def test_transit_gateways_have_formats_of_their_own_and_no_type_of_traffic(ec2, refused):
    gateway = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    asked = {"ResourceIds": [gateway], "ResourceType": "TransitGateway", "MaxAggregationInterval": 60}
    with refused("InvalidParameter"):
        ec2.create_flow_logs(TrafficType="ALL", **BUCKET, **asked)
    ec2.create_flow_logs(**BUCKET, **asked)
    assert "${tgw-attachment-id}" in ec2.describe_flow_logs()["FlowLogs"][0]["LogFormat"]
