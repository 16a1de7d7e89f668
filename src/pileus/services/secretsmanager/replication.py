"""Replicas: the same secret in other Regions, each encrypted under a key of its Region. Changed only at the primary."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, regions

from . import faults, secretsmanager
from .deletion import end
from .secrets import Secret, living, primary
from .versions import DEFAULT_KEY, Version, opened, sealed

Regions = list[dict[str, str]]


@secretsmanager.operation(on=primary)
def replicate_secret_to_regions(
    call: Call, secret: Secret, add_replica_regions: Regions, force_overwrite_replica_secret: bool = False
) -> dict[str, Any]:
    """Make replicas of a secret in other Regions."""
    replicate(call, secret, add_replica_regions, force_overwrite_replica_secret)
    return {"ARN": secret.arn(call), "ReplicationStatus": status(call, secret)}


@secretsmanager.operation(on=primary)
def remove_regions_from_replication(call: Call, secret: Secret, remove_replica_regions: list[str]) -> dict[str, Any]:
    """Delete replicas."""
    known = {replica["Region"] for replica in secret.replicas}
    if unknown := [region for region in remove_replica_regions if region not in known]:
        raise faults.parameter(f"The secret has no replica in the Region {unknown[0]}.")
    for region in remove_replica_regions:
        there = call.at(region=region)
        replica = Secret.get(there, secret.name)
        if replica and replica.primary_region == call.region:
            end(there, replica)
    secret.replicas = [one for one in secret.replicas if one["Region"] not in remove_replica_regions]
    if not secret.replicas:
        secret.primary_region = ""
    secret.put(call)
    return {"ARN": secret.arn(call), "ReplicationStatus": status(call, secret)}


@secretsmanager.operation(on=living)
def stop_replication_to_replica(call: Call, secret: Secret) -> dict[str, Any]:
    """Make a replica a secret of its own. Called in its Region."""
    if secret.source:
        from .followers import part

        return part(call, secret)
    if not secret.replica(call):
        raise faults.request(
            "Operation not permitted on a primary secret. Call must be made in replica secret's region."
        )
    there = call.at(region=secret.primary_region)
    lead = Secret.get(there, secret.name)
    if lead:
        lead.replicas = [one for one in lead.replicas if one["Region"] != call.region]
        lead.primary_region = lead.primary_region if lead.replicas else ""
        lead.put(there)
    secret.primary_region = ""
    secret.put(call)
    return {"ARN": secret.arn(call)}


def replicate(call: Call, secret: Secret, added: Regions, force: bool) -> None:
    """Make replicas, and note of each how it went."""
    known = {replica["Region"] for replica in secret.replicas}
    for asked in added:
        region = asked.get("Region", "")
        if region == call.region or region in known:
            raise faults.parameter(f"Invalid replica region {region}: the secret is already there.")
        if not regions.is_region(region) or regions.partition_of(region) != call.partition:
            raise faults.parameter(f"Invalid replica region {region}.")
        there = call.at(region=region)
        existing = Secret.get(there, secret.name)
        entry = {"Region": region, "KmsKeyId": asked.get("KmsKeyId", DEFAULT_KEY), "Status": "InSync"}
        if existing and not force:
            entry["Status"] = "Failed"
            entry["StatusMessage"] = f"Replication failed: Secret name simple already exists in region {region}."
        elif existing:
            end(there, existing)
        secret.replicas = [*secret.replicas, entry]
    secret.primary_region = call.region
    secret.put(call)
    synchronise(call, secret)


def synchronise(call: Call, secret: Secret) -> None:
    """Make the replicas what the primary is."""
    if secret.followers:
        from .followers import lead

        lead(call, secret)
    for entry in secret.replicas:
        if entry["Status"] == "InSync":
            copy(call, secret, call.at(region=entry["Region"]), entry["KmsKeyId"])


def copy(call: Call, secret: Secret, there: Call, key_id: str) -> None:
    existing = Secret.get(there, secret.name)
    replica = Secret(
        name=secret.name,
        suffix=secret.suffix,
        created=secret.created,
        changed=secret.changed,
        description=secret.description,
        key_id="" if key_id == DEFAULT_KEY else key_id,
        tags=secret.tags,
        policy=existing.policy if existing else "",
        accessed=existing.accessed if existing else None,
        rotated=secret.rotated,
        rotating=secret.rotating,
        rotation_function=secret.rotation_function,
        rotation_rules=secret.rotation_rules,
        primary_region=secret.primary_region,
    ).put(there)
    fill(call, secret, there, replica, key_id)


def fill(call: Call, secret: Secret, there: Call, replica: Secret, key_id: str) -> None:
    """Give a replica the versions of its primary, encrypted anew as far as it lacks them."""
    held = {version.id: version for version in Version.scan(there, replica.name)}
    for version in Version.scan(call, secret.name):
        known = held.pop(version.id, None)
        if known and known.sealed and known.key_id == key_id:
            known.stages = version.stages
            known.put(there)
        elif version.sealed:
            content, wrapped = sealed(there, replica, version.id, opened(call, secret, version), key_id)
            Version(
                secret=replica.name,
                id=version.id,
                sealed=content,
                wrapped=wrapped,
                binary=version.binary,
                key_id=key_id,
                stages=version.stages,
                created=version.created,
            ).put(there)
    for gone in held.values():
        gone.delete(there)


def status(call: Call, secret: Secret) -> list[dict[str, Any]]:
    """ReplicationStatus, as the primary tells it."""
    told = []
    for entry in secret.replicas:
        replica = Secret.get(call.at(region=entry["Region"]), secret.name)
        more = {"LastAccessedDate": replica.accessed} if replica and replica.accessed else {}
        told.append({**entry, **more})
    return told
