"""What certificates, authorities and parameters tell EventBridge, and what keeps a certificate from being deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus.kernel.uses import InUse
from tests.services.acm_pca.conftest import Authorities

from .conftest import Acm

DAY = 86400


class Events:
    """All events of some sources, in a queue."""

    def __init__(self, account: Any, *sources: str) -> None:
        self.sqs = account.client("sqs")
        self.queue = self.sqs.create_queue(QueueName="events")["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:{account.id}:events"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": policy})
        events = account.client("events")
        events.put_rule(Name="all", EventPattern=json.dumps({"source": [*sources]}))
        events.put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": arn}])

    def seen(self) -> list[dict[str, Any]]:
        """What came since the last time, in order."""
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in messages]
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return sorted(found, key=lambda event: str(event["time"]))

    def kinds(self) -> list[str]:
        return [event["detail-type"] for event in self.seen()]


def test_a_certificate_tells_of_its_coming_its_approaching_end_and_its_end(acm: Acm) -> None:
    events = Events(acm.account, "aws.acm")
    one = acm.made("www.example.com", days=50)
    arn = acm.client.import_certificate(Certificate=one.pem, PrivateKey=one.key)["CertificateArn"]
    acm.cloud.clock.advance(1)
    (first,) = events.seen()
    assert (first["detail-type"], first["resources"]) == ("ACM Certificate Available", [arn])
    assert first["detail"]["Action"] == "IMPORT" and first["detail"]["CommonName"] == "www.example.com"
    acm.cloud.clock.advance(4 * DAY)
    assert events.kinds() == []
    acm.cloud.clock.advance(3 * DAY)
    warnings = events.seen()
    assert [event["detail-type"] for event in warnings] == ["ACM Certificate Approaching Expiration"] * 3
    assert [event["detail"]["DaysToExpiry"] for event in warnings] == [45, 44, 43]
    acm.client.put_account_configuration(ExpiryEvents={"DaysBeforeExpiry": 2}, IdempotencyToken="a")
    acm.cloud.clock.advance(44 * DAY)
    assert events.kinds() == ["ACM Certificate Approaching Expiration"] * 2 + ["ACM Certificate Expired"]


def test_an_authority_tells_what_it_does(acm: Acm) -> None:
    events = Events(acm.account, "aws.acm-pca")
    Authorities(acm.account).root()
    acm.cloud.clock.advance(1)
    assert {*events.kinds()} == {"ACM Private CA Creation", "ACM Private CA Certificate Issuance"}


def test_a_parameter_tells_of_its_changes_and_its_policies(acm: Acm) -> None:
    ssm, events = acm.account.client("ssm"), Events(acm.account, "aws.ssm")
    policy = {"Type": "NoChangeNotification", "Version": "1.0", "Attributes": {"After": "5", "Unit": "Days"}}
    ssm.put_parameter(Name="/app", Value="x", Type="String", Tier="Advanced", Policies=json.dumps([policy]))
    acm.cloud.clock.advance(1)
    (created,) = events.seen()
    assert created["detail-type"] == "Parameter Store Change"
    assert created["detail"] == {"operation": "Create", "name": "/app", "type": "String", "description": ""}
    acm.cloud.clock.advance(6 * DAY)
    (notice,) = events.seen()
    assert notice["detail-type"] == "Parameter Store Policy Action"
    assert (notice["detail"]["policy-type"], notice["detail"]["parameter-name"]) == ("NoChangeNotification", "/app")
    ssm.label_parameter_version(Name="/app", Labels=["prod"])
    acm.cloud.clock.advance(1)
    ssm.delete_parameter(Name="/app")
    acm.cloud.clock.advance(1)
    assert [event["detail"]["operation"] for event in events.seen()] == ["LabelParameterVersion", "Delete"]


@pytest.fixture
def used(acm: Acm, cloud: Any) -> str:
    """A certificate that a listener uses."""
    arn = acm.issued("www.example.com")
    listener = f"arn:aws:elasticloadbalancing:us-east-1:{acm.account.id}:listener/app/web/1/2"

    def note() -> None:
        call = cloud.server.cloud.call("acm", account=acm.account.id)
        with call.transaction():
            InUse(arn, listener).put(call)

    cloud.do(note)
    return arn


def test_a_certificate_in_use_cannot_be_deleted_and_is_renewed(acm: Acm, used: str, refused: Any) -> None:
    told = acm.describe(used)
    assert len(told["InUseBy"]) == 1 and told["RenewalEligibility"] == "ELIGIBLE"
    with refused("ResourceInUseException"):
        acm.client.delete_certificate(CertificateArn=used)
    acm.cloud.clock.advance(160 * DAY)
    acm.approve("www.example.com")
    assert acm.describe(used)["Serial"] != told["Serial"]
