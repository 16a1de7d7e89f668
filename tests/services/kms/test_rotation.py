from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., str]
DAY = 86400


def rotations(kms: Any, key_id: str) -> list[str]:
    return [entry["RotationType"] for entry in kms.list_key_rotations(KeyId=key_id)["Rotations"]]


def test_a_key_rotates_every_year_and_old_ciphertexts_decrypt(kms: Any, key: Make, clock: Any) -> None:
    """Notes: "Allows AWS to rotate your key on annual basis"."""
    made = key()
    assert kms.get_key_rotation_status(KeyId=made)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=made)
    status = kms.get_key_rotation_status(KeyId=made)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 365)
    assert status["NextRotationDate"].timestamp() == pytest.approx(clock.now() + 365 * DAY, abs=1)
    blobs = []
    for _ in range(3):
        blobs.append(kms.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"])
        clock.advance(365 * DAY + 1)
    assert rotations(kms, made) == ["AUTOMATIC"] * 3
    opened = [kms.decrypt(CiphertextBlob=blob) for blob in blobs]
    assert [one["Plaintext"] for one in opened] == [b"x"] * 3
    assert len({one["KeyMaterialId"] for one in opened}) == 3
    kms.disable_key_rotation(KeyId=made)
    clock.advance(365 * DAY + 1)
    assert len(rotations(kms, made)) == 3


def test_a_period_of_ones_own(kms: Any, key: Make, clock: Any, refused: Any) -> None:
    made = key()
    with refused("ValidationException"):
        kms.enable_key_rotation(KeyId=made, RotationPeriodInDays=89)
    kms.enable_key_rotation(KeyId=made, RotationPeriodInDays=90)
    clock.advance(90 * DAY + 1)
    assert rotations(kms, made) == ["AUTOMATIC"]


def test_rotation_on_demand_leaves_the_schedule_alone(kms: Any, key: Make, refused: Any) -> None:
    made = key()
    kms.enable_key_rotation(KeyId=made)
    before = kms.get_key_rotation_status(KeyId=made)["NextRotationDate"]
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=made)
    with refused("LimitExceededException"):
        kms.rotate_key_on_demand(KeyId=made)
    assert kms.get_key_rotation_status(KeyId=made)["NextRotationDate"] == before
    assert rotations(kms, made) == ["ON_DEMAND"] * 25
    page = kms.list_key_rotations(KeyId=made, Limit=20)
    assert page["Truncated"]
    assert len(kms.list_key_rotations(KeyId=made, Marker=page["NextMarker"])["Rotations"]) == 5


def test_a_disabled_key_rotates_when_it_is_enabled_again(kms: Any, key: Make, clock: Any) -> None:
    made = key()
    kms.enable_key_rotation(KeyId=made)
    kms.disable_key(KeyId=made)
    clock.advance(366 * DAY)
    assert rotations(kms, made) == []
    kms.enable_key(KeyId=made)
    assert rotations(kms, made) == ["AUTOMATIC"]


def test_only_symmetric_keys_rotate(kms: Any, key: Make, refused: Any) -> None:
    made = key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    assert kms.get_key_rotation_status(KeyId=made)["KeyRotationEnabled"] is False
    for operation in (kms.enable_key_rotation, kms.rotate_key_on_demand):
        with refused("UnsupportedOperationException"):
            operation(KeyId=made)


# Multi-Region keys


def test_a_multi_region_key_is_the_same_in_every_region(cloud: Any, refused: Any) -> None:
    account = cloud.account()
    here, there = account.client("kms"), account.client("kms", "eu-west-1")
    made = here.create_key(MultiRegion=True)["KeyMetadata"]
    assert made["KeyId"].startswith("mrk-")
    assert made["MultiRegionConfiguration"]["MultiRegionKeyType"] == "PRIMARY"
    old = here.encrypt(KeyId=made["KeyId"], Plaintext=b"old")["CiphertextBlob"]
    here.rotate_key_on_demand(KeyId=made["KeyId"])
    replica = here.replicate_key(KeyId=made["KeyId"], ReplicaRegion="eu-west-1")["ReplicaKeyMetadata"]
    assert (replica["KeyId"], replica["Arn"]) == (made["KeyId"], made["Arn"].replace("us-east-1", "eu-west-1"))
    assert there.decrypt(CiphertextBlob=old)["Plaintext"] == b"old"
    here.rotate_key_on_demand(KeyId=made["KeyId"])
    new = there.encrypt(KeyId=made["KeyId"], Plaintext=b"new")["CiphertextBlob"]
    assert here.decrypt(CiphertextBlob=new)["Plaintext"] == b"new"
    with refused("AlreadyExistsException"):
        here.replicate_key(KeyId=made["KeyId"], ReplicaRegion="eu-west-1")
    with refused("UnsupportedOperationException"):
        there.rotate_key_on_demand(KeyId=made["KeyId"])
    with refused("UnsupportedOperationException"):
        there.replicate_key(KeyId=made["KeyId"], ReplicaRegion="eu-west-2")


def test_a_replica_becomes_the_primary(cloud: Any) -> None:
    account = cloud.account()
    here, there = account.client("kms"), account.client("kms", "eu-west-1")
    made = here.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    here.replicate_key(KeyId=made, ReplicaRegion="eu-west-1")
    here.enable_key_rotation(KeyId=made)
    here.update_primary_region(KeyId=made, PrimaryRegion="eu-west-1")
    for client in (here, there):
        told = client.describe_key(KeyId=made)["KeyMetadata"]["MultiRegionConfiguration"]
        assert told["PrimaryKey"]["Region"] == "eu-west-1"
        assert [key["Region"] for key in told["ReplicaKeys"]] == ["us-east-1"]
        assert client.get_key_rotation_status(KeyId=made)["KeyRotationEnabled"] is True


def test_a_primary_is_deleted_after_its_replicas(cloud: Any, clock: Any, refused: Any) -> None:
    account = cloud.account()
    here, there = account.client("kms"), account.client("kms", "eu-west-1")
    made = here.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    here.replicate_key(KeyId=made, ReplicaRegion="eu-west-1")
    answer = here.schedule_key_deletion(KeyId=made, PendingWindowInDays=10)
    assert answer["KeyState"] == "PendingReplicaDeletion"
    there.schedule_key_deletion(KeyId=made, PendingWindowInDays=7)
    clock.advance(8 * DAY)
    with refused("NotFoundException"):
        there.describe_key(KeyId=made)
    assert here.describe_key(KeyId=made)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    clock.advance(10 * DAY)
    with refused("NotFoundException"):
        here.describe_key(KeyId=made)
