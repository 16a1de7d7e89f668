from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., str]
DAY = 86400


def metadata(kms: Any, key_id: str) -> dict[str, Any]:
    return dict(kms.describe_key(KeyId=key_id)["KeyMetadata"])


def test_a_new_key(kms: Any, refused: Any) -> None:
    made = kms.create_key(Description="orders", Tags=[{"TagKey": "team", "TagValue": "red"}])["KeyMetadata"]
    assert made["Arn"].endswith(f"key/{made['KeyId']}")
    assert (made["KeyState"], made["Enabled"], made["KeyManager"]) == ("Enabled", True, "CUSTOMER")
    assert (made["KeySpec"], made["KeyUsage"], made["Origin"]) == ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_KMS")
    assert made["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"]
    assert made["MultiRegion"] is False
    assert metadata(kms, made["KeyId"]) == made
    kms.update_key_description(KeyId=made["Arn"], Description="bills")
    assert metadata(kms, made["Arn"])["Description"] == "bills"
    assert kms.list_resource_tags(KeyId=made["KeyId"])["Tags"] == [{"TagKey": "team", "TagValue": "red"}]


def test_a_key_that_is_not_there(kms: Any, refused: Any, key: Make) -> None:
    arn = metadata(kms, key())["Arn"]
    nobody = "12345678-1234-1234-1234-123456789012"
    with refused("NotFoundException", f"Key '{arn[:-36]}{nobody}' does not exist"):
        kms.describe_key(KeyId=nobody)
    with refused("NotFoundException", "Invalid keyId 'nonsense'"):
        kms.describe_key(KeyId="nonsense")
    with refused("NotFoundException", "alias/nobody is not found."):
        kms.describe_key(KeyId="alias/nobody")
    with refused("NotFoundException", "Invalid arn eu-west-1"):
        kms.describe_key(KeyId=arn.replace("us-east-1", "eu-west-1"))


def test_usage_and_spec_must_agree(kms: Any, refused: Any) -> None:
    with refused("ValidationException", "KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT"):
        kms.create_key(KeyUsage="SIGN_VERIFY")
    with refused("ValidationException", "You must specify a KeyUsage value"):
        kms.create_key(KeySpec="RSA_2048")
    with refused("ValidationException"):
        kms.create_key(KeySpec="NONSENSE")


def test_a_disabled_key_is_not_used(kms: Any, key: Make, refused: Any) -> None:
    made = key()
    blob = kms.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=made)
    assert metadata(kms, made)["KeyState"] == "Disabled"
    for use in (
        lambda: kms.encrypt(KeyId=made, Plaintext=b"x"),
        lambda: kms.decrypt(CiphertextBlob=blob),
        lambda: kms.generate_data_key(KeyId=made, KeySpec="AES_256"),
        lambda: kms.enable_key_rotation(KeyId=made),
    ):
        with refused("DisabledException", "is disabled."):
            use()
    kms.enable_key(KeyId=made)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_a_key_is_deleted_after_its_waiting_period(kms: Any, key: Make, clock: Any, refused: Any) -> None:
    made = key()
    kms.create_alias(AliasName="alias/doomed", TargetKeyId=made)
    blob = kms.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]
    answer = kms.schedule_key_deletion(KeyId=made, PendingWindowInDays=7)
    assert answer["DeletionDate"].timestamp() == pytest.approx(clock.now() + 7 * DAY, abs=1)
    assert (answer["KeyState"], answer["PendingWindowInDays"]) == ("PendingDeletion", 7)
    with refused("KMSInvalidStateException", "is pending deletion."):
        kms.decrypt(CiphertextBlob=blob)
    with refused("KMSInvalidStateException"):
        kms.schedule_key_deletion(KeyId=made)
    clock.advance(7 * DAY - 1)
    assert metadata(kms, made)["KeyState"] == "PendingDeletion"
    clock.advance(2)
    with refused("NotFoundException", "does not exist"):
        kms.describe_key(KeyId=made)
    with refused("NotFoundException"):
        kms.describe_key(KeyId="alias/doomed")
    with refused("AccessDeniedException"):
        kms.decrypt(CiphertextBlob=blob)


def test_a_deletion_is_cancelled(kms: Any, key: Make, clock: Any, refused: Any) -> None:
    made = key()
    for days in (6, 31):
        with refused("ValidationException"):
            kms.schedule_key_deletion(KeyId=made, PendingWindowInDays=days)
    assert kms.schedule_key_deletion(KeyId=made)["PendingWindowInDays"] == 30
    kms.cancel_key_deletion(KeyId=made)
    assert metadata(kms, made)["KeyState"] == "Disabled"
    clock.advance(40 * DAY)
    assert metadata(kms, made)["KeyState"] == "Disabled"
    with refused("KMSInvalidStateException"):
        kms.cancel_key_deletion(KeyId=made)


def test_keys_are_listed_in_pages(cloud: Any, refused: Any) -> None:
    kms = cloud.account().client("kms")
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)}
    first = kms.list_keys(Limit=2)
    assert (len(first["Keys"]), first["Truncated"]) == (2, True)
    pages = kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2})
    assert {entry["KeyId"] for page in pages for entry in page["Keys"]} == made
    with refused("InvalidMarkerException"):
        kms.list_keys(Marker="nonsense")


# Aliases


def test_an_alias_names_a_key_and_then_another(kms: Any, key: Make, refused: Any) -> None:
    """Notes: "Can use Alias to refer to CMK"."""
    one, other = key(), key()
    kms.create_alias(AliasName="alias/app/orders", TargetKeyId=one)
    blob = kms.encrypt(KeyId="alias/app/orders", Plaintext=b"x")["CiphertextBlob"]
    with refused("AlreadyExistsException", "An alias with the name arn:aws:kms:us-east-1:"):
        kms.create_alias(AliasName="alias/app/orders", TargetKeyId=other)
    kms.update_alias(AliasName="alias/app/orders", TargetKeyId=other)
    assert metadata(kms, "alias/app/orders")["KeyId"] == other
    (alias,) = kms.list_aliases(KeyId=other)["Aliases"]
    assert metadata(kms, alias["AliasArn"])["KeyId"] == other
    assert kms.list_aliases(KeyId=one)["Aliases"] == []
    with refused("IncorrectKeyException"):
        kms.decrypt(KeyId="alias/app/orders", CiphertextBlob=blob)
    kms.delete_alias(AliasName="alias/app/orders")
    with refused("NotFoundException"):
        kms.delete_alias(AliasName="alias/app/orders")


def test_names_of_aliases(kms: Any, key: Make, refused: Any) -> None:
    made = key()
    with refused("NotAuthorizedException"):
        kms.create_alias(AliasName="alias/aws/mine", TargetKeyId=made)
    with refused("ValidationException"):
        kms.create_alias(AliasName="mine", TargetKeyId=made)
    with refused("InvalidAliasNameException"):
        kms.create_alias(AliasName="alias/a:b", TargetKeyId=made)
    mac = key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    kms.create_alias(AliasName="alias/kind", TargetKeyId=made)
    with refused("ValidationException", "Aliases must refer to keys. Not aliases"):
        kms.create_alias(AliasName="alias/other", TargetKeyId="alias/kind")
    with refused("ValidationException"):
        kms.update_alias(AliasName="alias/kind", TargetKeyId=mac)
    with refused("NotFoundException", "Invalid keyId 'alias/kind'"):
        kms.enable_key(KeyId="alias/kind")


def test_an_aws_managed_key_comes_to_be_when_it_is_named(cloud: Any, refused: Any) -> None:
    kms = cloud.account().client("kms")
    assert kms.list_aliases()["Aliases"] == []
    told = metadata(kms, "alias/aws/s3")
    assert (told["KeyManager"], told["KeyState"]) == ("AWS", "Enabled")
    assert metadata(kms, "alias/aws/s3") == told
    assert [alias["AliasName"] for alias in kms.list_aliases()["Aliases"]] == ["alias/aws/s3"]
    assert kms.get_key_rotation_status(KeyId=told["KeyId"])["KeyRotationEnabled"] is True
    with refused("NotFoundException"):
        kms.describe_key(KeyId="alias/aws/nonsense")
    # Its policy lets the account through the service alone.
    with refused("AccessDeniedException"):
        kms.encrypt(KeyId="alias/aws/s3", Plaintext=b"x")
    for change in (kms.disable_key, kms.schedule_key_deletion):
        with refused("AccessDeniedException"):
            change(KeyId=told["KeyId"])


# Tags


def test_tags(kms: Any, key: Make, refused: Any) -> None:
    made = key()
    kms.tag_resource(KeyId=made, Tags=[{"TagKey": "a", "TagValue": "1"}, {"TagKey": "b", "TagValue": ""}])
    kms.tag_resource(KeyId=made, Tags=[{"TagKey": "a", "TagValue": "2"}])
    kms.untag_resource(KeyId=made, TagKeys=["b", "nobody"])
    assert kms.list_resource_tags(KeyId=made) | {"ResponseMetadata": 0} == {
        "Tags": [{"TagKey": "a", "TagValue": "2"}],
        "Truncated": False,
        "ResponseMetadata": 0,
    }
    for tags in ([{"TagKey": "aws:x", "TagValue": ""}], [{"TagKey": "x", "TagValue": "1"}] * 2):
        with refused("TagException"):
            kms.tag_resource(KeyId=made, Tags=tags)
    with refused("LimitExceededException"):
        kms.tag_resource(KeyId=made, Tags=[{"TagKey": str(n), "TagValue": ""} for n in range(50)])


# Policies


def test_the_default_policy_lets_the_root_of_the_account_in(kms: Any, key: Make, refused: Any) -> None:
    made = key()
    arn = metadata(kms, made)["Arn"]
    policy = json.loads(kms.get_key_policy(KeyId=made, PolicyName="default")["Policy"])
    (statement,) = policy["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{arn.split(':')[4]}:root"}
    assert (statement["Action"], statement["Resource"]) == ("kms:*", "*")
    assert kms.list_key_policies(KeyId=made)["PolicyNames"] == ["default"]
    with refused("NotFoundException", "No such policy exists"):
        kms.get_key_policy(KeyId=made, PolicyName="other")


def test_a_policy_that_locks_out_is_refused_unless_that_is_meant(cloud: Any, refused: Any) -> None:
    account = cloud.account()
    kms = account.client("kms")
    made = kms.create_key()["KeyMetadata"]["KeyId"]
    root = f"arn:aws:iam::{account.id}:root"
    statement = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:Describe*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    with refused("MalformedPolicyDocumentException", "will not allow you to update the key policy in the future"):
        kms.put_key_policy(KeyId=made, Policy=policy)
    kms.put_key_policy(KeyId=made, Policy=policy, BypassPolicyLockoutSafetyCheck=True)
    assert kms.get_paginator  # the client is fine; the key is not
    with refused("AccessDeniedException", "because no resource-based policy allows the kms:Encrypt action"):
        kms.encrypt(KeyId=made, Plaintext=b"x")
    with refused("AccessDeniedException"):
        kms.put_key_policy(KeyId=made, Policy=policy)
    with refused("MalformedPolicyDocumentException"):
        kms.create_key(Policy="{nonsense")


def test_another_account_may_use_a_key_whose_policy_lets_it(cloud: Any, refused: Any) -> None:
    owner, guest = cloud.account(), cloud.account()
    kms, theirs = owner.client("kms"), guest.client("kms")
    made = kms.create_key()["KeyMetadata"]
    with refused("AccessDeniedException"):
        theirs.encrypt(KeyId=made["Arn"], Plaintext=b"x")
    policy = json.loads(kms.get_key_policy(KeyId=made["KeyId"])["Policy"])
    policy["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{guest.id}:root"},
            "Action": ["kms:Encrypt", "kms:Decrypt"],
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:EncryptionContext:app": "orders"}},
        }
    )
    kms.put_key_policy(KeyId=made["KeyId"], Policy=json.dumps(policy))
    context = {"app": "orders"}
    blob = theirs.encrypt(KeyId=made["Arn"], Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
    assert theirs.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"x"
    with refused("AccessDeniedException"):
        theirs.encrypt(KeyId=made["Arn"], Plaintext=b"x", EncryptionContext={"app": "bills"})
    with refused("AccessDeniedException"):
        theirs.disable_key(KeyId=made["Arn"])
