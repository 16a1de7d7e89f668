"""S3 Select: SQL over one object, as boto3 sees it."""

from __future__ import annotations

import bz2
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from pileus import LocalCloud

from .conftest import fresh, put, refused

pytest.importorskip("duckdb", reason="DuckDB is not installed")
pytest.importorskip("sqlglot", reason="sqlglot is not installed")

PEOPLE = b"name,city,age\nAnna,Bern,31\nBert,Basel,4\nCleo,Bern,58\nDora,,100\n"
CSV = {"CSV": {"FileHeaderInfo": "USE"}}
LINES = {"JSON": {"Type": "LINES"}}


def ask(
    s3: Any, bucket: str, sql: str, given: dict[str, Any] = CSV, output: Any = None, key: str = "k", **more: Any
) -> Any:
    return s3.select_object_content(
        Bucket=bucket,
        Key=key,
        Expression=sql,
        ExpressionType="SQL",
        InputSerialization=given,
        OutputSerialization=output or {"CSV": {}},
        **more,
    )


def events(answer: Any) -> list[dict[str, Any]]:
    return list(answer["Payload"])


def select(s3: Any, bucket: str, sql: str, given: dict[str, Any] = CSV, output: Any = None, **more: Any) -> str:
    told = events(ask(s3, bucket, sql, given, output, **more))
    assert "End" in told[-1] and "Stats" in told[-2]
    return b"".join(event["Records"]["Payload"] for event in told if "Records" in event).decode()


@pytest.fixture
def people(s3: Any, bucket: str) -> str:
    put(s3, bucket, "k", PEOPLE)
    return bucket


def value(s3: Any, bucket: str, expression: str, given: dict[str, Any] = CSV) -> str:
    return select(s3, bucket, f"SELECT {expression} FROM S3Object s LIMIT 1", given).rstrip("\n")


def test_columns_by_name_and_by_position(s3: Any, people: str) -> None:
    assert select(s3, people, "SELECT s.name, city FROM S3Object s") == "Anna,Bern\nBert,Basel\nCleo,Bern\nDora,\n"
    assert select(s3, people, "SELECT \"name\" FROM S3Object WHERE _2 = 'Basel'") == "Bert\n"
    ignoring = {"CSV": {"FileHeaderInfo": "IGNORE"}}
    assert select(s3, people, "SELECT _3 FROM s3object", ignoring) == "31\n4\n58\n100\n"
    assert select(s3, people, "SELECT * FROM S3Object s LIMIT 1", {"CSV": {}}) == "name,city,age\n"
    assert select(s3, people, "SELECT * FROM S3Object LIMIT 2") == "Anna,Bern,31\nBert,Basel,4\n"
    assert select(s3, people, "SELECT s.* FROM S3Object s LIMIT 0") == ""


def test_texts_count_as_numbers_beside_numbers(s3: Any, people: str) -> None:
    assert select(s3, people, "SELECT name FROM S3Object s WHERE CAST(s.age AS INT) > 30") == "Anna\nCleo\nDora\n"
    assert select(s3, people, "SELECT name FROM S3Object s WHERE s.age > 30") == "Anna\nCleo\nDora\n"
    assert select(s3, people, "SELECT name FROM S3Object s WHERE s.age > '30'") == "Anna\nBert\nCleo\n"
    assert select(s3, people, "SELECT age + 1, age * 2 FROM S3Object s LIMIT 1") == "32,62\n"


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("name LIKE '%er%'", "Bert"),
        ("name LIKE '_nn_'", "Anna"),
        ("name LIKE '#%%' ESCAPE '#'", ""),
        ("CAST(age AS INT) BETWEEN 4 AND 31", "Anna Bert"),
        ("CAST(age AS INT) NOT BETWEEN 4 AND 58", "Dora"),
        ("city IN ('Bern', 'Basel')", "Anna Bert Cleo"),
        ("city NOT IN ('Bern', 'Basel')", "Dora"),
        ("NOT (city = 'Bern') AND name <> 'Dora' OR name = 'Cleo'", "Bert Cleo"),
        ("city IS NULL", ""),
        ("city = ''", "Dora"),
        ("NULLIF(city, 'Bern') IS NULL", "Anna Cleo"),
        ("CHAR_LENGTH(city) = 5", "Bert"),
        ("age % 2 = 0 AND age / 2 >= 29", "Cleo Dora"),
    ],
)
def test_conditions(s3: Any, people: str, condition: str, names: str) -> None:
    assert select(s3, people, f"SELECT s.name FROM S3Object s WHERE {condition}").split() == names.split()


def test_aggregates(s3: Any, people: str) -> None:
    wanted = ", ".join(f"{name}(CAST(age AS INT))" for name in ("SUM", "AVG", "MIN", "MAX"))
    sql = f"SELECT COUNT(*), {wanted} FROM S3Object"
    assert select(s3, people, sql) == "4,193,48.25,4,100\n"
    assert (
        select(
            s3,
            people,
            "SELECT MAX(CAST(age AS INT)) - MIN(CAST(age AS INT)) AS spread FROM S3Object WHERE city = 'Bern'",
        )
        == "27\n"
    )
    assert select(s3, people, "SELECT COUNT(*) AS n FROM S3Object WHERE age > 1000", output={"JSON": {}}) == '{"n":0}\n'


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("LOWER(name) || '-' || UPPER(city)", "anna-BERN"),
        ("SUBSTRING(name FROM 2 FOR 2)", "nn"),
        ("SUBSTRING('123456789', 0)", "123456789"),
        ("SUBSTRING('123456789', -1, 4)", "12"),
        ("TRIM('   foo ')", "foo"),
        ("TRIM(LEADING '1' FROM '1112211')", "2211"),
        ("TRIM(BOTH '12' FROM '1112211foobar22211122')", "foobar"),
        ("CASE WHEN age > 30 THEN 'old' ELSE 'young' END", "old"),
        ("CASE city WHEN 'Bern' THEN 1 WHEN 'Basel' THEN 2 ELSE 3 END", "1"),
        ("COALESCE(NULL, NULLIF(city, 'Bern'), name)", "Anna"),
        ("CAST('5' AS INTEGER) + 1", "6"),
        ("CAST(age AS FLOAT) / 2", "15.5"),
        ("CAST(age AS DECIMAL(10, 2))", "31"),
        ("CAST('true' AS BOOL)", "true"),
        ("CAST(5 AS STRING)", "5"),
        ("7 / 2", "3"),
        ("EXTRACT(YEAR FROM TO_TIMESTAMP('2010-01-01T'))", "2010"),
        ("EXTRACT(MINUTE FROM CAST('2010-02-03T04:05:06Z' AS TIMESTAMP))", "5"),
        ("DATE_ADD(year, 5, TO_TIMESTAMP('2010-01-01T'))", "2015-01-01T00:00:00Z"),
        ("DATE_ADD(month, -1, TO_TIMESTAMP('2017T'))", "2016-12-01T00:00:00Z"),
        ("DATE_DIFF(day, TO_TIMESTAMP('2010-01-01T23:00Z'), TO_TIMESTAMP('2010-01-02T01:00Z'))", "0"),
        ("DATE_DIFF(year, TO_TIMESTAMP('2010-01-01T'), TO_TIMESTAMP('2011-01-01T'))", "1"),
        ("TO_STRING(TO_TIMESTAMP('1969-07-20T20:18Z'), 'MMMM d, y')", '"July 20, 1969"'),
        ("TO_STRING(TO_TIMESTAMP('1969-07-20T20:18:13.5Z'), 'yyyy-MM-dd''T''H:mm:ssX')", "1969-07-20T20:18:13Z"),
        ("TO_TIMESTAMP('2007-02-23T12:14:33.079-08:00')", "2007-02-23T20:14:33.079Z"),
    ],
)
def test_functions(s3: Any, people: str, expression: str, expected: str) -> None:
    assert value(s3, people, expression) == expected


def test_utcnow_is_the_clouds_time(s3: Any, people: str, clock: Any) -> None:
    clock.advance(86400 * 400)
    from datetime import UTC, datetime

    year = datetime.fromtimestamp(clock.now(), UTC).year
    assert value(s3, people, "EXTRACT(YEAR FROM UTCNOW())") == str(year)


def test_every_member_of_the_csv_input(s3: Any, bucket: str) -> None:
    body = b"%a comment\nx;'one;two';'it\\'s'|y;plain;'end'|"
    put(s3, bucket, "k", body.replace(b"\n", b"|"))
    given = {
        "FieldDelimiter": ";",
        "RecordDelimiter": "|",
        "QuoteCharacter": "'",
        "QuoteEscapeCharacter": "\\",
        "Comments": "%",
        "FileHeaderInfo": "NONE",
    }
    assert select(s3, bucket, "SELECT * FROM S3Object", {"CSV": given}) == "x,one;two,it's\ny,plain,end\n"
    put(s3, bucket, "k", b'a,"two\nlines"\nb,c\n')
    several = {"CSV": {"AllowQuotedRecordDelimiter": True}}
    assert select(s3, bucket, "SELECT _2 FROM S3Object", several) == '"two\nlines"\nc\n'
    assert refused(ask, s3=s3, bucket=bucket, sql="SELECT _2 FROM S3Object", given={"CSV": {}})[0] == "CSVParsingError"
    put(s3, bucket, "k", b'a\r\nb,"x""y"\r\n')
    assert select(s3, bucket, "SELECT * FROM S3Object", {"CSV": {}}) == 'a\nb,"x""y"\n'


def test_every_member_of_the_outputs(s3: Any, people: str) -> None:
    sql = "SELECT name, city FROM S3Object LIMIT 1"
    style = {"FieldDelimiter": "|", "RecordDelimiter": ";", "QuoteCharacter": "'", "QuoteFields": "ALWAYS"}
    assert select(s3, people, sql, output={"CSV": style}) == "'Anna'|'Bern';"
    escaped = {"CSV": {"QuoteEscapeCharacter": "\\"}}
    assert select(s3, people, "SELECT 'a\"b,c' FROM S3Object LIMIT 1", output=escaped) == '"a\\"b,c"\n'
    assert select(s3, people, sql, output={"JSON": {"RecordDelimiter": ","}}) == '{"name":"Anna","city":"Bern"},'
    named = "SELECT name AS who, UPPER(city), CAST(age AS INT) years FROM S3Object LIMIT 1"
    assert json.loads(select(s3, people, named, output={"JSON": {}})) == {"who": "Anna", "_2": "BERN", "years": 31}
    assert json.loads(select(s3, people, "SELECT * FROM S3Object LIMIT 1", output={"JSON": {}}))["city"] == "Bern"
    nameless = select(s3, people, "SELECT * FROM S3Object LIMIT 1", {"CSV": {}}, {"JSON": {}})
    assert json.loads(nameless) == {"_1": "name", "_2": "city", "_3": "age"}


def test_json_lines(s3: Any, bucket: str) -> None:
    rows = [
        {"id": 1, "tags": ["a", "b"], "deep": {"x": {"y": 1.5}}, "odd name": True, "n": None},
        {"id": 2, "tags": [], "deep": {"x": {"y": "text"}}},
        {"id": "3"},
    ]
    put(s3, bucket, "k", b"\n".join(json.dumps(row).encode() for row in rows))

    def lines(sql: str) -> list[Any]:
        return [json.loads(line) for line in select(s3, bucket, sql, LINES, {"JSON": {}}).splitlines()]

    assert lines("SELECT * FROM S3Object s") == rows
    assert lines("SELECT s.id FROM S3Object s WHERE s.id > 1") == [{"id": 2}]
    assert lines("SELECT s.id FROM S3Object[*] s WHERE s.id = '3'") == [{"id": "3"}]
    assert lines("SELECT s.deep.x.y, s.tags[0] AS t FROM S3Object s") == [{"y": 1.5, "t": "a"}, {"y": "text"}, {}]
    assert lines("SELECT s.\"odd name\" FROM S3Object s WHERE s['odd name'] = true") == [{"odd name": True}]
    assert lines("SELECT s.id, s.n FROM S3Object s WHERE s.n IS NULL AND s.n IS NOT MISSING") == [{"id": 1, "n": None}]
    assert lines("SELECT s.id FROM S3Object s WHERE s.n IS MISSING") == [{"id": 2}, {"id": "3"}]
    assert lines("SELECT SUM(s.id) AS total, COUNT(s.tags) AS c FROM S3Object s") == [{"total": 3, "c": 2}]


def test_json_documents_and_paths_into_them(s3: Any, bucket: str) -> None:
    """The example of the SELECT command in the S3 User Guide."""
    first = {"Rules": [{"id": "1"}, {"expr": "y > x"}, {"id": "2", "expr": "z = DEBUG"}]}
    second = {"created": "June 27", "modified": "July 6"}
    put(s3, bucket, "k", json.dumps(first, indent=2).encode() + b"\n" + json.dumps(second, indent=2).encode())
    given = {"JSON": {"Type": "DOCUMENT"}}

    def records(sql: str) -> list[Any]:
        return [json.loads(line) for line in select(s3, bucket, sql, given, {"JSON": {}}).splitlines()]

    assert records("SELECT id FROM S3Object[*].Rules[*].id") == [{"id": "1"}, {}, {"id": "2"}, {}]
    assert records("SELECT r.expr FROM S3Object[*].Rules[*] r WHERE r.id = '2'") == [{"expr": "z = DEBUG"}]
    assert records("SELECT COUNT(*) AS n FROM S3Object") == [{"n": 2}]
    put(s3, bucket, "k", json.dumps([{"a": 1}, {"a": 2}]).encode())
    assert records("SELECT s.a FROM S3Object[*][*] s") == [{"a": 1}, {"a": 2}]


def parquet() -> bytes:
    import duckdb

    path = Path(__file__).with_name(f"_{id(object())}.parquet")
    try:
        with duckdb.connect() as connection:
            rows = "SELECT i AS number, 'n' || i AS name, {'half': i / 2} AS deep FROM range(5000) t(i)"
            connection.execute(f"COPY ({rows}) TO '{path}' (ROW_GROUP_SIZE 2048)")
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)


def test_parquet(s3: Any, bucket: str) -> None:
    body = parquet()
    put(s3, bucket, "k", body)
    given: dict[str, Any] = {"Parquet": {}}
    assert select(s3, bucket, "SELECT s.name, s.deep.half FROM S3Object s WHERE s.number = 7", given) == "n7,3.5\n"
    assert select(s3, bucket, "SELECT COUNT(*), SUM(s.number) FROM S3Object s", given) == "5000,12497500\n"
    counts = [
        int(select(s3, bucket, "SELECT COUNT(*) FROM S3Object s", given, ScanRange={"Start": start, "End": end}))
        for start, end in ((0, 100), (101, len(body)))
    ]
    assert sum(counts) == 5000 and counts[0] == 2048
    put(s3, bucket, "k", b"no parquet at all")
    assert refused(ask, s3=s3, bucket=bucket, sql="SELECT * FROM S3Object", given=given)[0] == "ParquetParsingError"


@pytest.mark.parametrize(("compression", "pack"), [("GZIP", gzip.compress), ("BZIP2", bz2.compress)])
def test_compressed(s3: Any, bucket: str, compression: str, pack: Any) -> None:
    put(s3, bucket, "k", pack(PEOPLE[:20]) + pack(PEOPLE[20:]))
    given = {**CSV, "CompressionType": compression}
    told = events(ask(s3, bucket, "SELECT name FROM S3Object s WHERE s.age < 10", given))
    assert told[0]["Records"]["Payload"] == b"Bert\n"
    details = told[-2]["Stats"]["Details"]
    assert details["BytesProcessed"] == len(PEOPLE) and details["BytesReturned"] == 5
    put(s3, bucket, "k", pack(PEOPLE * 100)[:-20])
    assert refused(ask, s3=s3, bucket=bucket, sql="SELECT name FROM S3Object", given=given)[0] == "TruncatedInput"
    put(s3, bucket, "k", PEOPLE)
    assert (
        refused(ask, s3=s3, bucket=bucket, sql="SELECT name FROM S3Object", given=given)[0]
        == "InvalidCompressionFormat"
    )


def test_scan_ranges_share_the_records_among_them(s3: Any, people: str) -> None:
    sql, size = "SELECT name FROM S3Object", len(PEOPLE)
    for cut in range(16, size - 1):
        parts = [
            select(s3, people, sql, ScanRange={"Start": start, "End": end})
            for start, end in ((0, cut), (cut + 1, size))
        ]
        assert "".join(parts).split() == ["Anna", "Bert", "Cleo", "Dora"], cut
    assert select(s3, people, sql, ScanRange={"End": 12}) == "Dora\n"
    assert select(s3, people, sql, ScanRange={"Start": 26}) == "Bert\nCleo\nDora\n"
    for wrong in ({"Start": 9, "End": 3}, {"Start": 10_000}, {}):
        with pytest.raises(ClientError, match=r"InvalidScanRange|MalformedXML"):
            ask(s3, people, sql, ScanRange=wrong)
    packed = {**CSV, "CompressionType": "GZIP"}
    assert refused(ask, s3=s3, bucket=people, sql=sql, given=packed, ScanRange={"Start": 0, "End": 5})[0] == (
        "UnsupportedScanRangeInput"
    )


def test_many_batches_are_one_answer(s3: Any, bucket: str) -> None:
    lines = io.BytesIO()
    for number in range(200_000):
        lines.write(b"%d,some text to fill the line, which is longer so\n" % number)
    body = lines.getvalue()
    put(s3, bucket, "k", body)
    given: dict[str, Any] = {"CSV": {}}
    assert (
        select(s3, bucket, "SELECT COUNT(*), AVG(CAST(_1 AS INT)), MAX(_1) FROM S3Object", given)
        == "200000,99999.5,199999\n"
    )
    assert select(s3, bucket, "SELECT _1 FROM S3Object s LIMIT 3", given) == "0\n1\n2\n"
    told = events(
        ask(s3, bucket, "SELECT _1 FROM S3Object WHERE _1 = 199999", given, RequestProgress={"Enabled": True})
    )
    kinds = [next(iter(event)) for event in told]
    assert kinds.count("Progress") > 2 and "Cont" in kinds and kinds[-2:] == ["Stats", "End"]
    everything = events(ask(s3, bucket, "SELECT * FROM S3Object", given))
    assert b"".join(event["Records"]["Payload"] for event in everything if "Records" in event) == body
    assert everything[-2]["Stats"]["Details"]["BytesScanned"] == len(body)


def test_an_error_after_the_first_records_ends_the_stream(s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", (b"1," + b"." * 98 + b"\n") * 50_000 + b"x\n")
    answer = ask(s3, bucket, "SELECT CAST(_1 AS INT) FROM S3Object", {"CSV": {}})
    with pytest.raises(EventStreamError, match="CastFailed"):
        events(answer)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELEC name FROM S3Object", "ParseUnexpectedToken"),
        ("SELECT name FROM", "ParseUnexpectedToken"),
        ("SELECT name", "ParseSelectMissingFrom"),
        ("SELECT name FROM elsewhere", "InvalidTableAlias"),
        ("SELECT *, name FROM S3Object", "ParseAsteriskIsNotAloneInSelectList"),
        ("SELECT name FROM S3Object ORDER BY name", "UnsupportedSqlStructure"),
        ("SELECT city, COUNT(*) FROM S3Object GROUP BY city", "UnsupportedSqlStructure"),
        ("SELECT COUNT(*), city FROM S3Object", "UnsupportedSqlStructure"),
        ("SELECT a.name FROM S3Object a, S3Object b", "UnsupportedSqlStructure"),
        ("SELECT (SELECT 1) FROM S3Object", "UnsupportedSqlOperation"),
        ("SELECT read_text('/etc/passwd') FROM S3Object", "UnsupportedFunction"),
        ("SELECT getenv('HOME') FROM S3Object", "UnsupportedFunction"),
        ("SELECT LOWER(name, city) FROM S3Object", "EvaluatorInvalidArguments"),
        ("SELECT CAST(name AS INT) FROM S3Object", "CastFailed"),
        ("SELECT CAST(name AS BLOB) FROM S3Object", "InvalidDataType"),
        ("SELECT nobody FROM S3Object", "MissingHeaders"),
        ("SELECT _9 FROM S3Object", "InvalidColumnIndex"),
        ("SELECT name FROM S3Object LIMIT -1", "EvaluatorNegativeLimit"),
        ("SELECT '" + "x" * 300_000 + "' FROM S3Object", "ExpressionTooLong"),
        ("DROP TABLE S3Object", "ParseUnsupportedSelect"),
        ("SELECT name FROM S3Object; SELECT 1 FROM S3Object", "ParseUnsupportedSelect"),
        ("SELECT name FROM 'x.csv'", "InvalidTableAlias"),
        ("SELECT name FROM read_csv('/etc/passwd')", "InvalidTableAlias"),
    ],
)
def test_wrong_expressions(s3: Any, people: str, sql: str, code: str) -> None:
    assert refused(ask, s3=s3, bucket=people, sql=sql) == (code, 400)


def test_wrong_requests(s3: Any, people: str) -> None:
    sql = "SELECT * FROM S3Object"

    def code(given: Any = CSV, output: Any = None) -> str:
        return refused(ask, s3=s3, bucket=people, sql=sql, given=given, output=output)[0]

    assert code({}) == "InvalidDataSource"
    assert code({**CSV, **LINES}) == "ObjectSerializationConflict"
    assert code(output={"CSV": {}, "JSON": {}}) == "ObjectSerializationConflict"
    assert code(LINES) == "JSONParsingError"
    assert code({"CSV": {"FileHeaderInfo": "SOME"}}) == "InvalidFileHeaderInfo"
    assert code({"JSON": {"Type": "SOME"}}) == "InvalidJsonType"
    assert code({**CSV, "CompressionType": "ZIP"}) == "InvalidCompressionFormat"
    assert code(output={"CSV": {"QuoteFields": "SOME"}}) == "InvalidQuoteFields"
    put(s3, people, "k", b"\xff\xfe\n")
    assert code({"CSV": {}}) == "InvalidTextEncoding"
    assert refused(ask, s3=s3, bucket=people, sql=sql, key="absent")[0] == "NoSuchKey"


def test_encrypted_with_a_customers_key(s3: Any, bucket: str) -> None:
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    put(s3, bucket, "k", PEOPLE, **key)
    assert select(s3, bucket, "SELECT COUNT(*) FROM S3Object", **key) == "4\n"
    assert refused(ask, s3=s3, bucket=bucket, sql="SELECT * FROM S3Object") == ("InvalidRequest", 400)


# Archived objects


def test_an_archived_object_is_queried_into_another_bucket(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", PEOPLE, StorageClass="GLACIER")
    target = fresh()
    s3.create_bucket(Bucket=target)
    query = {
        "InputSerialization": CSV,
        "ExpressionType": "SQL",
        "Expression": "SELECT name FROM S3Object WHERE city = 'Bern'",
        "OutputSerialization": {"CSV": {}},
    }
    place = {"BucketName": target, "Prefix": "found", "UserMetadata": [{"Name": "m", "Value": "n"}]}
    place |= {"StorageClass": "STANDARD_IA", "Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}
    asked = {"Type": "SELECT", "Tier": "Expedited", "SelectParameters": query, "OutputLocation": {"S3": place}}
    told = s3.restore_object(Bucket=bucket, Key="k", RestoreRequest=asked)
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 202
    path = told["RestoreOutputPath"]
    assert path.startswith("found/") and "Contents" not in s3.list_objects_v2(Bucket=target)
    cloud.clock.advance(600)
    keys = [each["Key"].removeprefix(f"{path}/") for each in s3.list_objects_v2(Bucket=target)["Contents"]]
    assert keys == ["job.txt", "result_manifest.txt", "results/part-0"]
    found = s3.get_object(Bucket=target, Key=f"{path}/results/part-0")
    assert found["Body"].read() == b"Anna\nCleo\n"
    assert (found["Metadata"], found["StorageClass"], found["TagCount"]) == ({"m": "n"}, "STANDARD_IA", 1)
    assert json.loads(s3.get_object(Bucket=target, Key=f"{path}/job.txt")["Body"].read())["status"] == "Succeeded"
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("InvalidObjectState", 403), "it is still in the archive"


def test_queries_of_archived_objects_that_are_refused(s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", PEOPLE, StorageClass="GLACIER")
    query = {"InputSerialization": CSV, "ExpressionType": "SQL", "Expression": "SELECT", "OutputSerialization": {}}
    place = {"S3": {"BucketName": bucket, "Prefix": "p"}}
    whole = {"Type": "SELECT", "SelectParameters": query, "OutputLocation": place}
    for asked in (whole, whole | {"Days": 1}, {"Type": "SELECT"}):
        assert refused(s3.restore_object, Bucket=bucket, Key="k", RestoreRequest=asked)[1] == 400
