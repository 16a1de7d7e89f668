"""The AWS Encryption SDK for Python with keys of a cloud."""

from __future__ import annotations

import os
from typing import Any

import pytest

from pileus.testing.account import Account

sdk = pytest.importorskip("aws_encryption_sdk")


@pytest.fixture
def kms(aws: Account) -> Any:
    return aws.client("kms")


@pytest.fixture(autouse=True)
def environment(aws: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK makes its own clients."""
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)


def provider(*keys: str) -> Any:
    return sdk.StrictAwsKmsMasterKeyProvider(key_ids=keys)


@pytest.mark.parametrize("policy", list(sdk.CommitmentPolicy), ids=lambda policy: policy.name)
def test_a_message_is_encrypted_and_decrypted(aws: Account, kms: Any, policy: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["Arn"]
    client = sdk.EncryptionSDKClient(commitment_policy=policy)
    message = os.urandom(100_000)
    context = {"app": "orders"}
    sealed, _ = client.encrypt(source=message, key_provider=provider(key), encryption_context=context)
    opened, header = client.decrypt(source=sealed, key_provider=provider(key))
    assert opened == message
    assert header.encryption_context["app"] == "orders"


def test_either_of_two_keys_opens_a_message_even_in_another_region(aws: Account, kms: Any) -> None:
    one = kms.create_key()["KeyMetadata"]["Arn"]
    other = aws.client("kms", "eu-west-1").create_key()["KeyMetadata"]["Arn"]
    client = sdk.EncryptionSDKClient()
    sealed, _ = client.encrypt(source=b"hello", key_provider=provider(one, other))
    kms.disable_key(KeyId=one)
    assert client.decrypt(source=sealed, key_provider=provider(other))[0] == b"hello"
