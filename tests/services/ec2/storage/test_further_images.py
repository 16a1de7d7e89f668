"""Images of FPGAs, Windows images that are prepared."""

from __future__ import annotations

import io
import tarfile


def design():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("manifest.txt"))
    return data.getvalue()


def test_fpga_images_are_ingested_shared_and_copied(aws, ec2, cloud, clock, refused):
    bucket, s3 = f"designs-{aws.id}", aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="good.tar", Body=design())
    s3.put_object(Bucket=bucket, Key="bad.tar", Body=b"no tar")
    logs = {"Bucket": bucket, "Key": "logs"}
    good, bad = (
        ec2.create_fpga_image(InputStorageLocation={"Bucket": bucket, "Key": key}, LogsStorageLocation=logs, Name=key)[
            "FpgaImageId"
        ]
        for key in ("good.tar", "bad.tar")
    )
    clock.advance(3600)
    states = {one["FpgaImageId"]: one["State"]["Code"] for one in ec2.describe_fpga_images()["FpgaImages"]}
    assert states == {good: "available", bad: "failed"}
    assert b"available" in s3.get_object(Bucket=bucket, Key=f"logs/{good}/State")["Body"].read()
    other = cloud.account()
    theirs = other.client("ec2")
    with refused("InvalidFpgaImageID.NotFound"):
        theirs.describe_fpga_images(FpgaImageIds=[good])
    with refused("InvalidParameterCombination"):
        ec2.modify_fpga_image_attribute(FpgaImageId=good, Name="n", Description="d")
    ec2.modify_fpga_image_attribute(FpgaImageId=good, LoadPermission={"Add": [{"UserId": other.id}]})
    assert theirs.describe_fpga_images(Owners=[aws.id])["FpgaImages"][0]["FpgaImageId"] == good
    copy = other.client("ec2", region_name="eu-west-1").copy_fpga_image(
        SourceFpgaImageId=good, SourceRegion="us-east-1", Name="copy"
    )["FpgaImageId"]
    [found] = other.client("ec2", region_name="eu-west-1").describe_fpga_images(FpgaImageIds=[copy])["FpgaImages"]
    assert found["Name"] == "copy" and found["FpgaImageGlobalId"].startswith("agfi-")
    ec2.reset_fpga_image_attribute(FpgaImageId=good)
    told = ec2.describe_fpga_image_attribute(FpgaImageId=good, Attribute="loadPermission")["FpgaImageAttribute"]
    assert told["LoadPermissions"] == []
    ec2.delete_fpga_image(FpgaImageId=good)
    with refused("InvalidFpgaImageID.NotFound"):
        ec2.delete_fpga_image(FpgaImageId=good)


def test_fast_launch_is_for_windows_images_of_ones_own(ec2, clock, refused):
    windows = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "platform", "Values": ["windows"]}])["Images"]
    with refused("AuthFailure"):
        ec2.enable_fast_launch(ImageId=windows[0]["ImageId"])
    copied = {"Name": "own", "SourceImageId": windows[0]["ImageId"], "SourceRegion": "us-east-1"}
    with refused("InvalidParameterValue"):
        ec2.copy_image(**copied, SnapshotCopyCompletionDurationMinutes=7)
    own = ec2.copy_image(**copied, SnapshotCopyCompletionDurationMinutes=60)["ImageId"]
    snapshot = ec2.describe_images(ImageIds=[own])["Images"][0]["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    assert ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["TransferType"] == "time-based"
    with refused("InvalidParameterValue"):
        ec2.enable_fast_launch(ImageId=own, MaxParallelLaunches=2)
    assert ec2.enable_fast_launch(ImageId=own, MaxParallelLaunches=8)["State"] == "enabling"
    clock.advance(120)
    [found] = ec2.describe_fast_launch_images(Filters=[{"Name": "state", "Values": ["enabled"]}])["FastLaunchImages"]
    assert (found["ImageId"], found["MaxParallelLaunches"]) == (own, 8)
    assert ec2.disable_fast_launch(ImageId=own)["State"] == "disabling"
    clock.advance(120)
    assert ec2.describe_fast_launch_images()["FastLaunchImages"] == []


def test_an_images_owner_sees_which_accounts_use_it(aws, ec2, volume, cloud, clock, refused):
    snapshot = ec2.create_snapshot(VolumeId=volume())["SnapshotId"]
    clock.advance(30)
    mapping = {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}
    image = ec2.register_image(
        Name="own", RootDeviceName="/dev/xvda", VirtualizationType="hvm", BlockDeviceMappings=[mapping]
    )["ImageId"]
    other = cloud.account()
    theirs = other.client("ec2")
    with refused("InvalidAMIID.NotFound"):
        theirs.create_image_usage_report(ImageId=image, ResourceTypes=[{"ResourceType": "ec2:Instance"}])
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": other.id}]})
    for client, name in ((theirs, "theirs"), (ec2, "own")):
        client.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"ImageId": image})
    aws.client("ssm").put_parameter(Name="golden", Value=image, Type="String", DataType="aws:ec2:image")
    wanted = [{"ResourceType": "ec2:Instance"}, {"ResourceType": "ec2:LaunchTemplate"}]
    report = ec2.create_image_usage_report(ImageId=image, ResourceTypes=wanted)["ReportId"]
    assert ec2.describe_image_usage_reports(ReportIds=[report])["ImageUsageReports"][0]["State"] == "pending"
    clock.advance(60)
    assert ec2.describe_image_usage_reports(ImageIds=[image])["ImageUsageReports"][0]["State"] == "available"
    entries = ec2.describe_image_usage_report_entries(ReportIds=[report])["ImageUsageReportEntries"]
    assert {(one["AccountId"], one["ResourceType"], one["UsageCount"]) for one in entries} == {
        (aws.id, "ec2:LaunchTemplate", 1),
        (other.id, "ec2:LaunchTemplate", 1),
    }
    references = ec2.describe_image_references(ImageIds=[image], IncludeAllResourceTypes=True)["ImageReferences"]
    assert {one["ResourceType"] for one in references} == {"ec2:LaunchTemplate", "ssm:Parameter"}
    assert ec2.get_image_findings(ImageId=image)["ImageFindings"] == []
    ec2.delete_image_usage_report(ReportId=report)
    with refused("InvalidImageUsageReportId.NotFound"):
        ec2.describe_image_usage_reports(ReportIds=[report])
