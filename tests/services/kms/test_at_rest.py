"""What is secret lies in no file of the data directory, except the master key's own."""

from __future__ import annotations

import base64
from pathlib import Path

import pileus

from .test_imports import bring


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_key_material_is_nowhere_in_the_data_directory_and_works_after_a_restart(tmp_path: Path) -> None:
    secret = b"thirty-two bytes of key material"
    with pileus.cloud(data=tmp_path) as cloud:
        kms = cloud.account("111122223333").client("kms")
        made = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
        bring(kms, made, secret)
        blob = kms.encrypt(KeyId=made, Plaintext=b"a plaintext that tells")["CiphertextBlob"]
        pair = kms.generate_data_key_pair(KeyId=made, KeyPairSpec="ECC_NIST_P256")["PrivateKeyPlaintext"]
        seen = files(tmp_path)
    seen += files(tmp_path)
    assert made.encode() in seen
    for hidden in (secret, base64.b64encode(secret), secret.hex().encode(), b"a plaintext that tells", pair[-40:]):
        assert hidden not in seen
    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600
    with pileus.cloud(data=tmp_path) as cloud:
        kms = cloud.account("111122223333").client("kms")
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"a plaintext that tells"
