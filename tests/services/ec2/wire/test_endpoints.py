"""VPC endpoints: AWS's services without the internet."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError

from .test_names import asks  # noqa: F401 (a fixture)


@pytest.fixture
def inside(wire, wired_cloud, aws, monkeypatch):
    """A boto3 client whose connections are those of a host."""

    def client(service, host, address, port=80):
        def connect(where, *_, **__):
            made = wire.socket(host)
            made.settimeout(1)
            made.connect((address, port))
            made.settimeout(5)
            return made

        monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
        account = wired_cloud.client_kwargs(aws.id)
        config = Config(retries={"max_attempts": 0}, connect_timeout=1, s3={"addressing_style": "path"})
        url = f"http://{service}.us-east-1.amazonaws.com"
        return boto3.client(service, **account | {"endpoint_url": url}, config=config)

    return client


def quiet(vpc, number=0):
    """A VPC without a way out, with one instance."""
    home = vpc()
    home.open()
    return home, home.instance(home.subnet(number), f"10.0.{number}.5")


def test_s3_is_reached_by_a_gateway_endpoint_without_the_internet(ec2, aws, vpc, wire, inside):
    home, one = quiet(vpc)
    assert wire.until(lambda: one in wire.names())
    address = wire.public(16)
    s3 = inside("s3", one, address)
    with pytest.raises(ConnectTimeoutError):
        s3.list_buckets()
    endpoint = ec2.create_vpc_endpoint(
        VpcId=home.id, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[home.table]
    )["VpcEndpoint"]["VpcEndpointId"]
    assert wire.until(lambda: wire.reaches(one, address, 80))
    s3.create_bucket(Bucket="reached-from-inside")
    assert not wire.reaches(one, wire.public(32), 80), "that is DynamoDB's"
    assert not wire.reaches(one, wire.public(1), 80), "everything else is not S3"
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=[home.table])
    assert wire.until(lambda: not wire.reaches(one, address, 80))


def test_an_endpoint_lets_through_what_its_policy_allows(ec2, aws, vpc, wire, inside):
    home, one = quiet(vpc)
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:List*", "Resource": "*"}]}
    ec2.create_vpc_endpoint(
        VpcId=home.id, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[home.table],
        PolicyDocument=json.dumps(policy),
    )  # fmt: skip
    assert wire.until(lambda: one in wire.names() and wire.reaches(one, wire.public(16), 80))
    s3 = inside("s3", one, wire.public(16))
    s3.list_buckets()
    with pytest.raises(ClientError) as refused:
        s3.create_bucket(Bucket="not-through-here")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_a_bucket_may_be_for_one_endpoint_alone(ec2, aws, vpc, wire, inside):
    home, one = quiet(vpc)
    made = ec2.create_vpc_endpoint(VpcId=home.id, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[home.table])[
        "VpcEndpoint"
    ]["VpcEndpointId"]
    outside = aws.client("s3")
    outside.create_bucket(Bucket="for-one-endpoint")
    outside.put_object(Bucket="for-one-endpoint", Key="k", Body=b"v")
    statement = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::for-one-endpoint/*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": made}},
    }  # fmt: skip
    outside.put_bucket_policy(
        Bucket="for-one-endpoint", Policy=json.dumps({"Version": "2012-10-17", "Statement": statement})
    )
    with pytest.raises(ClientError):
        outside.get_object(Bucket="for-one-endpoint", Key="k")
    assert wire.until(lambda: one in wire.names() and wire.reaches(one, wire.public(16), 80))
    found = inside("s3", one, wire.public(16)).get_object(Bucket="for-one-endpoint", Key="k")
    assert found["Body"].read() == b"v"


def test_an_interface_endpoint_has_the_name_of_its_service_and_groups(ec2, aws, vpc, wire, inside, asks):  # noqa: F811
    home, one = quiet(vpc)
    ec2.modify_vpc_attribute(VpcId=home.id, EnableDnsHostnames={"Value": True})
    (subnet,) = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [home.id]}])["Subnets"]
    group = ec2.create_security_group(GroupName="door", Description="door", VpcId=home.id)["GroupId"]
    ec2.create_vpc_endpoint(
        VpcId=home.id, ServiceName="com.amazonaws.us-east-1.sqs", VpcEndpointType="Interface",
        SubnetIds=[subnet["SubnetId"]], SecurityGroupIds=[group], PrivateDnsEnabled=True,
    )  # fmt: skip
    name = "sqs.us-east-1.amazonaws.com"
    assert wire.until(lambda: one in wire.names() and (asks(one, name) or [""])[0].startswith("10.0.0."))
    (address,) = asks(one, name)
    assert not wire.reaches(one, address, 80), "its group lets nobody in"
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    assert wire.until(lambda: wire.reaches(one, address, 80))
    made = inside("sqs", one, address).create_queue(QueueName="from-inside")
    assert made["QueueUrl"].endswith("/from-inside")
