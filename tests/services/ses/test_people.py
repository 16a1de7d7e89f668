"""Letters to people who have a say: custom verification, contact lists; and what is kept of an account beside."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from typing import Any

import pytest

from pileus.testing.account import Account

from .test_sending import FRIEND, SENDER, Post

WORDS = {
    "TemplateName": "ask",
    "FromEmailAddress": SENDER,
    "TemplateSubject": "Are you there?",
    "TemplateContent": "<p>Please say so.</p>",
    "SuccessRedirectionURL": "https://example.com/yes",
    "FailureRedirectionURL": "https://example.com/no",
}


@pytest.fixture
def post(aws: Account) -> Post:
    return Post(aws)


def granted(post: Post) -> None:
    post.second.put_account_details(
        MailType="TRANSACTIONAL", WebsiteURL="https://example.com", ProductionAccessEnabled=True
    )


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **named: Any) -> None:
        return None


def led_to(link: str) -> str:
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.build_opener(Stay).open(link)
    assert answer.value.code == 302
    return str(answer.value.headers["Location"])


def test_an_address_is_asked_in_ones_own_words(post: Post, clock: Any, refused: Any) -> None:
    post.first.create_custom_verification_email_template(**WORDS)
    with refused("ProductionAccessNotGranted"):
        post.first.send_custom_verification_email(EmailAddress="eve@example.net", TemplateName="ask")
    granted(post)
    name = post.second.send_custom_verification_email(EmailAddress="eve@example.net", TemplateName="ask")["MessageId"]
    letter = post.raw(name)
    assert (letter["From"], letter["To"], letter["Subject"]) == (SENDER, "eve@example.net", "Are you there?")
    assert "Please say so." in letter.get_content()
    link = re.search(r'href="([^"]+)"', letter.get_content())[1]  # type: ignore[index]
    assert led_to(link) == "https://example.com/yes"
    assert "eve@example.net" in post.first.list_identities()["Identities"]
    clock.advance(86401)
    assert led_to(link) == "https://example.com/no"


def test_templates_of_verification_are_kept(post: Post, refused: Any) -> None:
    post.second.create_custom_verification_email_template(**WORDS, Tags=[{"Key": "team", "Value": "red"}])
    with refused("CustomVerificationEmailTemplateAlreadyExists"):
        post.first.create_custom_verification_email_template(**WORDS)
    with refused("FromEmailAddressNotVerified"):
        post.first.create_custom_verification_email_template(
            **WORDS | {"TemplateName": "b", "FromEmailAddress": "x@stranger.example"}
        )
    post.first.update_custom_verification_email_template(TemplateName="ask", TemplateSubject="Hello?")
    told = post.second.get_custom_verification_email_template(TemplateName="ask")
    assert {key: told[key] for key in WORDS} == WORDS | {"TemplateSubject": "Hello?"}
    (listed,) = post.first.list_custom_verification_email_templates()["CustomVerificationEmailTemplates"]
    assert listed["TemplateName"] == "ask" and "TemplateContent" not in listed
    arn = f"arn:aws:ses:us-east-1:{post.account.id}:custom-verification-email-template/ask"
    assert post.second.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "red"}]
    post.first.delete_custom_verification_email_template(TemplateName="ask")
    with refused("NotFoundException"):
        post.second.get_custom_verification_email_template(TemplateName="ask")


def make_list(post: Post) -> None:
    topics = [
        {"TopicName": "news", "DisplayName": "News", "DefaultSubscriptionStatus": "OPT_IN"},
        {"TopicName": "offers", "DisplayName": "Offers", "DefaultSubscriptionStatus": "OPT_OUT"},
    ]
    post.second.create_contact_list(ContactListName="people", Topics=topics, Description="all of them")


def send(post: Post, topic: str = "", to: str = FRIEND) -> str:
    body = {"Text": {"Data": "No more: {{amazonSESUnsubscribeUrl}} ."}}
    options = {"ContactListName": "people"} | ({"TopicName": topic} if topic else {})
    name: str = post.second.send_email(
        FromEmailAddress=SENDER,
        Destination={"ToAddresses": [to]},
        Content={"Simple": {"Subject": {"Data": "news"}, "Body": body}},
        ListManagementOptions=options,
    )["MessageId"]
    return name


def test_contacts_and_their_topics(post: Post, refused: Any) -> None:
    make_list(post)
    second = post.second
    with refused("LimitExceededException"):
        second.create_contact_list(ContactListName="more")
    pick = [{"TopicName": "offers", "SubscriptionStatus": "OPT_IN"}]
    second.create_contact(ContactListName="people", EmailAddress="a@example.com", TopicPreferences=pick)
    second.create_contact(ContactListName="people", EmailAddress="b@example.com", AttributesData="{}")
    second.create_contact(ContactListName="people", EmailAddress="c@example.com", UnsubscribeAll=True)
    with refused("AlreadyExistsException"):
        second.create_contact(ContactListName="people", EmailAddress="a@example.com")
    with refused("BadRequestException"):
        unknown = [{"TopicName": "x", "SubscriptionStatus": "OPT_IN"}]
        second.create_contact(ContactListName="people", EmailAddress="d@example.com", TopicPreferences=unknown)

    def found(**filter: Any) -> str:
        told = second.list_contacts(ContactListName="people", Filter=filter)["Contacts"]
        return "".join(one["EmailAddress"][0] for one in told)

    assert found() == "abc"
    assert (found(FilteredStatus="OPT_IN"), found(FilteredStatus="OPT_OUT")) == ("ab", "c")
    said = {"TopicName": "offers"}
    assert found(FilteredStatus="OPT_IN", TopicFilter=said) == "a"
    defaulted = said | {"UseDefaultIfPreferenceUnavailable": True}
    assert found(FilteredStatus="OPT_OUT", TopicFilter=defaulted) == "bc"
    told = second.get_contact(ContactListName="people", EmailAddress="b@example.com")
    assert (told["AttributesData"], told["TopicPreferences"], told["UnsubscribeAll"]) == ("{}", [], False)
    assert {one["TopicName"] for one in told["TopicDefaultPreferences"]} == {"news", "offers"}
    second.update_contact(ContactListName="people", EmailAddress="b@example.com", UnsubscribeAll=True)
    assert found(FilteredStatus="OPT_OUT") == "bc"
    second.delete_contact(ContactListName="people", EmailAddress="b@example.com")
    with refused("NotFoundException"):
        second.get_contact(ContactListName="people", EmailAddress="b@example.com")
    second.delete_contact_list(ContactListName="people")
    assert second.list_contact_lists()["ContactLists"] == []


def test_who_follows_the_link_gets_no_more(post: Post, clock: Any, refused: Any) -> None:
    make_list(post)
    topic, heard = post.topic()
    post.first.set_identity_notification_topic(Identity=SENDER, NotificationType="Bounce", SnsTopic=topic)
    letter = post.raw(send(post, "news"))
    link = letter["List-Unsubscribe"].strip("<>")
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"No more: {link} ." in letter.get_content().replace("\n", "")
    assert post.second.get_contact(ContactListName="people", EmailAddress=FRIEND)["TopicPreferences"] == []
    with urllib.request.urlopen(link) as page:
        assert b"<button" in page.read()
    clock.advance(1)
    assert heard() == []
    with urllib.request.urlopen(urllib.request.Request(link, data=b"List-Unsubscribe=One-Click")) as page:
        assert page.status == 200
    told = post.second.get_contact(ContactListName="people", EmailAddress=FRIEND)
    assert told["TopicPreferences"] == [{"TopicName": "news", "SubscriptionStatus": "OPT_OUT"}]
    send(post, "news")
    send(post)
    clock.advance(1)
    (bounce,) = heard()
    assert bounce["bounce"]["bounceSubType"] == "UnsubscribedRecipient"
    with refused("NotFoundException"):
        send(post, "x")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(link[:-3] + "abc")


def test_a_tenant_uses_what_is_for_it(post: Post, refused: Any) -> None:
    second = post.second
    tenant = second.create_tenant(TenantName="t", Tags=[{"Key": "team", "Value": "red"}])
    arn = f"arn:aws:ses:us-east-1:{post.account.id}:identity/{SENDER}"

    def write() -> None:
        content = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "b"}}}}
        to = {"ToAddresses": [FRIEND]}
        second.send_email(FromEmailAddress=SENDER, Destination=to, Content=content, TenantName="t")

    with refused("BadRequestException", "is not associated with tenant"):
        write()
    second.create_tenant_resource_association(TenantName="t", ResourceArn=arn)
    write()
    with refused("AlreadyExistsException"):
        second.create_tenant_resource_association(TenantName="t", ResourceArn=arn)
    resources = second.list_tenant_resources(TenantName="t")["TenantResources"]
    assert resources == [{"ResourceType": "EMAIL_IDENTITY", "ResourceArn": arn}]
    assert (
        second.list_tenant_resources(TenantName="t", Filter={"RESOURCE_TYPE": "EMAIL_TEMPLATE"})["TenantResources"]
        == []
    )
    (one,) = second.list_resource_tenants(ResourceArn=arn)["ResourceTenants"]
    assert one["TenantId"] == tenant["TenantId"]
    assert second.list_tags_for_resource(ResourceArn=tenant["TenantArn"])["Tags"] == tenant["Tags"]
    second.delete_tenant(TenantName="t")
    assert second.list_resource_tenants(ResourceArn=arn)["ResourceTenants"] == []
    with refused("NotFoundException"):
        write()


def test_pools_have_no_addresses(post: Post, refused: Any) -> None:
    second = post.second
    second.create_dedicated_ip_pool(PoolName="p", ScalingMode="MANAGED")
    assert second.get_dedicated_ip_pool(PoolName="p")["DedicatedIpPool"]["ScalingMode"] == "MANAGED"
    with refused("BadRequestException"):
        second.put_dedicated_ip_pool_scaling_attributes(PoolName="p", ScalingMode="STANDARD")
    assert second.get_dedicated_ips(PoolName="p")["DedicatedIps"] == []
    second.create_configuration_set(ConfigurationSetName="s")
    second.put_configuration_set_delivery_options(ConfigurationSetName="s", SendingPoolName="p")
    told = second.get_configuration_set(ConfigurationSetName="s")["DeliveryOptions"]
    assert told == {"TlsPolicy": "OPTIONAL", "SendingPoolName": "p"}
    with refused("NotFoundException"):
        second.put_configuration_set_delivery_options(ConfigurationSetName="s", SendingPoolName="x")
    second.delete_dedicated_ip_pool(PoolName="p")
    assert second.list_dedicated_ip_pools()["DedicatedIpPools"] == []


def test_tracking_options_by_the_first_api(post: Post, refused: Any) -> None:
    first = post.first
    first.create_configuration_set(ConfigurationSet={"Name": "s"})
    named = {"ConfigurationSetName": "s"}
    with refused("TrackingOptionsDoesNotExistException"):
        first.update_configuration_set_tracking_options(**named, TrackingOptions={"CustomRedirectDomain": "x.example"})
    domain = {"CustomRedirectDomain": "click.example.com"}
    first.create_configuration_set_tracking_options(**named, TrackingOptions=domain)
    with refused("TrackingOptionsAlreadyExistsException"):
        first.create_configuration_set_tracking_options(**named, TrackingOptions=domain)
    told = first.describe_configuration_set(**named, ConfigurationSetAttributeNames=["trackingOptions"])
    assert told["TrackingOptions"] == domain
    first.delete_configuration_set_tracking_options(**named)
    with refused("TrackingOptionsDoesNotExistException"):
        first.delete_configuration_set_tracking_options(**named)


def imported(post: Post, data: str, kind: str, destination: dict[str, Any]) -> dict[str, Any]:
    """What became of a job that takes in a file."""
    s3, bucket = post.account.client("s3"), f"lists-{post.account.id}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="in/list", Body=data.encode())
    source = {"S3Url": f"s3://{bucket}/in/list", "DataFormat": kind}
    name = post.second.create_import_job(ImportDestination=destination, ImportDataSource=source)["JobId"]
    post.account.cloud.clock.advance(1)
    told: dict[str, Any] = post.second.get_import_job(JobId=name)
    return told


def test_suppressed_addresses_come_from_a_file(post: Post) -> None:
    lines = "a@example.com,BOUNCE\nb@example.com,COMPLAINT\nnobody,BOUNCE\nc@example.com,WHY\n"
    to = {"SuppressionListDestination": {"SuppressionListImportAction": "PUT"}}
    told = imported(post, lines, "CSV", to)
    assert (told["JobStatus"], told["ProcessedRecordsCount"], told["FailedRecordsCount"]) == ("COMPLETED", 4, 2)
    held = post.second.list_suppressed_destinations()["SuppressedDestinationSummaries"]
    assert [(one["EmailAddress"], one["Reason"]) for one in held] == [
        ("a@example.com", "BOUNCE"),
        ("b@example.com", "COMPLAINT"),
    ]
    to = {"SuppressionListDestination": {"SuppressionListImportAction": "DELETE"}}
    imported(post, '{"emailAddress": "a@example.com"}\n', "JSON", to)
    held = post.second.list_suppressed_destinations()["SuppressedDestinationSummaries"]
    assert [one["EmailAddress"] for one in held] == ["b@example.com"]
    assert len(post.second.list_import_jobs(ImportDestinationType="SUPPRESSION_LIST")["ImportJobs"]) == 2


def test_contacts_come_from_a_file(post: Post, refused: Any) -> None:
    to = {"ContactListDestination": {"ContactListName": "people", "ContactListImportAction": "PUT"}}
    with refused("BadRequestException"):
        imported(post, "", "CSV", to)
    make_list(post)
    rows = (
        "emailAddress,unsubscribeAll,attributesData,topicPreferences.news,topicPreferences.offers\n"
        'a@example.com,false,"{""name"": ""Ada""}",OPT_OUT,OPT_IN\n'
        "b@example.com,true,,,\n"
        "c@example.com,false,,MAYBE,\n"
    )
    assert imported(post, rows, "CSV", to)["FailedRecordsCount"] == 1
    told = post.second.get_contact(ContactListName="people", EmailAddress="a@example.com")
    assert told["AttributesData"] == '{"name": "Ada"}'
    assert {one["TopicName"]: one["SubscriptionStatus"] for one in told["TopicPreferences"]} == {
        "news": "OPT_OUT",
        "offers": "OPT_IN",
    }
    assert post.second.get_contact(ContactListName="people", EmailAddress="b@example.com")["UnsubscribeAll"] is True


def test_a_file_that_is_not_there(post: Post) -> None:
    to = {"SuppressionListDestination": {"SuppressionListImportAction": "PUT"}}
    source = {"S3Url": "s3://nowhere-at-all/list", "DataFormat": "CSV"}
    name = post.second.create_import_job(ImportDestination=to, ImportDataSource=source)["JobId"]
    post.account.cloud.clock.advance(1)
    told = post.second.get_import_job(JobId=name)
    assert told["JobStatus"] == "FAILED" and told["FailureInfo"]["ErrorMessage"]
