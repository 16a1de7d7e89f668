"""Data protection, account policies, indexes, live tail, exports, and what is kept as state."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from botocore.config import Config

MAIL = "arn:aws:dataprotection::aws:data-identifier/EmailAddress"


def protecting(*identifiers: str, **more: Any) -> str:
    statements = [
        {"Sid": "audit", "DataIdentifier": identifiers, "Operation": {"Audit": {"FindingsDestination": {}}}},
        {"Sid": "mask", "DataIdentifier": identifiers, "Operation": {"Deidentify": {"MaskConfig": {}}}},
    ]
    return json.dumps({"Name": "p", "Version": "2021-06-01", "Statement": statements} | more)


def test_sensitive_data_are_masked_for_those_who_may_not_see_them(
    aws: Any, logs: Any, put: Any, clock: Any, refused: Any
) -> None:
    put("before ann@example.com")
    clock.advance(1)
    custom = {"Configuration": {"CustomDataIdentifier": [{"Name": "ticket", "Regex": "T-\\d+"}]}}
    document = protecting(MAIL, "ticket", **custom)
    logs.put_data_protection_policy(logGroupIdentifier="app", policyDocument=document)
    put("mail bob@example.com about T-123")
    wish = {"logGroupName": "app", "logStreamName": "main"}
    masked = ["before ann@example.com", f"mail {'*' * 15} about {'*' * 5}"]
    assert [event["message"] for event in logs.get_log_events(**wish)["events"]] == masked
    assert [event["message"] for event in logs.filter_log_events(logGroupName="app")["events"]] == masked
    clear = logs.get_log_events(**wish, unmask=True)["events"][1]["message"]
    assert clear == "mail bob@example.com about T-123"
    query = logs.start_query(
        logGroupName="app", startTime=0, endTime=int(clock.now()), queryString="fields @message | sort @message desc"
    )
    clock.advance(1)
    (row, _) = logs.get_query_results(queryId=query["queryId"])["results"]
    assert row[0]["value"] == masked[1]
    iam = aws.client("iam")
    iam.create_user(UserName="reader")
    statement = {"Effect": "Allow", "Action": ["logs:Get*", "logs:Filter*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = aws.client("logs", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    assert len(reader.get_log_events(**wish)["events"]) == 2
    with refused("AccessDeniedException", "logs:Unmask"):
        reader.get_log_events(**wish, unmask=True)
    assert logs.get_data_protection_policy(logGroupIdentifier="app")["policyDocument"] == document
    logs.delete_data_protection_policy(logGroupIdentifier="app")
    assert logs.get_log_events(**wish)["events"][1]["message"] == clear
    for wrong in ("{}", "no JSON", protecting("nonsense")):
        with refused("InvalidParameterException"):
            logs.put_data_protection_policy(logGroupIdentifier="app", policyDocument=wrong)


def test_policies_of_the_account_are_for_all_groups(aws: Any, logs: Any, put: Any, refused: Any) -> None:
    logs.put_account_policy(
        policyName="mail", policyType="DATA_PROTECTION_POLICY", policyDocument=protecting(MAIL), scope="ALL"
    )
    put("to bob@example.com")
    event = logs.get_log_events(logGroupName="app", logStreamName="main")["events"][0]
    assert event["message"] == f"to {'*' * 15}"
    with refused("LimitExceededException"):
        logs.put_account_policy(policyName="more", policyType="DATA_PROTECTION_POLICY", policyDocument=protecting(MAIL))
    (found,) = logs.describe_account_policies(policyType="DATA_PROTECTION_POLICY")["accountPolicies"]
    assert (found["policyName"], found["accountId"]) == ("mail", aws.id)
    others = logs.describe_account_policies(policyType="DATA_PROTECTION_POLICY", accountIdentifiers=["111122223333"])
    assert others["accountPolicies"] == []  # no other account is linked
    logs.delete_account_policy(policyName="mail", policyType="DATA_PROTECTION_POLICY")
    with refused("ResourceNotFoundException"):
        logs.delete_account_policy(policyName="mail", policyType="DATA_PROTECTION_POLICY")


def test_index_policies(logs: Any, put: Any, refused: Any) -> None:
    document = json.dumps({"Fields": ["requestId", "status"]})
    logs.put_index_policy(logGroupIdentifier="app", policyDocument=document)
    (policy,) = logs.describe_index_policies(logGroupIdentifiers=["app"])["indexPolicies"]
    assert (policy["policyDocument"], policy["source"]) == (document, "LOG_GROUP")
    put("x")
    fields = logs.describe_field_indexes(logGroupIdentifiers=["app"], indexCategories=["CUSTOM"])["fieldIndexes"]
    assert [field["fieldIndexName"] for field in fields] == ["requestId", "status"]
    every = logs.describe_field_indexes(logGroupIdentifiers=["app"])["fieldIndexes"]
    assert {"requestId", "status", "@logStream", "traceId"} < {field["fieldIndexName"] for field in every}
    assert [one["logGroupName"] for one in logs.list_log_groups(fieldIndexNames=["status"])["logGroups"]] == ["app"]
    assert logs.list_log_groups(fieldIndexNames=["status", "other"])["logGroups"] == []
    with refused("InvalidParameterException"):
        logs.put_index_policy(logGroupIdentifier="app", policyDocument="[]")
    logs.delete_index_policy(logGroupIdentifier="app")
    assert logs.describe_index_policies(logGroupIdentifiers=["app"])["indexPolicies"] == []


def test_the_fields_of_a_group(logs: Any, put: Any) -> None:
    put('{"a": 1, "b": {"c": 2}}', '{"a": 1}', "text", "text")
    fields = logs.get_log_group_fields(logGroupName="app")["logGroupFields"]
    shares = {field["name"]: field["percent"] for field in fields}
    assert (shares["@message"], shares["a"], shares["b.c"]) == (100, 50, 25)


def test_a_live_tail_tells_events_as_they_come(aws: Any, logs: Any, put: Any) -> None:
    put("ERROR before")
    tail = aws.client("logs", config=Config(inject_host_prefix=False, read_timeout=20))
    arn = logs.describe_log_groups()["logGroups"][0]["logGroupArn"]
    stream = tail.start_live_tail(logGroupIdentifiers=[arn], logEventFilterPattern="ERROR")["responseStream"]
    found: list[str] = []
    for event in stream:
        if "sessionStart" in event:
            assert event["sessionStart"]["logEventFilterPattern"] == "ERROR"
            put("ERROR now", "INFO now")
        else:
            found += [result["message"] for result in event["sessionUpdate"]["sessionResults"]]
            if found:
                break
    stream.close()
    assert found == ["ERROR now"]


def test_an_export_writes_files_to_a_bucket(aws: Any, logs: Any, put: Any, clock: Any, now: Any, refused: Any) -> None:
    s3, bucket = aws.client("s3"), f"export-{aws.id}"
    wish = {"logGroupName": "app", "fromTime": now() - 60_000, "to": now() + 60_000, "destination": bucket}
    with refused("InvalidParameterException", "bucket does not exist"):
        logs.create_export_task(**wish)
    s3.create_bucket(Bucket=bucket)
    with refused("InvalidParameterException", "permission"):
        logs.create_export_task(**wish)
    service = {"Service": "logs.us-east-1.amazonaws.com"}
    statements = [
        {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{bucket}"},
        {"Effect": "Allow", "Principal": service, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"},
    ]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    put("one", "two")
    number = logs.create_export_task(**wish, destinationPrefix="logs")["taskId"]
    clock.advance(1)
    (task,) = logs.describe_export_tasks(taskId=number)["exportTasks"]
    assert task["status"]["code"] == "COMPLETED"
    body = s3.get_object(Bucket=bucket, Key=f"logs/{number}/main/000000.gz")["Body"].read()
    lines = gzip.decompress(body).decode().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["one", "two"]
    with refused("InvalidOperationException"):
        logs.cancel_export_task(taskId=number)


def test_deliveries_are_kept(aws: Any, refused: Any) -> None:
    logs = aws.client("logs")
    logs.put_delivery_source(
        name="s", resourceArn=f"arn:aws:bedrock:us-east-1:{aws.id}:thing/x", logType="APPLICATION_LOGS"
    )
    destination = logs.put_delivery_destination(
        name="d", outputFormat="json", deliveryDestinationConfiguration={"destinationResourceArn": "arn:aws:s3:::b"}
    )["deliveryDestination"]
    assert destination["deliveryDestinationType"] == "S3"
    role = f"arn:aws:iam::{aws.id}:role/deliveries"
    target = {"destinationResourceArn": "arn:aws:s3:::b"}
    logs.put_delivery_destination(name="d", roleArn=role, deliveryDestinationConfiguration=target)
    assert logs.get_delivery_destination(name="d")["deliveryDestination"]["roleArn"] == role
    resource = {"resourceArn": f"arn:aws:bedrock:us-east-1:{aws.id}:thing/x", "logType": "APPLICATION_LOGS"}
    logs.put_delivery_source(name="s", deliverySourceConfiguration={"samplingRate": "50"}, **resource)
    found = logs.get_delivery_source(name="s")["deliverySource"]
    assert found["deliverySourceConfiguration"] == {"samplingRate": "50"}
    made = logs.create_delivery(deliverySourceName="s", deliveryDestinationArn=destination["arn"])["delivery"]
    with refused("ConflictException"):
        logs.create_delivery(deliverySourceName="s", deliveryDestinationArn=destination["arn"])
    with refused("ConflictException"):
        logs.delete_delivery_source(name="s")
    assert logs.get_delivery(id=made["id"])["delivery"]["deliverySourceName"] == "s"
    logs.update_delivery_configuration(id=made["id"], recordFields=["a"])
    assert logs.describe_deliveries()["deliveries"][0]["recordFields"] == ["a"]
    logs.delete_delivery(id=made["id"])
    logs.delete_delivery_source(name="s")
    logs.delete_delivery_destination(name="d")
    assert logs.describe_delivery_sources()["deliverySources"] == []


@pytest.mark.parametrize("allowed", [True, False])
def test_a_service_may_write_where_a_resource_policy_lets_it(aws: Any, logs: Any, cloud: Any, allowed: bool) -> None:
    from pileus.kernel import Fault, identity

    if allowed:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "logs:PutLogEvents",
            "Resource": f"arn:aws:logs:us-east-1:{aws.id}:log-group:app:*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        logs.put_resource_policy(policyName="events", policyDocument=policy)

    def write() -> str:
        call = cloud.server.cloud.call("events", account=aws.id)
        client = call.aws("logs", principal=identity.service("events.amazonaws.com"))
        events = [{"timestamp": int(call.now * 1000), "message": "x"}]
        try:
            client.put_log_events(log_group_name="app", log_stream_name="main", log_events=events)
        except Fault as fault:
            return fault.code
        return ""

    assert cloud.do(write) == ("" if allowed else "AccessDenied")


def test_policies_name_a_group_with_all_its_streams(aws: Any, logs: Any, put: Any, refused: Any) -> None:
    put("x")
    logs.create_log_group(logGroupName="other")
    iam = aws.client("iam")
    iam.create_user(UserName="reader")
    arn = f"arn:aws:logs:us-east-1:{aws.id}:log-group:app:*"
    statement = {"Effect": "Allow", "Action": ["logs:FilterLogEvents", "logs:GetLogEvents"], "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = aws.client("logs", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    assert len(reader.filter_log_events(logGroupName="app")["events"]) == 1
    assert len(reader.get_log_events(logGroupName="app", logStreamName="main")["events"]) == 1
    with refused("AccessDeniedException", "log-group:other:log-stream:"):
        reader.filter_log_events(logGroupName="other")


def test_what_is_sensitive_is_reported_when_it_comes(aws: Any, logs: Any, put: Any, clock: Any, refused: Any) -> None:
    """Audit findings go to where the policy says, and are counted in a metric."""
    s3 = aws.client("s3")
    logs.create_log_group(logGroupName="findings")
    s3.create_bucket(Bucket=f"findings-{aws.id}")
    card = "arn:aws:dataprotection::aws:data-identifier/CreditCardNumber"
    places = {"CloudWatchLogs": {"LogGroup": "findings"}, "S3": {"Bucket": f"findings-{aws.id}"}}
    policy = json.loads(protecting(MAIL, card))
    policy["Statement"][0]["Operation"]["Audit"]["FindingsDestination"] = places
    logs.put_data_protection_policy(logGroupIdentifier="app", policyDocument=json.dumps(policy))
    put("bob@example.com paid with 4111 1111 1111 1111, not 4111 1111 1111 1112", "nothing")
    clock.advance(1)
    (event,) = logs.filter_log_events(logGroupName="findings")["events"]
    told = json.loads(event["message"])
    assert told["resourceArn"] == f"arn:aws:logs:us-east-1:{aws.id}:log-group:app:*"
    assert told["dataIdentifiers"] == [
        {"name": "EmailAddress", "count": 1, "detections": [{"start": 0, "end": 15}]},
        {"name": "CreditCardNumber", "count": 1, "detections": [{"start": 26, "end": 45}]},
    ]
    (kept,) = s3.list_objects_v2(Bucket=f"findings-{aws.id}")["Contents"]
    text = s3.get_object(Bucket=f"findings-{aws.id}", Key=kept["Key"])["Body"].read().decode()
    assert text == event["message"] + "\n"
    counted = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Logs",
        MetricName="LogEventsWithFindings",
        Dimensions=[{"Name": "LogGroupName", "Value": "app"}],
        StartTime=clock.now() - 600,
        EndTime=clock.now() + 60,
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    assert [one["Sum"] for one in counted] == [1.0]
    shown = [one["message"] for one in logs.get_log_events(logGroupName="app", logStreamName="main")["events"]]
    assert shown[0] == f"{'*' * 15} paid with {'*' * 19}, not 4111 1111 1111 1112"
    policy["Statement"][1]["Operation"]["Deidentify"] = {"RedactConfig": {}}
    with refused("InvalidParameterException", "MaskConfig"):
        logs.put_data_protection_policy(logGroupIdentifier="app", policyDocument=json.dumps(policy))
