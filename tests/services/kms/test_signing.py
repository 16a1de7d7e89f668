"""Signatures, codes and shared secrets, checked with the cryptography library and with OpenSSL."""

from __future__ import annotations

import hashlib
import hmac
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec

Make = Callable[..., str]

ECDSA = [
    ("ECC_NIST_P256", "ECDSA_SHA_256"),
    ("ECC_NIST_P384", "ECDSA_SHA_384"),
    ("ECC_NIST_P521", "ECDSA_SHA_512"),
    ("ECC_SECG_P256K1", "ECDSA_SHA_256"),
]


@pytest.mark.parametrize(
    ("spec", "algorithm"),
    [*ECDSA, ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512"), ("ML_DSA_44", "ML_DSA_SHAKE_256")],
)
def test_a_signature_is_verified_and_another_message_refused(
    kms: Any, key: Make, spec: str, algorithm: str, refused: Any
) -> None:
    made = key(KeySpec=spec, KeyUsage="SIGN_VERIFY")
    answer = kms.sign(KeyId=made, Message=b"hello", SigningAlgorithm=algorithm)
    asked = {"KeyId": made, "Signature": answer["Signature"], "SigningAlgorithm": algorithm}
    assert kms.verify(Message=b"hello", **asked)["SignatureValid"] is True
    with refused("KMSInvalidSignatureException"):
        kms.verify(Message=b"hullo", **asked)
    with refused("InvalidKeyUsageException", "key usage is SIGN_VERIFY which is not valid for Encrypt."):
        kms.encrypt(KeyId=made, Plaintext=b"x")
    with refused("InvalidKeyUsageException", "is incompatible with key spec"):
        kms.sign(KeyId=made, Message=b"hello", SigningAlgorithm="RSASSA_PSS_SHA_256")
    if spec.startswith("ECC"):
        public = form.load_der_public_key(kms.get_public_key(KeyId=made)["PublicKey"])
        arguments = (ec.ECDSA(getattr(form_hashes(), f"SHA{algorithm[-3:]}")()),) if "ECDSA" in algorithm else ()
        public.verify(answer["Signature"], b"hello", *arguments)  # type: ignore[union-attr, call-arg, arg-type]


def form_hashes() -> Any:
    from cryptography.hazmat.primitives import hashes

    return hashes


def test_rsa_signatures_verify_with_openssl(kms: Any, key: Make, tmp_path: Path, refused: Any) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    made = key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    public, letter, signature = tmp_path / "public.der", tmp_path / "letter", tmp_path / "signature"
    public.write_bytes(kms.get_public_key(KeyId=made)["PublicKey"])
    letter.write_bytes(b"hello")
    digest = hashlib.sha256(b"hello").digest()
    for algorithm, options in (
        ("RSASSA_PKCS1_V1_5_SHA_256", []),
        ("RSASSA_PSS_SHA_256", ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]),
    ):
        asked = {"KeyId": made, "Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": algorithm}
        signature.write_bytes(kms.sign(**asked)["Signature"])
        command = ["openssl", "dgst", "-sha256", "-verify", public, "-signature", signature, *options, letter]
        assert subprocess.run(command, capture_output=True, text=True).stdout.strip() == "Verified OK"
        assert kms.verify(Signature=signature.read_bytes(), **asked)["SignatureValid"]
    with refused("ValidationException", "Digest is invalid length for algorithm RSASSA_PSS_SHA_256."):
        kms.sign(KeyId=made, Message=b"x" * 20, MessageType="DIGEST", SigningAlgorithm="RSASSA_PSS_SHA_256")


def test_an_openssl_signature_with_an_elliptic_curve_verifies(kms: Any, key: Make, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    made = key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    public, letter, signature = tmp_path / "public.der", tmp_path / "letter", tmp_path / "signature"
    public.write_bytes(kms.get_public_key(KeyId=made)["PublicKey"])
    letter.write_bytes(b"hello")
    signature.write_bytes(kms.sign(KeyId=made, Message=b"hello", SigningAlgorithm="ECDSA_SHA_256")["Signature"])
    command = ["openssl", "dgst", "-sha256", "-verify", public, "-signature", signature, letter]
    assert subprocess.run(command, capture_output=True, text=True).stdout.strip() == "Verified OK"


def test_symmetric_keys_have_no_public_key(kms: Any, key: Make, refused: Any) -> None:
    with refused("UnsupportedOperationException"):
        kms.get_public_key(KeyId=key())


def test_a_public_key_tells_its_algorithms(kms: Any, key: Make) -> None:
    told = kms.get_public_key(KeyId=key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT"))
    assert (told["KeySpec"], told["KeyUsage"], told["KeyAgreementAlgorithms"]) == (
        "ECC_NIST_P256",
        "KEY_AGREEMENT",
        ["ECDH"],
    )


@pytest.mark.parametrize(("bits", "size"), [(224, 28), (256, 32), (384, 48), (512, 64)])
def test_message_authentication_codes(kms: Any, key: Make, bits: int, size: int, refused: Any) -> None:
    made = key(KeySpec=f"HMAC_{bits}", KeyUsage="GENERATE_VERIFY_MAC")
    algorithm = f"HMAC_SHA_{bits}"
    mac = kms.generate_mac(KeyId=made, Message=b"hello", MacAlgorithm=algorithm)["Mac"]
    assert len(mac) == size
    assert kms.verify_mac(KeyId=made, Message=b"hello", MacAlgorithm=algorithm, Mac=mac)["MacValid"] is True
    with refused("KMSInvalidMacException"):
        kms.verify_mac(KeyId=made, Message=b"hullo", MacAlgorithm=algorithm, Mac=mac)


def test_an_hmac_with_imported_material_is_the_one_that_everybody_makes(kms: Any, key: Make) -> None:
    from .test_imports import bring

    made = key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC", Origin="EXTERNAL")
    secret = bytes(range(32))
    bring(kms, made, secret)
    mac = kms.generate_mac(KeyId=made, Message=b"hello", MacAlgorithm="HMAC_SHA_256")["Mac"]
    assert mac == hmac.digest(secret, b"hello", "sha256")


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"])
def test_both_sides_derive_the_same_secret(kms: Any, key: Make, spec: str, refused: Any) -> None:
    made = key(KeySpec=spec, KeyUsage="KEY_AGREEMENT")
    theirs = form.load_der_public_key(kms.get_public_key(KeyId=made)["PublicKey"])
    assert isinstance(theirs, ec.EllipticCurvePublicKey)
    own = ec.generate_private_key(theirs.curve)
    public = own.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    answer = kms.derive_shared_secret(KeyId=made, KeyAgreementAlgorithm="ECDH", PublicKey=public)
    assert answer["SharedSecret"] == own.exchange(ec.ECDH(), theirs)
    with refused("ValidationException"):
        kms.derive_shared_secret(KeyId=made, KeyAgreementAlgorithm="ECDH", PublicKey=b"nonsense")


def test_a_secret_is_encapsulated(kms: Any, key: Make) -> None:
    made = key(KeySpec="ML_KEM_768", KeyUsage="ENCAPSULATE_DECAPSULATE")
    sent = kms.encapsulate(KeyId=made, EncapsulationAlgorithm="ML_KEM")
    got = kms.decapsulate(
        KeyId=made,
        EncapsulationAlgorithm="ML_KEM",
        SharedSecretCiphertextBlob=sent["SharedSecretCiphertextBlob"],
    )
    assert got["SharedSecret"] == sent["SharedSecret"]
