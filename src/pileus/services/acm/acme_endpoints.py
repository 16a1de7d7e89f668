"""ACME endpoints: managed servers of the ACME protocol (RFC 8555), by which clients get certificates themselves."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, names
from pileus.kernel import tags as tagging

from . import acm, faults
from .certificates import checked

Members = dict[str, Any]

ALGORITHMS = ["RSA_2048", "EC_prime256v1", "EC_secp384r1"]
ACTIVE = "ACTIVE"


class AcmeEndpoint(Record, arn="acme-endpoint/{id}", indexes={"endpoints_by_token": ("token",)}, kw_only=True):
    id: str
    authorization: str
    contact: str
    algorithms: list[str]
    address: str
    """Of the cloud, as its creator reached it."""
    created: float
    updated: float
    token: str = ""
    tags: dict[str, str] = {}
    certificate_tags: dict[str, str] = {}

    def url(self, call: Call) -> str:
        """What all addresses of the server begin with."""
        return f"{self.address}/_pileus/at/acm/acme.{call.region}.{call.account}.{self.id}"

    def shown(self, call: Call) -> Members:
        return {
            "AcmeEndpointArn": self.arn(call),
            "EndpointUrl": f"{self.url(call)}/directory",
            "Status": ACTIVE,
            "AuthorizationBehavior": self.authorization,
            "Contact": self.contact,
            "CertificateAuthority": {"PublicCertificateAuthority": {"AllowedKeyAlgorithms": self.algorithms}},
            "CertificateTags": tagging.as_list(self.certificate_tags),
            "CreatedAt": self.created,
            "UpdatedAt": self.updated,
        }


def part(arn: str, number: int) -> str:
    """The id at a place in an ARN: `acme-endpoint/ID/acme-domain-validation/ID`."""
    pieces = arn.split(":", 5)[-1].split("/")
    return pieces[number] if len(pieces) > number else ""


def endpoint(call: Call, acme_endpoint_arn: str) -> AcmeEndpoint:
    found = AcmeEndpoint.get(call, part(acme_endpoint_arn, 1))
    if found is None or found.arn(call) != acme_endpoint_arn:
        raise absent(acme_endpoint_arn)
    return found


def absent(arn: str) -> Fault:
    return Fault("ResourceNotFoundException", f"Could not find {arn}.")


def algorithms_of(authority: Members) -> list[str]:
    if "PublicCertificateAuthority" not in authority:
        raise faults.validation("CertificateAuthority must have a PublicCertificateAuthority.")
    return authority["PublicCertificateAuthority"].get("AllowedKeyAlgorithms") or ALGORITHMS


@acm.operation
def create_acme_endpoint(
    call: Call,
    authorization_behavior: str,
    certificate_authority: Members,
    idempotency_token: str = "",
    contact: str = "NOT_REQUIRED",
    tags: list[Members] = [],
    certificate_tags: list[Members] = [],
) -> Members:
    """A new endpoint, which is there at once."""
    if idempotency_token:
        for known in AcmeEndpoint.scan(call, idempotency_token, index="endpoints_by_token"):
            return {"AcmeEndpointArn": known.arn(call)}
    made = AcmeEndpoint(
        id=names.uuid4(),
        authorization=authorization_behavior,
        contact=contact,
        algorithms=algorithms_of(certificate_authority),
        address=call.endpoint,
        created=call.now,
        updated=call.now,
        token=idempotency_token,
        tags=checked(tagging.as_map(tags)),
        certificate_tags=checked(tagging.as_map(certificate_tags)),
    ).put(call)
    return {"AcmeEndpointArn": made.arn(call)}


@acm.operation(on=endpoint)
def describe_acme_endpoint(call: Call, endpoint: AcmeEndpoint) -> Members:
    return {"AcmeEndpoint": endpoint.shown(call)}


@acm.operation
def list_acme_endpoints(call: Call, next_token: str = "", max_results: int = 100) -> Members:
    page = AcmeEndpoint.page(call, limit=max_results, token=next_token, invalid=faults.invalid_token())
    return {"AcmeEndpoints": [one.shown(call) for one in page.items], "NextToken": page.token}


@acm.operation(on=endpoint)
def update_acme_endpoint(
    call: Call,
    endpoint: AcmeEndpoint,
    authorization_behavior: str = "",
    contact: str = "",
    certificate_authority: Members | None = None,
) -> None:
    endpoint.authorization = authorization_behavior or endpoint.authorization
    endpoint.contact = contact or endpoint.contact
    if certificate_authority is not None:
        endpoint.algorithms = algorithms_of(certificate_authority)
    endpoint.updated = call.now
    endpoint.put(call)


def perhaps(call: Call, acme_endpoint_arn: str) -> AcmeEndpoint | None:
    return AcmeEndpoint.get(call, part(acme_endpoint_arn, 1))


@acm.operation(on=perhaps)
def delete_acme_endpoint(call: Call, endpoint: AcmeEndpoint | None) -> None:
    """Delete an endpoint with its bindings, validations and accounts; it is fine if it is gone. Certificates stay."""
    from .acme_accounts import AcmeAccount, AcmeOrder, Nonce
    from .acme_bindings import Binding
    from .acme_domains import DomainValidation

    if endpoint is None:
        return
    for kind in (Binding, DomainValidation, AcmeAccount):
        for one in list(kind.scan(call, endpoint.id)):
            one.delete(call)
    AcmeOrder.delete_all(call, endpoint.id)
    Nonce.delete_all(call, endpoint.id)
    endpoint.delete(call)


# Tags of endpoints, and of what belongs to them


def tagged(call: Call, resource_arn: str) -> Any:
    from .acme_bindings import binding
    from .acme_domains import validation

    kind = part(resource_arn, 2)
    if kind == "acme-domain-validation":
        return validation(call, resource_arn)
    return binding(call, resource_arn) if kind else endpoint(call, resource_arn)


@acm.operation(on=tagged)
def tag_resource(call: Call, found: Any, tags: list[Members]) -> None:
    found.tags = checked(found.tags | tagging.as_map(tags))
    found.put(call)


@acm.operation(on=tagged)
def untag_resource(call: Call, found: Any, tag_keys: list[str]) -> None:
    found.tags = {key: value for key, value in found.tags.items() if key not in tag_keys}
    found.put(call)


@acm.operation(on=tagged)
def list_tags_for_resource(call: Call, found: Any) -> Members:
    return {"Tags": tagging.as_list(found.tags)}
