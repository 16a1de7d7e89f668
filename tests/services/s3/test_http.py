"""S3 as plain HTTP clients see it: header fields, lengths, subresources, and errors by their very words."""

from __future__ import annotations

import http.client
import re
import socket
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from pileus.testing.account import Account

from .conftest import put, read, refused


class Reply(NamedTuple):
    status: int
    fields: dict[str, str]
    body: str

    def told(self, element: str) -> str:
        found = re.search(f"<{element}>(.*?)</{element}>", self.body)
        return found[1] if found else ""


class Plain:
    """A client that sends what it is told to, signed, and adds no header field of its own."""

    def __init__(self, aws: Account) -> None:
        self._aws = aws

    def __call__(self, method: str, target: str, body: bytes = b"", **fields: str) -> Reply:
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        request = AWSRequest(method, f"{self._aws.cloud.endpoint}{target}", data=body)
        request.context["payload_signing_enabled"] = False
        S3SigV4Auth(Credentials(self._aws.id, "test"), "s3", "us-east-1").add_auth(request)
        host = self._aws.cloud.endpoint.partition("://")[2]
        connection = http.client.HTTPConnection(host, timeout=20)
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in {**request.headers, **given}.items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        reply = Reply(answer.status, fields, answer.read().decode())
        connection.close()
        return reply


@pytest.fixture
def plain(aws: Account) -> Plain:
    return Plain(aws)


def test_every_response_says_whose_it_is(plain: Plain, s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", b"x")
    for target in (f"/{bucket}/k", f"/{bucket}/absent", f"/{bucket}", "/"):
        fields = plain("GET", target).fields
        assert fields["server"] == "AmazonS3"
        assert fields.keys() >= {"x-amz-request-id", "x-amz-id-2", "date"}


def test_a_body_tells_its_length(plain: Plain, s3: Any, bucket: str) -> None:
    silent = plain("PUT", f"/{bucket}/k")
    assert (silent.status, silent.told("Code")) == (411, "MissingContentLength")
    chunked = plain("PUT", f"/{bucket}/k", b"1\r\nx\r\n0\r\n\r\n", Transfer_Encoding="chunked")
    assert (chunked.status, chunked.told("Code")) == (501, "NotImplemented")
    assert chunked.told("Header") == "Transfer-Encoding"
    assert refused(s3.head_object, Bucket=bucket, Key="k") == ("404", 404)
    assert plain("PUT", f"/{bucket}/k", Content_Length="0").status == 200
    assert read(s3, bucket, "k") == b""


@pytest.mark.parametrize("method", ["DELETE", "PUT", "POST"])
@pytest.mark.parametrize("subresource", ["torrent", "attributes", "versions", "location"])
def test_a_subresource_is_never_taken_for_the_thing_itself(
    plain: Plain, s3: Any, bucket: str, method: str, subresource: str
) -> None:
    put(s3, bucket, "k", b"kept")
    for target, kind in ((f"/{bucket}/k", "OBJECT"), (f"/{bucket}", "BUCKET")):
        reply = plain(method, f"{target}?{subresource}", Content_Length="0")
        assert (reply.status, reply.told("Code")) == (405, "MethodNotAllowed")
        assert (reply.told("Method"), reply.told("ResourceType")) == (method, kind)
        assert "GET" in reply.fields["allow"]
    assert read(s3, bucket, "k") == b"kept"


def test_a_post_to_a_bucket_is_a_form(plain: Plain, bucket: str) -> None:
    reply = plain("POST", f"/{bucket}", b"a=b", Content_Length="3", Content_Type="text/plain")
    assert (reply.status, reply.told("Code")) == (412, "PreconditionFailed")
    assert reply.told("Condition") == "Bucket POST must be of the enclosure-type multipart/form-data"
    reply = plain("POST", f"/{bucket}/k", b"a=b", Content_Length="3", Content_Type="text/plain")
    assert (reply.status, reply.fields["allow"]) == (405, "HEAD, DELETE, GET, PUT")


def test_older_clients_send_some_documents_without_a_digest(plain: Plain, s3: Any, bucket: str) -> None:
    document = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    length = str(len(document))
    assert plain("PUT", f"/{bucket}?versioning", document, Content_Length=length).status == 200
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    put(s3, bucket, "k")
    tags = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    assert plain("PUT", f"/{bucket}/k?tagging", tags, Content_Length=str(len(tags))).status == 200
    delete = b"<Delete><Object><Key>k</Key></Object></Delete>"
    reply = plain("POST", f"/{bucket}?delete", delete, Content_Length=str(len(delete)))
    assert (reply.status, reply.told("Code")) == (400, "InvalidRequest")
    assert reply.told("Message") == "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"


def test_arguments_are_named_as_they_stand_in_requests(plain: Plain, bucket: str) -> None:
    reply = plain("PUT", f"/{bucket}/k", Content_Length="0", x_amz_acl="nonsense")
    assert (reply.told("ArgumentName"), reply.told("ArgumentValue")) == ("x-amz-acl", "nonsense")
    reply = plain("GET", f"/{bucket}?encoding-type=nonsense")
    assert reply.told("Message") == "Invalid Encoding Method specified in Request"
    assert reply.told("ArgumentName") == "encoding-type"
    copy = {"x_amz_copy_source": f"{bucket}/k", "x_amz_metadata_directive": "nonsense"}
    assert plain("PUT", f"/{bucket}/k", Content_Length="0", **copy).told("Message") == "Unknown metadata directive."


def test_a_version_has_an_id(plain: Plain, s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", b"x")
    for method in ("GET", "DELETE"):
        reply = plain(method, f"/{bucket}/k?versionId=")
        assert (reply.status, reply.told("Message")) == (400, "Version id cannot be the empty string")
    reply = plain("PUT", f"/{bucket}/k?versionId=null", Content_Length="0")
    assert (reply.status, reply.told("Message")) == (400, "This operation does not accept a version-id.")
    assert read(s3, bucket, "k") == b"x"


def test_fields_of_one_name_are_one_entry_of_the_metadata(plain: Plain, s3: Any, bucket: str) -> None:
    plain("PUT", f"/{bucket}/k", Content_Length="0", x_amz_meta_a="1", X_Amz_Meta_A="2")
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "1,2"}


def test_the_source_of_a_copy_is_encoded_somehow(plain: Plain, s3: Any, bucket: str) -> None:
    put(s3, bucket, "a b/c", b"source")
    for source in (f"{bucket}/a%20b/c", f"/{bucket}/a+b/c", f"{bucket}%2Fa+b%2Fc"):
        assert plain("PUT", f"/{bucket}/k", Content_Length="0", x_amz_copy_source=source).status == 200
    put(s3, bucket, "1+1", b"2")
    assert plain("PUT", f"/{bucket}/k", Content_Length="0", x_amz_copy_source=f"{bucket}/1%2B1").status == 200
    reply = plain("PUT", f"/{bucket}/k", Content_Length="0", x_amz_copy_source=bucket)
    assert (reply.status, reply.told("Code")) == (400, "InvalidArgument")
    words = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
    assert reply.told("Message") == words


def test_a_path_that_is_no_text(plain: Plain, bucket: str) -> None:
    reply = plain("GET", f"/{bucket}/%ff")
    assert (reply.status, reply.told("Code")) == (400, "InvalidURI")


def test_a_key_that_cannot_be_is_not_looked_for(s3: Any, bucket: str) -> None:
    for operation in (s3.get_object, s3.put_object, s3.delete_object, s3.get_object_tagging):
        assert refused(operation, Bucket=bucket, Key="k" * 1025) == ("KeyTooLongError", 400)
    put(s3, bucket, "k" * 1024, b"x")


def test_times_in_documents_are_whole_seconds(s3: Any, bucket: str) -> None:
    copied = put(s3, bucket, "k", b"x")
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")["CopyObjectResult"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="u")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="u", UploadId=upload, PartNumber=1, Body=b"x")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="k")["Contents"][0]["LastModified"]
    assert listed == s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    told = [
        copied["LastModified"],
        s3.list_objects(Bucket=bucket)["Contents"][0]["LastModified"],
        s3.list_object_versions(Bucket=bucket)["Versions"][0]["LastModified"],
        s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]["Initiated"],
        s3.list_parts(Bucket=bucket, Key="u", UploadId=upload)["Parts"][0]["LastModified"],
        s3.list_buckets()["Buckets"][0]["CreationDate"],
    ]
    assert [each.microsecond for each in told] == [0] * len(told)


def test_a_delete_marker_says_when_it_was_put(s3: Any, versioned: str) -> None:
    before = datetime.now(UTC) - timedelta(days=1)
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    with pytest.raises(ClientError) as raised:
        s3.get_object(Bucket=versioned, Key="k", VersionId=marker)
    fields = raised.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert (fields["x-amz-delete-marker"], fields["allow"]) == ("true", "DELETE")
    assert datetime.strptime(fields["last-modified"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC) > before
    source = {"Bucket": versioned, "Key": "k", "VersionId": marker}
    assert refused(s3.copy_object, Bucket=versioned, Key="c", CopySource=source) == ("InvalidRequest", 400)


def test_how_it_is_sealed_is_not_for_readers_to_say(plain: Plain, s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", b"x")
    reply = plain("GET", f"/{bucket}/k", x_amz_server_side_encryption="AES256")
    assert (reply.status, reply.told("Code")) == (400, "InvalidArgument")


def test_s3_knows_no_other_authorization(plain: Plain, bucket: str) -> None:
    reply = plain("GET", f"/{bucket}", Authorization="Basic dTpw")
    assert (reply.status, reply.told("Code")) == (400, "InvalidArgument")
    assert (reply.told("Message"), reply.told("ArgumentValue")) == ("Unsupported Authorization Type", "Basic dTpw")


def test_words_about_keys_and_tokens(aws: Account, s3: Any, bucket: str) -> None:
    import boto3

    def client(**keys: str) -> Any:
        return boto3.client("s3", endpoint_url=aws.cloud.endpoint, region_name="us-east-1", **keys)

    iam = aws.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    iam.update_access_key(UserName="u", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    stale = client(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    assert refused(stale.list_buckets) == ("InvalidAccessKeyId", 403)
    with pytest.raises(ClientError, match="The AWS Access Key Id you provided does not exist in our records"):
        stale.list_buckets()
    keys = aws.client("sts").get_session_token()["Credentials"]
    made = {"aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": keys["SecretAccessKey"]}
    assert refused(client(**made, aws_session_token="another").list_buckets) == ("InvalidToken", 400)


@pytest.mark.parametrize("size", [5, 5_000_000])
def test_only_a_body_that_is_wanted_is_asked_for(aws: Account, s3: Any, bucket: str, size: int) -> None:
    host, _, port = aws.cloud.endpoint.partition("://")[2].partition(":")

    def ask(target: str) -> tuple[socket.socket, bytes]:
        sent = socket.create_connection((host, int(port)), timeout=10)
        head = f"PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {size}\r\nExpect: 100-continue\r\n\r\n"
        sent.sendall(head.encode())
        return sent, sent.recv(1000)

    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"}).partition(f":{port}")[2]
    refused, told = ask(f"/{bucket}/k")
    assert told.startswith(b"HTTP/1.1 403 ")
    refused.close()
    wanted, told = ask(url)
    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    wanted.sendall(b"x" * size)
    assert wanted.recv(1000).startswith(b"HTTP/1.1 200 ")
    wanted.close()
    assert read(s3, bucket, "k") == b"x" * size


def test_a_signature_for_no_region_is_told_the_right_one(aws: Account) -> None:
    request = AWSRequest("GET", f"{aws.cloud.endpoint}/")
    S3SigV4Auth(Credentials(aws.id, "test"), "s3", "US").add_auth(request)
    connection = http.client.HTTPConnection(aws.cloud.endpoint.partition("://")[2], timeout=20)
    connection.request("GET", "/", headers=dict(request.headers))
    answer = connection.getresponse()
    body = answer.read()
    assert (answer.status, b"<Code>AuthorizationHeaderMalformed</Code>" in body) == (400, True)
    assert b"<Region>us-east-1</Region>" in body
