"""Volumes change while they are used, are copied, and tell how they are."""

from __future__ import annotations

HOUR = 3600


def test_a_volume_is_changed_and_then_not_again_for_six_hours(ec2, volume, clock, refused):
    one = volume(VolumeType="gp3", Size=10)
    changed = ec2.modify_volume(VolumeId=one, Size=20, Iops=4000)["VolumeModification"]
    assert (changed["ModificationState"], changed["OriginalSize"], changed["TargetSize"]) == ("modifying", 10, 20)
    with refused("IncorrectModificationState"):
        ec2.modify_volume(VolumeId=one, Size=30)
    clock.advance(10)
    told = ec2.describe_volumes(VolumeIds=[one])["Volumes"][0]
    assert (told["Size"], told["Iops"], told["Throughput"]) == (20, 4000, 125)
    state = lambda: ec2.describe_volumes_modifications(VolumeIds=[one])["VolumesModifications"][0]  # noqa: E731
    assert state()["ModificationState"] == "optimizing"
    clock.advance(HOUR)
    assert (state()["ModificationState"], state()["Progress"]) == ("completed", 100)
    with refused("VolumeModificationRateExceeded", "6 hours"):
        ec2.modify_volume(VolumeId=one, Size=30)
    clock.advance(6 * HOUR)
    with refused("InvalidParameterValue", "New size cannot be smaller than existing size"):
        ec2.modify_volume(VolumeId=one, Size=10)
    back = ec2.modify_volume(VolumeId=one, VolumeType="gp2")["VolumeModification"]
    assert (back["OriginalThroughput"], back["TargetIops"]) == (125, 100) and "TargetThroughput" not in back


def test_a_modification_must_be_possible(ec2, volume, refused):
    one = volume(VolumeType="gp2", Size=10)
    with refused("InvalidVolumeModification.NotFound"):
        ec2.describe_volumes_modifications(VolumeIds=[one])
    with refused("InvalidParameterValue", "too small for volume type st1"):
        ec2.modify_volume(VolumeId=one, VolumeType="st1")
    with refused("MissingParameter"):
        ec2.modify_volume(VolumeId=one)
    assert ec2.describe_volumes_modifications()["VolumesModifications"] == []


def test_a_copy_of_a_volume_has_its_size_and_zone(ec2, volume, clock):
    one = volume(Size=4, AvailabilityZone="us-east-1c")
    copy = ec2.copy_volumes(SourceVolumeId=one, VolumeType="gp3", ClientToken="t")["Volumes"][0]
    assert (copy["SourceVolumeId"], copy["Size"], copy["AvailabilityZone"]) == (one, 4, "us-east-1c")
    again = ec2.copy_volumes(SourceVolumeId=one, VolumeType="gp3", ClientToken="t")["Volumes"][0]
    assert again["VolumeId"] == copy["VolumeId"]
    clock.advance(5)
    assert ec2.describe_volumes(VolumeIds=[copy["VolumeId"]])["Volumes"][0]["State"] == "available"


def test_the_status_of_a_volume_is_ok_and_its_attribute_kept(ec2, volume):
    one = volume()
    status = ec2.describe_volume_status(VolumeIds=[one])["VolumeStatuses"][0]
    assert status["VolumeStatus"]["Status"] == "ok"
    assert {"Name": "io-enabled", "Status": "passed"} in status["VolumeStatus"]["Details"]
    ec2.modify_volume_attribute(VolumeId=one, AutoEnableIO={"Value": True})
    kept = ec2.describe_volume_attribute(VolumeId=one, Attribute="autoEnableIO")
    assert kept["AutoEnableIO"]["Value"] is True
    ec2.enable_volume_io(VolumeId=one)
