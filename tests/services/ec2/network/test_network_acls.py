"""Network ACLs: numbered entries, and subnets that always have one."""

from __future__ import annotations

import pytest

HTTP = {"Protocol": "6", "RuleAction": "allow", "Egress": False, "CidrBlock": "0.0.0.0/0"}
PORTS = {"PortRange": {"From": 80, "To": 80}}


@pytest.fixture
def acl(ec2, vpc):
    return ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]


def entries(ec2, acl):
    found = ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"][0]["Entries"]
    return {(entry["Egress"], entry["RuleNumber"]): entry for entry in found}


def test_a_new_list_denies_everything(ec2, acl):
    assert {number: entry["RuleAction"] for (_, number), entry in entries(ec2, acl).items()} == {32767: "deny"}


def test_entries_are_made_replaced_and_removed_by_number(ec2, acl, refused):
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=100, **HTTP, **PORTS)
    made = entries(ec2, acl)[False, 100]
    assert (made["Protocol"], made["PortRange"], made["RuleAction"]) == ("6", {"From": 80, "To": 80}, "allow")
    with refused("NetworkAclEntryAlreadyExists", "The network acl entry identified by 100 already exists."):
        ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=100, **HTTP, **PORTS)
    ec2.replace_network_acl_entry(NetworkAclId=acl, RuleNumber=100, **HTTP | {"RuleAction": "deny"}, **PORTS)
    assert entries(ec2, acl)[False, 100]["RuleAction"] == "deny"
    with refused("InvalidNetworkAclEntry.NotFound"):
        ec2.replace_network_acl_entry(NetworkAclId=acl, RuleNumber=101, **HTTP, **PORTS)
    ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=100, Egress=False)
    assert len(entries(ec2, acl)) == 2
    with refused("InvalidParameterValue"):
        ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=32767, Egress=False)


def test_protocols_need_their_ports_or_types(ec2, acl, refused):
    with refused("MissingParameter"):
        ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=1, **HTTP)
    with refused("MissingParameter"):
        ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=1, **HTTP | {"Protocol": "1"})
    with refused("InvalidParameterValue"):
        ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=0, **HTTP, **PORTS)
    with refused("InvalidParameterValue"):
        ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=1, **HTTP | {"CidrBlock": "10.0.0.0/99"}, **PORTS)
    ping = HTTP | {"Protocol": "icmp", "IcmpTypeCode": {"Type": 8, "Code": -1}}
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=1, **ping)
    assert entries(ec2, acl)[False, 1]["IcmpTypeCode"] == {"Type": 8, "Code": -1}


def test_subnets_move_between_lists(ec2, vpc, subnet, acl, refused):
    of_subnet = [{"Name": "association.subnet-id", "Values": [subnet]}]
    (default,) = ec2.describe_network_acls(Filters=of_subnet)["NetworkAcls"]
    assert default["IsDefault"]
    (association,) = default["Associations"]
    old = association["NetworkAclAssociationId"]
    new = ec2.replace_network_acl_association(AssociationId=old, NetworkAclId=acl)["NewAssociationId"]
    (now,) = ec2.describe_network_acls(Filters=of_subnet)["NetworkAcls"]
    assert (now["NetworkAclId"], now["Associations"][0]["NetworkAclAssociationId"]) == (acl, new)
    with refused("InvalidAssociationID.NotFound"):
        ec2.replace_network_acl_association(AssociationId=old, NetworkAclId=acl)
    with refused("DependencyViolation", f"The networkAcl '{acl}' has dependencies and cannot be deleted."):
        ec2.delete_network_acl(NetworkAclId=acl)
    with refused("InvalidParameterValue"):
        ec2.delete_network_acl(NetworkAclId=default["NetworkAclId"])
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_network_acl(NetworkAclId=acl)
    ec2.delete_vpc(VpcId=vpc)


def test_lists_are_found_by_their_entries(ec2, acl):
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=77, **HTTP, **PORTS)
    for name, value in (("entry.rule-number", "77"), ("entry.port-range.from", "80"), ("entry.protocol", "6")):
        found = ec2.describe_network_acls(Filters=[{"Name": name, "Values": [value]}])["NetworkAcls"]
        assert [one["NetworkAclId"] for one in found] == [acl]
