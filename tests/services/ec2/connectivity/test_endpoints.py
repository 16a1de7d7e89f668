"""VPC endpoints and PrivateLink services."""

from __future__ import annotations

import json

import pytest

BALANCER = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/front/0123456789abcdef"


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


def network(ec2, block="10.0.0.0/16", zones=("us-east-1a", "us-east-1b")):
    vpc = ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]
    start = block.split(".")
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"{start[0]}.{start[1]}.{n}.0/24", AvailabilityZone=zone)
        for n, zone in enumerate(zones)
    ]
    return vpc, [made["Subnet"]["SubnetId"] for made in subnets]


def test_the_services_that_there_are_have_aws_names_and_types(ec2, refused):
    found = ec2.describe_vpc_endpoint_services()
    assert "com.amazonaws.us-east-1.sqs" in found["ServiceNames"]
    types = {
        one["ServiceType"][0]["ServiceType"]
        for one in found["ServiceDetails"]
        if one["ServiceName"] == "com.amazonaws.us-east-1.s3"
    }
    assert types == {"Gateway", "Interface"}
    filters = [{"Name": "service-type", "Values": ["Gateway"]}]
    gateways = ec2.describe_vpc_endpoint_services(Filters=filters)["ServiceNames"]
    assert gateways == ["com.amazonaws.us-east-1.dynamodb", "com.amazonaws.us-east-1.s3"]
    [sqs] = ec2.describe_vpc_endpoint_services(ServiceNames=["com.amazonaws.us-east-1.sqs"])["ServiceDetails"]
    assert sqs["PrivateDnsName"] == "sqs.us-east-1.amazonaws.com" and sqs["Owner"] == "amazon"
    with refused("InvalidServiceName"):
        ec2.describe_vpc_endpoint_services(ServiceNames=["com.amazonaws.us-east-1.nonsense"])


def test_an_interface_endpoint_has_an_interface_in_each_subnet_and_names(ec2, clock, refused):
    vpc, subnets = network(ec2)
    asked = {"VpcId": vpc, "ServiceName": "com.amazonaws.us-east-1.sqs", "VpcEndpointType": "Interface"}
    with refused("InvalidParameter", "enableDnsHostnames"):
        ec2.create_vpc_endpoint(SubnetIds=subnets, **asked)
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    made = ec2.create_vpc_endpoint(SubnetIds=subnets, PrivateDnsEnabled=True, **asked)["VpcEndpoint"]
    assert made["State"] == "pending" and len(made["NetworkInterfaceIds"]) == 2
    names = [entry["DnsName"] for entry in made["DnsEntries"]]
    assert "sqs.us-east-1.amazonaws.com" in names and any("-us-east-1b.sqs.us-east-1.vpce." in name for name in names)
    with refused("InvalidParameter", "conflicting DNS domain"):
        ec2.create_vpc_endpoint(SubnetIds=subnets, PrivateDnsEnabled=True, **asked)
    clock.advance(2)
    what = made["VpcEndpointId"]
    ec2.modify_vpc_endpoint(VpcEndpointId=what, RemoveSubnetIds=subnets[:1], PrivateDnsEnabled=False)
    [there] = ec2.describe_vpc_endpoints(VpcEndpointIds=[what])["VpcEndpoints"]
    assert there["State"] == "available" and there["SubnetIds"] == subnets[1:] and not there["PrivateDnsEnabled"]
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=[what])["Unsuccessful"] == []
    clock.advance(2)
    assert ec2.describe_vpc_endpoints()["VpcEndpoints"] == []


def test_two_subnets_of_a_zone_are_refused(ec2, refused):
    vpc, subnets = network(ec2, zones=("us-east-1a", "us-east-1a"))
    with refused("DuplicateSubnetsInSameZone"):
        ec2.create_vpc_endpoint(
            VpcId=vpc,
            ServiceName="com.amazonaws.us-east-1.sns",
            VpcEndpointType="Interface",
            SubnetIds=subnets,
            PrivateDnsEnabled=False,
        )


def test_policies_are_the_default_one_or_what_is_given(ec2, refused):
    vpc, _ = network(ec2)
    asked = {"VpcId": vpc, "ServiceName": "com.amazonaws.us-east-1.s3"}
    what = ec2.create_vpc_endpoint(**asked)["VpcEndpoint"]["VpcEndpointId"]

    def policy():
        return json.loads(ec2.describe_vpc_endpoints(VpcEndpointIds=[what])["VpcEndpoints"][0]["PolicyDocument"])

    assert policy()["Statement"][0]["Action"] == "*"
    narrow = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}]}
    ec2.modify_vpc_endpoint(VpcEndpointId=what, PolicyDocument=json.dumps(narrow))
    assert policy() == narrow
    with refused("InvalidPolicyDocument"):
        ec2.modify_vpc_endpoint(VpcEndpointId=what, PolicyDocument="{nonsense")
    ec2.modify_vpc_endpoint(VpcEndpointId=what, ResetPolicy=True)
    assert policy()["Statement"][0]["Action"] == "*"


def test_a_vpc_with_endpoints_is_not_deleted(ec2, refused):
    vpc, _ = network(ec2, zones=())
    what = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3")["VpcEndpoint"]["VpcEndpointId"]
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[what])
    ec2.delete_vpc(VpcId=vpc)


def test_an_account_offers_a_service_and_another_one_connects_when_it_may(aws, cloud, clock, refused):
    owner, user = aws.client("ec2"), cloud.account()
    consumer = user.client("ec2")
    service = owner.create_vpc_endpoint_service_configuration(
        AcceptanceRequired=True, NetworkLoadBalancerArns=[BALANCER]
    )["ServiceConfiguration"]
    clock.advance(2)
    topic = aws.client("sns").create_topic(Name="endpoints")["TopicArn"]
    queue = aws.client("sqs").create_queue(QueueName="told")["QueueUrl"]
    arn = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}]}
    aws.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(allow)})
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    open_topic = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": topic}]}
    aws.client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(open_topic)
    )
    owner.create_vpc_endpoint_connection_notification(
        ServiceId=service["ServiceId"], ConnectionNotificationArn=topic, ConnectionEvents=["Connect", "Delete"]
    )
    vpc, subnets = network(consumer)
    asked = {
        "VpcId": vpc,
        "ServiceName": service["ServiceName"],
        "VpcEndpointType": "Interface",
        "SubnetIds": subnets,
    }
    with refused("InvalidServiceName"):
        consumer.create_vpc_endpoint(**asked)
    added = owner.modify_vpc_endpoint_service_permissions(
        ServiceId=service["ServiceId"], AddAllowedPrincipals=[f"arn:aws:iam::{user.id}:root"]
    )["AddedPrincipals"]
    assert [one["PrincipalType"] for one in added] == ["Account"]
    made = consumer.create_vpc_endpoint(**asked)["VpcEndpoint"]
    assert made["State"] == "pendingAcceptance"
    [connection] = owner.describe_vpc_endpoint_connections()["VpcEndpointConnections"]
    assert connection["VpcEndpointOwner"] == user.id and connection["VpcEndpointState"] == "pendingAcceptance"
    refusal = owner.delete_vpc_endpoint_service_configurations(ServiceIds=[service["ServiceId"]])["Unsuccessful"]
    assert refusal[0]["Error"]["Code"] == "ExistingVpcEndpointConnections"
    owner.accept_vpc_endpoint_connections(ServiceId=service["ServiceId"], VpcEndpointIds=[made["VpcEndpointId"]])
    clock.advance(2)
    [there] = consumer.describe_vpc_endpoints()["VpcEndpoints"]
    assert there["State"] == "available"
    owner.reject_vpc_endpoint_connections(ServiceId=service["ServiceId"], VpcEndpointIds=[made["VpcEndpointId"]])
    assert consumer.describe_vpc_endpoints()["VpcEndpoints"][0]["State"] == "rejected"
    consumer.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    clock.advance(2)
    assert owner.describe_vpc_endpoint_connections()["VpcEndpointConnections"] == []
    bodies = []
    while messages := aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            bodies.append(json.loads(json.loads(message["Body"])["Message"])["Event"])
            aws.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert sorted(bodies) == ["Connect", "Delete"]
    owner.delete_vpc_endpoint_service_configurations(ServiceIds=[service["ServiceId"]])
    clock.advance(2)
    assert owner.describe_vpc_endpoint_service_configurations()["ServiceConfigurations"] == []
