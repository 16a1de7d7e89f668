"""Key specs: what kinds of keys there are, and which algorithms each takes.

AWS KMS Developer Guide, "Key spec reference". SM2 keys, which AWS has in China alone, are left out,
and so is ML_KEM_512, which the cryptography library does not have.
"""

from __future__ import annotations

from typing import NamedTuple

from pileus.kernel import Fault, Unfinished

ENCRYPT = "ENCRYPT_DECRYPT"
SIGN = "SIGN_VERIFY"
MAC = "GENERATE_VERIFY_MAC"
AGREE = "KEY_AGREEMENT"
ENCAPSULATE = "ENCAPSULATE_DECAPSULATE"

SYMMETRIC = "SYMMETRIC_DEFAULT"

LISTED = {
    ENCRYPT: "EncryptionAlgorithms",
    SIGN: "SigningAlgorithms",
    MAC: "MacAlgorithms",
    AGREE: "KeyAgreementAlgorithms",
    ENCAPSULATE: "EncapsulationAlgorithms",
}
"""The member that lists the algorithms of a key, by what it is used for."""


class Spec(NamedTuple):
    kind: str
    size: int
    """Bits of an RSA key or of a curve, bytes of a secret, the number in the name of a lattice."""
    algorithms: dict[str, tuple[str, ...]]
    """By key usage."""

    @property
    def symmetric(self) -> bool:
        return self.kind in ("symmetric", "hmac")


RSA = {
    ENCRYPT: ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"),
    SIGN: (
        "RSASSA_PKCS1_V1_5_SHA_256",
        "RSASSA_PKCS1_V1_5_SHA_384",
        "RSASSA_PKCS1_V1_5_SHA_512",
        "RSASSA_PSS_SHA_256",
        "RSASSA_PSS_SHA_384",
        "RSASSA_PSS_SHA_512",
    ),
}

SPECS = {
    SYMMETRIC: Spec("symmetric", 32, {ENCRYPT: (SYMMETRIC,)}),
    "RSA_2048": Spec("rsa", 2048, RSA),
    "RSA_3072": Spec("rsa", 3072, RSA),
    "RSA_4096": Spec("rsa", 4096, RSA),
    "ECC_NIST_P256": Spec("ec", 256, {SIGN: ("ECDSA_SHA_256",), AGREE: ("ECDH",)}),
    "ECC_NIST_P384": Spec("ec", 384, {SIGN: ("ECDSA_SHA_384",), AGREE: ("ECDH",)}),
    "ECC_NIST_P521": Spec("ec", 521, {SIGN: ("ECDSA_SHA_512",), AGREE: ("ECDH",)}),
    "ECC_SECG_P256K1": Spec("ec", 256, {SIGN: ("ECDSA_SHA_256",)}),
    "ECC_NIST_EDWARDS25519": Spec("edwards", 255, {SIGN: ("ED25519_SHA_512", "ED25519_PH_SHA_512")}),
    "HMAC_224": Spec("hmac", 28, {MAC: ("HMAC_SHA_224",)}),
    "HMAC_256": Spec("hmac", 32, {MAC: ("HMAC_SHA_256",)}),
    "HMAC_384": Spec("hmac", 48, {MAC: ("HMAC_SHA_384",)}),
    "HMAC_512": Spec("hmac", 64, {MAC: ("HMAC_SHA_512",)}),
    "ML_DSA_44": Spec("ml_dsa", 44, {SIGN: ("ML_DSA_SHAKE_256",)}),
    "ML_DSA_65": Spec("ml_dsa", 65, {SIGN: ("ML_DSA_SHAKE_256",)}),
    "ML_DSA_87": Spec("ml_dsa", 87, {SIGN: ("ML_DSA_SHAKE_256",)}),
    "ML_KEM_768": Spec("ml_kem", 768, {ENCAPSULATE: ("ML_KEM",)}),
    "ML_KEM_1024": Spec("ml_kem", 1024, {ENCAPSULATE: ("ML_KEM",)}),
}


def spec(name: str) -> Spec:
    """The spec of that name, one of those in the model."""
    if name not in SPECS:
        raise Unfinished(f"Pileus has no KMS keys of the spec {name} yet.")
    return SPECS[name]


def usage(name: str, asked: str) -> str:
    """What a key of a spec is for: as asked, where the spec allows it."""
    allowed = spec(name).algorithms
    if not asked:
        if name == SYMMETRIC:
            return ENCRYPT
        if len(allowed) == 1 and MAC not in allowed:
            return next(iter(allowed))
        raise Fault("ValidationException", f"You must specify a KeyUsage value for a KMS key with KeySpec {name}.")
    if asked not in allowed:
        raise Fault("ValidationException", f"KeyUsage {asked} is not compatible with KeySpec {name}")
    return asked
