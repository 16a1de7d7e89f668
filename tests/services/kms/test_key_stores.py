"""Custom key stores: keys in a cluster, and what becomes of them when it cannot be reached."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.cloudhsmv2.conftest import Owner, owner

__all__ = ["owner"]

ZONES = ("us-east-1a", "us-east-1b")
DAY = 86400


class Store:
    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.kms = owner.account.client("kms")
        self.cluster = owner.active(ZONES)
        owner.user(self.cluster, "kmsuser", "kmsPswd")
        self.members = {
            "CustomKeyStoreName": "store",
            "CloudHsmClusterId": self.cluster,
            "TrustAnchorCertificate": owner.anchor,
            "KeyStorePassword": "kmsPswd",
        }

    def create(self, **more: Any) -> str:
        return str(self.kms.create_custom_key_store(**(self.members | more))["CustomKeyStoreId"])

    def describe(self, store: str) -> dict[str, Any]:
        (found,) = self.kms.describe_custom_key_stores(CustomKeyStoreId=store)["CustomKeyStores"]
        return dict(found)

    def connect(self, store: str) -> dict[str, Any]:
        self.kms.connect_custom_key_store(CustomKeyStoreId=store)
        self.owner.wait(1)
        return self.describe(store)

    def key(self, store: str) -> str:
        return str(self.kms.create_key(CustomKeyStoreId=store, Origin="AWS_CLOUDHSM")["KeyMetadata"]["KeyId"])


@pytest.fixture
def store(owner: Owner) -> Store:
    return Store(owner)


def test_a_key_in_a_cluster_is_used_as_any_other(store: Store, refused: Any) -> None:
    kms, place = store.kms, store.create()
    with refused("CustomKeyStoreInvalidStateException"):
        store.key(place)
    assert store.connect(place)["ConnectionState"] == "CONNECTED"
    key = store.key(place)
    told = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (told["CustomKeyStoreId"], told["CloudHsmClusterId"]) == (place, store.cluster)
    assert told["Origin"] == "AWS_CLOUDHSM" and told["KeyState"] == "Enabled"
    context = {"app": "orders"}
    blob = kms.encrypt(KeyId=key, Plaintext=b"hello", EncryptionContext=context)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"hello"
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob)
    data = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    assert kms.decrypt(CiphertextBlob=data["CiphertextBlob"])["Plaintext"] == data["Plaintext"]
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    moved = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=context, DestinationKeyId=other)
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"hello"
    assert len(kms.generate_random(NumberOfBytes=32, CustomKeyStoreId=place)["Plaintext"]) == 32
    listed = store.owner.tool(store.cluster, "--token-label", "kmsuser", "--login", "--pin", "kmsPswd", "-O")
    assert key in listed and "never extractable" in listed
    with refused("UnsupportedOperationException"):
        kms.enable_key_rotation(KeyId=key)
    for wrong in ({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}, {"MultiRegion": True}):
        with refused("ValidationException"):
            kms.create_key(CustomKeyStoreId=place, Origin="AWS_CLOUDHSM", **wrong)


def test_other_services_encrypt_with_a_key_in_a_cluster(store: Store) -> None:
    place = store.create()
    store.connect(place)
    ssm = store.owner.account.client("ssm")
    ssm.put_parameter(Name="/secret", Type="SecureString", Value="hidden", KeyId=store.key(place))
    assert ssm.get_parameter(Name="/secret", WithDecryption=True)["Parameter"]["Value"] == "hidden"


def test_keys_are_unavailable_while_their_store_is_not_connected(store: Store, refused: Any) -> None:
    kms, place = store.kms, store.create()
    store.connect(place)
    key, disabled = store.key(place), store.key(place)
    kms.disable_key(KeyId=disabled)
    blob = kms.encrypt(KeyId=key, Plaintext=b"hello")["CiphertextBlob"]
    kms.disconnect_custom_key_store(CustomKeyStoreId=place)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Unavailable"
    with refused("KMSInvalidStateException"):
        kms.decrypt(CiphertextBlob=blob)
    store.connect(place)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"hello"
    assert kms.describe_key(KeyId=disabled)["KeyMetadata"]["KeyState"] == "Disabled"


def test_why_a_store_does_not_connect(store: Store, refused: Any) -> None:
    kms, place = store.kms, store.create(KeyStorePassword="another password")
    told = store.connect(place)
    assert (told["ConnectionState"], told["ConnectionErrorCode"]) == ("FAILED", "INVALID_CREDENTIALS")
    with refused("CustomKeyStoreInvalidStateException"):
        kms.connect_custom_key_store(CustomKeyStoreId=place)
    with refused("CustomKeyStoreInvalidStateException"):
        kms.update_custom_key_store(CustomKeyStoreId=place, KeyStorePassword="kmsPswd")
    kms.disconnect_custom_key_store(CustomKeyStoreId=place)
    kms.update_custom_key_store(CustomKeyStoreId=place, KeyStorePassword="kmsPswd", NewCustomKeyStoreName="other")
    assert store.connect(place)["ConnectionState"] == "CONNECTED"
    assert kms.describe_custom_key_stores(CustomKeyStoreName="other")["CustomKeyStores"][0]["CustomKeyStoreId"] == place


def test_what_is_no_place_for_a_key_store(store: Store, owner: Owner, refused: Any) -> None:
    with refused("IncorrectTrustAnchorException"):
        store.create(TrustAnchorCertificate=Owner(owner.cloud, owner.account).anchor)
    with refused("CloudHsmClusterNotFoundException"):
        store.create(CloudHsmClusterId="cluster-aaaaaaaaaaa")
    small = owner.create()
    with refused("CloudHsmClusterNotActiveException"):
        store.create(CloudHsmClusterId=small)
    place = store.create()
    with refused("CustomKeyStoreNameInUseException"):
        store.create(CloudHsmClusterId=small)
    with refused("CloudHsmClusterInUseException"):
        store.create(CustomKeyStoreName="other")
    with refused("CustomKeyStoreNotFoundException"):
        store.describe("cks-nothing")
    store.connect(place)
    owner.hsm.delete_hsm(ClusterId=store.cluster, HsmId=owner.describe(store.cluster)["Hsms"][0]["HsmId"])
    owner.wait()
    with refused("CloudHsmClusterInvalidConfigurationException"):
        store.key(place)


def test_a_deleted_key_is_destroyed_in_the_cluster_and_then_its_store_can_go(store: Store, refused: Any) -> None:
    kms, place = store.kms, store.create()
    store.connect(place)
    key = store.key(place)
    with refused("CustomKeyStoreHasCMKsException"):
        kms.delete_custom_key_store(CustomKeyStoreId=place)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    store.owner.wait(8 * DAY)
    assert key not in store.owner.tool(store.cluster, "--token-label", "kmsuser", "--login", "--pin", "kmsPswd", "-O")
    with refused("CustomKeyStoreInvalidStateException"):
        kms.delete_custom_key_store(CustomKeyStoreId=place)
    kms.disconnect_custom_key_store(CustomKeyStoreId=place)
    kms.delete_custom_key_store(CustomKeyStoreId=place)
    assert kms.describe_custom_key_stores()["CustomKeyStores"] == []


def test_the_last_use_of_a_key_is_told(aws: Any, clock: Any) -> None:
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert kms.get_key_last_usage(KeyId=key)["KeyLastUsage"] == {}
    kms.encrypt(KeyId=key, Plaintext=b"x")
    first = kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]
    assert first["Operation"] == "Encrypt" and abs(first["Timestamp"].timestamp() - clock.now()) < 1
    clock.advance(DAY)
    kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec="ECC_NIST_P256")
    last = kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]
    assert last["Operation"] == "GenerateDataKeyPairWithoutPlaintext" and last["Timestamp"] > first["Timestamp"]
