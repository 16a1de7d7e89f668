"""DKIM: letters are signed for the domain that they come from (RFC 6376), by Easy DKIM's keys or by the customer's own.

An Easy DKIM key is made when the first letter is signed, since that takes a tenth of a second. Whoever verifies
signatures finds the record that the name servers would have at `/_pileus/at/ses/dkim/TOKEN`. Left out: the second
signature, of amazonses.com itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Record

from . import identities
from .faults import wrong
from .identities import Identity

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

SIGNED = (
    "from", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references", "mime-version",
    "content-type", "content-transfer-encoding", "list-unsubscribe", "list-unsubscribe-post",
)  # fmt: skip
LENGTHS = {"RSA_1024_BIT": 1024, "RSA_2048_BIT": 2048}
OWN, EXTERNAL = "AWS_SES", "EXTERNAL"


class Key(Record, table="ses.DkimKey"):
    """The key by which a domain's letters are signed."""

    domain: str
    selector: str
    sealed: bytes
    """In DER, under the cloud's master key."""
    length: str
    made: float


class Published(Record, scope="cloud", table="ses.DkimRecord"):
    """What a name server would answer for a selector."""

    selector: str
    account: str
    record: str


def signer(call: Call, address: str) -> Identity | None:
    """The domain that signs for an address, or None where none does."""
    domain = address.rpartition("@")[2].lower()
    while "." in domain:
        found = identities.get(call, domain)
        if found and found.signs:
            return found
        domain = domain.partition(".")[2]
    return None


def signed(call: Call, address: str, raw: bytes) -> bytes:
    """A letter with its signature before it, if the domain of its sender signs."""
    domain = signer(call, address)
    if domain is None:
        return raw
    held = key_of(call, domain)
    return signature(load(call, held), domain.name, held.selector, raw, int(call.now)) + raw


def key_of(call: Call, domain: Identity) -> Key:
    """The domain's key; one that Easy DKIM has not made yet is made."""
    return Key.get(call, domain.name) or easy(call, domain)


def easy(call: Call, domain: Identity) -> Key:
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = rsa.generate_private_key(65537, LENGTHS[domain.key_length])
    return keep(call, domain, domain.dkim_tokens[0], private)


def keep(call: Call, domain: Identity, selector: str, private: RSAPrivateKey) -> Key:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    sealed = call.cloud.master_key.seal(der, f"{call.account}/{domain.name}".encode())
    length = "RSA_1024_BIT" if private.key_size <= 1024 else "RSA_2048_BIT"
    if domain.dkim_origin != EXTERNAL:
        Published(selector, call.account, f"p={base64.b64encode(public).decode()}").put(call)
    return Key(domain.name, selector, sealed, length, call.now).put(call)


def load(call: Call, held: Key) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    der = call.cloud.master_key.open(held.sealed, f"{call.account}/{held.domain}".encode())
    private = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)  # it was, when it was sealed
    assert isinstance(private, RSAPrivateKey)
    return private


def forget(call: Call, domain: str) -> None:
    if held := Key.get(call, domain):
        held.delete(call)
        if published := Published.get(call, held.selector):
            published.delete(call)


def configure(call: Call, domain: Identity, origin: str, given: dict[str, Any]) -> None:
    """Say who makes the domain's key: SES, the customer, or SES in another Region, whose key is taken."""
    forget(call, domain.name)
    domain.dkim, domain.dkim_origin = True, origin
    if origin == EXTERNAL:
        bring(call, domain, given)
    elif origin == OWN:
        domain.key_length = given.get("NextSigningKeyLength", domain.key_length)
    else:
        region = origin.removeprefix("AWS_SES_").lower().replace("_", "-")
        there = call.at(region=region)
        parent = identities.get(there, domain.name)
        if parent is None or not parent.dkim:
            raise wrong(call, f"The parent identity {domain.name} in {region} has no Easy DKIM.")
        domain.dkim_tokens, held = parent.dkim_tokens, key_of(there, parent)
        Key(domain.name, held.selector, held.sealed, held.length, held.made).put(call)
    domain.put(call)


def bring(call: Call, domain: Identity, given: dict[str, Any]) -> None:
    """The customer's own key (BYODKIM): its public half is for the customer to publish."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    selector, text = given.get("DomainSigningSelector"), given.get("DomainSigningPrivateKey")
    if not selector or not text:
        raise wrong(call, "DomainSigningSelector and DomainSigningPrivateKey are required for EXTERNAL.")
    try:
        private = load_der_private_key(base64.b64decode(text, validate=True), None)
    except (binascii.Error, ValueError, TypeError):
        raise wrong(call, "The private key is not a valid RSA private key.") from None
    if not isinstance(private, RSAPrivateKey) or not 1024 <= private.key_size <= 2048:
        raise wrong(call, "The private key must be an RSA key of 1024 to 2048 bits.")
    keep(call, domain, selector, private)


# Signatures


def signature(private: RSAPrivateKey, domain: str, selector: str, raw: bytes, at: int) -> bytes:
    """A DKIM-Signature field for a letter: header relaxed, body simple, as SES's own signatures are."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    head, _, body = raw.partition(b"\r\n\r\n")
    digest = base64.b64encode(hashlib.sha256(body.rstrip(b"\r\n") + b"\r\n").digest()).decode()
    fields = relaxed(head)
    chosen = [(name, value) for name, value in fields if name.decode("latin-1") in SIGNED]
    # Where a name comes twice, signatures count from the last one up (RFC 6376, section 5.4.2).
    chosen.reverse()
    names = ":".join(name.decode("latin-1") for name, _ in chosen)
    told = (
        f"v=1; a=rsa-sha256; q=dns/txt; c=relaxed/simple; s={selector}; d={domain}; t={at}; h={names}; bh={digest}; b="
    )
    text = b"".join(b"%s:%s\r\n" % field for field in chosen) + b"dkim-signature:" + told.encode()
    made = base64.b64encode(private.sign(text, PKCS1v15(), hashes.SHA256())).decode()
    # To whoever reads it relaxed, a fold is the same as the space that it replaces.
    return f"DKIM-Signature: {told}{made}\r\n".replace("; ", ";\r\n\t").encode()


def relaxed(head: bytes) -> list[tuple[bytes, bytes]]:
    """Header fields in canonical form (RFC 6376, section 3.4.2)."""
    unfolded = re.sub(rb"\r\n(?=[ \t])", b"", head)
    found = []
    for line in unfolded.split(b"\r\n"):
        name, _, value = line.partition(b":")
        found.append((name.strip().lower(), re.sub(rb"[ \t]+", b" ", value).strip()))
    return found
