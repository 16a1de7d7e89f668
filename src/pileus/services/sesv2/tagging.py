"""Tags of identities, configuration sets and templates."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, tags
from pileus.services.ses.identities import Identity
from pileus.services.ses.sets import ConfigurationSet
from pileus.services.ses.templates import Template
from pileus.services.ses.verifications import VerificationTemplate

from . import sesv2

Tagged = Identity | ConfigurationSet | Template | VerificationTemplate

KINDS: dict[str, type[Tagged]] = {
    "identity": Identity,
    "configuration-set": ConfigurationSet,
    "template": Template,
    "custom-verification-email-template": VerificationTemplate,
}


def tagged(call: Call, resource_arn: str) -> Any:
    kind, _, name = resource_arn.split(":", 5)[-1].partition("/")
    from .contacts import ContactList
    from .deliverability import TestReport
    from .endpoints import Endpoint
    from .pools import Pool
    from .tenants import Tenant

    own: dict[str, type[Any]] = {"contact-list": ContactList, "dedicated-ip-pool": Pool, "tenant": Tenant}
    own |= {"multi-region-endpoint": Endpoint, "deliverability-test-report": TestReport}
    record = (KINDS | own).get(kind)
    found = record.get(call, name.partition("/")[0]) if record else None
    if found is None:
        raise Fault("NotFoundException", f"The resource {resource_arn} does not exist.")
    return found


@sesv2.operation(on=tagged)
def tag_resource(call: Call, found: Any, tags: list[dict[str, str]]) -> None:
    found.tags = with_tags(found.tags, tags)
    found.put(call)


def with_tags(held: dict[str, str], given: list[dict[str, str]]) -> dict[str, str]:
    return tags.checked(given, held, code="BadRequestException")


@sesv2.operation(on=tagged)
def untag_resource(call: Call, found: Any, tag_keys: list[str]) -> None:
    found.tags = {key: value for key, value in found.tags.items() if key not in tag_keys}
    found.put(call)


@sesv2.operation(on=tagged)
def list_tags_for_resource(call: Call, found: Any) -> dict[str, Any]:
    return {"Tags": tags.as_list(found.tags)}
