"""Storage Lens: configurations and groups, and the numbers that are told of every day."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pileus
from pileus.services.s3.objects import Object
from pileus.services.s3.versions import Version
from pileus.services.s3control.lens_counting import Prefixes
from pileus.testing.account import Account
from tests.services.s3.conftest import fresh, put, read

from .conftest import control_of

DAY = 86_400
DEFAULT = "default-account-dashboard"


def configuration(name: str, **more: Any) -> dict[str, Any]:
    return {"Id": name, "IsEnabled": True, "AccountLevel": {"BucketLevel": {}}, **more}


def test_configurations(control: Any, aws: Account, bucket: str, refused: Any) -> None:
    mine = {"AccountId": aws.id}
    (only,) = control.list_storage_lens_configurations(**mine)["StorageLensConfigurationList"]
    assert (only["Id"], only["HomeRegion"], only["IsEnabled"]) == (DEFAULT, "us-east-1", True)
    assert control.get_storage_lens_configuration(**mine, ConfigId=DEFAULT)["StorageLensConfiguration"]["IsEnabled"]
    with refused("InvalidRequest"):
        control.delete_storage_lens_configuration(**mine, ConfigId=DEFAULT)
    with refused("NoSuchConfiguration"):
        control.get_storage_lens_configuration(**mine, ConfigId="none")
    off = {**configuration(DEFAULT), "IsEnabled": False}
    control.put_storage_lens_configuration(**mine, ConfigId=DEFAULT, StorageLensConfiguration=off)
    (only,) = control.list_storage_lens_configurations(**mine)["StorageLensConfigurationList"]
    assert only["IsEnabled"] is False

    wanted = configuration("mine", Include={"Regions": ["us-east-1"]})
    tags = [{"Key": "team", "Value": "a"}]
    control.put_storage_lens_configuration(**mine, ConfigId="mine", StorageLensConfiguration=wanted, Tags=tags)
    found = control.get_storage_lens_configuration(**mine, ConfigId="mine")["StorageLensConfiguration"]
    assert found.pop("StorageLensArn") == f"arn:aws:s3:us-east-1:{aws.id}:storage-lens/mine"
    assert found == wanted
    assert control.get_storage_lens_configuration_tagging(**mine, ConfigId="mine")["Tags"] == tags
    control.put_storage_lens_configuration_tagging(**mine, ConfigId="mine", Tags=[{"Key": "k", "Value": "v"}])
    control.put_storage_lens_configuration(**mine, ConfigId="mine", StorageLensConfiguration=wanted)
    told = control.get_storage_lens_configuration_tagging(**mine, ConfigId="mine")["Tags"]
    assert told == [{"Key": "k", "Value": "v"}]
    control.delete_storage_lens_configuration_tagging(**mine, ConfigId="mine")
    assert control.get_storage_lens_configuration_tagging(**mine, ConfigId="mine")["Tags"] == []
    for wrong in (
        configuration("other"),
        configuration("mine", Include={"Regions": ["us-east-1"]}, Exclude={"Regions": ["eu-west-1"]}),
    ):
        with refused("InvalidRequest"):
            control.put_storage_lens_configuration(**mine, ConfigId="mine", StorageLensConfiguration=wrong)
    nowhere = {"Format": "CSV", "OutputSchemaVersion": "V_1", "AccountId": aws.id, "Arn": f"arn:aws:s3:::{fresh()}"}
    with refused("NoSuchBucket"):
        control.put_storage_lens_configuration(
            **mine,
            ConfigId="mine",
            StorageLensConfiguration=configuration("mine", DataExport={"S3BucketDestination": nowhere}),
        )
    organization = {"Arn": "arn:aws:organizations::123456789012:organization/o-abcdefghij"}
    with refused("InvalidRequest"):
        wanted = configuration("mine", AwsOrg=organization)
        control.put_storage_lens_configuration(**mine, ConfigId="mine", StorageLensConfiguration=wanted)
    slow = {"AdvancedPerformanceMetrics": {"IsEnabled": True}, "BucketLevel": {}}
    with refused("NotImplemented"):
        wanted = {**configuration("mine"), "AccountLevel": slow}
        control.put_storage_lens_configuration(**mine, ConfigId="mine", StorageLensConfiguration=wanted)
    control.delete_storage_lens_configuration(**mine, ConfigId="mine")
    with refused("NoSuchConfiguration"):
        control.get_storage_lens_configuration_tagging(**mine, ConfigId="mine")


def test_groups(control: Any, aws: Account, refused: Any) -> None:
    mine = {"AccountId": aws.id}
    logs = {"Name": "logs", "Filter": {"MatchAnySuffix": [".log"]}}
    control.create_storage_lens_group(**mine, StorageLensGroup=logs, Tags=[{"Key": "k", "Value": "v"}])
    with refused("StorageLensGroupAlreadyExists"):
        control.create_storage_lens_group(**mine, StorageLensGroup=logs)
    found = control.get_storage_lens_group(**mine, Name="logs")["StorageLensGroup"]
    arn = f"arn:aws:s3:us-east-1:{aws.id}:storage-lens-group/logs"
    assert found == {**logs, "StorageLensGroupArn": arn}
    assert control.list_tags_for_resource(**mine, ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    for wrong in (
        {},
        {"MatchAnySuffix": [], "MatchAnyPrefix": ["a"]},
        {"And": {"MatchAnyPrefix": ["a"]}},
        {"MatchObjectSize": {"BytesGreaterThan": 10, "BytesLessThan": 5}},
        {"MatchAnyPrefix": [str(number) for number in range(11)]},
    ):
        with refused("InvalidRequest"):
            control.update_storage_lens_group(**mine, Name="logs", StorageLensGroup={"Name": "logs", "Filter": wrong})
    control.update_storage_lens_group(
        **mine, Name="logs", StorageLensGroup={"Name": "logs", "Filter": {"MatchAnyPrefix": ["logs/"]}}
    )
    assert [each["Name"] for each in control.list_storage_lens_groups(**mine)["StorageLensGroupList"]] == ["logs"]
    control.delete_storage_lens_group(**mine, Name="logs")
    with refused("NoSuchConfiguration"):
        control.get_storage_lens_group(**mine, Name="logs")


@pytest.fixture
def reports(aws: Account) -> str:
    """A bucket that lets Storage Lens in."""
    name = fresh()
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "storage-lens.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/out/StorageLens/{aws.id}/*",
        "Condition": {
            "StringEquals": {
                "s3:x-amz-acl": "bucket-owner-full-control",
                "aws:SourceAccount": aws.id,
                "aws:SourceArn": f"arn:aws:s3:us-east-1:{aws.id}:storage-lens/daily",
            }
        },
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return name


def fill(aws: Account, name: str) -> None:
    """A bucket with something of everything."""
    s3 = aws.client("s3")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    put(s3, name, "a/x/1", b"1" * 600)
    put(s3, name, "a/x/1", b"1" * 500)  # the older one, of 600 bytes, is noncurrent now
    put(s3, name, "a/y/2.log", b"2" * 300, StorageClass="STANDARD_IA", Tagging="team=a")
    put(s3, name, "b/3", b"3" * 5)
    put(s3, name, "gone", b"4" * 10)
    s3.delete_object(Bucket=name, Key="gone")
    upload = s3.create_multipart_upload(Bucket=name, Key="big")["UploadId"]
    s3.upload_part(Bucket=name, Key="big", UploadId=upload, PartNumber=1, Body=b"5" * 40)
    expiry = {"Status": "Enabled", "Filter": {"Prefix": "never/"}, "Expiration": {"Days": 1000}}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [expiry]})


def exported(s3: Any, reports: str, day: str, kind: str = "CSV") -> tuple[dict[str, Any], bytes]:
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=reports).get("Contents", [])]
    (place,) = [key for key in keys if key.endswith(f"/manifests/dt={day}/manifest.json")]
    manifest = json.loads(read(s3, reports, place))
    (file,) = manifest["reportFiles"]
    body = read(s3, reports, file["key"])
    assert (manifest["reportFormat"], manifest["reportDate"], manifest["configId"]) == (kind, day, "daily")
    assert (file["size"], file["md5Checksum"]) == (len(body), hashlib.md5(body, usedforsecurity=False).hexdigest())
    return manifest, body


def figures(body: bytes, record: str, value: str = "", bucket: str = "") -> dict[tuple[str, str], int]:
    rows = csv.DictReader(io.StringIO(body.decode()))
    return {
        (row["storage_class"], row["metric_name"]): int(row["metric_value"])
        for row in rows
        if (row["record_type"], row["record_value"], row["bucket_name"]) == (record, value, bucket)
    }


def test_the_daily_export_has_the_true_numbers(
    control: Any, aws: Account, bucket: str, reports: str, clock: Any
) -> None:
    s3, mine = aws.client("s3"), {"AccountId": aws.id}
    group = {
        "Name": "heavy",
        "Filter": {"And": {"MatchAnyPrefix": ["a/"], "MatchObjectSize": {"BytesLessThan": 550}}},
    }
    control.create_storage_lens_group(**mine, StorageLensGroup=group)
    heavy = control.get_storage_lens_group(**mine, Name="heavy")["StorageLensGroup"]["StorageLensGroupArn"]
    on = {"IsEnabled": True}
    criteria = {"Delimiter": "/", "MaxDepth": 2, "MinStorageBytesPercentage": 1.0}
    content = configuration(
        "daily",
        AccountLevel={
            "AdvancedCostOptimizationMetrics": on,
            "BucketLevel": {
                "ActivityMetrics": on,
                "DetailedStatusCodesMetrics": on,
                "PrefixLevel": {"StorageMetrics": {"IsEnabled": True, "SelectionCriteria": criteria}},
            },
            "StorageLensGroupLevel": {},
        },
        Exclude={"Buckets": [f"arn:aws:s3:::{reports}"]},
        DataExport={
            "S3BucketDestination": {
                "Format": "CSV",
                "OutputSchemaVersion": "V_1",
                "AccountId": aws.id,
                "Arn": f"arn:aws:s3:::{reports}",
                "Prefix": "out",
                "Encryption": {"SSES3": {}},
            },
            "CloudWatchMetrics": on,
        },
    )
    control.put_storage_lens_configuration(**mine, ConfigId="daily", StorageLensConfiguration=content)
    fill(aws, bucket)
    late = fresh()
    s3.create_bucket(Bucket=late)  # which is observed too
    put(s3, late, "k", b"1" * 7)
    read(s3, late, "k")
    with pytest.raises(s3.exceptions.NoSuchKey):
        read(s3, late, "none")
    day = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%d")
    clock.advance(DAY)

    manifest, body = exported(s3, reports, day)
    assert manifest["reportSchema"] == body.decode().splitlines()[0]
    own = figures(body, "BUCKET", bucket=bucket)
    marker = len("gone")
    assert own["STANDARD", "StorageBytes"] == 600 + 500 + 5 + 10 + 40 + marker
    assert own["STANDARD", "ObjectCount"] == 6
    assert (own["STANDARD_IA", "StorageBytes"], own["STANDARD_IA", "ObjectCount"]) == (300, 1)
    assert own["STANDARD", "CurrentVersionStorageBytes"] == 505
    assert own["STANDARD", "NonCurrentVersionStorageBytes"] == 600 + 10
    assert own["STANDARD", "DeleteMarkerObjectCount"] == 1
    assert own["STANDARD", "IncompleteMultipartUploadStorageBytes"] == 40
    assert ("STANDARD", "IncompleteMPUObjectCountOlderThan7Days") not in own
    assert own["", "VersioningEnabledBucketCount"] == 1
    assert ("", "TotalLifecycleRuleCount") not in own  # it is asked for of the account only
    requests = figures(body, "BUCKET", bucket=late)
    assert requests["", "GetRequests"] == 2 and requests["", "PutRequests"] == 2
    assert (requests["", "BytesUploaded"], requests["", "4xxErrors"]) == (7, 1)
    assert requests["", "404NotFoundErrorCount"] == 1

    account = figures(body, "ACCOUNT")
    assert account["STANDARD", "StorageBytes"] == own["STANDARD", "StorageBytes"] + 7
    assert (account["", "VersioningEnabledBucketCount"], account["", "TotalLifecycleRuleCount"]) == (1, 1)
    assert ("", "GetRequests") not in account

    prefixes = {value: figures(body, "PREFIX", value, bucket) for value in ("a/", "a/x/", "a/y/", "b/")}
    assert prefixes["a/"]["STANDARD", "StorageBytes"] == 1100
    assert prefixes["a/y/"] == {("STANDARD_IA", "StorageBytes"): 300, ("STANDARD_IA", "ObjectCount"): 1}
    assert prefixes["b/"] == {}  # less than one hundredth
    inside = figures(body, "STORAGE_LENS_GROUP_BUCKET", heavy, bucket)
    assert (inside["STANDARD", "StorageBytes"], inside["STANDARD_IA", "StorageBytes"]) == (500, 300)
    assert figures(body, "STORAGE_LENS_GROUP_ACCOUNT", heavy) == inside

    dimensions = {
        "configuration_id": "daily",
        "metrics_version": "1.0",
        "aws_account_number": aws.id,
        "aws_region": "us-east-1",
        "record_type": "BUCKET",
        "bucket_name": bucket,
        "storage_class": "STANDARD",
    }
    found = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/S3/Storage-Lens",
        MetricName="StorageBytes",
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=datetime.fromtimestamp(clock.now() - 2 * DAY, UTC),
        EndTime=datetime.fromtimestamp(clock.now(), UTC),
        Period=DAY,
        Statistics=["Sum"],
    )["Datapoints"]
    assert [point["Sum"] for point in found] == [own["STANDARD", "StorageBytes"]]

    # another day as Parquet, when the upload has become old; then no more
    import pyarrow.parquet

    content["DataExport"]["S3BucketDestination"]["Format"] = "Parquet"
    control.put_storage_lens_configuration(**mine, ConfigId="daily", StorageLensConfiguration=content)
    clock.advance(7 * DAY)
    day = datetime.fromtimestamp(clock.now() - DAY, UTC).strftime("%Y-%m-%d")
    manifest, body = exported(s3, reports, day, "Parquet")
    assert manifest["reportSchema"].startswith("message s3.storage.lens { required string version_number;")
    rows = pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist()
    (old,) = [
        row
        for row in rows
        if row["bucket_name"] == bucket and row["metric_name"] == "IncompleteMPUStorageBytesOlderThan7Days"
    ]
    assert old["metric_value"] == 40
    control.delete_storage_lens_configuration(**mine, ConfigId="daily")
    before = s3.list_objects_v2(Bucket=reports)["KeyCount"]
    clock.advance(2 * DAY)
    assert s3.list_objects_v2(Bucket=reports)["KeyCount"] == before


def test_the_days_are_rows_of_tables(control: Any, aws: Account, cloud: pileus.LocalCloud, bucket: str) -> None:
    pytest.importorskip("pyiceberg", reason="pyiceberg is not installed")
    pytest.importorskip("fastavro", reason="fastavro is not installed")
    from pileus.services.s3control.lens_tables import column
    from tests.services.s3tables.conftest import catalog

    s3 = aws.client("s3")
    put(s3, bucket, "a", b"12345")
    put(s3, bucket, "b", b"1", StorageClass="STANDARD_IA")
    level = {"ActivityMetrics": {"IsEnabled": True}}
    wanted = {
        **configuration("My-lens", DataExport={"StorageLensTableDestination": {"IsEnabled": True}}),
        "AccountLevel": {**level, "BucketLevel": level},
    }
    control.put_storage_lens_configuration(AccountId=aws.id, ConfigId="My-lens", StorageLensConfiguration=wanted)
    read(s3, bucket, "a")
    cloud.clock.advance(2 * DAY)
    arn = f"arn:aws:s3tables:us-east-1:{aws.id}:bucket/aws-s3"
    tables = catalog(aws, arn)
    space = "lens_my_lens_exp"
    names = [name for _, name in tables.list_tables(space)]
    assert names == ["bucket_property_metrics", "default_activity_metrics", "default_storage_metrics"]
    stored = tables.load_table(f"{space}.default_storage_metrics").scan().to_arrow().to_pylist()
    assert len({row["report_time"] for row in stored}) == 2, "two days"
    sizes = {
        (row["record_type"], row["storage_class"]): (row["storage_bytes"], row["object_count"])
        for row in stored
        if row["bucket_name"] in (bucket, None)
    }
    assert sizes["BUCKET", "STANDARD"] == sizes["ACCOUNT", "STANDARD"] == (5, 1)
    assert sizes["BUCKET", "STANDARD_IA"] == (1, 1)
    (first, *_) = sorted(
        tables.load_table(f"{space}.default_activity_metrics")
        .scan(row_filter="record_type = 'BUCKET'")
        .to_arrow()
        .to_pylist(),
        key=lambda row: row["report_time"],
    )
    assert (first["get_requests"], first["bytes_downloaded"]) == (1, 5)
    settled = tables.load_table(f"{space}.bucket_property_metrics").scan().to_arrow().to_pylist()
    assert {row["versioning_enabled_bucket_count"] for row in settled} == {0}
    assert column("SSEKMSEnabledBucketCount") == "sse_kms_enabled_bucket_count"
    assert column("IncompleteMPUObjectCountOlderThan7Days") == "incomplete_mpu_object_count_older_than_7_days"
    assert column("200OKStatusCount") == "200_ok_status_count"
    control.delete_storage_lens_configuration(AccountId=aws.id, ConfigId="My-lens")  # or it is measured for ever


def test_what_the_destination_does_not_allow_is_not_delivered(
    control: Any, aws: Account, bucket: str, clock: Any
) -> None:
    to = {"Format": "CSV", "OutputSchemaVersion": "V_1", "AccountId": aws.id, "Arn": f"arn:aws:s3:::{bucket}"}
    content = configuration("daily", DataExport={"S3BucketDestination": to})
    control.put_storage_lens_configuration(AccountId=aws.id, ConfigId="daily", StorageLensConfiguration=content)
    clock.advance(DAY)
    assert aws.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    control.delete_storage_lens_configuration(AccountId=aws.id, ConfigId="daily")


def test_an_organization_is_measured_as_a_whole(
    control: Any, aws: Account, bucket: str, reports: str, cloud: pileus.LocalCloud, clock: Any, refused: Any
) -> None:
    organizations = aws.client("organizations")
    arn = organizations.create_organization()["Organization"]["Arn"]
    member, stranger = cloud.account(), cloud.account()
    shake = organizations.invite_account_to_organization(Target={"Id": member.id, "Type": "ACCOUNT"})["Handshake"]
    member.client("organizations").accept_handshake(HandshakeId=shake["Id"])
    theirs = member.client("s3")
    name = fresh()
    theirs.create_bucket(Bucket=name)
    to = {"Format": "CSV", "OutputSchemaVersion": "V_1", "AccountId": aws.id, "Arn": f"arn:aws:s3:::{reports}"}
    content = configuration(
        "daily",
        AwsOrg={"Arn": arn},
        AccountLevel={"ActivityMetrics": {"IsEnabled": True}, "BucketLevel": {}},
        DataExport={"S3BucketDestination": to | {"Prefix": "out"}},
    )
    asked = {"ConfigId": "daily", "StorageLensConfiguration": content}
    with refused("InvalidRequest", "Trusted access"):
        control.put_storage_lens_configuration(AccountId=aws.id, **asked)
    organizations.enable_aws_service_access(ServicePrincipal="storage-lens.s3.amazonaws.com")
    control.put_storage_lens_configuration(AccountId=aws.id, **asked)
    with refused("AccessDenied"):
        control_of(member).put_storage_lens_configuration(AccountId=member.id, **asked)
    with refused("InvalidRequest"):
        control_of(stranger).put_storage_lens_configuration(AccountId=stranger.id, **asked)
    put(theirs, name, "k", b"12345")
    put(aws.client("s3"), bucket, "k", b"123")
    abroad, far = fresh(), aws.client("s3", "eu-west-1")
    far.create_bucket(Bucket=abroad, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    put(far, abroad, "k", b"1234567")
    day = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%d")
    clock.advance(DAY)
    _, body = exported(aws.client("s3"), reports, day)
    rows = [row for row in csv.DictReader(io.StringIO(body.decode())) if row["record_type"] == "ACCOUNT"]
    names = ("aws_account_number", "aws_region", "storage_class", "metric_name")
    told = {tuple(row[name] for name in names): row["metric_value"] for row in rows}
    assert told[member.id, "us-east-1", "STANDARD", "CurrentVersionStorageBytes"] == "5"
    assert told[member.id, "us-east-1", "", "PutRequests"] == "1"
    assert told[aws.id, "us-east-1", "STANDARD", "CurrentVersionStorageBytes"] == "3"
    assert told[aws.id, "eu-west-1", "STANDARD", "CurrentVersionStorageBytes"] == "7"


KEYS = st.dictionaries(st.text("ab/", min_size=1, max_size=7), st.integers(0, 50), max_size=25)


@given(KEYS, st.sampled_from([1.0, 10.0, 34.0, 100.0]), st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_prefixes_are_those_that_hold_their_share(objects: dict[str, int], share: float, depth: int) -> None:
    prefixes = Prefixes({"MaxDepth": depth, "MinStorageBytesPercentage": share})
    for name, size in sorted(objects.items()):
        held = Object(room="r", name=name, etag="", size=size, modified=0.0, owner="o")
        prefixes.add(Version.of(held))
    total = sum(objects.values())
    wanted: dict[str, int] = {}
    for name, size in objects.items():
        parts = name.split("/")[:-1][:depth]
        for deep in range(len(parts)):
            prefix = "/".join(parts[: deep + 1]) + "/"
            wanted[prefix] = wanted.get(prefix, 0) + size
    told = {name: sums["STANDARD", "StorageBytes"] for name, sums in prefixes.done().items()}
    assert told == {name: size for name, size in wanted.items() if total and size >= share / 100 * total}
