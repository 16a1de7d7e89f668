"""The Amazon S3 Encryption Client for Python, whose data keys are those of KMS.

It wants an older cryptography library than others do, so it may live in an environment of its own, whose interpreter
PILEUS_S3_ENCRYPTION_PYTHON names.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pileus.testing.account import Account

PYTHON = os.environ.get("PILEUS_S3_ENCRYPTION_PYTHON") or sys.executable

PROGRAM = """
import boto3, sys
from s3_encryption import S3EncryptionClient, S3EncryptionClientConfig
from s3_encryption.materials.kms_keyring import KmsKeyring

bucket, key = sys.argv[1:]
s3, kms = boto3.client("s3"), boto3.client("kms")
client = S3EncryptionClient(s3, S3EncryptionClientConfig(keyring=KmsKeyring(kms, key)))
client.put_object(Bucket=bucket, Key="secret", Body=b"hidden " * 1000)
plain = boto3.client("s3").get_object(Bucket=bucket, Key="secret")["Body"].read()
assert b"hidden" not in plain
assert client.get_object(Bucket=bucket, Key="secret")["Body"].read() == b"hidden " * 1000
kms.disable_key(KeyId=key)
try:
    client.get_object(Bucket=bucket, Key="secret")["Body"].read()
except Exception as error:
    print("refused")
"""


@pytest.fixture(autouse=True, scope="module")
def client() -> None:
    if subprocess.run([PYTHON, "-c", "import s3_encryption"], capture_output=True).returncode:
        pytest.skip("amazon-s3-encryption-client-python is not installed: see PILEUS_S3_ENCRYPTION_PYTHON")


def test_an_object_is_encrypted_with_a_data_key_of_the_cloud(aws: Account) -> None:
    bucket = f"encrypted-{aws.id}"
    aws.client("s3").create_bucket(Bucket=bucket)
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | aws.environment()
    done = subprocess.run(
        [PYTHON, "-c", PROGRAM, bucket, key], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr
