"""Tags of EC2's resources, and what all its operations have in common."""

from __future__ import annotations

import pytest


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


def default(ec2):
    """The id of the default VPC."""
    return ec2.describe_vpcs()["Vpcs"][0]["VpcId"]


def gateway(ec2, **tags):
    specification = [{"ResourceType": "carrier-gateway", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}]
    made = ec2.create_carrier_gateway(VpcId=default(ec2), TagSpecifications=specification if tags else [])
    return made["CarrierGateway"]


def test_tags_come_with_the_creation_and_are_described(ec2):
    made = gateway(ec2, Name="a", team="x")
    assert made["CarrierGatewayId"].startswith("cagw-") and len(made["CarrierGatewayId"]) == 5 + 17
    assert {tag["Key"]: tag["Value"] for tag in made["Tags"]} == {"Name": "a", "team": "x"}
    filters = [{"Name": "resource-id", "Values": [made["CarrierGatewayId"]]}]
    tags = ec2.describe_tags(Filters=filters)["Tags"]
    assert {(tag["Key"], tag["Value"], tag["ResourceType"]) for tag in tags} == {
        ("Name", "a", "carrier-gateway"),
        ("team", "x", "carrier-gateway"),
    }


def test_tags_are_added_replaced_and_removed_by_key_or_by_value(ec2):
    what = gateway(ec2, Name="a")["CarrierGatewayId"]
    ec2.create_tags(Resources=[what], Tags=[{"Key": "Name", "Value": "b"}, {"Key": "k", "Value": "v"}])
    ec2.delete_tags(Resources=[what], Tags=[{"Key": "Name", "Value": "a"}, {"Key": "k"}])
    assert [(tag["Key"], tag["Value"]) for tag in ec2.describe_tags()["Tags"]] == [("Name", "b")]
    ec2.delete_tags(Resources=[what])
    assert ec2.describe_tags()["Tags"] == []


def test_reserved_names_and_unknown_resources_are_refused_and_change_nothing(ec2, refused):
    what = gateway(ec2)["CarrierGatewayId"]
    with refused("InvalidParameterValue"):
        ec2.create_tags(Resources=[what], Tags=[{"Key": "good", "Value": "1"}, {"Key": "aws:bad", "Value": "1"}])
    with refused("InvalidID"):
        ec2.create_tags(Resources=[what, "nothing-1"], Tags=[{"Key": "good", "Value": "1"}])
    with refused("InvalidCarrierGatewayID.NotFound"):
        ec2.create_tags(Resources=["cagw-0123456789abcdef0"], Tags=[{"Key": "good", "Value": "1"}])
    assert ec2.describe_tags()["Tags"] == []


def test_a_dry_run_says_that_it_would_succeed_and_does_nothing(ec2, refused):
    with refused("DryRunOperation", "Request would have succeeded, but DryRun flag is set."):
        ec2.create_carrier_gateway(VpcId=default(ec2), DryRun=True)
    assert ec2.describe_carrier_gateways()["CarrierGateways"] == []


def test_describing_takes_ids_filters_with_wildcards_and_pages(ec2, refused):
    made = [gateway(ec2, Name=f"n{number}")["CarrierGatewayId"] for number in range(7)]
    one = ec2.describe_carrier_gateways(CarrierGatewayIds=[made[3]])["CarrierGateways"]
    assert [gateway["CarrierGatewayId"] for gateway in one] == [made[3]]
    named = [{"Name": "tag:Name", "Values": ["n[", "n1", "?2"]}]
    assert len(ec2.describe_carrier_gateways(Filters=named)["CarrierGateways"]) == 2
    pages = ec2.get_paginator("describe_carrier_gateways").paginate(PaginationConfig={"PageSize": 5})
    assert sorted(g["CarrierGatewayId"] for page in pages for g in page["CarrierGateways"]) == sorted(made)
    with refused("InvalidCarrierGatewayID.NotFound"):
        ec2.describe_carrier_gateways(CarrierGatewayIds=["cagw-0123456789abcdef0"])
    with refused("InvalidParameterValue", "The filter 'nonsense' is invalid"):
        ec2.describe_carrier_gateways(Filters=[{"Name": "nonsense", "Values": ["x"]}])


def test_a_client_token_makes_one_thing_only(ec2, refused):
    first, second = (
        ec2.create_carrier_gateway(VpcId=default(ec2), ClientToken="t")["CarrierGateway"]["CarrierGatewayId"]
        for _ in "12"
    )
    assert first == second
    with refused("IdempotentParameterMismatch"):
        ec2.create_carrier_gateway(VpcId="vpc-2", ClientToken="t")


BROKEN = [
    ("describe_volumes", {"MaxResults": -1}, "InvalidParameterValue"),
    ("describe_instances", {"MaxResults": -1}, "InvalidParameterValue"),
    ("describe_instance_status", {"InstanceIds": ["i-1"], "MaxResults": 5}, "InvalidParameterCombination"),
    ("describe_network_interfaces", {"NetworkInterfaceIds": ["eni-1"], "MaxResults": 5}, "InvalidParameterCombination"),
    ("create_tags", {"Resources": ["i-0123456789abcdef0"], "Tags": [{"Value": "abc"}]}, "InvalidParameterValue"),
    ("allocate_address", {"Address": "{}"}, "InvalidAddress.NotFound"),
    ("create_instance_event_window", {"TimeRanges": [{"EndWeekDay": "monday"}]}, "MissingParameter"),
    ("describe_image_references", {"ImageIds": ["ami-1"], "ResourceTypes": [{}]}, "MissingParameter"),
    ("describe_launch_template_versions", {"LaunchTemplateName": "web", "MaxVersion": "x"}, "InvalidParameterValue"),
    (
        "create_capacity_reservation_fleet",
        {"InstanceTypeSpecifications": [{"Weight": 0.5}], "TotalTargetCapacity": 1},
        "MissingParameter",
    ),
    (
        "attach_network_interface",
        {"NetworkInterfaceId": "{eni}", "InstanceId": "{eni}", "DeviceIndex": 1},
        "InvalidInstanceID.NotFound",
    ),
]


@pytest.mark.parametrize(("operation", "members", "code"), BROKEN, ids=[f"{one[0]}-{one[2]}" for one in BROKEN])
def test_what_is_broken_inside_is_the_callers_error(ec2, refused, operation, members, code):
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"InstanceType": "t3.micro"})
    if "NetworkInterfaceId" in members:
        subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        made = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        members = {name: made if value == "{eni}" else value for name, value in members.items()}
    with refused(code):
        getattr(ec2, operation)(**members)


def test_what_has_no_tags_does_not_tell_of_any(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.0.0.0/24")["Subnet"]
    ec2.allocate_address()
    (address,) = ec2.describe_addresses()["Addresses"]
    assert not any("Tags" in one for one in (vpc, subnet, address))
    assert ec2.describe_addresses(Filters=[{"Name": "tag:Name", "Values": ["*"]}])["Addresses"] == []


def test_a_verified_access_instance_shows_its_sub_domain(ec2):
    made = ec2.create_verified_access_instance(CidrEndpointsCustomSubDomain="in.example.com")["VerifiedAccessInstance"]
    assert made["CidrEndpointsCustomSubDomain"]["SubDomain"] == "in.example.com"
    assert ec2.describe_verified_access_instances()["VerifiedAccessInstances"] == [made]


def test_a_carrier_gateway_is_of_a_vpc_that_is_there(ec2, refused):
    with refused("InvalidVpcID.NotFound"):
        ec2.create_carrier_gateway(VpcId="vpc-0123456789abcdef0")


def test_a_trust_provider_keeps_the_secret_of_a_native_client_to_itself(ec2):
    options = {"ClientId": "app", "ClientSecret": "hush", "Issuer": "https://id.example.com"}
    asked = {"TrustProviderType": "user", "UserTrustProviderType": "oidc", "PolicyReferenceName": "idp"}
    made = ec2.create_verified_access_trust_provider(**asked, NativeApplicationOidcOptions=options)
    told = made["VerifiedAccessTrustProvider"]["NativeApplicationOidcOptions"]
    assert told == {"ClientId": "app", "Issuer": "https://id.example.com"}
