"""Security groups and their rules."""

from __future__ import annotations

import pytest

HTTP = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}


@pytest.fixture
def group(ec2, vpc):
    return ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]


def shown(ec2, group):
    return ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]


def test_a_new_group_lets_everything_out_and_nothing_in(ec2, vpc, group, refused):
    told = shown(ec2, group)
    assert told["IpPermissions"] == [] and "Tags" not in told
    assert told["IpPermissionsEgress"] == [
        {
            "IpProtocol": "-1",
            "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
            "Ipv6Ranges": [],
            "PrefixListIds": [],
            "UserIdGroupPairs": [],
        }
    ]
    assert told["SecurityGroupArn"].endswith(f":security-group/{group}")
    with refused("InvalidGroup.Duplicate", f"The security group 'web' already exists for VPC '{vpc}'"):
        ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)
    with refused("InvalidParameterValue", "Cannot use reserved security group name: default"):
        ec2.create_security_group(GroupName="default", Description="web", VpcId=vpc)
    with refused("InvalidParameterValue", "Group names may not be in the format sg-*."):
        ec2.create_security_group(GroupName="sg-web", Description="web", VpcId=vpc)
    with refused("InvalidParameterValue", "Invalid security group description. Valid descriptions are strings less"):
        ec2.create_security_group(GroupName="other", Description="a?b", VpcId=vpc)
    with refused("InvalidParameterValue", "Character sets beyond ASCII are not supported."):
        ec2.create_security_group(GroupName="other", Description="für alle", VpcId=vpc)


def test_without_a_vpc_it_is_the_default_ones(ec2):
    made = ec2.create_security_group(GroupName="plain", Description="plain")["GroupId"]
    (default,) = ec2.describe_vpcs()["Vpcs"]
    assert shown(ec2, made)["VpcId"] == default["VpcId"]
    ec2.authorize_security_group_ingress(
        GroupName="plain", IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="10.0.0.0/8"
    )
    (found,) = ec2.describe_security_groups(GroupNames=["plain"])["SecurityGroups"]
    assert found["IpPermissions"][0]["FromPort"] == 22
    ec2.authorize_security_group_ingress(GroupName="plain", SourceSecurityGroupName="plain")
    assert {one["IpProtocol"] for one in shown(ec2, made)["IpPermissions"]} == {"tcp", "udp", "icmp"}
    ec2.delete_security_group(GroupName="plain")


def test_one_permission_is_a_rule_for_each_peer(ec2, group):
    made = ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            HTTP
            | {
                "IpRanges": [{"CidrIp": "10.0.0.5/16", "Description": "all of ours"}, {"CidrIp": "192.0.2.0/24"}],
                "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}],
                "UserIdGroupPairs": [{"GroupId": group}],
            }
        ],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "k", "Value": "v"}]}],
    )["SecurityGroupRules"]
    assert len(made) == 4 and all(rule["SecurityGroupRuleId"].startswith("sgr-") for rule in made)
    assert {rule.get("CidrIpv4") for rule in made} == {"10.0.0.0/16", "192.0.2.0/24", None}
    (permission,) = shown(ec2, group)["IpPermissions"]
    assert {one["CidrIp"] for one in permission["IpRanges"]} == {"10.0.0.0/16", "192.0.2.0/24"}
    assert permission["UserIdGroupPairs"][0]["GroupId"] == group
    of_group = [{"Name": "group-id", "Values": [group]}]
    rules = ec2.describe_security_group_rules(Filters=of_group)["SecurityGroupRules"]
    assert len(rules) == 5 and sum(rule["IsEgress"] for rule in rules) == 1
    tagged = [{"Name": "tag:k", "Values": ["v"]}]
    assert len(ec2.describe_security_group_rules(Filters=tagged)["SecurityGroupRules"]) == 4
    pages = ec2.get_paginator("describe_security_group_rules").paginate(PaginationConfig={"PageSize": 5})
    found = [rule["SecurityGroupRuleId"] for page in pages for rule in page["SecurityGroupRules"]]
    assert len(found) == len(set(found)) >= 5
    by_range = [{"Name": "ip-permission.cidr", "Values": ["192.0.2.0/24"]}]
    assert [one["GroupId"] for one in ec2.describe_security_groups(Filters=by_range)["SecurityGroups"]] == [group]


def test_duplicates_are_refused_in_ec2s_words(ec2, group, refused):
    rule = HTTP | {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    text = 'the specified rule "peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW" already exists'
    with refused("InvalidPermission.Duplicate", text):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    with refused("InvalidPermission.Duplicate", '"peer: 0.0.0.0/0, ALL, ALLOW"'):
        ec2.authorize_security_group_egress(
            GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        )
    with refused("InvalidParameterValue", "The same permission must not appear multiple times"):
        ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[HTTP | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "10.0.0.0/8"}]}]
        )


@pytest.mark.parametrize(
    ("permission", "text"),
    [
        ({"IpProtocol": "tcp", "FromPort": 90, "ToPort": 80}, "Invalid TCP/UDP port range (90:80)"),
        ({"IpProtocol": "udp", "FromPort": 0, "ToPort": 65536}, "TCP/UDP port (65536) out of range"),
        ({"IpProtocol": "tcp", "FromPort": -1, "ToPort": -1}, "TCP/UDP port (-1) out of range"),
        ({"IpProtocol": "icmp", "FromPort": 256, "ToPort": -1}, "out of range"),
        ({"IpProtocol": "tcp"}, "Must specify both from and to ports with TCP/UDP."),
        ({"IpProtocol": "nonsense"}, "Invalid value 'nonsense' for IP protocol. Unknown protocol."),
    ],
)
def test_bad_rules_are_refused(ec2, group, refused, permission, text):
    with refused("InvalidParameterValue", text):
        ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[permission | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
        )
    with refused("InvalidParameterValue", "CIDR block 10.0.0.0/40 is malformed"):
        ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[HTTP | {"IpRanges": [{"CidrIp": "10.0.0.0/40"}]}]
        )
    assert shown(ec2, group)["IpPermissions"] == []


def test_rules_are_revoked_by_what_they_say_or_by_id(ec2, group, refused):
    rule = HTTP | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])["SecurityGroupRules"]
    gone = ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])["RevokedSecurityGroupRules"]
    assert gone[0]["SecurityGroupRuleId"] == made[0]["SecurityGroupRuleId"]
    with refused("InvalidPermission.NotFound", "The specified rule does not exist in this security group."):
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])
    egress = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    (out,) = egress["SecurityGroupRules"]
    with refused("InvalidSecurityGroupRuleId.NotFound"):
        ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[out["SecurityGroupRuleId"]])
    ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[out["SecurityGroupRuleId"]])
    assert shown(ec2, group)["IpPermissionsEgress"] == []


def test_rules_are_changed_and_described(ec2, group, refused):
    rule = HTTP | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    (made,) = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])["SecurityGroupRules"]
    what = made["SecurityGroupRuleId"]
    new = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "192.0.2.0/24", "Description": "tls"}
    ec2.modify_security_group_rules(
        GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": what, "SecurityGroupRule": new}]
    )
    (now,) = ec2.describe_security_group_rules(SecurityGroupRuleIds=[what])["SecurityGroupRules"]
    assert (now["FromPort"], now["CidrIpv4"], now["Description"]) == (443, "192.0.2.0/24", "tls")
    with refused("InvalidParameterValue"):
        ec2.modify_security_group_rules(
            GroupId=group,
            SecurityGroupRules=[{"SecurityGroupRuleId": what, "SecurityGroupRule": HTTP | {"CidrIpv6": "::/0"}}],
        )
    ec2.update_security_group_rule_descriptions_ingress(
        GroupId=group, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": what, "Description": "again"}]
    )
    assert shown(ec2, group)["IpPermissions"][0]["IpRanges"][0]["Description"] == "again"


def test_sixty_rules_are_the_most(ec2, group, refused):
    ranges = [{"CidrIp": f"10.0.{number}.0/24"} for number in range(60)]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[HTTP | {"IpRanges": ranges}])
    with refused("RulesPerSecurityGroupLimitExceeded"):
        ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[HTTP | {"IpRanges": [{"CidrIp": "10.1.0.0/24"}]}]
        )
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[HTTP | {"Ipv6Ranges": [{"CidrIpv6": "2001:db8::/48"}]}]
    )


def test_groups_in_use_are_not_deleted(ec2, vpc, subnet, group, refused):
    other = ec2.create_security_group(GroupName="other", Description="other", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=other, IpPermissions=[HTTP | {"UserIdGroupPairs": [{"GroupId": group}]}]
    )
    with refused("DependencyViolation", f"resource {group} has a dependent object"):
        ec2.delete_security_group(GroupId=group)
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[other])["NetworkInterface"]
    with refused("DependencyViolation", f"resource {other} has a dependent object"):
        ec2.delete_security_group(GroupId=other)
    ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    ec2.delete_security_group(GroupId=other)
    ec2.delete_security_group(GroupId=group)
    (default,) = ec2.describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"]
    with refused("CannotDelete", f'the specified group: "{default["GroupId"]}" name: "default" cannot be deleted'):
        ec2.delete_security_group(GroupId=default["GroupId"])
    with refused("InvalidGroup.NotFound", f"The security group '{group}' does not exist"):
        ec2.describe_security_groups(GroupIds=[group])


def test_groups_of_another_vpc_are_out_of_reach(ec2, vpc, group, refused):
    second = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    other = ec2.create_security_group(GroupName="other", Description="other", VpcId=second)["GroupId"]
    with refused("InvalidGroup.NotFound", "You have specified two resources that belong to different networks."):
        ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[HTTP | {"UserIdGroupPairs": [{"GroupId": other}]}]
        )


def test_a_group_may_be_used_in_further_vpcs(ec2, vpc, group, refused):
    second = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=second, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    with refused("InvalidParameter", "belong to different networks"):
        ec2.create_network_interface(SubnetId=subnet, Groups=[group])
    ec2.associate_security_group_vpc(GroupId=group, VpcId=second)
    (told,) = ec2.describe_security_group_vpc_associations()["SecurityGroupVpcAssociations"]
    assert (told["GroupId"], told["VpcId"], told["State"]) == (group, second, "associated")
    usable = ec2.get_security_groups_for_vpc(VpcId=second)["SecurityGroupForVpcs"]
    assert {one["GroupName"] for one in usable} == {"default", "web"}
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]
    with refused("DependencyViolation"):
        ec2.disassociate_security_group_vpc(GroupId=group, VpcId=second)
    ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    ec2.disassociate_security_group_vpc(GroupId=group, VpcId=second)
    assert ec2.describe_security_group_vpc_associations()["SecurityGroupVpcAssociations"] == []
    default = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    with refused("UnsupportedOperation"):
        ec2.associate_security_group_vpc(GroupId=group, VpcId=default)


def test_peered_groups_refer_to_each_other_until_the_peering_ends(ec2, vpc, group, clock):
    second = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    other = ec2.create_security_group(GroupName="other", Description="other", VpcId=second)["GroupId"]
    peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=second)["VpcPeeringConnection"]
    what = peering["VpcPeeringConnectionId"]
    clock.advance(2)
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=what)
    clock.advance(2)
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[HTTP | {"UserIdGroupPairs": [{"GroupId": other}]}]
    )
    (told,) = ec2.describe_security_group_references(GroupId=[other])["SecurityGroupReferenceSet"]
    assert (told["ReferencingVpcId"], told["VpcPeeringConnectionId"]) == (vpc, what)
    assert ec2.describe_stale_security_groups(VpcId=vpc)["StaleSecurityGroupSet"] == []
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=what)
    clock.advance(2)
    (stale,) = ec2.describe_stale_security_groups(VpcId=vpc)["StaleSecurityGroupSet"]
    assert stale["GroupId"] == group
    assert stale["StaleIpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == other
