"""PyIceberg against the Iceberg REST endpoint: tables are created, filled, changed and read."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pileus.testing.account import Account

from .conftest import allow, catalog, user

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("pyiceberg", reason="pyiceberg is not installed")

ROWS = pa.table({"id": [1, 2, 3], "name": ["a", "b", "c"]}) if hasattr(pa, "table") else None


def test_rows_are_appended_and_read(aws: Account, s3tables: Any, bucket: str) -> None:
    tables = catalog(aws, bucket)
    tables.create_namespace("sales")
    made = tables.create_table("sales.daily", schema=ROWS.schema)
    made.append(ROWS)
    made.append(pa.table({"id": [4], "name": ["d"]}))
    again = catalog(aws, bucket).load_table("sales.daily")
    assert again.scan().to_arrow().sort_by("id").to_pydict() == {"id": [1, 2, 3, 4], "name": ["a", "b", "c", "d"]}
    assert again.scan(row_filter="id > 3").to_arrow().to_pydict() == {"id": [4], "name": ["d"]}
    first = again.snapshots()[0].snapshot_id
    assert again.scan(snapshot_id=first).to_arrow().num_rows == 3
    found = s3tables.get_table(tableBucketARN=bucket, namespace="sales", name="daily")
    assert found["metadataLocation"] == again.metadata_location


def test_rows_are_overwritten_and_deleted_and_columns_added(aws: Account, bucket: str) -> None:
    from pyiceberg.types import StringType

    tables = catalog(aws, bucket)
    tables.create_namespace("sales")
    table = tables.create_table("sales.daily", schema=ROWS.schema, properties={"owner": "me"})
    table.append(ROWS)
    table.delete("id = 2")
    with table.update_schema() as update:
        update.add_column("city", StringType())
    with table.transaction() as transaction:
        transaction.set_properties(owner="you", reviewed="yes")
        transaction.remove_properties("owner")
    table.append(pa.table({"id": [9], "name": ["i"], "city": ["Bern"]}))
    found = tables.load_table("sales.daily")
    told = found.scan().to_arrow().sort_by("id").to_pydict()
    assert told == {"id": [1, 3, 9], "name": ["a", "c", "i"], "city": [None, None, "Bern"]}
    assert found.properties == {"reviewed": "yes"}
    found.manage_snapshots().create_tag(found.current_snapshot().snapshot_id, "checked").commit()
    assert "checked" in tables.load_table("sales.daily").refs()
    found.overwrite(pa.table({"id": [7], "name": ["g"], "city": ["Rome"]}))
    assert tables.load_table("sales.daily").scan().to_arrow().num_rows == 1
    assert tables.load_table("sales.daily").scan(snapshot_id=found.refs()["checked"].snapshot_id).count() == 3


def test_partitions(aws: Account, bucket: str) -> None:
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.transforms import IdentityTransform
    from pyiceberg.types import LongType, NestedField, StringType

    tables = catalog(aws, bucket)
    tables.create_namespace("sales")
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))
    spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "name"))
    table = tables.create_table("sales.daily", schema=schema, partition_spec=spec)
    table.append(ROWS)
    assert len(table.inspect.files()) == 3
    assert table.scan(row_filter="name = 'b'").to_arrow().to_pydict() == {"id": [2], "name": ["b"]}


def test_of_two_writers_the_second_is_told(aws: Account, bucket: str) -> None:
    from pyiceberg.exceptions import CommitFailedException

    tables = catalog(aws, bucket)
    tables.create_namespace("sales")
    one = tables.create_table("sales.daily", schema=ROWS.schema, properties={"commit.retry.num-retries": "0"})
    other = tables.load_table("sales.daily")
    with pytest.raises(CommitFailedException), other.transaction() as transaction:
        transaction.append(ROWS)
        one.append(ROWS)
    assert tables.load_table("sales.daily").scan().count() == 3


def test_names(aws: Account, s3tables: Any, bucket: str) -> None:
    from pyiceberg import exceptions

    tables = catalog(aws, bucket)
    tables.create_namespace("sales")
    with pytest.raises(exceptions.NamespaceAlreadyExistsError):
        tables.create_namespace("sales")
    tables.create_table("sales.daily", schema=ROWS.schema)
    with pytest.raises(exceptions.TableAlreadyExistsError):
        tables.create_table("sales.daily", schema=ROWS.schema)
    tables.rename_table("sales.daily", "sales.weekly")
    assert tables.list_tables("sales") == [("sales", "weekly")]
    assert tables.table_exists("sales.weekly") and not tables.table_exists("sales.daily")
    with pytest.raises(exceptions.NamespaceNotEmptyError):
        tables.drop_namespace("sales")
    with pytest.raises(exceptions.NoSuchTableError):
        tables.load_table("sales.daily")
    with pytest.raises(exceptions.BadRequestError):
        tables.drop_table("sales.weekly")  # it would leave the data
    tables.purge_table("sales.weekly")
    tables.drop_namespace("sales")
    assert tables.list_namespaces() == []
    with pytest.raises(exceptions.NoSuchNamespaceError):
        tables.list_tables("sales")


def test_a_reader_reads_and_cannot_write(aws: Account, bucket: str) -> None:
    from pyiceberg.exceptions import ForbiddenError

    tables = catalog(aws, bucket)
    tables.create_namespace("sales")
    tables.create_table("sales.daily", schema=ROWS.schema).append(ROWS)
    reads = ("s3tables:GetTableBucket", "s3tables:GetTableMetadataLocation", "s3tables:GetTableData")
    theirs = catalog(aws, bucket, **user(aws, allow(*reads)))
    found = theirs.load_table("sales.daily")
    assert found.scan().count() == 3
    with pytest.raises(ForbiddenError), found.transaction() as transaction:
        transaction.set_properties(a="b")


def test_nobody_in_particular_is_turned_away(aws: Account, bucket: str) -> None:
    request = urllib.request.Request(f"{aws.cloud.endpoint}/iceberg/v1/config?warehouse={bucket}")
    request.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3tables/aws4_request")
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request)
    assert raised.value.code in (400, 403)
    assert json.loads(raised.value.read())


def test_the_example_of_the_page_on_tables(aws: Account, capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[3] / "docs" / "tables.md"
    code = page.read_text().partition("```python\n")[2].partition("```")[0]
    code = code.replace("http://localhost:4566", aws.cloud.endpoint)
    exec(code.replace('_id": "test"', f'_id": "{aws.id}"').replace('key-id": "test"', f'key-id": "{aws.id}"'), {})
    assert "[[2]]" in capsys.readouterr().out


def asked(aws: Account, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """What the endpoint answers to a signed request."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    url = f"{aws.cloud.endpoint}/iceberg/v1/{path}"
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = AWSRequest(method, url, data=data)
    SigV4Auth(Credentials(aws.id, "test"), "s3tables", aws.region).add_auth(request)
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, data, dict(request.headers), method=method)
        ) as response:
            return response.status, json.loads(response.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def test_a_client_is_told_where_things_are(aws: Account, bucket: str) -> None:
    status, told = asked(aws, "GET", f"config?warehouse={bucket}")
    assert (status, told["overrides"]["prefix"]) == (200, bucket.replace(":", "%3A").replace("/", "%2F"))
    assert told["defaults"]["s3.endpoint"] == aws.cloud.endpoint
    assert "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}" in told["endpoints"]
    assert asked(aws, "GET", "config")[0] == 400
    assert asked(aws, "GET", "config?warehouse=mine")[0] == 400
    assert asked(aws, "GET", f"config?warehouse={bucket}-not")[0] == 404


def test_pages(aws: Account, s3tables: Any, bucket: str) -> None:
    for name in ("a", "b", "c"):
        s3tables.create_namespace(tableBucketARN=bucket, namespace=[name])
    prefix = bucket.replace(":", "%3A").replace("/", "%2F")
    _, first = asked(aws, "GET", f"{prefix}/namespaces?pageSize=2")
    assert first["namespaces"] == [["a"], ["b"]]
    _, rest = asked(aws, "GET", f"{prefix}/namespaces?pageSize=2&pageToken={first['next-page-token']}")
    assert (rest["namespaces"], rest["next-page-token"]) == ([["c"]], None)
    assert asked(aws, "GET", f"{prefix}/namespaces?parent=a")[1] == {"namespaces": []}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "namespaces", b"{", 400),
        ("POST", "namespaces", [], 400),
        ("POST", "namespaces", {"namespace": ["a", "b"]}, 400),
        ("POST", "namespaces", {"namespace": ["a"], "properties": {"owner": "me"}}, 400),
        ("POST", "namespaces/sales/tables", {"name": "t", "schema": [1]}, 400),
        ("POST", "namespaces/sales/tables", {"name": "t"}, 400),
        ("POST", "namespaces/sales/tables", {"schema": {"fields": []}}, 400),
        ("POST", "namespaces/sales/tables", {"name": "t", "stage-create": True}, 400),
        ("POST", "namespaces/sales/tables/daily", {"updates": [1]}, 400),
        ("POST", "namespaces/sales/tables/daily", {"updates": [{"action": "add-schema"}]}, 400),
        ("POST", "namespaces/sales/tables/daily", {"requirements": [{"type": "assert-create"}]}, 409),
        ("POST", "namespaces/sales/tables/weekly", {}, 404),
        ("POST", "tables/rename", {"source": "daily"}, 400),
        ("DELETE", "namespaces/sales/tables/daily?purgeRequested=false", None, 400),
        ("POST", "namespaces/sales/properties", {}, 405),
        ("GET", "views", None, 405),
    ],
)
def test_what_is_refused(aws: Account, daily: dict[str, str], method: str, path: str, body: Any, status: int) -> None:
    prefix = daily["tableBucketARN"].replace(":", "%3A").replace("/", "%2F")
    found, told = asked(aws, method, f"{prefix}/{path}", body)
    assert (found, told["error"]["code"]) == (status, status)


def test_cloudtrail_knows_requests_by_their_operations(aws: Account, bucket: str) -> None:
    tables = catalog(aws, bucket)
    tables.create_namespace("sales")
    tables.create_table("sales.daily", schema=ROWS.schema)
    aws.cloud.clock.advance(1)
    found = aws.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "s3tables.amazonaws.com"}]
    )["Events"]
    assert {"CreateTableBucket", "CreateNamespace", "CreateTable"} <= {event["EventName"] for event in found}
    about = aws.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": bucket}]
    )["Events"]
    assert {"CreateNamespace", "CreateTable"} <= {event["EventName"] for event in about}
    assert {"ResourceType": "AWS::S3Tables::TableBucket", "ResourceName": bucket} in about[0]["Resources"]
