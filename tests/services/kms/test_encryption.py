from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Make = Callable[..., str]


def test_a_ciphertext_names_its_key(kms: Any, key: Make) -> None:
    made = key()
    answer = kms.encrypt(KeyId=made, Plaintext=b"hello", EncryptionContext={"app": "orders"})
    arn = kms.describe_key(KeyId=made)["KeyMetadata"]["Arn"]
    assert (answer["KeyId"], answer["EncryptionAlgorithm"]) == (arn, "SYMMETRIC_DEFAULT")
    opened = kms.decrypt(CiphertextBlob=answer["CiphertextBlob"], EncryptionContext={"app": "orders"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"hello", arn)


def test_the_encryption_context_must_be_the_same_and_its_order_does_not_matter(
    kms: Any, key: Make, refused: Any
) -> None:
    """Notes: "must be the same during encryption and decryption for it to pass"."""
    blob = kms.encrypt(KeyId=key(), Plaintext=b"x", EncryptionContext={"a": "1", "b": "2"})["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={"b": "2", "a": "1"})["Plaintext"] == b"x"
    for context in ({}, {"a": "1"}, {"a": "1", "b": "3"}, {"A": "1", "b": "2"}, {"a": "1b", "": "2"}):
        with refused("InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)


contexts = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)


@settings(max_examples=25, deadline=None)
@given(plaintext=st.binary(min_size=1, max_size=4096), context=contexts, other=contexts)
def test_what_goes_in_comes_out_and_only_with_its_context(
    shared: Any, plaintext: bytes, context: dict[str, str], other: dict[str, str]
) -> None:
    blob = shared.encrypt(KeyId=one_key(shared), Plaintext=plaintext, EncryptionContext=context)["CiphertextBlob"]
    assert shared.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == plaintext
    if other != context:
        with pytest.raises(shared.exceptions.InvalidCiphertextException):
            shared.decrypt(CiphertextBlob=blob, EncryptionContext=other)


KEYS: dict[int, str] = {}


def one_key(client: Any) -> str:
    if id(client) not in KEYS:
        KEYS[id(client)] = client.create_key()["KeyMetadata"]["KeyId"]
    return KEYS[id(client)]


def test_encrypt_takes_4096_bytes_and_no_more(kms: Any, key: Make, refused: Any) -> None:
    """Notes: "Can Encrypt and decrypt data up to 4KB"."""
    made = key()
    blob = kms.encrypt(KeyId=made, Plaintext=b"x" * 4096)["CiphertextBlob"]
    assert len(kms.decrypt(CiphertextBlob=blob)["Plaintext"]) == 4096
    with refused("ValidationException", "length less than or equal to 4096"):
        kms.encrypt(KeyId=made, Plaintext=b"x" * 4097)


def test_a_changed_ciphertext_does_not_open(kms: Any, key: Make, refused: Any) -> None:
    blob = kms.encrypt(KeyId=key(), Plaintext=b"secret")["CiphertextBlob"]
    for place in (0, 6, len(blob) - 1):
        with refused("InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=blob[:place] + bytes([blob[place] ^ 0x80]) + blob[place + 1 :])
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=b"nonsense")


def test_decrypt_makes_sure_of_the_key_that_it_is_told(kms: Any, key: Make, refused: Any) -> None:
    one, other = key(), key()
    blob = kms.encrypt(KeyId=one, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(KeyId=one, CiphertextBlob=blob)["Plaintext"] == b"x"
    with refused("IncorrectKeyException", "The key ID in the request does not identify a CMK"):
        kms.decrypt(KeyId=other, CiphertextBlob=blob)


def test_a_ciphertext_of_another_region_or_account_is_nobodys(cloud: Any, refused: Any) -> None:
    account, stranger = cloud.account(), cloud.account()
    made = account.client("kms").create_key()["KeyMetadata"]["KeyId"]
    blob = account.client("kms").encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]
    with refused("AccessDeniedException", "The ciphertext refers to a customer master key that does not exist"):
        account.client("kms", "eu-west-1").decrypt(CiphertextBlob=blob)
    with refused("AccessDeniedException"):
        stranger.client("kms").decrypt(CiphertextBlob=blob)


def test_re_encrypt_changes_key_and_context(kms: Any, key: Make, refused: Any) -> None:
    """Notes: "decrypts then re-encrypts with new key"."""
    one, other = key(), key()
    blob = kms.encrypt(KeyId=one, Plaintext=b"x", EncryptionContext={"v": "1"})["CiphertextBlob"]
    answer = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext={"v": "1"},
        DestinationKeyId=other,
        DestinationEncryptionContext={"v": "2"},
    )
    assert (answer["SourceKeyId"][-36:], answer["KeyId"][-36:]) == (one, other)
    again = kms.decrypt(CiphertextBlob=answer["CiphertextBlob"], EncryptionContext={"v": "2"})
    assert (again["Plaintext"], again["KeyId"][-36:]) == (b"x", other)
    with refused("InvalidCiphertextException"):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)


@pytest.mark.parametrize(("algorithm", "most"), [("RSAES_OAEP_SHA_1", 214), ("RSAES_OAEP_SHA_256", 190)])
def test_rsa_keys_encrypt_as_much_as_their_padding_leaves(kms: Any, algorithm: str, most: int, refused: Any) -> None:
    made = rsa_key(kms)
    blob = kms.encrypt(KeyId=made, Plaintext=b"x" * most, EncryptionAlgorithm=algorithm)["CiphertextBlob"]
    opened = kms.decrypt(KeyId=made, CiphertextBlob=blob, EncryptionAlgorithm=algorithm)
    assert opened["Plaintext"] == b"x" * most
    with refused("ValidationException", f"cannot encrypt data larger than {most} bytes"):
        kms.encrypt(KeyId=made, Plaintext=b"x" * (most + 1), EncryptionAlgorithm=algorithm)
    with refused("InvalidKeyUsageException", "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048"):
        kms.encrypt(KeyId=made, Plaintext=b"x")
    with refused("InvalidCiphertextException"):
        kms.decrypt(KeyId=made, CiphertextBlob=b"x" * 256, EncryptionAlgorithm=algorithm)


RSA: dict[int, str] = {}


def rsa_key(kms: Any) -> str:
    if id(kms) not in RSA:
        made = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
        RSA[id(kms)] = made["KeyMetadata"]["KeyId"]
    return RSA[id(kms)]


def test_dry_run_does_nothing_and_says_that_it_could(kms: Any, key: Make, refused: Any) -> None:
    made = key()
    with refused("DryRunOperationException", "The request would have succeeded, but the DryRun option is set."):
        kms.encrypt(KeyId=made, Plaintext=b"x", DryRun=True)
    with refused("DryRunOperationException"):
        kms.generate_data_key(KeyId=made, KeySpec="AES_256", DryRun=True)
    kms.disable_key(KeyId=made)
    with refused("DisabledException"):
        kms.encrypt(KeyId=made, Plaintext=b"x", DryRun=True)


# Data keys


@pytest.mark.parametrize(("how", "size"), [({"KeySpec": "AES_128"}, 16), ({"KeySpec": "AES_256"}, 32)])
def test_a_data_key_and_its_ciphertext_are_the_same(kms: Any, key: Make, how: dict[str, str], size: int) -> None:
    made = key()
    answer = kms.generate_data_key(KeyId=made, EncryptionContext={"a": "b"}, **how)
    assert len(answer["Plaintext"]) == size
    opened = kms.decrypt(CiphertextBlob=answer["CiphertextBlob"], EncryptionContext={"a": "b"})
    assert opened["Plaintext"] == answer["Plaintext"]
    alone = kms.generate_data_key_without_plaintext(KeyId=made, NumberOfBytes=1024)
    assert "Plaintext" not in alone
    assert len(kms.decrypt(CiphertextBlob=alone["CiphertextBlob"])["Plaintext"]) == 1024


def test_a_data_key_wants_a_size_of_one_kind(kms: Any, key: Make, refused: Any) -> None:
    made = key()
    for how in ({}, {"KeySpec": "AES_256", "NumberOfBytes": 32}):
        with refused("ValidationException", "Please specify either number of bytes or key spec."):
            kms.generate_data_key(KeyId=made, **how)
    with refused("InvalidKeyUsageException"):
        kms.generate_data_key(KeyId=rsa_key(kms), KeySpec="AES_256")


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P256", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519"])
def test_a_data_key_pair_is_one(kms: Any, key: Make, spec: str) -> None:
    from cryptography.hazmat.primitives import serialization as form

    made = key()
    answer = kms.generate_data_key_pair(KeyId=made, KeyPairSpec=spec)
    private = form.load_der_private_key(answer["PrivateKeyPlaintext"], None)
    public = private.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    assert public == answer["PublicKey"]
    assert kms.decrypt(CiphertextBlob=answer["PrivateKeyCiphertextBlob"])["Plaintext"] == answer["PrivateKeyPlaintext"]
    assert "PrivateKeyPlaintext" not in kms.generate_data_key_pair_without_plaintext(
        KeyId=made, KeyPairSpec="ECC_NIST_P256"
    )


def test_random_bytes(kms: Any, refused: Any) -> None:
    one, other = (kms.generate_random(NumberOfBytes=32)["Plaintext"] for _ in range(2))
    assert len(one) == 32
    assert one != other
    with refused("ValidationException"):
        kms.generate_random(NumberOfBytes=1025)
    with refused("ValidationException"):
        kms.generate_random()


def test_ciphertext_blobs_survive_base_64(kms: Any, key: Make) -> None:
    blob = kms.encrypt(KeyId=key(), Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=base64.b64decode(base64.b64encode(blob)))["Plaintext"] == b"x"
