"""Noting who did what: what is packed, when it is written, what is left out, and when it goes."""

from __future__ import annotations

from typing import Any

from pileus import models
from pileus.kernel.call import Call
from pileus.kernel.cloud import Cloud
from pileus.kernel.errors import Fault, Unfinished
from pileus.kernel.identity import ANONYMOUS, service
from pileus.kernel.store import open_store
from pileus.kernel.trail import Event, Filed, Posting, Selection, noted_at, secrets, unpack
from pileus.kernel.trail.event import Data, Fresh
from tests.kernel.conftest import Wall

DAY = 86400.0
REQUEST = {"QueueUrl": "http://localhost:4566/111122223333/q", "Tags": {"a": "b"}}


def note(call: Call, operation: str, request: dict[str, Any], error: Exception | None = None) -> None:
    bound = call.cloud.service(call.service).bound(operation)
    kind = call.cloud.trail.kind(call, bound)
    if kind is not None:
        call.cloud.trail.note(kind, call, request, {}, error)


def noted(call: Call) -> list[Event]:
    call.cloud.trail.file(call)
    return [unpack(event) for filed in Filed.scan(call) for event in filed.events]


def test_a_call_is_packed_and_filed(call: Call) -> None:
    note(call, "TagQueue", REQUEST)
    note(call, "TagQueue", REQUEST, Fault("QueueDoesNotExist", "gone"))
    first, second = noted(call)
    assert (first.operation, first.request, first.error) == ("TagQueue", REQUEST, "")
    assert (second.error, second.message) == ("QueueDoesNotExist", "gone")
    assert first.who.user_name == "root"
    assert (noted_at(first.id) or 0) <= first.noted < (noted_at(first.id) or 0) + 0.001
    names = {(one.name, one.value) for one in Posting.scan(call)}
    assert {("EventName", "TagQueue"), ("ResourceName", REQUEST["QueueUrl"]), ("ReadOnly", "false")} <= names


def test_what_is_not_built_is_no_event_and_nobody_in_particular_has_none(call: Call) -> None:
    note(call, "TagQueue", REQUEST, Unfinished("not yet"))
    note(call.at(principal=ANONYMOUS, account="anonymous"), "TagQueue", REQUEST)
    note(call.at(principal=service("sqs.amazonaws.com")), "TagQueue", REQUEST)
    assert noted(call) == []


def test_events_of_a_tick_are_written_with_its_commit(wall: Wall) -> None:
    ticks: list[Any] = []
    store = open_store(None, schedule=ticks.append)
    call = Cloud(store).call("sqs", account="111122223333")
    call.principal = service("sns.amazonaws.com")
    note(call, "TagQueue", REQUEST)
    assert list(Fresh.scan(call)) == []
    store.put(b"k", b"v")
    store.flush()
    (fresh,) = Fresh.scan(call)
    assert len(fresh.events) == 1
    store.close()


def test_many_events_at_once_are_filed_at_once(wall: Wall) -> None:
    store = open_store(None, schedule=lambda tick: None)
    call = Cloud(store).call("sqs", account="111122223333")
    call.principal = service("sns.amazonaws.com")
    for _ in range(100):
        note(call, "TagQueue", REQUEST)
    call.cloud.trail.write()
    assert list(Fresh.scan(call)) == []
    assert [len(filed.events) for filed in Filed.scan(call)] == [100]
    store.close()


def test_events_are_deleted_when_their_time_is_over(call: Call, wall: Wall) -> None:
    note(call, "TagQueue", REQUEST)
    assert len(noted(call)) == 1
    wall.now += 91 * DAY
    note(call, "UntagQueue", {"QueueUrl": REQUEST["QueueUrl"], "TagKeys": ["a"]})
    assert [event.operation for event in noted(call)] == ["UntagQueue"]
    assert {one.value for one in Posting.scan(call, "EventName")} == {"UntagQueue"}


def test_data_events_are_noted_only_where_a_trail_wants_them(call: Call) -> None:
    sent = {"QueueUrl": REQUEST["QueueUrl"], "MessageBody": "hush"}
    note(call, "SendMessage", sent)
    selection = Selection(call.account, call.region, "main", ["AWS::SQS::Queue"], False)
    selection.put(call)
    note(call, "SendMessage", sent)
    selection.delete(call)
    note(call, "SendMessage", sent)
    assert noted(call) == []
    (data,) = Data.scan(call)
    (event,) = map(unpack, data.events)
    assert event.request == sent | {"MessageBody": secrets.HIDDEN}


def test_what_is_too_large_or_cannot_be_told_is_omitted(call: Call) -> None:
    note(call, "TagQueue", REQUEST | {"Tags": {"a": "x" * 200_000}})
    note(call, "TagQueue", REQUEST | {"Tags": {"a": "\ud800"}})
    assert [event.request for event in noted(call)] == [{"omitted": True}] * 2


def test_what_the_model_marks_as_sensitive_is_left_out_wherever_it_is() -> None:
    shape = models.load("iam").operation("CreateAccessKey").output
    tree = secrets.tree("iam", shape)
    answer = {"AccessKey": {"AccessKeyId": "AKIA", "SecretAccessKey": "hush"}}
    assert secrets.without(answer, tree, True) == {"AccessKey": {"AccessKeyId": "AKIA"}}
    parameter = secrets.tree("ssm", models.load("ssm").operation("PutParameter").input)
    assert secrets.without({"Name": "n", "Value": "hush"}, parameter, False) == {"Name": "n", "Value": secrets.HIDDEN}
    batch = secrets.tree("sqs", models.load("sqs").operation("SendMessageBatch").input)
    given = {"QueueUrl": "q", "Entries": [{"Id": "1", "MessageBody": "hush"}]}
    assert secrets.without(given, batch, False)["Entries"] == [{"Id": "1", "MessageBody": secrets.HIDDEN}]


def test_what_contains_itself_is_searched_to_its_depth() -> None:
    shape = models.load("wafv2").operation("CreateWebACL").input
    tree = secrets.tree("wafv2", shape)
    match = {"ByteMatchStatement": {"SearchString": b"hush", "PositionalConstraint": "EXACTLY"}}
    nested: dict[str, Any] = {"NotStatement": {"Statement": {"NotStatement": {"Statement": match}}}}
    told = secrets.without({"Name": "n", "Rules": [{"Name": "r", "Statement": nested}]}, tree, False)
    assert "hush" not in str(told)
    assert "EXACTLY" in str(told)
