"""Events from plain HTTP clients: by an API key that a group takes, or by a signature."""

from __future__ import annotations

import gzip
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

Send = Callable[..., tuple[int, Any]]


@pytest.fixture
def key(aws: Any) -> dict[str, Any]:
    """An API key of a user who may write to groups."""
    iam = aws.client("iam")
    iam.create_user(UserName="shipper")
    actions = ["logs:PutLogEvents", "logs:CallWithBearerToken"]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_user_policy(UserName="shipper", PolicyName="p", PolicyDocument=json.dumps(document))
    made: dict[str, Any] = iam.create_service_specific_credential(
        UserName="shipper", ServiceName="logs.amazonaws.com", CredentialAgeDays=2
    )["ServiceSpecificCredential"]
    return made


@pytest.fixture
def send(cloud: Any, key: dict[str, Any]) -> Send:
    def send(path: str, body: bytes, **headers: str) -> tuple[int, Any]:
        given = {"authorization": f"Bearer {key['ServiceCredentialSecret']}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        request = urllib.request.Request(cloud.endpoint + path, body, given)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.loads(refusal.read() or b"null")

    return send


PLACE = "?logGroup=app&logStream=main"


def test_events_come_in_each_of_the_formats(logs: Any, send: Send, now: Any) -> None:
    logs.put_bearer_token_authentication(logGroupIdentifier="app", bearerTokenAuthenticationEnabled=True)
    assert logs.describe_log_groups()["logGroups"][0]["bearerTokenAuthenticationEnabled"]
    at = now() - 60_000
    lines = b'{"n": 1, "timestamp": %d}\n{"n": 2}\n' % at
    assert send(f"/ingest/bulk{PLACE}", gzip.compress(lines), content_encoding="gzip") == (200, {})
    assert send("/ingest/json", b'[{"n": 3}, "four"]', x_aws_log_group="app", x_aws_log_stream="main")[0] == 200
    collected = b'{"event": "five", "time": %f}{"event": {"n": 6}, "host": "web1"}' % (at / 1000)
    assert send(f"/services/collector/event{PLACE}", collected) == (200, {"text": "Success", "code": 0})
    record = {
        "timeUnixNano": str(at * 1_000_000),
        "severityText": "INFO",
        "body": {"stringValue": "seven"},
        "attributes": [{"key": "n", "value": {"intValue": "7"}}, {"key": "l", "value": {"arrayValue": {"values": []}}}],
    }
    scope = {"scope": {"name": "s"}, "logRecords": [record, record | {"timeUnixNano": "1000000"}]}
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    export = {"resourceLogs": [{"resource": service, "scopeLogs": [scope]}]}
    status, told = send(f"/v1/logs{PLACE}", json.dumps(export).encode())
    assert (status, told["partialSuccess"]["rejectedLogRecords"]) == (200, 1)

    events = logs.filter_log_events(logGroupName="app")["events"]
    found = [one["message"] for one in events]
    assert {'{"n":2}', '{"n":3}', "four", "five"} <= set(found)
    assert '{"event":{"n":6},"host":"web1"}' in found
    (first,) = [one for one in events if '"n":1,' in one["message"]]
    assert first["timestamp"] == at
    seven = json.loads(next(one for one in found if "seven" in one))
    assert (seven["body"], seven["attributes"]) == ("seven", {"n": 7, "l": []})
    assert seven["resource"]["attributes"] == {"service.name": "shop"}
    assert len(found) == 7


def test_who_may_not_write_is_refused(
    aws: Any, logs: Any, send: Send, key: dict[str, Any], cloud: Any, clock: Any
) -> None:
    path = f"/ingest/json{PLACE}"
    assert send(path, b"{}")[0] == 403  # the group takes no keys
    logs.put_bearer_token_authentication(logGroupIdentifier="app", bearerTokenAuthenticationEnabled=True)
    assert send(path, b"{}")[0] == 200
    assert send(path, b"{")[0] == 400
    assert send("/ingest/json?logGroup=app", b"{}")[0] == 400
    assert send("/ingest/json?logGroup=none&logStream=main", b"{}")[0] in (400, 404)
    assert send(path, b"{}", authorization="Bearer nonsense")[0] == 403
    iam = aws.client("iam")
    name = {"UserName": "shipper", "ServiceSpecificCredentialId": key["ServiceSpecificCredentialId"]}
    iam.update_service_specific_credential(**name, Status="Inactive")
    assert send(path, b"{}")[0] == 403
    iam.update_service_specific_credential(**name, Status="Active")
    iam.update_user(UserName="shipper", NewUserName="renamed")
    assert send(path, b"{}")[0] == 200
    iam.delete_user_policy(UserName="renamed", PolicyName="p")
    assert send(path, b"{}")[0] == 403

    signed = AWSRequest("POST", cloud.endpoint + path, data=b"{}")
    SigV4Auth(aws.session().get_credentials(), "logs", "us-east-1").add_auth(signed)
    headers = {name.lower(): value for name, value in signed.headers.items()}
    assert send(path, b"{}", **headers)[0] == 200
    clock.advance(3 * 86400)
    iam.attach_user_policy(UserName="renamed", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    assert send(path, b"{}")[0] == 403  # it has expired
