"""Events across accounts and Regions, and out of the cloud: buses as targets, global endpoints, API destinations."""

from __future__ import annotations

import json
from typing import Any

from pileus.testing.local import CloudClock

from .conftest import Api, Queue


def test_another_account_sends_where_the_policy_lets_it(
    client: Any, events: Any, rule: Any, queue: Any, other: Any, refused: Any
) -> None:
    bus = events.create_event_bus(Name="shared")["EventBusArn"]
    heard = queue()
    rule({"source": ["theirs"]}, heard, bus="shared")
    theirs = client("events", account=other.id)
    entry = {"Source": "theirs", "DetailType": "d", "Detail": "{}", "EventBusName": bus}
    with refused("AccessDeniedException", "is not authorized to perform: events:PutEvents on resource"):
        theirs.put_events(Entries=[entry])
    events.put_permission(EventBusName="shared", StatementId="s", Action="events:PutEvents", Principal=other.id)
    assert theirs.put_events(Entries=[entry])["FailedEntryCount"] == 0
    assert [event["account"] for event in heard.events()] == [other.id]
    assert json.loads(events.describe_event_bus(Name="shared")["Policy"])["Statement"][0]["Sid"] == "s"
    events.remove_permission(EventBusName="shared", StatementId="s")
    with refused("AccessDeniedException"):
        theirs.put_events(Entries=[entry])


def test_a_bus_in_another_account_and_region_is_a_target(
    client: Any, rule: Any, put: Any, other: Any, clock: CloudClock, aws: Any
) -> None:
    theirs = client("events", account=other.id, region="eu-west-1")
    bus = theirs.create_event_bus(Name="hub")["EventBusArn"]
    heard = Queue(client("sqs", account=other.id, region="eu-west-1"), "heard", clock, {})
    theirs.put_rule(Name="all", EventBusName="hub", EventPattern='{"source": ["shop"]}')
    theirs.put_targets(Rule="all", EventBusName="hub", Targets=[{"Id": "q", "Arn": heard.arn}])
    rule({"source": ["shop"]}, {"Arn": bus})
    put({"n": 1})
    assert heard.events() == []
    theirs.put_permission(EventBusName="hub", StatementId="s", Action="events:PutEvents", Principal=aws.id)
    sent = put({"n": 2})
    (event,) = heard.events()
    assert (event["id"], event["account"], event["region"]) == (sent, aws.id, "us-east-1")


def test_buses_that_send_to_each_other_come_to_an_end(events: Any, rule: Any, queue: Any, put: Any) -> None:
    heard = queue()
    one, two = (events.create_event_bus(Name=name)["EventBusArn"] for name in ("one", "two"))
    rule({"source": ["shop"]}, {"Arn": two}, heard, bus="one")
    rule({"source": ["shop"]}, {"Arn": one}, bus="two")
    put(EventBusName="one")
    assert 0 < len(heard.events()) < 10


def test_a_global_endpoint_sends_to_both_regions(
    client: Any, events: Any, queue: Any, clock: CloudClock, refused: Any
) -> None:
    far = client("events", region="us-west-2")
    buses = [{"EventBusArn": one.create_event_bus(Name="both")["EventBusArn"]} for one in (events, far)]
    queues = [Queue(client("sqs", region=region), "heard", clock, {}) for region in ("us-east-1", "us-west-2")]
    for one, heard in zip((events, far), queues, strict=True):
        one.put_rule(Name="r", EventBusName="both", EventPattern='{"source": ["shop"]}')
        one.put_targets(Rule="r", EventBusName="both", Targets=[{"Id": "q", "Arn": heard.arn}])
    check = "arn:aws:route53:::healthcheck/11111111-1111-1111-1111-111111111111"
    routing = {"FailoverConfig": {"Primary": {"HealthCheck": check}, "Secondary": {"Route": "us-west-2"}}}
    with refused("ValidationException", "RoleArn is required when event replication is enabled."):
        events.create_endpoint(Name="e", RoutingConfig=routing, EventBuses=buses)
    events.create_endpoint(
        Name="e", RoutingConfig=routing, EventBuses=buses, RoleArn="arn:aws:iam::111122223333:role/replicates"
    )
    identity = events.describe_endpoint(Name="e")["EndpointId"]
    entry = {"Source": "shop", "DetailType": "d", "Detail": "{}", "EventBusName": "both"}
    sent = put_with_endpoint(client, identity, entry)
    assert sent["FailedEntryCount"] == 0
    found = [heard.events() for heard in queues]
    assert [len(one) for one in found] == [1, 1]


def put_with_endpoint(client: Any, identity: str, entry: dict[str, Any]) -> Any:
    """PutEvents with an EndpointId, which boto3 would send to the address that AWS has for it."""
    events = client("events")
    events.meta.events.register("before-endpoint-resolution.events", lambda params, **_: params.pop("EndpointId", None))
    events.meta.events.register(
        "before-call.events.PutEvents",
        lambda params, **_: params.update(body=json.dumps({"Entries": [entry], "EndpointId": identity}).encode()),
    )
    return events.put_events(Entries=[entry])


ROLE = "arn:aws:iam::{}:role/calls"


def test_an_api_destination_is_called_with_what_connection_and_target_say(
    client: Any, events: Any, rule: Any, put: Any, api: Api, aws: Any, queue: Any, clock: CloudClock, refused: Any
) -> None:
    secret = {"Key": "x-more", "Value": "from the connection", "IsValueSecret": True}
    connection = events.create_connection(
        Name="c",
        AuthorizationType="API_KEY",
        AuthParameters={
            "ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "k3y"},
            "InvocationHttpParameters": {
                "HeaderParameters": [secret],
                "QueryStringParameters": [{"Key": "q", "Value": "1"}],
                "BodyParameters": [{"Key": "added", "Value": "yes"}],
            },
        },
    )["ConnectionArn"]
    described = events.describe_connection(Name="c")
    assert described["ConnectionState"] == "AUTHORIZED"
    assert described["AuthParameters"]["ApiKeyAuthParameters"] == {"ApiKeyName": "x-key"}
    assert "Value" not in described["AuthParameters"]["InvocationHttpParameters"]["HeaderParameters"][0]
    held = client("secretsmanager").get_secret_value(SecretId=described["SecretArn"])["SecretString"]
    assert json.loads(held)["ApiKeyAuthParameters"]["ApiKeyValue"] == "k3y"
    destination = events.create_api_destination(
        Name="d", ConnectionArn=connection, InvocationEndpoint=f"{api.url}/orders/*/lines", HttpMethod="PUT"
    )["ApiDestinationArn"]
    dead = queue()
    rule(
        {"source": ["shop"]},
        {
            "Arn": destination,
            "RoleArn": ROLE.format(aws.id),
            "InputPath": "$.detail",
            "HttpParameters": {
                "PathParameterValues": ["a b"],
                "HeaderParameters": {"x-more": "from the target", "x-target": "t"},
                "QueryStringParameters": {"r": "2"},
            },
            "RetryPolicy": {"MaximumRetryAttempts": 2},
            "DeadLetterConfig": {"Arn": dead.arn},
        },
    )
    put({"n": 1})
    clock.advance(1)
    asked = api.requests.pop()
    assert (asked["method"], asked["path"], asked["query"]) == ("PUT", "/orders/a%20b/lines", {"q": ["1"], "r": ["2"]})
    assert json.loads(asked["body"]) == {"n": 1, "added": "yes"}
    headers = asked["headers"]
    assert (headers["x-key"], headers["x-more"], headers["x-target"]) == ("k3y", "from the connection", "t")

    api.answers = [500, 429, 500]
    put({"n": 2})
    clock.advance(60)
    assert len(api.requests) == 3
    (letter,) = dead.messages()
    told = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert (told["EXHAUSTED_RETRY_CONDITION"], told["RETRY_ATTEMPTS"]) == ("MaximumRetryAttempts", "2")
    api.answers = [400]
    put({"n": 3})
    assert json.loads(dead.messages()[0]["Body"])["detail"] == {"n": 3}
    events.deauthorize_connection(Name="c")
    assert events.describe_api_destination(Name="d")["ApiDestinationState"] == "INACTIVE"
    events.delete_api_destination(Name="d")
    events.delete_connection(Name="c")
    with refused("ResourceNotFoundException"):
        client("secretsmanager").describe_secret(SecretId=described["SecretArn"])


def test_oauth_tokens_are_fetched_kept_and_renewed(
    events: Any, rule: Any, put: Any, api: Api, aws: Any, clock: CloudClock
) -> None:
    connection = events.create_connection(
        Name="c",
        AuthorizationType="OAUTH_CLIENT_CREDENTIALS",
        AuthParameters={
            "OAuthParameters": {
                "ClientParameters": {"ClientID": "id", "ClientSecret": "s3cret"},
                "AuthorizationEndpoint": f"{api.url}/token",
                "HttpMethod": "POST",
            }
        },
    )
    assert connection["ConnectionState"] == "AUTHORIZING"
    clock.advance(1)
    assert events.describe_connection(Name="c")["ConnectionState"] == "AUTHORIZED"
    destination = events.create_api_destination(
        Name="d", ConnectionArn=connection["ConnectionArn"], InvocationEndpoint=f"{api.url}/x", HttpMethod="POST"
    )["ApiDestinationArn"]
    rule({"source": ["shop"]}, {"Arn": destination, "RoleArn": ROLE.format(aws.id)})
    put()
    put()
    clock.advance(1)
    assert [asked["headers"]["authorization"] for asked in api.requests] == ["Bearer token-1"] * 2
    clock.advance(3600)
    put()
    clock.advance(1)
    assert api.requests[-1]["headers"]["authorization"] == "Bearer token-2"


def test_a_destination_is_not_called_more_often_than_it_may(
    events: Any, rule: Any, put: Any, api: Api, aws: Any, clock: CloudClock
) -> None:
    connection = events.create_connection(
        Name="c",
        AuthorizationType="BASIC",
        AuthParameters={"BasicAuthParameters": {"Username": "u", "Password": "p"}},
    )["ConnectionArn"]
    destination = events.create_api_destination(
        Name="d",
        ConnectionArn=connection,
        InvocationEndpoint=f"{api.url}/x",
        HttpMethod="POST",
        InvocationRateLimitPerSecond=2,
    )["ApiDestinationArn"]
    rule({"source": ["shop"]}, {"Arn": destination, "RoleArn": ROLE.format(aws.id)})
    for _ in range(12):
        put()
    clock.advance(1)
    assert len(api.requests) < 8
    clock.advance(10)
    assert len(api.requests) == 12
    assert api.requests[0]["headers"]["authorization"] == "Basic dTpw"
