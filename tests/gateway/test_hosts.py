"""Host names as AWS, LocalStack and Pileus write them."""

from __future__ import annotations

import pytest

from pileus.gateway.directory import by_host_word
from pileus.gateway.hosts import ADDRESSES, PLAIN, bucket, parse_host
from pileus.models import index


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "LOCALHOST:4566",
        "localhost.localstack.cloud:4566",
        "127.0.0.1:4566",
        "[::1]",
        "[::1]:4566",
        "host.docker.internal:4566",
        "pileus:4566",
        "example.com",
        "amazonaws.com",
        "no-such-service.us-east-1.amazonaws.com",
    ],
)
def test_a_plain_host_gives_no_hint(host: str) -> None:
    assert parse_host(host) == PLAIN


@pytest.mark.parametrize(
    ("host", "service", "region", "label"),
    [
        ("sqs.localhost", "sqs", None, ""),
        ("sqs.localhost.", "sqs", None, ""),
        ("SQS.us-east-1.localhost:4566", "sqs", "us-east-1", ""),
        ("sqs.us-east-1.localhost.localstack.cloud:4566", "sqs", "us-east-1", ""),
        ("queue.sqs.localhost", "sqs", None, "queue"),
        ("queue.localhost:4566", "queue", None, ""),
        ("us-east-1.queue.localhost:4566", "queue", "us-east-1", ""),
        ("us-west-2.queue.amazonaws.com", "queue", "us-west-2", ""),
        ("sts.amazonaws.com", "sts", None, ""),
        ("iam.cn-north-1.amazonaws.com.cn", "iam", "cn-north-1", ""),
        ("ec2.eusc-de-east-1.amazonaws.eu", "ec2", "eusc-de-east-1", ""),
        ("sqs.us-east-1.api.aws", "sqs", "us-east-1", ""),
        ("sqs-fips.us-gov-west-1.amazonaws.com", "sqs", "us-gov-west-1", ""),
        ("runtime-fips.sagemaker.us-east-1.amazonaws.com", "runtime.sagemaker", "us-east-1", ""),
        ("streams.dynamodb.us-east-1.amazonaws.com", "streams.dynamodb", "us-east-1", ""),
        ("api.ecr.us-east-1.localhost:4566", "api.ecr", "us-east-1", ""),
        ("123456789012.ddb.us-east-1.amazonaws.com", "ddb", "us-east-1", "123456789012"),
        ("123456789012.s3-control.us-east-1.localhost", "s3-control", "us-east-1", "123456789012"),
        ("api.iotsitewise.us-east-1.amazonaws.com", "iotsitewise", "us-east-1", "api"),
        ("s3.localhost", "s3", None, ""),
        ("s3.dualstack.us-west-2.amazonaws.com", "s3", "us-west-2", ""),
        ("s3-us-west-2.amazonaws.com", "s3", "us-west-2", ""),
        ("s3express-control.us-east-1.amazonaws.com", "s3express-control", "us-east-1", ""),
        ("cloudfront.amazonaws.com", "cloudfront", None, ""),
        ("vpce-0a-0b.sqs.us-east-1.vpce.amazonaws.com", "sqs", "us-east-1", ""),
        ("s3.us-future-9.amazonaws.com", "s3", "us-future-9", ""),
    ],
)
def test_an_endpoint_of_a_service(host: str, service: str, region: str | None, label: str) -> None:
    found = parse_host(host)
    assert (found.kind, found.service, found.region, found.label) == ("service", service, region, label)
    assert by_host_word()[service]


@pytest.mark.parametrize(
    ("host", "kind", "region", "label"),
    [
        ("bucket.s3.localhost", "bucket", None, "bucket"),
        ("my.own.bucket.s3.us-east-1.localhost:4566", "bucket", "us-east-1", "my.own.bucket"),
        ("us-east-1.s3.localhost", "bucket", None, "us-east-1"),
        ("b.s3.amazonaws.com", "bucket", None, "b"),
        ("b.s3-us-west-2.amazonaws.com", "bucket", "us-west-2", "b"),
        ("b.s3.dualstack.us-west-2.amazonaws.com", "bucket", "us-west-2", "b"),
        ("b.s3-fips.dualstack.us-west-2.amazonaws.com", "bucket", "us-west-2", "b"),
        ("b.s3-accelerate.dualstack.amazonaws.com", "bucket", None, "b"),
        ("b.bucket.vpce-0a-0b.s3.us-east-1.vpce.amazonaws.com", "bucket", "us-east-1", "b"),
        ("b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com", "bucket", "us-east-1", "b--use1-az4--x-s3"),
        ("b.s3-website.us-east-1.localhost:4566", "website", "us-east-1", "b"),
        ("www.example.com.s3-website-us-west-2.amazonaws.com", "website", "us-west-2", "www.example.com"),
        ("a-123456789012.s3-accesspoint.us-east-1.amazonaws.com", "accesspoint", "us-east-1", "a-123456789012"),
        ("a-1.s3-accesspoint-fips.dualstack.us-east-1.amazonaws.com", "accesspoint", "us-east-1", "a-1"),
        ("a-1.op-1.s3-outposts.us-east-1.amazonaws.com", "accesspoint", "us-east-1", "a-1.op-1"),
        ("x.mrap.accesspoint.s3-global.amazonaws.com", "accesspoint", None, "x.mrap"),
        ("id.execute-api.us-east-1.localhost:4566", "execute-api", "us-east-1", "id"),
        ("id.execute-api.localhost.localstack.cloud:4566", "execute-api", None, "id"),
        ("id.lambda-url.us-east-1.localhost:4566", "lambda-url", "us-east-1", "id"),
        ("id.lambda-url.us-east-1.on.aws", "lambda-url", "us-east-1", "id"),
        ("id.cloudfront.localhost", "cloudfront", None, "id"),
        ("d111111abcdef8.cloudfront.net", "cloudfront", None, "d111111abcdef8"),
        ("123456789012.dkr.ecr.us-east-1.localhost:4566", "registry", "us-east-1", "123456789012"),
        ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", "registry", "us-east-1", "123456789012"),
        ("123456789012.dkr-ecr.us-east-1.on.aws", "registry", "us-east-1", "123456789012"),
        ("name-1.us-east-1.elb.amazonaws.com", "load-balancer", "us-east-1", "name-1"),
        ("name-1.elb.us-east-1.amazonaws.com", "load-balancer", "us-east-1", "name-1"),
        ("id.appsync-api.us-east-1.amazonaws.com", "graphql", "us-east-1", "id"),
        ("search-d-1.us-east-1.es.amazonaws.com", "search", "us-east-1", "search-d-1"),
        ("d.us-east-1.opensearch.localhost.localstack.cloud:4566", "search", "us-east-1", "d"),
    ],
)
def test_an_address_of_a_customers_own(host: str, kind: str, region: str | None, label: str) -> None:
    found = parse_host(host)
    assert (found.kind, found.region, found.label) == (kind, region, label)
    assert (found.kind in ADDRESSES) == (kind not in ("bucket", "accesspoint"))


def test_a_name_of_no_service_is_a_subdomain_under_a_local_suffix_only() -> None:
    for host in ("my.bucket.localhost:4566", "my.bucket.localhost.localstack.cloud"):
        found = parse_host(host)
        assert (found.kind, found.service, found.label, found.front) == ("subdomain", None, "my.bucket", "my.bucket")
    assert parse_host("my.bucket.amazonaws.com") == PLAIN


def test_what_looks_like_a_service_may_be_a_bucket_under_a_local_suffix() -> None:
    assert parse_host("lambda.localhost").front == "lambda"
    assert parse_host("lambda.us-east-1.amazonaws.com").front == ""


def test_a_domain_of_the_users_own() -> None:
    assert parse_host("sqs.cloud.test:8080", "cloud.test").service == "sqs"
    assert parse_host("cloud.test", "cloud.test") == PLAIN
    assert parse_host("pileus.localhost", "pileus.localhost") == PLAIN
    assert parse_host("b.s3.pileus.localhost", "pileus.localhost").label == "b"
    assert parse_host("sqs.cloud.test") == PLAIN


@pytest.mark.parametrize(
    ("host", "arn"),
    [
        ("b.s3.localhost", "b"),
        (
            "a-b-123456789012.s3-accesspoint.cn-north-1.amazonaws.com.cn",
            "aws-cn:s3:cn-north-1:123456789012:accesspoint/a-b",
        ),
        ("a-1.s3-object-lambda.us-east-1.amazonaws.com", "aws:s3-object-lambda:us-east-1:1:accesspoint/a"),
        ("a-1.op-1.s3-outposts.us-east-1.amazonaws.com", "aws:s3-outposts:us-east-1:1:outpost/op-1/accesspoint/a"),
        ("x.mrap.accesspoint.s3-global.amazonaws.com", "aws:s3:::accesspoint/x.mrap"),
    ],
)
def test_an_access_point_stands_for_its_arn(host: str, arn: str) -> None:
    encoded = arn.replace(":", "%3A").replace("/", "%2F")
    assert bucket(parse_host(host)) == (encoded if arn == "b" else f"arn%3A{encoded}")


def test_every_endpoint_prefix_is_known() -> None:
    for name, metadata in index().items():
        for suffix in ("us-east-1.amazonaws.com", "us-east-1.localhost:4566"):
            found = parse_host(f"{metadata['endpointPrefix']}.{suffix}")
            assert name in by_host_word()[found.service or ""], name
            assert (found.kind, found.region, found.label) == ("service", "us-east-1", "")
