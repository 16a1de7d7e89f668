"""Exporting images and instances as disks of virtual machines; importing volumes by a manifest."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import struct
import subprocess
import tarfile
import zlib

import pytest

from pileus.engines.disks.formats import FORMATS
from pileus.engines.machine.survey import unable

MIB = 1 << 20


@pytest.fixture
def bucket(aws):
    aws.client("s3").create_bucket(Bucket=f"exports-{aws.id}")
    return f"exports-{aws.id}"


def inflated(data, path):
    """A stream-optimised VMDK as a sparse file."""
    fields = struct.unpack_from("<4sIIQQQQIQQQ", data)
    assert fields[0] == b"KDMV" and b'createType="streamOptimized"' in data[512:4096]
    with path.open("wb") as disk:
        disk.truncate(fields[3] * 512)
        place = fields[10] * 512
        while place < len(data):
            at, size = struct.unpack_from("<QI", data, place)
            if size:
                disk.seek(at * 512)
                disk.write(zlib.decompress(data[place + 12 : place + 12 + size]))
                place += -(-(12 + size) // 512) * 512
            else:
                place += 512 + at * 512
    return path


def read(disk, name):
    return subprocess.run(["debugfs", "-R", f"cat {name}", str(disk)], capture_output=True, check=True).stdout


@pytest.mark.skipif(shutil.which("qemu-img") is None, reason="there is no qemu-img to hold it against")
@pytest.mark.parametrize(("form", "theirs"), [("VMDK", "vmdk"), ("VHD", "vpc"), ("RAW", "raw")])
def test_a_disk_is_the_same_in_every_format(tmp_path, form, theirs):
    source, made = tmp_path / "source", tmp_path / "made"
    with source.open("w+b") as disk:
        disk.truncate(100 * MIB)
        for at, text in ((0, b"start"), (37 * MIB + 11, b"middle" * 90000), (100 * MIB - 3, b"end")):
            disk.seek(at)
            disk.write(text)
        disk.flush()
        made.write_bytes(b"".join(FORMATS[form](disk, 100 * MIB)))
    done = subprocess.run(["qemu-img", "compare", "-f", "raw", "-F", theirs, source, made], capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_image_of_a_disk_is_exported_as_that_disk(aws, ec2, volume, bucket, clock, tmp_path, refused):
    ebs = aws.client("ebs")
    snapshot = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    block = b"boot" * (512 * 1024 // 4)
    checksum = base64.b64encode(hashlib.sha256(block).digest()).decode()
    put = {"BlockIndex": 3, "BlockData": block, "DataLength": len(block)}
    ebs.put_snapshot_block(SnapshotId=snapshot, Checksum=checksum, ChecksumAlgorithm="SHA256", **put)
    ebs.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=1)
    clock.advance(30)
    mapping = {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}
    image = ec2.register_image(Name="own", RootDeviceName="/dev/xvda", BlockDeviceMappings=[mapping])["ImageId"]
    where = {"S3Bucket": bucket, "S3Prefix": "disks/"}
    public = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    with refused("AuthFailure"):
        ec2.export_image(ImageId=public, DiskImageFormat="VMDK", S3ExportLocation=where)
    with refused("InvalidParameterValue"):
        ec2.export_image(ImageId=image, DiskImageFormat="VMDK", S3ExportLocation={"S3Bucket": f"none-{aws.id}"})
    task = ec2.export_image(ImageId=image, DiskImageFormat="VMDK", S3ExportLocation=where)["ExportImageTaskId"]
    [told] = ec2.describe_export_image_tasks(ExportImageTaskIds=[task])["ExportImageTasks"]
    assert (told["Status"], told["Progress"]) == ("active", "0")
    clock.advance(10)
    [told] = ec2.describe_export_image_tasks(ExportImageTaskIds=[task])["ExportImageTasks"]
    assert told["Status"] == "completed", told
    data = aws.client("s3").get_object(Bucket=bucket, Key=f"disks/{task}.vmdk")["Body"].read()
    disk = inflated(data, tmp_path / "disk")
    assert disk.stat().st_size == 1 << 30
    with disk.open("rb") as file:
        file.seek(3 * len(block))
        assert file.read(len(block) + 1) == block + b"\0"
    with refused("IncorrectState"):
        ec2.cancel_export_task(ExportTaskId=task)


@pytest.mark.skipif(bool(unable()), reason=f"there can be no machines here: {unable()}")
def test_what_was_imported_is_exported_with_what_its_instance_changed(
    aws, ec2, instance, bucket, clock, tmp_path, refused
):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        entry = tarfile.TarInfo("etc/motd")
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"hello"))
    aws.client("s3").put_object(Bucket=bucket, Key="root.tar", Body=data.getvalue())
    container = {"Format": "tar", "UserBucket": {"S3Bucket": bucket, "S3Key": "root.tar"}}
    task = ec2.import_image(DiskContainers=[container])["ImportTaskId"]
    clock.advance(10)
    image = ec2.describe_import_image_tasks(ImportTaskIds=[task])["ImportImageTasks"][0]["ImageId"]
    where = {"S3Bucket": bucket}
    exported = ec2.export_image(ImageId=image, DiskImageFormat="VMDK", S3ExportLocation=where)["ExportImageTaskId"]
    other = instance()
    one = instance(ImageId=image)
    with refused("NotExportable"):
        ec2.create_instance_export_task(
            InstanceId=other, TargetEnvironment="vmware", ExportToS3Task={"S3Bucket": bucket}
        )
    asked = ec2.create_instance_export_task(
        InstanceId=one, TargetEnvironment="vmware", ExportToS3Task={"S3Bucket": bucket, "S3Prefix": "i/"}
    )["ExportTask"]
    assert asked["ExportToS3Task"]["S3Key"] == f"i/{asked['ExportTaskId']}.ova"
    clock.advance(10)
    [told] = ec2.describe_export_tasks(ExportTaskIds=[asked["ExportTaskId"]])["ExportTasks"]
    assert told["State"] == "completed", told
    s3 = aws.client("s3")
    whole = s3.get_object(Bucket=bucket, Key=f"{exported}.vmdk")["Body"].read()
    assert read(inflated(whole, tmp_path / "image"), "/etc/motd") == b"hello"
    package = io.BytesIO(s3.get_object(Bucket=bucket, Key=told["ExportToS3Task"]["S3Key"])["Body"].read())
    with tarfile.open(fileobj=package) as archive:
        described_by, disk = archive.getnames()
        assert described_by.endswith(".ovf")
        member = archive.extractfile(disk)
        assert member
        made = inflated(member.read(), tmp_path / "instance")
    assert read(made, "/etc/motd") == b"hello"
    assert read(made, "/etc/hostname").startswith(b"ip-")


def test_a_volume_is_made_of_the_parts_of_a_manifest(aws, ec2, bucket, clock, refused):
    s3 = aws.client("s3")
    parts = [b"a" * (5 * MIB), b"b" * 1000]

    def address(key, data):
        s3.put_object(Bucket=bucket, Key=key, Body=data)
        return s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})

    lines, start = [], 0
    for number, part in enumerate(parts):
        url = address(f"part{number}", part).replace("&", "&amp;")
        extent = f'<byte-range start="{start}" end="{start + len(part) - 1}"/>'
        lines.append(f'<part index="{number}">{extent}<key>part{number}</key><get-url>{url}</get-url></part>')
        start += len(part)
    manifest = f'<manifest><import><parts count="2">{"".join(lines)}</parts></import></manifest>'
    image = {"Format": "RAW", "Bytes": start, "ImportManifestUrl": address("manifest.xml", manifest.encode())}
    place = {"AvailabilityZone": "us-east-1a", "Volume": {"Size": 1}}
    task = ec2.import_volume(Image=image, **place)["ConversionTask"]
    bad = ec2.import_volume(Image=image | {"Format": "VMDK"}, **place)["ConversionTask"]["ConversionTaskId"]
    clock.advance(10)
    told = {one["ConversionTaskId"]: one for one in ec2.describe_conversion_tasks()["ConversionTasks"]}
    assert told[bad]["State"] == "cancelled" and "VMDK" in told[bad]["StatusMessage"]
    done = told[task["ConversionTaskId"]]
    assert (done["State"], done["ImportVolume"]["BytesConverted"]) == ("completed", start), done
    [made] = ec2.describe_volumes(VolumeIds=[done["ImportVolume"]["Volume"]["Id"]])["Volumes"]
    block = aws.client("ebs").get_snapshot_block
    listed = aws.client("ebs").list_snapshot_blocks(SnapshotId=made["SnapshotId"])["Blocks"]
    data = b"".join(block(SnapshotId=made["SnapshotId"], **one)["BlockData"].read() for one in listed)
    assert data.rstrip(b"\0") == b"".join(parts)
    with refused("IncorrectState"):
        ec2.cancel_conversion_task(ConversionTaskId=bad)
