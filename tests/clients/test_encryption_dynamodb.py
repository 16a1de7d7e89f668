"""The DynamoDB Encryption Client for Python, whose item keys are data keys of KMS."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from boto3.dynamodb.types import Binary

from pileus.testing.account import Account

sdk = pytest.importorskip("dynamodb_encryption_sdk")


def test_items_are_encrypted_and_signed_with_a_key_of_the_cloud(aws: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    from dynamodb_encryption_sdk.encrypted.table import EncryptedTable
    from dynamodb_encryption_sdk.exceptions import SignatureVerificationError
    from dynamodb_encryption_sdk.identifiers import CryptoAction
    from dynamodb_encryption_sdk.material_providers.aws_kms import AwsKmsCryptographicMaterialsProvider
    from dynamodb_encryption_sdk.structures import AttributeActions

    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)  # the client makes its own clients of KMS
    kms, dynamodb = aws.client("kms"), aws.resource("dynamodb")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    table = dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    actions = AttributeActions(
        default_action=CryptoAction.ENCRYPT_AND_SIGN, attribute_actions={"note": CryptoAction.DO_NOTHING}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encrypted = EncryptedTable(
            table=table,
            materials_provider=AwsKmsCryptographicMaterialsProvider(key_id=key),
            attribute_actions=actions,
        )
        item = {"id": "1", "customer": "somebody", "total": 12, "note": "plain"}
        encrypted.put_item(Item=item)
        stored: dict[str, Any] = table.get_item(Key={"id": "1"})["Item"]
        assert isinstance(stored["customer"], Binary) and stored["note"] == "plain"
        assert encrypted.get_item(Key={"id": "1"})["Item"] == item
        table.put_item(Item=stored | {"total": stored["customer"]})
        with pytest.raises(SignatureVerificationError):
            encrypted.get_item(Key={"id": "1"})
        kms.disable_key(KeyId=key)
        with pytest.raises(Exception, match=r"Failed to|disabled"):
            encrypted.get_item(Key={"id": "1"})
