"""Envelope encryption with the AWS CLI: `encrypt`, `decrypt`, `re-encrypt`, `enable-key-rotation`, `generate-data-key`.

The notes' walk through KMS: a key is made, a file is encrypted and decrypted, moved to another key, and what is larger
than 4 KB is encrypted with a data key.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.clients.test_aws_cli import Cli, cli

__all__ = ["cli"]


def test_envelope_encryption(cli: Cli, tmp_path: Path) -> None:
    key = cli("kms", "create-key", "--description", "demo")["KeyMetadata"]["KeyId"]
    cli("kms", "create-alias", "--alias-name", "alias/demo", "--target-key-id", key)

    # encrypt: takes the name of a file, puts out a ciphertext
    plain, sealed = tmp_path / "secret.txt", tmp_path / "encryptedsecret.txt"
    plain.write_text("my secret")
    answer = cli("kms", "encrypt", "--key-id", "alias/demo", "--plaintext", f"fileb://{plain}")
    sealed.write_bytes(base64.b64decode(answer["CiphertextBlob"]))
    assert b"my secret" not in sealed.read_bytes()

    # decrypt: the ciphertext back to plain text, without a word of the key
    answer = cli("kms", "decrypt", "--ciphertext-blob", f"fileb://{sealed}")
    assert base64.b64decode(answer["Plaintext"]) == b"my secret"
    assert answer["KeyId"].endswith(key)

    # re-encrypt: decrypts, then encrypts with a new key
    new = cli("kms", "create-key")["KeyMetadata"]["KeyId"]
    answer = cli("kms", "re-encrypt", "--destination-key-id", new, "--ciphertext-blob", f"fileb://{sealed}")
    assert (answer["SourceKeyId"][-36:], answer["KeyId"][-36:]) == (key, new)
    sealed.write_bytes(base64.b64decode(answer["CiphertextBlob"]))
    assert cli("kms", "decrypt", "--ciphertext-blob", f"fileb://{sealed}")["KeyId"].endswith(new)

    # enable-key-rotation: every year
    cli("kms", "enable-key-rotation", "--key-id", key)
    status = cli("kms", "get-key-rotation-status", "--key-id", key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 365)

    # generate-data-key: for data above 4 KB, which never go over the network
    made = cli("kms", "generate-data-key", "--key-id", key, "--key-spec", "AES_256", "--encryption-context", "app=demo")
    data, nonce = os.urandom(100_000), os.urandom(12)
    box = AESGCM(base64.b64decode(made["Plaintext"])).encrypt(nonce, data, None)
    kept = tmp_path / "datakey"
    kept.write_bytes(base64.b64decode(made["CiphertextBlob"]))
    del made
    opened = cli("kms", "decrypt", "--ciphertext-blob", f"fileb://{kept}", "--encryption-context", "app=demo")
    assert AESGCM(base64.b64decode(opened["Plaintext"])).decrypt(nonce, box, None) == data
