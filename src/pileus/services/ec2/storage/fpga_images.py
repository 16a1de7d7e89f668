"""FPGA images (AFIs): designs that are checked in from S3, named, shared, copied to other Regions.

The design is read, and must be a tarball; nothing is made of it, for there is no FPGA that it could be loaded on.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.names import hex_id
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, iso, paged
from pileus.services.ec2.faults import bad_value, combination, missing
from pileus.services.ec2.kinds import BY_RECORD, kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import sharing

KIND = "fpga-image"
PENDING, AVAILABLE, FAILED = "pending", "available", "failed"
TAKES = 1800.0
SHELL = "0x04261818"
TYPES = ["f1.2xlarge", "f1.4xlarge", "f1.16xlarge", "f2.6xlarge", "f2.12xlarge", "f2.48xlarge"]
PERMISSION, CODES = "loadPermission", "productCodes"


@kind("fpga-image", "afi", missing=("InvalidFpgaImageID.NotFound", "The fpga image ID '{}' does not exist."))
class FpgaImage(Record, arn="arn:{partition}:ec2:{region}::fpga-image/{fpga_image_id}"):
    """An image."""

    fpga_image_id: str
    global_id: str
    owner: str
    created: float
    source: Members
    """Where its design lies, and where logs go."""
    name: str = ""
    description: str = ""
    state: str = PENDING
    message: str = ""
    updated: float = 0.0
    shared: list[str] = []
    codes: list[str] = []
    tags: dict[str, str] = {}


FILTERS = Filters(
    {
        "create-time": lambda one: iso(one.created),
        "fpga-image-id": "fpga_image_id",
        "fpga-image-global-id": "global_id",
        "name": "name",
        "owner-id": "owner",
        "product-code": "codes",
        "shell-version": lambda one: SHELL,
        "state": "state",
        "update-time": lambda one: iso(one.updated or one.created),
    }
)


@ec2.operation
def create_fpga_image(
    call: Call,
    input_storage_location: dict[str, str],
    logs_storage_location: dict[str, str] = {},
    name: str = "",
    description: str = "",
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Make an image of a design in S3; whether that can be read, its state says later."""
    if made := made_before(call, client_token):
        one = named(call, FpgaImage, made)
    else:
        if not input_storage_location.get("Bucket") or not input_storage_location.get("Key"):
            raise missing("InputStorageLocation")
        tags = specified(tag_specifications, KIND)
        where = {"input": input_storage_location, "logs": logs_storage_location}
        one = FpgaImage(
            new_id(FpgaImage), hex_id("agfi"), call.account, call.now, where, name, description, tags=tags
        ).put(call)
        remember(call, client_token, one.fpga_image_id)
        fpga_image_ingested.later(call, fpga_image_id=one.fpga_image_id, delay=TAKES)
    return {"FpgaImageId": one.fpga_image_id, "FpgaImageGlobalId": one.global_id}


@ec2.task
async def fpga_image_ingested(call: Call, fpga_image_id: str) -> None:
    """Read the design, and write down what became of it."""
    one = FpgaImage.get(call, fpga_image_id)
    if one is None or one.state != PENDING:
        return
    trouble = await _trouble(call, one.source["input"])
    with call.transaction():
        one = FpgaImage.get(call, fpga_image_id)
        if one is None:
            return
        one.state, one.message, one.updated = (FAILED if trouble else AVAILABLE), trouble, call.now
        one.put(call)
    if logs := one.source["logs"]:
        at = datetime.fromtimestamp(call.now, UTC)
        folder = f"{logs.get('Key', '').strip('/')}/{fpga_image_id}".strip("/")
        body = f"{at:%Y-%m-%dT%H:%M:%SZ} {fpga_image_id} {one.state} {trouble}\n".encode()
        try:
            await call.aws("s3").put_object(bucket=logs["Bucket"], key=f"{folder}/State", body=body)
        except Fault:
            return


async def _trouble(call: Call, place: Members) -> str:
    """What is wrong with a design; empty if nothing is."""
    data = bytearray()
    try:
        answer = call.aws("s3").get_object(bucket=place["Bucket"], key=place["Key"])
        body = (await answer if hasattr(answer, "__await__") else answer)["Body"]
        if isinstance(body, bytes):
            data += body
        else:
            async for piece in body:
                data += piece
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.next()
    except Fault as fault:
        return f"{fault.code}: {fault.message}"
    except tarfile.TarError:
        return "INVALID_DCP: The design checkpoint is not a tarball."
    return ""


@ec2.operation
def copy_fpga_image(
    call: Call,
    source_fpga_image_id: str,
    source_region: str,
    name: str = "",
    description: str = "",
    client_token: str = "",
) -> Members:
    """Copy an image into this Region; it keeps its global id."""
    if made := made_before(call, client_token):
        return {"FpgaImageId": made}
    source = _usable(call.at(region=source_region), source_fpga_image_id)
    if source.state != AVAILABLE:
        raise Fault("IncorrectState", f"The fpga image '{source_fpga_image_id}' is not available.")
    one = FpgaImage(
        new_id(FpgaImage),
        source.global_id,
        call.account,
        call.now,
        source.source,
        name or source.name,
        description or source.description,
        AVAILABLE,
    ).put(call)
    remember(call, client_token, one.fpga_image_id)
    return {"FpgaImageId": one.fpga_image_id}


def _usable(call: Call, what: str) -> FpgaImage:
    """An image of the account, or one that it may load."""
    if found := FpgaImage.get(call, what):
        return found
    if owner := sharing.owner_of(call, KIND, what):
        there = FpgaImage.get(call.at(account=owner), what)
        if there:
            return there
    raise BY_RECORD[FpgaImage].absent(what)


@ec2.operation
def delete_fpga_image(call: Call, fpga_image_id: str) -> Members:
    one = named(call, FpgaImage, fpga_image_id)
    sharing.withdraw(call, KIND, fpga_image_id, one.shared)
    one.delete(call)
    return {"Return": True}


@ec2.operation
def describe_fpga_images(
    call: Call,
    fpga_image_ids: list[str] = [],
    owners: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The account's images, and those that it may load."""
    test = FILTERS.test(filters)
    found = [_usable(call, what) for what in fpga_image_ids] if fpga_image_ids else _visible(call)
    wanted = {call.account if owner == "self" else owner for owner in owners}
    views = (shown(call, one) for one in found if (not wanted or one.owner in wanted) and test(one))
    return paged(call, "FpgaImages", views, max_results, next_token)


def _visible(call: Call) -> Iterator[FpgaImage]:
    yield from FpgaImage.scan(call)
    for one in sharing.offered(call, KIND, call.account, sharing.ALL):
        if there := FpgaImage.get(call.at(account=one.owner), one.id):
            yield there


def shown(call: Call, one: FpgaImage) -> Members:
    return {
        "FpgaImageId": one.fpga_image_id,
        "FpgaImageGlobalId": one.global_id,
        "Name": one.name or None,
        "Description": one.description or None,
        "ShellVersion": SHELL,
        "State": {"Code": one.state} | ({"Message": one.message} if one.message else {}),
        "CreateTime": one.created,
        "UpdateTime": one.updated or one.created,
        "OwnerId": one.owner,
        "ProductCodes": _codes(one),
        "Tags": shown_tags(one.tags) if one.owner == call.account else [],
        "Public": sharing.ALL in one.shared,
        "DataRetentionSupport": False,
        "InstanceTypes": TYPES,
    }


def _codes(one: FpgaImage) -> list[Members]:
    return [{"ProductCodeId": code, "ProductCodeType": "marketplace"} for code in one.codes]


# Attributes


@ec2.operation
def describe_fpga_image_attribute(call: Call, fpga_image_id: str, attribute: str) -> Members:
    return {"FpgaImageAttribute": _attribute(named(call, FpgaImage, fpga_image_id), attribute)}


def _attribute(one: FpgaImage, attribute: str) -> Members:
    permissions = [{"Group": "all"} if who == sharing.ALL else {"UserId": who} for who in one.shared]
    found: Members = {
        "description": {"Description": one.description},
        "name": {"Name": one.name},
        PERMISSION: {"LoadPermissions": permissions},
        CODES: {"ProductCodes": _codes(one)},
    }
    if attribute not in found:
        raise bad_value("attribute", attribute)
    told: Members = {"FpgaImageId": one.fpga_image_id} | found[attribute]
    return told


@ec2.operation
def modify_fpga_image_attribute(
    call: Call,
    fpga_image_id: str,
    attribute: str = "",
    operation_type: str = "",
    user_ids: list[str] = [],
    user_groups: list[str] = [],
    product_codes: list[str] = [],
    load_permission: dict[str, Any] = {},
    name: str = "",
    description: str = "",
) -> Members:
    """Change one attribute: name or description, who may load it, or its product codes."""
    one = named(call, FpgaImage, fpga_image_id)
    added = [_who(found) for found in load_permission.get("Add", [])]
    removed = [_who(found) for found in load_permission.get("Remove", [])]
    (removed if operation_type == "remove" else added).extend([*user_ids, *user_groups])
    given = {"name": name, "description": description, CODES: product_codes, PERMISSION: added or removed}
    meant = [what for what, value in given.items() if value]
    if len(meant) != 1 or attribute not in ("", meant[0]):
        raise combination("Specify exactly one attribute to modify.")
    if meant[0] == PERMISSION:
        _share(call, one, added, removed)
    one.name, one.description = name or one.name, description or one.description
    one.codes = [*dict.fromkeys([*one.codes, *product_codes])]
    one.put(call)
    return {"FpgaImageAttribute": _attribute(one, meant[0])}


def _who(permission: dict[str, str]) -> str:
    return permission.get("UserId") or permission.get("Group", "")


def _share(call: Call, one: FpgaImage, added: list[str], removed: list[str]) -> None:
    for who in (*added, *removed):
        if who != sharing.ALL and not (len(who) == 12 and who.isdigit()):
            raise bad_value("userId", who, "Invalid user id")
    sharing.withdraw(call, KIND, one.fpga_image_id, removed)
    sharing.offer(call, KIND, one.fpga_image_id, added)
    one.shared = [who for who in dict.fromkeys([*one.shared, *added]) if who not in removed]


@ec2.operation
def reset_fpga_image_attribute(call: Call, fpga_image_id: str, attribute: str = PERMISSION) -> Members:
    """Let nobody else load it any more."""
    if attribute != PERMISSION:
        raise bad_value("attribute", attribute)
    one = named(call, FpgaImage, fpga_image_id)
    _share(call, one, [], list(one.shared))
    one.put(call)
    return {"Return": True}
