from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., str]


@pytest.fixture
def people(cloud: Any) -> tuple[Any, Any, str, str]:
    """An owner's client and a guest's, a key of the owner's, and the guest's ARN."""
    owner, guest = cloud.account(), cloud.account()
    kms = owner.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    return kms, guest.client("kms"), arn, f"arn:aws:iam::{guest.id}:root"


def test_a_grant_lets_its_grantee_in_until_it_is_revoked(people: Any, refused: Any) -> None:
    kms, guest, arn, who = people
    with refused("AccessDeniedException"):
        guest.encrypt(KeyId=arn, Plaintext=b"x")
    grant = kms.create_grant(KeyId=arn, GranteePrincipal=who, Operations=["Encrypt", "Decrypt"])
    blob = guest.encrypt(KeyId=arn, Plaintext=b"x", GrantTokens=[grant["GrantToken"]])["CiphertextBlob"]
    assert guest.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    with refused("AccessDeniedException"):
        guest.describe_key(KeyId=arn)
    kms.revoke_grant(KeyId=arn, GrantId=grant["GrantId"])
    with refused("AccessDeniedException"):
        guest.decrypt(CiphertextBlob=blob)
    with refused("NotFoundException"):
        kms.revoke_grant(KeyId=arn, GrantId=grant["GrantId"])


@pytest.mark.parametrize(
    ("constraint", "fine", "not_fine"),
    [
        ("EncryptionContextEquals", [{"app": "a"}, {"APP": "a"}], [{}, {"app": "b"}, {"app": "a", "x": "y"}]),
        ("EncryptionContextSubset", [{"app": "a"}, {"app": "a", "x": "y"}], [{}, {"app": "A"}]),
    ],
)
def test_constraints(people: Any, constraint: str, fine: Any, not_fine: Any, refused: Any) -> None:
    kms, guest, arn, who = people
    kms.create_grant(KeyId=arn, GranteePrincipal=who, Operations=["Encrypt"], Constraints={constraint: {"app": "a"}})
    for context in fine:
        guest.encrypt(KeyId=arn, Plaintext=b"x", EncryptionContext=context)
    for context in not_fine:
        with refused("AccessDeniedException"):
            guest.encrypt(KeyId=arn, Plaintext=b"x", EncryptionContext=context)


def test_who_may_retire_a_grant(people: Any, refused: Any) -> None:
    kms, guest, arn, who = people
    owner = f"arn:aws:iam::{arn.split(':')[4]}:root"
    grant = kms.create_grant(KeyId=arn, GranteePrincipal=who, Operations=["Encrypt"], RetiringPrincipal=owner)
    with refused("AccessDeniedException"):
        guest.retire_grant(KeyId=arn, GrantId=grant["GrantId"])
    assert [one["GrantId"] for one in kms.list_retirable_grants(RetiringPrincipal=owner)["Grants"]] == [
        grant["GrantId"]
    ]
    kms.retire_grant(GrantToken=grant["GrantToken"])
    assert kms.list_grants(KeyId=arn)["Grants"] == []
    own = kms.create_grant(KeyId=arn, GranteePrincipal=who, Operations=["Encrypt", "RetireGrant"])
    guest.retire_grant(KeyId=arn, GrantId=own["GrantId"])
    assert kms.list_grants(KeyId=arn)["Grants"] == []


def test_the_same_grant_of_the_same_name_is_made_once(people: Any) -> None:
    kms, _, arn, who = people
    asked = {"KeyId": arn, "GranteePrincipal": who, "Operations": ["Encrypt"], "Name": "orders"}
    one, again = kms.create_grant(**asked), kms.create_grant(**asked)
    assert one["GrantId"] == again["GrantId"]
    assert kms.create_grant(**asked | {"Operations": ["Decrypt"]})["GrantId"] != one["GrantId"]
    (first, second) = kms.list_grants(KeyId=arn)["Grants"]
    assert {first["Name"], second["Name"]} == {"orders"}
    assert kms.list_grants(KeyId=arn, GranteePrincipal="arn:aws:iam::111122223333:root")["Grants"] == []
    page = kms.list_grants(KeyId=arn, Limit=1)
    assert page["Truncated"]
    assert len(kms.list_grants(KeyId=arn, Marker=page["NextMarker"])["Grants"]) == 1


def test_what_a_grant_cannot_be(kms: Any, key: Make, refused: Any) -> None:
    made = key()
    who = "arn:aws:iam::111122223333:root"
    with refused("ValidationException"):
        kms.create_grant(KeyId=made, GranteePrincipal=who, Operations=["Sign"])
    with refused("InvalidArnException"):
        kms.create_grant(KeyId=made, GranteePrincipal="nobody", Operations=["Encrypt"])
    with refused("InvalidGrantTokenException"):
        kms.encrypt(KeyId=made, Plaintext=b"x", GrantTokens=["nonsense"])
    mac = key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    with refused("ValidationException"):
        kms.create_grant(
            KeyId=mac,
            GranteePrincipal=who,
            Operations=["GenerateMac"],
            Constraints={"EncryptionContextEquals": {"a": "b"}},
        )
    with refused("DryRunOperationException"):
        kms.create_grant(KeyId=made, GranteePrincipal=who, Operations=["Encrypt"], DryRun=True)
    assert kms.list_grants(KeyId=made)["Grants"] == []
