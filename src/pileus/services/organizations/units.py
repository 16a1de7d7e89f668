"""Organizational units."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, names

from . import organizations
from .attachments import attach_full, detach_all
from .faults import constraint
from .nodes import Unit, ancestry, arn_of, members_of, parent_named, path_of, units_of
from .organization import INVALID_TOKEN, PAGE, Organization, organization
from .tags import given

MOST = 2000
DEEPEST = 5
"""Levels of units below the root."""


def unit_named(call: Call, organizational_unit_id: str) -> Unit:
    """The unit of that id."""
    organization(call)
    if unit := Unit.get(call, organizational_unit_id):
        return unit
    raise Fault("OrganizationalUnitNotFoundException", "You specified an organizational unit that doesn't exist.")


@organizations.operation
def create_organizational_unit(
    call: Call, parent_id: str, name: str, tags: list[dict[str, str]] = []
) -> dict[str, Any]:
    """A new unit in the root or in another unit, five levels deep at most."""
    found = organization(call)
    parent_named(call, found, parent_id)
    if len(ancestry(call, found, parent_id)) > DEEPEST:
        raise constraint("OU_DEPTH_LIMIT_EXCEEDED", "You have exceeded the maximum depth of organizational units.")
    check_name(call, parent_id, name)
    held = given(tags)
    found.one_more(
        call, "UNITS", MOST, "OU_NUMBER_LIMIT_EXCEEDED", "You have exceeded the number of organizational units."
    )
    unit_id = f"ou-{found.root.removeprefix('r-')}-{names.token(8, names.LOWER)}"
    unit = Unit(unit_id, parent_id, name, held).put(call)
    attach_full(call, found, unit.id)
    return {"OrganizationalUnit": shown(call, found, unit)}


@organizations.operation(on=unit_named)
def describe_organizational_unit(call: Call, unit: Unit) -> dict[str, Any]:
    return {"OrganizationalUnit": shown(call, organization(call), unit)}


@organizations.operation(on=unit_named)
def update_organizational_unit(call: Call, unit: Unit, name: str = "") -> dict[str, Any]:
    """Give a unit another name; everything else about it stays."""
    if name and name != unit.name:
        check_name(call, unit.parent, name)
        unit.name = name
        unit.put(call)
    return {"OrganizationalUnit": shown(call, organization(call), unit)}


@organizations.operation(on=unit_named)
def delete_organizational_unit(call: Call, unit: Unit) -> None:
    """Delete a unit in which there is nothing."""
    if next(units_of(call, unit.id), None) or next(members_of(call, unit.id), None):
        raise Fault(
            "OrganizationalUnitNotEmptyException",
            "The specified organizational unit is not empty. Move all accounts to another root or to other OUs, "
            "remove all child OUs, and try the operation again.",
        )
    detach_all(call, unit.id)
    unit.delete(call)
    organization(call).one_less(call, "UNITS")


@organizations.operation
def list_organizational_units_for_parent(
    call: Call, parent_id: str, next_token: str = "", max_results: int = PAGE
) -> dict[str, Any]:
    """The units in a root or unit."""
    found = organization(call)
    parent_named(call, found, parent_id)
    page = Unit.page(call, parent_id, index="by_parent", limit=max_results, token=next_token, invalid=INVALID_TOKEN)
    return {"OrganizationalUnits": [shown(call, found, unit) for unit in page.items], "NextToken": page.token}


def check_name(call: Call, parent: str, name: str) -> None:
    if Unit.first(call, parent, name, index="by_parent"):
        raise Fault("DuplicateOrganizationalUnitException", "An organizational unit with the same name already exists.")


def shown(call: Call, found: Organization, unit: Unit) -> dict[str, Any]:
    return {
        "Id": unit.id,
        "Arn": arn_of(call, found, unit.id),
        "Name": unit.name,
        "Path": path_of(found, ancestry(call, found, unit.id)),
    }
