"""Ids of associations and attachments: which resource has one, for requests that name nothing else."""

from __future__ import annotations

from pileus.kernel import Call, Fault, Record
from pileus.kernel.names import hex_id


class Association(Record, table="ec2.AssociationId"):
    """What an association's id belongs to."""

    association_id: str
    holder: str


def associate(call: Call, prefix: str, holder: str) -> str:
    """A new id for an association that a resource has."""
    made = Association(association_id=hex_id(prefix), holder=holder).put(call)
    return made.association_id


def find(call: Call, association_id: str, prefix: str) -> Association | None:
    """The association of that kind, if there is one of that id."""
    return Association.get(call, association_id) if association_id.startswith(f"{prefix}-") else None


def holder(call: Call, association_id: str, prefix: str) -> str:
    """The id of the resource that has the association; raises InvalidAssociationID.NotFound."""
    found = find(call, association_id, prefix)
    if found is None:
        raise absent(association_id)
    return found.holder


def absent(association_id: str) -> Fault:
    return Fault("InvalidAssociationID.NotFound", f"The association ID '{association_id}' does not exist")


def dissolve(call: Call, association_id: str) -> None:
    Association(association_id=association_id, holder="").delete(call)
