"""Amazon S3 Tables: Apache Iceberg tables in table buckets.

    faults            what is wrong, in the service's words
    buckets           table buckets, their encryption and storage class
    namespaces        namespaces
    tables            tables: create, find, list, rename, delete
    locations         where a table's metadata are, and how that changes: by a version token
    policies, tagging who may do what
    catalog           the Iceberg REST endpoint, `/iceberg`: what query engines speak
    maintenance       how snapshots, files and records go, and how small files are put together: what is set about it
    replication       read-only copies of tables in other table buckets

This is a further API of S3 and shares its records (`services/s3/tables`), as S3 Control does. The files of a table
lie in a bucket of their own, its warehouse, and are read and written by S3's API by whoever may read and write the
table's data.

Left out: migrations, whose sources are tables of Glue; server access logs and request metrics of table buckets.
"""

from typing import Any

from pileus.kernel import Call, Service

from .faults import in_its_words

s3tables = Service(
    "s3tables",
    engine="Iceberg files",
    invalid=in_its_words,
    # The model's pattern has no hyphen, but the namespaces of metadata tables have those of their buckets.
    overlooks=lambda broken: " at 'namespace" in broken and "regular expression" in broken,
)


@s3tables.owner
def owner(call: Call, request: dict[str, Any]) -> str:
    """The account that an ARN of the request names."""
    for name in ("tableBucketARN", "tableARN", "tableArn", "resourceArn"):
        parts = str(request.get(name, "")).split(":")
        if len(parts) == 6:
            return parts[4]
    return ""
