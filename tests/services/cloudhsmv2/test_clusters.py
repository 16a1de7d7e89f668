"""Clusters: their life, what programs do in them by PKCS #11, their backups."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from .conftest import Owner

DAY = 86400

TDE = """
import os, sys
import pkcs11
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass

library, step, folder = sys.argv[1:]
token = pkcs11.lib(library).get_token(token_label="hsm1")
with token.open(rw=True, user_pin="application") as session:
    if step == "encrypt":
        master = session.generate_key(KeyType.AES, 256, label="TDE.MASTER", store=True,
                                      template={Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True})
        tablespace = session.generate_key(KeyType.AES, 256, store=False,
                                          template={Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: False})
        wrapped = master.wrap_key(tablespace, mechanism=Mechanism.AES_KEY_WRAP)
        nonce = os.urandom(12)
        page = AESGCM(tablespace[Attribute.VALUE]).encrypt(nonce, b"salaries", None)
        for name, content in (("wrapped", wrapped), ("nonce", nonce), ("page", page)):
            open(f"{folder}/{name}", "wb").write(content)
    else:
        wrapped, nonce, page = (open(f"{folder}/{name}", "rb").read() for name in ("wrapped", "nonce", "page"))
        master = session.get_key(object_class=ObjectClass.SECRET_KEY, label="TDE.MASTER")
        tablespace = master.unwrap_key(ObjectClass.SECRET_KEY, KeyType.AES, wrapped, mechanism=Mechanism.AES_KEY_WRAP,
                                       store=False, template={Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: False})
        print(AESGCM(tablespace[Attribute.VALUE]).decrypt(nonce, page, None).decode())
"""
"""What a database does that encrypts its tablespaces: keys of tables, wrapped by a master key that stays in the HSM."""


def tde(owner: Owner, cluster: str, step: str, folder: Any) -> str:
    told = owner.client(cluster)
    done = subprocess.run(
        [sys.executable, "-c", TDE, told["library"], step, str(folder)],
        env=os.environ | {"SOFTHSM2_CONF": told["SOFTHSM2_CONF"]}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_cluster_is_claimed_with_a_certificate_and_active_once_it_has_a_user(owner: Owner, refused: Any) -> None:
    cluster = owner.create(TagList=[{"Key": "team", "Value": "red"}])
    told = owner.describe(cluster)
    assert told["State"] == "UNINITIALIZED" and told["Hsms"] == [] and told["PreCoPassword"] == "password"
    assert {*told["SubnetMapping"].values()} == {*owner.subnets}
    assert told["TagList"] == [{"Key": "team", "Value": "red"}]
    with refused("CloudHsmInvalidRequestException"):
        owner.hsm.initialize_cluster(ClusterId=cluster, SignedCert="none", TrustAnchor=owner.anchor)
    owner.add(cluster)
    with refused("CloudHsmInvalidRequestException", "one HSM only"):
        owner.add(cluster, "us-east-1b")
    for certificate, anchor in ((owner.anchor, owner.anchor), ("none", owner.anchor)):
        with refused("CloudHsmInvalidRequestException"):
            owner.hsm.initialize_cluster(ClusterId=cluster, SignedCert=certificate, TrustAnchor=anchor)
    owner.claim(cluster)
    told = owner.describe(cluster)
    assert told["State"] == "INITIALIZED" and "ClusterCsr" not in told["Certificates"]
    owner.wait(600)
    assert owner.describe(cluster)["State"] == "INITIALIZED"
    owner.tool(cluster, "--token-label", "hsm1", "--login", "--login-type", "so", "--so-pin", "password",
               "--init-pin", "--pin", "application")  # fmt: skip
    owner.wait(60)
    assert owner.describe(cluster)["State"] == "ACTIVE"
    assert "PreCoPassword" not in owner.describe(cluster)


def test_hsms_are_added_and_taken_away_and_then_the_cluster_can_go(owner: Owner, refused: Any) -> None:
    cluster = owner.active()
    with refused("CloudHsmInvalidRequestException", "no subnet"):
        owner.add(cluster, "us-east-1f")
    second = owner.add(cluster, "us-east-1b")
    assert {hsm["State"] for hsm in owner.describe(cluster)["Hsms"]} == {"ACTIVE"}
    with refused("CloudHsmInvalidRequestException", "still has HSMs"):
        owner.hsm.delete_cluster(ClusterId=cluster)
    for hsm in owner.describe(cluster)["Hsms"]:
        owner.hsm.delete_hsm(ClusterId=cluster, HsmId=hsm["HsmId"])
        owner.wait()
    with refused("CloudHsmResourceNotFoundException"):
        owner.hsm.delete_hsm(ClusterId=cluster, HsmId=second)
    owner.hsm.delete_cluster(ClusterId=cluster)
    owner.wait()
    assert owner.describe(cluster)["State"] == "DELETED"
    assert len(owner.hsm.describe_backups(Filters={"clusterIds": [cluster]})["Backups"]) == 3
    owner.wait(2 * 3600)
    assert owner.hsm.describe_clusters()["Clusters"] == []


def test_a_database_keeps_its_master_key_in_the_cluster_and_finds_it_in_a_restored_one(
    owner: Owner, tmp_path: Any
) -> None:
    cluster = owner.active()
    tde(owner, cluster, "encrypt", tmp_path)
    assert tde(owner, cluster, "decrypt", tmp_path) == "salaries"
    (hsm,) = owner.describe(cluster)["Hsms"]
    owner.hsm.delete_hsm(ClusterId=cluster, HsmId=hsm["HsmId"])
    owner.wait()
    backup = owner.hsm.describe_backups(Filters={"clusterIds": [cluster]})["Backups"][0]
    assert backup["BackupState"] == "READY"
    owner.hsm.delete_cluster(ClusterId=cluster)
    owner.wait()
    restored = owner.create(SourceBackupId=backup["BackupId"])
    owner.add(restored)
    owner.wait()
    told = owner.describe(restored)
    assert told["State"] == "ACTIVE" and told["SourceBackupId"] == backup["BackupId"]
    assert tde(owner, restored, "decrypt", tmp_path) == "salaries"


def test_backups_are_made_every_day_and_kept_as_long_as_the_cluster_says(owner: Owner, refused: Any) -> None:
    cluster = owner.active()
    with refused("CloudHsmInvalidRequestException"):
        owner.hsm.modify_cluster(
            HsmType="hsm1.medium", ClusterId=cluster, BackupRetentionPolicy={"Type": "DAYS", "Value": "3"}
        )
    owner.hsm.modify_cluster(ClusterId=cluster, BackupRetentionPolicy={"Type": "DAYS", "Value": "7"})

    def backups(**more: Any) -> list[dict[str, Any]]:
        return list(owner.hsm.describe_backups(**more)["Backups"])

    owner.wait(3 * DAY)
    assert len(backups()) == 4  # the first when it became active
    latest = backups()[0]
    assert latest["CreateTimestamp"] > backups(SortAscending=True)[0]["CreateTimestamp"]
    owner.hsm.modify_backup_attributes(BackupId=latest["BackupId"], NeverExpires=True)
    owner.wait(20 * DAY)
    assert latest["BackupId"] in {one["BackupId"] for one in backups()} and 8 <= len(backups()) <= 10
    assert [one["BackupId"] for one in backups(Filters={"neverExpires": ["true"]})] == [latest["BackupId"]]
    with refused("CloudHsmInvalidRequestException"):
        backups(Filters={"colour": ["red"]})
    page = owner.hsm.describe_backups(MaxResults=2)
    assert len(page["Backups"]) == 2 and backups(NextToken=page["NextToken"], MaxResults=2)


def test_a_deleted_backup_can_be_restored_for_seven_days(owner: Owner, refused: Any) -> None:
    owner.active()
    (backup,) = (one["BackupId"] for one in owner.hsm.describe_backups()["Backups"])
    assert owner.hsm.delete_backup(BackupId=backup)["Backup"]["BackupState"] == "PENDING_DELETION"
    owner.wait(6 * DAY)
    assert owner.hsm.restore_backup(BackupId=backup)["Backup"]["BackupState"] == "READY"
    with refused("CloudHsmInvalidRequestException"):
        owner.hsm.restore_backup(BackupId=backup)
    owner.hsm.delete_backup(BackupId=backup)
    owner.wait(8 * DAY)
    with refused("CloudHsmResourceNotFoundException"):
        owner.hsm.restore_backup(BackupId=backup)


def test_a_backup_is_copied_to_another_region_with_its_tags(owner: Owner) -> None:
    cluster = owner.active()
    (backup,) = (one["BackupId"] for one in owner.hsm.describe_backups()["Backups"])
    owner.hsm.tag_resource(ResourceId=backup, TagList=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    owner.hsm.untag_resource(ResourceId=backup, TagKeyList=["b"])
    owner.hsm.copy_backup_to_region(BackupId=backup, DestinationRegion="eu-west-1")
    there = owner.account.client("cloudhsmv2", region="eu-west-1")
    (copy,) = there.describe_backups()["Backups"]
    assert (copy["SourceBackup"], copy["SourceRegion"], copy["SourceCluster"]) == (backup, "us-east-1", cluster)
    assert there.list_tags(ResourceId=copy["BackupId"])["TagList"] == [{"Key": "a", "Value": "1"}]


def test_a_policy_lets_another_account_restore_a_backup(owner: Owner, refused: Any) -> None:
    owner.active()
    (arn,) = (one["BackupArn"] for one in owner.hsm.describe_backups()["Backups"])
    stranger = Owner(owner.cloud, owner.cloud.account())
    with refused("CloudHsmAccessDeniedException"):
        stranger.create(SourceBackupId=arn)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": stranger.account.id},
        "Action": ["cloudhsm:CreateCluster", "cloudhsm:DescribeBackups"],
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    with refused("CloudHsmInvalidRequestException"):
        owner.hsm.put_resource_policy(ResourceArn=arn, Policy="nonsense")
    owner.hsm.put_resource_policy(ResourceArn=arn, Policy=policy)
    assert owner.hsm.get_resource_policy(ResourceArn=arn)["Policy"] == policy
    assert [one["BackupArn"] for one in stranger.hsm.describe_backups(Shared=True)["Backups"]] == [arn]
    assert stranger.describe(stranger.create(SourceBackupId=arn))["State"] == "UNINITIALIZED"
    owner.hsm.delete_resource_policy(ResourceArn=arn)
    assert stranger.hsm.describe_backups(Shared=True)["Backups"] == []
