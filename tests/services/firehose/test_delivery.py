"""What goes in comes out: in S3 and at endpoints."""

from __future__ import annotations

import base64
import gzip
import http.server
import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from .conftest import Hose

MEGABYTE = 1024 * 1024


def test_records_wait_for_the_interval_and_become_one_object(hose: Hose) -> None:
    hose.make()
    hose.put(b"one\n", b"two\n")
    hose.client.put_record(DeliveryStreamName="hose", Record={"Data": b"three\n"})
    hose.clock.advance(299)
    assert hose.objects() == {}
    hose.clock.advance(1)
    ((key, body),) = hose.objects().items()
    assert body == b"one\ntwo\nthree\n"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\d\d/hose-1-\d{4}(-\d\d){5}-[0-9a-f-]{36}", key)


def test_a_stream_delivers_by_its_role_and_may_be_called_by_one_letter(hose: Hose) -> None:
    iam = hose.account.client("iam")

    def document(**statement: Any) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | statement]})

    trust = document(Principal={"Service": "firehose.amazonaws.com"}, Action="sts:AssumeRole")
    iam.create_role(RoleName="hose", AssumeRolePolicyDocument=trust)
    hose.make("d", BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 60})
    hose.put(b"one\n", name="d")
    hose.clock.advance(60)
    assert hose.objects() == {}, "the role may not put anything yet"
    putting = document(Action=["s3:PutObject", "s3:AbortMultipartUpload"], Resource="*")
    iam.put_role_policy(RoleName="hose", PolicyName="put", PolicyDocument=putting)
    hose.clock.advance(3600)
    assert [*hose.objects().values()] == [b"one\n"]


def test_enough_records_do_not_wait(hose: Hose) -> None:
    hose.make(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900})
    hose.put(b"x" * 600_000)
    hose.clock.advance(1)
    assert hose.objects() == {}
    hose.put(b"y" * 600_000)
    hose.clock.advance(1)
    assert [len(body) for body in hose.objects().values()] == [1_200_000]


@pytest.mark.parametrize(
    ("compression", "extension"),
    [("GZIP", ".gz"), ("ZIP", ".zip"), ("Snappy", ".snappy"), ("HADOOP_SNAPPY", ".snappy")],
)
def test_compression(hose: Hose, compression: str, extension: str) -> None:
    cramjam = pytest.importorskip("cramjam")
    hose.make(CompressionFormat=compression)
    hose.put(b"one\n" * 1000)
    hose.clock.advance(300)
    ((key, body),) = hose.objects().items()
    assert key.endswith(extension)
    if compression == "GZIP":
        plain = gzip.decompress(body)
    elif compression == "ZIP":
        archive = zipfile.ZipFile(io.BytesIO(body))
        plain = archive.read(archive.namelist()[0])
    elif compression == "Snappy":
        plain = bytes(cramjam.snappy.decompress(body))
    else:
        assert int.from_bytes(body[:4], "big") == 4000
        plain = bytes(cramjam.snappy.decompress_raw(body[8:]))
    assert plain == b"one\n" * 1000


def test_prefixes_with_timestamps_and_an_extension(hose: Hose) -> None:
    hose.make(
        Prefix="year=!{timestamp:yyyy}/day=!{timestamp:MM'-'dd}/!{firehose:random-string}/",
        ErrorOutputPrefix="errors/!{firehose:error-output-type}/",
        FileExtension=".jsonl",
        CustomTimeZone="Europe/Paris",
    )
    hose.put(b"{}")
    hose.clock.advance(300)
    (key,) = hose.objects()
    assert re.fullmatch(r"year=\d{4}/day=\d\d-\d\d/[A-Za-z]{11}/hose-1-.*\.jsonl", key)


def test_the_limits_of_a_request(hose: Hose, refused: Any) -> None:
    hose.make()
    with refused("ValidationException", "1024000"):
        hose.put(b"x" * (1000 * 1024 + 1))
    with refused("InvalidArgumentException", "4 MB"):
        hose.put(*[b"x" * 1000 * 1024] * 5)
    with refused("ValidationException"):
        hose.put(*[b"x"] * 501)
    hose.clock.advance(300)
    assert hose.objects() == {}


def test_streams_that_are_not_there_take_nothing(hose: Hose, refused: Any) -> None:
    with refused("ResourceNotFoundException"):
        hose.put(b"x")


def test_a_bucket_that_comes_late_gets_everything_within_a_day(hose: Hose) -> None:
    hose.make()
    hose.s3.delete_bucket(Bucket=hose.bucket)
    hose.put(b"patience")
    hose.clock.advance(3600)
    hose.s3.create_bucket(Bucket=hose.bucket)
    hose.clock.advance(600)
    assert list(hose.objects().values()) == [b"patience"]


def test_delimiters_and_deaggregation(hose: Hose) -> None:
    hose.make(
        ProcessingConfiguration={
            "Enabled": True,
            "Processors": [
                {
                    "Type": "RecordDeAggregation",
                    "Parameters": [{"ParameterName": "SubRecordType", "ParameterValue": "JSON"}],
                },
                {
                    "Type": "AppendDelimiterToRecord",
                    "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}],
                },
            ],
        }
    )
    hose.put(b'{"a": 1}{"a": 2} {"a": 3}')
    hose.clock.advance(300)
    (body,) = hose.objects().values()
    assert [json.loads(line) for line in body.splitlines()] == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_log_messages_are_unpacked(hose: Hose) -> None:
    hose.make(
        ProcessingConfiguration={
            "Enabled": True,
            "Processors": [
                {
                    "Type": "Decompression",
                    "Parameters": [{"ParameterName": "CompressionFormat", "ParameterValue": "GZIP"}],
                },
                {
                    "Type": "CloudWatchLogProcessing",
                    "Parameters": [{"ParameterName": "DataMessageExtraction", "ParameterValue": "true"}],
                },
            ],
        }
    )
    events = [{"id": "1", "timestamp": 0, "message": "started"}, {"id": "2", "timestamp": 0, "message": "stopped"}]
    hose.put(
        gzip.compress(json.dumps({"messageType": "DATA_MESSAGE", "logEvents": events}).encode()),
        gzip.compress(json.dumps({"messageType": "CONTROL_MESSAGE", "logEvents": []}).encode()),
    )
    hose.clock.advance(300)
    assert list(hose.objects().values()) == [b"started\nstopped\n"]


def test_dynamic_partitioning_by_a_query_of_jq(hose: Hose) -> None:
    pytest.importorskip("jq")
    hose.make(
        Prefix="customer=!{partitionKeyFromQuery:customer}/",
        ErrorOutputPrefix="errors/!{firehose:error-output-type}/",
        BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 60},
        DynamicPartitioningConfiguration={"Enabled": True},
        ProcessingConfiguration={
            "Enabled": True,
            "Processors": [
                {
                    "Type": "MetadataExtraction",
                    "Parameters": [
                        {"ParameterName": "MetadataExtractionQuery", "ParameterValue": "{customer: .who}"},
                        {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"},
                    ],
                },
                {"Type": "AppendDelimiterToRecord", "Parameters": []},
            ],
        },
    )
    hose.put(b'{"who": "ada"}', b'{"who": "bob"}', b'{"who": "ada", "n": 2}', b"no json")
    hose.clock.advance(60)
    by_folder = {key.split("/")[0]: body for key, body in hose.objects().items()}
    assert by_folder["customer=ada"] == b'{"who": "ada"}\n{"who": "ada", "n": 2}\n'
    assert by_folder["customer=bob"] == b'{"who": "bob"}\n'
    (key,) = [key for key in hose.objects() if key.startswith("errors/")]
    assert key.startswith("errors/metadata-extraction-failed/")
    assert base64.b64decode(json.loads(by_folder["errors"])["rawData"]) == b"no json"


def test_the_source_is_backed_up(hose: Hose) -> None:
    hose.make(
        Prefix="done/",
        S3BackupMode="Enabled",
        S3BackupConfiguration=hose.plain | {"Prefix": "raw/"},
        ProcessingConfiguration={
            "Enabled": True,
            "Processors": [{"Type": "AppendDelimiterToRecord", "Parameters": []}],
        },
    )
    hose.put(b"one", b"two")
    hose.clock.advance(300)
    assert {key.split("/")[0]: body for key, body in hose.objects().items()} == {
        "done": b"one\ntwo\n",
        "raw": b"onetwo",
    }


def test_records_of_a_kinesis_stream_in_their_order(hose: Hose, refused: Any) -> None:
    kinesis = hose.account.client("kinesis")
    kinesis.create_stream(StreamName="river", ShardCount=1)
    hose.clock.advance(60)
    arn = kinesis.describe_stream_summary(StreamName="river")["StreamDescriptionSummary"]["StreamARN"]
    hose.client.create_delivery_stream(
        DeliveryStreamName="hose",
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": arn, "RoleARN": hose.role},
        ExtendedS3DestinationConfiguration=hose.plain | {"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60}},
    )
    hose.clock.advance(2)
    for number in range(5):
        kinesis.put_record(StreamName="river", Data=f"{number}\n".encode(), PartitionKey="k")
    with refused("InvalidSourceException"):
        hose.put(b"x")
    for _ in range(40):
        hose.clock.advance(61)
        if hose.objects():
            break
    assert b"".join(hose.objects().values()) == b"0\n1\n2\n3\n4\n"


# Endpoints


class Endpoint(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        request = json.loads(body)
        self.server.seen.append((dict(self.headers), request))  # type: ignore[attr-defined]
        status = self.server.status  # type: ignore[attr-defined]
        answer = json.dumps({"requestId": request["requestId"], "timestamp": request["timestamp"]}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Any]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.seen = []  # type: ignore[attr-defined]
    server.status = 200  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()


def to_endpoint(hose: Hose, endpoint: Any, **settings: Any) -> None:
    hose.client.create_delivery_stream(
        DeliveryStreamName="hose",
        HttpEndpointDestinationConfiguration={
            "EndpointConfiguration": {"Url": f"http://127.0.0.1:{endpoint.server_port}/in", "AccessKey": "sesame"},
            "RequestConfiguration": {
                "ContentEncoding": "GZIP",
                "CommonAttributes": [{"AttributeName": "team", "AttributeValue": "red"}],
            },
            "RoleARN": hose.role,
            "S3Configuration": hose.plain,
            **settings,
        },
    )
    hose.clock.advance(1)


def test_an_endpoint_gets_records_as_firehose_sends_them(hose: Hose, endpoint: Any) -> None:
    to_endpoint(hose, endpoint)
    hose.put(b"one", b"two")
    hose.clock.advance(300)
    ((headers, request),) = endpoint.seen
    assert [base64.b64decode(one["data"]) for one in request["records"]] == [b"one", b"two"]
    assert headers["X-Amz-Firehose-Request-Id"] == request["requestId"]
    assert headers["X-Amz-Firehose-Access-Key"] == "sesame"
    assert json.loads(headers["X-Amz-Firehose-Common-Attributes"]) == {"commonAttributes": {"team": "red"}}
    assert hose.objects() == {}
    told = hose.client.describe_delivery_stream(DeliveryStreamName="hose")["DeliveryStreamDescription"]
    assert "AccessKey" not in told["Destinations"][0]["HttpEndpointDestinationDescription"]["EndpointConfiguration"]


def test_what_an_endpoint_refuses_for_long_goes_to_s3(hose: Hose, endpoint: Any) -> None:
    to_endpoint(hose, endpoint, RetryOptions={"DurationInSeconds": 60})
    endpoint.status = 503
    hose.put(b"one")
    hose.clock.advance(300)
    assert len(endpoint.seen) >= 1
    assert hose.objects() == {}
    hose.clock.advance(600)
    assert len({request["requestId"] for _, request in endpoint.seen}) == 1
    ((key, body),) = hose.objects().items()
    assert "http-endpoint-failed/" in key
    assert base64.b64decode(json.loads(body)["rawData"]) == b"one"


class Outside(http.server.BaseHTTPRequestHandler):
    """A Splunk collector and an OpenSearch cluster: it keeps what it gets, and refuses what says so."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, self.headers, body))  # type: ignore[attr-defined]
        status, answer = self.answer(body)
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def answer(self, body: bytes) -> tuple[int, Any]:
        if self.path.startswith("/services/collector/ack"):
            asked = [path for path, _, _ in self.server.seen].count(self.path)  # type: ignore[attr-defined]
            return 200, {"acks": {str(one): asked > 1 for one in json.loads(body)["acks"]}}
        if self.path.startswith("/services/collector"):
            if self.headers["Authorization"] != "Splunk sesame":
                return 403, {"text": "Invalid token", "code": 4}
            return 200, {"text": "Success", "code": 0, "ackId": 7}
        lines = [json.loads(line) for line in body.splitlines()]
        bad = [400 if "wrong" in document else 201 for document in lines[1::2]]
        return 200, {"errors": 400 in bad, "items": [{"index": {"status": status}} for status in bad]}

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def outside() -> Iterator[Any]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Outside)
    server.seen = []  # type: ignore[attr-defined]
    server.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    threading.Thread(target=lambda: server.serve_forever(0.05), daemon=True).start()
    yield server
    server.shutdown()


def to_splunk(hose: Hose, outside: Any, **settings: Any) -> None:
    splunk = {
        "HECEndpoint": outside.url,
        "HECEndpointType": "Raw",
        "HECToken": "sesame",
        "S3Configuration": hose.plain,
        "RetryOptions": {"DurationInSeconds": 0},
        **settings,
    }
    hose.client.create_delivery_stream(
        DeliveryStreamName="hose",
        SplunkDestinationConfiguration={name: value for name, value in splunk.items() if value is not None},
    )
    hose.clock.advance(1)


def test_splunk_acknowledges_what_it_has_indexed(hose: Hose, outside: Any) -> None:
    to_splunk(hose, outside, S3BackupMode="AllEvents")
    hose.put(b"one\n", b"two\n")
    hose.clock.advance(60)
    sent, *asked = outside.seen
    assert (sent[0], sent[2]) == ("/services/collector/raw", b"one\ntwo\n")
    assert sent[1]["X-Splunk-Request-Channel"] == asked[0][1]["X-Splunk-Request-Channel"]
    assert [path for path, _, _ in asked] == ["/services/collector/ack"] * 2  # until it is indexed
    assert list(hose.objects().values()) == [b"one\ntwo\n"]
    told = hose.client.describe_delivery_stream(DeliveryStreamName="hose")["DeliveryStreamDescription"]
    splunk = told["Destinations"][0]["SplunkDestinationDescription"]
    assert (splunk["HECAcknowledgmentTimeoutInSeconds"], splunk["HECEndpoint"]) == (180, outside.url)


def test_what_splunk_refuses_goes_to_s3_and_a_secret_may_have_the_token(hose: Hose, outside: Any) -> None:
    secrets = hose.account.client("secretsmanager")
    secret = secrets.create_secret(Name="hec", SecretString=json.dumps({"hec_token": "wrong"}))["ARN"]
    told = {"Enabled": True, "SecretARN": secret, "RoleARN": hose.role}
    to_splunk(hose, outside, HECToken=None, SecretsManagerConfiguration=told)
    hose.put(b"one")
    hose.clock.advance(60)
    ((key, body),) = hose.objects().items()
    assert "splunk-failed/" in key
    failed = json.loads(body)
    assert (failed["errorCode"], base64.b64decode(failed["rawData"])) == ("Splunk.InvalidToken", b"one")
    secrets.put_secret_value(SecretId=secret, SecretString=json.dumps({"hec_token": "sesame"}))
    hose.put(b"two")
    hose.clock.advance(60)
    assert outside.seen[-1][0] == "/services/collector/ack" and len(hose.objects()) == 1


def test_documents_are_indexed_in_bulk(hose: Hose, outside: Any) -> None:
    hose.client.create_delivery_stream(
        DeliveryStreamName="hose",
        AmazonopensearchserviceDestinationConfiguration={
            "RoleARN": hose.role,
            "ClusterEndpoint": outside.url,
            "IndexName": "orders",
            "IndexRotationPeriod": "OneMonth",
            "S3Configuration": hose.plain,
        },
    )
    hose.clock.advance(1)
    hose.put(b'{"n": 1}', b"no JSON", b'{"wrong": true}', b'{\n"n": 2}')
    hose.clock.advance(300)
    ((path, _, body),) = outside.seen
    lines = [json.loads(line) for line in body.splitlines()]
    assert path == "/_bulk" and lines[1::2] == [{"n": 1}, {"wrong": True}, {"n": 2}]
    month = datetime.fromtimestamp(hose.clock.now(), UTC).strftime("%Y-%m")
    assert {line["index"]["_index"] for line in lines[::2]} == {f"orders-{month}"}
    assert len({line["index"]["_id"] for line in lines[::2]}) == 3
    ((key, text),) = hose.objects().items()
    assert "AmazonOpenSearchService-failed/" in key
    failed = [json.loads(line) for line in text.splitlines()]
    assert {base64.b64decode(one["rawData"]) for one in failed} == {b"no JSON", b'{"wrong": true}'}
