"""Archives: what arrives at a bus, kept for so many days, or for good."""

from __future__ import annotations

from typing import Any, Self

from pileus.kernel import Call, Fault, Record, arn, names
from pileus.kernel.patterns import parse
from pileus.kernel.resource_type import resource_type

from . import buses, events, faults
from .buses import Bus
from .rules import check_pattern

DAY = 86_400.0
PIECE = 500
PER_PAGE = 100


@resource_type(
    events,
    "ArchiveName",
    create="CreateArchive",
    read="DescribeArchive",
    update="UpdateArchive",
    list="ListArchives",
    delete="DeleteArchive",
    missing="ResourceNotFoundException",
)
class Archive(Record, arn="archive/{name}", cfn="AWS::Events::Archive", indexes={"by_bus": ("bus",)}, kw_only=True):
    name: str
    id: str
    """Where its events lie."""
    bus: str
    source_arn: str
    pattern: str = ""
    description: str = ""
    retention: int = 0
    """Days; 0 is for good."""
    key: str = ""
    created: float
    events: int = 0
    bytes: int = 0
    sweeping: bool = False
    """Whether a task waits for its oldest event to go."""

    @classmethod
    def named(cls, call: Call, archive_name: str) -> Self:
        found = cls.get(call, archive_name)
        if found is None:
            raise faults.missing("Archive", archive_name)
        return found


class Kept(Record, key=("archive", "at", "id"), array_like=True):
    """An event in an archive."""

    archive: str
    at: float
    id: str
    event: bytes


@events.operation
def create_archive(
    call: Call,
    archive_name: str,
    event_source_arn: str,
    description: str = "",
    event_pattern: str = "",
    retention_days: int = 0,
    kms_key_identifier: str = "",
) -> dict[str, Any]:
    if Archive.get(call, archive_name):
        raise faults.exists("Archive", archive_name)
    bus = bus_of(call, event_source_arn)
    check_pattern(event_pattern)
    archive = Archive(
        name=archive_name,
        id=names.token(12),
        bus=bus.name,
        source_arn=event_source_arn,
        pattern=event_pattern,
        description=description,
        retention=retention_days,
        key=kms_key_identifier,
        created=call.now,
    ).put(call)
    return {"ArchiveArn": archive.arn(call), "State": "ENABLED", "CreationTime": archive.created}


def bus_of(call: Call, source_arn: str) -> Bus:
    """The bus that an archive is of: one of this account."""
    try:
        found = arn.parse(source_arn)
    except ValueError:
        raise faults.parameter("EventSourceArn", "Provided Arn is not in correct format.") from None
    if found.account != call.account or found.region != call.region:
        raise faults.validation("Cross-account and cross-Region archives are not supported.")
    return Bus.named(call, buses.name_of(source_arn))


@events.operation(on=Archive.named)
def update_archive(
    call: Call,
    archive: Archive,
    description: str | None = None,
    event_pattern: str | None = None,
    retention_days: int | None = None,
    kms_key_identifier: str | None = None,
) -> dict[str, Any]:
    if event_pattern is not None:
        check_pattern(event_pattern)
        archive.pattern = event_pattern
    if description is not None:
        archive.description = description
    if kms_key_identifier is not None:
        archive.key = kms_key_identifier
    if retention_days is not None:
        archive.retention = retention_days
        await_oldest(call, archive)
    archive.put(call)
    return {"ArchiveArn": archive.arn(call), "State": "ENABLED", "CreationTime": archive.created}


def described(archive: Archive) -> dict[str, Any]:
    return {
        "ArchiveName": archive.name,
        "EventSourceArn": archive.source_arn,
        "State": "ENABLED",
        "RetentionDays": archive.retention,
        "SizeBytes": archive.bytes,
        "EventCount": archive.events,
        "CreationTime": archive.created,
    }


@events.operation(on=Archive.named)
def describe_archive(call: Call, archive: Archive) -> dict[str, Any]:
    return described(archive) | {
        "ArchiveArn": archive.arn(call),
        "Description": archive.description or None,
        "EventPattern": archive.pattern or None,
        "KmsKeyIdentifier": archive.key or None,
    }


@events.operation
def list_archives(
    call: Call,
    name_prefix: str = "",
    event_source_arn: str = "",
    state: str = "",
    next_token: str = "",
    limit: int = PER_PAGE,
) -> dict[str, Any]:
    if sum(map(bool, (name_prefix, event_source_arn, state))) > 1:
        raise faults.validation(
            "At most one filter is allowed for ListArchives. Use one: NamePrefix, State, or EventSourceArn."
        )
    page = Archive.page(
        call,
        limit=limit,
        token=next_token,
        since=(name_prefix,),
        before=(name_prefix + "\U0010ffff",),
        where=lambda one: event_source_arn in ("", one.source_arn) and state in ("", "ENABLED"),
    )
    return {"Archives": [described(one) for one in page.items], "NextToken": page.token}


@events.operation(on=Archive.named)
def delete_archive(call: Call, archive: Archive) -> dict[str, Any]:
    archive.delete(call)
    clear.later(call, archive=archive.id)
    return {}


@events.task
def clear(call: Call, archive: str) -> None:
    if Kept.delete_all(call, archive, limit=PIECE) == PIECE:
        clear.later(call, archive=archive)


# Events


def keep(call: Call, bus: Bus, event: dict[str, Any], packed: bytes) -> None:
    """Put an event into the archives of its bus that want it."""
    for archive in Archive.scan(call, bus.name, index="by_bus"):
        if archive.pattern and not parse(archive.pattern).matches(event):
            continue
        Kept(archive.id, call.now, event["id"], packed).put(call)
        archive.events += 1
        archive.bytes += len(packed)
        await_oldest(call, archive)
        archive.put(call)


def await_oldest(call: Call, archive: Archive) -> None:
    """See to it that the oldest event goes in its time."""
    if archive.retention and not archive.sweeping and (oldest := Kept.first(call, archive.id)):
        archive.sweeping = True
        sweep.later(call, archive=archive.name, due=oldest.at + archive.retention * DAY)


@events.task
def sweep(call: Call, archive: str) -> None:
    """Remove what is past its retention."""
    found = Archive.get(call, archive)
    if found is None:
        return
    found.sweeping = False
    if found.retention:
        for kept in Kept.scan(call, found.id, upto=(call.now - found.retention * DAY,), limit=PIECE):
            kept.delete(call)
            found.events -= 1
            found.bytes -= len(kept.event)
        await_oldest(call, found)
    found.put(call)


def by_arn(call: Call, archive_arn: str) -> Archive:
    try:
        kind, _, name = arn.parse(archive_arn).resource.partition("/")
    except ValueError:
        kind, name = "", ""
    if kind != "archive" or not name:
        raise Fault("ValidationException", "Parameter EventSourceArn is not valid.", status=400)
    return Archive.named(call, name)
