"""Pipes: from queues and streams, through filters and templates, to targets."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from pileus.testing.local import CloudClock

from .conftest import Api


@pytest.fixture
def pipes(client: Any, clock: CloudClock) -> Any:
    return client("pipes")


@pytest.fixture
def role(aws: Any) -> str:
    """A role that nobody has created, and that may do everything."""
    return f"arn:aws:iam::{aws.id}:role/pipes"


@pytest.fixture
def pipe(pipes: Any, role: str, clock: CloudClock) -> Callable[..., dict[str, Any]]:
    def make(source: str, target: str, name: str = "p", **members: Any) -> dict[str, Any]:
        answer = pipes.create_pipe(Name=name, Source=source, Target=target, RoleArn=role, **members)
        clock.advance(0.001)
        return dict(answer)

    return make


def arrived(queue: Any, count: int, seconds: float = 10.0) -> list[Any]:
    """So many messages; a pipe reads its source by itself, in real time."""
    found: list[Any] = []
    end = time.monotonic() + seconds
    pause = threading.Event()
    while len(found) < count and time.monotonic() < end:
        found += queue.bodies()
        pause.wait(0.02)
    return found


def test_messages_that_match_are_transformed_and_handed_on(pipe: Any, queue: Any, sqs: Any) -> None:
    source, target = queue(), queue()
    pattern = json.dumps({"body": {"kind": ["order"], "amount": [{"numeric": [">", 10]}]}})
    template = (
        '{"amount": <$.body.amount>, "text": "<$.body.kind> of <$.body.amount>", "pipe": "<aws.pipes.pipe-name>"}'
    )
    pipe(
        source.arn,
        target.arn,
        SourceParameters={"FilterCriteria": {"Filters": [{"Pattern": pattern}]}},
        TargetParameters={"InputTemplate": template},
    )
    for body in ({"kind": "order", "amount": 20}, {"kind": "order", "amount": 5}, {"kind": "refund", "amount": 50}):
        sqs.send_message(QueueUrl=source.url, MessageBody=json.dumps(body))
    sqs.send_message(QueueUrl=source.url, MessageBody="no JSON")
    (found,) = arrived(target, 1)
    assert json.loads(found) == {"amount": 20, "text": "order of 20", "pipe": "p"}
    assert source.bodies() == []
    assert target.bodies() == []


def test_without_a_template_the_record_itself_arrives(pipe: Any, queue: Any, sqs: Any) -> None:
    source, target = queue(), queue()
    pipe(source.arn, target.arn)
    attributes = {"a": {"DataType": "String", "StringValue": "b"}}
    sent = sqs.send_message(QueueUrl=source.url, MessageBody="hello", MessageAttributes=attributes)
    (found,) = arrived(target, 1)
    record = json.loads(found)
    assert (record["messageId"], record["body"], record["eventSource"]) == (sent["MessageId"], "hello", "aws:sqs")
    assert record["messageAttributes"] == {"a": {"dataType": "String", "stringValue": "b"}}
    assert record["eventSourceARN"] == source.arn


def test_a_fifo_queue_stays_in_order_with_groups_of_the_event(pipe: Any, queue: Any, sqs: Any) -> None:
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    source, target = queue("in.fifo", **fifo), queue("out.fifo", **fifo)
    parameters = {"SqsQueueParameters": {"MessageGroupId": "$.body.group"}, "InputTemplate": "<$.body.n>"}
    pipe(source.arn, target.arn, TargetParameters=parameters)
    for number in range(25):
        body = json.dumps({"n": number, "group": f"g{number % 2}"})
        sqs.send_message(QueueUrl=source.url, MessageBody=body, MessageGroupId=f"g{number % 2}")
    numbers = [int(one) for one in arrived(target, 25)]
    assert sorted(numbers) == list(range(25))
    for parity in (0, 1):
        of_group = [number for number in numbers if number % 2 == parity]
        assert of_group == sorted(of_group)


def test_a_bus_gets_events(client: Any, pipe: Any, queue: Any, sqs: Any) -> None:
    source, heard, events = queue(), queue(), client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["till"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": heard.arn}])
    block = {"DetailType": "$.body.kind", "Source": "till"}
    parameters = {"EventBridgeEventBusParameters": block, "InputTemplate": '{"n": <$.body.n>}'}
    pipe(source.arn, events.describe_event_bus()["Arn"], TargetParameters=parameters)
    sqs.send_message(QueueUrl=source.url, MessageBody=json.dumps({"kind": "sale", "n": 7}))
    (found,) = arrived(heard, 1)
    event = json.loads(found)
    assert (event["detail-type"], event["source"], event["detail"]) == ("sale", "till", {"n": 7})


def test_changes_of_a_table_arrive_in_order(client: Any, pipe: Any, queue: Any) -> None:
    dynamodb, target = client("dynamodb"), queue()
    table = dynamodb.create_table(
        TableName="letters",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    for number in range(3):
        dynamodb.put_item(TableName="letters", Item={"id": {"S": "a"}, "n": {"N": str(number)}})
    pattern = json.dumps({"eventName": ["INSERT", "MODIFY"]})
    pipe(
        table["LatestStreamArn"],
        target.arn,
        SourceParameters={
            "DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"},
            "FilterCriteria": {"Filters": [{"Pattern": pattern}]},
        },
        TargetParameters={"InputTemplate": "<$.dynamodb.NewImage.n.N>"},
    )
    assert arrived(target, 3) == ['"0"', '"1"', '"2"']
    dynamodb.delete_item(TableName="letters", Key={"id": {"S": "a"}})
    dynamodb.put_item(TableName="letters", Item={"id": {"S": "a"}, "n": {"N": "9"}})
    assert arrived(target, 1) == ['"9"']


def test_what_a_stream_cannot_hand_on_is_a_dead_letter(client: Any, pipe: Any, queue: Any, clock: CloudClock) -> None:
    kinesis, dead, target = client("kinesis"), queue(), queue()
    kinesis.create_stream(StreamName="s", ShardCount=1)
    clock.advance(60)
    arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
    target.sqs.delete_queue(QueueUrl=target.url)
    settings = {
        "StartingPosition": "TRIM_HORIZON",
        "MaximumRetryAttempts": 1,
        "DeadLetterConfig": {"Arn": dead.arn},
        "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
    }
    kinesis.put_record(StreamName="s", Data=b'{"n": 1}', PartitionKey="a")
    pipe(arn, target.arn, SourceParameters={"KinesisStreamParameters": settings})
    (found,) = arrived(dead, 1)
    letter = json.loads(found)
    assert letter["context"]["condition"] == "RetryAttemptsExhausted"
    assert (letter["KinesisBatchInfo"]["batchSize"], letter["KinesisBatchInfo"]["streamArn"]) == (1, arn)


def test_records_of_kinesis_are_opened_and_keyed(client: Any, pipe: Any, queue: Any, clock: CloudClock) -> None:
    kinesis, target = client("kinesis"), queue()
    kinesis.create_stream(StreamName="s", ShardCount=2)
    clock.advance(60)
    arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
    template = '{"key": <$.partitionKey>, "n": <$.data.n>, "raw": <aws.pipes.event.json>}'
    pipe(
        arn,
        target.arn,
        SourceParameters={"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON"}},
        TargetParameters={"InputTemplate": template},
    )
    for number in range(6):
        kinesis.put_record(StreamName="s", Data=json.dumps({"n": number}).encode(), PartitionKey=f"k{number}")
    found = [json.loads(one) for one in arrived(target, 6)]
    assert sorted((one["key"], one["n"]) for one in found) == [(f"k{number}", number) for number in range(6)]
    assert json.loads(base64.b64decode(found[0]["raw"]["data"])) == {"n": found[0]["n"]}


def test_a_pipe_is_stopped_started_changed_and_deleted(
    pipes: Any, pipe: Any, queue: Any, sqs: Any, role: str, clock: CloudClock, refused: Any
) -> None:
    source, target = queue(), queue()
    created = pipe(source.arn, target.arn, Tags={"a": "b"}, DesiredState="STOPPED")
    assert (created["CurrentState"], created["DesiredState"]) == ("CREATING", "STOPPED")
    assert pipes.describe_pipe(Name="p")["CurrentState"] == "STOPPED"
    sqs.send_message(QueueUrl=source.url, MessageBody="waits")
    assert pipes.start_pipe(Name="p")["CurrentState"] == "STARTING"
    clock.advance(0.001)
    assert len(arrived(target, 1)) == 1
    pipes.update_pipe(Name="p", RoleArn=role, TargetParameters={"InputTemplate": "<$.body>"})
    clock.advance(0.001)
    sqs.send_message(QueueUrl=source.url, MessageBody="new")
    assert arrived(target, 1) == ['"new"']
    assert pipes.stop_pipe(Name="p")["CurrentState"] == "STOPPING"
    clock.advance(0.001)
    sqs.send_message(QueueUrl=source.url, MessageBody="stays")
    assert target.bodies() == []
    assert [one["Name"] for one in pipes.list_pipes(CurrentState="STOPPED")["Pipes"]] == ["p"]
    assert pipes.list_tags_for_resource(resourceArn=created["Arn"])["tags"] == {"a": "b"}
    with refused("ConflictException", "Pipe p already exists."):
        pipe(source.arn, target.arn)
    assert pipes.delete_pipe(Name="p")["CurrentState"] == "DELETING"
    clock.advance(0.001)
    with refused("NotFoundException", "Pipe p does not exist."):
        pipes.describe_pipe(Name="p")
    assert source.bodies() == ["stays"]


def test_what_is_no_pipe_is_refused(pipes: Any, pipe: Any, queue: Any, refused: Any) -> None:
    source, target = queue(), queue()
    bad = {"FilterCriteria": {"Filters": [{"Pattern": '{"a": "b"}'}]}}
    with refused("ValidationException", "Filter pattern is not valid."):
        pipe(source.arn, target.arn, SourceParameters=bad)
    with refused("ValidationException", "StartingPosition are required"):
        pipe("arn:aws:kinesis:us-east-1:111122223333:stream/s", target.arn)
    with refused("ValidationException", "The source is not supported"):
        pipe("arn:aws:sns:us-east-1:111122223333:topic", target.arn)
    with refused("NotImplemented"):
        pipe("arn:aws:kafka:us-east-1:111122223333:cluster/c/x", target.arn)
    assert pipes.list_pipes()["Pipes"] == []


def test_a_pipe_tells_what_it_does_in_groups_buckets_and_streams(
    client: Any, aws: Any, pipe: Any, queue: Any, clock: CloudClock, role: str
) -> None:
    """Whoever makes the pipe, and may, lets AWS's delivery of logs in: nothing else has to be set up."""
    logs, s3, firehose, iam = client("logs"), client("s3"), client("firehose"), client("iam")
    s3.create_bucket(Bucket=f"told-{aws.id}")
    s3.create_bucket(Bucket=f"kept-{aws.id}")
    logs.create_log_group(logGroupName="told")
    group = logs.describe_log_groups()["logGroups"][0]["arn"]
    kept = {"BucketARN": f"arn:aws:s3:::kept-{aws.id}", "RoleARN": role, "BufferingHints": {"IntervalInSeconds": 60}}
    stream = firehose.create_delivery_stream(DeliveryStreamName="told", ExtendedS3DestinationConfiguration=kept)
    clock.advance(5)
    source, target = queue(), queue()
    pipe(
        source.arn,
        target.arn,
        TargetParameters={"InputTemplate": '{"got": <$.body>}'},
        LogConfiguration={
            "Level": "TRACE",
            "IncludeExecutionData": ["ALL"],
            "CloudwatchLogsLogDestination": {"LogGroupArn": group},
            "S3LogDestination": {"BucketName": f"told-{aws.id}", "BucketOwner": aws.id, "Prefix": "mine"},
            "FirehoseLogDestination": {"DeliveryStreamArn": stream["DeliveryStreamARN"]},
        },
    )
    assert firehose.list_tags_for_delivery_stream(DeliveryStreamName="told")["Tags"] == [
        {"Key": "LogDeliveryEnabled", "Value": "true"}
    ]
    assert iam.get_role(RoleName="AWSServiceRoleForLogDelivery")["Role"]["Path"].startswith("/aws-service-role/")
    client("sqs").send_message(QueueUrl=source.url, MessageBody='{"a": 1}')
    assert arrived(target, 1)

    def objects(bucket: str) -> list[tuple[str, str]]:
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return [(key, s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()) for key in keys]

    pause = threading.Event()
    for _ in range(200):
        clock.advance(61)
        if (told := objects(f"told-{aws.id}")) and (put := objects(f"kept-{aws.id}")):
            break
        pause.wait(0.02)
    events = [one["message"] for one in logs.filter_log_events(logGroupName="told")["events"]]
    lines = [json.loads(line) for line in events]
    assert [line["messageType"] for line in lines] == [
        "EXECUTION_STARTED",
        "TARGET_STAGE_ENTERED",
        "TARGET_TRANSFORMATION_STARTED",
        "TARGET_TRANSFORMATION_SUCCEEDED",
        "TARGET_INVOCATION_STARTED",
        "TARGET_INVOCATION_SUCCEEDED",
        "TARGET_STAGE_SUCCEEDED",
        "EXECUTION_SUCCEEDED",
    ]
    assert len({line["executionId"] for line in lines}) == 1
    assert json.loads(lines[0]["payload"])[0]["body"] == '{"a": 1}'
    ((key, text),) = told
    assert key.startswith(f"mine/AWSLogs/{aws.id}/pipes/")
    assert text.splitlines() == events
    ((_, text),) = put
    assert text.splitlines() == events


def test_logs_of_a_pipe_are_json(pipes: Any, queue: Any, role: str, aws: Any, refused: Any) -> None:
    bucket = {"BucketName": "told", "BucketOwner": aws.id, "OutputFormat": "w3c"}
    with refused("ValidationException", "OutputFormat w3c is not supported"):
        pipes.create_pipe(
            Name="p",
            Source=queue().arn,
            Target=queue().arn,
            RoleArn=role,
            LogConfiguration={"Level": "INFO", "S3LogDestination": bucket},
        )


def test_api_destinations_enrich_and_are_targets(
    client: Any, aws: Any, pipe: Any, queue: Any, role: str, api: Api, clock: CloudClock
) -> None:
    """Each event is asked about by itself; what a role may not call, it does not."""
    events, sqs, iam, source = client("events"), client("sqs"), client("iam"), queue()
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "k"}}
    made = events.create_connection(Name="c", AuthorizationType="API_KEY", AuthParameters=key)
    arns = [
        events.create_api_destination(
            Name=name, ConnectionArn=made["ConnectionArn"], InvocationEndpoint=f"{api.url}/{name}/*", HttpMethod="POST"
        )["ApiDestinationArn"]
        for name in ("ask", "tell")
    ]
    api.text = '[{"price": 7}, {"price": 8}]'
    trust = {"Effect": "Allow", "Principal": {"Service": "pipes.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(
        RoleName="pipes", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust})
    )
    allow = (
        {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "events:InvokeApiDestination",
            "Resource": arns,
        },
    )
    policy = {"Version": "2012-10-17", "Statement": allow}
    iam.put_role_policy(RoleName="pipes", PolicyName="p", PolicyDocument=json.dumps(policy))
    pipe(
        source.arn,
        arns[1],
        Enrichment=arns[0],
        EnrichmentParameters={
            "InputTemplate": '{"item": <$.body.item>}',
            "HttpParameters": {"PathParameterValues": ["$.body.item"], "HeaderParameters": {"x-way": "enrich"}},
        },
        TargetParameters={"HttpParameters": {"PathParameterValues": ["$.price"]}},
    )
    sqs.send_message(QueueUrl=source.url, MessageBody='{"item": "tea"}')

    def asked(count: int) -> list[tuple[str, str]]:
        pause = threading.Event()
        for _ in range(400):
            if len(api.requests) >= count:
                break
            pause.wait(0.02)
        return [(one["path"], one["body"]) for one in api.requests]

    assert asked(3) == [("/ask/tea", '{"item": "tea"}'), ("/tell/7", '{"price":7}'), ("/tell/8", '{"price":8}')]
    assert (api.requests[0]["headers"]["x-way"], api.requests[0]["headers"]["x-key"]) == ("enrich", "k")
    iam.put_role_policy(
        RoleName="pipes",
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow[:1]}),
    )
    sqs.send_message(QueueUrl=source.url, MessageBody='{"item": "milk"}')
    threading.Event().wait(0.3)
    assert len(api.requests) == 3
