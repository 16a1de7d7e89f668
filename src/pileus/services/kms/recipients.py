"""Recipients: attested environments (Nitro enclaves), to whom alone KMS answers with what is secret.

An attestation document says by its signature which code runs, and which key it has made. AWS's own documents go back to
AWS's root, those of an emulator to a root of its own: the cloud trusts the one that it is told of (`--nitro-root`).
"Cryptographic attestation support in AWS KMS"; for the documents, github.com/aws/aws-nitro-enclaves-nsm-api.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pileus.engines.x509 import chains, envelopes
from pileus.kernel import Call, Fault, Unfinished

from . import faults

FRESH = 300.0
"""Seconds for which a document is good."""
ES384 = -35
SIGNATURE = 96
Members = dict[str, Any]


class Attested(NamedTuple):
    """What a document says."""

    public_key: Any
    registers: dict[int, bytes]
    """The platform configuration registers, which measure what runs."""


def malformed(words: str) -> Fault:
    return faults.validation(f"The attestation document is not valid: {words}.")


def sealed(call: Call, recipient: Members, content: bytes) -> bytes:
    """CiphertextForRecipient."""
    return envelopes.sealed(attested(call, recipient).public_key, content)


def told(call: Call, recipient: Members, name: str, content: bytes) -> Members:
    """What an answer has of something secret: itself under its name, or what only the recipient can open."""
    return {"CiphertextForRecipient": sealed(call, recipient, content)} if recipient else {name: content}


def keys(call: Call, recipient: Members) -> dict[str, tuple[str, ...]]:
    """The condition keys by which policies can ask which code it is for."""
    registers = attested(call, recipient).registers
    found: dict[str, tuple[str, ...]] = {
        f"kms:recipientattestation:pcr{number}": (value.hex(),) for number, value in registers.items()
    }
    if image := registers.get(0):
        found["kms:recipientattestation:imagesha384"] = (image.hex(),)
    return found


def attested(call: Call, recipient: Members) -> Attested:
    """What a document says, if its signature, its certificates and its age are right."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    if recipient.get("KeyEncryptionAlgorithm", "RSAES_OAEP_SHA_256") != "RSAES_OAEP_SHA_256":
        raise faults.validation("The only key encryption algorithm is RSAES_OAEP_SHA_256.")
    if not recipient.get("AttestationDocument"):
        raise faults.validation("AttestationDocument is required.")
    document = verified(call, recipient["AttestationDocument"])
    try:
        public = load_der_public_key(document["public_key"])
        registers = {int(number): bytes(value) for number, value in document["pcrs"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise malformed("it has no public key, or no registers") from None
    if not isinstance(public, RSAPublicKey):
        raise malformed("its public key is not an RSA key")
    return Attested(public, {number: value for number, value in registers.items() if any(value)})


def verified(call: Call, signed: bytes) -> Members:
    """The payload of a COSE_Sign1 (RFC 9052, section 4.2), if the certificate in it has signed it."""
    import cbor2

    try:
        outer = cbor2.loads(signed)
        protected, _, payload, signature = getattr(outer, "value", outer)
        algorithm, document = cbor2.loads(protected).get(1), cbor2.loads(payload)
        above, leaf = list(document["cabundle"]), document["certificate"]
        made = float(document["timestamp"]) / 1000
    except (cbor2.CBORDecodeError, ValueError, TypeError, KeyError, AttributeError):
        raise malformed("it is no signed CBOR") from None
    if algorithm != ES384 or len(signature) != SIGNATURE:
        raise malformed("it is not signed by ES384")
    certificate = chained(call, leaf, above)
    check_signature(certificate, cbor2.dumps(["Signature1", protected, b"", payload]), signature)
    if not -FRESH <= call.now - made <= FRESH:
        raise malformed("it is older than five minutes")
    return dict(document)


def chained(call: Call, leaf: bytes, above: list[bytes]) -> Any:
    """The certificate that has signed, if it goes back to the root."""
    from cryptography import x509

    root = root_of(call)
    try:
        certificate = x509.load_der_x509_certificate(leaf)
        chain = [x509.load_der_x509_certificate(one) for one in reversed(above)]
    except (ValueError, TypeError):
        raise malformed("its certificates are none") from None
    if not chain or chain[-1] != root:
        raise malformed("its certificates do not go back to the root")
    if words := chains.broken(certificate, chain):
        raise malformed(words)
    for one in (certificate, *chain):
        if not one.not_valid_before_utc.timestamp() <= call.now <= one.not_valid_after_utc.timestamp():
            raise malformed("one of its certificates is not valid now")
    return certificate


def root_of(call: Call) -> Any:
    text = call.cloud.options.get("nitro-root", "")
    if not text:
        raise Unfinished("KMS trusts no attestation documents: start the cloud with --nitro-root and their root.")
    return chains.read(text.encode())[0]


def check_signature(certificate: Any, text: bytes, signature: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    half = SIGNATURE // 2
    pair = utils.encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
    try:
        certificate.public_key().verify(pair, text, ec.ECDSA(hashes.SHA384()))
    except (InvalidSignature, TypeError, AttributeError):
        raise malformed("its signature is not that of its certificate") from None
