"""Tags of table buckets and of tables."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel import tags as checks
from pileus.services.s3.tables import Table, TableBucket

from . import s3tables
from .buckets import by_arn
from .tables import by_table_arn


def tagged(call: Call, resource_arn: str) -> TableBucket | Table:
    return by_table_arn(call, resource_arn) if "/table/" in resource_arn else by_arn(call, resource_arn)


@s3tables.operation(on=tagged)
def tag_resource(call: Call, found: TableBucket | Table, tags: dict[str, str]) -> dict[str, Any]:
    """Add tags, over those of the same keys."""
    together = found.tags | tags
    checks.check(together, code="BadRequestException")
    found.tags = together
    found.put(call)
    return {}


@s3tables.operation(on=tagged)
def untag_resource(call: Call, found: TableBucket | Table, tag_keys: list[str]) -> dict[str, Any]:
    found.tags = {name: value for name, value in found.tags.items() if name not in tag_keys}
    found.put(call)
    return {}


@s3tables.operation(on=tagged)
def list_tags_for_resource(call: Call, found: TableBucket | Table) -> dict[str, Any]:
    return {"tags": found.tags}
