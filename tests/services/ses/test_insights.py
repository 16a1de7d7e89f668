"""What became of letters: insights, metrics, exports, reputation, and tests of letters before they are sent."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from pileus.testing.account import Account
from pileus.testing.local import CloudClock

from .test_people import granted
from .test_sending import FRIEND, SENDER, Post

BOUNCE, COMPLAINT, GOOD = (f"{name}@simulator.amazonses.com" for name in ("bounce", "complaint", "success"))
DAY = 86400


@pytest.fixture
def post(aws: Account) -> Post:
    made = Post(aws)
    granted(made)
    return made


def send(post: Post, *to: str, **members: Any) -> str:
    content = {"Simple": {"Subject": {"Data": "News"}, "Body": {"Text": {"Data": "Hello"}}}}
    asked = {"FromEmailAddress": SENDER, "Destination": {"ToAddresses": list(to)}, "Content": content} | members
    name: str = post.second.send_email(**asked)["MessageId"]
    return name


def test_what_became_of_each_letter(post: Post, clock: CloudClock, refused: Any) -> None:
    """GetMessageInsights, BatchGetMetricData and exports tell of the same letters."""
    second, start = post.second, clock.now()
    second.create_configuration_set(ConfigurationSetName="set")
    tags = [{"Name": "kind", "Value": "news"}]
    name = send(post, BOUNCE, ConfigurationSetName="set", EmailTags=tags)
    send(post, COMPLAINT)
    for _ in range(2):
        send(post, "ann@gmail.com")
    send(post, GOOD, BOUNCE)
    told = second.get_message_insights(MessageId=name)
    assert (told["FromEmailAddress"], told["Subject"]) == (SENDER, "News")
    assert {"Name": "kind", "Value": "news"} in told["EmailTags"]
    (insight,) = told["Insights"]
    assert [event["Type"] for event in insight["Events"]] == ["SEND", "BOUNCE"]
    assert insight["Events"][1]["Details"]["Bounce"]["BounceType"] == "PERMANENT"
    with refused("NotFoundException"):
        second.get_message_insights(MessageId="nothing")

    span = {"StartDate": start - DAY, "EndDate": clock.now() + 1}
    asked = [
        ("SEND", {}),
        ("PERMANENT_BOUNCE", {}),
        ("DELIVERY", {"ISP": "Gmail"}),
        ("SEND", {"CONFIGURATION_SET": "set"}),
    ]
    queries = [
        {"Id": str(n), "Namespace": "VDM", "Metric": metric, **({"Dimensions": about} if about else {}), **span}
        for n, (metric, about) in enumerate(asked)
    ]
    found = second.batch_get_metric_data(Queries=queries)["Results"]
    assert [sum(one["Values"]) for one in found] == [4, 1, 2, 1]  # letters to several do not count

    unnamed = {"MetricsDataSource": {"Dimensions": {"ISP": ["*"]}, "Namespace": "VDM", "Metrics": [{}], **span}}
    with refused("BadRequestException", "Name"):
        second.create_export_job(ExportDataSource=unnamed, ExportDestination={"DataFormat": "CSV"})

    def exported(source: dict[str, Any], kind: str) -> bytes:
        job = second.create_export_job(ExportDataSource=source, ExportDestination={"DataFormat": kind})["JobId"]
        clock.advance(1)
        told = second.get_export_job(JobId=job)
        assert told["JobStatus"] == "COMPLETED"
        with urllib.request.urlopen(told["ExportDestination"]["S3Url"]) as answer:
            data: bytes = answer.read()
        clock.advance(301)
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(told["ExportDestination"]["S3Url"])
        return data

    include = {"LastDeliveryEvent": ["PERMANENT_BOUNCE"], "Destination": ["bounce@*"]}
    rows = json.loads(exported({"MessageInsightsDataSource": {**span, "Include": include}}, "JSON"))
    assert {row["MessageId"] for row in rows} > {name} and len(rows) == 2
    rows = json.loads(exported({"MessageInsightsDataSource": {**span, "Exclude": {"Isp": ["Other"]}}}, "JSON"))
    assert [row["Destination"] for row in rows] == ["ann@gmail.com"] * 2
    metrics = [{"Name": "PERMANENT_BOUNCE", "Aggregation": "RATE"}, {"Name": "DELIVERY", "Aggregation": "VOLUME"}]
    source = {"Dimensions": {"ISP": ["*"]}, "Namespace": "VDM", "Metrics": metrics, **span}
    lines = list(csv.DictReader(io.StringIO(exported({"MetricsDataSource": source}, "CSV").decode())))
    assert sum(int(line["DELIVERY_VOLUME"]) for line in lines) == 2
    assert float(lines[-1]["PERMANENT_BOUNCE_RATE"]) == 0.25
    jobs = second.list_export_jobs(ExportSourceType="METRICS_DATA")["ExportJobs"]
    assert len(jobs) == 1
    with refused("BadRequestException", "cannot be cancelled"):
        second.cancel_export_job(JobId=jobs[0]["JobId"])
    clock.advance(31 * DAY)
    send(post, GOOD)
    with refused("NotFoundException"):
        second.get_message_insights(MessageId=name)


def test_addresses_are_judged(post: Post, refused: Any) -> None:
    def verdicts(address: str) -> tuple[str, dict[str, str]]:
        told = post.second.get_email_address_insights(EmailAddress=address)["MailboxValidation"]
        found = {name: one["ConfidenceVerdict"] for name, one in told["Evaluations"].items()}
        return told["IsValid"]["ConfidenceVerdict"], found

    assert verdicts(FRIEND)[0] == "MEDIUM"
    send(post, FRIEND)
    assert verdicts(FRIEND)[0] == "HIGH"
    send(post, BOUNCE)
    assert verdicts(BOUNCE)[1]["MailboxExists"] == "LOW"
    assert verdicts("info@example.org")[1]["IsRoleAddress"] == "HIGH"
    assert verdicts("a@mailinator.com")[0] == "LOW"
    assert verdicts("xkqzvbtrwpl@example.org")[1]["IsRandomInput"] == "HIGH"
    assert verdicts("annabelle.miller@example.org")[1]["IsRandomInput"] == "LOW"
    # Auto Validation: what has too little chance is not even tried.
    threshold = {
        "ConditionThresholdEnabled": "ENABLED",
        "OverallConfidenceThreshold": {"ConfidenceVerdictThreshold": "HIGH"},
    }
    post.second.put_account_suppression_attributes(ValidationAttributes={"ConditionThreshold": threshold})
    name = send(post, "new@example.org")
    (event,) = post.second.get_message_insights(MessageId=name)["Insights"][0]["Events"][1:]
    assert event["Type"] == "BOUNCE"
    name = send(post, FRIEND)
    assert post.second.get_message_insights(MessageId=name)["Insights"][0]["Events"][1]["Type"] == "DELIVERY"


def test_a_tenant_whose_letters_bounce_is_stopped(post: Post, clock: CloudClock, refused: Any) -> None:
    second = post.second
    made = second.create_tenant(TenantName="t", SuppressionAttributes={"SuppressionScope": "TENANT"})
    arn = made["TenantArn"]
    identity = f"arn:aws:ses:us-east-1:{arn.split(':')[4]}:identity/{SENDER}"
    second.create_tenant_resource_association(TenantName="t", ResourceArn=identity)
    entity = {"ReputationEntityType": "RESOURCE", "ReputationEntityReference": arn}
    for _ in range(17):
        send(post, GOOD, TenantName="t")
    told = second.get_reputation_entity(**entity)["ReputationEntity"]
    assert (told["SendingStatusAggregate"], "ReputationImpact" in told) == ("ENABLED", False)
    for _ in range(3):
        send(post, BOUNCE, TenantName="t")
    told = second.get_reputation_entity(**entity)["ReputationEntity"]
    assert (told["SendingStatusAggregate"], told["ReputationImpact"]) == ("DISABLED", "HIGH")
    assert second.list_reputation_entities(Filter={"SENDING_STATUS": "DISABLED"})["ReputationEntities"]
    assert second.list_tenants(Filter={"SENDING_STATUS": "ENABLED"})["Tenants"] == []
    with refused("SendingPausedException"):
        send(post, GOOD, TenantName="t")
    (found,) = second.list_recommendations(Filter={"TYPE": "BOUNCE"})["Recommendations"]
    assert (found["ResourceArn"], found["Impact"]) == (identity, "HIGH")
    second.update_reputation_entity_customer_managed_status(**entity, SendingStatus="REINSTATED")
    send(post, GOOD, TenantName="t")
    second.update_reputation_entity_customer_managed_status(**entity, SendingStatus="ENABLED")
    policy = "arn:aws:ses:us-east-1:aws:reputation-policy/none"
    second.update_reputation_entity_policy(**entity, ReputationEntityPolicy=policy)
    send(post, GOOD, TenantName="t")
    with refused("BadRequestException"):
        second.update_reputation_entity_policy(**entity, ReputationEntityPolicy=policy + "s")


def test_a_tenant_has_a_suppression_list_of_its_own(post: Post, refused: Any) -> None:
    second = post.second
    made = second.create_tenant(TenantName="t")
    identity = f"arn:aws:ses:us-east-1:{made['TenantArn'].split(':')[4]}:identity/{SENDER}"
    second.create_tenant_resource_association(TenantName="t", ResourceArn=identity)
    second.put_suppressed_destination(EmailAddress=FRIEND, Reason="BOUNCE", TenantName="t")
    assert second.list_suppressed_destinations()["SuppressedDestinationSummaries"] == []
    (one,) = second.list_suppressed_destinations(TenantName="t")["SuppressedDestinationSummaries"]
    assert one["EmailAddress"] == FRIEND

    def last(**members: Any) -> str:
        name = send(post, FRIEND, **members)
        kind: str = second.get_message_insights(MessageId=name)["Insights"][0]["Events"][-1]["Type"]
        return kind

    assert last(TenantName="t") == "DELIVERY"  # the tenant still goes by the account's list
    second.put_tenant_suppression_attributes(TenantName="t", SuppressionScope="TENANT", SuppressedReasons=["BOUNCE"])
    assert (last(TenantName="t"), last()) == ("BOUNCE", "DELIVERY")
    second.create_configuration_set(ConfigurationSetName="set")
    options = {"SuppressedReasons": ["BOUNCE"], "SuppressionScope": "ACCOUNT"}
    second.put_configuration_set_suppression_options(ConfigurationSetName="set", **options)
    arn = identity.replace(f"identity/{SENDER}", "configuration-set/set")
    second.create_tenant_resource_association(TenantName="t", ResourceArn=arn)
    assert last(TenantName="t", ConfigurationSetName="set") == "DELIVERY"
    second.delete_suppressed_destination(EmailAddress=FRIEND, TenantName="t")
    with refused("NotFoundException"):
        second.get_suppressed_destination(EmailAddress=FRIEND, TenantName="t")
    with refused("NotFoundException"):
        second.list_suppressed_destinations(TenantName="nobody")


def test_letters_leave_from_two_regions_by_turns(post: Post, aws: Account, refused: Any) -> None:
    second, there = post.second, aws.client("sesv2", region_name="eu-west-1")
    there.create_email_identity(EmailIdentity=SENDER)
    there.put_account_details(MailType="TRANSACTIONAL", WebsiteURL="https://example.com", ProductionAccessEnabled=True)
    with refused("BadRequestException"):
        second.create_multi_region_endpoint(EndpointName="e", Details={"RoutesDetails": [{"Region": "us-east-1"}]})
    details = {"RoutesDetails": [{"Region": "eu-west-1"}]}
    number = second.create_multi_region_endpoint(EndpointName="e", Details=details)["EndpointId"]
    with refused("AlreadyExistsException"):
        second.create_multi_region_endpoint(EndpointName="e", Details=details)
    sent = [send(post, GOOD, EndpointId=number) for _ in range(4)]
    here = [client.get_account()["SendQuota"]["SentLast24Hours"] for client in (second, there)]
    assert here == [2.0, 2.0] and len(set(sent)) == 4
    (one,) = second.list_multi_region_endpoints()["MultiRegionEndpoints"]
    assert one["Regions"] == ["us-east-1", "eu-west-1"]
    assert second.get_multi_region_endpoint(EndpointName="e")["Routes"][1] == {"Region": "eu-west-1"}
    second.delete_multi_region_endpoint(EndpointName="e")
    with refused("BadRequestException"):
        send(post, GOOD, EndpointId=number)


def test_the_deliverability_dashboard(post: Post, clock: CloudClock, refused: Any) -> None:
    second = post.second
    domain = "shop.example"
    second.create_email_identity(EmailIdentity=domain)
    sender = f"news@{domain}"
    with refused("NotFoundException"):
        second.put_deliverability_dashboard_option(DashboardEnabled=True, SubscribedDomains=[{"Domain": "x.example"}])
    span = {"StartDate": clock.now() - DAY, "EndDate": clock.now() + DAY}
    with refused("NotFoundException"):
        second.get_domain_statistics_report(Domain=domain, **span)
    second.put_deliverability_dashboard_option(DashboardEnabled=True, SubscribedDomains=[{"Domain": domain}])
    assert second.get_deliverability_dashboard_options()["AccountStatus"] == "ACTIVE"
    for to in (GOOD, "ann@gmail.com", COMPLAINT):
        send(post, to, FromEmailAddress=sender)
    told = second.get_domain_statistics_report(Domain=domain, **span)
    volume = told["OverallVolume"]["VolumeStatistics"]
    assert (volume["InboxRawCount"], volume["SpamRawCount"]) == (2, 1)
    assert {one["IspName"] for one in told["OverallVolume"]["DomainIspPlacements"]} == {"Gmail", "Other"}
    (campaign,) = second.list_domain_deliverability_campaigns(SubscribedDomain=domain, **span)[
        "DomainDeliverabilityCampaigns"
    ]
    assert (campaign["Subject"], campaign["InboxCount"], campaign["SpamCount"]) == ("News", 2, 1)
    again = second.get_domain_deliverability_campaign(CampaignId=campaign["CampaignId"])
    assert again["DomainDeliverabilityCampaign"]["InboxCount"] == 2
    assert second.get_blacklist_reports(BlacklistItemNames=["192.0.2.1"])["BlacklistReport"] == {"192.0.2.1": []}

    def tested(text: str) -> dict[str, float]:
        content = {"Simple": {"Subject": {"Data": "Try"}, "Body": {"Text": {"Data": text}}}}
        made = second.create_deliverability_test_report(FromEmailAddress=sender, Content=content)
        assert made["DeliverabilityTestStatus"] == "IN_PROGRESS"
        clock.advance(DAY)
        told = second.get_deliverability_test_report(ReportId=made["ReportId"])
        assert told["DeliverabilityTestReport"]["DeliverabilityTestStatus"] == "COMPLETED"
        placement: dict[str, float] = told["OverallPlacement"]
        return placement

    good = tested("Hello")
    assert (good["InboxPercentage"], good["DkimPercentage"], good["SpamPercentage"]) == (100.0, 100.0, 0.0)
    spam = tested("XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X")
    assert (spam["InboxPercentage"], spam["SpamPercentage"]) == (0.0, 100.0)
    assert len(second.list_deliverability_test_reports()["DeliverabilityTestReports"]) == 2


def test_letters_are_signed_by_a_certificate(post: Post, aws: Account, clock: CloudClock, refused: Any) -> None:
    """S/MIME: the certificate of the address signs, where the configuration set says so."""
    second, acm, authority = post.second, aws.client("acm"), aws.client("acm-pca")
    subject = {"CommonName": "root.example"}
    config = {"KeyAlgorithm": "EC_prime256v1", "SigningAlgorithm": "SHA256WITHECDSA", "Subject": subject}
    root = authority.create_certificate_authority(
        CertificateAuthorityConfiguration=config, CertificateAuthorityType="ROOT"
    )["CertificateAuthorityArn"]
    clock.advance(1)
    csr = authority.get_certificate_authority_csr(CertificateAuthorityArn=root)["Csr"]
    own = authority.issue_certificate(
        CertificateAuthorityArn=root,
        Csr=csr.encode(),
        SigningAlgorithm="SHA256WITHECDSA",
        TemplateArn="arn:aws:acm-pca:::template/RootCACertificate/V1",
        Validity={"Value": 10, "Type": "YEARS"},
    )["CertificateArn"]
    clock.advance(1)
    pem = authority.get_certificate(CertificateAuthorityArn=root, CertificateArn=own)["Certificate"]
    authority.import_certificate_authority_certificate(CertificateAuthorityArn=root, Certificate=pem.encode())
    arn = acm.request_certificate(DomainName="mail.example.com", CertificateAuthorityArn=root)["CertificateArn"]
    clock.advance(60)
    with refused("BadRequestException"):
        second.associate_email_identity_certificate(
            EmailIdentity=SENDER, FromAddress="else@example.com", CertificateArn=arn
        )
    second.associate_email_identity_certificate(EmailIdentity=SENDER, CertificateArn=arn)
    with refused("AlreadyExistsException"):
        second.associate_email_identity_certificate(EmailIdentity=SENDER, CertificateArn=arn)
    (held,) = second.list_email_identity_certificates(EmailIdentity=SENDER)["Certificates"]
    assert (held["Status"], held["FromAddress"]) == ("ACTIVE", SENDER)
    second.create_configuration_set(ConfigurationSetName="set")
    assert not post.raw(send(post, FRIEND, ConfigurationSetName="set")).is_multipart()
    scheme = {"SigningScheme": {"SmimeScheme": {"SignatureFormat": "DETACHED"}}}
    second.update_configuration_set(ConfigurationSetName="set", MessageSecurityOptions=scheme)
    name = send(post, FRIEND, ConfigurationSetName="set")
    letter = post.raw(name)
    assert letter.get_content_type() == "multipart/signed"
    text, signature = letter.iter_parts()
    assert text.get_content().strip() == "Hello"
    leaf = acm.get_certificate(CertificateArn=arn)["Certificate"]
    assert re.sub(r"\s", "", leaf) in re.sub(r"\s", "", "".join(pems(signature)))
    if openssl := shutil.which("openssl"):  # which says whether the signature is good
        with urllib.request.urlopen(f"{post.account.cloud.endpoint}/_pileus/mail/{name}") as answer:
            verify = [openssl, "cms", "-verify", "-noverify"]
            told = subprocess.run(verify, input=answer.read(), capture_output=True, check=False)
        assert told.returncode == 0, told.stderr
        assert b"Hello" in told.stdout
    second.disassociate_email_identity_certificate(EmailIdentity=SENDER)
    assert not post.raw(send(post, FRIEND, ConfigurationSetName="set")).is_multipart()


def pems(signature: Any) -> Iterator[str]:
    for one in pkcs7.load_der_pkcs7_certificates(signature.get_payload(decode=True)):
        yield one.public_bytes(Encoding.PEM).decode()


def test_small_settings(post: Post, refused: Any) -> None:
    second = post.second
    second.put_account_pricing_attributes(Plan="PRO")
    assert second.get_account()["PricingAttributes"] == {"CurrentPlan": "PRO"}
    with refused("NotFoundException"):
        second.put_dedicated_ip_warmup_attributes(Ip="192.0.2.1", WarmupPercentage=10)
    for name in ("alpha", "beta"):
        second.create_configuration_set(ConfigurationSetName=name)
    told = second.list_configuration_sets(Filter={"CONFIGURATION_SET_NAME_CONTAINS": "et"})
    assert told["ConfigurationSets"] == ["beta"]
    second.put_configuration_set_archiving_options(ConfigurationSetName="beta")
    archive = "arn:aws:ses:us-east-1:111122223333:mailmanager-archive/a-000000000000000000000000"
    with refused("NotImplemented"):  # archives are Mail Manager's
        second.put_configuration_set_archiving_options(
            ConfigurationSetName="beta",
            ArchiveArn=archive,
        )
    content = {"Subject": "s", "Text": "t"}
    second.create_email_template(TemplateName="t", TemplateContent=content, Tags=[{"Key": "a", "Value": "b"}])
    arn = f"arn:aws:ses:us-east-1:{post.account.id}:template/t"
    assert second.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]


def test_the_sender_hears_of_bounces_and_complaints(post: Post, clock: CloudClock, refused: Any) -> None:
    """Email feedback forwarding: on by default, to the sender or whom the letter names."""
    second = post.second
    second.create_email_identity(EmailIdentity="desk@example.com")
    send(post, BOUNCE)
    send(post, COMPLAINT, FeedbackForwardingEmailAddress="desk@example.com")
    with refused("MessageRejected"):
        send(post, BOUNCE, FeedbackForwardingEmailAddress="nobody@example.com")
    clock.advance(1)
    told = {one["subject"]: one for one in post.letters() if one["from"].startswith("MAILER-DAEMON")}
    bounce, complaint = (told[subject] for subject in sorted(told, reverse=True))
    assert (bounce["to"], complaint["to"]) == ([SENDER], ["desk@example.com"])
    text, status, head = post.raw(bounce["id"]).iter_parts()
    assert BOUNCE in text.get_content()
    assert status.get_payload()[1]["Final-Recipient"] == f"rfc822; {BOUNCE}"
    assert "Subject: News" in head.get_content()
    assert post.raw(complaint["id"]).get_param("report-type") == "feedback-report"
    post.first.send_email(
        Source=SENDER,
        ReturnPath="desk@example.com",
        Destination={"ToAddresses": [BOUNCE]},
        Message={"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}},
    )
    clock.advance(1)
    assert ["desk@example.com"] in [one["to"] for one in post.letters()[-2:]]
    topic, _ = post.topic()
    for kind in ("Bounce", "Complaint"):
        post.first.set_identity_notification_topic(Identity=SENDER, NotificationType=kind, SnsTopic=topic)
    post.first.set_identity_feedback_forwarding_enabled(Identity=SENDER, ForwardingEnabled=False)
    before = len(post.letters())
    send(post, BOUNCE)
    clock.advance(1)
    assert len(post.letters()) == before + 1
