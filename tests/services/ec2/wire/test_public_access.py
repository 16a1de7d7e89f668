"""Block Public Access really blocks."""

from __future__ import annotations


def test_what_an_account_blocks_neither_comes_in_nor_goes_out_but_for_exclusions(ec2, vpc, wire):
    home = vpc("10.8.0.0/16")
    home.open()
    home.gateway()
    subnet = home.subnet(0)
    one = home.instance(subnet, public=True)
    address = ec2.describe_instances(InstanceIds=[one])["Reservations"][0]["Instances"][0]["PublicIpAddress"]
    assert wire.soon("internet", one, address)
    ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode="block-bidirectional")
    assert wire.cut("internet", one, address)
    assert not wire.connects(one, "internet", wire.public(1))
    made = ec2.create_vpc_block_public_access_exclusion(
        SubnetId=subnet, InternetGatewayExclusionMode="allow-bidirectional"
    )["VpcBlockPublicAccessExclusion"]
    assert wire.soon("internet", one, address)
    ec2.delete_vpc_block_public_access_exclusion(ExclusionId=made["ExclusionId"])
    assert wire.cut("internet", one, address)
    ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode="off")
    assert wire.soon(one, "internet", wire.public(1))
