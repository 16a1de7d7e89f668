"""What buses tell of their events, in log groups and buckets; and endpoints seen from another Region."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pileus.testing.local import CloudClock


@pytest.fixture
def logs(client: Any, clock: CloudClock) -> Any:
    return client("logs")


def delivered(logs: Any, bus: str, kind: str, target: str) -> None:
    name = kind.lower().replace("_", "-")
    logs.put_delivery_source(name=name, resourceArn=bus, logType=kind)
    to = logs.put_delivery_destination(name=name, deliveryDestinationConfiguration={"destinationResourceArn": target})[
        "deliveryDestination"
    ]["arn"]
    logs.create_delivery(deliverySourceName=name, deliveryDestinationArn=to)


def test_a_bus_tells_what_becomes_of_events(client: Any, logs: Any, clock: CloudClock) -> None:
    events, sqs, s3 = client("events"), client("sqs"), client("s3")
    bus = events.create_event_bus(Name="b", LogConfig={"Level": "INFO", "IncludeDetail": "FULL"})["EventBusArn"]
    assert events.describe_event_bus(Name="b")["LogConfig"] == {"Level": "INFO", "IncludeDetail": "FULL"}
    logs.create_log_group(logGroupName="/aws/vendedlogs/events/b")
    group = logs.describe_log_groups()["logGroups"][0]["arn"]
    account = bus.split(":")[4]
    s3.create_bucket(Bucket=f"errors-{account}")
    delivered(logs, bus, "INFO_LOGS", group)
    delivered(logs, bus, "ERROR_LOGS", f"arn:aws:s3:::errors-{account}")
    events.put_rule(Name="r", EventBusName="b", EventPattern='{"source": ["shop"]}')
    sqs.create_queue(QueueName="q")
    events.put_targets(Rule="r", EventBusName="b", Targets=[{"Id": "q", "Arn": f"arn:aws:sqs:us-east-1:{account}:q"}])
    entry = {"EventBusName": "b", "DetailType": "t", "Detail": '{"a": 1}'}
    told = events.put_events(Entries=[entry | {"Source": "shop"}, entry | {"Source": "other"}])["Entries"]
    clock.advance(1)
    found = [
        json.loads(one["message"]) for one in logs.filter_log_events(logGroupName="/aws/vendedlogs/events/b")["events"]
    ]
    kinds = [[one["message_type"] for one in found if one["event_id"] == entry["EventId"]] for entry in told]
    assert sorted(kinds[0]) == ["EVENT_RECEIPT", "RULE_MATCHED"]
    assert sorted(kinds[1]) == ["EVENT_RECEIPT", "NO_STANDARD_RULES_MATCHED"]
    assert found[0]["details"]["event_detail"]["detail"] == {"a": 1}
    (failed,) = s3.list_objects_v2(Bucket=f"errors-{account}")["Contents"]  # the queue lets nobody in
    text = s3.get_object(Bucket=f"errors-{account}", Key=failed["Key"])["Body"].read()
    record = json.loads(text)
    assert record["message_type"] == "INVOCATION_ATTEMPT_PERMANENT_FAILURE"
    assert record["details"]["error_code"] == "NO_PERMISSIONS"
    events.update_event_bus(Name="b", LogConfig={"Level": "OFF"})
    before = len(found)
    events.put_events(Entries=[entry | {"Source": "shop"}])
    clock.advance(1)
    assert len(logs.filter_log_events(logGroupName="/aws/vendedlogs/events/b")["events"]) == before


def test_a_bus_tells_a_stream_that_is_tagged_for_it(client: Any, logs: Any, clock: CloudClock) -> None:
    events, s3, firehose = client("events"), client("s3"), client("firehose")
    bus = events.create_event_bus(Name="b", LogConfig={"Level": "INFO"})["EventBusArn"]
    account = bus.split(":")[4]
    s3.create_bucket(Bucket=f"told-{account}")
    stream = firehose.create_delivery_stream(
        DeliveryStreamName="told",
        ExtendedS3DestinationConfiguration={
            "BucketARN": f"arn:aws:s3:::told-{account}",
            "RoleARN": f"arn:aws:iam::{account}:role/told",
            "BufferingHints": {"IntervalInSeconds": 60},
        },
    )["DeliveryStreamARN"]
    clock.advance(5)
    delivered(logs, bus, "INFO_LOGS", stream)

    def told() -> list[str]:
        entry = {"EventBusName": "b", "Source": "shop", "DetailType": "t", "Detail": "{}"}
        events.put_events(Entries=[entry])
        clock.advance(70)
        found = s3.list_objects_v2(Bucket=f"told-{account}").get("Contents", [])
        texts = [s3.get_object(Bucket=f"told-{account}", Key=one["Key"])["Body"].read() for one in found]
        return [json.loads(line)["message_type"] for text in texts for line in text.splitlines()]

    assert told() == ["EVENT_RECEIPT", "NO_STANDARD_RULES_MATCHED"]
    firehose.untag_delivery_stream(DeliveryStreamName="told", TagKeys=["LogDeliveryEnabled"])
    assert len(told()) == 2  # the role may only write where the tag says so


def test_records_have_the_shape_that_their_delivery_says(client: Any, logs: Any, clock: CloudClock) -> None:
    events, s3 = client("events"), client("s3")
    bus = events.create_event_bus(Name="b", LogConfig={"Level": "INFO"})["EventBusArn"]
    account = bus.split(":")[4]
    s3.create_bucket(Bucket=f"told-{account}")
    (template,) = logs.describe_configuration_templates(
        service="events", logTypes=["INFO_LOGS"], deliveryDestinationTypes=["S3"]
    )["configurationTemplates"]
    assert "w3c" in template["allowedOutputFormats"] and "dd" in template["allowedSuffixPathFields"]
    assert len(logs.describe_configuration_templates(resourceTypes=["event-bus"])["configurationTemplates"]) == 9
    logs.put_delivery_source(name="s", resourceArn=bus, logType="INFO_LOGS")
    to = logs.put_delivery_destination(
        name="d",
        outputFormat="w3c",
        deliveryDestinationConfiguration={"destinationResourceArn": f"arn:aws:s3:::told-{account}"},
    )["deliveryDestination"]["arn"]
    logs.create_delivery(
        deliverySourceName="s",
        deliveryDestinationArn=to,
        recordFields=["event_bus_name", "message_type"],
        fieldDelimiter=";",
        s3DeliveryConfiguration={"suffixPath": "{yyyy}/{MM}", "enableHiveCompatiblePath": True},
    )
    events.put_events(Entries=[{"EventBusName": "b", "Source": "shop", "DetailType": "t", "Detail": "{}"}])
    clock.advance(1)
    found = s3.list_objects_v2(Bucket=f"told-{account}")["Contents"]
    at = datetime.fromtimestamp(clock.now(), UTC)
    place = f"AWSLogs/{account}/EventBusLogs/us-east-1/year={at:%Y}/month={at:%m}/"
    assert all(one["Key"].startswith(place) for one in found)
    texts = {s3.get_object(Bucket=f"told-{account}", Key=one["Key"])["Body"].read().decode() for one in found}
    head = "#Version: 1.0\n#Fields: event_bus_name message_type\n"
    assert texts == {f"{head}b;EVENT_RECEIPT\n", f"{head}b;NO_STANDARD_RULES_MATCHED\n"}


def test_an_endpoint_is_seen_from_its_other_region(client: Any, clock: CloudClock, refused: Any) -> None:
    here, there = client("events"), client("events", region="eu-west-1")
    buses = [{"EventBusArn": one.create_event_bus(Name="b")["EventBusArn"]} for one in (here, there)]
    routing = {
        "FailoverConfig": {
            "Primary": {"HealthCheck": "arn:aws:route53:::healthcheck/a"},
            "Secondary": {"Route": "eu-west-1"},
        }
    }
    made = here.create_endpoint(
        Name="e", RoutingConfig=routing, EventBuses=buses, ReplicationConfig={"State": "DISABLED"}
    )
    with refused("ResourceNotFoundException"):
        there.describe_endpoint(Name="e")
    assert there.describe_endpoint(Name="e", HomeRegion="us-east-1")["Arn"] == made["Arn"]
    assert there.list_endpoints()["Endpoints"] == []
    assert [one["Arn"] for one in there.list_endpoints(HomeRegion="us-east-1")["Endpoints"]] == [made["Arn"]]


def test_nobody_has_numbers_of_ones_own(client: Any) -> None:
    assert client("sns").list_origination_numbers()["PhoneNumbers"] == []


def test_a_connection_under_a_key_that_is_not_there_is_refused(client: Any, refused: Any) -> None:
    basic = {"BasicAuthParameters": {"Username": "u", "Password": "p"}}
    events = client("events")
    given = {"Name": "c", "AuthorizationType": "BASIC", "AuthParameters": basic}
    with refused("ValidationException", "KmsKeyIdentifier"):
        events.create_connection(**given, KmsKeyIdentifier="alias/nowhere")
    assert events.list_connections()["Connections"] == []
    events.create_connection(**given)
    with refused("ValidationException", "KmsKeyIdentifier"):
        events.update_connection(Name="c", KmsKeyIdentifier="alias/nowhere")
    key = client("kms").create_key()["KeyMetadata"]["KeyId"]
    events.update_connection(Name="c", KmsKeyIdentifier=key)
    assert events.describe_connection(Name="c")["KmsKeyIdentifier"] == key


def test_a_private_connection_is_not_made_as_if_it_were_public(client: Any, refused: Any) -> None:
    basic = {"BasicAuthParameters": {"Username": "u", "Password": "p"}}
    private = f"arn:aws:vpc-lattice:us-east-1:111122223333:resourceconfiguration/rcfg-{0:017}"
    events = client("events")
    with refused("NotImplemented"):
        events.create_connection(
            Name="c",
            AuthorizationType="BASIC",
            AuthParameters=basic,
            InvocationConnectivityParameters={"ResourceParameters": {"ResourceConfigurationArn": private}},
        )
    assert events.list_connections()["Connections"] == []
