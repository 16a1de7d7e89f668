"""Metrics that services publish of themselves, by the names and dimensions that AWS gives them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import pytest

from pileus.testing.account import Account
from pileus.testing.local import CloudClock

Told = Callable[..., dict[str, float]]


@pytest.fixture
def told(aws: Account, clock: CloudClock) -> Told:
    """The sums of a namespace's metrics with just these dimensions, once the minute is over."""
    cloudwatch = aws.client("cloudwatch")
    start = clock.now() - 60

    def sums(namespace: str, stat: str = "Sum", **dimensions: str) -> dict[str, float]:
        clock.advance(60)
        wanted = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        metrics = cloudwatch.list_metrics(Namespace=namespace, Dimensions=wanted)["Metrics"]
        found = {}
        for metric in metrics:
            if len(metric["Dimensions"]) == len(dimensions):
                points = cloudwatch.get_metric_statistics(
                    Namespace=namespace,
                    MetricName=metric["MetricName"],
                    Dimensions=metric["Dimensions"],
                    StartTime=start,
                    EndTime=clock.now() + 60,
                    Period=60,
                    Statistics=[stat],
                )["Datapoints"]
                found[metric["MetricName"]] = sum(one[stat] for one in points)
        return found

    return sums


def test_queues(aws: Account, told: Told, clock: CloudClock) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for text in ("one", "three"):
        sqs.send_message(QueueUrl=url, MessageBody=text)
    entries = [{"Id": str(number), "MessageBody": "22"} for number in range(3)]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert "AWS/SQS" not in {one["Namespace"] for one in aws.client("cloudwatch").list_metrics()["Metrics"]}
    found = told("AWS/SQS", QueueName="q")
    assert found["NumberOfMessagesSent"] == 5
    assert found["SentMessageSize"] == len("onethree") + 6
    assert (found["NumberOfMessagesReceived"], found["NumberOfMessagesDeleted"]) == (1, 1)
    assert found["ApproximateNumberOfMessagesVisible"] == 4
    clock.advance(3600)
    assert told("AWS/SQS", "SampleCount", QueueName="q")["ApproximateNumberOfMessagesVisible"] == 6


def test_the_depth_of_a_queue_is_alarming(aws: Account, clock: CloudClock) -> None:
    sqs, cloudwatch = aws.client("sqs"), aws.client("cloudwatch")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    cloudwatch.put_metric_alarm(
        AlarmName="deep",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "q"}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=2,
        ComparisonOperator="GreaterThanThreshold",
    )
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    clock.advance(180)
    assert cloudwatch.describe_alarms()["MetricAlarms"][0]["StateValue"] == "ALARM"


def test_topics(aws: Account, told: Told) -> None:
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topic = sns.create_topic(Name="t")["TopicArn"]
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"{arn}-gone")
    sns.publish(TopicArn=topic, Message="hello")
    sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": "a", "Message": "four"}])
    assert told("AWS/SNS", TopicName="t") == {
        "NumberOfMessagesPublished": 2,
        "PublishSize": 9,
        "NumberOfNotificationsDelivered": 2,
        "NumberOfNotificationsFailed": 2,
    }


def test_functions_and_rules(aws: Account, told: Told) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return 1 / event['by']\n")
    functions, events = aws.client("lambda"), aws.client("events")
    function = functions.create_function(
        FunctionName="f",
        Runtime="python3.11",
        Handler="app.handler",
        Role=f"arn:aws:iam::{aws.id}:role/functions",
        Code={"ZipFile": code.getvalue()},
    )["FunctionArn"]
    for by in (1, 0):
        functions.invoke(FunctionName="f", Payload=json.dumps({"by": by}))
    found = told("AWS/Lambda", FunctionName="f")
    assert (found["Invocations"], found["Errors"], found["Throttles"]) == (2, 1, 0)
    assert found["Duration"] > 0 and found["ConcurrentExecutions"] == 2
    assert told("AWS/Lambda", FunctionName="f", Resource="f")["Invocations"] == 2
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with pytest.raises(functions.exceptions.TooManyRequestsException):
        functions.invoke(FunctionName="f", Payload="{}")
    assert told("AWS/Lambda", FunctionName="f")["Throttles"] >= 1
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["mine"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "f", "Arn": function}])
    events.put_events(Entries=[{"Source": "mine", "DetailType": "d", "Detail": "{}"}])
    counted = told("AWS/Events", RuleName="r")
    assert counted == {"TriggeredRules": 1, "Invocations": 1, "FailedInvocations": 1}


def test_tables_and_streams(aws: Account, told: Told) -> None:
    dynamodb, kinesis = aws.client("dynamodb"), aws.client("kinesis")
    dynamodb.create_table(
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    told("AWS/DynamoDB")
    dynamodb.put_item(TableName="things", Item={"id": {"S": "a"}, "big": {"S": "x" * 1500}})
    dynamodb.get_item(TableName="things", Key={"id": {"S": "a"}})
    dynamodb.scan(TableName="things")
    assert told("AWS/DynamoDB", TableName="things") == {"ConsumedWriteCapacityUnits": 2, "ConsumedReadCapacityUnits": 1}
    assert told("AWS/DynamoDB", TableName="things", Operation="Scan") == {"ReturnedItemCount": 1}
    kinesis.create_stream(StreamName="s", ShardCount=1)
    told("AWS/Kinesis")
    kinesis.put_record(StreamName="s", Data=b"12345", PartitionKey="a")
    records = [{"Data": b"12", "PartitionKey": "a"}] * 3
    kinesis.put_records(StreamName="s", Records=records)
    shard = kinesis.list_shards(StreamName="s")["Shards"][0]["ShardId"]
    place = kinesis.get_shard_iterator(StreamName="s", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    kinesis.get_records(ShardIterator=place["ShardIterator"])
    found = told("AWS/Kinesis", StreamName="s")
    assert (found["IncomingRecords"], found["IncomingBytes"]) == (4, 11)
    assert (found["PutRecord.Success"], found["PutRecords.TotalRecords"]) == (1, 3)
    assert (found["GetRecords.Records"], found["GetRecords.Bytes"]) == (4, 11)


def test_log_groups_and_their_filters(aws: Account, told: Told, clock: CloudClock) -> None:
    logs, kinesis = aws.client("logs"), aws.client("kinesis")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    kinesis.create_stream(StreamName="k", ShardCount=1)
    clock.advance(1)
    logs.put_subscription_filter(
        logGroupName="g",
        filterName="f",
        filterPattern="",
        destinationArn=f"arn:aws:kinesis:us-east-1:{aws.id}:stream/k",
        roleArn=f"arn:aws:iam::{aws.id}:role/logs",
    )
    events = [{"timestamp": int(clock.now() * 1000), "message": message} for message in ("one", "three")]
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=events)
    assert told("AWS/Logs", LogGroupName="g") == {"IncomingLogEvents": 2, "IncomingBytes": 8 + 2 * 26}
    found = told("AWS/Logs", LogGroupName="g", FilterName="f", DestinationType="KinesisStream")
    assert found["ForwardedLogEvents"] == 2 and found["ForwardedBytes"] > 0


def test_events_schedules_and_pipes(aws: Account, told: Told, clock: CloudClock) -> None:
    events, scheduler, sqs, pipes = (aws.client(name) for name in ("events", "scheduler", "sqs", "pipes"))
    sqs.create_queue(QueueName="q")
    piped = sqs.create_queue(QueueName="piped")["QueueUrl"]
    url, role = sqs.create_queue(QueueName="source")["QueueUrl"], f"arn:aws:iam::{aws.id}:role/r"
    arn = f"arn:aws:sqs:us-east-1:{aws.id}"
    entry = {"Source": "shop", "DetailType": "t", "Detail": "{}"}
    events.put_events(Entries=[entry, entry])
    events.put_events(Entries=[entry | {"Detail": "no JSON"}])
    for name, target in (("good", f"{arn}:q"), ("bad", f"{arn}:nowhere")):
        scheduler.create_schedule_group(Name=name)
        scheduler.create_schedule(
            Name="s",
            GroupName=name,
            ScheduleExpression="rate(1 hour)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": target, "RoleArn": role},
        )
    pipes.create_pipe(Name="p", Source=f"{arn}:source", Target=f"{arn}:piped", RoleArn=role)
    clock.advance(1)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert sqs.receive_message(QueueUrl=piped, WaitTimeSeconds=10)["Messages"]
    found = told("AWS/Events")
    assert (found["PutEventsApproximateCallCount"], found["PutEventsEntriesCount"]) == (2, 3)
    assert (found["PutEventsApproximateFailedCount"], found["PutEventsFailedEntriesCount"]) == (1, 1)
    assert told("AWS/Scheduler", ScheduleGroup="good") == {"InvocationAttemptCount": 1}
    failing = {"InvocationAttemptCount": 1, "TargetErrorCount": 1, "InvocationDroppedCount": 1}
    assert told("AWS/Scheduler", ScheduleGroup="bad") == failing
    found = told("AWS/EventBridge/Pipes", PipeName="p")
    assert (found["Invocations"], found["EventCount"]) == (1, 1) and "ExecutionFailed" not in found
