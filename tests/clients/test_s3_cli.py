"""`aws s3` and `aws s3api`, as the shell's users type them."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account
from tests.services.s3.conftest import fresh

Shell = Callable[..., str]


@pytest.fixture
def shell(aws: Account, tmp_path: Path) -> Shell:
    """`shell("s3", "ls")`: what the command prints. It runs in the test's own folder."""
    program = Path(sys.executable).with_name("aws")
    if not program.exists():
        pytest.skip("the AWS CLI is not installed")

    def run(*arguments: str, stdin: str = "", **more: str) -> str:
        command = [str(program), *arguments]
        environment = os.environ | aws.environment() | more
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, input=stdin, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_files_go_up_and_down(shell: Shell, tmp_path: Path) -> None:
    bucket = f"s3://{fresh()}"
    shell("s3", "mb", bucket)
    assert bucket[5:] in shell("s3", "ls")
    content = os.urandom(9 * 1024 * 1024)
    (tmp_path / "large").write_bytes(content)
    shell("s3", "cp", "large", f"{bucket}/dir/large")
    shell("s3", "cp", "-", f"{bucket}/note.txt", stdin="from a pipe")
    listed = shell("s3", "ls", bucket).split()
    assert listed[:2] == ["PRE", "dir/"]
    assert listed[-2:] == ["11", "note.txt"]
    shell("s3", "mv", f"{bucket}/dir/large", f"{bucket}/moved")
    shell("s3", "cp", f"{bucket}/moved", "back")
    assert (tmp_path / "back").read_bytes() == content
    url = shell("s3", "presign", f"{bucket}/note.txt", "--expires-in", "60").strip()
    assert urllib.request.urlopen(url).read() == b"from a pipe"
    shell("s3", "rm", f"{bucket}/note.txt")
    shell("s3", "rb", bucket, "--force")
    assert bucket[5:] not in shell("s3", "ls")


def test_a_folder_is_kept_in_step(shell: Shell, tmp_path: Path) -> None:
    bucket = f"s3://{fresh()}"
    shell("s3", "mb", bucket)
    site = tmp_path / "site"
    (site / "sub").mkdir(parents=True)
    for name in ("a.txt", "b c.txt", "sub/ü.txt"):
        (site / name).write_text(name)
    assert shell("s3", "sync", "site", bucket).count("upload:") == 3
    assert shell("s3", "sync", "site", bucket) == ""
    (site / "a.txt").unlink()
    (site / "new.txt").write_text("new")
    done = shell("s3", "sync", "site", bucket, "--delete")
    assert "delete:" in done
    assert "new.txt" in done
    shell("s3", "sync", bucket, "copy")
    assert sorted(path.name for path in (tmp_path / "copy").rglob("*.txt")) == ["b c.txt", "new.txt", "ü.txt"]


def test_the_plain_operations(shell: Shell, tmp_path: Path) -> None:
    bucket = fresh()
    shell("s3api", "create-bucket", "--bucket", bucket)
    versioning = ("--versioning-configuration", "Status=Enabled")
    shell("s3api", "put-bucket-versioning", "--bucket", bucket, *versioning)
    (tmp_path / "f").write_text("x")
    object_ = ("--bucket", bucket, "--key", "k")
    put = json.loads(
        shell("s3api", "put-object", *object_, "--body", "f", "--checksum-algorithm", "SHA256", "--output", "json")
    )
    shell("s3api", "delete-object", *object_)
    listed = json.loads(shell("s3api", "list-object-versions", "--bucket", bucket, "--output", "json"))
    assert listed["Versions"][0]["VersionId"] == put["VersionId"]
    assert listed["DeleteMarkers"][0]["IsLatest"] is True
    shell("s3api", "get-object", *object_, "--version-id", put["VersionId"], "back")
    assert (tmp_path / "back").read_text() == "x"


def test_objects_move_between_buckets_and_filters_choose(shell: Shell, tmp_path: Path) -> None:
    first, second = f"s3://{fresh()}", f"s3://{fresh()}"
    shell("s3", "mb", first)
    shell("s3", "mb", second)
    folder = tmp_path / "many"
    folder.mkdir()
    for name in ("a.txt", "b.txt", "c.log"):
        (folder / name).write_text(name)
    shell("s3", "cp", "many", f"{first}/many", "--recursive", "--exclude", "*", "--include", "*.txt")
    listed = shell("s3", "ls", first, "--recursive", "--summarize")
    assert "many/a.txt" in listed and "c.log" not in listed and "Total Objects: 2" in listed
    options = (
        "--storage-class",
        "STANDARD_IA",
        "--metadata",
        "colour=blue",
        "--content-type",
        "text/x",
        "--sse",
        "AES256",
    )
    shell("s3", "cp", "many/c.log", f"{first}/c", *options)
    where = ("--bucket", first[5:], "--key", "c", "--output", "json")
    head = json.loads(shell("s3api", "head-object", *where))
    assert (head["StorageClass"], head["Metadata"], head["ContentType"]) == (
        "STANDARD_IA",
        {"colour": "blue"},
        "text/x",
    )
    shell("s3", "mv", f"{first}/many/", f"{second}/moved/", "--recursive")
    assert "moved/a.txt" in shell("s3", "ls", second, "--recursive")
    assert "many" not in shell("s3", "ls", first)
    assert shell("s3", "cp", f"{second}/moved/a.txt", "-") == "a.txt"
    shell("s3", "rm", second, "--recursive", "--exclude", "*a.txt")
    assert shell("s3", "ls", second, "--recursive").split()[-1] == "moved/a.txt"
    for bucket in (first, second):
        shell("s3", "rb", bucket, "--force")


def test_settings_come_back_as_they_were_put(shell: Shell, tmp_path: Path) -> None:
    bucket = fresh()
    shell("s3api", "create-bucket", "--bucket", bucket)
    named = ("--bucket", bucket, "--output", "json")
    rules = [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "MaxAgeSeconds": 60}]
    shell("s3api", "put-bucket-cors", *named, "--cors-configuration", json.dumps({"CORSRules": rules}))
    assert json.loads(shell("s3api", "get-bucket-cors", *named))["CORSRules"] == rules
    lifecycle = {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}}]}
    shell("s3api", "put-bucket-lifecycle-configuration", *named, "--lifecycle-configuration", json.dumps(lifecycle))
    assert json.loads(shell("s3api", "get-bucket-lifecycle-configuration", *named))["Rules"] == lifecycle["Rules"]
    shell("s3api", "put-bucket-tagging", *named, "--tagging", "TagSet=[{Key=team,Value=a}]")
    assert json.loads(shell("s3api", "get-bucket-tagging", *named))["TagSet"] == [{"Key": "team", "Value": "a"}]
    (tmp_path / "f").write_bytes(b"0123456789")
    shell("s3api", "put-object", *named, "--key", "k", "--body", "f", "--tagging", "a=1")
    attributes = ("--object-attributes", "ETag", "ObjectSize", "Checksum")
    told = json.loads(shell("s3api", "get-object-attributes", *named, "--key", "k", *attributes))
    assert told["ObjectSize"] == 10
    shell("s3api", "get-object", *named, "--key", "k", "--range", "bytes=2-4", "part")
    assert (tmp_path / "part").read_bytes() == b"234"
    upload = json.loads(shell("s3api", "create-multipart-upload", *named, "--key", "m"))["UploadId"]
    part = ("--key", "m", "--upload-id", upload)
    sent = json.loads(shell("s3api", "upload-part", *named, *part, "--part-number", "1", "--body", "f"))
    parts = json.dumps({"Parts": [{"PartNumber": 1, "ETag": sent["ETag"]}]})
    shell("s3api", "complete-multipart-upload", *named, *part, "--multipart-upload", parts)
    keys = json.loads(shell("s3api", "list-objects-v2", *named, "--query", "Contents[].Key"))
    assert keys == ["k", "m"]


def test_a_site_goes_up_and_is_visited(shell: Shell, tmp_path: Path, cloud: LocalCloud) -> None:
    bucket = fresh()
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("<h1>hello</h1>")
    (site / "oops.html").write_text("<h1>sorry</h1>")
    shell("s3", "mb", f"s3://{bucket}")
    shell("s3api", "delete-public-access-block", "--bucket", bucket)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    shell("s3api", "put-bucket-policy", "--bucket", bucket, "--policy", policy)
    shell("s3", "sync", "site", f"s3://{bucket}")
    shell("s3", "website", f"s3://{bucket}", "--index-document", "index.html", "--error-document", "oops.html")

    def visit(path: str) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port)
        connection.request("GET", path, headers={"Host": f"{bucket}.s3-website.us-east-1.localhost"})
        response = connection.getresponse()
        return response.status, response.getheader("content-type", ""), response.read().decode()

    assert visit("/") == (200, "text/html", "<h1>hello</h1>")
    assert visit("/nowhere") == (404, "text/html", "<h1>sorry</h1>")


def test_hosts_below_localhost_are_found_by_way_of_the_cloud_as_a_proxy(shell: Shell, aws: Account) -> None:
    """For access points by ARN, directory buckets and S3 Control, where the machine's resolver does not know them."""
    bucket, directory = fresh(), f"{fresh()}--use1-az5--x-s3"
    by_proxy = {"HTTP_PROXY": aws.cloud.endpoint, "NO_PROXY": ""}
    shell("s3", "mb", f"s3://{bucket}")
    named = ("--account-id", aws.id, "--name", "point")
    made = shell("s3control", "create-access-point", *named, "--bucket", bucket, **by_proxy)
    arn = json.loads(made)["AccessPointArn"]
    shell("s3", "cp", "-", f"s3://{arn}/note", stdin="by ARN", **by_proxy)
    assert shell("s3", "cp", f"s3://{bucket}/note", "-") == "by ARN"
    where = {"Location": {"Type": "AvailabilityZone", "Name": "use1-az5"}}
    kind = {"Bucket": {"Type": "Directory", "DataRedundancy": "SingleAvailabilityZone"}}
    given = ("--bucket", directory, "--create-bucket-configuration", json.dumps(where | kind))
    shell("s3api", "create-bucket", *given, AWS_S3_DISABLE_EXPRESS_SESSION_AUTH="true", **by_proxy)
    shell("s3", "cp", "-", f"s3://{directory}/note", stdin="in a zone", **by_proxy)
    assert shell("s3", "cp", f"s3://{directory}/note", "-", **by_proxy) == "in a zone"
