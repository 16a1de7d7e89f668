"""Images that are there in every Region."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest


def test_the_image_that_the_public_parameter_names_is_amazons(aws, ec2):
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    latest = aws.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    found = ec2.describe_images(ImageIds=[latest])["Images"][0]
    assert found["State"] == "available" and found["Public"] and found["ImageOwnerAlias"] == "amazon"
    assert found["Name"].startswith("al2023-ami-2023.") and found["Architecture"] == "x86_64"
    assert (found["RootDeviceName"], found["RootDeviceType"]) == ("/dev/xvda", "ebs")
    root = found["BlockDeviceMappings"][0]["Ebs"]
    assert (root["VolumeSize"], root["VolumeType"], root["DeleteOnTermination"]) == (8, "gp3", True)
    made = ec2.create_volume(AvailabilityZone="us-east-1a", SnapshotId=root["SnapshotId"])
    assert made["Size"] == 8


def test_public_images_are_found_as_everybody_looks_for_them(ec2):
    for owner, pattern in [
        ("amazon", "al2023-ami-2023.*-x86_64"),
        ("amazon", "amzn2-ami-hvm-*-x86_64-gp2"),
        ("099720109477", "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-*"),
        ("136693071363", "debian-12-amd64-*"),
    ]:
        filters = [{"Name": "name", "Values": [pattern]}, {"Name": "virtualization-type", "Values": ["hvm"]}]
        found = ec2.describe_images(Owners=[owner], Filters=filters)["Images"]
        assert len(found) >= 1, pattern
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    pages = ec2.get_paginator("describe_images").paginate(Owners=["amazon"], PaginationConfig={"PageSize": 10})
    assert len({one["ImageId"] for page in pages for one in page["Images"]}) > 20


def test_regions_have_images_of_their_own(aws, ec2, refused):
    here = ec2.describe_images(Owners=["amazon"])["Images"]
    there = aws.client("ec2", region_name="eu-west-1").describe_images(Owners=["amazon"])["Images"]
    assert {one["Name"] for one in here} == {one["Name"] for one in there}
    assert not {one["ImageId"] for one in here} & {one["ImageId"] for one in there}
    with refused("InvalidAMIID.NotFound", "The image id '[ami-0123456789abcdef0]' does not exist"):
        ec2.describe_images(ImageIds=["ami-0123456789abcdef0"])
    with refused("InvalidAMIID.Malformed"):
        ec2.describe_images(ImageIds=["image"])
    absent = ["ami-0123456789abcdef0", "ami-0123456789abcdef1"]
    with refused("InvalidAMIID.NotFound", f"The image ids '[{', '.join(absent)}]' do not exist"):
        ec2.describe_images(ImageIds=[here[0]["ImageId"], *absent])


@pytest.fixture
def snapshot(ec2, volume, clock):
    made = ec2.create_snapshot(VolumeId=volume())["SnapshotId"]
    clock.advance(5)
    return made


@pytest.fixture
def image(ec2, snapshot):
    return register(ec2, snapshot, "an image")


def register(ec2, snapshot, name, **members):
    root = [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot, "VolumeType": "gp3"}}]
    asked = {"RootDeviceName": "/dev/xvda", "BlockDeviceMappings": root, "Architecture": "x86_64"}
    return ec2.register_image(Name=name, VirtualizationType="hvm", EnaSupport=True, **asked | members)["ImageId"]


def told(ec2, image_id):
    return ec2.describe_images(ImageIds=[image_id])["Images"][0]


def test_an_image_is_registered_of_a_snapshot_which_then_stays(ec2, snapshot, refused):
    made = register(ec2, snapshot, "an image", Description="d")
    one = told(ec2, made)
    assert (one["State"], one["Name"], one["Description"], one["Public"]) == ("available", "an image", "d", False)
    ebs = one["BlockDeviceMappings"][0]["Ebs"]
    assert (ebs["SnapshotId"], ebs["VolumeSize"], ebs["VolumeType"], ebs["Iops"]) == (snapshot, 8, "gp3", 3000)
    with refused("InvalidAMIName.Duplicate", f"is already in use by AMI {made}"):
        register(ec2, snapshot, "an image")
    with refused("InvalidAMIName.Malformed"):
        register(ec2, snapshot, "what?!")
    with refused("InvalidSnapshot.InUse", f"is currently in use by {made}"):
        ec2.delete_snapshot(SnapshotId=snapshot)
    gone = ec2.deregister_image(ImageId=made, DeleteAssociatedSnapshots=True)
    assert gone["DeleteSnapshotResults"] == [{"SnapshotId": snapshot, "ReturnCode": "success"}]
    with refused("InvalidAMIID.NotFound"):
        told(ec2, made)


def test_a_copy_in_another_region_has_snapshots_of_its_own_that_may_be_encrypted(aws, ec2, snapshot, image, clock):
    there = aws.client("ec2", region_name="eu-west-1")
    copy = there.copy_image(Name="copy", SourceImageId=image, SourceRegion="us-east-1", Encrypted=True)["ImageId"]
    assert told(there, copy)["State"] == "pending"
    clock.advance(10)
    one = told(there, copy)
    ebs = one["BlockDeviceMappings"][0]["Ebs"]
    assert one["State"] == "available" and ebs["Encrypted"] and ebs["SnapshotId"] != snapshot
    assert (one["SourceImageId"], one["SourceImageRegion"]) == (image, "us-east-1")
    ancestry = there.get_image_ancestry(ImageId=copy)["ImageAncestryEntries"]
    assert [entry["ImageId"] for entry in ancestry] == [copy, image]


def test_an_image_is_shared_with_accounts_and_with_everybody(aws, cloud, ec2, image, refused):
    other = cloud.account()
    theirs = other.client("ec2")
    with refused("InvalidAMIID.NotFound"):
        told(theirs, image)
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": other.id}]})
    permissions = ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")["LaunchPermissions"]
    assert permissions == [{"UserId": other.id}]
    assert [one["ImageId"] for one in theirs.describe_images(ExecutableUsers=["self"])["Images"]] == [image]
    assert [one["ImageId"] for one in theirs.describe_images(Owners=[aws.id])["Images"]] == [image]
    with refused("AuthFailure"):
        theirs.deregister_image(ImageId=image)
    theirs.cancel_image_launch_permission(ImageId=image)
    with refused("InvalidAMIID.NotFound"):
        told(theirs, image)
    public = {"Add": [{"Group": "all"}]}
    assert ec2.get_image_block_public_access_state()["ImageBlockPublicAccessState"] == "block-new-sharing"
    with refused("OperationNotPermitted", "block public access"):
        ec2.modify_image_attribute(ImageId=image, LaunchPermission=public)
    ec2.disable_image_block_public_access()
    ec2.modify_image_attribute(ImageId=image, LaunchPermission=public)
    assert told(theirs, image)["Public"] is True
    ec2.enable_image_block_public_access(ImageBlockPublicAccessState="block-new-sharing")
    ec2.reset_image_attribute(ImageId=image, Attribute="launchPermission")
    with refused("InvalidAMIID.NotFound"):
        told(theirs, image)


def test_an_image_is_shared_with_an_organization(cloud, ec2, aws, image):
    home = aws.client("organizations")
    organization = home.create_organization(FeatureSet="ALL")["Organization"]
    member = home.create_account(Email="m@example.com", AccountName="m")["CreateAccountStatus"]
    cloud.clock.advance(60)
    status = home.describe_create_account_status(CreateAccountRequestId=member["Id"])["CreateAccountStatus"]
    theirs = cloud.account(status["AccountId"]).client("ec2")
    ec2.modify_image_attribute(ImageId=image, OperationType="add", OrganizationArns=[organization["Arn"]])
    assert told(theirs, image)["ImageId"] == image
    assert [one["ImageId"] for one in theirs.describe_images(Owners=[aws.id])["Images"]] == [image]


def test_a_deprecated_image_is_in_no_lists_of_others(cloud, ec2, image, clock, refused):
    other = cloud.account()
    theirs = other.client("ec2")
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": other.id}]})
    begun = datetime.fromisoformat(told(ec2, image)["CreationDate"])
    ec2.enable_image_deprecation(ImageId=image, DeprecateAt=begun + timedelta(days=1))
    clock.advance(2 * 86400)
    mine = {"Filters": [{"Name": "image-id", "Values": [image]}]}
    assert theirs.describe_images(**mine)["Images"] == []
    assert theirs.describe_images(IncludeDeprecated=True, **mine)["Images"][0]["DeprecationTime"]
    assert told(theirs, image) and ec2.describe_images(Owners=["self"])["Images"]
    with refused("InvalidParameterValue"):
        ec2.enable_image_deprecation(ImageId=image, DeprecateAt=begun)


def test_a_disabled_image_cannot_be_launched_until_it_is_enabled(ec2, image, refused):
    ec2.disable_image(ImageId=image)
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    assert ec2.describe_images(Owners=["self"], IncludeDisabled=True)["Images"][0]["State"] == "disabled"
    with refused("InvalidAMIID.Unavailable"):
        ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    ec2.enable_image(ImageId=image)
    assert told(ec2, image)["State"] == "available"


def test_a_protected_image_is_deregistered_a_day_after_its_protection_ends(ec2, image, clock, refused):
    ec2.enable_image_deregistration_protection(ImageId=image, WithCooldown=True)
    ec2.disable_image_deregistration_protection(ImageId=image)
    with refused("OperationNotPermitted"):
        ec2.deregister_image(ImageId=image)
    clock.advance(86401)
    ec2.deregister_image(ImageId=image)


def test_only_allowed_images_are_seen_where_that_is_enforced(ec2, image):
    criteria = [{"ImageProviders": ["amazon"], "ImageNames": ["al2023-*"]}]
    ec2.replace_image_criteria_in_allowed_images_settings(ImageCriteria=criteria)
    ec2.enable_allowed_images_settings(AllowedImagesSettingsState="audit-mode")
    allowed = [{"Name": "image-allowed", "Values": ["false"]}]
    assert len(ec2.describe_images(Owners=["amazon"], Filters=allowed)["Images"]) > 10
    ec2.enable_allowed_images_settings(AllowedImagesSettingsState="enabled")
    names = {one["Name"].split("-")[0] for one in ec2.describe_images()["Images"]}
    assert names == {"al2023", "an image"}
    assert ec2.get_allowed_images_settings()["State"] == "enabled"
    ec2.disable_allowed_images_settings()
    assert len(ec2.describe_images(Owners=["amazon"])["Images"]) > 10


def test_marks_and_types_stay_with_what_is_made_of_an_image(aws, ec2, image, clock):
    key = ec2.attach_image_watermark(ImageId=image, WatermarkName="approved")["WatermarkKey"]
    assert key == f"{aws.id}:approved"
    copy = ec2.copy_image(Name="copy", SourceImageId=image, SourceRegion="us-east-1")["ImageId"]
    found = ec2.describe_images(Filters=[{"Name": "image-watermark.watermark-key", "Values": ["*:approved"]}])
    assert {one["ImageId"] for one in found["Images"]} == {image, copy}
    ec2.detach_image_watermark(ImageId=image, WatermarkKey=key)
    ec2.replace_image_instance_type_specification(
        ImageId=image, InstanceTypeSpecification={"SupportedInstanceTypes": ["t3.*"]}
    )
    assert told(ec2, image)["InstanceTypeSpecification"]["SupportedInstanceTypes"]
