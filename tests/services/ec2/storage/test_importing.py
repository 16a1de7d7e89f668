"""Importing disks and images from S3, and replacing roots."""

from __future__ import annotations

import io
import os
import tarfile

import pytest

from pileus.engines.machine.survey import unable

BLOCK = 512 * 1024


@pytest.fixture
def bucket(aws):
    aws.client("s3").create_bucket(Bucket=f"imports-{aws.id}")
    return f"imports-{aws.id}"


def put(aws, bucket, key, data):
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=data)
    return {"UserBucket": {"S3Bucket": bucket, "S3Key": key}}


def blocks(aws, snapshot):
    ebs = aws.client("ebs")
    listed = ebs.list_snapshot_blocks(SnapshotId=snapshot)["Blocks"]
    read = {one["BlockIndex"]: ebs.get_snapshot_block(SnapshotId=snapshot, **one) for one in listed}
    return {number: told["BlockData"].read() for number, told in read.items()}


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_raw_disk_becomes_a_snapshot_with_its_blocks(aws, ec2, bucket, clock, encrypted):
    disk = os.urandom(BLOCK) + bytes(BLOCK) + b"the end"
    container = {"Format": "raw"} | put(aws, bucket, "disk.raw", disk)
    task = ec2.import_snapshot(DiskContainer=container, Description="d", Encrypted=encrypted)
    assert task["SnapshotTaskDetail"]["Status"] == "active"
    clock.advance(10)
    (told,) = ec2.describe_import_snapshot_tasks(ImportTaskIds=[task["ImportTaskId"]])["ImportSnapshotTasks"]
    detail = told["SnapshotTaskDetail"]
    assert detail["Status"] == "completed" and detail["DiskImageSize"] == len(disk)
    assert blocks(aws, detail["SnapshotId"]) == {0: disk[:BLOCK], 2: b"the end".ljust(BLOCK, b"\0")}
    one = ec2.describe_snapshots(SnapshotIds=[detail["SnapshotId"]])["Snapshots"][0]
    assert (one["State"], one["VolumeSize"], one["Encrypted"]) == ("completed", 1, encrypted)


def test_what_cannot_be_imported_is_told_by_the_task(aws, ec2, bucket, clock, refused):
    absent = {"Format": "RAW", "UserBucket": {"S3Bucket": bucket, "S3Key": "none"}}
    strange = {"Format": "VMDK"} | put(aws, bucket, "disk.vmdk", b"KDMV")
    for container in (absent, strange):
        task = ec2.import_snapshot(DiskContainer=container)["ImportTaskId"]
        clock.advance(10)
        told = ec2.describe_import_snapshot_tasks(ImportTaskIds=[task])["ImportSnapshotTasks"][0]
        assert told["SnapshotTaskDetail"]["Status"] == "deleted" and told["SnapshotTaskDetail"]["StatusMessage"]
    task = ec2.import_snapshot(DiskContainer=strange)["ImportTaskId"]
    assert ec2.cancel_import_task(ImportTaskId=task)["State"] == "deleted"
    with refused("IncorrectState"):
        ec2.cancel_import_task(ImportTaskId=task)


@pytest.mark.skipif(bool(unable()), reason=f"there can be no machines here: {unable()}")
def test_an_archive_of_a_root_becomes_an_image(aws, ec2, bucket, clock):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        entry = tarfile.TarInfo("etc/motd")
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"hello"))
    container = {"Format": "tar"} | put(aws, bucket, "root.tar", data.getvalue())
    task = ec2.import_image(DiskContainers=[container], Architecture="x86_64", Description="d")["ImportTaskId"]
    clock.advance(10)
    (told,) = ec2.describe_import_image_tasks(ImportTaskIds=[task])["ImportImageTasks"]
    assert told["Status"] == "completed", told
    image = ec2.describe_images(ImageIds=[told["ImageId"]])["Images"][0]
    assert (image["State"], image["Name"]) == ("available", task)


def test_the_root_of_a_running_instance_is_replaced(ec2, instance, volume, clock, refused):
    one = instance()
    attached = [{"Name": "attachment.instance-id", "Values": [one]}]
    (old,) = ec2.describe_volumes(Filters=attached)["Volumes"]
    strange = ec2.create_snapshot(VolumeId=volume())["SnapshotId"]
    clock.advance(5)
    with refused("InvalidParameterValue"):
        ec2.create_replace_root_volume_task(InstanceId=one, SnapshotId=strange)
    task = ec2.create_replace_root_volume_task(InstanceId=one, DeleteReplacedRootVolume=True)
    assert task["ReplaceRootVolumeTask"]["TaskState"] == "pending"
    clock.advance(30)
    found = ec2.describe_replace_root_volume_tasks(Filters=[{"Name": "instance-id", "Values": [one]}])
    assert found["ReplaceRootVolumeTasks"][0]["TaskState"] == "succeeded"
    (new,) = ec2.describe_volumes(Filters=attached)["Volumes"]
    assert new["VolumeId"] != old["VolumeId"] and new["SnapshotId"] == old["SnapshotId"]
    with refused("InvalidVolume.NotFound"):
        ec2.describe_volumes(VolumeIds=[old["VolumeId"]])


def test_an_image_is_stored_in_s3_and_restored_with_its_blocks_elsewhere(aws, cloud, ec2, bucket, clock, refused):
    disk = os.urandom(2 * BLOCK)
    task = ec2.import_snapshot(DiskContainer={"Format": "RAW"} | put(aws, bucket, "disk.raw", disk), Encrypted=True)
    clock.advance(10)
    found = ec2.describe_import_snapshot_tasks(ImportTaskIds=[task["ImportTaskId"]])["ImportSnapshotTasks"][0]
    snapshot = found["SnapshotTaskDetail"]["SnapshotId"]
    root = [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}]
    image = ec2.register_image(Name="stored", RootDeviceName="/dev/xvda", BlockDeviceMappings=root)["ImageId"]
    key = ec2.create_store_image_task(ImageId=image, Bucket=bucket, S3ObjectTags=[{"Key": "a", "Value": "b"}])
    clock.advance(5)
    (told,) = ec2.describe_store_image_tasks(ImageIds=[image])["StoreImageTaskResults"]
    assert (told["StoreTaskState"], told["ProgressPercentage"]) == ("Completed", 100)
    tags = aws.client("s3").get_object_tagging(Bucket=bucket, Key=key["ObjectKey"])["TagSet"]
    assert tags == [{"Key": "a", "Value": "b"}]
    with refused("InvalidAMIName.Duplicate"):
        ec2.create_restore_image_task(Bucket=bucket, ObjectKey=key["ObjectKey"])
    again = ec2.create_restore_image_task(Bucket=bucket, ObjectKey=key["ObjectKey"], Name="again")["ImageId"]
    clock.advance(10)
    restored = ec2.describe_images(ImageIds=[again])["Images"][0]
    assert restored["State"] == "available"
    made = restored["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    assert made != snapshot and b"".join(blocks(aws, made).values()) == disk
    with refused("InvalidParameterValue"):
        ec2.create_restore_image_task(Bucket=bucket, ObjectKey="disk.raw", Name="none")
