"""Which services the accounts of an organization may use by its service control policies, and when they last did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.access.attached import Document
from pileus.kernel.identity import service
from pileus.kernel.paging import every
from pileus.kernel.record import Record
from pileus.kernel.usage import Use

from . import iam
from .faults import missing
from .last_accessed import KEPT, allowed_services, service_names
from .lists import MOST, answer, piece

CLOUD = service("pileus.amazonaws.com")
SCP = "SERVICE_CONTROL_POLICY"


class OrganizationJob(Record, scope="account"):
    """An inquiry about a part of an organization."""

    id: str
    created: float
    path: str
    services: list[str] = []
    accounts: list[str] = []
    error: str = ""


@iam.operation
def generate_organizations_access_report(
    call: Call, entity_path: str, organizations_policy_id: str = ""
) -> dict[str, Any]:
    """Ask which services are allowed in a root, unit or account, or by one policy there, and were used."""
    job = OrganizationJob(names.uuid4(), call.now, entity_path)
    try:
        organizations = call.aws("organizations", principal=CLOUD)
        organization = organizations.describe_organization()["Organization"]
        way = entity_path.strip("/").split("/")
        if organization["MasterAccountId"] != call.account or way[0] != organization["Id"]:
            raise Fault("AccessDeniedException", "You must be signed in to the organization's management account.")
        job.accounts = list(accounts_in(organizations, way[-1]))
        if organizations_policy_id:
            levels = [[organizations_policy_id]]
        else:
            levels = [policies_on(organizations, one) for one in way[1:]]
        allowed = [set(allowed_services(documents(organizations, level))) for level in levels]
        job.services = sorted(set.intersection(*allowed)) if allowed else []
    except Fault as fault:
        job.error = fault.message
    job.put(call)
    return {"JobId": job.id}


def accounts_in(organizations: Any, node: str) -> Iterator[str]:
    """The accounts in a root or unit and the units below; or an account itself."""
    if not node.startswith(("r-", "ou-")):
        organizations.describe_account(account_id=node)
        yield node
        return
    for child in every(organizations.list_children, "Children", parent_id=node, child_type="ACCOUNT"):
        yield child["Id"]
    for child in every(organizations.list_children, "Children", parent_id=node, child_type="ORGANIZATIONAL_UNIT"):
        yield from accounts_in(organizations, child["Id"])


def policies_on(organizations: Any, node: str) -> list[str]:
    policies = every(organizations.list_policies_for_target, "Policies", target_id=node, filter=SCP)
    return [policy["Id"] for policy in policies]


def documents(organizations: Any, policies: list[str]) -> list[Document]:
    return [
        Document(policy, organizations.describe_policy(policy_id=policy)["Policy"]["Content"]) for policy in policies
    ]


@iam.operation
def get_organizations_access_report(
    call: Call,
    job_id: str,
    max_items: int = MOST,
    marker: str = "",
    sort_key: str = "SERVICE_NAMESPACE_ASCENDING",
) -> dict[str, Any]:
    """The services that are allowed, with their last use in any of the accounts."""
    job = OrganizationJob.get(call, job_id)
    if job is None:
        raise missing(f"Job {job_id} was not found.")
    times = {"JobCreationDate": job.created, "JobCompletionDate": job.created}
    if job.error:
        return times | {"JobStatus": "FAILED", "ErrorDetails": {"Message": job.error, "Code": "AccessDenied"}}
    uses = uses_in(call, job)
    details = [shown(job, prefix, uses.get(prefix, [])) for prefix in job.services]
    by_time = sort_key.startswith("LAST_AUTHENTICATED_TIME")
    details.sort(
        key=lambda one: one.get("LastAuthenticatedTime", 0.0) if by_time else one["ServiceNamespace"],
        reverse=sort_key.endswith("DESCENDING"),
    )
    page, token = piece(call, details, marker, max_items)
    return (
        answer("AccessDetails", page, token)
        | times
        | {
            "JobStatus": "COMPLETED",
            "NumberOfServicesAccessible": len(job.services),
            "NumberOfServicesNotAccessed": sum(1 for prefix in job.services if prefix not in uses),
        }
    )


def uses_in(call: Call, job: OrganizationJob) -> dict[str, list[tuple[str, Use]]]:
    """Uses by service, each with its account."""
    found: dict[str, list[tuple[str, Use]]] = {}
    for account in job.accounts:
        for use in Use.scan(call.at(account=account)):
            if job.created - KEPT <= use.at <= job.created:
                found.setdefault(use.service, []).append((account, use))
    return found


def shown(job: OrganizationJob, prefix: str, uses: list[tuple[str, Use]]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ServiceName": service_names()[prefix],
        "ServiceNamespace": prefix,
        "TotalAuthenticatedEntities": len({account for account, _ in uses}),
    }
    if uses:
        account, last = max(uses, key=lambda one: one[1].at)
        path = job.path if account in job.path else f"{job.path.rstrip('/')}/{account}"
        told |= {"LastAuthenticatedTime": last.at, "Region": last.region, "EntityPath": path}
    return told
