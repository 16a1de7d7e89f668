"""Routing by each clue: target, RPC path, scope, action, path, host, and none."""

from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.gateway import directory, paths
from pileus.gateway.message import Headers, Request
from pileus.gateway.routing import Route, Unroutable, finish, route
from pileus.kernel.errors import Fault

HOST = "localhost:4566"
FORM = ("content-type", "application/x-www-form-urlencoded; charset=utf-8")


def call(
    method: str = "POST",
    target: str = "/",
    *headers: tuple[str, str],
    scope: str = "",
    body: bytes = b"",
    host: str = HOST,
    algorithm: str = "AWS4-HMAC-SHA256",
) -> Request:
    fields = [("host", host), *headers]
    if scope:
        credential = f"AKIAIOSFODNN7EXAMPLE/20250101/{scope}/aws4_request"
        fields.append(("authorization", f"{algorithm} Credential={credential}, SignedHeaders=host, Signature=00"))
    return Request(method, target, Headers(fields), body)


def routed(request: Request, domain: str = "localhost") -> Route:
    return finish(route(request, domain), request, domain)


def named(request: Request) -> tuple[str, str, str]:
    found = routed(request)
    assert found.operation is not None
    return found.model.name, found.operation.name, found.protocol


def refused(request: Request) -> tuple[Fault, Route]:
    with pytest.raises(Unroutable) as caught:
        routed(request)
    return caught.value.fault, caught.value.route


# --- AWS JSON and Smithy RPC ----------------------------------------------------------------------------------------


def test_a_target_names_service_and_operation() -> None:
    request = call("POST", "/", ("x-amz-target", "DynamoDBStreams_20120810.GetRecords"), scope="eu-west-1/dynamodb")
    assert named(request) == ("dynamodbstreams", "GetRecords", "json")
    assert routed(request).region == "eu-west-1"


def test_a_target_needs_no_signature() -> None:
    request = call("POST", "/", ("x-amz-target", "AWSCognitoIdentityProviderService.SignUp"))
    assert named(request) == ("cognito-idp", "SignUp", "json")
    assert routed(request).region is None


def test_an_unsigned_request_is_in_the_region_of_its_host() -> None:
    request = call("POST", "/", ("x-amz-target", "AmazonSQS.ListQueues"), host="sqs.eu-north-1.localhost:4566")
    assert routed(request).region == "eu-north-1"


def test_an_unknown_operation_of_a_target_is_told_as_json() -> None:
    fault, where = refused(call("POST", "/", ("x-amz-target", "AmazonSQS.SendMassage"), scope="us-east-1/sqs"))
    assert fault.code == "UnknownOperationException"
    assert (where.model.name, where.protocol, where.operation) == ("sqs", "json", None)


def test_an_unknown_prefix_is_told_for_the_service_that_was_signed_for() -> None:
    request = call("POST", "/", ("x-amz-target", "DynamoDB_20111205.ListTables"), scope="us-east-1/dynamodb")
    fault, where = refused(request)
    assert (fault.code, where.model.name) == ("UnknownOperationException", "dynamodb")


def test_json_without_a_target_is_no_operation() -> None:
    fault, where = refused(call("POST", "/", scope="us-east-1/dynamodb", body=b"{}"))
    assert (fault.code, where.protocol) == ("UnknownOperationException", "json")


@pytest.mark.parametrize("prefix", ["", "/some/prefix"])
def test_smithy_rpc_names_both_in_its_path(prefix: str) -> None:
    path = f"{prefix}/service/GraniteServiceVersion20100801/operation/PutMetricData"
    request = call("POST", path, ("smithy-protocol", "rpc-v2-cbor"), scope="us-east-1/monitoring")
    assert named(request) == ("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor")


def test_a_service_that_has_no_cbor_does_not_get_any() -> None:
    request = call("POST", "/service/AmazonSQS/operation/ListQueues", ("smithy-protocol", "rpc-v2-cbor"))
    fault, where = refused(request)
    assert (fault.code, where.protocol) == ("UnknownOperationException", "smithy-rpc-v2-cbor")


# --- query and ec2 --------------------------------------------------------------------------------------------------


def test_an_action_is_awaited_with_the_body() -> None:
    request = call("POST", "/", FORM, scope="us-east-1/sns")
    begun = route(request)
    assert (begun.model.name, begun.protocol, begun.operation) == ("sns", "query", None)
    request.body = b"Action=ListTopics&Version=2010-03-31"
    found = finish(begun, request)
    assert found.operation is not None
    assert found.operation.name == "ListTopics"
    assert finish(found, request) is found


def test_an_action_may_stand_anywhere_in_form_or_query_string() -> None:
    form = b"TopicArn=a&Message=Action%3DSubscribe&Action=Publish"
    assert named(call("POST", "/", FORM, scope="us-east-1/sns", body=form))[1] == "Publish"
    assert named(call("GET", "/?Action=ListTopics&Version=2010-03-31", scope="us-east-1/sns"))[1] == "ListTopics"
    assert named(call("GET", "/?Version=2016-11-15&Action=DescribeVpcs", scope="us-east-1/ec2"))[2] == "ec2"


@pytest.mark.parametrize(
    ("version", "service"), [("2012-06-01", "elb"), ("2015-12-01", "elbv2")], ids=["classic", "v2"]
)
def test_the_version_tells_services_of_one_signing_name_apart(version: str, service: str) -> None:
    form = f"Action=DescribeLoadBalancers&Version={version}".encode()
    request = call("POST", "/", FORM, scope="us-east-1/elasticloadbalancing", body=form)
    assert named(request) == (service, "DescribeLoadBalancers", "query")


def test_the_action_tells_them_apart_without_a_version() -> None:
    request = call("POST", "/", FORM, scope="us-east-1/elasticloadbalancing", body=b"Action=DescribeTargetGroups")
    assert named(request)[0] == "elbv2"


def test_services_of_several_protocols_take_queries_in_their_query_form() -> None:
    request = call("POST", "/", FORM, scope="us-east-1/sqs", body=b"Action=ListQueues&Version=2012-11-05")
    found = routed(request)
    assert (found.model.name, found.protocol) == ("sqs", "query")
    assert found.model.metadata["protocol"] == "query"
    request = call("POST", "/", FORM, scope="us-east-1/monitoring", body=b"Action=ListMetrics&Version=2010-08-01")
    assert named(request) == ("cloudwatch", "ListMetrics", "query")


def test_an_unsigned_query_is_known_by_version_and_action() -> None:
    form = b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=a"
    assert named(call("POST", "/", FORM, body=form))[:2] == ("sts", "AssumeRoleWithWebIdentity")
    form = b"Action=SendEmail&Version=2010-12-01"  # Elastic Beanstalk has the same version
    assert named(call("POST", "/", FORM, body=form))[:2] == ("ses", "SendEmail")


def test_a_query_may_be_signed_in_its_form() -> None:
    form = b"Action=ListUsers&X-Amz-Credential=AK%2F20250101%2Fus-east-1%2Fiam%2Faws4_request"
    found = routed(call("POST", "/", FORM, body=form))
    assert (found.model.name, found.region) == ("iam", "us-east-1")


@pytest.mark.parametrize(
    ("scope", "form", "words"),
    [
        ("iam", b"Action=X&Version=2010-05-08", "Could not find operation X for version 2010-05-08"),
        ("iam", b"Action=X", "Could not find operation X for version NO_VERSION_SPECIFIED"),
        ("ec2", b"Action=X&Version=2016-11-15", "The action X is not valid for this web service."),
        ("sqs", b"Action=X&Version=2012-11-05", "The action X is not valid for this endpoint."),
    ],
)
def test_an_unknown_action_is_told_in_awss_words(scope: str, form: bytes, words: str) -> None:
    fault, where = refused(call("POST", "/", FORM, scope=f"us-east-1/{scope}", body=form))
    assert (fault.code, fault.message) == ("InvalidAction", words)
    assert (where.model.name, where.protocol) == (scope, "ec2" if scope == "ec2" else "query")


def test_a_query_without_action_says_so() -> None:
    fault, where = refused(call("POST", "/", FORM, scope="us-east-1/iam", body=b"Version=2010-05-08"))
    assert (fault.code, where.model.name) == ("MissingAction", "iam")


# --- queue addresses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["us-east-1/sqs", ""])
@pytest.mark.parametrize("path", ["/000000000000/orders", "/queue/eu-west-1/000000000000/orders.fifo"])
def test_a_queues_address_says_which_queue(path: str, scope: str) -> None:
    found = routed(call("POST", path, FORM, scope=scope, body=b"Action=SendMessage&MessageBody=x"))
    assert found.operation is not None
    assert (found.model.name, found.operation.name) == ("sqs", "SendMessage")
    assert found.labels == {"QueueUrl": f"http://{HOST}{path}"}
    assert found.region == ("us-east-1" if scope else "eu-west-1" if "eu-west-1" in path else None)


def test_a_queues_address_takes_queries_by_get_and_at_its_old_host() -> None:
    assert named(call("GET", "/000000000000/q?Action=ReceiveMessage"))[:2] == ("sqs", "ReceiveMessage")
    request = call("GET", "/000000000000/q?Action=ReceiveMessage", host="us-east-2.queue.localhost:4566")
    assert named(request)[:2] == ("sqs", "ReceiveMessage")
    assert routed(request).region == "us-east-2"


def test_operations_without_a_queue_get_no_address() -> None:
    form = b"Action=ListQueues&Version=2012-11-05"
    assert routed(call("POST", "/000000000000/q", FORM, scope="us-east-1/sqs", body=form)).labels == {}


def test_a_bucket_of_twelve_digits_is_still_a_bucket() -> None:
    assert named(call("GET", "/000000000000/orders"))[:2] == ("s3", "GetObject")


# --- REST: Amazon S3 ------------------------------------------------------------------------------------------------

COPY = ("x-amz-copy-source", "/b/k")


@pytest.mark.parametrize(
    ("method", "target", "headers", "operation"),
    [
        ("GET", "/", (), "ListBuckets"),
        ("GET", "/?x-id=ListBuckets", (), "ListBuckets"),
        ("GET", "/b", (), "ListObjects"),
        ("GET", "/b/", (), "ListObjects"),
        ("GET", "/b?list-type=2&prefix=a%2Fb", (), "ListObjectsV2"),
        ("GET", "/b/?list-type=2", (), "ListObjectsV2"),
        ("GET", "/b?list-type=1", (), "ListObjects"),
        ("GET", "/b?acl", (), "GetBucketAcl"),
        ("GET", "/b?acl=", (), "GetBucketAcl"),
        ("GET", "/b?versions&max-keys=1", (), "ListObjectVersions"),
        ("GET", "/b?uploads", (), "ListMultipartUploads"),
        ("GET", "/b?analytics", (), "ListBucketAnalyticsConfigurations"),
        ("GET", "/b?analytics&id=1", (), "GetBucketAnalyticsConfiguration"),
        ("GET", "/b?nothing-known", (), "ListObjects"),
        ("HEAD", "/b", (), "HeadBucket"),
        ("PUT", "/b", (), "CreateBucket"),
        ("POST", "/b?delete", (), "DeleteObjects"),
        ("GET", "/b/k", (), "GetObject"),
        ("GET", "/b/k?versionId=1&response-content-type=a%2Fb", (), "GetObject"),
        ("GET", "/b/k?tagging&versionId=1", (), "GetObjectTagging"),
        ("GET", "/b/k?attributes", (), "GetObjectAttributes"),
        ("GET", "/b/k?uploadId=1&max-parts=2", (), "ListParts"),
        ("HEAD", "/b/k?partNumber=1", (), "HeadObject"),
        ("PUT", "/b/k", (), "PutObject"),
        ("PUT", "/b/k", (COPY,), "CopyObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=2", (), "UploadPart"),
        ("PUT", "/b/k?uploadId=2", (), "UploadPart"),
        ("PUT", "/b/k?partNumber=1&uploadId=2", (COPY,), "UploadPartCopy"),
        ("PUT", "/b/k?acl", (), "PutObjectAcl"),
        ("POST", "/b/k?uploads", (), "CreateMultipartUpload"),
        ("POST", "/b/k?uploadId=1", (), "CompleteMultipartUpload"),
        ("POST", "/b/k?select&select-type=2", (), "SelectObjectContent"),
        ("DELETE", "/b/k?uploadId=1", (), "AbortMultipartUpload"),
        ("DELETE", "/b/k?versionId=1", (), "DeleteObject"),
    ],
)
def test_s3_is_told_by_sub_resources(
    method: str, target: str, headers: tuple[tuple[str, str], ...], operation: str
) -> None:
    assert named(call(method, target, *headers, scope="us-east-1/s3")) == ("s3", operation, "rest-xml")
    assert named(call(method, target, *headers))[1] == operation


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_any_key_comes_back_as_it_was_written(key: str) -> None:
    for written in (quote(key, safe="/"), quote(key, safe="")):
        found = routed(call("GET", f"/bucket/{written}", scope="us-east-1/s3"))
        assert found.labels == {"Bucket": "bucket", "Key": written}
        assert unquote(found.labels["Key"]) == key
        at_host = routed(call("GET", f"/{written}", host="bucket.s3.us-east-1.localhost:4566", scope="us-east-1/s3"))
        assert at_host.labels == found.labels


@pytest.mark.parametrize("key", ["k/", "/k", "a//b", "/", "%2F", "a%2Fb/c", "..", "a/./b"])
def test_slashes_of_a_key_are_the_keys(key: str) -> None:
    assert routed(call("PUT", f"/bucket/{key}", scope="us-east-1/s3")).labels["Key"] == key


def test_pages_of_websites_are_none_of_the_operations() -> None:
    found = routed(call("GET", "/some/key?acl", host="b.s3-website.eu-west-1.localhost:4566"))
    assert (found.model.name, found.operation, found.region) == ("s3", None, "eu-west-1")
    assert found.labels == {"Bucket": "b", "Key": "some/key", "Website": "b"}


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("my.bucket.s3.localhost:4566", "my.bucket"),
        ("b.s3.eu-west-1.localhost.localstack.cloud:4566", "b"),
        ("b.s3-eu-west-1.amazonaws.com", "b"),
        ("b.s3.dualstack.eu-west-1.amazonaws.com", "b"),
        ("b.s3-accelerate.amazonaws.com", "b"),
        ("b.localhost:4566", "b"),
        ("lambda.localhost:4566", "lambda"),
        ("a.b.cloud.test", "a.b"),
        (
            "ap-123456789012.s3-accesspoint.eu-west-1.amazonaws.com",
            "arn%3Aaws%3As3%3Aeu-west-1%3A123456789012%3Aaccesspoint%2Fap",
        ),
        (
            "ap-123456789012.op-01.s3-outposts.eu-west-1.amazonaws.com",
            "arn%3Aaws%3As3-outposts%3Aeu-west-1%3A123456789012%3Aoutpost%2Fop-01%2Faccesspoint%2Fap",
        ),
    ],
)
def test_the_bucket_may_stand_in_the_host(host: str, bucket: str) -> None:
    found = routed(call("GET", "/some/key", host=host, scope="eu-west-1/s3"), "cloud.test")
    assert found.operation is not None
    assert (found.operation.name, found.labels) == ("GetObject", {"Bucket": bucket, "Key": "some/key"})
    assert routed(call("GET", "/", host=host, scope="eu-west-1/s3"), "cloud.test").labels == {"Bucket": bucket}


def test_an_anonymous_request_at_a_buckets_host_is_for_that_bucket() -> None:
    for host in ("site.s3.localhost:4566", "site.localhost:4566"):
        assert routed(call("GET", "/index.html", host=host)).labels == {"Bucket": "site", "Key": "index.html"}


def test_s3_has_a_word_for_what_it_has_not() -> None:
    for method, target in (("PATCH", "/b/k"), ("POST", "/b/k"), ("PUT", "/")):
        fault, where = refused(call(method, target, scope="us-east-1/s3"))
        assert (fault.code, fault.status) == ("MethodNotAllowed", 405)
        assert fault.message == "The specified method is not allowed against this resource."
        assert (where.model.name, where.protocol) == ("s3", "rest-xml")


def test_form_uploads_and_preflights_have_no_operation_in_the_model() -> None:
    upload = routed(call("POST", "/bucket", ("content-type", "multipart/form-data; boundary=x")))
    preflight = routed(call("OPTIONS", "/key", host="bucket.s3.localhost:4566"))
    assert (upload.operation, upload.labels) == (None, {"Bucket": "bucket"})
    assert (preflight.operation, preflight.labels) == (None, {"Bucket": "bucket", "Key": "key"})


def test_s3_controls_account_may_stand_in_the_host() -> None:
    for host in ("000000000000.localhost:4566", "000000000000.s3-control.us-east-1.amazonaws.com"):
        found = routed(call("GET", "/v20180820/accesspoint/ap", host=host, scope="us-east-1/s3"))
        assert found.model.name == "s3control"
        assert found.labels == {"name": "ap", "AccountId": "000000000000"}


# --- REST: the others -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "method", "target", "service", "operation"),
    [
        ("lambda", "GET", "/2015-03-31/functions", "lambda", "ListFunctions"),
        ("lambda", "GET", "/2015-03-31/functions/", "lambda", "ListFunctions"),
        ("lambda", "GET", "/2018-10-31/layers?find=LayerVersion&Arn=a", "lambda", "GetLayerVersionByArn"),
        ("lambda", "GET", "/2018-10-31/layers", "lambda", "ListLayers"),
        ("apigateway", "POST", "/restapis", "apigateway", "CreateRestApi"),
        ("apigateway", "POST", "/restapis?mode=import", "apigateway", "ImportRestApi"),
        ("apigateway", "GET", "/v2/apis", "apigatewayv2", "GetApis"),
        ("es", "GET", "/2015-01-01/es/domain/d", "es", "DescribeElasticsearchDomain"),
        ("es", "GET", "/2021-01-01/opensearch/domain/d", "opensearch", "DescribeDomain"),
        ("bedrock", "POST", "/model/a.b-v1%3A0/converse", "bedrock-runtime", "Converse"),
        ("bedrock", "POST", "/agents/a/", "bedrock-agent", "PrepareAgent"),
        ("bedrock", "POST", "/agents/s", "bedrock-agent-runtime", "InvokeInlineAgent"),
        ("ses", "POST", "/v2/email/outbound-emails", "sesv2", "SendEmail"),
        ("ses", "POST", "/v2/email/list-identities", "sesv2", "ListEmailIdentities"),
        ("ses", "GET", "/v2/email/identities?PageSize=1", "sesv2", "ListEmailIdentities"),
        ("ses", "GET", "/v2/email/contact-lists/l/contacts", "sesv2", "ListContacts"),
        ("execute-api", "POST", "/@connections/c%3D", "apigatewaymanagementapi", "PostToConnection"),
        ("execute-api", "POST", "/%40connections/c%3D", "apigatewaymanagementapi", "PostToConnection"),
        ("route53", "GET", "/2013-04-01/hostedzone/Z1/rrset", "route53", "ListResourceRecordSets"),
    ],
)
def test_paths_choose_among_services_of_one_signing_name(
    scope: str, method: str, target: str, service: str, operation: str
) -> None:
    assert named(call(method, target, scope=f"us-east-1/{scope}"))[:2] == (service, operation)


def test_a_stage_may_stand_before_connections() -> None:
    request = call(
        "DELETE", "/prod/@connections/a%3D%3D", scope="us-east-1/execute-api", host="id.execute-api.localhost"
    )
    assert routed(request).labels == {"connectionId": "a%3D%3D"}


def test_a_greedy_label_leaves_the_literals_behind_it() -> None:
    arn = "arn:aws:workspaces-web:us-east-1:1:portal/p"
    request = call("PUT", f"/portals/{arn}/browserSettings?browserSettingsArn=b", scope="us-east-1/workspaces-web")
    found = routed(request)
    assert found.operation is not None
    assert (found.operation.name, found.labels) == ("AssociateBrowserSettings", {"portalArn": arn})
    assert named(call("GET", f"/portals/{arn}", scope="us-east-1/workspaces-web"))[1] == "GetPortal"


def test_an_unknown_path_is_told_in_the_services_protocol() -> None:
    for scope, protocol in (("lambda", "rest-json"), ("route53", "rest-xml")):
        fault, where = refused(call("GET", "/nowhere", scope=f"us-east-1/{scope}"))
        assert (fault.code, fault.status) == ("UnknownOperationException", 404)
        assert (where.model.name, where.protocol) == (scope, protocol)


# --- signatures -----------------------------------------------------------------------------------------------------


def test_a_presigned_request_is_known_by_its_query() -> None:
    credential = "AKIAIOSFODNN7EXAMPLE%2F20250101%2Feu-west-1%2Flambda%2Faws4_request"
    found = routed(call("GET", f"/2015-03-31/functions/?X-Amz-Credential={credential}&X-Amz-Signature=0"))
    assert (found.model.name, found.region) == ("lambda", "eu-west-1")


def test_sigv4a_names_its_regions_in_a_header() -> None:
    request = call(
        "GET",
        "/b/k",
        ("x-amz-region-set", "*,ap-south-1,eu-west-1"),
        scope="s3",
        algorithm="AWS4-ECDSA-P256-SHA256",
        host="b.s3.localhost",
    )
    assert (routed(request).model.name, routed(request).region) == ("s3", "ap-south-1")


def test_the_signature_counts_more_than_the_host() -> None:
    request = call("GET", "/2015-03-31/functions/", scope="eu-west-1/lambda", host="sqs.us-east-1.localhost:4566")
    assert (named(request)[0], routed(request).region) == ("lambda", "eu-west-1")


@pytest.mark.parametrize(
    "authorization", ["AWS AKIAIOSFODNN7EXAMPLE:a/b=", "Basic a/b", "Bearer a/b/c/aws4_request", "AWS4-"]
)
def test_other_authorization_says_nothing_about_the_service(authorization: str) -> None:
    assert named(call("GET", "/b/k", ("authorization", authorization)))[:2] == ("s3", "GetObject")


def test_a_name_of_no_service_is_refused_by_its_name() -> None:
    for request in (
        call("GET", "/", scope="us-east-1/lambada"),
        call("GET", "/", host="x.appsync-api.us-east-1.amazonaws.com"),
    ):
        fault, where = refused(request)
        assert (fault.code, fault.status) == ("NotImplemented", 501)
        assert where.model.name in fault.message


def test_whatever_is_sent_to_a_function_s_address_is_lambda_s() -> None:
    for host in ("x.lambda-url.us-east-1.on.aws", "x.lambda-url.us-east-1.localhost:4566"):
        found = route(call("POST", "/2015-03-31/functions/", host=host))
        assert (found.model.name, found.operation, found.region) == ("lambda", None, "us-east-1")
        assert found.labels == {"Host": "x"}
        assert found.whole


def test_put_media_is_of_no_model_and_goes_to_kinesis_video_streams() -> None:
    found = route(call("POST", "/putMedia", scope="eu-west-1/kinesisvideo"))
    assert (found.model.name, found.operation, found.region) == ("kinesisvideo", None, "eu-west-1")
    assert found.beside
    assert not found.whole
    assert refused(call("GET", "/putMedia", scope="eu-west-1/kinesisvideo"))[0].status == 404
    assert refused(call("POST", "/putMedia", scope="eu-west-1/lambda"))[1].model.name == "lambda"


# --- nothing is loaded in vain --------------------------------------------------------------------------------------


def test_routes_are_read_for_the_services_in_question_only() -> None:
    tree = paths.paths(("s3", "sqs", "s3control"))
    assert tree.match("GET", "/v20180820/jobs/j", "", Headers()) == (
        "s3control",
        "DescribeJob",
        {"id": "j"},
        "AccountId",
    )


def test_a_target_may_leave_out_the_java_package() -> None:
    for prefix in ("CloudTrail_20131101", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"):
        assert "cloudtrail" in directory.by_target()[prefix]
