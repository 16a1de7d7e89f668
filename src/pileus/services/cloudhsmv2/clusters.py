"""Clusters: created, described, changed, deleted."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

from pileus.engines.hsm import Absent, Hsms
from pileus.engines.hsm.hsms import check as check_engine
from pileus.kernel import Call, Fault, Record, Unfinished, names
from pileus.kernel import tags as tagging
from pileus.kernel.edge import Answer
from pileus.kernel.resource_type import resource_type

from . import cloudhsmv2, faults

if TYPE_CHECKING:
    from pileus.gateway.message import Request

Members = dict[str, Any]

CREATING = "CREATE_IN_PROGRESS"
UNINITIALIZED = "UNINITIALIZED"
INITIALIZING = "INITIALIZE_IN_PROGRESS"
INITIALIZED = "INITIALIZED"
ACTIVE = "ACTIVE"
DELETING = "DELETE_IN_PROGRESS"
DELETED = "DELETED"

PRECO_PASSWORD = "password"
"""Of the pre-crypto officer, in every new cluster ("Activate the cluster", User Guide)."""
RETENTION = {"Type": "DAYS", "Value": "90"}
SHORTEST, LONGEST = 7, 379
MOST = 4
"""Clusters of an account in a Region ("Quotas")."""
TYPES = ("hsm1.medium", "hsm2m.medium")
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
SOON = 2.0
"""Seconds that what takes AWS minutes takes here."""
REMEMBERED = 3600.0
"""Seconds for which a deleted cluster is still told of."""


@resource_type(
    cloudhsmv2, "ClusterId", create="CreateCluster", read="DescribeClusters", update="ModifyCluster",
    list="DescribeClusters", delete="DeleteCluster", missing="CloudHsmResourceNotFoundException",
)  # fmt: skip
class Cluster(Record, arn="arn:{partition}:cloudhsm:{region}:{account}:cluster/{id}", kw_only=True):
    id: str
    created: float
    hsm_type: str
    mode: str
    network: str
    subnets: dict[str, str]
    """By Availability Zone."""
    vpc: str = ""
    retention: Members
    state: str = CREATING
    message: str = ""
    source: str = ""
    """The backup that it was made from."""
    hsms: list[Members] = []
    daily: float = 0.0
    """When the next backup is due."""
    csr: str = ""
    certificate: str = ""
    anchor: str = ""
    """The certificate of the authority that has signed it."""
    tags: dict[str, str] = {}

    def arn(self, call: Call) -> str:
        return call.arn(f"cluster/{self.id}", "cloudhsm")

    def shown(self, call: Call) -> Members:
        certificates = {"ClusterCsr": self.csr} if self.csr and self.state == UNINITIALIZED else {}
        certificates |= {"ClusterCertificate": self.certificate} if self.certificate else {}
        told: Members = {
            "BackupPolicy": "DEFAULT",
            "BackupRetentionPolicy": self.retention,
            "ClusterId": self.id,
            "CreateTimestamp": self.created,
            "Hsms": self.hsms,
            "HsmType": self.hsm_type,
            "State": self.state,
            "SubnetMapping": self.subnets,
            "NetworkType": self.network,
            "Certificates": certificates,
            "TagList": tagging.as_list(self.tags),
            "Mode": self.mode,
        }
        if self.state in (UNINITIALIZED, INITIALIZING, INITIALIZED):
            told["PreCoPassword"] = PRECO_PASSWORD
        more = {"VpcId": self.vpc, "SourceBackupId": self.source, "StateMessage": self.message}
        return told | {member: value for member, value in more.items() if value}


def new_id(kind: str) -> str:
    return f"{kind}-{names.token(11, ALPHABET)}"


def engine(call: Call) -> Hsms:
    """The modules; not built where what they need is not installed."""
    try:
        check_engine()
        return call.cloud.engine(Hsms)
    except Absent as absent:
        raise Unfinished(str(absent)) from None


def named(call: Call, cluster_id: str) -> Cluster:
    cluster = Cluster.get(call, cluster_id)
    if cluster is None or cluster.state == DELETED:
        raise faults.missing(cluster_id)
    return cluster


def owner_in(identifier: str) -> str:
    return identifier.split(":")[4] if identifier.startswith("arn:") else ""


@cloudhsmv2.operation
async def create_cluster(
    call: Call,
    hsm_type: str,
    subnet_ids: list[str],
    backup_retention_policy: Members = RETENTION,
    source_backup_id: str = "",
    network_type: str = "IPV4",
    tag_list: list[Members] = [],
    mode: str = "",
) -> Members:
    """A cluster without HSMs; of a backup, with everything that was in it."""
    from .sharing import restorable

    engine(call)
    if hsm_type not in TYPES:
        raise faults.invalid(f"The HSM type {hsm_type} is not supported.")
    if mode == "NON_FIPS" and hsm_type == "hsm1.medium":
        raise faults.invalid("Clusters of the type hsm1.medium are in FIPS mode.")
    check_retention(backup_retention_policy)
    vpc, subnets = await placed(call, subnet_ids)
    with call.transaction():
        if sum(cluster.state != DELETED for cluster in Cluster.scan(call)) >= MOST:
            raise faults.invalid(f"The limit of {MOST} clusters is reached.")
        backup = restorable(call, source_backup_id) if source_backup_id else None
        cluster = Cluster(
            id=new_id("cluster"),
            created=call.now,
            hsm_type=hsm_type,
            mode=mode or (backup.mode if backup else "FIPS"),
            network=network_type,
            subnets=subnets,
            vpc=vpc,
            retention=backup_retention_policy,
            source=backup.id if backup else "",
            certificate=backup.certificate if backup else "",
            anchor=backup.anchor if backup else "",
            tags=checked(tagging.as_map(tag_list)),
        ).put(call)
        place = owner_in(source_backup_id) or call.account
        build.later(call, delay=SOON, cluster=cluster.id, backup=cluster.source, owner=place)
        return {"Cluster": cluster.shown(call)}


def check_retention(policy: Members) -> None:
    value = policy.get("Value", "")
    if policy.get("Type") != "DAYS" or not SHORTEST <= int(value or 0) <= LONGEST:
        raise faults.invalid(f"The backup retention must be between {SHORTEST} and {LONGEST} days.")


async def placed(call: Call, subnet_ids: list[str]) -> tuple[str, dict[str, str]]:
    """The VPC, and the subnets by their zone; while there is no EC2, each is taken to be in the next zone."""
    try:
        answer = call.aws("ec2").describe_subnets(subnet_ids=subnet_ids)
        found = (await answer if inspect.isawaitable(answer) else answer)["Subnets"]
    except Unfinished:
        zones = [f"{call.region}{letter}" for letter in "abcdefghij"]
        return "", dict(zip(zones, subnet_ids, strict=False))
    except Fault as fault:
        raise faults.invalid(fault.message) from None
    if len({subnet["VpcId"] for subnet in found}) != 1:
        raise faults.invalid("All subnets must be in the same VPC.")
    mapping = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in found}
    if len(mapping) != len(found):
        raise faults.invalid("There must be only one subnet for each Availability Zone.")
    return found[0]["VpcId"], mapping


@cloudhsmv2.task
def build(call: Call, cluster: str, backup: str, owner: str) -> None:
    """Make the cluster's folder, and put into it what was backed up."""
    from .backups import Backup

    found = Cluster.get(call, cluster)
    if found is None or found.state != CREATING:
        return
    source = Backup.get(call.at(account=owner), backup) if backup else None
    if source is not None:
        engine(call).unpack(cluster, source.tokens(call))
    else:
        engine(call).create(cluster)
    found.state = UNINITIALIZED
    found.put(call)


FILTERS = {
    "clusterIds": lambda cluster, values: cluster.id in values,
    "vpcIds": lambda cluster, values: cluster.vpc in values,
    "states": lambda cluster, values: cluster.state in values,
}


@cloudhsmv2.operation
def describe_clusters(
    call: Call, filters: dict[str, list[str]] = {}, next_token: str = "", max_results: int = 25
) -> Members:
    if unknown := filters.keys() - FILTERS.keys():
        raise faults.invalid(f"The filter {min(unknown)} is not known.")

    def wanted(cluster: Cluster) -> bool:
        return all(FILTERS[name](cluster, values) for name, values in filters.items())

    invalid = faults.invalid("The NextToken is not valid.")
    page = Cluster.page(call, limit=max_results, token=next_token, where=wanted, invalid=invalid)
    return {"Clusters": [cluster.shown(call) for cluster in page.items], "NextToken": page.token}


@cloudhsmv2.operation(on=named)
def modify_cluster(call: Call, cluster: Cluster, backup_retention_policy: Members = {}) -> Members:
    """Keep backups for another time."""
    if backup_retention_policy:
        check_retention(backup_retention_policy)
        cluster.retention = backup_retention_policy
        cluster.put(call)
    return {"Cluster": cluster.shown(call)}


@cloudhsmv2.operation(on=named)
def delete_cluster(call: Call, cluster: Cluster) -> Members:
    """Delete a cluster that has no HSMs any more. Its backups stay."""
    if cluster.hsms:
        raise faults.invalid(f"Cluster {cluster.id} still has HSMs; delete them first.")
    if cluster.state == DELETING:
        raise faults.invalid(f"Cluster {cluster.id} is being deleted.")
    cluster.state = DELETING
    cluster.put(call)
    remove.later(call, delay=SOON, cluster=cluster.id)
    return {"Cluster": cluster.shown(call)}


@cloudhsmv2.task
def remove(call: Call, cluster: str) -> None:
    """Remove a cluster's folder, and after a while what is known of it."""
    found = Cluster.get(call, cluster)
    if found is None or found.state not in (DELETING, DELETED):
        return
    if found.state == DELETED:
        found.delete(call)
        return
    engine(call).remove(cluster)
    found.state = DELETED
    found.put(call)
    remove.later(call, delay=REMEMBERED, cluster=cluster)


# Tags, of clusters and of backups


def checked(tags: dict[str, str]) -> dict[str, str]:
    tagging.check(tags, code="CloudHsmTagException")
    return tags


def tagged(call: Call, resource_id: str) -> Any:
    from .backups import backup_named

    return named(call, resource_id) if resource_id.startswith("cluster-") else backup_named(call, resource_id)


@cloudhsmv2.operation(on=tagged)
def tag_resource(call: Call, found: Any, tag_list: list[Members]) -> None:
    found.tags = checked(found.tags | tagging.as_map(tag_list))
    found.put(call)


@cloudhsmv2.operation(on=tagged)
def untag_resource(call: Call, found: Any, tag_key_list: list[str]) -> None:
    found.tags = {key: value for key, value in found.tags.items() if key not in tag_key_list}
    found.put(call)


@cloudhsmv2.operation(on=tagged)
def list_tags(call: Call, found: Any, next_token: str = "", max_results: int = 100) -> Members:
    from pileus.kernel import paging

    held = sorted(found.tags.items())
    start = paging.opened(call, next_token, faults.invalid("The NextToken is not valid.")) if next_token else 0
    stop = start + max_results
    more = paging.sealed(call, stop) if stop < len(held) else None
    return {"TagList": tagging.as_list(dict(held[start:stop])), "NextToken": more}


# For clients


@cloudhsmv2.address
def answer(call: Call, request: Request, cluster: str) -> Answer:
    """What a client on this machine needs to open a cluster's tokens."""
    if not engine(call).configuration(cluster).exists():
        return Answer(404, [("content-type", "application/json")], b'{"error": "There is no such cluster."}\n')
    told = {"library": str(check_engine()), "SOFTHSM2_CONF": str(engine(call).configuration(cluster))}
    return Answer(200, [("content-type", "application/json")], json.dumps(told).encode() + b"\n")
