"""What an account sets: its dataset's key, enrichment, saved queries, metrics of resources; labels, entities."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pileus.testing.account import Account
from pileus.testing.local import CloudClock

ASKED: dict[str, Any] = {
    "Id": "a",
    "MetricStat": {"Metric": {"Namespace": "Works", "MetricName": "Load"}, "Period": 60, "Stat": "Sum"},
}


def test_a_key_guards_what_is_read(
    aws: Account, metrics: Any, put: Callable[..., None], minute: int, clock: CloudClock
) -> None:
    kms = aws.client("kms")
    key, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    put(1.0)
    clock.advance(60)

    def read() -> Any:
        return metrics.get_metric_data(MetricDataQueries=[ASKED], StartTime=minute - 60, EndTime=minute + 60)

    arn = metrics.get_dataset(DatasetIdentifier="default")["Arn"]
    assert arn == f"arn:aws:cloudwatch:us-east-1:{aws.id}:dataset/default"
    with pytest.raises(ClientError, match="ResourceNotFound"):
        metrics.disassociate_dataset_kms_key(DatasetIdentifier="default")
    metrics.associate_dataset_kms_key(DatasetIdentifier=arn, KmsKeyArn=key)
    assert metrics.get_dataset(DatasetIdentifier=arn)["KmsKeyArn"] == key
    assert read()["MetricDataResults"][0]["Values"] == [1.0]
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError, match="KmsKeyDisabled"):
        read()
    metrics.associate_dataset_kms_key(DatasetIdentifier=arn, KmsKeyArn=other)  # a dead key is no obstacle
    assert read()["MetricDataResults"][0]["Values"] == [1.0]
    signing = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    with pytest.raises(ClientError, match="symmetric"):
        metrics.associate_dataset_kms_key(DatasetIdentifier=arn, KmsKeyArn=signing)
    metrics.disassociate_dataset_kms_key(DatasetIdentifier=arn)
    assert "KmsKeyArn" not in metrics.get_dataset(DatasetIdentifier=arn)


def test_saved_queries(metrics: Any) -> None:
    asked = {"Expression": "up", "Type": "PROMQL"}
    made = metrics.put_metric_data_query_definition(Path="team/web", Tags=[{"Key": "team", "Value": "red"}], **asked)
    assert metrics.list_tags_for_resource(ResourceARN=made["Arn"])["Tags"] == [{"Key": "team", "Value": "red"}]
    for path, why in (("/a", "slash"), ("a//b", "empty"), ("team/web", "already exists")):
        with pytest.raises(ClientError, match=why):
            metrics.put_metric_data_query_definition(Path=path, **asked)
    metrics.put_metric_data_query_definition(Path="a", **asked)
    changed = metrics.put_metric_data_query_definition(
        Id=made["Id"], Path="z", Expression="SELECT MAX(a) FROM b", Type="SQL"
    )
    assert changed["CreatedAt"] == made["CreatedAt"]
    assert metrics.get_metric_data_query_definition(Id=made["Id"])["Type"] == "SQL"
    first = metrics.list_metric_data_query_definitions(MaxResults=1)
    rest = metrics.list_metric_data_query_definitions(NextToken=first["NextToken"])
    assert [one["Path"] for one in first["Items"] + rest["Items"]] == ["a", "z"]
    for _ in range(2):
        metrics.delete_metric_data_query_definition(Id=made["Id"])
    with pytest.raises(ClientError, match="does not exist"):
        metrics.get_metric_data_query_definition(Id=made["Id"])


def test_enrichment_and_metrics_of_resources(aws: Account, metrics: Any) -> None:
    assert metrics.get_o_tel_enrichment()["Status"] == "Stopped"
    with pytest.raises(ClientError, match="not running"):
        metrics.update_o_tel_enrichment()
    metrics.start_o_tel_enrichment(IncludeFilters=[{"Namespace": "AWS/EC2"}])
    metrics.start_o_tel_enrichment()  # has no effect
    told = metrics.get_o_tel_enrichment()
    assert (told["Status"], told["IncludeFilters"]) == ("Running", [{"Namespace": "AWS/EC2"}])
    metrics.update_o_tel_enrichment(ExcludeFilters=[{"Namespace": "AWS/S3"}])
    assert "IncludeFilters" not in metrics.get_o_tel_enrichment()
    metrics.stop_o_tel_enrichment()
    assert metrics.get_o_tel_enrichment()["Status"] == "Stopped"

    aws.client("dynamodb").create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    arn = f"arn:aws:dynamodb:us-east-1:{aws.id}:table/table"
    with pytest.raises(ClientError, match="does not exist"):
        metrics.create_resource_metrics_configuration(ResourceArn=arn + "s")
    chosen = [{"IncludeMetrics": ["Latency"]}]
    metrics.create_resource_metrics_configuration(ResourceArn=arn, MetricSelections=chosen)
    with pytest.raises(ClientError, match="already exists"):
        metrics.create_resource_metrics_configuration(ResourceArn=arn)
    told = metrics.get_resource_metrics_configuration(ResourceArn=arn)["ResourceMetricsConfiguration"]
    assert told["MetricSelections"] == chosen
    told = metrics.update_resource_metrics_configuration(ResourceArn=arn)["ResourceMetricsConfiguration"]
    assert "MetricSelections" not in told
    metrics.delete_resource_metrics_configuration(ResourceArn=arn)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        metrics.get_resource_metrics_configuration(ResourceArn=arn)


def test_labels_tell_times_of_a_zone(metrics: Any, put: Callable[..., None], minute: int, clock: CloudClock) -> None:
    put(3.0, at=minute - 120)
    put(1.0, at=minute - 60)
    label = "${MAX} at ${MAX_TIME}, last ${LAST_TIME_RELATIVE}, ${DATAPOINT_COUNT}"
    told = metrics.get_metric_data(
        MetricDataQueries=[ASKED | {"Label": label}],
        StartTime=minute - 600,
        EndTime=minute,
        LabelOptions={"Timezone": "+0130"},
    )
    from datetime import UTC, datetime, timedelta

    shown = datetime.fromtimestamp(minute - 120, UTC) + timedelta(minutes=90)
    assert told["MetricDataResults"][0]["Label"] == f"3 at {shown:%Y-%m-%d %H:%M:%S}, last 1m ago, 2"


def test_strict_entities(metrics: Any) -> None:
    data = [{"MetricName": "Load", "Value": 1.0}]

    def put(keys: dict[str, str], strict: bool) -> None:
        entity = {"Entity": {"KeyAttributes": keys}, "MetricData": data}
        metrics.put_metric_data(Namespace="Works", EntityMetricData=[entity], StrictEntityValidation=strict)

    wrong = {"Type": "Service", "Name": "a"}
    with pytest.raises(ClientError, match="MissingRequiredFields"):
        put(wrong, strict=True)
    put(wrong, strict=False)
    put(wrong | {"Environment": "b"}, strict=True)
    with pytest.raises(ClientError, match="InvalidTypeValue"):
        put({"Type": "Thing", "Name": "a"}, strict=True)


def test_metrics_of_rules_over_transformed_logs(aws: Account, metrics: Any, minute: int, clock: CloudClock) -> None:
    """INSIGHT_RULE_METRIC in metric math, of a rule that looks at what a transformer has made of events."""
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="web")
    logs.create_log_stream(logGroupName="web", logStreamName="s")
    parse = [{"parseJSON": {}}, {"renameKeys": {"entries": [{"key": "client", "renameTo": "ip"}]}}]
    logs.put_transformer(logGroupIdentifier="web", transformerConfig=parse)
    rule = {
        "Schema": {"Name": "CloudWatchLogRule", "Version": 1},
        "LogGroupNames": ["web"],
        "LogFormat": "JSON",
        "Contribution": {"Keys": ["$.ip"]},
        "AggregateOn": "Count",
    }
    for name, transformed in (("raw", False), ("shaped", True)):
        metrics.put_insight_rule(RuleName=name, RuleDefinition=json.dumps(rule), ApplyOnTransformedLogs=transformed)
    events = [{"timestamp": int(clock.now() * 1000), "message": json.dumps({"client": ip})} for ip in "aab"]
    logs.put_log_events(logGroupName="web", logStreamName="s", logEvents=events)
    clock.advance(60)
    queries = [
        {"Id": f"q{number}", "Expression": f'INSIGHT_RULE_METRIC("{name}", "{metric}")', "Period": 60}
        for number, (name, metric) in enumerate(
            [("shaped", "UniqueContributors"), ("shaped", "MaxContributorValue"), ("raw", "UniqueContributors")]
        )
    ]
    told = metrics.get_metric_data(MetricDataQueries=queries, StartTime=minute, EndTime=minute + 60)
    assert [one["Values"] for one in told["MetricDataResults"]] == [[2.0], [2.0], []]
    with pytest.raises(ClientError, match="no Contributor Insights rule"):
        wrong = {"Id": "x", "Expression": 'INSIGHT_RULE_METRIC("none", "Sum")', "Period": 60}
        metrics.get_metric_data(MetricDataQueries=[wrong], StartTime=minute, EndTime=minute + 60)
