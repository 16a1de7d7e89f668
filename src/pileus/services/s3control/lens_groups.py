"""Storage Lens groups: objects taken together by their names, tags, ages and sizes, whichever buckets they are in.

"Working with S3 Storage Lens groups", S3 User Guide.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record
from pileus.services.s3.faults import fault, invalid_request
from pileus.services.s3.objects import Object
from pileus.services.s3.rules import DAY

from . import mine, s3control
from .tagging import tagged

MOST = 50
MOST_LISTED = 1000
MOST_VALUES = 10
LARGEST = 50 * 1024**4
LISTS = ("MatchAnyPrefix", "MatchAnySuffix", "MatchAnyTag")
RANGES = {
    "MatchObjectAge": ("DaysGreaterThan", "DaysLessThan", 2**31 - 1),
    "MatchObjectSize": ("BytesGreaterThan", "BytesLessThan", LARGEST),
}

Filter = dict[str, Any]


class Group(Record, kw_only=True, omit_defaults=True):
    """A group of an account, at home in one Region."""

    name: str
    filter: Filter
    tags: dict[str, str] = {}

    def arn(self, call: Call) -> str:
        return call.arn(f"storage-lens-group/{self.name}", "s3")

    def means(self, name: str, found: Object, now: float) -> bool:
        """Whether an object belongs to it."""
        if both := self.filter.get("And"):
            return all(met(criterion, value, name, found, now) for criterion, value in both.items())
        either = self.filter.get("Or") or self.filter
        return any(met(criterion, value, name, found, now) for criterion, value in either.items())


def met(criterion: str, wanted: Any, name: str, found: Object, now: float) -> bool:
    """Whether an object meets one criterion."""
    if criterion == "MatchAnyPrefix":
        return name.startswith(tuple(wanted))
    if criterion == "MatchAnySuffix":
        return name.endswith(tuple(wanted))
    if criterion == "MatchAnyTag":
        return any(found.tags.get(tag["Key"]) == tag["Value"] for tag in wanted)
    above, below, _ = RANGES[criterion]
    value = found.size if criterion == "MatchObjectSize" else (now - found.modified) / DAY
    return bool(wanted.get(above, -1) < value < wanted.get(below, float("inf")))


def check(given: Filter) -> None:
    """Refuse a filter that has not one criterion, or several joined by one operator."""
    joined = [given[operator] for operator in ("And", "Or") if operator in given]
    if len(given) != 1:
        raise invalid_request("A filter has one criterion, or several that are joined by And or Or")
    if joined and len(joined[0]) < 2:
        raise invalid_request("And and Or join at least two criteria")
    for criterion, value in (joined[0] if joined else given).items():
        if criterion in LISTS:
            if not 1 <= len(value) <= MOST_VALUES:
                raise invalid_request(f"{criterion} takes between 1 and {MOST_VALUES} values")
            continue
        above, below, most = RANGES[criterion]
        low, high = value.get(above, 0), value.get(below, most)
        if not value or low < 0 or not low < high <= most:
            raise invalid_request(f"{criterion} takes a range of positive numbers")


def group(call: Call, account_id: str, name: str) -> Group:
    """The group of a request."""
    found = Group.get(call.at(account=mine(call, account_id)), name)
    if found is None:
        raise fault("NoSuchConfiguration", "The specified configuration does not exist.", 404)
    return found


@s3control.operation(on=mine)
def create_storage_lens_group(
    call: Call, account: str, storage_lens_group: dict[str, Any], tags: list[dict[str, str]] = []
) -> None:
    """Make a group."""
    check(storage_lens_group["Filter"])
    name = storage_lens_group["Name"]
    if Group.get(call, name) is not None:
        raise fault("StorageLensGroupAlreadyExists", "A Storage Lens group of that name already exists.", 409)
    if sum(1 for _ in Group.scan(call)) >= MOST:
        raise fault("TooManyConfigurations", f"The number of Storage Lens groups exceeds the limit of {MOST}.")
    Group(name=name, filter=storage_lens_group["Filter"], tags=tagged(tags)).put(call)


@s3control.operation(on=group)
def get_storage_lens_group(call: Call, found: Group) -> dict[str, Any]:
    """The group as it was made."""
    told = {"Name": found.name, "Filter": found.filter, "StorageLensGroupArn": found.arn(call)}
    return {"StorageLensGroup": told}


@s3control.operation(on=group)
def update_storage_lens_group(call: Call, found: Group, storage_lens_group: dict[str, Any]) -> None:
    """Give a group another filter; its name stays."""
    if storage_lens_group["Name"] != found.name:
        raise invalid_request("The name of a Storage Lens group cannot be changed")
    check(storage_lens_group["Filter"])
    found.filter = storage_lens_group["Filter"]
    found.put(call)


@s3control.operation(on=group)
def delete_storage_lens_group(call: Call, found: Group) -> None:
    """Remove a group; the objects stay as they are."""
    found.delete(call)


@s3control.operation(on=mine)
def list_storage_lens_groups(call: Call, account: str, next_token: str = "") -> dict[str, Any]:
    """The groups that are at home in this Region."""
    wrong = invalid_request("The continuation token provided is incorrect")
    page = Group.page(call, limit=MOST_LISTED, token=next_token, invalid=wrong)
    rows = [
        {"Name": each.name, "StorageLensGroupArn": each.arn(call), "HomeRegion": call.region} for each in page.items
    ]
    return {"StorageLensGroupList": rows, "NextToken": page.token}
