"""VPC peering: requests, answers, their time, and what cannot peer."""

from __future__ import annotations

import pytest


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


def vpc(ec2, block):
    return ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]


def state(ec2, what):
    return ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[what])["VpcPeeringConnections"][0]["Status"]


def test_a_request_is_accepted_and_tells_the_accepters_addresses_only_then(ec2, clock):
    one, two = vpc(ec2, "10.0.0.0/16"), vpc(ec2, "10.1.0.0/16")
    made = ec2.create_vpc_peering_connection(VpcId=one, PeerVpcId=two)["VpcPeeringConnection"]
    assert made["Status"]["Code"] == "initiating-request"
    assert "CidrBlock" not in made["AccepterVpcInfo"] and made["RequesterVpcInfo"]["CidrBlock"] == "10.0.0.0/16"
    what = made["VpcPeeringConnectionId"]
    clock.advance(1)
    assert state(ec2, what)["Code"] == "pending-acceptance"
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=what)
    clock.advance(1)
    [there] = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[what])["VpcPeeringConnections"]
    assert there["Status"] == {"Code": "active", "Message": "Active"}
    assert there["AccepterVpcInfo"]["CidrBlock"] == "10.1.0.0/16"
    ec2.get_waiter("vpc_peering_connection_exists").wait(VpcPeeringConnectionIds=[what])
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=what)
    clock.advance(1)
    assert state(ec2, what)["Code"] == "deleted"
    clock.advance(7201)
    assert ec2.describe_vpc_peering_connections()["VpcPeeringConnections"] == []


def test_overlapping_vpcs_and_missing_ones_fail(ec2):
    one, two = vpc(ec2, "10.0.0.0/16"), vpc(ec2, "10.0.128.0/17")
    for other in (two, "vpc-0123456789abcdef0", one):
        made = ec2.create_vpc_peering_connection(VpcId=one, PeerVpcId=other)["VpcPeeringConnection"]
        assert made["Status"]["Code"] == "failed"
        assert "overlapping CIDR range" in made["Status"]["Message"]


def test_a_request_expires_after_seven_days(ec2, clock, refused):
    made = ec2.create_vpc_peering_connection(VpcId=vpc(ec2, "10.0.0.0/16"), PeerVpcId=vpc(ec2, "10.1.0.0/16"))
    what = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    clock.advance(6 * 86400)
    assert state(ec2, what)["Code"] == "pending-acceptance"
    clock.advance(86400 + 1)
    assert state(ec2, what)["Code"] == "expired"
    with refused("InvalidStateTransition"):
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=what)


def test_the_other_account_in_another_region_accepts_and_each_tags_its_own_side(aws, cloud, clock, refused):
    other = cloud.account()
    here, there = aws.client("ec2"), other.client("ec2", "eu-west-1")
    made = here.create_vpc_peering_connection(
        VpcId=vpc(here, "10.0.0.0/16"),
        PeerVpcId=vpc(there, "10.1.0.0/16"),
        PeerOwnerId=other.id,
        PeerRegion="eu-west-1",
        TagSpecifications=[{"ResourceType": "vpc-peering-connection", "Tags": [{"Key": "Name", "Value": "mine"}]}],
    )["VpcPeeringConnection"]
    what = made["VpcPeeringConnectionId"]
    clock.advance(1)
    with refused("OperationNotPermitted"):
        here.accept_vpc_peering_connection(VpcPeeringConnectionId=what)
    assert there.describe_vpc_peering_connections()["VpcPeeringConnections"][0]["Tags"] == []
    there.create_tags(Resources=[what], Tags=[{"Key": "Name", "Value": "theirs"}])
    there.accept_vpc_peering_connection(VpcPeeringConnectionId=what)
    clock.advance(1)
    for client, name in ((here, "mine"), (there, "theirs")):
        [seen] = client.describe_vpc_peering_connections(Filters=[{"Name": "tag:Name", "Values": [name]}])[
            "VpcPeeringConnections"
        ]
        assert seen["Status"]["Code"] == "active" and seen["AccepterVpcInfo"]["Region"] == "eu-west-1"
    there.modify_vpc_peering_connection_options(
        VpcPeeringConnectionId=what, AccepterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": True}
    )
    [seen] = here.describe_vpc_peering_connections()["VpcPeeringConnections"]
    assert seen["AccepterVpcInfo"]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"] is True
    with refused("OperationNotPermitted"):
        here.modify_vpc_peering_connection_options(
            VpcPeeringConnectionId=what, AccepterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": False}
        )
    here.delete_vpc_peering_connection(VpcPeeringConnectionId=what)
    clock.advance(1)
    assert state(there, what)["Code"] == "deleted"


def test_an_account_waits_for_25_answers_at_most(ec2, cloud, clock, refused):
    one = vpc(ec2, "172.20.0.0/16")

    def ask(number):
        other = cloud.account()
        asked = {"PeerVpcId": vpc(other.client("ec2"), f"10.{number}.0.0/16"), "PeerOwnerId": other.id}
        ec2.create_vpc_peering_connection(VpcId=one, **asked)
        clock.advance(1)

    for number in range(25):
        ask(number)
    with refused("OutstandingVpcPeeringConnectionLimitExceeded"):
        ask(25)


def test_asking_again_gives_the_same_connection_and_rejecting_ends_it(ec2, clock, refused):
    one, two = vpc(ec2, "10.0.0.0/16"), vpc(ec2, "10.1.0.0/16")
    first, again = (ec2.create_vpc_peering_connection(VpcId=one, PeerVpcId=two)["VpcPeeringConnection"] for _ in "12")
    assert first["VpcPeeringConnectionId"] == again["VpcPeeringConnectionId"]
    clock.advance(1)
    ec2.reject_vpc_peering_connection(VpcPeeringConnectionId=first["VpcPeeringConnectionId"])
    assert state(ec2, first["VpcPeeringConnectionId"])["Code"] == "rejected"
    with refused("InvalidStateTransition"):
        ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=first["VpcPeeringConnectionId"])
