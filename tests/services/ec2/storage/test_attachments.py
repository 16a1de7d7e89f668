"""Volumes and instances."""

from __future__ import annotations


def state(ec2, what):
    return ec2.describe_volumes(VolumeIds=[what])["Volumes"][0]


def test_a_volume_is_attached_and_detached(ec2, instance, volume, clock, refused):
    one, disk = instance(), volume()
    told = ec2.attach_volume(VolumeId=disk, InstanceId=one, Device="/dev/sdf")
    assert (told["State"], told["Device"], told["DeleteOnTermination"]) == ("attaching", "/dev/sdf", False)
    clock.advance(5)
    attached = state(ec2, disk)
    assert attached["State"] == "in-use" and attached["Attachments"][0]["State"] == "attached"
    ec2.get_waiter("volume_in_use").wait(VolumeIds=[disk])
    with refused("VolumeInUse", "is already attached to an instance"):
        ec2.attach_volume(VolumeId=disk, InstanceId=one, Device="/dev/sdg")
    with refused("VolumeInUse", f"is currently attached to {one}"):
        ec2.delete_volume(VolumeId=disk)
    with refused("InvalidParameterValue", "already in use"):
        ec2.attach_volume(VolumeId=volume(), InstanceId=one, Device="/dev/sdf")
    with refused("InvalidAttachment.NotFound"):
        ec2.detach_volume(VolumeId=disk, Device="/dev/sdz")
    assert ec2.detach_volume(VolumeId=disk)["State"] == "detaching"
    clock.advance(5)
    assert (state(ec2, disk)["State"], state(ec2, disk)["Attachments"]) == ("available", [])
    with refused("IncorrectState"):
        ec2.detach_volume(VolumeId=disk)


def test_a_volume_is_only_attached_in_its_own_zone_and_to_what_there_is(ec2, instance, volume, refused):
    one = instance()
    with refused("InvalidVolume.ZoneMismatch"):
        ec2.attach_volume(VolumeId=volume(AvailabilityZone="us-east-1b"), InstanceId=one, Device="/dev/sdf")
    with refused("InvalidInstanceID.NotFound"):
        ec2.attach_volume(VolumeId=volume(), InstanceId="i-0123456789abcdef0", Device="/dev/sdf")
    with refused("InvalidParameterValue"):
        ec2.attach_volume(VolumeId=volume(), InstanceId=one, Device="C:")


def test_the_root_volume_stays_while_the_instance_runs_and_goes_with_it(ec2, instance, volume, clock, refused):
    one, data = instance(), volume()
    ec2.attach_volume(VolumeId=data, InstanceId=one, Device="/dev/sdf")
    root = ec2.describe_volumes(
        Filters=[
            {"Name": "attachment.instance-id", "Values": [one]},
            {"Name": "attachment.delete-on-termination", "Values": ["true"]},
        ]
    )["Volumes"][0]["VolumeId"]
    with refused("OperationNotPermitted", "Unable to detach root volume"):
        ec2.detach_volume(VolumeId=root)
    ec2.terminate_instances(InstanceIds=[one])
    clock.advance(60)
    assert [disk["VolumeId"] for disk in ec2.describe_volumes()["Volumes"]] == [data]
    assert state(ec2, data)["State"] == "available"


def test_a_volume_with_multi_attach_is_attached_to_several(ec2, instance, volume, clock, refused):
    disk = volume(VolumeType="io2", Iops=100, MultiAttachEnabled=True)
    first, second = instance(), instance()
    for one in (first, second):
        ec2.attach_volume(VolumeId=disk, InstanceId=one, Device="/dev/sdf")
    clock.advance(5)
    assert {one["InstanceId"] for one in state(ec2, disk)["Attachments"]} == {first, second}
    with refused("InvalidParameterValue"):
        ec2.detach_volume(VolumeId=disk)
    ec2.detach_volume(VolumeId=disk, InstanceId=first)
    clock.advance(5)
    assert [one["InstanceId"] for one in state(ec2, disk)["Attachments"]] == [second]


def test_snapshots_of_all_volumes_of_an_instance(ec2, instance, volume, clock, refused):
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "role", "Value": "data"}]}]
    one, data = instance(), volume(TagSpecifications=tags)
    ec2.attach_volume(VolumeId=data, InstanceId=one, Device="/dev/sdf")
    clock.advance(5)
    made = ec2.create_snapshots(InstanceSpecification={"InstanceId": one}, CopyTagsFromSource="volume")["Snapshots"]
    assert len(made) == 2
    by_volume = {each["VolumeId"]: each for each in made}
    assert by_volume[data]["Tags"] == [{"Key": "role", "Value": "data"}]
    without = {"InstanceId": one, "ExcludeBootVolume": True}
    assert [each["VolumeId"] for each in ec2.create_snapshots(InstanceSpecification=without)["Snapshots"]] == [data]
    with refused("InvalidParameterValue"):
        excluded = {"InstanceId": one, "ExcludeDataVolumeIds": ["vol-0123456789abcdef0"]}
        ec2.create_snapshots(InstanceSpecification=excluded)


def test_an_image_of_an_instance_has_its_volumes_and_starts_another(ec2, instance, volume, clock):
    one, data = instance(), volume(Size=2)
    ec2.attach_volume(VolumeId=data, InstanceId=one, Device="/dev/sdf")
    clock.advance(5)
    image = ec2.create_image(InstanceId=one, Name="golden", NoReboot=True, Description="d")["ImageId"]
    assert ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "pending"
    clock.advance(10)
    ec2.get_waiter("image_available").wait(ImageIds=[image])
    told = ec2.describe_images(ImageIds=[image])["Images"][0]
    assert told["SourceInstanceId"] == one and told["Public"] is False
    devices = {mapping["DeviceName"]: mapping["Ebs"] for mapping in told["BlockDeviceMappings"]}
    assert devices["/dev/sdf"]["VolumeSize"] == 2 and devices["/dev/sdf"]["DeleteOnTermination"] is False
    assert devices["/dev/xvda"]["DeleteOnTermination"] is True
    other = instance(ImageId=image)
    found = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [other]}])["Volumes"]
    assert {disk["SnapshotId"] for disk in found} == {device["SnapshotId"] for device in devices.values()}
