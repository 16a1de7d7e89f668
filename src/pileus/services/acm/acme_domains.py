"""Domains that an ACME endpoint may issue for, proven beforehand by the record that proves them for requests too."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, names
from pileus.kernel import tags as tagging

from . import acm, faults
from .acme_endpoints import AcmeEndpoint, absent, endpoint, part
from .certificates import checked
from .domains import DNS, proven, record
from .validating import TIME, next_look

Members = dict[str, Any]

SCOPE = {"ExactDomain": "ENABLED", "Subdomains": "DISABLED", "Wildcards": "DISABLED"}


class DomainValidation(Record, key=("endpoint", "id"), kw_only=True):
    endpoint: str
    id: str
    domain: str
    scope: dict[str, str]
    zone: str
    record: Members
    created: float
    updated: float
    status: str = "VALIDATING"
    failure: str = ""
    tags: dict[str, str] = {}

    def arn(self, call: Call) -> str:
        return call.arn(f"acme-endpoint/{self.endpoint}/acme-domain-validation/{self.id}")

    def covers(self, name: str) -> bool:
        """Whether a name may be issued for, now that the domain is proven."""
        if self.status != "VALID":
            return False
        if name == self.domain:
            return self.scope["ExactDomain"] == "ENABLED"
        inside = name.removeprefix("*.") == self.domain or name.endswith(f".{self.domain}")
        below = name.removeprefix("*.") != self.domain
        wide = not name.startswith("*.") or self.scope["Wildcards"] == "ENABLED"
        return inside and wide and (not below or self.scope["Subdomains"] == "ENABLED")

    def shown(self, call: Call) -> Members:
        details = {"DomainScope": self.scope, "ResourceRecord": self.record}
        told: Members = {
            "AcmeDomainValidationArn": self.arn(call),
            "AcmeEndpointArn": call.arn(f"acme-endpoint/{self.endpoint}"),
            "DomainName": self.domain,
            "PrevalidationType": "DNS_PREVALIDATION",
            "PrevalidationDetails": {"DnsPrevalidation": details | ({"HostedZoneId": self.zone} if self.zone else {})},
            "Status": self.status,
            "CreatedAt": self.created,
            "UpdatedAt": self.updated,
        }
        return told | ({"FailureDetails": {"Reason": self.failure}} if self.failure else {})


def validation(call: Call, acme_domain_validation_arn: str) -> DomainValidation:
    place = acme_domain_validation_arn
    found = DomainValidation.get(call, part(place, 1), part(place, 3))
    if found is None or found.arn(call) != place:
        raise absent(place)
    return found


def chosen(options: Members) -> tuple[dict[str, str], str]:
    """The scope and the hosted zone that a request chooses."""
    if "DnsPrevalidation" not in options:
        raise faults.validation("PrevalidationOptions must have a DnsPrevalidation.")
    given = options["DnsPrevalidation"]
    return SCOPE | given.get("DomainScope", {}), given.get("HostedZoneId", "")


@acm.operation(on=endpoint, honours=("IdempotencyToken",))
def create_acme_domain_validation(
    call: Call, endpoint: AcmeEndpoint, domain_name: str, prevalidation_options: Members, tags: list[Members] = []
) -> Members:
    """Begin to prove a domain; the same domain twice is a conflict, so its token needs no memory."""
    if any(one.domain == domain_name for one in DomainValidation.scan(call, endpoint.id)):
        raise Fault("ConflictException", f"The endpoint has a validation of {domain_name} already.")
    scope, zone = chosen(prevalidation_options)
    made = DomainValidation(
        endpoint=endpoint.id,
        id=names.uuid4(),
        domain=domain_name,
        scope=scope,
        zone=zone,
        record=record(call, domain_name),
        created=call.now,
        updated=call.now,
        tags=checked(tagging.as_map(tags)),
    ).put(call)
    look_for_domain.later(call, endpoint=endpoint.id, validation=made.id)
    return {"AcmeDomainValidationArn": made.arn(call)}


@acm.task
async def look_for_domain(call: Call, endpoint: str, validation: str) -> None:
    """Look for a domain's record; give it up after 72 hours."""
    found = DomainValidation.get(call, endpoint, validation)
    if found is None or found.status != "VALIDATING":
        return
    seen = await proven(call, {"ValidationMethod": DNS, "ResourceRecord": found.record})
    with call.transaction():
        found = DomainValidation.get(call, endpoint, validation)
        if found is None or found.status != "VALIDATING":
            return
        passed = call.now - found.created
        if not seen and passed < TIME:
            look_for_domain.later(call, delay=next_look(passed), endpoint=endpoint, validation=validation)
            return
        found.status, found.failure = ("VALID", "") if seen else ("INVALID", "TIMED_OUT")
        found.updated = call.now
        found.put(call)


@acm.operation(on=validation)
def describe_acme_domain_validation(call: Call, validation: DomainValidation) -> Members:
    return {"AcmeDomainValidation": validation.shown(call)}


@acm.operation(on=endpoint)
def list_acme_domain_validations(
    call: Call, endpoint: AcmeEndpoint, next_token: str = "", max_results: int = 100
) -> Members:
    invalid = faults.invalid_token()
    page = DomainValidation.page(call, endpoint.id, limit=max_results, token=next_token, invalid=invalid)
    return {"AcmeDomainValidations": [one.shown(call) for one in page.items], "NextToken": page.token}


@acm.operation(on=validation)
def update_acme_domain_validation(
    call: Call, validation: DomainValidation, prevalidation_options: Members | None = None
) -> None:
    """Change what a domain's proof covers."""
    if prevalidation_options is not None:
        validation.scope, validation.zone = chosen(prevalidation_options)
        validation.updated = call.now
        validation.put(call)


def perhaps(call: Call, acme_domain_validation_arn: str) -> DomainValidation | None:
    return DomainValidation.get(call, part(acme_domain_validation_arn, 1), part(acme_domain_validation_arn, 3))


@acm.operation(on=perhaps)
def delete_acme_domain_validation(call: Call, validation: DomainValidation | None) -> None:
    if validation is not None:
        validation.delete(call)
