"""Static websites, as a browser sees them."""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple

import pytest

from pileus import LocalCloud

from .conftest import fresh, put

HOSTS = (
    "{}.s3-website-us-east-1.amazonaws.com",
    "{}.s3-website.us-east-1.amazonaws.com",
    "{}.s3-website.us-east-1.localhost:4566",
    "{}.s3-website-us-east-1.localhost.localstack.cloud",
    "{}.s3-website.localhost.localstack.cloud:4566",
)


class Page(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str


class Browser:
    def __init__(self, cloud: LocalCloud, bucket: str) -> None:
        self.port = cloud.server.port
        self.host = HOSTS[0].format(bucket)

    def get(self, path: str, method: str = "GET", host: str = "", **headers: str) -> Page:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers={"Host": host or self.host, **named})
        response = connection.getresponse()
        return Page(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode())


def opened(s3: Any, bucket: str, *actions: str) -> None:
    s3.delete_public_access_block(Bucket=bucket)
    both = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": list(actions), "Resource": both}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


@pytest.fixture
def site(cloud: LocalCloud, s3: Any, bucket: str) -> Browser:
    opened(s3, bucket, "s3:GetObject", "s3:ListBucket")
    return Browser(cloud, bucket)


def configured(s3: Any, bucket: str, *rules: dict[str, Any], error: str = "") -> None:
    wanted: dict[str, Any] = {"IndexDocument": {"Suffix": "index.html"}}
    if rules:
        wanted["RoutingRules"] = list(rules)
    if error:
        wanted["ErrorDocument"] = {"Key": error}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=wanted)


def test_a_folder_is_found_where_nobody_may_list(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    opened(s3, bucket, "s3:GetObject")
    configured(s3, bucket)
    put(s3, bucket, "docs/index.html", b"docs", ContentType="text/html")
    moved = Browser(cloud, bucket).get("/docs")
    assert (moved.status, moved.headers["location"]) == (302, "/docs/")
    assert Browser(cloud, bucket).get("/nothing").status == 403


def test_a_site_is_in_the_region_of_its_bucket(s3: Any, bucket: str, site: Browser) -> None:
    configured(s3, bucket)
    put(s3, bucket, "index.html", b"home")
    page = site.get("/", host=f"{bucket}.s3-website-eu-west-1.amazonaws.com")
    assert (page.status, page.headers["x-amz-error-code"]) == (400, "IncorrectEndpoint")
    assert f"Endpoint: {bucket}.s3-website-us-east-1.amazonaws.com" in page.body


def test_pages_and_indexes(s3: Any, bucket: str, site: Browser) -> None:
    configured(s3, bucket)
    put(s3, bucket, "index.html", b"home", ContentType="text/html", CacheControl="max-age=5", Metadata={"a": "b"})
    put(s3, bucket, "docs/index.html", b"docs", ContentType="text/html")
    for pattern in HOSTS:
        assert site.get("/", host=pattern.format(bucket)).body == "home"
    page = site.get("/")
    assert (page.status, page.headers["content-type"], page.headers["cache-control"]) == (200, "text/html", "max-age=5")
    assert page.headers["x-amz-meta-a"] == "b"
    assert site.get("/docs/").body == "docs"
    moved = site.get("/docs")
    assert (moved.status, moved.headers["location"]) == (302, "/docs/")
    head = site.get("/", method="HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, "", "4")
    again = site.get("/", If_None_Match=page.headers["etag"])
    assert (again.status, again.body) == (304, "")
    assert site.get("/", Range="bytes=1-2")[::2] == (206, "om")


def test_errors_are_pages(cloud: LocalCloud, s3: Any, bucket: str, site: Browser) -> None:
    missing = Browser(cloud, fresh()).get("/")
    assert (missing.status, "NoSuchBucket" in missing.body) == (404, True)
    none = site.get("/")
    assert (none.status, "Code: NoSuchWebsiteConfiguration" in none.body) == (404, True)
    configured(s3, bucket)
    page = site.get("/no<where")
    assert page.status == 404
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["x-amz-error-code"] == "NoSuchKey"
    assert "<title>404 Not Found</title>" in page.body
    assert "<li>Key: no&lt;where</li>" in page.body
    assert site.get("/x", method="POST").status == 405
    assert site.get("/nowhere", method="HEAD")[::2] == (404, "")


def test_what_is_not_public_is_forbidden(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    configured(s3, bucket)
    put(s3, bucket, "index.html", b"home")
    site = Browser(cloud, bucket)
    assert site.get("/").status == 403
    opened(s3, bucket, "s3:GetObject")
    assert site.get("/").status == 200
    assert site.get("/nowhere").status == 403  # who may not list does not learn what is missing
    opened(s3, bucket, "s3:GetObject", "s3:ListBucket")
    assert site.get("/nowhere").status == 404


def test_the_sites_own_error_document(s3: Any, bucket: str, site: Browser) -> None:
    configured(s3, bucket, error="oops.html")
    page = site.get("/nowhere")
    assert "An Error Occurred While Attempting to Retrieve a Custom Error Document" in page.body
    put(s3, bucket, "oops.html", b"sorry", ContentType="text/html")
    page = site.get("/nowhere")
    assert (page.status, page.body, page.headers["content-type"]) == (404, "sorry", "text/html")


def test_redirects(s3: Any, bucket: str, site: Browser) -> None:
    put(s3, bucket, "old", WebsiteRedirectLocation="/new")
    rules = [
        {"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "documents/"}},
        {
            "Condition": {"KeyPrefixEquals": "img/"},
            "Redirect": {"ReplaceKeyWith": "gone.html", "HttpRedirectCode": "302"},
        },
        {
            "Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "api/"},
            "Redirect": {"HostName": "api.example.com", "Protocol": "https", "ReplaceKeyPrefixWith": "v2/"},
        },
    ]
    configured(s3, bucket, *rules)

    def to(path: str) -> tuple[int, str]:
        page = site.get(path)
        return page.status, page.headers.get("location", "")

    assert to("/old") == (301, "/new")
    assert to("/docs/a%20b") == (301, f"http://{site.host}/documents/a%20b")
    assert to("/img/x.png") == (302, f"http://{site.host}/gone.html")
    assert to("/api/users") == (301, "https://api.example.com/v2/users")
    assert to("/nowhere")[0] == 404
    put(s3, bucket, "api/users", b"here")
    assert to("/api/users") == (200, "")


def test_all_requests_go_elsewhere(s3: Any, bucket: str, site: Browser) -> None:
    wanted = {"RedirectAllRequestsTo": {"HostName": "www.example.com", "Protocol": "https"}}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=wanted)
    page = site.get("/a/b?c=d")
    assert (page.status, page.headers["location"]) == (301, "https://www.example.com/a/b?c=d")


def test_names_of_any_letters_stay_within_their_fields(s3: Any, bucket: str, site: Browser) -> None:
    configured(s3, bucket)
    for path in ("/a%0d%0aset-cookie:%20x=1", "/%C3%BC"):
        page = site.get(path)
        assert (page.status, page.headers["x-amz-error-code"]) == (404, "NoSuchKey")
        assert "set-cookie" not in page.headers
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    page = site.get("/%C3%BC%0d%0aset-cookie:%20x=1")
    assert (page.status, "set-cookie" in page.headers) == (403, False)
