"""CloudTrail Lake: event data stores, and what SQL finds in them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pileus import LocalCloud
from pileus.testing.account import Account

pytest.importorskip("duckdb")
pytest.importorskip("sqlglot")

DAY = 86400


class Lake:
    """An account's event data stores."""

    def __init__(self, cloud: LocalCloud, account: Account) -> None:
        self.cloud = cloud
        self.account = account
        self.trail = account.client("cloudtrail")

    def store(self, name: str = "store", category: str = "", **more: Any) -> str:
        """The ARN of a new store that takes in events."""
        if category:
            fields = [{"Field": "eventCategory", "Equals": [category]}]
            more["AdvancedEventSelectors"] = [{"FieldSelectors": fields}]
        made = self.trail.create_event_data_store(Name=name, TerminationProtectionEnabled=False, **more)
        self.cloud.clock.advance(0)
        return str(made["EventDataStoreArn"])

    def query(self, statement: str, **more: Any) -> str:
        return str(self.trail.start_query(QueryStatement=statement, **more)["QueryId"])

    def ask(self, statement: str, **more: Any) -> list[dict[str, str]]:
        """The rows of an answer."""
        query = self.query(statement, **more)
        self.cloud.clock.advance(0)
        return self.rows(query)

    def rows(self, query: str) -> list[dict[str, str]]:
        told = self.trail.get_query_results(QueryId=query)
        assert told["QueryStatus"] == "FINISHED", told
        return [{name: value for cell in row for name, value in cell.items()} for row in told["QueryResultRows"]]


@pytest.fixture
def lake(cloud: LocalCloud, aws: Any, clock: Any) -> Lake:
    return Lake(cloud, aws)


def identifier(arn: str) -> str:
    return arn.rpartition("/")[2]


def test_what_was_done_is_asked_by_sql(lake: Lake, refused: Any) -> None:
    arn = lake.store()
    store = identifier(arn)
    told = lake.trail.get_event_data_store(EventDataStore=arn)
    assert (told["Status"], told["RetentionPeriod"], told["MultiRegionEnabled"]) == ("ENABLED", 366, True)
    s3, iam = lake.account.client("s3"), lake.account.client("iam")
    for number in range(3):
        iam.create_user(UserName=f"user-{number}")
    with refused("EntityAlreadyExists"):
        iam.create_user(UserName="user-0")
    lake.account.client("sqs", region="eu-west-1").create_queue(QueueName="far")
    counted = lake.ask(
        f"SELECT eventName, COUNT(*) AS number FROM {store} WHERE eventSource IN ('iam.amazonaws.com', "
        "'sqs.amazonaws.com') AND eventTime > '2020-01-01 00:00:00' GROUP BY eventName ORDER BY number DESC"
    )
    assert counted == [{"eventName": "CreateUser", "number": "4"}, {"eventName": "CreateQueue", "number": "1"}]
    named = lake.ask(
        f"SELECT element_at(requestParameters, 'userName') AS name, userIdentity.accountId, errorCode, readOnly "
        f"FROM {store} WHERE eventName = 'CreateUser' AND errorCode IS NOT NULL"
    )
    assert named == [
        {
            "name": "user-0",
            "accountId": lake.account.id,
            "errorCode": "EntityAlreadyExistsException",
            "readOnly": "false",
        }
    ]
    found = lake.ask(
        f"WITH made AS (SELECT awsRegion, eventJson FROM {store} WHERE eventName = 'CreateQueue') "
        "SELECT awsRegion, json_extract_scalar(eventJson, '$.requestParameters.queueName') AS name FROM made"
    )
    assert found == [{"awsRegion": "eu-west-1", "name": "far"}]
    for wrong in (
        "DELETE FROM x",
        f"SELECT * FROM {store}; SELECT 1",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT 1",
        f"SELEC * FROM {store}",
        "SELECT * FROM other",
    ):
        with refused("InvalidQueryStatementException"):
            lake.query(wrong)
    with refused("EventDataStoreNotFoundException"):
        lake.query("SELECT * FROM 00000000-0000-0000-0000-000000000000")
    failed = lake.query(f"SELECT nothing FROM {store}")
    lake.cloud.clock.advance(0)
    described = lake.trail.describe_query(QueryId=failed)
    assert described["QueryStatus"] == "FAILED" and "nothing" in described["ErrorMessage"]
    lake.cloud.clock.advance(1)
    waiting = lake.query(f"SELECT * FROM {store}")
    listed = lake.trail.list_queries(EventDataStore=arn)["Queries"]
    assert len(listed) == 5 and listed[0]["QueryId"] == waiting

    bucket = f"results-{lake.account.id}"
    s3.create_bucket(Bucket=bucket)
    allow = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject"}
    policy = {"Version": "2012-10-17", "Statement": [allow | {"Resource": f"arn:aws:s3:::{bucket}/*"}]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    saved = lake.query(
        f"SELECT eventName, readOnly FROM {store} WHERE eventName = 'CreateUser'", DeliveryS3Uri=f"s3://{bucket}/here"
    )
    lake.cloud.clock.advance(0)
    assert lake.trail.describe_query(QueryId=saved)["DeliveryStatus"] == "SUCCESS"
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert [key.rpartition("/")[2] for key in keys] == ["result_1.csv.gz", "result_sign.json"]
    body = gzip.decompress(s3.get_object(Bucket=bucket, Key=keys[0])["Body"].read()).decode()
    assert list(csv.reader(io.StringIO(body))) == [["eventName", "readOnly"], *[["CreateUser", "false"]] * 4]


def test_a_store_lives_and_is_restored(lake: Lake, refused: Any) -> None:
    arn = lake.store("one", RetentionPeriod=7, TagsList=[{"Key": "a", "Value": "b"}])
    with refused("EventDataStoreAlreadyExistsException"):
        lake.store("one")
    lake.account.client("sns").create_topic(Name="old")
    everything = f"SELECT eventName FROM {identifier(arn)} WHERE eventSource = 'sns.amazonaws.com'"
    assert lake.ask(everything) == [{"eventName": "CreateTopic"}]
    lake.trail.stop_event_data_store_ingestion(EventDataStore=arn)
    lake.cloud.clock.advance(0)
    lake.account.client("sns").create_topic(Name="unseen")
    lake.cloud.clock.advance(1)
    assert len(lake.ask(everything)) == 1
    with refused("InvalidEventDataStoreStatusException"):
        lake.trail.stop_event_data_store_ingestion(EventDataStore=arn)
    lake.trail.start_event_data_store_ingestion(EventDataStore=arn)
    lake.cloud.clock.advance(0)
    lake.account.client("sns").create_topic(Name="seen")
    assert len(lake.ask(everything)) == 2
    gone = lake.store("gone", StartIngestion=False)
    lake.trail.delete_event_data_store(EventDataStore=gone)
    assert lake.trail.get_event_data_store(EventDataStore=gone)["Status"] == "PENDING_DELETION"
    lake.cloud.clock.advance(8 * DAY)  # "CloudTrail removes events when the eventTime is older"
    assert lake.ask(everything) == []
    assert [one["Name"] for one in lake.trail.list_event_data_stores()["EventDataStores"]] == ["one"]
    changed = lake.trail.update_event_data_store(EventDataStore=arn, Name="two", TerminationProtectionEnabled=True)
    assert changed["Name"] == "two"
    with refused("EventDataStoreTerminationProtectedException"):
        lake.trail.delete_event_data_store(EventDataStore=arn)
    lake.trail.update_event_data_store(EventDataStore=arn, TerminationProtectionEnabled=False)
    assert lake.trail.list_tags(ResourceIdList=[arn])["ResourceTagList"][0]["TagsList"] == [{"Key": "a", "Value": "b"}]
    lake.trail.delete_event_data_store(EventDataStore=arn)
    with refused("InactiveEventDataStoreException"):
        lake.query(everything)
    lake.trail.restore_event_data_store(EventDataStore=arn)
    lake.cloud.clock.advance(0)
    assert lake.trail.get_event_data_store(EventDataStore=arn)["Status"] == "ENABLED"


def test_data_events_are_taken_in_by_those_who_want_them(lake: Lake) -> None:
    fields = [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        {"Field": "readOnly", "Equals": ["false"]},
    ]
    key = lake.account.client("kms").create_key()["KeyMetadata"]["Arn"]
    grant = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "kms:*",
        "Resource": "*",
    }
    own = {"Effect": "Allow", "Principal": {"AWS": lake.account.id}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [grant, own]})
    lake.account.client("kms").put_key_policy(KeyId=key, Policy=policy)
    store = identifier(lake.store(AdvancedEventSelectors=[{"FieldSelectors": fields}], KmsKeyId=key))
    s3 = lake.account.client("s3")
    s3.create_bucket(Bucket=f"data-{lake.account.id}")
    s3.put_object(Bucket=f"data-{lake.account.id}", Key="a", Body=b"x")
    s3.get_object(Bucket=f"data-{lake.account.id}", Key="a")
    statement = f"SELECT eventName, r.arn FROM {store} CROSS JOIN UNNEST(resources) AS t(r) ORDER BY r.arn"
    (_, thing) = lake.ask(statement)
    assert thing == {"eventName": "PutObject", "arn": f"arn:aws:s3:::data-{lake.account.id}/a"}
    lake.account.client("kms").disable_key(KeyId=key)
    failed = lake.query(statement)
    lake.cloud.clock.advance(0)
    assert lake.trail.describe_query(QueryId=failed)["QueryStatus"] == "FAILED"


def test_events_from_outside_come_by_channels(lake: Lake, cloud: LocalCloud, refused: Any) -> None:
    arn = lake.store("audit", "ActivityAuditLog")
    with refused("InvalidEventDataStoreCategoryException"):
        lake.trail.stop_event_data_store_ingestion(EventDataStore=arn)
    into = [{"Type": "EVENT_DATA_STORE", "Location": arn}]
    with refused("InvalidSourceException"):
        lake.trail.create_channel(Name="mine", Source="Nobody", Destinations=into)
    channel = lake.trail.create_channel(Name="mine", Source="Custom", Destinations=into)["ChannelArn"]
    with refused("ChannelExistsForEDSException"):
        lake.trail.delete_event_data_store(EventDataStore=arn)
    event = {
        "version": "1.0",
        "UID": "1",
        "userIdentity": {"type": "Employee", "principalId": "p-1", "details": {"team": "a"}},
        "eventSource": "app.example",
        "eventName": "Login",
        "eventTime": datetime.fromtimestamp(cloud.clock.now(), UTC).isoformat(),
        "requestParameters": {"from": "home"},
    }

    def put(client: Any, *several: Any) -> Any:
        events = [{"id": str(n), "eventData": json.dumps(one)} for n, one in enumerate(several)]
        return client.put_audit_events(channelArn=channel, auditEvents=events)

    own = lake.account.client("cloudtrail-data")
    told = put(own, event, {"version": "1.0"}, event | {"unknown": 1})
    assert [one["id"] for one in told["successful"]] == ["0"]
    assert [one["errorCode"] for one in told["failed"]] == ["FieldNotFound", "InvalidData"]
    with refused("DuplicatedAuditEventId"):
        own.put_audit_events(channelArn=channel, auditEvents=[{"id": "1", "eventData": "{}"}] * 2)
    found = lake.ask(
        f"SELECT eventData.userIdentity.principalId AS who, eventData.requestParameters['from'] AS place, "
        f"metadata.channelARN AS way FROM {identifier(arn)}"
    )
    assert found == [{"who": "p-1", "place": "home", "way": channel}]
    other = cloud.account()
    with refused("AccessDeniedException"):
        put(other.client("cloudtrail-data"), event)
    statement = {"Effect": "Allow", "Principal": {"AWS": other.id}, "Action": "cloudtrail-data:PutAuditEvents"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Resource": channel}]})
    with pytest.raises(ClientError, match="ResourcePolicyNotValidException"):
        lake.trail.put_resource_policy(ResourceArn=channel, ResourcePolicy=policy.replace("Allow", "Perhaps"))
    lake.trail.put_resource_policy(ResourceArn=channel, ResourcePolicy=policy)
    assert len(put(other.client("cloudtrail-data"), event)["successful"]) == 1
    assert lake.trail.get_resource_policy(ResourceArn=channel)["ResourcePolicy"] == policy
    lake.trail.delete_resource_policy(ResourceArn=channel)
    with refused("ResourcePolicyNotFoundException"):
        lake.trail.get_resource_policy(ResourceArn=channel)
    assert lake.trail.get_channel(Channel=channel)["IngestionStatus"]["LatestIngestionSuccessEventID"]
    assert lake.trail.update_channel(Channel=channel, Name="ours")["Name"] == "ours"
    assert lake.trail.list_channels()["Channels"] == [{"ChannelArn": channel, "Name": "ours"}]
    lake.trail.delete_channel(Channel=channel)
    with refused("ChannelNotFoundException"):
        lake.trail.get_channel(Channel=channel)


def test_log_files_of_a_trail_are_imported(lake: Lake, refused: Any) -> None:
    s3 = lake.account.client("s3")
    bucket = f"logs-{lake.account.id}"
    s3.create_bucket(Bucket=bucket)

    def write(day: str, name: str, *times: str) -> None:
        records = [{"eventTime": time, "eventName": name, "eventID": time, "userIdentity": {}} for time in times]
        key = f"AWSLogs/{lake.account.id}/CloudTrail/us-east-1/{day}/{name}.json.gz"
        s3.put_object(Bucket=bucket, Key=key, Body=gzip.compress(json.dumps({"Records": records}).encode()))

    write("2026/10/01", "Early", "2026-10-01T00:00:00Z")
    write("2026/10/05", "Wanted", "2026-10-05T01:00:00Z", "2026-10-05T23:00:00Z")
    s3.put_object(
        Bucket=bucket, Key=f"AWSLogs/{lake.account.id}/CloudTrail/us-east-1/2026/10/06/bad.json.gz", Body=b"x"
    )
    s3.put_object(Bucket=bucket, Key=f"AWSLogs/{lake.account.id}/CloudTrail-Digest/x.json.gz", Body=b"x")
    arn = lake.store(StartIngestion=False)
    place = {
        "S3LocationUri": f"s3://{bucket}/AWSLogs/",
        "S3BucketRegion": "us-east-1",
        "S3BucketAccessRoleArn": f"arn:aws:iam::{lake.account.id}:role/import",
    }
    asked = {"Destinations": [arn], "ImportSource": {"S3": place}, "StartEventTime": "2026-10-05T00:00:00Z"}
    made = lake.trail.start_import(**asked, EndEventTime="2026-10-05T12:00:00Z")["ImportId"]
    lake.cloud.clock.advance(0)
    told = lake.trail.get_import(ImportId=made)
    assert told["ImportStatus"] == "FAILED"
    assert told["ImportStatistics"]["EventsCompleted"] == 1 and told["ImportStatistics"]["FailedEntries"] == 1
    (failure,) = lake.trail.list_import_failures(ImportId=made)["Failures"]
    assert failure["Location"].endswith("bad.json.gz") and failure["Status"] == "FAILED"
    everything = f"SELECT eventName, eventTime FROM {identifier(arn)}"
    assert lake.ask(everything) == [{"eventName": "Wanted", "eventTime": "2026-10-05 01:00:00"}]
    for bounds, scanned in (
        ("eventTime >= '2026-10-05 01:00:00' AND eventName = 'Wanted'", 1),
        ("eventTime > timestamp '2026-10-06 00:00:00'", 0),
        ("eventTime BETWEEN '2026-10-01 00:00:00' AND '2026-10-04 00:00:00'", 0),
        ("eventTime > '2026-10-06 00:00:00' OR eventName = 'Wanted'", 1),
    ):
        query = lake.query(f"{everything} WHERE {bounds}")
        lake.cloud.clock.advance(0)
        assert lake.trail.describe_query(QueryId=query)["QueryStatistics"]["EventsScanned"] == scanned
        assert len(lake.rows(query)) == scanned
    assert [one["ImportId"] for one in lake.trail.list_imports(Destination=arn)["Imports"]] == [made]
    with refused("InvalidParameterException"):
        lake.trail.stop_import(ImportId=made)


def test_a_dashboard_asks_its_queries(lake: Lake, refused: Any) -> None:
    arn = lake.store()
    lake.account.client("sns").create_topic(Name="topic")
    lake.cloud.clock.advance(1)
    widget = {
        "QueryStatement": f"SELECT eventName, COUNT(*) AS n FROM {identifier(arn)} WHERE eventTime > '?' AND "
        "eventTime < '?' AND eventSource = 'sns.amazonaws.com' GROUP BY eventName",
        "QueryParameters": ["$StartTime$", "$EndTime$"],
        "ViewProperties": {"Height": "2"},
    }
    with refused("InvalidQueryStatementException"):
        lake.trail.create_dashboard(Name="board", Widgets=[widget | {"QueryParameters": ["$StartTime$"]}])
    hourly = {"Frequency": {"Unit": "HOURS", "Value": 1}, "Status": "ENABLED", "TimeOfDay": "00:30"}
    made = lake.trail.create_dashboard(Name="board", Widgets=[widget], RefreshSchedule=hourly)
    (alias,) = (one["QueryAlias"] for one in made["Widgets"])
    refresh = lake.trail.start_dashboard_refresh(DashboardId="board")["RefreshId"]
    lake.cloud.clock.advance(0)
    told = lake.trail.describe_query(QueryAlias=alias, RefreshId=refresh)
    assert told["QueryStatus"] == "FINISHED"
    assert lake.rows(told["QueryId"]) == [{"eventName": "CreateTopic", "n": "1"}]
    lake.cloud.clock.advance(3600)
    told = lake.trail.get_dashboard(DashboardId=made["DashboardArn"])
    assert told["LastRefreshId"] != refresh and told["Type"] == "CUSTOM"
    assert lake.trail.list_dashboards(NamePrefix="boa")["Dashboards"][0]["DashboardArn"] == made["DashboardArn"]
    off = {"Status": "DISABLED"}
    lake.trail.update_dashboard(DashboardId="board", RefreshSchedule=off, TerminationProtectionEnabled=True)
    with refused("ConflictException"):
        lake.trail.delete_dashboard(DashboardId="board")
    lake.trail.update_dashboard(DashboardId="board", TerminationProtectionEnabled=False)
    lake.trail.delete_dashboard(DashboardId="board")
    with refused("ResourceNotFoundException"):
        lake.trail.get_dashboard(DashboardId="board")


def test_sample_queries_are_found_by_what_they_are_about_and_can_be_asked(lake: Lake) -> None:
    store = identifier(lake.store())

    def found(phrase: str) -> list[dict[str, Any]]:
        return list(lake.trail.search_sample_queries(SearchPhrase=phrase, MaxResults=50)["SearchResults"])

    best = {
        "who was denied access": "Denied access",
        "which user launched EC2 instances": "Instances started and ended",
        "leaked access key": "Activity of an access key",
        "spikes of calls over time": "Calls per hour",
    }
    for phrase, name in best.items():
        told = found(phrase)
        assert told[0]["Name"] == name and 0 < told[0]["Relevance"] <= 1
        assert [one["Relevance"] for one in told] == sorted((one["Relevance"] for one in told), reverse=True)
    assert found("quixotic") == []
    every = found("user calls changes errors objects keys instances sessions lists counts finds")
    assert len(every) == 15
    for sample in every:
        lake.ask(sample["SQL"].replace("$EDS_ID", store))


def test_users_ask_the_stores_that_they_may(lake: Lake, refused: Any) -> None:
    one, other = lake.store("one"), lake.store("other")
    iam = lake.account.client("iam")
    iam.create_user(UserName="analyst")
    statement = {"Effect": "Allow", "Action": ["cloudtrail:StartQuery", "cloudtrail:GetQueryResults"], "Resource": one}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="analyst", PolicyName="p", PolicyDocument=policy)
    made = iam.create_access_key(UserName="analyst")["AccessKey"]
    keys = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
    analyst = lake.account.client("cloudtrail", **keys)
    query = analyst.start_query(QueryStatement=f"SELECT COUNT(*) AS n FROM {identifier(one)}")["QueryId"]
    lake.cloud.clock.advance(0)
    assert analyst.get_query_results(QueryId=query)["QueryStatus"] == "FINISHED"
    both = f"SELECT a.eventName FROM {identifier(one)} AS a JOIN {identifier(other)} AS b ON a.eventID = b.eventID"
    for wrong in (f"SELECT eventName FROM {identifier(other)}", both):
        with refused("AccessDeniedException"):
            analyst.start_query(QueryStatement=wrong)
    assert lake.ask(both)
    with refused("AccessDeniedException"):
        analyst.get_query_results(QueryId=lake.query(both))
