from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, padding

Make = Callable[..., str]
DAY = 86400
FOREVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}


def wrapped(public_key: bytes, algorithm: str, secret: bytes) -> bytes:
    digest = hashes.SHA1() if algorithm.endswith("SHA_1") else hashes.SHA256()
    public: Any = form.load_der_public_key(public_key)
    oaep = padding.OAEP(padding.MGF1(digest), digest, None)
    if not algorithm.startswith("RSA_AES"):
        return bytes(public.encrypt(secret, oaep))
    aes = os.urandom(32)
    return bytes(public.encrypt(aes, oaep)) + keywrap.aes_key_wrap_with_padding(aes, secret)


def bring(kms: Any, key_id: str, secret: bytes, algorithm: str = "RSAES_OAEP_SHA_256", **options: Any) -> Any:
    parameters = kms.get_parameters_for_import(KeyId=key_id, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048")
    material = wrapped(parameters["PublicKey"], algorithm, secret)
    return kms.import_key_material(
        KeyId=key_id,
        ImportToken=parameters["ImportToken"],
        EncryptedKeyMaterial=material,
        **(options if "ValidTo" in options else FOREVER | options),
    )


def state(kms: Any, key_id: str) -> str:
    return str(kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"])


def test_a_key_waits_for_its_material(kms: Any, key: Make, refused: Any) -> None:
    made = key(Origin="EXTERNAL")
    assert state(kms, made) == "PendingImport"
    with refused("KMSInvalidStateException", "is pending import."):
        kms.encrypt(KeyId=made, Plaintext=b"x")
    with refused("UnsupportedOperationException"):
        kms.get_parameters_for_import(KeyId=key(), WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_256"])
def test_material_is_imported(kms: Any, key: Make, algorithm: str) -> None:
    made = key(Origin="EXTERNAL")
    bring(kms, made, os.urandom(32), algorithm)
    told = kms.describe_key(KeyId=made)["KeyMetadata"]
    assert (told["KeyState"], told["ExpirationModel"]) == ("Enabled", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    blob = kms.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_material_wrapped_by_openssl_is_imported(kms: Any, key: Make, tmp_path: Path) -> None:
    """The commands of the Developer Guide, "Encrypting key material with OpenSSL"."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    made = key(Origin="EXTERNAL")
    parameters = kms.get_parameters_for_import(
        KeyId=made, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
    )
    (tmp_path / "public.der").write_bytes(parameters["PublicKey"])
    (tmp_path / "material").write_bytes(os.urandom(32))
    command = "openssl pkeyutl -encrypt -in material -out wrapped -inkey public.der -keyform DER -pubin"
    options = ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"]
    words = [*command.split(), *(word for option in options for word in ("-pkeyopt", option))]
    subprocess.run(words, cwd=tmp_path, check=True)
    kms.import_key_material(
        KeyId=made,
        ImportToken=parameters["ImportToken"],
        EncryptedKeyMaterial=(tmp_path / "wrapped").read_bytes(),
        ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
    )
    assert state(kms, made) == "Enabled"


def test_a_private_key_is_imported(kms: Any, key: Make) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pkcs8 = private.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
    made = key(Origin="EXTERNAL", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    bring(kms, made, pkcs8)
    signature = kms.sign(KeyId=made, Message=b"hello", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    private.public_key().verify(signature, b"hello", ec.ECDSA(hashes.SHA256()))


def test_material_expires_and_must_be_the_same_again(kms: Any, key: Make, clock: Any, refused: Any) -> None:
    made, secret = key(Origin="EXTERNAL"), os.urandom(32)
    bring(kms, made, secret, ValidTo=clock.now() + DAY)
    blob = kms.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]
    clock.advance(DAY + 1)
    assert state(kms, made) == "PendingImport"
    with refused("KMSInvalidStateException"):
        kms.decrypt(CiphertextBlob=blob)
    with refused("IncorrectKeyMaterialException"):
        bring(kms, made, os.urandom(32))
    bring(kms, made, secret)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    kms.delete_imported_key_material(KeyId=made)
    assert state(kms, made) == "PendingImport"


def test_what_an_import_refuses(kms: Any, key: Make, clock: Any, refused: Any) -> None:
    made, other = key(Origin="EXTERNAL"), key(Origin="EXTERNAL")
    with refused("IncorrectKeyMaterialException"):
        bring(kms, made, b"too short")
    with refused("ValidationException", "A validTo date must be set"):
        bring(kms, made, os.urandom(32), ExpirationModel="KEY_MATERIAL_EXPIRES")
    parameters = kms.get_parameters_for_import(
        KeyId=made, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
    )
    asked = {"ImportToken": parameters["ImportToken"], **FOREVER}
    asked["EncryptedKeyMaterial"] = wrapped(parameters["PublicKey"], "RSAES_OAEP_SHA_256", os.urandom(32))
    with refused("InvalidImportTokenException"):
        kms.import_key_material(KeyId=other, **asked)
    with refused("InvalidImportTokenException"):
        kms.import_key_material(KeyId=made, **asked | {"ImportToken": b"nonsense"})
    with refused("InvalidCiphertextException"):
        kms.import_key_material(KeyId=made, **asked | {"EncryptedKeyMaterial": b"nonsense"})
    clock.advance(DAY + 1)
    with refused("ExpiredImportTokenException"):
        kms.import_key_material(KeyId=made, **asked)


def test_imported_keys_rotate_to_new_material_on_demand(kms: Any, key: Make, refused: Any) -> None:
    made = key(Origin="EXTERNAL")
    first = bring(kms, made, os.urandom(32))["KeyMaterialId"]
    old = kms.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]
    with refused("KMSInvalidStateException"):
        kms.rotate_key_on_demand(KeyId=made)
    with refused("UnsupportedOperationException"):
        kms.enable_key_rotation(KeyId=made)
    second = bring(kms, made, os.urandom(32), ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    assert kms.decrypt(CiphertextBlob=old)["KeyMaterialId"] == first
    kms.rotate_key_on_demand(KeyId=made)
    new = kms.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=new)["KeyMaterialId"] == second
    assert kms.decrypt(CiphertextBlob=old)["Plaintext"] == b"x"
    listed = kms.list_key_rotations(KeyId=made, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert [entry["KeyMaterialState"] for entry in listed] == ["NON_CURRENT", "CURRENT"]
    # A key that lacks some of its material cannot be used, until it is whole again.
    kms.delete_imported_key_material(KeyId=made, KeyMaterialId=first)
    with refused("KMSInvalidStateException"):
        kms.encrypt(KeyId=made, Plaintext=b"x")
