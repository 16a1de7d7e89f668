"""Whether a certificate is revoked, by the Online Certificate Status Protocol (RFC 6960), at the cloud's own address.

Answers are signed by the authority itself. A request may ask for one certificate, as those of OpenSSL and browsers do.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pileus.engines.x509 import chains, keys
from pileus.kernel import Call
from pileus.kernel.edge import Answer

from . import acm_pca
from .authorities import ACTIVE, DISABLED, Authority
from .issuing import Issued
from .revoking import REASONS

if TYPE_CHECKING:
    from cryptography.x509 import ocsp

    from pileus.gateway.message import Request

HOUR = 3600.0


@acm_pca.address
def answer(call: Call, request: Request, place: str, encoded: str = "") -> Answer:
    """The responder of one authority: asked by the body of a POST, or in the path of a GET (RFC 6960, A.1)."""
    region, _, rest = place.partition(".")
    account, _, identifier = rest.partition(".")
    there = call.at(account=account, region=region)
    authority = Authority.get(there, identifier)
    if authority is None or authority.status not in (ACTIVE, DISABLED):
        return failed("UNAUTHORIZED")
    try:
        body = base64.b64decode(unquote(encoded)) if encoded else request.body
        return responded(there, authority, body)
    except (ValueError, binascii.Error, NotImplementedError):
        return failed("MALFORMED_REQUEST")


def responded(call: Call, authority: Authority, body: bytes) -> Answer:
    from cryptography.x509 import ocsp

    asked = ocsp.load_der_ocsp_request(body)
    (issuer,) = chains.read(authority.certificate.encode())
    if not authority.revocation["OcspConfiguration"]["Enabled"] or not meant(asked, issuer):
        return failed("UNAUTHORIZED")
    issued = Issued.get(call, authority.id, f"{asked.serial_number:032x}")
    builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
        issuer_name_hash=asked.issuer_name_hash,
        issuer_key_hash=asked.issuer_key_hash,
        serial_number=asked.serial_number,
        algorithm=asked.hash_algorithm,
        this_update=chains.instant(call.now),
        next_update=chains.instant(call.now + HOUR),
        **status(issued),
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, issuer)
    for extension in asked.extensions:
        if extension.oid.dotted_string == "1.3.6.1.5.5.7.48.1.2":  # the nonce is sent back
            builder = builder.add_extension(extension.value, critical=False)
    digest = keys.signing(authority.configuration["SigningAlgorithm"]).digest
    return told(builder.sign(authority.secret(call), digest))


def meant(asked: ocsp.OCSPRequest, issuer: Any) -> bool:
    """Whether a request is about certificates of this issuer."""
    from cryptography.x509 import ocsp

    own = ocsp.OCSPRequestBuilder().add_certificate(issuer, issuer, asked.hash_algorithm).build()
    return (own.issuer_key_hash, own.issuer_name_hash) == (asked.issuer_key_hash, asked.issuer_name_hash)


def status(issued: Issued | None) -> dict[str, Any]:
    from cryptography import x509
    from cryptography.x509 import ocsp

    if issued is None:
        return {"cert_status": ocsp.OCSPCertStatus.UNKNOWN, "revocation_time": None, "revocation_reason": None}
    if issued.revoked is None:
        return {"cert_status": ocsp.OCSPCertStatus.GOOD, "revocation_time": None, "revocation_reason": None}
    return {
        "cert_status": ocsp.OCSPCertStatus.REVOKED,
        "revocation_time": chains.instant(issued.revoked),
        "revocation_reason": x509.ReasonFlags[REASONS[issued.reason]],
    }


def failed(why: str) -> Answer:
    from cryptography.x509 import ocsp

    return told(ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus[why]))


def told(response: ocsp.OCSPResponse) -> Answer:
    from cryptography.hazmat.primitives.serialization import Encoding

    fields = [("content-type", "application/ocsp-response"), ("cache-control", "no-store")]
    return Answer(200, fields, response.public_bytes(Encoding.DER))
