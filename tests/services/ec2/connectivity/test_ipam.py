"""IPAM: scopes, pools, their blocks and allocations; and what it sees of VPCs."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.services.ec2.connectivity import ipam_space


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


@pytest.fixture
def ipam(ec2, clock):
    made = ec2.create_ipam(OperatingRegions=[{"RegionName": "us-east-1"}])["Ipam"]
    assert made["State"] == "create-in-progress" and made["ScopeCount"] == 2
    clock.advance(2)
    return ec2.describe_ipams()["Ipams"][0]


def pool(ec2, clock, scope, cidr="", length=None, **asked):
    made = ec2.create_ipam_pool(IpamScopeId=scope, AddressFamily="ipv4", **asked)["IpamPool"]["IpamPoolId"]
    clock.advance(2)
    if cidr:
        ec2.provision_ipam_pool_cidr(IpamPoolId=made, Cidr=cidr)
    if length:
        ec2.provision_ipam_pool_cidr(IpamPoolId=made, NetmaskLength=length)
    return made


def test_an_ipam_has_two_default_scopes_and_a_discovery_of_its_own(ec2, ipam, refused):
    assert ipam["State"] == "create-complete"
    scopes = {scope["IpamScopeType"]: scope for scope in ec2.describe_ipam_scopes()["IpamScopes"]}
    assert scopes["private"]["IpamScopeId"] == ipam["PrivateDefaultScopeId"]
    assert all(scope["IsDefault"] for scope in scopes.values())
    [discovery] = ec2.describe_ipam_resource_discoveries()["IpamResourceDiscoveries"]
    assert discovery["IpamResourceDiscoveryId"] == ipam["DefaultResourceDiscoveryId"] and discovery["IsDefault"]
    with refused("InvalidParameterValue"):
        ec2.delete_ipam_scope(IpamScopeId=ipam["PublicDefaultScopeId"])


def test_pools_take_their_blocks_from_the_pool_above(ec2, ipam, clock, refused):
    scope = ipam["PrivateDefaultScopeId"]
    top = pool(ec2, clock, scope, "10.0.0.0/8")
    child = pool(ec2, clock, scope, length=16, SourceIpamPoolId=top, Locale="us-east-1")
    assert [one["Cidr"] for one in ec2.get_ipam_pool_cidrs(IpamPoolId=child)["IpamPoolCidrs"]] == ["10.0.0.0/16"]
    sibling = pool(ec2, clock, scope, length=16, SourceIpamPoolId=top, Locale="us-east-1")
    assert [one["Cidr"] for one in ec2.get_ipam_pool_cidrs(IpamPoolId=sibling)["IpamPoolCidrs"]] == ["10.1.0.0/16"]
    given_out = ec2.get_ipam_pool_allocations(IpamPoolId=top)["IpamPoolAllocations"]
    assert {(one["Cidr"], one["ResourceType"], one["ResourceId"]) for one in given_out} == {
        ("10.0.0.0/16", "ipam-pool", child),
        ("10.1.0.0/16", "ipam-pool", sibling),
    }
    with refused("InvalidParameterValue", "overlaps"):
        other = ec2.create_ipam_pool(IpamScopeId=scope, AddressFamily="ipv4")["IpamPool"]["IpamPoolId"]
        ec2.provision_ipam_pool_cidr(IpamPoolId=other, Cidr="10.200.0.0/16")
    with refused("DependencyViolation"):
        ec2.delete_ipam_pool(IpamPoolId=top)
    ec2.deprovision_ipam_pool_cidr(IpamPoolId=child, Cidr="10.0.0.0/16")
    ec2.delete_ipam_pool(IpamPoolId=child)
    left = ec2.get_ipam_pool_allocations(IpamPoolId=top)["IpamPoolAllocations"]
    assert [one["ResourceId"] for one in left] == [sibling]


def test_allocations_follow_the_pools_rules(ec2, ipam, clock, refused):
    what = pool(
        ec2,
        clock,
        ipam["PrivateDefaultScopeId"],
        "10.0.0.0/20",
        AllocationMinNetmaskLength=22,
        AllocationMaxNetmaskLength=26,
        AllocationDefaultNetmaskLength=24,
    )
    first = ec2.allocate_ipam_pool_cidr(IpamPoolId=what)["IpamPoolAllocation"]
    assert first["Cidr"] == "10.0.0.0/24" and first["ResourceType"] == "custom"
    assert ec2.allocate_ipam_pool_cidr(IpamPoolId=what, Cidr="10.0.4.0/22")["IpamPoolAllocation"]
    preview = ec2.allocate_ipam_pool_cidr(IpamPoolId=what, NetmaskLength=22, PreviewNextCidr=True)
    assert preview["IpamPoolAllocation"]["Cidr"] == "10.0.8.0/22"
    barred = ec2.allocate_ipam_pool_cidr(IpamPoolId=what, NetmaskLength=24, DisallowedCidrs=["10.0.1.0/24"])
    assert barred["IpamPoolAllocation"]["Cidr"] == "10.0.2.0/24"
    for bad in ({"NetmaskLength": 21}, {"NetmaskLength": 27}, {"Cidr": "10.0.0.0/25"}, {"Cidr": "10.1.0.0/24"}):
        with refused("InvalidParameterValue"):
            ec2.allocate_ipam_pool_cidr(IpamPoolId=what, **bad)
    ec2.allocate_ipam_pool_cidr(IpamPoolId=what, NetmaskLength=22)
    ec2.allocate_ipam_pool_cidr(IpamPoolId=what, NetmaskLength=22)
    with refused("InsufficientCidrBlocks"):
        ec2.allocate_ipam_pool_cidr(IpamPoolId=what, NetmaskLength=22)
    allocation = {"Cidr": first["Cidr"], "IpamPoolAllocationId": first["IpamPoolAllocationId"]}
    ec2.release_ipam_pool_allocation(IpamPoolId=what, **allocation)
    with refused("InvalidIpamPoolAllocationId.NotFound"):
        ec2.release_ipam_pool_allocation(IpamPoolId=what, **allocation)


def test_a_vpc_takes_its_block_from_a_pool_and_gives_it_back(ec2, ipam, clock, refused):
    scope = ipam["PrivateDefaultScopeId"]
    top = pool(ec2, clock, scope, "10.0.0.0/8")
    what = pool(ec2, clock, scope, length=12, SourceIpamPoolId=top, Locale="us-east-1")
    vpc = ec2.create_vpc(Ipv4IpamPoolId=what, Ipv4NetmaskLength=20)["Vpc"]
    assert vpc["CidrBlock"] == "10.0.0.0/20"
    [allocation] = ec2.get_ipam_pool_allocations(IpamPoolId=what)["IpamPoolAllocations"]
    assert (allocation["ResourceType"], allocation["ResourceId"]) == ("vpc", vpc["VpcId"])
    added = ec2.associate_vpc_cidr_block(VpcId=vpc["VpcId"], Ipv4IpamPoolId=what, Ipv4NetmaskLength=24)
    assert added["CidrBlockAssociation"]["CidrBlock"] == "10.0.16.0/24"
    seen = ec2.get_ipam_resource_cidrs(IpamScopeId=scope, ResourceId=vpc["VpcId"])["IpamResourceCidrs"]
    assert {cidr["ManagementState"] for cidr in seen} == {"managed"}
    with refused("InvalidParameterValue"):
        ec2.create_vpc(Ipv4IpamPoolId=top, Ipv4NetmaskLength=20)
    ec2.disassociate_vpc_cidr_block(AssociationId=added["CidrBlockAssociation"]["AssociationId"])
    ec2.delete_vpc(VpcId=vpc["VpcId"])
    assert ec2.get_ipam_pool_allocations(IpamPoolId=what)["IpamPoolAllocations"] == []


def test_another_account_takes_blocks_from_a_shared_pool(aws, cloud, ec2, ipam, clock, refused):
    other = cloud.account()
    what = pool(ec2, clock, ipam["PrivateDefaultScopeId"], "10.0.0.0/8", Locale="us-east-1")
    theirs = other.client("ec2")
    with refused("InvalidIpamPoolId.NotFound"):
        theirs.create_vpc(Ipv4IpamPoolId=what, Ipv4NetmaskLength=16)
    arn = ec2.describe_ipam_pools()["IpamPools"][0]["IpamPoolArn"]
    aws.client("ram").create_resource_share(name="pool", resourceArns=[arn], principals=[other.id])
    ram = other.client("ram")
    for invitation in ram.get_resource_share_invitations()["resourceShareInvitations"]:
        ram.accept_resource_share_invitation(resourceShareInvitationArn=invitation["resourceShareInvitationArn"])
    assert [one["IpamPoolId"] for one in theirs.describe_ipam_pools()["IpamPools"]] == [what]
    vpc = theirs.create_vpc(Ipv4IpamPoolId=what, Ipv4NetmaskLength=16)["Vpc"]
    [allocation] = ec2.get_ipam_pool_allocations(IpamPoolId=what)["IpamPoolAllocations"]
    assert (allocation["ResourceId"], allocation["ResourceOwner"]) == (vpc["VpcId"], other.id)
    theirs.delete_vpc(VpcId=vpc["VpcId"])
    assert ec2.get_ipam_pool_allocations(IpamPoolId=what)["IpamPoolAllocations"] == []


def test_public_addresses_are_discovered_and_tokens_expire(ec2, ipam, clock):
    address = ec2.allocate_address(Domain="vpc")
    found = ec2.get_ipam_discovered_public_addresses(
        IpamResourceDiscoveryId=ipam["DefaultResourceDiscoveryId"], AddressRegion="us-east-1"
    )["IpamDiscoveredPublicAddresses"]
    assert [(one["Address"], one["AssociationStatus"]) for one in found] == [(address["PublicIp"], "disassociated")]
    ec2.create_ipam_external_resource_verification_token(IpamId=ipam["IpamId"])
    clock.advance(2)

    def status():
        tokens = ec2.describe_ipam_external_resource_verification_tokens()
        return tokens["IpamExternalResourceVerificationTokens"][0]["Status"]

    assert status() == "valid"
    clock.advance(3 * 86400)
    assert status() == "expired"


def test_it_sees_vpcs_that_overlap_and_how_full_they_are(ec2, ipam):
    one = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    two = ec2.create_vpc(CidrBlock="10.0.0.0/20")["Vpc"]["VpcId"]
    three = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=three, CidrBlock="10.9.0.0/18")
    seen = ec2.get_ipam_resource_cidrs(IpamScopeId=ipam["PrivateDefaultScopeId"], ResourceType="vpc")
    status = {cidr["ResourceId"]: (cidr["OverlapStatus"], cidr["IpUsage"]) for cidr in seen["IpamResourceCidrs"]}
    assert status[one] == ("overlapping", 0.0) and status[two] == ("overlapping", 0.0)
    assert status[three] == ("nonoverlapping", 0.25)
    ec2.modify_ipam_resource_cidr(
        ResourceId=two,
        ResourceCidr="10.0.0.0/20",
        ResourceRegion="us-east-1",
        CurrentIpamScopeId=ipam["PrivateDefaultScopeId"],
        Monitored=False,
    )
    seen = ec2.get_ipam_resource_cidrs(IpamScopeId=ipam["PrivateDefaultScopeId"], ResourceType="vpc")
    status = {cidr["ResourceId"]: cidr["OverlapStatus"] for cidr in seen["IpamResourceCidrs"]}
    assert status[one] == "nonoverlapping" and status[two] == "ignored"


def test_an_ipam_is_deleted_with_what_it_has_only_when_that_is_said(ec2, ipam, clock, refused):
    pool(ec2, clock, ipam["PrivateDefaultScopeId"], "10.0.0.0/8")
    with refused("DependencyViolation"):
        ec2.delete_ipam(IpamId=ipam["IpamId"])
    ec2.delete_ipam(IpamId=ipam["IpamId"], Cascade=True)
    clock.advance(2)
    assert ec2.describe_ipams()["Ipams"] == []
    assert ec2.describe_ipam_pools()["IpamPools"] == []
    assert ec2.describe_ipam_scopes()["IpamScopes"] == []
    assert ec2.describe_ipam_resource_discoveries()["IpamResourceDiscoveries"] == []


def blocks(within="10.0.0.0/24", longest=30):
    space = IPv4Network(within)
    lengths = st.integers(space.prefixlen, longest)
    return lengths.flatmap(lambda length: st.sampled_from([*space.subnets(new_prefix=length)]))


@given(st.lists(blocks(), max_size=8), st.integers(24, 30))
def test_the_first_free_block_is_what_looking_at_every_block_finds(taken, length):
    space = ip_network("10.0.0.0/24")
    naive = next((one for one in space.subnets(new_prefix=length) if not any(one.overlaps(t) for t in taken)), None)
    assert ipam_space.first_free([space], taken, length) == naive


@given(st.lists(blocks(), max_size=8))
def test_the_part_that_is_used_is_that_of_the_addresses(taken):
    space = ip_network("10.0.0.0/24")
    used = {address for one in taken for address in one}
    assert ipam_space.share([space], taken) == len(used) / 256
