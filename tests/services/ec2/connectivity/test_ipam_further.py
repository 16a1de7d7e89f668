"""IPAM beyond pools: policies, resolvers of prefix lists, ranges of one's own, registries, and what it remembers."""

from __future__ import annotations

import base64
import json
import re

import pytest
from cryptography import x509

CONTEXT = {"Message": "m", "Signature": "s"}
OWN = "203.0.113.0/24"


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


@pytest.fixture
def ipam(ec2, clock):
    made = ec2.create_ipam(OperatingRegions=[{"RegionName": "us-east-1"}, {"RegionName": "us-west-2"}])["Ipam"]
    clock.advance(2)
    return made


def pool(ec2, clock, scope, cidr="", length=None, family="ipv4", **asked):
    made = ec2.create_ipam_pool(IpamScopeId=scope, AddressFamily=family, **asked)["IpamPool"]["IpamPoolId"]
    clock.advance(2)
    if cidr:
        context = {"CidrAuthorizationContext": CONTEXT} if asked.get("PubliclyAdvertisable") else {}
        ec2.provision_ipam_pool_cidr(IpamPoolId=made, Cidr=cidr, **context)
    if length:
        ec2.provision_ipam_pool_cidr(IpamPoolId=made, NetmaskLength=length)
    return made


def public(ec2, clock, ipam, **asked):
    scope = ipam["PublicDefaultScopeId"]
    return pool(ec2, clock, scope, Locale="us-east-1", AwsService="ec2", **asked)


def allocations(ec2, what):
    return {
        (one["Cidr"], one["ResourceType"], one["ResourceId"])
        for one in ec2.get_ipam_pool_allocations(IpamPoolId=what)["IpamPoolAllocations"]
    }


def test_elastic_addresses_come_out_of_the_pools_that_a_policy_names(aws, ec2, ipam, clock, refused):
    what = public(ec2, clock, ipam, length=30, PublicIpSource="amazon")
    named = ec2.allocate_address(IpamPoolId=what)
    assert named["PublicIpv4Pool"] == what
    assert allocations(ec2, what) == {(f"{named['PublicIp']}/32", "eip", named["AllocationId"])}
    with refused("InvalidParameterCombination"):
        ec2.allocate_address(IpamPoolId=what, PublicIpv4Pool=what)

    policy = ec2.create_ipam_policy(IpamId=ipam["IpamId"])["IpamPolicy"]["IpamPolicyId"]
    assert not ec2.get_enabled_ipam_policy()["IpamPolicyEnabled"]
    rules = {"IpamPolicyId": policy, "Locale": "us-east-1", "ResourceType": "eip"}
    with refused("InvalidParameterValue", "locale"):
        ec2.modify_ipam_policy_allocation_rules(
            **rules | {"Locale": "us-west-2"}, AllocationRules=[{"SourceIpamPoolId": what}]
        )
    ec2.modify_ipam_policy_allocation_rules(**rules, AllocationRules=[{"SourceIpamPoolId": what}])
    [document] = ec2.get_ipam_policy_allocation_rules(IpamPolicyId=policy)["IpamPolicyDocuments"]
    assert document["AllocationRules"] == [{"SourceIpamPoolId": what}]
    plain = ec2.allocate_address()  # it is not enabled yet
    assert plain["PublicIpv4Pool"] == "amazon"
    ec2.release_address(AllocationId=plain["AllocationId"])
    ec2.enable_ipam_policy(IpamPolicyId=policy)
    assert ec2.get_enabled_ipam_policy()["ManagedBy"] == "account"
    with refused("DependencyViolation"):
        ec2.delete_ipam_policy(IpamPolicyId=policy)
    with refused("UnsupportedOperation", "delegated administrator"):
        ec2.enable_ipam_policy(IpamPolicyId=policy, OrganizationTargetId="r-abcd")
    got = [ec2.allocate_address() for _ in range(3)]
    assert [one["PublicIpv4Pool"] for one in got] == [what] * 3
    assert ec2.allocate_address(PublicIpv4Pool="amazon")["PublicIpv4Pool"] == "amazon"
    ec2.release_address(AllocationId=named["AllocationId"])
    assert len(allocations(ec2, what)) == 3
    assert ec2.allocate_address()["PublicIp"] == named["PublicIp"]
    ec2.release_address(PublicIp=named["PublicIp"])
    clock.advance(2)
    ec2.disable_ipam_policy(IpamPolicyId=policy)
    assert ec2.allocate_address()["PublicIpv4Pool"] == "amazon"
    assert ec2.describe_ipam_policies(IpamPolicyIds=[policy])["IpamPolicies"][0]["State"] == "create-complete"
    assert ec2.get_ipam_policy_organization_targets(IpamPolicyId=policy)["OrganizationTargets"] == []
    ec2.delete_ipam_policy(IpamPolicyId=policy)


def test_subnets_are_planned_in_pools_of_their_vpcs_addresses(ec2, ipam, clock, refused):
    scope = ipam["PrivateDefaultScopeId"]
    top = pool(ec2, clock, scope, "10.0.0.0/8", Locale="us-east-1")
    vpc = ec2.create_vpc(Ipv4IpamPoolId=top, Ipv4NetmaskLength=20)["Vpc"]
    source = {"ResourceId": vpc["VpcId"], "ResourceType": "vpc", "ResourceRegion": "us-east-1"}
    plan = pool(ec2, clock, scope, SourceIpamPoolId=top, SourceResource=source, AllocationDefaultNetmaskLength=24)
    with refused("InvalidParameterValue", "not associated"):
        ec2.provision_ipam_pool_cidr(IpamPoolId=plan, Cidr="10.1.0.0/20")
    ec2.provision_ipam_pool_cidr(IpamPoolId=plan, Cidr=vpc["CidrBlock"])
    ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.0.0.0/24")
    made = ec2.create_subnet(VpcId=vpc["VpcId"], Ipv4IpamPoolId=plan)["Subnet"]
    assert made["CidrBlock"] == "10.0.1.0/24"  # what has no plan is left alone
    assert allocations(ec2, plan) == {("10.0.1.0/24", "subnet", made["SubnetId"])}
    smaller = ec2.create_subnet(VpcId=vpc["VpcId"], Ipv4IpamPoolId=plan, Ipv4NetmaskLength=26)["Subnet"]
    assert smaller["CidrBlock"] == "10.0.2.0/26"
    with refused("InvalidParameterValue", "for the subnets"):
        ec2.create_vpc(Ipv4IpamPoolId=plan, Ipv4NetmaskLength=24)
    with refused("InvalidParameterValue", "not a pool"):
        ec2.create_subnet(VpcId=vpc["VpcId"], Ipv4IpamPoolId=top, Ipv4NetmaskLength=24)
    ec2.delete_subnet(SubnetId=made["SubnetId"])
    assert allocations(ec2, plan) == {("10.0.2.0/26", "subnet", smaller["SubnetId"])}

    six = pool(
        ec2, clock, ipam["PublicDefaultScopeId"], family="ipv6", Locale="us-east-1", PublicIpSource="amazon", length=52
    )
    joined = ec2.associate_vpc_cidr_block(VpcId=vpc["VpcId"], Ipv6IpamPoolId=six, Ipv6NetmaskLength=56)
    assert joined["Ipv6CidrBlockAssociation"]["IpSource"] == "amazon"


def test_a_resolver_fills_prefix_lists_with_what_its_rules_choose(ec2, ipam, clock, refused):
    rules = [
        {"RuleType": "static-cidr", "StaticCidr": "192.0.2.0/24"},
        {
            "RuleType": "ipam-resource-cidr",
            "IpamScopeId": ipam["PrivateDefaultScopeId"],
            "ResourceType": "vpc",
            "Conditions": [
                {"Operation": "equals", "ResourceTag": {"Key": "env", "Value": "prod"}},
                {"Operation": "subnet-of", "Cidr": "10.0.0.0/8"},
            ],
        },
    ]
    asked = {"IpamId": ipam["IpamId"], "AddressFamily": "ipv4"}
    with refused("InvalidParameterValue"):
        ec2.create_ipam_prefix_list_resolver(
            **asked, Rules=[{"RuleType": "static-cidr", "StaticCidr": "2001:db8::/32"}]
        )
    made = ec2.create_ipam_prefix_list_resolver(**asked, Rules=rules)["IpamPrefixListResolver"]
    what = made["IpamPrefixListResolverId"]
    assert made["LastVersionCreationStatus"] == "success"
    assert ec2.get_ipam_prefix_list_resolver_rules(IpamPrefixListResolverId=what)["Rules"] == rules

    lists = [
        ec2.create_managed_prefix_list(PrefixListName=name, MaxEntries=2, AddressFamily="IPv4")["PrefixList"][
            "PrefixListId"
        ]
        for name in ("latest", "first")
    ]
    targets = [
        ec2.create_ipam_prefix_list_resolver_target(
            IpamPrefixListResolverId=what, PrefixListId=list_id, PrefixListRegion="us-east-1", **tracking
        )["IpamPrefixListResolverTarget"]["IpamPrefixListResolverTargetId"]
        for list_id, tracking in zip(
            lists, ({"TrackLatestVersion": True}, {"TrackLatestVersion": False, "DesiredVersion": 1}), strict=True
        )
    ]

    def entries(list_id):
        return {one["Cidr"] for one in ec2.get_managed_prefix_list_entries(PrefixListId=list_id)["Entries"]}

    def told(target):
        asked = ec2.describe_ipam_prefix_list_resolver_targets(IpamPrefixListResolverTargetIds=[target])
        return asked["IpamPrefixListResolverTargets"][0]

    clock.advance(2)
    assert entries(lists[0]) == entries(lists[1]) == {"192.0.2.0/24"}
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "env", "Value": "prod"}]}]
    ec2.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=tags)
    ec2.create_vpc(CidrBlock="10.2.0.0/16")
    ec2.create_vpc(CidrBlock="172.16.0.0/16", TagSpecifications=tags)
    clock.advance(3)
    assert entries(lists[0]) == {"192.0.2.0/24", "10.1.0.0/16"}
    assert entries(lists[1]) == {"192.0.2.0/24"}
    asked = {"IpamPrefixListResolverId": what}
    assert [
        v["Version"] for v in ec2.get_ipam_prefix_list_resolver_versions(**asked)["IpamPrefixListResolverVersions"]
    ] == [1, 2]
    second = ec2.get_ipam_prefix_list_resolver_version_entries(**asked, IpamPrefixListResolverVersion=2)
    assert [one["Cidr"] for one in second["Entries"]] == ["10.1.0.0/16", "192.0.2.0/24"]
    assert (told(targets[0])["State"], told(targets[0])["LastSyncedVersion"]) == ("sync-complete", 2)

    [found] = ec2.describe_managed_prefix_lists(PrefixListIds=lists[:1])["PrefixLists"]
    assert found["IpamPrefixListResolverTargetId"] == targets[0] and found["IpamPrefixListResolverSyncEnabled"]
    change = {"PrefixListId": lists[0], "CurrentVersion": found["Version"], "AddEntries": [{"Cidr": "10.9.0.0/16"}]}
    with refused("OperationNotPermitted", "managed by IPAM"):
        ec2.modify_managed_prefix_list(**change)
    ec2.create_vpc(CidrBlock="10.3.0.0/16", TagSpecifications=tags)  # a third entry, for which there is no room
    clock.advance(3)
    assert told(targets[0])["State"] == "sync-failed" and len(entries(lists[0])) == 2
    ec2.modify_managed_prefix_list(PrefixListId=lists[0], MaxEntries=5)
    ec2.modify_managed_prefix_list(PrefixListId=lists[0], IpamPrefixListResolverSyncEnabled=True)
    clock.advance(2)
    assert len(entries(lists[0])) == 3
    with refused("DependencyViolation"):
        ec2.delete_ipam_prefix_list_resolver(IpamPrefixListResolverId=what)
    with refused("DependencyViolation"):
        ec2.delete_managed_prefix_list(PrefixListId=lists[0])
    for target in targets:
        ec2.delete_ipam_prefix_list_resolver_target(IpamPrefixListResolverTargetId=target)
    ec2.delete_managed_prefix_list(PrefixListId=lists[0])
    ec2.delete_ipam_prefix_list_resolver(IpamPrefixListResolverId=what)


def test_ipam_remembers_who_had_an_address_and_imports_what_is_there(ec2, ipam, clock):
    scope = ipam["PrivateDefaultScopeId"]
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    clock.advance(3600)
    asked = {"Cidr": "10.7.0.0/16", "IpamScopeId": scope}
    [now] = ec2.get_ipam_address_history(**asked)["HistoryRecords"]
    assert now["ResourceId"] == vpc and now["ResourceComplianceStatus"] == "unmanaged" and "SampledEndTime" not in now
    what = pool(ec2, clock, scope, "10.0.0.0/8", Locale="us-east-1", AutoImport=True)
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "old"}])
    clock.advance(2)
    assert allocations(ec2, what) == {("10.7.0.0/16", "vpc", vpc)}
    ec2.delete_vpc(VpcId=vpc)
    clock.advance(3600)
    assert ec2.get_ipam_address_history(**asked)["HistoryRecords"] == []
    past = ec2.get_ipam_address_history(**asked, StartTime=now["SampledStartTime"])["HistoryRecords"]
    assert [one["ResourceComplianceStatus"] for one in past] == ["unmanaged", "compliant"]
    assert past[-1]["ResourceName"] == "old" and past[0]["SampledEndTime"] == past[1]["SampledStartTime"]


def test_ranges_of_ones_own_move_into_ipam_with_their_autonomous_systems(ec2, ipam, clock, refused):
    ec2.provision_byoip_cidr(Cidr=OWN, CidrAuthorizationContext=CONTEXT)
    clock.advance(61)
    [range_] = ec2.describe_byoip_cidrs(MaxResults=5)["ByoipCidrs"]
    what = public(ec2, clock, ipam)
    owner = ec2.describe_ipams()["Ipams"][0]["OwnerId"]
    moved = ec2.move_byoip_cidr_to_ipam(Cidr=OWN, IpamPoolId=what, IpamPoolOwner=owner)["ByoipCidr"]
    assert moved["IpamPoolId"] == what
    assert allocations(ec2, what) == {(OWN, "ec2-public-ipv4-pool", range_["PoolId"])}
    with refused("InvalidParameterValue", "public ASN"):
        ec2.provision_ipam_byoasn(IpamId=ipam["IpamId"], Asn="65000", AsnAuthorizationContext=CONTEXT)
    ec2.provision_ipam_byoasn(IpamId=ipam["IpamId"], Asn="3333", AsnAuthorizationContext=CONTEXT)
    with refused("IncorrectState"):
        ec2.associate_ipam_byoasn(Asn="3333", Cidr=OWN)
    clock.advance(61)
    assert ec2.describe_ipam_byoasn()["Byoasns"][0]["State"] == "provisioned"
    with refused("InvalidParameterValue", "not associated"):
        ec2.advertise_byoip_cidr(Cidr=OWN, Asn="3333")
    ec2.associate_ipam_byoasn(Asn="3333", Cidr=OWN)
    told = ec2.advertise_byoip_cidr(Cidr=OWN, Asn="3333")["ByoipCidr"]
    assert told["State"] == "advertised" and told["AsnAssociations"][0]["Asn"] == "3333"
    discovery = ec2.describe_ipam_resource_discoveries()["IpamResourceDiscoveries"][0]["IpamResourceDiscoveryId"]
    there = {"IpamResourceDiscoveryId": discovery, "ResourceRegion": "us-east-1"}
    [route] = ec2.get_ipam_discovered_routes(**there)["IpamDiscoveredRoutes"]
    assert (route["Cidr"], route["Asn"], route["IpamPoolId"]) == (OWN, "3333", what)
    with refused("IncorrectState"):
        ec2.disassociate_ipam_byoasn(Asn="3333", Cidr=OWN)

    association = ec2.create_ipam_internet_registry_association(
        IpamId=ipam["IpamId"], Rir="ripe", OrganizationHandle="ORG-TEST1-RIPE"
    )["IpamInternetRegistryAssociation"]
    found = re.search("<child_bpki_ta>(.*)</child_bpki_ta>", association["ChildRequestXml"])
    certificate = x509.load_der_x509_certificate(base64.b64decode(found[1]))
    on = {"IpamInternetRegistryAssociationId": association["IpamInternetRegistryAssociationId"]}
    roa = {"Cidr": OWN, "Asns": ["3333"]}
    with refused("IncorrectState"):
        ec2.create_ipam_routing_policy_registration(**on, **roa)
    clock.advance(2)
    from cryptography.hazmat.primitives.serialization import Encoding

    names = {"RpkiVersion": "1", "ServiceUri": "https://rpki.test/up", "ChildHandle": "c", "ParentHandle": "p"}
    ec2.enable_ipam_internet_registry_association(
        **on, **names, ParentBpkiTa=certificate.public_bytes(Encoding.PEM).decode()
    )
    clock.advance(2)
    assert (
        ec2.get_ipam_internet_registry_association_asns(**on)["IpamInternetRegistryAssociationAsns"][0]["Asn"] == "3333"
    )
    cidrs = ec2.get_ipam_internet_registry_association_cidrs(**on)["IpamInternetRegistryAssociationCidrs"]
    assert [one["Cidr"] for one in cidrs] == [OWN]

    def status():
        [finding] = ec2.get_ipam_route_protection_findings(IpamId=ipam["IpamId"])["RouteProtectionFindings"]
        return finding["RpkiStatus"]

    assert status() == "unknown"
    with refused("InvalidParameterValue", "conflicts"):
        ec2.create_ipam_routing_policy_registration(**on, Cidr=OWN, Asns=["4444"])
    with refused("InvalidParameterValue", "MaxLength"):
        ec2.create_ipam_routing_policy_registration(**on, **roa, MaxLength=25)
    delta = ec2.create_ipam_routing_policy_registration(**on, **roa)["IpamRoutingPolicyRegistrationDelta"]
    assert json.loads(delta["DeltaJson"])["create"][0]["cidr"] == OWN and delta["State"] == "pending"
    clock.advance(2)
    assert status() == "valid"
    [authorization] = ec2.get_ipam_route_origin_authorizations(**on)["IpamRouteOriginAuthorizations"]
    assert authorization == {"Cidr": OWN, "Asn": "3333", "MaxLength": 24}
    [kept] = ec2.get_ipam_routing_policy_registrations(**on)["IpamRoutingPolicyRegistrations"]
    assert kept["State"] == "create-complete" and kept["LatestDeltaId"] == delta["DeltaId"]
    other = json.dumps({"update": [{"cidr": OWN, "asns": ["4444"]}]})
    ec2.batch_modify_ipam_routing_policy_registrations(**on, DeltaJson=other, Force=True)
    assert status() == "invalid"
    with refused("DependencyViolation"):
        ec2.delete_ipam_internet_registry_association(**on)
    ec2.delete_ipam_routing_policy_registration(**on, Cidr=OWN)
    deltas = ec2.get_ipam_routing_policy_registration_deltas(**on, ChronologicalOrder="reverse")
    assert len(deltas["IpamRoutingPolicyRegistrationDeltas"]) == 3
    ec2.delete_ipam_internet_registry_association(**on)
    ec2.withdraw_byoip_cidr(Cidr=OWN)
    ec2.disassociate_ipam_byoasn(Asn="3333", Cidr=OWN)
    ec2.deprovision_ipam_byoasn(IpamId=ipam["IpamId"], Asn="3333")


def test_pools_for_ec2_get_their_ranges_out_of_ipam(ec2, ipam, clock, refused):
    what = public(ec2, clock, ipam, cidr="198.51.100.0/24", PubliclyAdvertisable=True, PublicIpSource="byoip")
    target = ec2.create_public_ipv4_pool()["PoolId"]
    with refused("InvalidParameterValue"):
        ec2.provision_public_ipv4_pool_cidr(IpamPoolId=what, PoolId=target, NetmaskLength=20)
    got = ec2.provision_public_ipv4_pool_cidr(IpamPoolId=what, PoolId=target, NetmaskLength=28)
    assert got["PoolAddressRange"]["AddressCount"] == 16
    address = ec2.allocate_address(PublicIpv4Pool=target)
    assert address["PublicIp"].startswith("198.51.100.")
    with refused("DependencyViolation"):
        ec2.deprovision_public_ipv4_pool_cidr(PoolId=target, Cidr="198.51.100.0/28")
    ec2.release_address(AllocationId=address["AllocationId"])
    ec2.deprovision_public_ipv4_pool_cidr(PoolId=target, Cidr="198.51.100.0/28")
    assert allocations(ec2, what) == set()
    assert ec2.describe_byoip_cidrs(MaxResults=5)["ByoipCidrs"][0]["IpamPoolId"] == what

    six = ec2.provision_byoip_cidr(Cidr="2001:db8:1::/48", CidrAuthorizationContext=CONTEXT)["ByoipCidr"]["PoolId"]
    clock.advance(61)
    [seen] = ec2.describe_ipv6_pools()["Ipv6Pools"]
    assert seen["PoolId"] == six and seen["PoolCidrBlocks"] == [{"Cidr": "2001:db8:1::/48"}]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", Ipv6Pool=six)["Vpc"]
    [block] = vpc["Ipv6CidrBlockAssociationSet"]
    assert (block["Ipv6CidrBlock"], block["Ipv6Pool"]) == ("2001:db8:1::/56", six)
    [used] = ec2.get_associated_ipv6_pool_cidrs(PoolId=six)["Ipv6CidrAssociations"]
    assert used == {"Ipv6Cidr": "2001:db8:1::/56", "AssociatedResource": vpc["VpcId"]}
    with refused("IncorrectState"):
        ec2.deprovision_byoip_cidr(Cidr="2001:db8:1::/48")
