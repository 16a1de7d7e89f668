"""Tags of EC2's resources, and what all its operations have in common."""

from __future__ import annotations

import pytest


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


def gateway(ec2, **tags):
    specification = [{"ResourceType": "carrier-gateway", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}]
    made = ec2.create_carrier_gateway(VpcId="vpc-1", TagSpecifications=specification if tags else [])
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
        ec2.create_carrier_gateway(VpcId="vpc-1", DryRun=True)
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
        ec2.create_carrier_gateway(VpcId="vpc-1", ClientToken="t")["CarrierGateway"]["CarrierGatewayId"] for _ in "12"
    )
    assert first == second
    with refused("IdempotentParameterMismatch"):
        ec2.create_carrier_gateway(VpcId="vpc-2", ClientToken="t")
