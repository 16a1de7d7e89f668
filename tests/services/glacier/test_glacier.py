"""Vaults, archives, jobs with their delays, locks: as boto3 sees them, on the cloud's clock."""

from __future__ import annotations

import csv
import io
import json
import os
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.utils import calculate_tree_hash
from hypothesis import given, settings
from hypothesis import strategies as st

import pileus
from pileus.services.glacier.tree_hash import MEGABYTE, TreeHash, aligned, joined
from pileus.testing.account import Account
from tests.faults.process import Process

HOUR = 3600
PARTS = b"".join(bytes([n]) * (MEGABYTE // 4) for n in range(22))
"""Five and a half megabytes."""


@pytest.fixture
def glacier(aws: Account) -> Any:
    return aws.client("glacier")


@pytest.fixture
def vault(glacier: Any) -> str:
    glacier.create_vault(vaultName="vault")
    return "vault"


def tree_hash(body: bytes) -> str:
    return str(calculate_tree_hash(io.BytesIO(body)))


def upload(glacier: Any, vault: str, body: bytes, description: str = "") -> str:
    return str(glacier.upload_archive(vaultName=vault, body=body, archiveDescription=description)["archiveId"])


def retrieve(glacier: Any, vault: str, **parameters: Any) -> str:
    return str(glacier.initiate_job(vaultName=vault, jobParameters=parameters)["jobId"])


def output(glacier: Any, vault: str, job: str, **more: Any) -> Any:
    return glacier.get_job_output(vaultName=vault, jobId=job, **more)


# Vaults


def test_a_vaults_life(glacier: Any, aws: Account, refused: Any) -> None:
    made = glacier.create_vault(vaultName="one")
    assert made["location"] == f"/{aws.id}/vaults/one"
    glacier.create_vault(accountId=aws.id, vaultName="one")
    told = glacier.describe_vault(vaultName="one")
    assert told["VaultARN"] == f"arn:aws:glacier:us-east-1:{aws.id}:vaults/one"
    assert (told["NumberOfArchives"], told["SizeInBytes"]) == (0, 0) and "LastInventoryDate" not in told
    for number in range(14):
        glacier.create_vault(vaultName=f"v{number:02}")
    first = glacier.list_vaults(limit="9")
    rest = glacier.list_vaults(marker=first["Marker"])
    assert [each["VaultName"] for each in (*first["VaultList"], *rest["VaultList"])] == [
        "one",
        *(f"v{n:02}" for n in range(14)),
    ]
    pages = glacier.get_paginator("list_vaults").paginate()
    assert sum(len(page["VaultList"]) for page in pages) == 15
    glacier.delete_vault(vaultName="one")
    with refused("ResourceNotFoundException", "Vault not found for ARN"):
        glacier.describe_vault(vaultName="one")
    with refused("InvalidParameterValueException"):
        glacier.create_vault(vaultName="not a name")
    with refused("InvalidParameterValueException"):
        glacier.list_vaults(limit="11")
    glacier.get_waiter("vault_exists").wait(vaultName="v00")


def test_another_account_is_refused(
    glacier: Any, vault: str, cloud: pileus.LocalCloud, aws: Account, refused: Any
) -> None:
    with refused("AccessDeniedException"):
        cloud.account().client("glacier").describe_vault(accountId=aws.id, vaultName=vault)


def test_a_vault_with_archives_or_writes_since_its_inventory_stays(
    glacier: Any, vault: str, clock: Any, refused: Any
) -> None:
    archive = upload(glacier, vault, b"1")
    with refused("InvalidParameterValueException", "not empty or recently written to"):
        glacier.delete_vault(vaultName=vault)
    glacier.delete_archive(vaultName=vault, archiveId=archive)
    with refused("InvalidParameterValueException", "recently written to"):
        glacier.delete_vault(vaultName=vault)
    clock.advance(25 * HOUR)
    glacier.delete_vault(vaultName=vault)


def test_tags(glacier: Any, vault: str, refused: Any) -> None:
    glacier.add_tags_to_vault(vaultName=vault, Tags={"a": "1", "b": "2"})
    glacier.remove_tags_from_vault(vaultName=vault, TagKeys=["a"])
    assert glacier.list_tags_for_vault(vaultName=vault)["Tags"] == {"b": "2"}
    with refused("LimitExceededException"):
        glacier.add_tags_to_vault(vaultName=vault, Tags={f"t{n}": "" for n in range(10)})
    assert glacier.list_tags_for_vault(vaultName=vault)["Tags"] == {"b": "2"}


# Archives


def test_an_archive_comes_back_after_hours(glacier: Any, vault: str, clock: Any, aws: Account, refused: Any) -> None:
    made = glacier.upload_archive(vaultName=vault, body=PARTS, archiveDescription="five and a half")
    assert made["checksum"] == tree_hash(PARTS)
    assert made["location"] == f"/{aws.id}/vaults/vault/archives/{made['archiveId']}"
    job = retrieve(glacier, vault, Type="archive-retrieval", ArchiveId=made["archiveId"], Description="back")
    told = glacier.describe_job(vaultName=vault, jobId=job)
    assert (told["StatusCode"], told["Completed"], told["Tier"]) == ("InProgress", False, "Standard")
    with refused("InvalidParameterValueException", "not currently available"):
        output(glacier, vault, job)
    clock.advance(3 * HOUR - 10)
    assert not glacier.describe_job(vaultName=vault, jobId=job)["Completed"]
    clock.advance(2 * HOUR + 20)
    told = glacier.describe_job(vaultName=vault, jobId=job)
    assert (told["StatusCode"], told["SHA256TreeHash"]) == ("Succeeded", tree_hash(PARTS))
    assert told["RetrievalByteRange"] == f"0-{len(PARTS) - 1}"
    answer = output(glacier, vault, job)
    assert answer["body"].read() == PARTS
    assert (answer["checksum"], answer["archiveDescription"]) == (tree_hash(PARTS), "five and a half")
    clock.advance(25 * HOUR)
    with refused("ResourceNotFoundException", "job ID was not found"):
        output(glacier, vault, job)


@pytest.mark.parametrize(("tier", "least", "most"), [("Expedited", 60, 300), ("Bulk", 5 * HOUR, 12 * HOUR)])
def test_tiers_take_their_time(glacier: Any, vault: str, clock: Any, tier: str, least: int, most: int) -> None:
    archive = upload(glacier, vault, b"1")
    job = retrieve(glacier, vault, Type="archive-retrieval", ArchiveId=archive, Tier=tier)
    clock.advance(least - 1)
    assert not glacier.describe_job(vaultName=vault, jobId=job)["Completed"]
    clock.advance(most - least + 2)
    assert glacier.describe_job(vaultName=vault, jobId=job)["Completed"]


def test_ranges(glacier: Any, vault: str, clock: Any, refused: Any) -> None:
    archive = upload(glacier, vault, PARTS)
    kind = {"Type": "archive-retrieval", "ArchiveId": archive}
    for wrong in ("1-1048575", "0-1000", "0-99999999", "5-1", "x"):
        with refused("InvalidParameterValueException", "range"):
            retrieve(glacier, vault, **kind, RetrievalByteRange=wrong)
    some = retrieve(glacier, vault, **kind, RetrievalByteRange=f"{2 * MEGABYTE}-{4 * MEGABYTE - 1}")
    every = retrieve(glacier, vault, **kind)
    clock.advance(6 * HOUR)
    assert output(glacier, vault, some)["body"].read() == PARTS[2 * MEGABYTE : 4 * MEGABYTE]
    assert output(glacier, vault, some)["checksum"] == tree_hash(PARTS[2 * MEGABYTE : 4 * MEGABYTE])
    answer = output(glacier, vault, every, range=f"bytes={MEGABYTE}-{2 * MEGABYTE - 1}")
    assert (answer["status"], answer["contentRange"]) == (206, f"bytes 1048576-2097151/{len(PARTS)}")
    assert answer["body"].read() == PARTS[MEGABYTE : 2 * MEGABYTE]
    assert answer["checksum"] == tree_hash(PARTS[MEGABYTE : 2 * MEGABYTE])
    odd = output(glacier, vault, every, range="bytes=17-1000")
    assert odd["body"].read() == PARTS[17:1001] and "checksum" not in odd


def test_what_an_upload_can_be(glacier: Any, vault: str, refused: Any) -> None:
    with refused("InvalidParameterValueException", "Checksum mismatch"):
        glacier.upload_archive(vaultName=vault, body=b"1", checksum="0" * 64)
    with refused("InvalidParameterValueException", "Content-Length"):
        upload(glacier, vault, b"")
    with refused("InvalidParameterValueException", "description"):
        upload(glacier, vault, b"1", "x" * 1025)
    with refused("ResourceNotFoundException"):
        upload(glacier, "nowhere", b"1")
    with refused("ResourceNotFoundException"):
        glacier.delete_archive(vaultName=vault, archiveId="x")


def test_a_job_whose_archive_goes_fails(glacier: Any, vault: str, clock: Any, refused: Any) -> None:
    archive = upload(glacier, vault, b"1")
    job = retrieve(glacier, vault, Type="archive-retrieval", ArchiveId=archive)
    glacier.delete_archive(vaultName=vault, archiveId=archive)
    glacier.delete_archive(vaultName=vault, archiveId=archive)
    with refused("ResourceNotFoundException", "archive ID was not found"):
        retrieve(glacier, vault, Type="archive-retrieval", ArchiveId=archive)
    clock.advance(6 * HOUR)
    assert glacier.describe_job(vaultName=vault, jobId=job)["StatusCode"] == "Failed"
    with refused("InvalidParameterValueException"):
        output(glacier, vault, job)


def test_jobs_are_listed_by_their_state(glacier: Any, vault: str, clock: Any) -> None:
    archive = upload(glacier, vault, b"1")
    first = retrieve(glacier, vault, Type="archive-retrieval", ArchiveId=archive, Tier="Expedited")
    clock.advance(HOUR)
    second = retrieve(glacier, vault, Type="archive-retrieval", ArchiveId=archive)

    def listed(**more: str) -> set[str]:
        return {job["JobId"] for job in glacier.list_jobs(vaultName=vault, **more)["JobList"]}

    assert listed() == {first, second}
    assert listed(completed="true") == listed(statuscode="Succeeded") == {first}
    assert listed(completed="false") == listed(statuscode="InProgress") == {second}
    assert len(glacier.list_jobs(vaultName=vault, limit="1")["JobList"]) == 1


# Inventories


def test_inventories(glacier: Any, vault: str, clock: Any, refused: Any) -> None:
    with refused("ResourceNotFoundException", "inventory"):
        retrieve(glacier, vault, Type="inventory-retrieval")
    ids = {upload(glacier, vault, b"x" * size, f"of {size}"): size for size in (1, 2, 3)}
    clock.advance(25 * HOUR)
    told = glacier.describe_vault(vaultName=vault)
    assert (told["NumberOfArchives"], told["SizeInBytes"]) == (3, 6) and told["LastInventoryDate"]
    late = upload(glacier, vault, b"late")
    job = retrieve(glacier, vault, Type="inventory-retrieval")
    as_csv = retrieve(glacier, vault, Type="inventory-retrieval", Format="CSV")
    paged = retrieve(glacier, vault, Type="inventory-retrieval", InventoryRetrievalParameters={"Limit": "2"})
    clock.advance(6 * HOUR)
    answer = output(glacier, vault, job)
    inventory = json.loads(answer["body"].read())
    assert answer["contentType"] == "application/json"
    assert {each["ArchiveId"]: each["Size"] for each in inventory["ArchiveList"]} == ids
    assert late not in ids
    by_size = {each["Size"]: each for each in inventory["ArchiveList"]}
    assert by_size[2]["SHA256TreeHash"] == tree_hash(b"xx") and by_size[2]["ArchiveDescription"] == "of 2"
    rows = list(csv.DictReader(io.StringIO(output(glacier, vault, as_csv)["body"].read().decode())))
    assert {row["ArchiveId"]: int(row["Size"]) for row in rows} == ids
    described = glacier.describe_job(vaultName=vault, jobId=paged)
    marker = described["InventoryRetrievalParameters"]["Marker"]
    more = retrieve(glacier, vault, Type="inventory-retrieval", InventoryRetrievalParameters={"Marker": marker})
    clock.advance(6 * HOUR)
    pages = [json.loads(output(glacier, vault, each)["body"].read())["ArchiveList"] for each in (paged, more)]
    assert [len(page) for page in pages] == [2, 1]
    assert {each["ArchiveId"] for page in pages for each in page} == {*ids}


# Parts


def begun(glacier: Any, vault: str, size: int = MEGABYTE) -> str:
    return str(glacier.initiate_multipart_upload(vaultName=vault, partSize=str(size))["uploadId"])


def send(glacier: Any, vault: str, upload_id: str, start: int, piece: bytes) -> Any:
    place = f"bytes {start}-{start + len(piece) - 1}/*"
    return glacier.upload_multipart_part(vaultName=vault, uploadId=upload_id, range=place, body=piece)


def test_archives_in_parts(glacier: Any, vault: str, clock: Any) -> None:
    size = 2 * MEGABYTE
    upload_id = begun(glacier, vault, size)
    starts = range(0, len(PARTS), size)
    for start in reversed(starts):
        told = send(glacier, vault, upload_id, start, PARTS[start : start + size])
        assert told["checksum"] == tree_hash(PARTS[start : start + size])
    send(glacier, vault, upload_id, 0, PARTS[:size])
    listed = glacier.list_parts(vaultName=vault, uploadId=upload_id, limit="2")
    assert [part["RangeInBytes"] for part in listed["Parts"]] == [f"{s}-{s + size - 1}" for s in starts[:2]]
    assert glacier.list_multipart_uploads(vaultName=vault)["UploadsList"][0]["PartSizeInBytes"] == size
    whole = {"vaultName": vault, "uploadId": upload_id, "archiveSize": str(len(PARTS))}
    made = glacier.complete_multipart_upload(**whole, checksum=tree_hash(PARTS))
    assert glacier.list_multipart_uploads(vaultName=vault)["UploadsList"] == []
    job = retrieve(glacier, vault, Type="archive-retrieval", ArchiveId=made["archiveId"], Tier="Expedited")
    clock.advance(HOUR)
    assert output(glacier, vault, job)["body"].read() == PARTS
    across = output(glacier, vault, job, range=f"bytes={size - 5}-{size + 4}")["body"].read()
    assert across == PARTS[size - 5 : size + 5]


def test_what_parts_can_be(glacier: Any, vault: str, refused: Any) -> None:
    for wrong in (1000, 3 * MEGABYTE, 8192 * MEGABYTE):
        with refused("InvalidParameterValueException", "part size"):
            begun(glacier, vault, wrong)
    upload_id = begun(glacier, vault)
    piece = b"x" * MEGABYTE
    with refused("InvalidParameterValueException", "aligned"):
        send(glacier, vault, upload_id, 5, piece)
    with refused("InvalidParameterValueException", "aligned"):
        send(glacier, vault, upload_id, 0, piece * 2)
    with refused("InvalidParameterValueException", "Checksum mismatch"):
        place = f"bytes 0-{MEGABYTE - 1}/*"
        glacier.upload_multipart_part(vaultName=vault, uploadId=upload_id, range=place, body=piece, checksum="0" * 64)
    send(glacier, vault, upload_id, 0, piece)
    send(glacier, vault, upload_id, 2 * MEGABYTE, piece)
    whole = {"vaultName": vault, "uploadId": upload_id}
    with refused("InvalidParameterValueException", "gap"):
        glacier.complete_multipart_upload(**whole, archiveSize=str(3 * MEGABYTE), checksum=tree_hash(piece * 3))
    send(glacier, vault, upload_id, MEGABYTE, piece)
    with refused("InvalidParameterValueException", "size"):
        glacier.complete_multipart_upload(**whole, archiveSize="7", checksum=tree_hash(piece * 3))
    with refused("InvalidParameterValueException", "Checksum mismatch"):
        glacier.complete_multipart_upload(**whole, archiveSize=str(3 * MEGABYTE), checksum="0" * 64)
    glacier.abort_multipart_upload(**whole)
    with refused("ResourceNotFoundException", "upload ID"):
        send(glacier, vault, upload_id, 0, piece)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9 * MEGABYTE // 1024), st.integers(0, 5), st.integers(5_000, 2_500_000))
def test_tree_hashes_are_botocores_and_join(kilobytes: int, power: int, step: int) -> None:
    body = bytes(kilobytes * 1024)
    tree = TreeHash()
    for at in range(0, len(body), step):
        tree.update(body[at : at + step])
    assert tree.hexdigest() == tree_hash(body)
    size = MEGABYTE << power
    parts = [bytes.fromhex(tree_hash(body[at : at + size])) for at in range(0, len(body), size)]
    assert joined(parts).hex() == tree.hexdigest()


def test_aligned_ranges_are_those_of_the_guide() -> None:
    """ "Receiving Checksums When Downloading Data": nodes of the tree over six and a half megabytes."""
    size = 6 * MEGABYTE + MEGABYTE // 2
    mb = MEGABYTE
    assert all(aligned(start * mb, stop * mb, size) for start, stop in ((0, 1), (0, 2), (2, 4), (0, 4), (4, 6)))
    assert aligned(4 * mb, size, size) and aligned(6 * mb, size, size) and aligned(0, size, size)
    assert not any(aligned(start * mb, stop * mb, size) for start, stop in ((1, 3), (0, 3), (2, 6)))
    assert not aligned(0, mb // 2, size)


# Policies and locks


def policy(aws: Account, effect: str, action: str, who: str = "*", **more: Any) -> dict[str, str]:
    arn = f"arn:aws:glacier:us-east-1:{aws.id}:vaults/vault"
    one = {"Effect": effect, "Principal": {"AWS": who}, "Action": action, "Resource": arn, **more}
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": [one]})}


def test_an_access_policy_lets_another_account_in(
    glacier: Any, vault: str, aws: Account, cloud: pileus.LocalCloud, refused: Any
) -> None:
    friend = cloud.account()
    theirs = friend.client("glacier")
    with refused("ResourceNotFoundException", "policy"):
        glacier.get_vault_access_policy(vaultName=vault)
    let = policy(aws, "Allow", "glacier:UploadArchive", friend.id)
    glacier.set_vault_access_policy(vaultName=vault, policy={"Policy": let["policy"]})
    assert glacier.get_vault_access_policy(vaultName=vault)["policy"]["Policy"] == let["policy"]
    assert theirs.upload_archive(accountId=aws.id, vaultName=vault, body=b"1")["archiveId"]
    with refused("AccessDeniedException"):
        theirs.describe_vault(accountId=aws.id, vaultName=vault)
    glacier.delete_vault_access_policy(vaultName=vault)
    with refused("AccessDeniedException"):
        theirs.upload_archive(accountId=aws.id, vaultName=vault, body=b"1")
    for wrong in ("", "x", *(json.dumps({"Statement": one}) for one in ([], 5, [5], [{"Principal": 5}]))):
        with pytest.raises(ClientError, match="InvalidParameterValue|MissingParameterValue"):  # noqa: RUF043
            glacier.set_vault_access_policy(vaultName=vault, policy={"Policy": wrong})


def test_a_locked_vault_keeps_archives_for_a_year(
    glacier: Any, vault: str, aws: Account, clock: Any, refused: Any
) -> None:
    """The example of "Amazon S3 Glacier Access Control with Vault Lock Policies"."""
    archive = upload(glacier, vault, b"1")
    young = {"Condition": {"NumericLessThan": {"glacier:ArchiveAgeInDays": "365"}}}
    text = policy(aws, "Deny", "glacier:DeleteArchive", **young)["policy"]
    lock = glacier.initiate_vault_lock(vaultName=vault, policy={"Policy": text})["lockId"]
    told = glacier.get_vault_lock(vaultName=vault)
    assert (told["State"], told["Policy"]) == ("InProgress", text) and told["ExpirationDate"]
    with refused("AccessDeniedException"):
        glacier.delete_archive(vaultName=vault, archiveId=archive)
    with refused("InvalidParameterValueException"):
        glacier.initiate_vault_lock(vaultName=vault, policy={"Policy": text})
    with refused("InvalidParameterValueException", "lock id"):
        glacier.complete_vault_lock(vaultName=vault, lockId="x")
    glacier.complete_vault_lock(vaultName=vault, lockId=lock)
    told = glacier.get_vault_lock(vaultName=vault)
    assert told["State"] == "Locked" and "ExpirationDate" not in told
    with refused("InvalidParameterValueException"):
        glacier.abort_vault_lock(vaultName=vault)
    clock.advance(364 * 24 * HOUR)
    with refused("AccessDeniedException"):
        glacier.delete_archive(vaultName=vault, archiveId=archive)
    clock.advance(2 * 24 * HOUR)
    glacier.delete_archive(vaultName=vault, archiveId=archive)


def test_a_lock_that_is_not_completed_is_gone_after_a_day(
    glacier: Any, vault: str, aws: Account, clock: Any, refused: Any
) -> None:
    text = policy(aws, "Deny", "glacier:DeleteArchive")["policy"]
    lock = glacier.initiate_vault_lock(vaultName=vault, policy={"Policy": text})["lockId"]
    clock.advance(23 * HOUR)
    glacier.get_vault_lock(vaultName=vault)
    clock.advance(2 * HOUR)
    with refused("ResourceNotFoundException"):
        glacier.get_vault_lock(vaultName=vault)
    with refused("ResourceNotFoundException"):
        glacier.complete_vault_lock(vaultName=vault, lockId=lock)
    again = glacier.initiate_vault_lock(vaultName=vault, policy={"Policy": text})["lockId"]
    glacier.abort_vault_lock(vaultName=vault)
    assert again != lock
    with refused("ResourceNotFoundException"):
        glacier.get_vault_lock(vaultName=vault)


# What an account sets


def test_a_data_retrieval_policy_is_enforced(glacier: Any, vault: str, clock: Any, refused: Any) -> None:
    assert glacier.get_data_retrieval_policy()["Policy"]["Rules"] == [{"Strategy": "None"}]
    rule = {"Strategy": "BytesPerHour", "BytesPerHour": 2 * MEGABYTE}
    glacier.set_data_retrieval_policy(Policy={"Rules": [rule]})
    assert glacier.get_data_retrieval_policy()["Policy"]["Rules"] == [rule]
    archive = upload(glacier, vault, bytes(MEGABYTE + 1))
    retrieve(glacier, vault, Type="archive-retrieval", ArchiveId=archive)
    with refused("PolicyEnforcedException"):
        retrieve(glacier, vault, Type="archive-retrieval", ArchiveId=archive)
    retrieve(glacier, vault, Type="archive-retrieval", ArchiveId=archive, Tier="Expedited")
    clock.advance(HOUR)
    retrieve(glacier, vault, Type="archive-retrieval", ArchiveId=archive)
    with refused("InvalidParameterValueException"):
        glacier.set_data_retrieval_policy(Policy={"Rules": [{"Strategy": "BytesPerHour"}]})


def test_provisioned_capacity(glacier: Any, clock: Any, refused: Any) -> None:
    units = [glacier.purchase_provisioned_capacity()["capacityId"] for _ in range(2)]
    with refused("LimitExceededException"):
        glacier.purchase_provisioned_capacity()
    listed = glacier.list_provisioned_capacity()["ProvisionedCapacityList"]
    assert {each["CapacityId"] for each in listed} == {*units}
    clock.advance(32 * 24 * HOUR)
    assert glacier.list_provisioned_capacity()["ProvisionedCapacityList"] == []


def test_jobs_that_cannot_be(glacier: Any, vault: str, refused: Any) -> None:
    with refused("NoLongerSupportedException"):
        retrieve(glacier, vault, Type="select", ArchiveId="x")
    with refused("MissingParameterValueException"):
        retrieve(glacier, vault, Type="archive-retrieval")
    with refused("InvalidParameterValueException", "job type"):
        retrieve(glacier, vault, Type="other")
    with refused("InvalidParameterValueException", "tier"):
        retrieve(glacier, vault, Type="archive-retrieval", ArchiveId=upload(glacier, vault, b"1"), Tier="Fast")


def test_notifications_are_set(glacier: Any, vault: str, aws: Account, refused: Any) -> None:
    with refused("ResourceNotFoundException"):
        glacier.get_vault_notifications(vaultName=vault)
    wanted = {"SNSTopic": f"arn:aws:sns:us-east-1:{aws.id}:t", "Events": ["ArchiveRetrievalCompleted"]}
    glacier.set_vault_notifications(vaultName=vault, vaultNotificationConfig=wanted)
    assert glacier.get_vault_notifications(vaultName=vault)["vaultNotificationConfig"] == wanted
    with refused("InvalidParameterValueException"):
        glacier.set_vault_notifications(vaultName=vault, vaultNotificationConfig=wanted | {"Events": ["Other"]})
    glacier.delete_vault_notifications(vaultName=vault)
    with refused("ResourceNotFoundException"):
        glacier.get_vault_notifications(vaultName=vault)


def test_a_topic_is_told_that_a_job_is_done(glacier: Any, vault: str, aws: Account, clock: Any) -> None:
    sns, sqs = aws.client("sns"), aws.client("sqs")
    if find_spec("pileus.services.sns") is None:
        pytest.skip("SNS is not built")
    topic = sns.create_topic(Name="done")["TopicArn"]
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    one = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Statement": [one]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    wanted = {"SNSTopic": topic, "Events": ["ArchiveRetrievalCompleted"]}
    glacier.set_vault_notifications(vaultName=vault, vaultNotificationConfig=wanted)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "glacier.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document)
    job = retrieve(glacier, vault, Type="archive-retrieval", ArchiveId=upload(glacier, vault, b"1"))
    clock.advance(6 * HOUR)
    message = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert json.loads(message["Message"])["JobId"] == job


# The disk


def blobs(folder: Path) -> list[Path]:
    return [path for path in (folder / "blobs").rglob("*") if path.is_file()]


def test_bytes_on_the_disk_are_encrypted_and_reclaimed(tmp_path: Path) -> None:
    with pileus.cloud(data=tmp_path, sockets=True) as cloud:
        glacier = cloud.account().client("glacier")
        glacier.create_vault(vaultName="vault")
        archive = upload(glacier, "vault", b"find me if you can " * 100_000)
        assert [b"find me" in path.read_bytes() for path in blobs(tmp_path)] == [False]
        glacier.delete_archive(vaultName="vault", archiveId=archive)
        upload_id = begun(glacier, "vault")
        send(glacier, "vault", upload_id, 0, bytes(MEGABYTE))
        glacier.abort_multipart_upload(vaultName="vault", uploadId=upload_id)
    assert blobs(tmp_path) == []


def test_a_reset_account_leaves_no_bytes(tmp_path: Path) -> None:
    import urllib.request

    with pileus.cloud(data=tmp_path, sockets=True) as cloud:
        first, second = cloud.account("111122223333"), cloud.account("444455556666")
        for account, region in ((first, "us-east-1"), (first, "eu-west-1"), (second, "us-east-1")):
            glacier = account.client("glacier", region)
            glacier.create_vault(vaultName="vault")
            upload(glacier, "vault", os.urandom(100_000))
        send(glacier, "vault", begun(glacier, "vault"), 0, bytes(MEGABYTE))
        url = f"{cloud.endpoint}/_pileus/reset?account={first.id}"
        urllib.request.urlopen(urllib.request.Request(url, method="POST")).read()
        assert first.client("glacier").list_vaults()["VaultList"] == []
        assert len(glacier.list_vaults()["VaultList"]) == 1
    assert len(blobs(tmp_path)) == 2


def test_kill_9_leaves_whole_archives_and_no_orphans(tmp_path: Path) -> None:
    process = Process(tmp_path / "data")

    def client() -> Any:
        from botocore.config import Config

        return boto3.client(
            "glacier",
            endpoint_url=process.endpoint,
            region_name="us-east-1",
            aws_access_key_id="111122223333",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}),
        )

    client().create_vault(vaultName="vault")
    acknowledged: list[str] = []

    def work() -> None:
        glacier = client()
        while True:
            try:
                acknowledged.append(upload(glacier, "vault", os.urandom(300_000)))
            except Exception:
                return

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 12:
        threads[0].join(0.01)
    process.kill()
    for thread in threads:
        thread.join()
    with pileus.cloud(data=tmp_path / "data", sockets=True) as cloud:
        glacier = cloud.account("111122223333").client("glacier")
        jobs = [
            retrieve(glacier, "vault", Type="archive-retrieval", ArchiveId=each, Tier="Expedited")
            for each in acknowledged
        ]
        cloud.clock.freeze()
        cloud.clock.advance(HOUR)
        for job in jobs:
            answer = output(glacier, "vault", job)
            assert answer["checksum"] == tree_hash(answer["body"].read())
        cloud.clock.advance(25 * HOUR)
        assert glacier.describe_vault(vaultName="vault")["NumberOfArchives"] == len(blobs(tmp_path / "data"))
