"""Images that are there in every Region."""

from __future__ import annotations


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
