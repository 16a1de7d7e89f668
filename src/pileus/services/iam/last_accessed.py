"""Which services users, groups, roles and policies may use, and when they last did (the access advisor)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from pileus import models
from pileus.kernel import Call, arn, names
from pileus.kernel.access import actions, grammar
from pileus.kernel.access.attached import Document, Grants, documents_of, managed
from pileus.kernel.record import Record
from pileus.kernel.usage import Use

from . import iam
from .faults import invalid, missing
from .groups import Group, Member
from .lists import MOST, answer, entries, piece
from .policies import USAGES, managed_by_arn
from .policies import Use as PolicyUse
from .roles import Role
from .users import User

KEPT = 90 * 86400.0


class Job(Record, scope="account"):
    """An inquiry, and its answer as of the time when it was made."""

    id: str
    created: float
    granularity: str
    services: list[str]
    """Prefixes of those that may be used."""
    identities: list[str]
    """Unique ids of the users and roles that it is about."""


@iam.operation
def generate_service_last_accessed_details(call: Call, arn: str, granularity: str = "SERVICE_LEVEL") -> dict[str, Any]:
    """Ask which services whoever or whatever the ARN names may use, and has used."""
    documents, identities = about(call, arn)
    job = Job(names.uuid4(), call.now, granularity, allowed_services(documents), identities).put(call)
    return {"JobId": job.id}


@iam.operation
def get_service_last_accessed_details(
    call: Call, job_id: str, marker: str = "", max_items: int = MOST
) -> dict[str, Any]:
    """The services that may be used, with their last use."""
    job = job_of(call, job_id)
    uses = uses_of(call, job)
    page, token = piece(call, job.services, marker, max_items)
    told = [service_shown(prefix, uses.get(prefix, [])) for prefix in page]
    return answer("ServicesLastAccessed", told, token) | finished(job) | {"JobType": job.granularity}


@iam.operation
def get_service_last_accessed_details_with_entities(
    call: Call, job_id: str, service_namespace: str, marker: str = "", max_items: int = MOST
) -> dict[str, Any]:
    """The users and roles that have used one service, the last one first."""
    job = job_of(call, job_id)
    if not any(service_namespace == prefix for prefix in job.services):
        raise invalid(f"Invalid service namespace: {service_namespace}")
    uses = {use.identity: use for use in uses_of(call, job).get(service_namespace, [])}
    details = [entity_shown(call, identity, uses.get(identity)) for identity in job.identities]
    details.sort(key=lambda detail: -detail.get("LastAuthenticated", 0))
    return entries(call, "EntityDetailsList", details, marker, max_items) | finished(job)


@iam.operation
def list_policies_granting_service_access(
    call: Call, arn: str, service_namespaces: list[str], marker: str = ""
) -> dict[str, Any]:
    """The policies of a user, group or role that allow anything of some services."""
    grants = grants_named(call, arn)
    groups = [group for held in grants.groups if (group := Grants.get(call, held))]
    listed = [
        {
            "ServiceNamespace": namespace,
            "Policies": [
                shown
                for holder in (grants, *groups)
                for document, shown in policies_of(call, holder)
                if namespace in allowed_services([document])
            ],
        }
        for namespace in service_namespaces
    ]
    return entries(call, "PoliciesGrantingServiceAccess", listed, marker, MOST)


def about(call: Call, named: str) -> tuple[list[Document], list[str]]:
    """The policies that an ARN stands for, and the users and roles that have them."""
    try:
        kind = arn.parse(named).resource.partition("/")[0]
    except ValueError:
        raise invalid(f"Invalid ARN: {named}") from None
    if kind == "policy":
        if managed_by_arn(call, named) is None:
            raise missing(f"Policy {named} was not found.")
        holders = [use.holder for usage in USAGES for use in PolicyUse.scan(call, named, usage)]
        found = [identity for holder in holders for identity in members(call, holder)]
        return [Document(named, managed(call, named) or "")], list(dict.fromkeys(found))
    grants = grants_named(call, named)
    return documents_of(call, grants, call.account), members(call, grants.id)


def members(call: Call, identity: str) -> list[str]:
    """A user or role itself; the users of a group."""
    if identity.startswith("AGPA"):
        return [member.user for member in Member.scan(call, identity)]
    return [identity]


def grants_named(call: Call, named: str) -> Grants:
    grants = Grants.first(call, named, index="by_owner")
    if grants is None:
        raise missing(f"Arn {named} was not found.")
    return grants


def policies_of(call: Call, grants: Grants) -> Iterable[tuple[Document, dict[str, str]]]:
    kind, _, path = arn.parse(grants.owner).resource.partition("/")
    holder = {"EntityType": kind.upper(), "EntityName": path.rpartition("/")[2]}
    for name, text in grants.inline.items():
        yield Document(name, text), {"PolicyName": name, "PolicyType": "INLINE"} | holder
    for policy in grants.attached:
        shown = {"PolicyName": policy.rpartition("/")[2], "PolicyType": "MANAGED", "PolicyArn": policy}
        yield Document(policy, managed(call, policy) or ""), shown


def allowed_services(documents: Iterable[Document]) -> list[str]:
    """The prefixes of which a statement allows any action."""
    found: set[str] = set()
    for document in documents:
        for statement in grammar.statements(grammar.parsed(document.text)):
            if statement["Effect"] != "Allow":
                continue
            listed = [action.partition(":")[0].lower() for action in grammar.listed(statement.get("Action", "*"))]
            found |= set(service_names()) if any("*" in prefix for prefix in listed) else set(listed)
    return sorted(found & service_names().keys())


@cache
def service_names() -> dict[str, str]:
    """What the service of each prefix is called."""
    index = models.index()
    named = {prefix: prefix for prefix in actions.known()}
    for service, prefix in sorted(actions.prefixes().items(), reverse=True):
        named[prefix] = str(index[service].get("serviceFullName") or index[service].get("serviceId") or prefix)
    return named


def uses_of(call: Call, job: Job) -> dict[str, list[Use]]:
    """Uses by the job's users and roles, by service, of the time that AWS reports on."""
    found: dict[str, list[Use]] = {}
    for identity in job.identities:
        for use in Use.scan(call, identity):
            if job.created - KEPT <= use.at <= job.created:
                found.setdefault(use.service, []).append(use)
    return found


def job_of(call: Call, job_id: str) -> Job:
    if job := Job.get(call, job_id):
        return job
    raise missing(f"Job {job_id} was not found.")


def finished(job: Job) -> dict[str, Any]:
    return {"JobStatus": "COMPLETED", "JobCreationDate": job.created, "JobCompletionDate": job.created}


def service_shown(prefix: str, uses: list[Use]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ServiceName": service_names()[prefix],
        "ServiceNamespace": prefix,
        "TotalAuthenticatedEntities": len(uses),
    }
    if uses:
        last = max(uses, key=lambda use: use.at)
        told |= {
            "LastAuthenticated": last.at,
            "LastAuthenticatedEntity": last.who,
            "LastAuthenticatedRegion": last.region,
        }
    return told


def entity_shown(call: Call, identity: str, use: Use | None) -> dict[str, Any]:
    kinds: tuple[type[User] | type[Role] | type[Group], ...] = (User, Role)
    found = next((one for kind in kinds if (one := kind.first(call, identity, index="by_id"))), None)
    info: dict[str, Any] = {"Id": identity, "Arn": use.who if use else "", "Name": "", "Type": "USER"}
    if found:
        info |= {"Arn": found.arn(call), "Name": found.name, "Type": found.kind.upper(), "Path": found.path}
    return {"EntityInfo": info} | ({"LastAuthenticated": use.at} if use else {})
