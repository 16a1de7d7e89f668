"""Batch operations: one thing done to every object of a manifest, as a role, with a report."""

from __future__ import annotations

import csv
import gzip
import io
import json
import uuid
from typing import Any

import pytest

from pileus.testing.account import Account
from tests.services.s3.conftest import fresh, put, read

KEYS = ("a", "dir/b", "with space & ü")


@pytest.fixture
def s3(aws: Account, bucket: str) -> Any:
    s3 = aws.client("s3")
    for key in KEYS:
        put(s3, bucket, key, key.encode())
    return s3


@pytest.fixture
def role(aws: Account) -> str:
    iam = aws.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "batchoperations.s3.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn: str = iam.create_role(RoleName="batch", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    allow(aws, "s3:*")
    return arn


def allow(aws: Account, actions: Any) -> None:
    one = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [one]})
    aws.client("iam").put_role_policy(RoleName="batch", PolicyName="p", PolicyDocument=document)


def listed(s3: Any, bucket: str, *rows: tuple[str, ...], fields: tuple[str, ...] = ("Bucket", "Key")) -> dict[str, Any]:
    """A manifest in CSV of those rows."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    etag = put(s3, bucket, "manifest.csv", text.getvalue().encode())["ETag"]
    location = {"ObjectArn": f"arn:aws:s3:::{bucket}/manifest.csv", "ETag": etag}
    return {"Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": list(fields)}, "Location": location}


def manifest(s3: Any, bucket: str, *keys: str) -> dict[str, Any]:
    from urllib.parse import quote

    return listed(s3, bucket, *((bucket, quote(key)) for key in keys or KEYS))


def job(control: Any, aws: Account, role: str, manifest: dict[str, Any], operation: dict[str, Any], **more: Any) -> str:
    made = control.create_job(
        **{
            "AccountId": aws.id,
            "Operation": operation,
            "Manifest": manifest,
            "Report": {"Enabled": False},
            "ClientRequestToken": uuid.uuid4().hex,
            "Priority": 10,
            "RoleArn": role,
            "ConfirmationRequired": False,
            **more,
        }
    )
    return str(made["JobId"])


def described(control: Any, aws: Account, job: str) -> dict[str, Any]:
    told: dict[str, Any] = control.describe_job(AccountId=aws.id, JobId=job)["Job"]
    return told


def test_tags_and_copies_with_reports(control: Any, aws: Account, s3: Any, bucket: str, role: str, clock: Any) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    report = {
        "Enabled": True,
        "Bucket": f"arn:aws:s3:::{bucket}",
        "Format": "Report_CSV_20180820",
        "Prefix": "reports",
        "ReportScope": "AllTasks",
    }
    names = manifest(s3, bucket, *KEYS, "absent")
    first = job(control, aws, role, names, {"S3PutObjectTagging": {"TagSet": tags}}, Report=report, Description="d")
    clock.advance(60)
    told = described(control, aws, first)
    assert (told["Status"], told["Description"]) == ("Complete", "d")
    summary = told["ProgressSummary"]
    assert (summary["TotalNumberOfTasks"], summary["NumberOfTasksSucceeded"], summary["NumberOfTasksFailed"]) == (
        4,
        3,
        1,
    )
    assert all(s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"] == tags for key in KEYS)
    about = json.loads(read(s3, bucket, f"reports/job-{first}/manifest.json"))
    results = {each["TaskExecutionStatus"]: read(s3, bucket, each["Key"]).decode() for each in about["Results"]}
    failed = next(csv.reader(io.StringIO(results["failed"])))
    assert failed[:5] == [bucket, "absent", "", "failed", "NoSuchKey"] and failed[5] == "404"
    assert len(results["succeeded"].splitlines()) == 3
    target = fresh()
    s3.create_bucket(Bucket=target)
    copy = {"TargetResource": f"arn:aws:s3:::{target}", "TargetKeyPrefix": "copies", "StorageClass": "STANDARD_IA"}
    second = job(control, aws, role, manifest(s3, bucket), {"S3PutObjectCopy": copy})
    clock.advance(60)
    assert described(control, aws, second)["Status"] == "Complete"
    assert all(read(s3, target, f"copies/{key}") == key.encode() for key in KEYS)
    assert s3.head_object(Bucket=target, Key="copies/a")["StorageClass"] == "STANDARD_IA"
    third = job(control, aws, role, manifest(s3, bucket), {"S3DeleteObjectTagging": {}})
    clock.advance(60)
    assert described(control, aws, third)["ProgressSummary"]["NumberOfTasksSucceeded"] == 3
    assert s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"] == []
    jobs = control.list_jobs(AccountId=aws.id, JobStatuses=["Complete"])["Jobs"]
    assert {each["JobId"] for each in jobs} == {first, second, third}
    assert control.list_jobs(AccountId=aws.id, JobStatuses=["Active"])["Jobs"] == []


def test_locks_and_restores_of_versions(control: Any, aws: Account, role: str, clock: Any) -> None:
    s3, bucket = aws.client("s3"), fresh()
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    old = put(s3, bucket, "k", b"1")["VersionId"]
    put(s3, bucket, "k", b"2")
    names = listed(s3, bucket, (bucket, "k", old), fields=("Bucket", "Key", "VersionId"))
    hold = job(control, aws, role, names, {"S3PutObjectLegalHold": {"LegalHold": {"Status": "ON"}}})
    until = clock.now() + 86400
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    keep = job(control, aws, role, names, {"S3PutObjectRetention": {"Retention": retention}})
    put(s3, bucket, "cold", b"3", StorageClass="GLACIER", ChecksumAlgorithm="SHA256")
    restore = {"S3InitiateRestoreObject": {"ExpirationInDays": 2, "GlacierJobTier": "STANDARD"}}
    thaw = job(control, aws, role, manifest(s3, bucket, "cold"), restore)
    clock.advance(60)
    for each in (hold, keep, thaw):
        assert described(control, aws, each)["ProgressSummary"]["NumberOfTasksSucceeded"] == 1
    version = {"Bucket": bucket, "Key": "k", "VersionId": old}
    assert s3.get_object_legal_hold(**version)["LegalHold"]["Status"] == "ON"
    assert s3.get_object_retention(**version)["Retention"]["Mode"] == "GOVERNANCE"


def test_a_job_waits_to_be_confirmed(
    control: Any, aws: Account, s3: Any, bucket: str, role: str, clock: Any, refused: Any
) -> None:
    made = job(control, aws, role, manifest(s3, bucket), {"S3DeleteObjectTagging": {}}, ConfirmationRequired=True)
    clock.advance(60)
    told = described(control, aws, made)
    assert (told["Status"], told["SuspendedCause"]) == ("Suspended", "AwaitingConfirmation")
    assert told["ProgressSummary"]["TotalNumberOfTasks"] == 3
    named = {"AccountId": aws.id, "JobId": made}
    assert control.update_job_priority(**named, Priority=99)["Priority"] == 99
    assert control.update_job_status(**named, RequestedJobStatus="Ready")["Status"] == "Ready"
    clock.advance(60)
    assert described(control, aws, made)["Status"] == "Complete"
    with refused("JobStatusException"):
        control.update_job_status(**named, RequestedJobStatus="Cancelled")
    other = job(control, aws, role, manifest(s3, bucket), {"S3DeleteObjectTagging": {}}, ConfirmationRequired=True)
    clock.advance(60)
    cancel = {"AccountId": aws.id, "JobId": other, "RequestedJobStatus": "Cancelled", "StatusUpdateReason": "no"}
    assert control.update_job_status(**cancel)["Status"] == "Cancelled"
    told = described(control, aws, other)
    assert (told["Status"], told["StatusUpdateReason"]) == ("Cancelled", "no")


def test_what_a_role_may_not_fails(control: Any, aws: Account, s3: Any, bucket: str, role: str, clock: Any) -> None:
    allow(aws, ["s3:GetObject", "s3:GetObjectVersion"])
    made = job(control, aws, role, manifest(s3, bucket), {"S3DeleteObjectTagging": {}})
    nobody = f"arn:aws:iam::{aws.id}:role/nobody"
    unknown = job(control, aws, nobody, manifest(s3, bucket), {"S3DeleteObjectTagging": {}})
    clock.advance(60)
    told = described(control, aws, made)
    assert told["ProgressSummary"]["NumberOfTasksFailed"] == 3
    told = described(control, aws, unknown)
    assert (told["Status"], told["FailureReasons"][0]["FailureCode"]) == ("Failed", "AccessDenied")


def test_a_manifest_is_the_one_that_was_meant(
    control: Any, aws: Account, s3: Any, bucket: str, role: str, clock: Any
) -> None:
    names = manifest(s3, bucket)
    put(s3, bucket, "manifest.csv", b"changed,since\n")
    changed = job(control, aws, role, names, {"S3DeleteObjectTagging": {}})
    odd = listed(s3, bucket, (bucket, "a", "more"))
    crooked = job(control, aws, role, odd, {"S3DeleteObjectTagging": {}})
    clock.advance(60)
    assert described(control, aws, changed)["FailureReasons"][0]["FailureCode"] == "ManifestETagMismatch"
    assert described(control, aws, crooked)["FailureReasons"][0]["FailureCode"] == "InvalidManifest"


def test_manifests_of_an_inventory(control: Any, aws: Account, s3: Any, bucket: str, role: str, clock: Any) -> None:
    put(s3, bucket, "data/1.csv.gz", gzip.compress(f'"{bucket}","a"\n"{bucket}","dir%2Fb"\n'.encode()))
    about = {
        "sourceBucket": bucket,
        "destinationBucket": f"arn:aws:s3:::{bucket}",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key",
        "files": [{"key": "data/1.csv.gz"}],
    }
    etag = put(s3, bucket, "inventory/manifest.json", json.dumps(about).encode())["ETag"]
    location = {"ObjectArn": f"arn:aws:s3:::{bucket}/inventory/manifest.json", "ETag": etag}
    names = {"Spec": {"Format": "S3InventoryReport_CSV_20161130"}, "Location": location}
    made = job(control, aws, role, names, {"S3PutObjectTagging": {"TagSet": [{"Key": "k", "Value": "v"}]}})
    clock.advance(60)
    assert described(control, aws, made)["ProgressSummary"]["NumberOfTasksSucceeded"] == 2
    assert s3.get_object_tagging(Bucket=bucket, Key="dir/b")["TagSet"]


def test_what_was_there_before_the_rules_is_replicated(
    control: Any, aws: Account, s3: Any, bucket: str, role: str, clock: Any
) -> None:
    target = fresh()
    s3.create_bucket(Bucket=target)
    for each in (bucket, target):
        s3.put_bucket_versioning(Bucket=each, VersioningConfiguration={"Status": "Enabled"})
    version = put(s3, bucket, "old", b"older than the rules")["VersionId"]
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    replicator = iam.create_role(RoleName="replicator", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    every = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [every]})
    iam.put_role_policy(RoleName="replicator", PolicyName="p", PolicyDocument=document)
    rule = {
        "ID": "r",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": "old"},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{target}"},
    }
    s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration={"Role": replicator, "Rules": [rule]})
    names = listed(s3, bucket, (bucket, "old", version), (bucket, "a", ""), fields=("Bucket", "Key", "VersionId"))
    made = job(control, aws, role, names, {"S3ReplicateObject": {}})
    clock.advance(60)
    told = described(control, aws, made)["ProgressSummary"]
    assert (told["NumberOfTasksSucceeded"], told["NumberOfTasksFailed"]) == (1, 1)
    assert read(s3, target, "old", VersionId=version) == b"older than the rules"
    assert s3.head_object(Bucket=bucket, Key="old")["ReplicationStatus"] == "COMPLETED"


def test_jobs_that_cannot_be(control: Any, aws: Account, s3: Any, bucket: str, role: str, refused: Any) -> None:
    names = manifest(s3, bucket)
    with refused("BadRequestException"):
        job(control, aws, role, names, {})
    with refused("BadRequestException"):
        spec = {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket"]}
        job(control, aws, role, {**names, "Spec": spec}, {"S3DeleteObjectTagging": {}})
    with refused("BadRequestException"):
        job(control, aws, role, names, {"S3DeleteObjectTagging": {}}, Report={"Enabled": True})
    for sums in ({"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"}, {"ChecksumType": "COMPOSITE"}):
        with refused("BadRequestException"):
            job(control, aws, role, names, {"S3ComputeObjectChecksum": sums})
    with refused("NotFoundException"):
        described(control, aws, "00000000-0000-4000-a000-000000000000")
    first = job(control, aws, role, names, {"S3DeleteObjectTagging": {}}, ClientRequestToken="t")
    assert job(control, aws, role, names, {"S3DeleteObjectTagging": {}}, ClientRequestToken="t") == first
    with refused("IdempotencyException"):
        job(control, aws, role, names, {"S3PutObjectTagging": {"TagSet": []}}, ClientRequestToken="t")
    control.put_job_tagging(AccountId=aws.id, JobId=first, Tags=[{"Key": "a", "Value": "1"}])
    assert control.get_job_tagging(AccountId=aws.id, JobId=first)["Tags"] == [{"Key": "a", "Value": "1"}]
    control.delete_job_tagging(AccountId=aws.id, JobId=first)
    assert control.get_job_tagging(AccountId=aws.id, JobId=first)["Tags"] == []


def generated(control: Any, aws: Account, role: str, bucket: str, operation: dict[str, Any], **more: Any) -> str:
    """A job that makes its manifest itself."""
    generator = {"SourceBucket": f"arn:aws:s3:::{bucket}", "EnableManifestOutput": False, **more}
    made = control.create_job(
        AccountId=aws.id,
        Operation=operation,
        ManifestGenerator={"S3JobManifestGenerator": generator},
        Report={"Enabled": False},
        ClientRequestToken=uuid.uuid4().hex,
        Priority=10,
        RoleArn=role,
        ConfirmationRequired=False,
    )
    return str(made["JobId"])


def test_a_job_makes_its_manifest_itself(
    control: Any, aws: Account, s3: Any, bucket: str, role: str, clock: Any
) -> None:
    put(s3, bucket, "dir/large", b"x" * 5000, StorageClass="STANDARD_IA")
    tagging = {"S3PutObjectTagging": {"TagSet": [{"Key": "k", "Value": "v"}]}}
    to = {
        "Bucket": f"arn:aws:s3:::{bucket}",
        "ManifestPrefix": "made",
        "ManifestFormat": "S3InventoryReport_CSV_20211130",
        "ManifestEncryption": {"SSES3": {}},
    }
    wanted = {"KeyNameConstraint": {"MatchAnyPrefix": ["dir/", "with"]}, "ObjectSizeLessThanBytes": 1000}
    first = generated(
        control, aws, role, bucket, tagging, Filter=wanted, EnableManifestOutput=True, ManifestOutputLocation=to
    )
    clock.advance(60)
    told = described(control, aws, first)
    assert (told["Status"], told["ProgressSummary"]["NumberOfTasksSucceeded"]) == ("Complete", 2)
    assert told["ManifestGenerator"]["S3JobManifestGenerator"]["Filter"] == wanted
    place = told["GeneratedManifestDescriptor"]["Location"]["ObjectArn"].partition(":::")[2].partition("/")[2]
    about = json.loads(read(s3, bucket, place))
    (file,) = about["files"]
    rows = list(csv.reader(io.StringIO(gzip.decompress(read(s3, bucket, file["key"])).decode())))
    assert rows == [[bucket, "dir/b", ""], [bucket, "with+space+%26+%C3%BC", ""]]
    tagged = {key: s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"] for key in (*KEYS, "dir/large")}
    assert {key for key, tags in tagged.items() if tags} == {"dir/b", KEYS[2]}

    second = generated(control, aws, role, bucket, tagging, Filter={"MatchAnyStorageClass": ["STANDARD_IA"]})
    clock.advance(60)
    told = described(control, aws, second)
    assert (told["Status"], told["ProgressSummary"]["TotalNumberOfTasks"]) == ("Complete", 1)
    allow(aws, ["s3:PutObjectTagging"])
    third = generated(control, aws, role, bucket, tagging)
    clock.advance(60)
    told = described(control, aws, third)
    assert (told["Status"], told["FailureReasons"][0]["FailureCode"]) == ("Failed", "ManifestGenerationFailed")


def test_checksums_are_computed_and_objects_encrypted_anew(
    control: Any, aws: Account, s3: Any, bucket: str, role: str, clock: Any
) -> None:
    import base64
    import zlib

    report = {
        "Enabled": True,
        "Bucket": f"arn:aws:s3:::{bucket}",
        "Format": "Report_CSV_20180820",
        "ReportScope": "AllTasks",
    }
    sums = {"S3ComputeObjectChecksum": {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}}
    first = job(control, aws, role, manifest(s3, bucket), sums, Report=report)
    clock.advance(60)
    about = json.loads(read(s3, bucket, f"job-{first}/manifest.json"))
    results = list(csv.reader(io.StringIO(read(s3, bucket, about["Results"][0]["Key"]).decode())))
    told = json.loads(results[0][6])
    raw = zlib.crc32(b"a").to_bytes(4, "big")
    assert told["checksum_base64"] == base64.b64encode(raw).decode()
    assert (told["checksum_hex"], told["checksumAlgorithm"]) == (raw.hex().upper(), "CRC32")
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    one = {"Effect": "Allow", "Action": ["s3:*", "kms:*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [one]})
    aws.client("iam").put_role_policy(RoleName="batch", PolicyName="p", PolicyDocument=document)
    anew = {"S3UpdateObjectEncryption": {"ObjectEncryption": {"SSEKMS": {"KMSKeyArn": key}}}}
    second = job(control, aws, role, manifest(s3, bucket), anew)
    clock.advance(60)
    assert described(control, aws, second)["ProgressSummary"]["NumberOfTasksSucceeded"] == 3
    assert s3.head_object(Bucket=bucket, Key="a")["SSEKMSKeyId"] == key
    assert read(s3, bucket, "a") == b"a"
