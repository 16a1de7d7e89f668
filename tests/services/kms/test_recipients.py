"""Recipients: what KMS tells attested environments, and nobody else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import pileus

IMAGE = b"\x11" * 48


class Made:
    """A certificate with its key, self-signed or below another."""

    def __init__(self, name: str, now: float, above: Made | None = None, authority: bool = True) -> None:
        self.key = ec.generate_private_key(ec.SECP384R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        start = datetime.fromtimestamp(now, UTC) - timedelta(hours=1)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(above.certificate.subject if above else subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .sign((above or self).key, hashes.SHA384())
        )

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


class Enclave:
    """Runs code of its own, and has that attested."""

    def __init__(self, cloud: pileus.LocalCloud, root: Made, folder: Path) -> None:
        self.cloud = cloud
        self.chain = [root, Made("zone", cloud.clock.now(), root)]
        self.module = Made("module", cloud.clock.now(), self.chain[-1], authority=False)
        self.private = rsa.generate_private_key(65537, 2048)
        self.file = folder / "enclave.pem"
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.file.write_bytes(self.private.private_bytes(*form))

    def document(self, signer: Made | None = None, age: float = 0, image: bytes = IMAGE) -> dict[str, Any]:
        public = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        payload = cbor2.dumps(
            {
                "module_id": "i-0-enc0",
                "digest": "SHA384",
                "timestamp": int((self.cloud.clock.now() - age) * 1000),
                "pcrs": {0: image, 1: bytes(48)},
                "certificate": (signer or self.module).der,
                "cabundle": [one.der for one in self.chain],
                "public_key": public,
                "user_data": None,
                "nonce": None,
            }
        )
        protected = cbor2.dumps({1: -35})
        text = cbor2.dumps(["Signature1", protected, b"", payload])
        pair = utils.decode_dss_signature(self.module.key.sign(text, ec.ECDSA(hashes.SHA384())))
        signature = b"".join(half.to_bytes(48, "big") for half in pair)
        signed = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))
        return {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": signed}

    def open(self, answer: dict[str, Any], plain: str = "Plaintext") -> bytes:
        """What OpenSSL makes of an answer."""
        assert not answer.get(plain)
        command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-inkey", str(self.file)]
        return subprocess.run(command, input=answer["CiphertextForRecipient"], capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def nitro(tmp_path_factory: Any) -> Iterator[Enclave]:
    """An enclave, in a cloud that trusts its root."""
    folder = tmp_path_factory.mktemp("nitro")
    root = Made("root", datetime.now(UTC).timestamp())
    (folder / "root.pem").write_bytes(root.certificate.public_bytes(Encoding.PEM))
    with pileus.cloud(sockets=True, nitro_root=folder / "root.pem", machines="none") as running:
        yield Enclave(running, root, folder)


def test_only_the_attested_environment_is_told(nitro: Enclave, refused: Any) -> None:
    kms = nitro.cloud.account().client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    document = nitro.document()
    assert nitro.open(kms.decrypt(CiphertextBlob=blob, Recipient=document)) == b"secret"
    data = kms.generate_data_key(KeyId=key, KeySpec="AES_256", Recipient=document)
    assert nitro.open(data) == kms.decrypt(CiphertextBlob=data["CiphertextBlob"])["Plaintext"]
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256", Recipient=document)
    private = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])["Plaintext"]
    assert nitro.open(pair, "PrivateKeyPlaintext") == private
    assert len(nitro.open(kms.generate_random(NumberOfBytes=100, Recipient=document))) == 100
    agreeing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")["KeyMetadata"]["KeyId"]
    asked = {"KeyId": agreeing, "KeyAgreementAlgorithm": "ECDH", "PublicKey": pair["PublicKey"]}
    shared = kms.derive_shared_secret(**asked)["SharedSecret"]
    assert nitro.open(kms.derive_shared_secret(**asked, Recipient=document), "SharedSecret") == shared

    stranger = Made("stranger", nitro.cloud.clock.now(), authority=False)
    tampered = bytearray(document["AttestationDocument"])
    tampered[200] ^= 1
    for wrong in (
        nitro.document(age=600),
        nitro.document(signer=stranger),
        document | {"AttestationDocument": bytes(tampered)},
        document | {"AttestationDocument": b"\xff"},
    ):
        with refused("ValidationException"):
            kms.decrypt(CiphertextBlob=blob, Recipient=wrong)


def test_a_key_policy_asks_which_code_it_is_for(nitro: Enclave, refused: Any) -> None:
    account = nitro.cloud.account()
    kms, iam = account.client("kms"), account.client("iam")
    key = kms.create_key()["KeyMetadata"]
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"secret")["CiphertextBlob"]
    condition = {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:ImageSha384": IMAGE.hex()}}
    statement = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key["Arn"], "Condition": condition}
    iam.create_user(UserName="enclave")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="enclave", PolicyName="p", PolicyDocument=policy)
    made = iam.create_access_key(UserName="enclave")["AccessKey"]
    user = account.client("kms", aws_access_key_id=made["AccessKeyId"], aws_secret_access_key=made["SecretAccessKey"])
    answer = user.decrypt(CiphertextBlob=blob, Recipient=nitro.document())
    assert nitro.open(answer) == b"secret"
    with refused("AccessDeniedException"):
        user.decrypt(CiphertextBlob=blob)
    with refused("AccessDeniedException"):
        user.decrypt(CiphertextBlob=blob, Recipient=nitro.document(image=b"\x22" * 48))


def test_without_a_root_no_document_is_trusted(kms: Any, nitro: Enclave, refused: Any) -> None:
    with refused("NotImplemented"):
        kms.generate_random(NumberOfBytes=8, Recipient=nitro.document())
