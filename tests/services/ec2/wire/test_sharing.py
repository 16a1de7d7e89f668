"""Instances of two accounts in one subnet, which the one shares with the other."""

from __future__ import annotations

OTHER = "210987654321"


def test_instances_of_two_accounts_meet_in_a_shared_subnet(ec2, aws, wired_cloud, vpc, wire):
    home = vpc("10.9.0.0/16")
    subnet = home.subnet(0)
    arn = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["SubnetArn"]
    aws.client("ram").create_resource_share(
        name="subnet", resourceArns=[arn], principals=[OTHER], allowExternalPrincipals=True
    )
    account = wired_cloud.account(OTHER)
    (invitation,) = account.client("ram").get_resource_share_invitations()["resourceShareInvitations"]
    account.client("ram").accept_resource_share_invitation(
        resourceShareInvitationArn=invitation["resourceShareInvitationArn"]
    )
    theirs = account.client("ec2")
    group = theirs.create_security_group(GroupName="theirs", Description="theirs", VpcId=home.id)["GroupId"]
    image = theirs.describe_images(Owners=["amazon"], Filters=[{"Name": "architecture", "Values": ["x86_64"]}])[
        "Images"
    ][0]["ImageId"]
    made = theirs.run_instances(
        ImageId=image,
        InstanceType="t3.nano",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        SecurityGroupIds=[group],
        PrivateIpAddress="10.9.0.9",
    )
    guest = made["Instances"][0]["InstanceId"]
    mine = home.instance(subnet, "10.9.0.5")
    wire.until(lambda: {mine, guest} <= {*wire.names()})
    assert not wire.connects(mine, guest, "10.9.0.9"), "their group lets nobody in"
    rule = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "IpRanges": [{"CidrIp": "10.9.0.0/24"}]}
    theirs.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    assert wire.soon(mine, guest, "10.9.0.9")
    theirs.terminate_instances(InstanceIds=[guest])
    assert wire.until(lambda: guest not in wire.names())
