"""Functions that are fed from queues."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from pileus.services.lambda_.mappings import Mapping
from pileus.services.lambda_.queues import Feeder

from .conftest import Functions
from .test_events import Box

KEEP = """
    import boto3, json

    def handler(event, context):
        failed = []
        for record in event["Records"]:
            body = json.loads(record["body"])
            if body.get("fail"):
                failed.append({"itemIdentifier": record["messageId"]})
        seen = [json.loads(record["body"])["n"] for record in event["Records"]]
        boto3.client("sqs").send_message(QueueUrl=SEEN, MessageBody=json.dumps(seen))
        return {"batchItemFailures": failed}
"""


def eventually(holds: Callable[[], Any], seconds: float = 10.0) -> Any:
    """What something becomes that is awaited, for at most so many seconds."""
    until = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


class Fed:
    """A function with a queue before it, and one behind it in which it says what it has seen."""

    def __init__(self, functions: Functions, source: str = KEEP, fifo: bool = False) -> None:
        self.functions = functions
        self.seen = Box(functions, "seen")
        self.sqs = functions.account.client("sqs")
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
        name = "letters.fifo" if fifo else "letters"
        self.url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:{functions.account.id}:{name}"
        functions.create(source.replace("SEEN", repr(self.seen.url)))

    def map(self, **members: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.functions.client.create_event_source_mapping(
            FunctionName="function", EventSourceArn=self.arn, **members
        )
        return answer

    def send(self, *bodies: dict[str, Any], **members: Any) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=json.dumps(body), **members)

    def numbers(self) -> list[int]:
        """What the function has seen since the last time."""
        return [number for message in self.seen.take(1) for number in json.loads(message["Body"])]

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


@pytest.fixture
def fed(functions: Functions) -> Fed:
    return Fed(functions)


def test_messages_reach_the_function_and_are_deleted(fed: Fed) -> None:
    made = fed.map()
    assert made["State"] == "Creating"
    assert made["BatchSize"] == 10
    fed.send(*({"n": n} for n in range(7)))
    seen: list[int] = []
    assert eventually(lambda: seen.extend(fed.numbers()) or len(seen) == 7)
    assert sorted(seen) == list(range(7))
    assert eventually(lambda: fed.left() == 0)
    assert fed.functions.client.get_event_source_mapping(UUID=made["UUID"])["State"] == "Enabled"


def test_a_record_is_as_lambda_shows_it(functions: Functions) -> None:
    fed = Fed(
        functions,
        """
        import boto3, json

        def handler(event, context):
            boto3.client("sqs").send_message(QueueUrl=SEEN, MessageBody=json.dumps(event))
        """,
    )
    fed.map()
    fed.send({"n": 1}, MessageAttributes={"colour": {"DataType": "String", "StringValue": "red"}})
    (event,) = [json.loads(message["Body"]) for message in fed.seen.take(10)]
    (record,) = event["Records"]
    assert record["body"] == '{"n": 1}'
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == fed.arn
    assert record["awsRegion"] == "us-east-1"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"]["colour"]["stringValue"] == "red"
    assert {"messageId", "receiptHandle", "md5OfBody", "md5OfMessageAttributes"} <= record.keys()


def test_only_what_has_failed_comes_back(fed: Fed, cloud) -> None:
    fed.map(FunctionResponseTypes=["ReportBatchItemFailures"])
    fed.send({"n": 1}, {"n": 2, "fail": True}, {"n": 3})
    seen: list[int] = []
    assert eventually(lambda: seen.extend(fed.numbers()) or sorted(seen) == [1, 2, 3])
    assert eventually(lambda: fed.left() == 1)
    cloud.clock.advance(31)
    assert fed.numbers() == [2]


def test_a_batch_that_fails_comes_back_whole(functions: Functions, cloud) -> None:
    fed = Fed(
        functions,
        KEEP + "    \n    inner = handler\n    def handler(e, c):\n        inner(e, c)\n        raise ValueError",
    )
    fed.map()
    fed.send({"n": 1})
    assert fed.numbers() == [1]
    assert fed.left() == 1
    cloud.clock.advance(31)
    assert fed.numbers() == [1]


def test_a_filter_lets_some_through_and_the_others_vanish(fed: Fed) -> None:
    pattern = {"body": {"kind": ["letter"], "n": [{"numeric": [">", 1]}]}}
    fed.map(FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    fed.send({"n": 1, "kind": "letter"}, {"n": 2, "kind": "letter"}, {"n": 3, "kind": "parcel"})
    assert eventually(lambda: fed.left() == 0)
    assert fed.numbers() == [2]


def test_a_batch_window_gathers_messages_on_the_cloud_s_clock(fed: Fed, clock) -> None:
    fed.map(BatchSize=50, MaximumBatchingWindowInSeconds=20)
    fed.send(*({"n": n} for n in range(15)))
    assert eventually(lambda: fed.left() == 15 and not fed.seen.take())
    clock.advance(5)
    assert fed.seen.take() == []
    clock.advance(21)
    (batch,) = [json.loads(message["Body"]) for message in fed.seen.take(5)]
    assert sorted(batch) == list(range(15))


def test_messages_of_a_group_stay_in_order(functions: Functions) -> None:
    fed = Fed(functions, fifo=True)
    fed.map(BatchSize=3)
    for n in range(12):
        fed.send({"n": n}, MessageGroupId=f"group-{n % 2}")
    seen: list[int] = []
    assert eventually(lambda: seen.extend(fed.numbers()) or len(seen) == 12)
    for group in (0, 1):
        assert [n for n in seen if n % 2 == group] == [n for n in range(12) if n % 2 == group]


def test_a_mapping_can_be_switched_off_and_deleted(fed: Fed, refused) -> None:
    client = fed.functions.client
    made = fed.map(Enabled=False)
    fed.send({"n": 1})
    assert fed.numbers() == []
    assert client.get_event_source_mapping(UUID=made["UUID"])["State"] == "Disabled"
    client.update_event_source_mapping(UUID=made["UUID"], Enabled=True)
    assert fed.numbers() == [1]
    assert [
        each["UUID"] for each in client.list_event_source_mappings(FunctionName="function")["EventSourceMappings"]
    ] == [made["UUID"]]
    assert client.delete_event_source_mapping(UUID=made["UUID"])["State"] == "Deleting"
    with refused("ResourceNotFoundException", "The resource you requested does not exist."):
        client.get_event_source_mapping(UUID=made["UUID"])
    fed.send({"n": 2})
    assert fed.numbers() == []


def test_what_does_not_go_together_is_refused(fed: Fed, refused) -> None:
    with refused("InvalidParameterValueException", "Maximum batch window in seconds must be greater than 0"):
        fed.map(BatchSize=11)
    with refused("InvalidParameterValueException", "Invalid filter pattern definition"):
        fed.map(FilterCriteria={"Filters": [{"Pattern": "{"}]})
    fed.map()
    with refused("ResourceConflictException", "already exists"):
        fed.map()
    fed.functions.client.update_function_configuration(FunctionName="function", Timeout=60)
    fed.sqs.create_queue(QueueName="quick")
    with refused(
        "InvalidParameterValueException", "Queue visibility timeout: 30 seconds is less than Function timeout"
    ):
        fed.functions.client.create_event_source_mapping(
            FunctionName="function", EventSourceArn=fed.arn.replace("letters", "quick")
        )


def test_provisioned_mode_says_how_many_pollers_there_are(fed: Fed, refused) -> None:
    def pollers(least: int, most: int) -> dict[str, Any]:
        return {"ProvisionedPollerConfig": {"MinimumPollers": least, "MaximumPollers": most}}

    for wrong in (pollers(1, 5), pollers(5, 4), pollers(2, 5) | {"ScalingConfig": {"MaximumConcurrency": 2}}):
        with refused("InvalidParameterValueException"):
            fed.map(**wrong)
    made = fed.map(**pollers(3, 5))
    assert made["ProvisionedPollerConfig"] == {"MinimumPollers": 3, "MaximumPollers": 5}
    mapping = Mapping(id="m", function="f", qualifier="", source=fed.arn, settings=pollers(3, 5), modified=0.0)
    feeder = Feeder(cast("Any", None), "m")
    asyncio.run(feeder.room(mapping))
    assert feeder.allowed == 30  # without it there are five batches at first
    client = fed.functions.client
    client.update_event_source_mapping(UUID=made["UUID"], ProvisionedPollerConfig={})
    assert "ProvisionedPollerConfig" not in client.get_event_source_mapping(UUID=made["UUID"])
    fed.send({"n": 1})
    assert fed.numbers() == [1]


def test_filters_under_a_key_of_one_s_own(fed: Fed, clock) -> None:
    """Who may not decrypt does not see them, and Lambda needs to be allowed to."""
    account, kms = fed.functions.account, fed.functions.account.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    filters = {"Filters": [{"Pattern": json.dumps({"body": {"kind": ["letter"]}})}]}
    made = fed.map(FilterCriteria=filters, KMSKeyArn=key)
    assert (made["KMSKeyArn"], made["FilterCriteria"]) == (key, filters)
    fed.send({"n": 1, "kind": "bill"}, {"n": 2, "kind": "letter"})
    client = fed.functions.client
    shown = eventually(lambda: client.get_event_source_mapping(UUID=made["UUID"]).get("LastProcessingResult"))
    assert "PROBLEM" in shown
    whole = {
        "Effect": "Allow",
        "Action": "kms:*",
        "Resource": "*",
        "Principal": {"AWS": f"arn:aws:iam::{account.id}:root"},
    }
    service = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}
    policy = {
        "Version": "2012-10-17",
        "Statement": [whole, service | {"Principal": {"Service": "lambda.amazonaws.com"}}],
    }
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    clock.advance(31)  # they come back
    assert eventually(fed.numbers) == [2]
    kms.disable_key(KeyId=key)
    told = client.get_event_source_mapping(UUID=made["UUID"])
    assert "FilterCriteria" not in told
    assert told["FilterCriteriaError"]["ErrorCode"] == "DisabledException"


def test_the_function_s_role_must_be_able_to_take_messages(fed: Fed, refused) -> None:
    iam = fed.functions.account.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="functions", AssumeRolePolicyDocument=document)

    def allow(*actions: str) -> None:
        statement = {"Effect": "Allow", "Action": [f"sqs:{action}" for action in actions], "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName="functions", PolicyName="queues", PolicyDocument=policy)

    words = "execution role does not have permissions to call"
    with refused("InvalidParameterValueException", f"The provided {words} SendMessage on SQS"):
        fed.functions.create("", name="dead", DeadLetterConfig={"TargetArn": fed.arn})
    with refused("InvalidParameterValueException", f"The function {words} ReceiveMessage on SQS"):
        fed.map()
    source = {"FunctionName": "function", "EventSourceArn": fed.arn}
    allow("GetQueueAttributes", "ReceiveMessage")
    with refused("InvalidParameterValueException", f"The function {words} DeleteMessage on SQS"):
        fed.functions.client.create_event_source_mapping(**source)
    allow("GetQueueAttributes", "ReceiveMessage", "DeleteMessage", "SendMessage")
    fed.functions.client.create_event_source_mapping(**source)
    fed.functions.create("", name="dead", DeadLetterConfig={"TargetArn": fed.arn})
