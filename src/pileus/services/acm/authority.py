"""The cloud's own authority, which plays Amazon's: a root, and below it one that issues.

It is kept with the cloud's state, its keys sealed, and lives in cloud time; a new one follows it before it ends. Its
root is at `/_pileus/at/acm/ca.pem`, for clients to trust.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pileus.engines.x509 import chains, keys
from pileus.kernel import Call, Record

if TYPE_CHECKING:
    from cryptography import x509

YEAR = 365 * 86400.0
ROOT_YEARS, ISSUER_YEARS = 20, 10
LEAST = 2 * YEAR
"""What an authority must have left to issue."""


class Authority(Record, scope="cloud"):
    """One generation of the authority."""

    number: int
    root: str
    issuer: str
    key: bytes
    """The issuing key, sealed. That of the root has signed once and is gone."""
    ends: float

    def secret(self, call: Call) -> Any:
        return keys.loaded(call.cloud.master_key.open(self.key, about(self.number)))

    @property
    def chain(self) -> list[x509.Certificate]:
        """The issuing certificate, and the root."""
        return chains.read(f"{self.issuer}\n{self.root}".encode())


def about(number: int) -> bytes:
    return f"acm:authority:{number}".encode()


async def authority(call: Call) -> Authority:
    """The present authority; made when it is first needed."""
    if found := present(call):
        return found
    root_key, key = await asyncio.gather(*(asyncio.to_thread(keys.generated, "RSA_2048") for _ in range(2)))
    with call.transaction():
        if found := present(call):
            return found
        last = Authority.first(call, reverse=True)
        number = last.number + 1 if last else 1
        root = certified(call.now, root_key, root_key, f"Root CA {number}", f"Root CA {number}", ROOT_YEARS)
        issuer = certified(call.now, key, root_key, f"RSA 2048 M{number:02d}", f"Root CA {number}", ISSUER_YEARS)
        return Authority(
            number,
            chains.pem(root),
            chains.pem(issuer),
            call.cloud.master_key.seal(keys.der(key), about(number)),
            issuer.not_valid_after_utc.timestamp(),
        ).put(call)


def present(call: Call) -> Authority | None:
    last = Authority.first(call, reverse=True)
    return last if last and last.ends > call.now + LEAST else None


def roots(call: Call) -> str:
    """The roots that clients have to trust, in PEM."""
    return "".join(f"{one.root}\n" for one in Authority.scan(call) if one.ends > call.now)


def certified(now: float, key: Any, signer: Any, subject: str, issuer: str, years: int) -> x509.Certificate:
    """A certificate of an authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    root = key is signer
    every = "content_commitment key_encipherment data_encipherment key_agreement encipher_only decipher_only"
    usage = dict.fromkeys(every.split(), False)
    return (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(chains.instant(now - 86400))
        .not_valid_after(chains.instant(now + years * YEAR))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None if root else 0), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, SHA256())
    )


def named(common_name: str) -> x509.Name:
    from cryptography import x509

    parts = ((x509.NameOID.COUNTRY_NAME, "US"), (x509.NameOID.ORGANIZATION_NAME, "Pileus"))
    attributes = [x509.NameAttribute(oid, value) for oid, value in parts]
    return x509.Name([*attributes, x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Pileus {common_name}")])
