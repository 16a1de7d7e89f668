"""RunInstances: what a launch may ask for, and what it may not."""

from __future__ import annotations

import base64
import json

import pytest

ASSUME = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [ASSUME]})


def tagged(kind, **tags):
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


def named(instance):
    return {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}


def test_one_token_makes_one_reservation(ec2, run, refused):
    first = run(ClientToken="t")
    assert run(ClientToken="t")["InstanceId"] == first["InstanceId"]
    with refused("IdempotentParameterMismatch"):
        run(ClientToken="t", InstanceType="t3.small")
    assert len(ec2.describe_instances()["Reservations"]) == 1
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    with refused("IdempotentInstanceTerminated"):
        run(ClientToken="t")


def test_the_same_launch_again_tells_its_instances_in_their_order(ec2, run):
    first = [one["InstanceId"] for one in run(count=6, ClientToken="t")]
    assert [one["InstanceId"] for one in run(count=6, ClientToken="t")] == first


def test_a_type_that_there_is_not_is_named_and_ids_are_looked_at(ec2, run, refused):
    with refused("InvalidParameterValue", "Invalid value 't3.huge' for InstanceType.") as error:
        run(InstanceType="t3.huge")
    assert len(error.response["Error"]["Message"]) < 60
    with refused("InvalidInstanceID.Malformed", 'Invalid id: "i-web"'):
        ec2.start_instances(InstanceIds=["i-web"])


def test_tags_are_those_of_instances_volumes_and_interfaces(ec2, run):
    kinds = ("instance", "volume", "network-interface")
    tags = [{"ResourceType": kind, "Tags": [{"Key": "kind", "Value": kind}]} for kind in kinds]
    launched = run(2, TagSpecifications=tags)
    assert [one["AmiLaunchIndex"] for one in launched] == [0, 1]
    assert all(named(one) == {"kind": "instance"} for one in launched)
    found = ec2.describe_volumes(Filters=[{"Name": "tag:kind", "Values": ["volume"]}])["Volumes"]
    assert {one["Attachments"][0]["InstanceId"] for one in found} == {one["InstanceId"] for one in launched}
    found = ec2.describe_network_interfaces(Filters=[{"Name": "tag:kind", "Values": ["network-interface"]}])
    assert len(found["NetworkInterfaces"]) == 2


def test_a_launch_takes_from_a_template_what_it_does_not_say(ec2, run, ami, described):
    ec2.create_key_pair(KeyName="k")
    data = {
        "ImageId": ami,
        "InstanceType": "t3.micro",
        "KeyName": "k",
        "UserData": base64.b64encode(b"#!/bin/sh\n").decode(),
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 3},
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}]}
        ],
        "BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "VolumeType": "gp3"}}],
    }
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)
    ec2.create_launch_template_version(
        LaunchTemplateName="web", SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.small"}
    )
    template = {"LaunchTemplateName": "web"}
    default = run(LaunchTemplate=template)
    latest = run(
        LaunchTemplate=template | {"Version": "$Latest"},
        MetadataOptions={"HttpPutResponseHopLimit": 5},
        TagSpecifications=tagged("instance", b="2"),
    )
    assert (default["InstanceType"], latest["InstanceType"]) == ("t3.micro", "t3.small")
    assert default["KeyName"] == "k" and default["MetadataOptions"]["HttpPutResponseHopLimit"] == 3
    assert latest["MetadataOptions"]["HttpTokens"] == "required"
    assert latest["MetadataOptions"]["HttpPutResponseHopLimit"] == 5
    tags = named(latest)
    assert (tags["a"], tags["b"], tags["aws:ec2launchtemplate:version"]) == ("1", "2", "2")
    assert {one["DeviceName"] for one in default["BlockDeviceMappings"]} == {"/dev/xvda", "/dev/sdf"}
    attribute = ec2.describe_instance_attribute(InstanceId=default["InstanceId"], Attribute="userData")
    assert base64.b64decode(attribute["UserData"]["Value"]) == b"#!/bin/sh\n"


def test_subnets_addresses_and_groups_are_as_asked(ec2, run, described):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    one = run(SubnetId=subnet, PrivateIpAddress="10.0.1.77", SecurityGroupIds=[group])
    assert one["PrivateIpAddress"] == "10.0.1.77" and one["Placement"]["AvailabilityZone"] == "us-east-1b"
    assert [found["GroupId"] for found in one["SecurityGroups"]] == [group]
    assert "PublicIpAddress" not in one and one["PrivateDnsName"] == "ip-10-0-1-77.ec2.internal"
    interfaces = [
        {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group], "SecondaryPrivateIpAddressCount": 2},
        {"DeviceIndex": 1, "SubnetId": subnet, "DeleteOnTermination": False, "Description": "second"},
    ]
    two = run(NetworkInterfaces=interfaces, InstanceType="m5.large")
    assert [len(found["PrivateIpAddresses"]) for found in two["NetworkInterfaces"]] == [3, 1]
    assert [found["Attachment"]["DeviceIndex"] for found in two["NetworkInterfaces"]] == [0, 1]
    public = {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": True}
    assert run(NetworkInterfaces=[public])["PublicIpAddress"]


def test_an_interface_that_is_there_is_used_and_stays(ec2, run, described, clock):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    one = run(NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": interface}])
    assert one["SubnetId"] == subnet
    clock.advance(5)
    ec2.terminate_instances(InstanceIds=[one["InstanceId"]])
    clock.advance(5)
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]
    assert found["Status"] == "available"


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"InstanceType": "t4g.micro"}, "InvalidParameterValue"),
        ({"InstanceType": "x1.nonsense"}, "InvalidParameterValue"),
        ({"KeyName": "nobody"}, "InvalidKeyPair.NotFound"),
        ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
        ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        ({"MinCount": 2, "MaxCount": 1}, "InvalidParameterCombination"),
        ({"MinCount": 0, "MaxCount": 1}, "InvalidParameterValue"),
        ({"IamInstanceProfile": {"Name": "nobody"}}, "InvalidParameterValue"),
        ({"UserData": "x" * 16385}, "InvalidParameterValue"),
        ({"Placement": {"AvailabilityZone": "us-east-1z"}}, "InvalidParameterValue"),
        ({"Placement": {"GroupName": "nobody"}}, "InvalidPlacementGroup.Unknown"),
        ({"LaunchTemplate": {"LaunchTemplateName": "nobody"}}, "InvalidLaunchTemplateName.NotFoundException"),
        (
            {"InstanceType": "m5.large", "CreditSpecification": {"CpuCredits": "unlimited"}},
            "InvalidParameterCombination",
        ),
        ({"InstanceType": "t3.micro", "CpuOptions": {"CoreCount": 7, "ThreadsPerCore": 2}}, "InvalidParameterValue"),
        ({"EnclaveOptions": {"Enabled": True}}, "InvalidParameterCombination"),
        ({"MetadataOptions": {"HttpPutResponseHopLimit": 65}}, "InvalidParameterValue"),
        (
            {"TagSpecifications": [{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}]},
            "InvalidParameterValue",
        ),
        ({"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeType": "st1"}}]}, "InvalidParameterValue"),
        ({"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 1}}]}, "InvalidBlockDeviceMapping"),
    ],
)
def test_what_cannot_be_launched_is_refused_and_leaves_nothing(ec2, run, refused, wanted, code):
    with refused(code):
        run(**wanted)
    assert ec2.describe_instances()["Reservations"] == [] and ec2.describe_volumes()["Volumes"] == []
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_a_role_comes_by_its_profile(aws, ec2, run, described, clock, refused):
    iam = aws.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    for name in ("p", "q"):
        iam.create_instance_profile(InstanceProfileName=name)
        if name == "p":
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="r")
    one = run(IamInstanceProfile={"Name": "p"})
    assert one["IamInstanceProfile"]["Arn"].endswith(":instance-profile/p")
    clock.advance(5)
    [found] = ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]
    assert (found["InstanceId"], found["State"]) == (one["InstanceId"], "associated")
    with refused("IncorrectState"):
        ec2.associate_iam_instance_profile(IamInstanceProfile={"Name": "q"}, InstanceId=one["InstanceId"])
    replaced = ec2.replace_iam_instance_profile_association(
        IamInstanceProfile={"Name": "q"}, AssociationId=found["AssociationId"]
    )["IamInstanceProfileAssociation"]
    assert described(one)["IamInstanceProfile"]["Arn"].endswith("/q")
    ec2.disassociate_iam_instance_profile(AssociationId=replaced["AssociationId"])
    assert "IamInstanceProfile" not in described(one)


def test_whoever_launches_must_be_allowed_to_pass_the_role(aws, ec2, run, ami, refused):
    iam = aws.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName="p")
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    iam.create_user(UserName="u")
    allow = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="u")["AccessKey"]
    other = aws.client("ec2", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    asked = {"ImageId": ami, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    other.run_instances(**asked)
    with refused("UnauthorizedOperation"):
        other.run_instances(**asked, IamInstanceProfile={"Name": "p"})


def test_accounts_have_defaults_of_the_metadata_service(ec2, run, refused):
    ec2.modify_instance_metadata_defaults(HttpTokens="optional", HttpPutResponseHopLimit=4)
    one = run()
    assert (one["MetadataOptions"]["HttpTokens"], one["MetadataOptions"]["HttpPutResponseHopLimit"]) == ("optional", 4)
    level = ec2.get_instance_metadata_defaults()["AccountLevel"]
    assert level == {"HttpTokens": "optional", "HttpPutResponseHopLimit": 4, "ManagedBy": "account"}
    changed = ec2.modify_instance_metadata_options(InstanceId=one["InstanceId"], HttpTokens="required")
    assert changed["InstanceMetadataOptions"]["HttpTokens"] == "required"
    ec2.modify_instance_metadata_defaults(HttpTokens="no-preference", HttpPutResponseHopLimit=-1)
    assert run()["MetadataOptions"]["HttpTokens"] == "required"  # as the image wants


def test_filters_find_instances_by_what_they_have(ec2, run, described):
    first = run(TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web-1"}]}])
    run(InstanceType="t3.small")
    interface = first["NetworkInterfaces"][0]

    def found(**filters):
        asked = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
        pages = ec2.get_paginator("describe_instances").paginate(Filters=asked)
        return [one["InstanceId"] for page in pages for r in page["Reservations"] for one in r["Instances"]]

    assert found(**{"tag:Name": "web-*"}) == [first["InstanceId"]]
    for name, value in {
        "tag-value": "web-?",
        "instance-type": "t3.micro",
        "private-ip-address": first["PrivateIpAddress"],
        "ip-address": first["PublicIpAddress"],
        "reservation-id": ec2.describe_instances(InstanceIds=[first["InstanceId"]])["Reservations"][0]["ReservationId"],
        "network-interface.network-interface-id": interface["NetworkInterfaceId"],
        "network-interface.addresses.private-ip-address": interface["PrivateIpAddress"],
        "network-interface.mac-address": interface["MacAddress"],
        "block-device-mapping.volume-id": first["BlockDeviceMappings"][0]["Ebs"]["VolumeId"],
    }.items():
        assert found(**{name: value}) == [first["InstanceId"]], name
    assert (
        len(found(**{"instance-state-name": "pending", "tenancy": "default"}))
        + len(found(**{"instance-state-name": "running"}))
        == 2
    )
    assert (
        len(
            found(
                **{
                    "vpc-id": first["VpcId"],
                    "instance.group-name": "default",
                    "metadata-options.http-tokens": "required",
                }
            )
        )
        == 2
    )


def test_without_a_type_it_is_a_small_one_of_the_first_generation(ec2, ami, clock, described):
    launched = ec2.run_instances(ImageId=ami, MinCount=1, MaxCount=1)["Instances"][0]
    clock.advance(5)
    assert (launched["InstanceType"], described(launched)["State"]["Name"]) == ("m1.small", "running")
