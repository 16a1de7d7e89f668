"""Replicas in other accounts, and the names of policies."""

from __future__ import annotations

import json
from typing import Any

import pytest


class Pair:
    """A primary in one account, a key and an empty replica in another."""

    def __init__(self, cloud: Any, aws: Any) -> None:
        self.primary_account, self.replica_account = aws, cloud.account()
        self.primary, self.replica = (one.client("secretsmanager") for one in (aws, self.replica_account))
        self.source = self.primary.create_secret(
            Name="db", SecretString="one", KmsKeyId=self.key(self.primary_account, self.replica_account)
        )["ARN"]
        self.target = self.replica.create_secret(
            Name="copy",
            CrossAccountPrimaryARN=self.source,
            KmsKeyId=self.key(self.replica_account, self.primary_account),
        )["ARN"]

    def key(self, account: Any, other: Any) -> str:
        """A key that another account may use too."""
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": [account.id, other.id]},
            "Action": "kms:*",
            "Resource": "*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return str(account.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"])

    def accept(self) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": self.primary_account.id},
            "Action": "secretsmanager:AcceptCrossAccountReplication",
            "Resource": "*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.replica.put_resource_policy(SecretId="copy", ResourcePolicy=policy)

    def link(self, **more: Any) -> Any:
        members = {"SecretId": "db", "CrossAccountReplicaARN": self.target, "ReplicaRestriction": "NoRestriction"}
        return self.primary.associate_cross_account_replica(**(members | more))


@pytest.fixture
def pair(cloud: Any, aws: Any) -> Pair:
    return Pair(cloud, aws)


def test_a_linked_replica_has_what_the_primary_has(pair: Pair, refused: Any) -> None:
    assert pair.replica.describe_secret(SecretId="copy")["CrossAccountPrimary"]["ReplicationStatus"] == "Pending"
    with refused("AccessDeniedException"):
        pair.link()
    pair.accept()
    with refused("InvalidRequestException", "organization"):
        pair.link(ReplicaRestriction="SameOrg")
    assert pair.link()["ReplicationStatus"] == "InSync"
    assert pair.replica.get_secret_value(SecretId="copy")["SecretString"] == "one"
    version = pair.primary.put_secret_value(SecretId="db", SecretString="two")["VersionId"]
    found = pair.replica.get_secret_value(SecretId="copy")
    assert (found["SecretString"], found["VersionId"]) == ("two", version)
    with refused("InvalidRequestException"):
        pair.replica.put_secret_value(SecretId="copy", SecretString="three")
    (told,) = pair.primary.describe_secret(SecretId="db")["CrossAccountReplicas"]
    assert (told["ReplicaSecretARN"], told["ReplicationStatus"]) == (pair.target, "InSync")
    with refused("InvalidRequestException", "cross-account replicas"):
        pair.primary.delete_secret(SecretId="db")


def test_an_unlinked_replica_keeps_what_it_has_and_can_become_a_secret_of_its_own(pair: Pair) -> None:
    pair.accept()
    pair.link()
    pair.primary.disassociate_cross_account_replica(SecretId="db", CrossAccountReplicaARN=pair.target)
    pair.primary.put_secret_value(SecretId="db", SecretString="two")
    assert pair.replica.get_secret_value(SecretId="copy")["SecretString"] == "one"
    assert pair.replica.describe_secret(SecretId="copy")["CrossAccountPrimary"]["ReplicationStatus"] == "Detached"
    pair.replica.stop_replication_to_replica(SecretId="copy")
    pair.replica.put_secret_value(SecretId="copy", SecretString="three")
    assert "CrossAccountPrimary" not in pair.replica.describe_secret(SecretId="copy")
    pair.primary.delete_secret(SecretId="db")


def test_a_replica_that_is_gone_makes_replication_fail_and_not_the_change(pair: Pair) -> None:
    pair.accept()
    pair.link()
    pair.replica.delete_secret(SecretId="copy", ForceDeleteWithoutRecovery=True)
    pair.primary.put_secret_value(SecretId="db", SecretString="two")
    (told,) = pair.primary.describe_secret(SecretId="db")["CrossAccountReplicas"]
    assert told["ReplicationStatus"] == "Failed" and told["StatusMessage"]


def test_what_cannot_be_a_replica(pair: Pair, refused: Any) -> None:
    with refused("InvalidParameterException"):
        pair.replica.create_secret(Name="other", CrossAccountPrimaryARN=pair.source)
    with refused("InvalidParameterException"):
        pair.primary.create_secret(Name="other", CrossAccountPrimaryARN=pair.source, KmsKeyId="alias/any")
    plain = pair.replica.create_secret(Name="plain")["ARN"]
    with refused("InvalidRequestException"):
        pair.link(CrossAccountReplicaARN=plain)


def test_a_secret_has_one_policy_named_default(aws: Any, refused: Any) -> None:
    secrets = aws.client("secretsmanager")
    secrets.create_secret(Name="db")
    assert secrets.list_resource_policies(SecretId="db")["ResourcePolicies"] == []
    statement = {"Effect": "Allow", "Principal": {"AWS": aws.id}, "Action": "secretsmanager:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    with refused("InvalidParameterException"):
        secrets.put_resource_policy(SecretId="db", ResourcePolicy=policy, PolicyName="other")
    assert secrets.put_resource_policy(SecretId="db", ResourcePolicy=policy)["PolicyName"] == "default"
    assert secrets.list_resource_policies(SecretId="db")["ResourcePolicies"] == [{"PolicyName": "default"}]
    with refused("ResourceNotFoundException"):
        secrets.get_resource_policy(SecretId="db", PolicyName="other")
    assert secrets.delete_resource_policy(SecretId="db", PolicyName="default")["PolicyName"] == "default"
    assert secrets.list_resource_policies(SecretId="db")["ResourcePolicies"] == []
