"""The ACME protocol (RFC 8555) of an endpoint: directory, nonces, accounts, orders, certificates.

Names are pre-approved: an order is ready at once if the endpoint's domains cover its names, and refused if not.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pileus.durations import iso
from pileus.engines.x509 import chains, keys
from pileus.kernel import Call, Fault, identity, names
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target
from pileus.kernel.edge import Answer

from . import acm, acme_signatures
from .acme_accounts import DEACTIVATED, VALID, AcmeAccount, AcmeOrder, Nonce
from .acme_bindings import Binding
from .acme_domains import DomainValidation
from .acme_endpoints import AcmeEndpoint
from .acme_signatures import Invalid, decoded, thumbprint
from .authority import authority
from .certificates import AMAZON, ISSUED, REVOKED, Certificate, announce
from .expiring import await_end
from .issuing import public

if TYPE_CHECKING:
    from pileus.gateway.message import Request

Members = dict[str, Any]

WEEK = 7 * 86400.0
"""For which an order is good."""


class Problem(Exception):
    """An ACME error (RFC 8555, section 6.7)."""

    def __init__(self, kind: str, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.status = kind, detail, status


class Asked:
    """A request of a client, its signature verified."""

    def __init__(self, call: Call, endpoint: AcmeEndpoint, request: Request, what: str) -> None:
        self.call, self.endpoint, self.what = call, endpoint, what
        self.base = endpoint.url(call)
        header, payload, signed, signature = acme_signatures.opened(request.body)
        if not Nonce.used(call, endpoint.id, str(header.get("nonce", ""))):
            raise Problem("badNonce", "The nonce is not good.")
        if header.get("url") != f"{self.base}/{what}":
            raise Problem("unauthorized", "The signature is for another address.", 403)
        self.account: AcmeAccount | None = None
        self.key = header.get("jwk") or self._known(str(header.get("kid", "")))
        acme_signatures.verify(self.key, str(header.get("alg")), signed, signature)
        self.payload: Members = json.loads(decoded(payload)) if payload else {}

    def _known(self, account: str) -> Members:
        found = AcmeAccount.get(self.call, self.endpoint.id, account.rpartition("/account-")[2])
        if found is None:
            raise Problem("accountDoesNotExist", "There is no such account.")
        if found.status != VALID:
            raise Problem("unauthorized", f"The account is {found.status.lower()}.", 403)
        self.account = found
        return found.key

    @property
    def mine(self) -> AcmeAccount:
        if self.account is None:
            raise Problem("malformed", "This wants an account: kid, not jwk.")
        return self.account


def respond(call: Call, request: Request, where: str, what: str) -> Answer:
    """Answer a client, always with a nonce for its next request."""
    region, account, identifier = where.removeprefix("acme.").split(".")
    there = call.at(account=account, region=region)
    endpoint = AcmeEndpoint.get(there, identifier)
    if endpoint is None:
        return problem(Problem("malformed", "There is no such endpoint.", 404))
    nonce = [("replay-nonce", Nonce.issue(there, endpoint.id)), ("cache-control", "no-store")]
    try:
        status, fields, body = answered(there, endpoint, request, what)
    except Problem as found:
        status, fields, body = problem(found)
    except (Invalid, ValueError, KeyError, TypeError) as error:
        status, fields, body = problem(Problem("malformed", f"The request is not valid: {error}."))
    index = [("link", f'<{endpoint.url(there)}/directory>;rel="index"')]
    return Answer(status, [*fields, *nonce, *index], body)


def problem(found: Problem) -> Answer:
    told = {"type": f"urn:ietf:params:acme:error:{found.kind}", "detail": found.detail, "status": found.status}
    return Answer(found.status, [("content-type", "application/problem+json")], json.dumps(told).encode())


def told(body: Any, status: int = 200, location: str = "") -> Answer:
    fields = [("content-type", "application/json"), *([("location", location)] if location else [])]
    return Answer(status, fields, json.dumps(body).encode())


def answered(call: Call, endpoint: AcmeEndpoint, request: Request, what: str) -> Answer:
    base = endpoint.url(call)
    if what == "directory":
        places = {"newNonce": "new-nonce", "newAccount": "new-account", "newOrder": "new-order"}
        places |= {"revokeCert": "revoke-cert", "keyChange": "key-change"}
        directory = {name: f"{base}/{place}" for name, place in places.items()}
        return told(directory | {"meta": {"externalAccountRequired": True}})
    if what == "new-nonce":
        return Answer(200 if request.method == "HEAD" else 204, [])
    kind, _, identifier = what.partition("-")
    handler = HANDLERS.get(what) or HANDLERS.get(kind)
    if handler is None or request.method != "POST":
        raise Problem("malformed", "There is nothing here.", 404)
    return handler(Asked(call, endpoint, request, what), identifier)


# Accounts


def new_account(asked: Asked, rest: str) -> Answer:
    call, endpoint = asked.call, asked.endpoint
    print_ = thumbprint(asked.key)
    if known := AcmeAccount.first(call, endpoint.id, print_, index="by_thumbprint"):
        return told(account_object(asked, known), 200, f"{asked.base}/account-{known.id}")
    if asked.payload.get("onlyReturnExisting"):
        raise Problem("accountDoesNotExist", "There is no account of this key.")
    contacts = asked.payload.get("contact", [])
    if endpoint.contact == "REQUIRED" and not contacts:
        raise Problem("invalidContact", "This endpoint requires a contact.")
    binding = binding_of(asked)
    account = AcmeAccount(
        endpoint=endpoint.id,
        id=names.uuid4(),
        thumbprint=print_,
        key=asked.key,
        contacts=contacts,
        binding=binding.id,
        role=binding.role,
        created=call.now,
    ).put(call)
    return told(account_object(asked, account), 201, f"{asked.base}/account-{account.id}")


def binding_of(asked: Asked) -> Binding:
    """The binding whose credentials the client has."""
    given = asked.payload.get("externalAccountBinding")
    if not given:
        raise Problem("externalAccountRequired", "This endpoint requires an external account binding.", 403)
    header = acme_signatures.opened(json.dumps(given).encode())[0]
    binding = Binding.get(asked.call, asked.endpoint.id, str(header.get("kid", "")))
    if binding is None or not binding.good(asked.call):
        raise Problem("unauthorized", "The external account binding is not good.", 403)
    try:
        acme_signatures.bound(given, binding.secret(asked.call), asked.key)
    except Invalid as invalid:
        raise Problem("unauthorized", f"{invalid}.", 403) from None
    binding.used = asked.call.now
    binding.put(asked.call)
    return binding


def account_object(asked: Asked, account: AcmeAccount) -> Members:
    return {
        "status": account.status.lower(),
        "contact": account.contacts,
        "orders": f"{asked.base}/orders-{account.id}",
    }


def account(asked: Asked, identifier: str) -> Answer:
    mine = asked.mine
    if mine.id != identifier:
        raise Problem("unauthorized", "This is another's account.", 403)
    if asked.payload.get("status") == "deactivated":
        mine.status = DEACTIVATED
    mine.contacts = asked.payload.get("contact", mine.contacts)
    mine.put(asked.call)
    return told(account_object(asked, mine))


def key_change(asked: Asked, rest: str) -> Answer:
    """Give an account another key, which signs inside what the old one signs (RFC 8555, section 7.3.5)."""
    mine = asked.mine
    header, payload, signed, signature = acme_signatures.opened(json.dumps(asked.payload).encode())
    key, inner = header["jwk"], json.loads(decoded(payload))
    acme_signatures.verify(key, str(header.get("alg")), signed, signature)
    if inner.get("account") != f"{asked.base}/account-{mine.id}" or inner.get("oldKey") != mine.key:
        raise Problem("malformed", "The change is not of this account and its key.")
    if AcmeAccount.first(asked.call, mine.endpoint, thumbprint(key), index="by_thumbprint"):
        raise Problem("conflict", "There is an account of that key already.", 409)
    mine.key, mine.thumbprint = key, thumbprint(key)
    mine.put(asked.call)
    return told(account_object(asked, mine))


# Orders


def new_order(asked: Asked, rest: str) -> Answer:
    call, account = asked.call, asked.mine
    domains = [one["value"].lower() for one in asked.payload["identifiers"] if one["type"] == "dns"]
    proven = list(DomainValidation.scan(call, asked.endpoint.id))
    for name in domains:
        if not any(one.covers(name) for one in proven):
            raise Problem("rejectedIdentifier", f"{name} is not validated for this endpoint.", 403)
    permitted(call, account, "acm:RequestCertificate")
    order = AcmeOrder(
        endpoint=asked.endpoint.id,
        account=account.id,
        id=names.uuid4(),
        names=list(dict.fromkeys(domains)),
        expires=call.now + WEEK,
    ).put(call)
    return told(order_object(asked, order), 201, f"{asked.base}/order-{order.id}")


def permitted(call: Call, account: AcmeAccount, action: str) -> None:
    """Refuse what the role of the account may not do."""
    try:
        sts = call.aws("sts", principal=identity.service("acm.amazonaws.com"))
        session = sts.assume_role(role_arn=account.role, role_session_name="acme")["Credentials"]["AccessKeyId"]
        credential = identity.Credential.get(call, session)
        assert credential
        authorize(call.at(principal=credential.principal), action, Target("*", call.account))
    except Fault as fault:
        raise Problem("unauthorized", f"The role of the account does not allow this: {fault.message}", 403) from None


def order_object(asked: Asked, order: AcmeOrder) -> Members:
    shown: Members = {
        "status": order.status,
        "expires": iso(order.expires),
        "identifiers": [{"type": "dns", "value": name} for name in order.names],
        "authorizations": [f"{asked.base}/authz-{order.id}.{n}" for n in range(len(order.names))],
        "finalize": f"{asked.base}/finalize-{order.id}",
    }
    if order.certificate:
        shown["certificate"] = f"{asked.base}/cert-{order.id}"
    return shown


def order_of(asked: Asked, identifier: str) -> AcmeOrder:
    found = AcmeOrder.get(asked.call, asked.endpoint.id, asked.mine.id, identifier)
    if found is None:
        raise Problem("malformed", "There is no such order.", 404)
    return found


def order(asked: Asked, identifier: str) -> Answer:
    return told(order_object(asked, order_of(asked, identifier)), 200, f"{asked.base}/order-{identifier}")


def authz(asked: Asked, identifier: str) -> Answer:
    place, _, number = identifier.partition(".")
    found = order_of(asked, place)
    name = found.names[int(number)]
    shown: Members = {"identifier": {"type": "dns", "value": name.removeprefix("*.")}, "status": "valid"}
    shown |= {"expires": iso(found.expires), "challenges": []} | ({"wildcard": True} if name.startswith("*.") else {})
    return told(shown)


def finalize(asked: Asked, identifier: str) -> Answer:
    found = order_of(asked, identifier)
    if found.status != "ready" or found.expires <= asked.call.now:
        raise Problem("orderNotReady", f"The order is {found.status}.", 403)
    csr = decoded(asked.payload["csr"])
    check_request(asked.endpoint, found, csr)
    found.csr, found.status = csr, "processing"
    found.put(asked.call)
    issue_ordered.later(asked.call, endpoint=found.endpoint, account=found.account, order=found.id)
    return told(order_object(asked, found), 200, f"{asked.base}/order-{found.id}")


def check_request(endpoint: AcmeEndpoint, order: AcmeOrder, csr: bytes) -> None:
    from cryptography import x509

    try:
        request = x509.load_der_x509_csr(csr)
        good = request.is_signature_valid
    except ValueError:
        good = False
    if not good:
        raise Problem("badCSR", "The certificate signing request is not valid.")
    found = chains.extension(request, x509.SubjectAlternativeName)
    asked = {name.lower() for name in found.get_values_for_type(x509.DNSName)} if found else set()
    asked |= {str(one.value).lower() for one in request.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)}
    if asked != {*order.names}:
        raise Problem("badCSR", "The names of the certificate signing request are not those of the order.")
    if keys.algorithm_of(request.public_key()) not in endpoint.algorithms:
        raise Problem("badCSR", "The key algorithm is not allowed at this endpoint.")


@acm.task
async def issue_ordered(call: Call, endpoint: str, account: str, order: str) -> None:
    """Issue what was ordered; it shows in ACM as any other certificate, but for its key, which only the client has."""
    from cryptography import x509

    above = await authority(call)
    with call.transaction():
        place, found = AcmeEndpoint.get(call, endpoint), AcmeOrder.get(call, endpoint, account, order)
        if place is None or found is None or found.status != "processing":
            return
        request = x509.load_der_x509_csr(found.csr)
        certificate = Certificate(
            id=names.uuid4(),
            type=AMAZON,
            domain=found.names[0],
            names=found.names,
            created=call.now,
            key_algorithm=keys.algorithm_of(request.public_key()),
            tags=place.certificate_tags,
            endpoint=place.arn(call),
            acme_account=account,
        )
        certificate.install(call, public(call, certificate, above, request), above.chain, None)
        certificate.issued, certificate.status = call.now, ISSUED
        certificate.put(call)
        found.certificate, found.status = certificate.id, "valid"
        found.put(call)
        await_end(call, certificate)
        announce(call, "ACM Certificate Available", certificate, Action="ISSUANCE")


def cert(asked: Asked, identifier: str) -> Answer:
    """The certificate with those above it, less the root."""
    found = Certificate.get(asked.call, order_of(asked, identifier).certificate)
    if found is None:
        raise Problem("malformed", "There is no certificate yet.", 404)
    above = chains.pem(chains.read(found.chain.encode())[0])
    body = f"{found.certificate}\n{above}\n".encode()
    return Answer(200, [("content-type", "application/pem-certificate-chain")], body)


def revoke(asked: Asked, rest: str) -> Answer:
    """Revoke a certificate that the account has ordered."""
    from cryptography import x509

    call, account = asked.call, asked.mine
    given = chains.pem(x509.load_der_x509_certificate(decoded(asked.payload["certificate"])))
    permitted(call, account, "acm:RevokeCertificate")
    for order in AcmeOrder.scan(call, asked.endpoint.id, account.id):
        found = Certificate.get(call, order.certificate) if order.certificate else None
        if found and found.certificate == given:
            if found.status == REVOKED:
                raise Problem("alreadyRevoked", "The certificate is revoked already.")
            found.status, found.revoked, found.reason = REVOKED, call.now, "UNSPECIFIED"
            found.put(call)
            announce(call, "ACM Certificate Revoked", found, RevocationReason=found.reason)
            return Answer(200, [])
    raise Problem("unauthorized", "The account has not ordered this certificate.", 403)


HANDLERS = {
    "new-account": new_account,
    "new-order": new_order,
    "revoke-cert": revoke,
    "key-change": key_change,
    "account": account,
    "order": order,
    "authz": authz,
    "finalize": finalize,
    "cert": cert,
}
